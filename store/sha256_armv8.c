/* The SHA instructions of ARMv8, for one message and for two at once. */
#include "store/sha256_kernels.h"

#include <arm_neon.h>

#define STREAMS_MAX 2

struct stream {
	uint32x4_t abcd, efgh;
	uint32x4_t w[4]; /* the last sixteen words of the message schedule */
};

SHA256_INLINE void load_words(struct stream *at, const uint8_t *block)
{
	SHA256_UNROLL
	for (unsigned i = 0; i < 4; i++)
		at->w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(block + 16 * i)));
}

/* Rounds 4 * g .. 4 * g + 3, and the words for four groups later. */
SHA256_INLINE void rounds(struct stream *at, unsigned g)
{
	uint32x4_t *w = at->w, abcd = at->abcd, wk = vaddq_u32(w[g & 3], vld1q_u32(&sha256_k[4 * g]));

	at->abcd = vsha256hq_u32(abcd, at->efgh, wk);
	at->efgh = vsha256h2q_u32(at->efgh, abcd, wk);
	if (g < 12)
		w[g & 3] = vsha256su1q_u32(vsha256su0q_u32(w[g & 3], w[(g + 1) & 3]), w[(g + 2) & 3], w[(g + 3) & 3]);
}

/* `n` is a constant. */
SHA256_INLINE void advance_streams(unsigned n, struct sha256_state *const states[], const uint8_t *const data[], size_t blocks)
{
	struct stream at[STREAMS_MAX], before[STREAMS_MAX];

	for (unsigned s = 0; s < n; s++) {
		at[s].abcd = vld1q_u32(&states[s]->h[0]);
		at[s].efgh = vld1q_u32(&states[s]->h[4]);
	}
	for (size_t block = 0; block < blocks; block++) {
		SHA256_UNROLL
		for (unsigned s = 0; s < n; s++) {
			before[s] = at[s];
			load_words(&at[s], data[s] + block * SHA256_BLOCK);
		}
		SHA256_UNROLL
		for (unsigned g = 0; g < 16; g++) {
			SHA256_UNROLL
			for (unsigned s = 0; s < n; s++)
				rounds(&at[s], g);
		}
		SHA256_UNROLL
		for (unsigned s = 0; s < n; s++) {
			at[s].abcd = vaddq_u32(at[s].abcd, before[s].abcd);
			at[s].efgh = vaddq_u32(at[s].efgh, before[s].efgh);
		}
	}
	for (unsigned s = 0; s < n; s++) {
		vst1q_u32(&states[s]->h[0], at[s].abcd);
		vst1q_u32(&states[s]->h[4], at[s].efgh);
	}
}

static void advance(struct sha256_state *const states[], const uint8_t *const data[], unsigned count, size_t blocks)
{
	for (unsigned i = 0; i < count; i++)
		advance_streams(1, states + i, data + i, blocks);
}

static void advance_two(struct sha256_state *const states[], const uint8_t *const data[], unsigned count, size_t blocks)
{
	if (count == 2)
		advance_streams(2, states, data, blocks);
	else
		advance(states, data, count, blocks);
}

const struct sha256_kernel sha256_armv8 = {"armv8", 1, sha256_cpu_has_armv8, advance};
const struct sha256_kernel sha256_armv8x2 = {"armv8x2", 2, sha256_cpu_has_armv8, advance_two};
