/* Eight messages in two ways at once, for Zen 4: the rounds of one block in the SHA unit, four messages at a time, and between them, in
 * the pipes that these leave free, the message schedule of the next block, of all eight messages in vectors. Four words cost ten places
 * in the pipes where the SHA instructions make them (two for sha256msg1, four for sha256msg2, and what goes with them), seven and a half
 * in vectors, which then lie in memory two by two, from where the rounds take them without a shuffle. */
#include "store/sha256_shani.h"

#define LANES 8
#define GROUP 4 /* messages whose rounds are under way together: as many as the unit takes cycles for a pair of rounds */
#define PAIRS (SHA256_ROUNDS / 2)

typedef uint32_t vec __attribute__((vector_size(4 * LANES)));
#define ROR(x, n) ((vec)_mm256_ror_epi32((__m256i)(x), n))

/* Two instructions: the compiler would make it one of three operands, which keeps the SHA unit waiting. */
SHA256_INLINE vec xor3(vec x, vec y, vec z)
{
	vec both = x ^ z;

	__asm__("" : "+v"(both));
	return both ^ y;
}

/* The words of a block with their constants, two by two: those of messages 0, 1, 4 and 5, and in the next vector 2, 3, 6 and 7. */
struct plan {
	vec pairs[PAIRS][2];
};

struct group {
	__m128i abef[GROUP], cdgh[GROUP];
};

SHA256_INLINE __m128i pair_of(const struct plan *plan, unsigned group, unsigned s, unsigned p)
{
	return _mm_loadl_epi64((const void *)((const uint8_t *)&plan->pairs[p][s / 2] + 16 * group + 8 * (s & 1)));
}

SHA256_INLINE void pair_of_rounds(struct group *at, const struct plan *plan, unsigned group, unsigned p)
{
	SHA256_UNROLL
	for (unsigned s = 0; s < GROUP; s++) {
		if (p & 1)
			at->abef[s] = _mm_sha256rnds2_epu32(at->abef[s], at->cdgh[s], pair_of(plan, group, s, p));
		else
			at->cdgh[s] = _mm_sha256rnds2_epu32(at->cdgh[s], at->abef[s], pair_of(plan, group, s, p));
	}
}

SHA256_INLINE void put_pair(struct plan *plan, const vec w[16], unsigned p)
{
	__m256i a = (__m256i)(w[2 * p & 15] + sha256_k[2 * p]), b = (__m256i)(w[(2 * p + 1) & 15] + sha256_k[2 * p + 1]);

	plan->pairs[p][0] = (vec)_mm256_unpacklo_epi32(a, b);
	plan->pairs[p][1] = (vec)_mm256_unpackhi_epi32(a, b);
}

/* Word t of all messages, and every other time its pair. */
SHA256_INLINE void put_word(struct plan *plan, vec w[16], unsigned t)
{
	vec x = w[(t - 15) & 15], y = w[(t - 2) & 15];

	w[t & 15] += w[(t - 7) & 15] + xor3(ROR(x, 7), ROR(x, 18), x >> 3) + xor3(ROR(y, 17), ROR(y, 19), y >> 10);
	if (t & 1)
		put_pair(plan, w, t / 2);
}

/* Words 4 * q .. 4 * q + 3 of all messages. */
SHA256_INLINE void load_words(vec w[16], const uint8_t *const data[LANES], size_t offset, unsigned q)
{
	const __m256i big_endian = _mm256_broadcastsi128_si256(_mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
	__m256i r[4], t[4];

	SHA256_UNROLL
	for (unsigned i = 0; i < 4; i++) {
		__m128i low = _mm_loadu_si128((const void *)(data[i] + offset + 16 * q));
		__m128i high = _mm_loadu_si128((const void *)(data[i + 4] + offset + 16 * q));
		r[i] = _mm256_shuffle_epi8(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1), big_endian);
	}
	SHA256_UNROLL
	for (unsigned i = 0; i < 4; i += 2) {
		t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
		t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
	}
	SHA256_UNROLL
	for (unsigned i = 0; i < 2; i++) {
		w[4 * q + 2 * i] = (vec)_mm256_unpacklo_epi64(t[i], t[i + 2]);
		w[4 * q + 2 * i + 1] = (vec)_mm256_unpackhi_epi64(t[i], t[i + 2]);
	}
}

SHA256_INLINE void group_begin(struct group *at, const struct shani_stream streams[GROUP])
{
	SHA256_UNROLL
	for (unsigned s = 0; s < GROUP; s++) {
		at->abef[s] = streams[s].abef;
		at->cdgh[s] = streams[s].cdgh;
	}
}

SHA256_INLINE void group_end(const struct group *at, struct shani_stream streams[GROUP])
{
	SHA256_UNROLL
	for (unsigned s = 0; s < GROUP; s++) {
		streams[s].abef = _mm_add_epi32(streams[s].abef, at->abef[s]);
		streams[s].cdgh = _mm_add_epi32(streams[s].cdgh, at->cdgh[s]);
	}
}

/* Moves the streams over the block that is planned in `now`, and plans the one at `offset`: while the first group has its rounds
 * words 0 to 39, while the second has them the others. */
static void move_and_plan(struct shani_stream streams[LANES], const struct plan *now, struct plan *next, const uint8_t *const data[LANES],
			  size_t offset)
{
	struct group at;
	vec w[16];

	group_begin(&at, streams);
	SHA256_UNROLL
	for (unsigned p = 0; p < 8; p++) {
		if (!(p & 1))
			load_words(w, data, offset, p / 2);
		put_pair(next, w, p);
		pair_of_rounds(&at, now, 0, p);
	}
	SHA256_UNROLL
	for (unsigned p = 8; p < PAIRS; p++) {
		put_word(next, w, 8 + p);
		pair_of_rounds(&at, now, 0, p);
	}
	group_end(&at, streams);
	group_begin(&at, streams + GROUP);
	SHA256_UNROLL
	for (unsigned p = 0; p < PAIRS; p++) {
		if (p % 4 < 3)
			put_word(next, w, 40 + p / 4 * 3 + p % 4);
		pair_of_rounds(&at, now, 1, p);
	}
	group_end(&at, streams + GROUP);
}

/* Lanes without a message of their own repeat the first one, and their result is dropped. What is moved while the first block is being
 * planned is moved over nothing, and so is what is planned last. */
static void advance(struct sha256_state *const states[], const uint8_t *const data[], unsigned count, size_t blocks)
{
	struct shani_stream streams[LANES] = {0};
	struct plan plans[2] = {0};
	const uint8_t *from[LANES];

	if (blocks == 0)
		return;
	for (unsigned i = 0; i < LANES; i++)
		from[i] = data[i < count ? i : 0];
	move_and_plan(streams, &plans[1], &plans[0], from, 0);
	for (unsigned i = 0; i < LANES; i++)
		shani_load(&streams[i], states[i < count ? i : 0]);
	for (size_t block = 1; block <= blocks; block++) {
		size_t next = block < blocks ? block : 0;
		move_and_plan(streams, &plans[(block - 1) & 1], &plans[block & 1], from, next * SHA256_BLOCK);
	}
	for (unsigned i = 0; i < count; i++)
		shani_store(&streams[i], states[i]);
}

const struct sha256_kernel sha256_shanix8 = {"shanix8", LANES, sha256_cpu_has_shani_and_avx512, advance};
