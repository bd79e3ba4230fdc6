/* tree: repos/REPO/<commit>/, a directory of real names whose files are symbolic links into blobs/.
 *
 * This is what `larder get` prints, and what from_pretrained loads. Paths come from the hub, so they are checked: relative, no empty, "." or ".."
 * component, no control characters, bounded. Blocks on the disk; any thread.
 */
#ifndef LARDER_STORE_TREE_H
#define LARDER_STORE_TREE_H

#include "store/digest.h"
#include "store/store.h"

#define TREE_PATH_MAX 1024 /* bytes of a path inside a repo */

/* Whether `path` may become a path below a directory of ours. */
bool tree_path_is_safe(const char *path);

/* Absolute path of the tree, to be freed with free(). `repo` is "ORG/NAME", "datasets/ORG/NAME" ... ERR_INVALID for unsafe ones. */
enum err tree_dir(struct store *store, const char *repo, const char *commit, char **ret_path, struct why *why) LARDER_MUST_USE;

/* Link `path` to a held blob, making directories as needed and replacing what is there atomically. ERR_INVALID, ERR_NO_SPACE, ERR_IO. A name that is a file in one
 * and a directory in another listing of the same commit cannot be: ERR_EXISTS. */
enum err tree_link(struct store *store, const char *repo, const char *commit, const char *path, const struct digest *digest,
		   struct why *why) LARDER_MUST_USE;

#endif
