/* The SHA instructions of x86, for one message and for two at once: a round pair waits four cycles for its result, but a
 * processor can begin one every two, so that a second message comes nearly free. */
#include "store/sha256_kernels.h"

#include <immintrin.h>

#define STREAMS_MAX 2
#define INLINE static inline __attribute__((always_inline))

/* The instructions want the eight words as (f, e, b, a) and (h, g, d, c), lowest first. */
struct halves {
	__m128i abef, cdgh;
};

INLINE struct halves load_state(const struct sha256_state *state)
{
	__m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const void *)&state->h[0]), 0xB1);
	__m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const void *)&state->h[4]), 0x1B);

	return (struct halves){.abef = _mm_alignr_epi8(abcd, efgh, 8), .cdgh = _mm_blend_epi16(efgh, abcd, 0xF0)};
}

INLINE void store_state(struct sha256_state *state, struct halves v)
{
	__m128i feba = _mm_shuffle_epi32(v.abef, 0x1B), dchg = _mm_shuffle_epi32(v.cdgh, 0xB1);

	_mm_storeu_si128((void *)&state->h[0], _mm_blend_epi16(feba, dchg, 0xF0));
	_mm_storeu_si128((void *)&state->h[4], _mm_alignr_epi8(dchg, feba, 8));
}

/* Rounds 4 * g .. 4 * g + 3, and the words for four groups later. */
INLINE void rounds(unsigned g, struct halves *v, __m128i w[4])
{
	__m128i wk = _mm_add_epi32(w[g & 3], _mm_load_si128((const void *)&sha256_k[4 * g]));

	v->cdgh = _mm_sha256rnds2_epu32(v->cdgh, v->abef, wk);
	v->abef = _mm_sha256rnds2_epu32(v->abef, v->cdgh, _mm_shuffle_epi32(wk, 0x0E));
	if (g < 12) {
		__m128i last = w[(g + 3) & 3];
		__m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[g & 3], w[(g + 1) & 3]), _mm_alignr_epi8(last, w[(g + 2) & 3], 4));
		w[g & 3] = _mm_sha256msg2_epu32(sum, last);
	}
}

INLINE void advance_streams(unsigned n, struct sha256_state *const states[], const uint8_t *const data[], size_t blocks)
{
	const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
	struct halves v[STREAMS_MAX], before[STREAMS_MAX];
	__m128i w[STREAMS_MAX][4];

	for (unsigned s = 0; s < n; s++)
		v[s] = load_state(states[s]);
	for (size_t block = 0; block < blocks; block++) {
		SHA256_UNROLL
		for (unsigned s = 0; s < n; s++) {
			before[s] = v[s];
			SHA256_UNROLL
			for (unsigned i = 0; i < 4; i++)
				w[s][i] = _mm_shuffle_epi8(_mm_loadu_si128((const void *)(data[s] + block * SHA256_BLOCK + 16 * i)), big_endian);
		}
		SHA256_UNROLL
		for (unsigned g = 0; g < 16; g++) {
			SHA256_UNROLL
			for (unsigned s = 0; s < n; s++)
				rounds(g, &v[s], w[s]);
		}
		SHA256_UNROLL
		for (unsigned s = 0; s < n; s++) {
			v[s].abef = _mm_add_epi32(v[s].abef, before[s].abef);
			v[s].cdgh = _mm_add_epi32(v[s].cdgh, before[s].cdgh);
		}
	}
	for (unsigned s = 0; s < n; s++)
		store_state(states[s], v[s]);
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

const struct sha256_kernel sha256_shani = {"shani", 1, sha256_cpu_has_shani, advance};
const struct sha256_kernel sha256_shanix2 = {"shanix2", 2, sha256_cpu_has_shani, advance_two};
