/* Four messages in vectors of 128 bits, which the compiler makes of whatever the processor has; for those that know nothing better. */
#define LANES 4
#define ROR(x, n) ((x) >> (n) | (x) << (32 - (n)))
#define XOR3(x, y, z) ((x) ^ (y) ^ (z))
#define CH(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define MAJ(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))
#include "store/sha256_lanes.h"

static inline uint32_t read_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

SHA256_INLINE void load_words(vec w[16], const uint8_t *const data[LANES], size_t offset)
{
	SHA256_UNROLL
	for (unsigned t = 0; t < 16; t++) {
		size_t at = offset + 4 * t;
		w[t] = (vec){read_be32(data[0] + at), read_be32(data[1] + at), read_be32(data[2] + at), read_be32(data[3] + at)};
	}
}

static void advance(struct sha256_state *const states[], const uint8_t *const data[], unsigned count, size_t blocks)
{
	lanes_advance(states, data, count, blocks);
}

const struct sha256_kernel sha256_vector4 = {"vector4", LANES, sha256_cpu_any, advance};
