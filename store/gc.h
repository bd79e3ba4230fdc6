/* gc: keeps the store within its quota, and free of leftovers.
 *
 * Least recently used blobs go first; pinned ones and those in use (by any process) stay. Blocks on the disk.
 */
#ifndef LARDER_STORE_GC_H
#define LARDER_STORE_GC_H

#include "store/store.h"

struct gc_result {
	uint64_t blobs, bytes;       /* evicted */
	uint64_t partials, partial_bytes; /* abandoned downloads removed */
	uint64_t links;              /* dangling links removed from trees */
};

/* Make the quota hold with `need` more bytes to come. What is of no use to anybody goes in any case; then blobs, then partial blobs that nobody holds, oldest
 * first. Nothing of these goes when all of them would not be enough. ERR_NO_SPACE with a sentence (needed, free, reserved, pinned) when it cannot be done. */
enum err gc_make_room(struct store *store, uint64_t need, struct gc_result *ret_result, struct why *why) LARDER_MUST_USE;

/* What `larder gc` does: the quota as above, partial blobs untouched for `partial_age_s` and held by nobody, data files without an index record
 * (checked and taken into the index again when their bytes prove to be their name, else removed), dangling links, empty directories. `dry_run` only counts. */
enum err gc_run(struct store *store, int64_t partial_age_s, bool dry_run, struct gc_result *ret_result, struct why *why) LARDER_MUST_USE;

#endif
