/* sha256_lanes: SHA-256 of LANES messages at once, each word in a lane of its own; written once for all widths.
 *
 * A kernel's file defines LANES, ROR, XOR3, CH and MAJ over `vec`, declares nothing else, includes this, and then defines
 *
 *	static inline void load_words(vec w[16], const uint8_t *const data[LANES], size_t offset)
 *
 * which gathers one block of each message, big-endian: w[t] is word t of all of them.
 */
#ifndef LARDER_STORE_SHA256_LANES_H
#define LARDER_STORE_SHA256_LANES_H

#include "store/sha256_kernels.h"

typedef uint32_t vec __attribute__((vector_size(4 * LANES)));

SHA256_INLINE void load_words(vec w[16], const uint8_t *const data[LANES], size_t offset);

/* The working variables do not move: v[(0 - t) & 7] is `a` of round t. */
SHA256_INLINE void lanes_round(unsigned t, vec v[8], vec w)
{
	vec a = v[(0 - t) & 7], b = v[(1 - t) & 7], c = v[(2 - t) & 7], e = v[(4 - t) & 7], f = v[(5 - t) & 7], g = v[(6 - t) & 7];
	vec t1 = v[(7 - t) & 7] + (w + sha256_k[t]) + CH(e, f, g) + XOR3(ROR(e, 6), ROR(e, 11), ROR(e, 25));

	v[(3 - t) & 7] += t1;
	v[(7 - t) & 7] = t1 + MAJ(a, b, c) + XOR3(ROR(a, 2), ROR(a, 13), ROR(a, 22));
}

SHA256_INLINE void lanes_block(vec v[8], vec w[16])
{
	SHA256_UNROLL
	for (unsigned t = 0; t < 16; t++)
		lanes_round(t, v, w[t]);
	SHA256_UNROLL
	for (unsigned t = 16; t < SHA256_ROUNDS; t++) {
		vec x = w[(t - 15) & 15], y = w[(t - 2) & 15];
		w[t & 15] += w[(t - 7) & 15] + XOR3(ROR(x, 7), ROR(x, 18), x >> 3) + XOR3(ROR(y, 17), ROR(y, 19), y >> 10);
		lanes_round(t, v, w[t & 15]);
	}
}

/* Lanes without a message of their own repeat the first one, and their result is dropped. */
SHA256_INLINE void lanes_advance(struct sha256_state *const states[], const uint8_t *const data[], unsigned count, size_t blocks)
{
	const uint8_t *from[LANES];
	vec v[8], before[8], w[16];

	for (unsigned i = 0; i < LANES; i++) {
		from[i] = data[i < count ? i : 0];
		for (unsigned k = 0; k < 8; k++)
			v[k][i] = states[i < count ? i : 0]->h[k];
	}
	for (size_t block = 0; block < blocks; block++) {
		load_words(w, from, block * SHA256_BLOCK);
		SHA256_UNROLL
		for (unsigned k = 0; k < 8; k++)
			before[k] = v[k];
		lanes_block(v, w);
		SHA256_UNROLL
		for (unsigned k = 0; k < 8; k++)
			v[k] += before[k];
	}
	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < 8; k++)
			states[i]->h[k] = v[k][i];
}

#endif
