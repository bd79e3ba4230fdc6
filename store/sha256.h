/* sha256: the compression function of FIPS 180-4 with its state in and out, over many independent messages at once.
 *
 * A state between two blocks is what makes a proof of chunks possible (chain.h), and no library hands it out; hence this, the one
 * primitive of our own. A kernel is one implementation; an engine is the pair that fits this processor. Pure; any thread.
 * In memory a state is eight native words; written down it is 32 bytes, big-endian, which for the last state is the digest.
 */
#ifndef LARDER_STORE_SHA256_H
#define LARDER_STORE_SHA256_H

#include "base/err.h"

#include <stdint.h>

#define SHA256_BLOCK 64
#define SHA256_LEN 32
#define SHA256_LANES_MAX 16

struct sha256_state {
	uint32_t h[8];
};

/* One implementation. advance() takes up to `lanes` states, each with data of its own, and moves every one of them over the same
 * number of 64-byte blocks. Fewer than `lanes` are allowed. */
struct sha256_kernel {
	const char *name;  /* "portable", "vector4", "avx2x8", "avx512x16", "shani", "shanix2", "shanix4", "shanix8", "armv8", "armv8x2" */
	unsigned lanes;    /* 1 for a plain kernel */
	bool (*is_supported)(void);
	void (*advance)(struct sha256_state *const states[], const uint8_t *const data[], unsigned count, size_t blocks);
};

/* All kernels compiled for this architecture, best first within their kind, ended by NULL. Some may not be supported here. */
const struct sha256_kernel *const *sha256_kernels(void);
/* The supported kernel of that name, or NULL. */
const struct sha256_kernel *sha256_kernel_find(const char *name);

/* What this processor does best. The three may be the same. */
struct sha256_engine {
	const struct sha256_kernel *serial; /* for one message: lanes == 1 */
	const struct sha256_kernel *narrow; /* for 2 .. narrow_max messages: wide would run mostly empty */
	const struct sha256_kernel *wide;   /* for many */
	unsigned narrow_max;
};

/* `choice` is NULL (choose the fastest), or the name of a kernel to be used for what it fits ("portable" is used for everything). Unknown or
 * unsupported names: ERR_UNSUPPORTED. The environment variable LARDER_SHA256 is read by whoever calls, not here. */
enum err sha256_engine_init(struct sha256_engine *engine, const char *choice, struct why *why) LARDER_MUST_USE;

struct sha256_state sha256_initial(void);
void sha256_write_state(const struct sha256_state *state, uint8_t ret[SHA256_LEN]);
struct sha256_state sha256_read_state(const uint8_t bytes[SHA256_LEN]);

/* Move one state over `blocks` * 64 bytes. */
void sha256_advance(const struct sha256_engine *engine, struct sha256_state *state, const uint8_t *data, size_t blocks);

/* Move any number of states, each over `blocks` * 64 bytes of data of its own, with as many at once as pays. */
void sha256_advance_many(const struct sha256_engine *engine, struct sha256_state *const states[], const uint8_t *const data[],
			 size_t count, size_t blocks);

/* Finish a message: `state` stands before its last `tail_len` bytes (any number), `total_len` is the whole message's length, and
 * total_len - tail_len is a multiple of 64. Writes the digest. */
void sha256_finish(const struct sha256_engine *engine, const struct sha256_state *state, const uint8_t *tail, size_t tail_len,
		   uint64_t total_len, uint8_t ret[SHA256_LEN]);

/* The digest of bytes that are all here. */
void sha256_digest(const struct sha256_engine *engine, const void *data, size_t len, uint8_t ret[SHA256_LEN]);

#endif
