/* Sixteen messages in AVX-512, which rotates, and computes any function of three bits, in one instruction. */
#include <immintrin.h>

#define LANES 16
#define ROR(x, n) ((vec)_mm512_ror_epi32((__m512i)(x), n))
#define BITWISE(x, y, z, table) ((vec)_mm512_ternarylogic_epi32((__m512i)(x), (__m512i)(y), (__m512i)(z), table))
#define XOR3(x, y, z) BITWISE(x, y, z, 0x96)
#define CH(x, y, z) BITWISE(x, y, z, 0xCA)
#define MAJ(x, y, z) BITWISE(x, y, z, 0xE8)
#include "store/sha256_lanes.h"

/* Within each quarter of the registers rows become columns. */
SHA256_INLINE void transpose_quarters(__m512i r[16])
{
	__m512i t[16];

	SHA256_UNROLL
	for (unsigned i = 0; i < 16; i += 2) {
		t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
		t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
	}
	SHA256_UNROLL
	for (unsigned i = 0; i < 16; i += 4) {
		r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
		r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
		r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
		r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
	}
}

/* The quarters themselves change places: a transposition of four by four. */
SHA256_INLINE void exchange_quarters(__m512i r[16])
{
	__m512i t[16];

	SHA256_UNROLL
	for (unsigned i = 0; i < 4; i++) {
		t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
		t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xDD);
		t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
		t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xDD);
	}
	SHA256_UNROLL
	for (unsigned i = 0; i < 8; i++) {
		unsigned to = i % 4 + i / 4 * 4;
		r[to] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
		r[to + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xDD);
	}
}

SHA256_INLINE void load_words(vec w[16], const uint8_t *const data[LANES], size_t offset)
{
	const __m512i big_endian = _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
	__m512i r[16];

	SHA256_UNROLL
	for (unsigned i = 0; i < 16; i++)
		r[i] = _mm512_loadu_si512(data[i] + offset);
	transpose_quarters(r);
	exchange_quarters(r);
	SHA256_UNROLL
	for (unsigned i = 0; i < 16; i++)
		w[i] = (vec)_mm512_shuffle_epi8(r[i], big_endian);
}

static void advance(struct sha256_state *const states[], const uint8_t *const data[], unsigned count, size_t blocks)
{
	lanes_advance(states, data, count, blocks);
}

const struct sha256_kernel sha256_avx512x16 = {"avx512x16", LANES, sha256_cpu_has_avx512, advance};
