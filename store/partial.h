/* partial: a blob on its way in, and the only way in.
 *
 * A preallocated data file and a journal of chunk states beside it. A chunk is taken when its link holds between the states beside it, and these may be
 *   computed   S(0), and those after the *prefix*: the chunks from 0 on without a gap that came from a source that is believed (the hub, a file of one's own);
 *   anchored   H, and those before the *suffix*: the chunks held up to the last one without a gap (docs/PROOF.md);
 *   proven     from the chain of a blob that was proven once: all of them count as anchored;
 *   claimed    by a peer: partial_suggest(). A chunk held between such states is *linked*, which proves nothing; it goes when they go.
 * So a source that is believed fills from the front with partial_put(), peers from the tail with partial_put_many(), and when they meet every link holds,
 * under one chain from S(0) to H. Nothing here needs to be trusted after a crash: opening checks the link of every chunk that the journal claims, and forgets
 * those that do not hold, and claimed states with no chunk beside them. partial_commit() is the one place where bytes become a proven blob.
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

/* The same with the bytes of the open file `fd`, as they are now, sharing its blocks: no other room on the disk is needed. They become chunks through
 * partial_take(). ERR_UNSUPPORTED: the file system cannot, or the file has another size; then they have to be copied. */
enum err partial_open_clone(struct store *store, int fd, uint64_t size, struct partial **ret_partial, struct why *why) LARDER_MUST_USE;

/* Close; what is there stays for the next time (unnamed: is removed). NULL is fine. */
void partial_close(struct partial *partial);
/* Close and remove all of it. NULL is fine. */
void partial_discard(struct partial *partial);

uint64_t partial_size(const struct partial *partial);
uint64_t partial_chunks(const struct partial *partial);
uint64_t partial_have_bytes(const struct partial *partial);
bool partial_has(const struct partial *partial, uint64_t index);
/* Descriptor of the data. Borrowed; what is read through it is as good as its chunk. */
int partial_fd(const struct partial *partial);
bool partial_is_complete(const struct partial *partial);

/* The first missing run of chunks at or after `from`: first and count. False when there is none. */
bool partial_next_missing(const struct partial *partial, uint64_t from, uint64_t *ret_first, uint64_t *ret_count);
/* Whether S(index) is known, so that chunk `index` can be put now. */
bool partial_can_put(const struct partial *partial, uint64_t index);

/* How many chunks the prefix has; the first chunk of the suffix (the number of chunks where the last one is missing; 0 when it is complete). */
uint64_t partial_prefix(const struct partial *partial);
uint64_t partial_anchored_from(const struct partial *partial);
/* S(index), 0 < index < chunks; NULL when it is not known. Borrowed, until the next change. */
const uint8_t *partial_state(const struct partial *partial, uint64_t index);
/* All states; those that are not known are stale or zero. Borrowed, until the next change. */
const struct chain *partial_chain(const struct partial *partial);

/* Check and keep chunk `index` (chain_chunk_len() bytes) from a source that is believed more than claims are. At the end of the prefix it computes the state after it. Where it contradicts
 * claims, all of them are forgotten, with what was linked by them (partial_is_overruled()).
 * ERR_UNPROVEN: the chunk does not lead to the state after it, that being anchored, or the one before it claimed; nothing was written. For the last chunk of a named blob behind a prefix
 * that has all others, it means that the whole is not what the digest names: *ret_found, when not NULL, then gets the SHA-256 that it really has (else DIGEST_NONE), and the
 * caller discards. Otherwise, where the state before it was computed, one of the chunks may be wrong that it was computed from: these are missing again, so see partial_forgotten().
 * ERR_INVALID: see partial_can_put(). Putting a chunk twice is harmless. */
enum err partial_put(struct partial *partial, uint64_t index, const uint8_t *data, size_t len, struct digest *ret_found,
		     struct why *why) LARDER_MUST_USE;

/* Take the states of `chain`, which a peer claims, for all places between prefix and suffix. What was linked by other ones is forgotten (partial_forgotten()). It may
 * contradict the prefix, which then stays until a chunk is put that is anchored behind it and contradicts it. ERR_UNPROVEN: it contradicts an anchored state;
 * nothing has changed, and *ret_index, when not NULL, gets the highest index whose S(index) differs. ERR_INVALID: it is for another size. */
enum err partial_suggest(struct partial *partial, const struct chain *chain, uint64_t *ret_index, struct why *why) LARDER_MUST_USE;

/* How many chunks were let go since it was opened. When this has changed, look again what is missing. */
uint64_t partial_forgotten(const struct partial *partial);
/* Whether claims of the last partial_suggest() have lost against a chunk of partial_put() since. */
bool partial_is_overruled(const struct partial *partial);

enum partial_answer {
	PARTIAL_NOT_LOOKED_AT, /* an error ended it before */
	PARTIAL_KEPT,          /* checked and written */
	PARTIAL_HAD,           /* its link holds between the states it came with, but there is such a chunk already */
	PARTIAL_UNWANTED,      /* its link holds between the states it came with, but these are not the ones believed here; or there is no such chunk */
	PARTIAL_WRONG,         /* it does not hold between the states it came with: two kernels say so */
};

/* A chunk from a peer, with the states beside it as that peer claims them. */
struct partial_item {
	uint64_t index;
	const uint8_t *data;                           /* chain_chunk_len() bytes; borrowed for the call */
	uint8_t before[SHA256_LEN], after[SHA256_LEN]; /* S(index), S(index + 1); at the ends S(0) and H are taken instead, whatever these are */
	enum partial_answer answer;
};

/* Check many chunks from peers at once, in lanes, in any order, and keep those that hold. ERR_OK: each has its answer. Errors are the disk's, or
 * ERR_UNSUPPORTED: two kernels disagree, and this processor must not judge anybody. */
enum err partial_put_many(struct partial *partial, struct partial_item *items, size_t count, struct why *why) LARDER_MUST_USE;

/* Keep chunk `index` as it lies in the data already, read into `data` (room for CHAIN_CHUNK): what is proven is what is kept. */
enum err partial_take(struct partial *partial, uint64_t index, uint8_t *data, struct why *why) LARDER_MUST_USE;

/* Make it a proven blob: complete and all links closed, or ERR_UNPROVEN. Chain and identity durable, data fsynced, renamed into blobs/, directory fsynced, index
 * written with the blob marked used now. Closes the partial on success; after a failure it is still open. *ret_digest: what it is. */
enum err partial_commit(struct partial *partial, struct digest *ret_digest, struct why *why) LARDER_MUST_USE;

#endif
