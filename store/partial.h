/* partial: a blob on its way in, and the only way in.
 *
 * A preallocated data file and a journal of chunk states beside it. Chunks may come in any order as far as the states before them are known: at
 * first only S(0), so in order; all of them once a chain was given. Nothing here needs to be trusted after a crash: opening checks the link of every
 * chunk that the journal claims, and forgets those that do not hold. partial_commit() is the one place where bytes become a proven blob.
 *
 * Held by one process at a time through a lock on the journal, one thread at a time.
 */
#ifndef LARDER_STORE_PARTIAL_H
#define LARDER_STORE_PARTIAL_H

#include "store/chain.h"
#include "store/store.h"

struct partial;

/* Open the partial blob of that digest and size, or start one. Space is made first (gc) and then allocated. ERR_BUSY: another process has it.
 * ERR_NO_SPACE: does not fit the quota or the disk; the sentence says how much is needed and how much there is. ERR_LIMIT: larger than
 * CHAIN_MAX_BLOB. A leftover of another size is discarded. */
enum err partial_open(struct store *store, const struct digest *digest, uint64_t size, struct partial **ret_partial,
		      struct why *why) LARDER_MUST_USE;

/* The same for bytes whose SHA-256 is not known yet (files outside LFS, `larder add`): never resumed by another process, gone after a crash. */
enum err partial_open_unnamed(struct store *store, uint64_t size, struct partial **ret_partial, struct why *why) LARDER_MUST_USE;

/* Close; what is there stays for the next time (unnamed: is removed). NULL is fine. */
void partial_close(struct partial *partial);
/* Close and remove all of it. NULL is fine. */
void partial_discard(struct partial *partial);

uint64_t partial_size(const struct partial *partial);
uint64_t partial_chunks(const struct partial *partial);
uint64_t partial_have_bytes(const struct partial *partial);
bool partial_has(const struct partial *partial, uint64_t index);
bool partial_is_complete(const struct partial *partial);

/* The first missing run of chunks at or after `from`: first and count. False when there is none. */
bool partial_next_missing(const struct partial *partial, uint64_t from, uint64_t *ret_first, uint64_t *ret_count);
/* Whether S(index) is known, so that chunk `index` can be put now. */
bool partial_can_put(const struct partial *partial, uint64_t index);

/* Check and keep chunk `index` (chain_chunk_len() bytes). ERR_UNPROVEN: the chunk does not lead to the known state after it (nothing was written);
 * for the last chunk of a named blob without a chain that means that the whole is not what the digest names: *ret_found, when not NULL, then gets the SHA-256
 * that it really has (algorithm DIGEST_NONE when a chain was known, so that only this chunk is wrong), and the caller discards. Putting a chunk twice is harmless. */
enum err partial_put(struct partial *partial, uint64_t index, const uint8_t *data, size_t len, struct digest *ret_found,
		     struct why *why) LARDER_MUST_USE;

/* Make it a proven blob: complete and all links closed, or ERR_UNPROVEN. Chain and identity durable, data fsynced, renamed into blobs/, directory fsynced, index
 * written with the blob marked used now. Closes the partial on success; after a failure it is still open. *ret_digest: what it is. */
enum err partial_commit(struct partial *partial, struct digest *ret_digest, struct why *why) LARDER_MUST_USE;

#endif
