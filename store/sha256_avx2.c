/* Eight messages in AVX2: for processors without SHA instructions. */
#include <immintrin.h>

#define LANES 8
#define ROR(x, n) ((x) >> (n) | (x) << (32 - (n)))
#define XOR3(x, y, z) ((x) ^ (y) ^ (z))
#define CH(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define MAJ(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))
#include "store/sha256_lanes.h"

/* Rows become columns: first pairs of words, then of pairs, then halves. */
SHA256_INLINE void transpose(__m256i r[8])
{
	__m256i t[8];

	SHA256_UNROLL
	for (unsigned i = 0; i < 8; i += 2) {
		t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
		t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
	}
	SHA256_UNROLL
	for (unsigned i = 0; i < 8; i += 4) {
		r[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
		r[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
		r[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
		r[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
	}
	SHA256_UNROLL
	for (unsigned i = 0; i < 4; i++) {
		t[i] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x20);
		t[i + 4] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x31);
	}
	SHA256_UNROLL
	for (unsigned i = 0; i < 8; i++)
		r[i] = t[i];
}

SHA256_INLINE void load_words(vec w[16], const uint8_t *const data[LANES], size_t offset)
{
	const __m256i big_endian = _mm256_broadcastsi128_si256(_mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
	__m256i r[8];

	SHA256_UNROLL
	for (unsigned half = 0; half < 2; half++) {
		SHA256_UNROLL
		for (unsigned i = 0; i < 8; i++)
			r[i] = _mm256_loadu_si256((const void *)(data[i] + offset + 32 * half));
		transpose(r);
		SHA256_UNROLL
		for (unsigned i = 0; i < 8; i++)
			w[8 * half + i] = (vec)_mm256_shuffle_epi8(r[i], big_endian);
	}
}

static void advance(struct sha256_state *const states[], const uint8_t *const data[], unsigned count, size_t blocks)
{
	lanes_advance(states, data, count, blocks);
}

const struct sha256_kernel sha256_avx2x8 = {"avx2x8", LANES, sha256_cpu_has_avx2, advance};
