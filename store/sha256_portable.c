/* One message in plain C: for processors without better, and what every other kernel is tested against. */
#include "store/sha256_kernels.h"

#define ROR(x, n) ((x) >> (n) | (x) << (32 - (n)))
#define BIG_SIGMA_0(x) (ROR(x, 2) ^ ROR(x, 13) ^ ROR(x, 22))
#define BIG_SIGMA_1(x) (ROR(x, 6) ^ ROR(x, 11) ^ ROR(x, 25))
#define SMALL_SIGMA_0(x) (ROR(x, 7) ^ ROR(x, 18) ^ (x) >> 3)
#define SMALL_SIGMA_1(x) (ROR(x, 17) ^ ROR(x, 19) ^ (x) >> 10)
#define CH(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define MAJ(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))

static inline uint32_t read_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The working variables do not move: v[(0 - t) & 7] is `a` of round t. */
static inline void round_at(unsigned t, uint32_t v[8], uint32_t w)
{
	uint32_t a = v[(0 - t) & 7], b = v[(1 - t) & 7], c = v[(2 - t) & 7], e = v[(4 - t) & 7], f = v[(5 - t) & 7], g = v[(6 - t) & 7];
	uint32_t t1 = v[(7 - t) & 7] + BIG_SIGMA_1(e) + CH(e, f, g) + sha256_k[t] + w;

	v[(3 - t) & 7] += t1;
	v[(7 - t) & 7] = t1 + BIG_SIGMA_0(a) + MAJ(a, b, c);
}

static void compress(struct sha256_state *state, const uint8_t *block)
{
	uint32_t w[16], v[8];

	for (unsigned i = 0; i < 8; i++)
		v[i] = state->h[i];
	SHA256_UNROLL
	for (unsigned t = 0; t < 16; t++) {
		w[t] = read_be32(block + 4 * t);
		round_at(t, v, w[t]);
	}
	SHA256_UNROLL
	for (unsigned t = 16; t < SHA256_ROUNDS; t++) {
		w[t & 15] += SMALL_SIGMA_1(w[(t - 2) & 15]) + w[(t - 7) & 15] + SMALL_SIGMA_0(w[(t - 15) & 15]);
		round_at(t, v, w[t & 15]);
	}
	for (unsigned i = 0; i < 8; i++)
		state->h[i] += v[i];
}

static void advance(struct sha256_state *const states[], const uint8_t *const data[], unsigned count, size_t blocks)
{
	for (unsigned i = 0; i < count; i++)
		for (size_t block = 0; block < blocks; block++)
			compress(states[i], data[i] + block * SHA256_BLOCK);
}

const struct sha256_kernel sha256_portable = {"portable", 1, sha256_cpu_any, advance};
