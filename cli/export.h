/* export: real files outside the store, in a directory that the person named.
 *
 * Copies or reflinks, never links into the store. Blocks on the disk; any thread.
 */
#ifndef LARDER_CLI_EXPORT_H
#define LARDER_CLI_EXPORT_H

#include "store/blob.h"

/* Make every directory above the last component of `path`. */
enum err export_make_parents(const char *path, struct why *why) LARDER_MUST_USE;

/* ERR_EXISTS when a directory that `path` leads through below `dir` is a symbolic link: nothing is written through those. */
enum err export_check_way(const char *dir, const char *path, struct why *why) LARDER_MUST_USE;

/* Put the blob at `dir`/`path`, making directories as needed; `dir` may be a symbolic link, but no directory below it (export_check_way()).
 * A file that is there with the same bytes is left alone; one with others is replaced only with `force`, else ERR_EXISTS with the remedy.
 * `progress` and `cancel` as in blob_export(). */
enum err export_file(struct store *store, struct blob *blob, const char *dir, const char *path, bool force, uint64_t *progress,
		     const bool *cancel, struct why *why) LARDER_MUST_USE;

/* The same with the whole path of the file as the person gave it. */
enum err export_to(struct store *store, struct blob *blob, const char *target, bool force, uint64_t *progress, const bool *cancel,
		   struct why *why) LARDER_MUST_USE;

#endif
