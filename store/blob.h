/* blob: a proven blob of the store: finding, reading, checking, repairing and removing it.
 *
 * An existing name proves nothing: a blob counts as held while the index knows it as proven and its file has the identity (inode, size,
 * times of modification and of change) that it had then. Where the identity changed, the whole is checked again first. Reading checks each
 * chunk's link before a byte of it is given out; blob_read_known_chunk() is for those that were checked before.
 * Where links do not hold because the chain is wrong and not the file, the chain is made anew. What is found damaged is withdrawn at once: it
 * becomes a partial blob (partial.h) that has its good chunks and its chain, so that the next fetch repairs it at the cost of the bad chunks
 * alone; a line in the log says so.
 */
#ifndef LARDER_STORE_BLOB_H
#define LARDER_STORE_BLOB_H

#include "store/chain.h"
#include "store/index.h"
#include "store/store.h"

struct blob;
struct pool;

/* Open a held blob and lock it for use: gc and rm leave it alone until blob_close(). Marks it as used now. ERR_NOT_FOUND when it is not held
 * (or was found damaged just now). The empty blob is always held. */
enum err blob_open(struct store *store, const struct digest *digest, struct blob **ret_blob, struct why *why) LARDER_MUST_USE;
void blob_close(struct blob *blob);

uint64_t blob_size(const struct blob *blob);
const struct digest *blob_digest(const struct blob *blob);
enum visibility blob_visibility(const struct blob *blob); /* as it was known when it was opened */
int blob_fd(const struct blob *blob); /* borrowed; bytes read through it are unchecked */
const struct chain *blob_chain(const struct blob *blob); /* borrowed */
/* Whether the file had names elsewhere (adopt.h) when it was opened: then others may write to it at any time, and bytes of it are only good once they were checked in memory that is nobody
 * else's, as blob_read_chunk() and blob_export() do; never map it or send it from the file. */
bool blob_is_linked(const struct blob *blob);
/* Absolute path of the file; borrowed. */
const char *blob_path(const struct blob *blob);

/* Read chunk `index` whole into `data` (room for CHAIN_CHUNK), its link checked. ERR_UNPROVEN: damaged; it has been withdrawn. */
enum err blob_read_chunk(struct blob *blob, uint64_t index, uint8_t *data, size_t *ret_len, struct why *why) LARDER_MUST_USE;

/* The same, unchecked: for a chunk that was checked since the file took the identity that it has, of a blob that is not linked. ERR_IO. */
enum err blob_read_known_chunk(const struct blob *blob, uint64_t index, uint8_t *data, size_t *ret_len, struct why *why) LARDER_MUST_USE;

/* Put a copy at `path` with mode 0644 minus umask: checked first, then reflinked where the file system can; else copied chunk by
 * checked chunk. Written beside it under a temporary name, fsynced, renamed: `path` is never half there. Parents must exist. `*progress`,
 * when not NULL, is advanced atomically by the bytes done; `*cancel`, when not NULL and true, ends it with ERR_CANCELLED. */
enum err blob_export(struct blob *blob, const char *path, uint64_t *progress, const bool *cancel, struct why *why) LARDER_MUST_USE;

/* The same at `name` below the open directory `dir`; `path` is what sentences call it. */
enum err blob_export_at(struct blob *blob, int dir, const char *name, const char *path, uint64_t *progress, const bool *cancel,
			struct why *why) LARDER_MUST_USE;

struct blob_check {
	uint64_t chunks, bad; /* bad > 0: it has been withdrawn */
};

/* Check every chunk with all threads of `pool` (which must be used by nobody else meanwhile; NULL: this thread alone). ERR_NOT_FOUND when not
 * held. ERR_UNPROVEN when something is bad: then the sentence tells how many chunks, and `ret` is written too. `progress`, `cancel` as above. */
enum err blob_verify(struct store *store, const struct digest *digest, struct pool *pool, uint64_t *progress, const bool *cancel,
		     struct blob_check *ret_check, struct why *why) LARDER_MUST_USE;

/* Remove file, index record and dangling links of trees. ERR_NOT_FOUND, ERR_BUSY (in use by another process; or pinned, unless `even_pinned`). */
enum err blob_remove(struct store *store, const struct digest *digest, bool even_pinned, struct why *why) LARDER_MUST_USE;

#endif
