/* download: brings the chosen files of a listing into the store and to where the person wants them.
 *
 * At most DOWNLOADS_AT_ONCE at a time; those that are held first, then large ones (in half of the places) beside small ones, so that neither wait for the other. Each file is
 * linked into its tree, and copied to its target, as soon as it is proven. The first failure stops the rest. Main thread; blocks (session_run).
 */
#ifndef LARDER_CLI_DOWNLOAD_H
#define LARDER_CLI_DOWNLOAD_H

#include "cli/hf_cache.h"
#include "cli/session.h"

#define DOWNLOADS_AT_ONCE 8

/* Besides the tree in the store. At most one of both. */
struct download_target {
	const char *dir;        /* real files below it; NULL: none */
	struct hf_cache *cache; /* NULL: none */
	bool force;             /* replace what is there with other content */
};

struct download_file {
	const struct hub_file *file; /* set by the caller, as is the next */
	bool is_held;                /* as far as the index knows */
	/* The answers. */
	bool was_held;
	struct digest digest; /* SHA-256; when it came */
	uint64_t bytes_from_hub, bytes_from_peers, bytes_wasted;
};

struct download_order {
	const struct hub_listing *listing;
	const char *repo; /* "datasets/ORG/NAME" */
	struct download_target target;
	struct download_file *files; /* are put in another order */
	size_t count;
};

/* The failures are those of supply.h, tree.h, blob_export(); of several the first is returned, and the others are told. ERR_CANCELLED after Ctrl-C. After supply_open(). */
enum err download(struct session *session, struct download_order *order, struct why *why) LARDER_MUST_USE;

#endif
