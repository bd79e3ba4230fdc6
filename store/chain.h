/* chain: the proof of single chunks against a plain SHA-256 (docs/PROOF.md).
 *
 * A blob of N bytes is cut into n = max(1, ceil(N / CHAIN_CHUNK)) chunks. S(0) is the standard initial state, S(i+1) is S(i) moved over
 * chunk i; the last chunk with the padding must give the digest H. The chain is S(1)..S(n-1). Link i holds when chunk i turns S(i)
 * into S(i+1), the last one: into H. All links hold, from S(0) to H: that is sha256(blob) = H.
 *
 * States are kept as 32 bytes, big-endian. Pure computing, but for chain_check_file, which reads and blocks. Any thread.
 */
#ifndef LARDER_STORE_CHAIN_H
#define LARDER_STORE_CHAIN_H

#include "store/digest.h"
#include "store/sha256.h"

#define CHAIN_CHUNK ((size_t)1 << 20) /* bytes a chunk; the last one may be shorter, and empty only when the blob is */
#define CHAIN_MAX_BLOB ((uint64_t)1 << 40) /* no blob is larger: bounds chains at 32 MiB */

/* How many chunks a blob of that size has; how long chunk `index` is (0 where there is none); where it begins. */
uint64_t chain_chunk_count(uint64_t size);
size_t chain_chunk_len(uint64_t size, uint64_t index);
static inline uint64_t chain_chunk_offset(uint64_t index) { return index * CHAIN_CHUNK; }

/* The states between the chunks. states[i] is S(i+1); there are chunk_count - 1 of them. */
struct chain {
	uint64_t size; /* N */
	uint64_t count; /* n - 1 */
	uint8_t (*states)[SHA256_LEN]; /* owned; NULL when count is 0 */
};

/* All states zero. ERR_LIMIT above CHAIN_MAX_BLOB, ERR_NO_MEMORY. */
enum err chain_init(struct chain *chain, uint64_t size) LARDER_MUST_USE;
/* From count * 32 bytes as kept in the index. ERR_INVALID when `len` does not fit `size`. */
enum err chain_init_bytes(struct chain *chain, uint64_t size, const void *bytes, size_t len) LARDER_MUST_USE;
void chain_release(struct chain *chain);

/* S(index), for 0 <= index < chunk count. */
struct sha256_state chain_state_before(const struct chain *chain, uint64_t index);
/* S(index + 1) as bytes; for the last chunk `digest` itself. Borrowed. */
const uint8_t *chain_state_after(const struct chain *chain, const struct digest *digest, uint64_t index);

/* Move over one whole chunk, the last one with its padding: writes S(index + 1), or the digest. `len` must be chain_chunk_len(). */
void chain_advance(const struct sha256_engine *engine, uint64_t size, uint64_t index, const struct sha256_state *before,
		   const uint8_t *data, size_t len, uint8_t ret_after[SHA256_LEN]);

/* One link to be checked: does `data`, which is chunk `index`, lead from `before` to `after`? */
struct chain_link {
	uint64_t index;
	const uint8_t *data; /* chain_chunk_len(size, index) bytes */
	const uint8_t *before, *after; /* 32 bytes each; for index 0 `before` is not looked at: it is S(0) */
	bool holds; /* the answer; false where there is no such chunk */
};

/* Check many links of one blob, in lanes, on this thread. */
void chain_check(const struct sha256_engine *engine, uint64_t size, struct chain_link *links, size_t count);

/* Check chunks first .. first + count - 1 of an open file against a chain and its digest, reading in slices that stay in the cache,
 * with lanes full. holds[k] becomes 1 where link first + k holds, else 0 (a chunk that cannot be read, or is not there, does not
 * hold). Bytes behind the blob's size are not looked at. Blocks on the disk. ERR_NO_MEMORY. A read error is no failure here, but *ret_io_errno, if not NULL, tells the last one (0: none). */
enum err chain_check_file(const struct sha256_engine *engine, int fd, const struct chain *chain, const struct digest *digest,
			  uint64_t first, size_t count, uint8_t *holds, int *ret_io_errno) LARDER_MUST_USE;

/* Hash the first `size` bytes of an open file in order, on one core: their chain, to be released, and their SHA-256. Blocks on the disk. ERR_LIMIT,
 * ERR_NO_MEMORY, or ERR_IO: it cannot be read so far. */
enum err chain_from_file(const struct sha256_engine *engine, int fd, uint64_t size, struct chain *ret_chain,
			 uint8_t ret_sha256[SHA256_LEN]) LARDER_MUST_USE;

#endif
