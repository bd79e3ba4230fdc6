/* intake: the store's side of a fetch: one file of the hub on its way to being a proven blob.
 *
 * The blocking half of fetch.h, for a worker thread: looks whether the file is held, opens its partial blob, takes its chunks, and commits. A file outside LFS has only a
 * git blob id: it comes in order, is hashed both ways while it passes, and is kept under its SHA-256 with the git id as an alias. One thread at a time; everything blocks.
 */
#ifndef LARDER_NODE_INTAKE_H
#define LARDER_NODE_INTAKE_H

#include "node/hub.h"
#include "store/partial.h"

struct intake;

/* `file` and `repo` (for sentences) are borrowed while the intake lives. NULL: out of memory. */
struct intake *intake_create(struct store *store, const struct hub_file *file, const char *repo);
/* Closes without committing: a partial blob with a known SHA-256 stays for the next time.. NULL is fine. */
void intake_destroy(struct intake *intake);

/* ERR_OK: either it is held (intake_is_held) or intake_partial() is open. ERR_BUSY: another process is at it; try again. Others as partial_open. */
enum err intake_open(struct intake *intake, struct why *why) LARDER_MUST_USE;
bool intake_is_held(const struct intake *intake);
/* Borrowed; NULL unless open. */
const struct partial *intake_partial(const struct intake *intake);
struct partial *intake_partial_to_change(struct intake *intake);
/* Forget what was put, to be opened again. For files outside LFS. */
void intake_restart(struct intake *intake);

/* One chunk. ERR_UNPROVEN: the sentence names the file, the expected and the found digest; when it is the whole that is wrong, nothing of it is kept. */
enum err intake_put(struct intake *intake, uint64_t index, const uint8_t *data, size_t len, struct why *why) LARDER_MUST_USE;

/* All chunks are in: make it a blob. ERR_UNPROVEN as above. */
enum err intake_commit(struct intake *intake, struct why *why) LARDER_MUST_USE;

/* The blob's digest, once held or committed. */
const struct digest *intake_digest(const struct intake *intake);

#endif
