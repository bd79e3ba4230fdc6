/* sha256_shani: the SHA instructions of x86 over N messages at once; for the kernels that are made of it.
 *
 * A pair of rounds takes four cycles, but a processor can begin another one after two (Zen 1 to 3, Intel) or one (Zen 4): messages
 * that are interleaved come nearly free until the unit is busy, or the registers are used up.
 */
#ifndef LARDER_STORE_SHA256_SHANI_H
#define LARDER_STORE_SHA256_SHANI_H

#include "store/sha256_kernels.h"

#include <immintrin.h>

#define SHANI_STREAMS_MAX 4

/* The instructions want the eight words as (f, e, b, a) and (h, g, d, c), lowest first. */
struct shani_stream {
	__m128i abef, cdgh;
	__m128i w[4]; /* the last sixteen words of the message schedule */
};

SHA256_INLINE void shani_load(struct shani_stream *at, const struct sha256_state *state)
{
	__m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const void *)&state->h[0]), 0xB1);
	__m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const void *)&state->h[4]), 0x1B);

	at->abef = _mm_alignr_epi8(abcd, efgh, 8);
	at->cdgh = _mm_blend_epi16(efgh, abcd, 0xF0);
}

SHA256_INLINE void shani_store(const struct shani_stream *at, struct sha256_state *state)
{
	__m128i feba = _mm_shuffle_epi32(at->abef, 0x1B), dchg = _mm_shuffle_epi32(at->cdgh, 0xB1);

	_mm_storeu_si128((void *)&state->h[0], _mm_blend_epi16(feba, dchg, 0xF0));
	_mm_storeu_si128((void *)&state->h[4], _mm_alignr_epi8(dchg, feba, 8));
}

SHA256_INLINE void shani_words(struct shani_stream *at, const uint8_t *block)
{
	const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);

	SHA256_UNROLL
	for (unsigned i = 0; i < 4; i++)
		at->w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const void *)(block + 16 * i)), big_endian);
}

/* Rounds 4 * g .. 4 * g + 3, and the words for four groups later. */
SHA256_INLINE void shani_rounds(struct shani_stream *at, unsigned g)
{
	__m128i *w = at->w, last = w[(g + 3) & 3], sum;
	__m128i wk = _mm_add_epi32(w[g & 3], _mm_load_si128((const void *)&sha256_k[4 * g]));

	at->cdgh = _mm_sha256rnds2_epu32(at->cdgh, at->abef, wk);
	at->abef = _mm_sha256rnds2_epu32(at->abef, at->cdgh, _mm_shuffle_epi32(wk, 0x0E));
	if (g >= 12)
		return;
	sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[g & 3], w[(g + 1) & 3]), _mm_alignr_epi8(last, w[(g + 2) & 3], 4));
	w[g & 3] = _mm_sha256msg2_epu32(sum, last);
}

/* `n` is a constant. */
SHA256_INLINE void shani_advance(unsigned n, struct sha256_state *const states[], const uint8_t *const data[], size_t blocks)
{
	struct shani_stream at[SHANI_STREAMS_MAX], before[SHANI_STREAMS_MAX];

	SHA256_UNROLL
	for (unsigned s = 0; s < n; s++)
		shani_load(&at[s], states[s]);
	for (size_t block = 0; block < blocks; block++) {
		SHA256_UNROLL
		for (unsigned s = 0; s < n; s++) {
			before[s] = at[s];
			shani_words(&at[s], data[s] + block * SHA256_BLOCK);
		}
		SHA256_UNROLL
		for (unsigned g = 0; g < 16; g++) {
			SHA256_UNROLL
			for (unsigned s = 0; s < n; s++)
				shani_rounds(&at[s], g);
		}
		SHA256_UNROLL
		for (unsigned s = 0; s < n; s++) {
			at[s].abef = _mm_add_epi32(at[s].abef, before[s].abef);
			at[s].cdgh = _mm_add_epi32(at[s].cdgh, before[s].cdgh);
		}
	}
	SHA256_UNROLL
	for (unsigned s = 0; s < n; s++)
		shani_store(&at[s], states[s]);
}

#endif
