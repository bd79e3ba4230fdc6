/* hub_listing: the hub's JSON about repos, as listings, and listings as the JSON in which they are remembered.
 *
 * Pure, except that they allocate; any thread. What is parsed comes from outside: nonsense is ERR_INVALID with a sentence that completes "the hub ... answers with".
 */
#ifndef LARDER_NODE_HUB_LISTING_H
#define LARDER_NODE_HUB_LISTING_H

#include "node/hub.h"

#define HUB_REPO_MAX 256 /* bytes of "ORG/NAME" */

/* "ORG/NAME" or "NAME" of letters, digits, '-', '_', '.', which is what hubs allow; no "." or "..". */
bool hub_repo_is_valid(const char *repo);

/* What the repo info (/api/TYPE/REPO/revision/REV) says. */
struct hub_info {
	char commit[41];
	char repo[HUB_REPO_MAX + 1]; /* "" when it does not say */
	enum visibility visibility;  /* public: says that it is not private, and not that it is gated */
};
enum err hub_info_parse(const char *json, size_t len, struct hub_info *ret_info, struct why *why) LARDER_MUST_USE;

/* What of the pages is not in the listing: paths that tree_path_is_safe() refuses, and directories. */
struct hub_left_out {
	size_t unsafe, directories;
};
/* Add the files of one page of a tree (or of paths-info, which has the same form), and to *left_out how many entries were left out.
 * ERR_INVALID, ERR_LIMIT (HUB_FILES_MAX), ERR_NO_MEMORY: the listing may have some of the page's files then. */
enum err hub_listing_add_page(struct hub_listing *listing, const char *json, size_t len, struct hub_left_out *left_out, struct why *why) LARDER_MUST_USE;
/* ERR_LIMIT, ERR_NO_MEMORY. `path` is copied. */
enum err hub_listing_add_file(struct hub_listing *listing, const char *path, uint64_t size, const struct digest *digest) LARDER_MUST_USE;
/* After the last page, or any: by path. A file listed twice is kept once; ERR_INVALID where the two differ. */
enum err hub_listing_sort(struct hub_listing *listing, struct why *why) LARDER_MUST_USE;

/* In a sorted listing; NULL: not there. */
const struct hub_file *hub_listing_find(const struct hub_listing *listing, const char *path);

/* Add the listing as JSON: repo, commit, visibility and the files as a tree page has them. Errors of buf_add(). */
enum err hub_listing_write(const struct hub_listing *listing, struct buf *out) LARDER_MUST_USE;
/* Back again; *ret_listing has no type, remembered and at_s yet. Release it. */
enum err hub_listing_read(const char *json, size_t len, struct hub_listing *ret_listing, struct why *why) LARDER_MUST_USE;

#endif
