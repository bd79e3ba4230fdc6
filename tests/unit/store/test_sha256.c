#include "store/sha256.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef LARDER_TESTS_PLAIN
#include <openssl/sha.h>
#endif

#define BLOCKS_MAX 40
#define MILLION 1000000

/* The engine that a kernel alone makes; false where this processor cannot run it. */
static bool engine_of(const struct sha256_kernel *kernel, struct sha256_engine *ret_engine)
{
	return kernel->is_supported() && sha256_engine_init(ret_engine, kernel->name, NULL) == ERR_OK;
}

static void to_hex(const uint8_t bytes[SHA256_LEN], char ret[2 * SHA256_LEN + 1])
{
	for (unsigned i = 0; i < SHA256_LEN; i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

static void check_vector(const char *message, size_t len, const char *expected)
{
	for (const struct sha256_kernel *const *at = sha256_kernels(); *at; at++) {
		struct sha256_engine engine;
		uint8_t digest[SHA256_LEN];
		char hex[2 * SHA256_LEN + 1];
		if (!engine_of(*at, &engine))
			continue;
		sha256_digest(&engine, message, len, digest);
		to_hex(digest, hex);
		assert_string_equal(hex, expected);
	}
}

/* FIPS 180-4 examples, from NIST's SHA256.pdf and SHA2_Additional.pdf. */
static void test_published_vectors(void **state)
{
	static const char bits448[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	static const char bits896[] = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
				      "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
	char *million = malloc(MILLION);

	(void)state;
	assert_non_null(million);
	memset(million, 'a', MILLION);
	check_vector("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check_vector("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check_vector(bits448, sizeof bits448 - 1, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	check_vector(bits896, sizeof bits896 - 1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
	check_vector(million, MILLION, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(million);
}

/* Small, repeatable, and good enough for test data (xorshift64). */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

struct lanes {
	struct sha256_state states[SHA256_LANES_MAX], expected[SHA256_LANES_MAX], *pointers[SHA256_LANES_MAX];
	const uint8_t *data[SHA256_LANES_MAX];
	uint8_t *memory[SHA256_LANES_MAX];
};

/* Data at odd addresses, of exactly the length that may be read, so that a sanitizer sees one byte too many. */
static void fill_lanes(struct lanes *lanes, unsigned count, size_t blocks, uint64_t *seed)
{
	for (unsigned i = 0; i < count; i++) {
		size_t skew = next_random(seed) % 8, len = skew + blocks * SHA256_BLOCK;
		lanes->memory[i] = malloc(len ? len : 1);
		assert_non_null(lanes->memory[i]);
		for (size_t k = 0; k < len; k++)
			lanes->memory[i][k] = (uint8_t)next_random(seed);
		lanes->data[i] = lanes->memory[i] + skew;
		for (unsigned k = 0; k < 8; k++)
			lanes->states[i].h[k] = (uint32_t)next_random(seed);
		lanes->expected[i] = lanes->states[i];
		lanes->pointers[i] = &lanes->states[i];
	}
}

static void check_lanes(const struct sha256_kernel *kernel, unsigned count, size_t blocks, uint64_t *seed)
{
	const struct sha256_kernel *portable = sha256_kernel_find("portable");
	struct lanes lanes;

	fill_lanes(&lanes, count, blocks, seed);
	for (unsigned i = 0; i < count; i++) {
		struct sha256_state *expected = &lanes.expected[i];
		portable->advance(&expected, &lanes.data[i], 1, blocks);
	}
	kernel->advance(lanes.pointers, lanes.data, count, blocks);
	for (unsigned i = 0; i < count; i++) {
		assert_memory_equal(&lanes.states[i], &lanes.expected[i], sizeof lanes.states[i]);
		free(lanes.memory[i]);
	}
}

static void test_kernels_agree_with_portable(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15;

	(void)state;
	for (const struct sha256_kernel *const *at = sha256_kernels(); *at; at++) {
		if (!(*at)->is_supported())
			continue;
		for (unsigned count = 1; count <= (*at)->lanes; count++) {
			check_lanes(*at, count, 0, &seed);
			check_lanes(*at, count, 1, &seed);
			check_lanes(*at, count, 2 + next_random(&seed) % (BLOCKS_MAX - 1), &seed);
		}
	}
}

static void check_many(const struct sha256_engine *engine, unsigned count, uint64_t *seed)
{
	struct lanes lanes;

	fill_lanes(&lanes, count, 3, seed);
	for (unsigned i = 0; i < count; i++)
		sha256_advance(engine, &lanes.expected[i], lanes.data[i], 3);
	sha256_advance_many(engine, lanes.pointers, lanes.data, count, 3);
	for (unsigned i = 0; i < count; i++) {
		assert_memory_equal(&lanes.states[i], &lanes.expected[i], sizeof lanes.states[i]);
		free(lanes.memory[i]);
	}
}

/* With each kernel, and with those that larder puts together itself. */
static void test_many_states_of_any_number(void **state)
{
	struct sha256_engine engine;
	uint64_t seed = 42;

	(void)state;
	for (unsigned count = 0; count <= SHA256_LANES_MAX; count++) {
		for (const struct sha256_kernel *const *at = sha256_kernels(); *at; at++)
			if (engine_of(*at, &engine))
				check_many(&engine, count, &seed);
		assert_int_equal(sha256_engine_init(&engine, NULL, NULL), ERR_OK);
		check_many(&engine, count, &seed);
	}
}

#ifndef LARDER_TESTS_PLAIN
static void test_kernels_agree_with_libcrypto(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		size_t len = round < 200 ? round : next_random(&seed) % 20000;
		uint8_t *data = malloc(len + 1), expected[SHA256_LEN], digest[SHA256_LEN];
		assert_non_null(data);
		for (size_t i = 0; i < len; i++)
			data[i] = (uint8_t)next_random(&seed);
		SHA256(data, len, expected);
		for (const struct sha256_kernel *const *at = sha256_kernels(); *at; at++) {
			struct sha256_engine engine;
			if (!engine_of(*at, &engine))
				continue;
			engine.serial = *at;
			sha256_digest(&engine, data, len, digest);
			assert_memory_equal(digest, expected, SHA256_LEN);
		}
		free(data);
	}
}
#endif

static void test_a_message_in_pieces(void **state)
{
	struct sha256_engine engine;
	struct sha256_state at = sha256_initial();
	uint8_t message[1000], whole[SHA256_LEN], pieces[SHA256_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof message; i++)
		message[i] = (uint8_t)(i * 37);
	assert_int_equal(sha256_engine_init(&engine, NULL, NULL), ERR_OK);
	sha256_digest(&engine, message, sizeof message, whole);
	sha256_advance(&engine, &at, message, 5);
	sha256_finish(&engine, &at, message + 5 * SHA256_BLOCK, sizeof message - 5 * SHA256_BLOCK, sizeof message, pieces);
	assert_memory_equal(pieces, whole, SHA256_LEN);
}

static void test_states_are_written_big_endian(void **state)
{
	struct sha256_state initial = sha256_initial(), back;
	uint8_t bytes[SHA256_LEN];

	(void)state;
	sha256_write_state(&initial, bytes);
	assert_memory_equal(bytes, "\x6a\x09\xe6\x67\xbb\x67\xae\x85", 8);
	back = sha256_read_state(bytes);
	assert_memory_equal(&back, &initial, sizeof back);
}

static void test_choice_of_a_kernel(void **state)
{
	struct sha256_engine engine, untouched;
	struct why why = {0};

	(void)state;
	assert_int_equal(sha256_engine_init(&engine, "portable", &why), ERR_OK);
	assert_string_equal(engine.serial->name, "portable");
	assert_string_equal(engine.narrow->name, "portable");
	assert_string_equal(engine.wide->name, "portable");
	untouched = engine;
	assert_int_equal(sha256_engine_init(&engine, "abacus", &why), ERR_UNSUPPORTED);
	assert_non_null(strstr(why.text, "abacus"));
	assert_memory_equal(&engine, &untouched, sizeof engine);
	assert_null(sha256_kernel_find("abacus"));
	assert_int_equal(sha256_engine_init(&engine, NULL, NULL), ERR_OK);
	assert_int_equal(engine.serial->lanes, 1);
	assert_true(engine.serial->is_supported() && engine.narrow->is_supported() && engine.wide->is_supported());
}

static void test_the_list_of_kernels(void **state)
{
	bool has_portable = false;

	(void)state;
	for (const struct sha256_kernel *const *at = sha256_kernels(); *at; at++) {
		assert_in_range((*at)->lanes, 1, SHA256_LANES_MAX);
		has_portable |= strcmp((*at)->name, "portable") == 0;
		if ((*at)->is_supported())
			assert_ptr_equal(sha256_kernel_find((*at)->name), *at);
		else
			assert_null(sha256_kernel_find((*at)->name));
		printf("%s: %u lanes%s\n", (*at)->name, (*at)->lanes, (*at)->is_supported() ? "" : ", not on this processor");
	}
	assert_true(has_portable);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_vectors),
		cmocka_unit_test(test_kernels_agree_with_portable),
		cmocka_unit_test(test_many_states_of_any_number),
#ifndef LARDER_TESTS_PLAIN
		cmocka_unit_test(test_kernels_agree_with_libcrypto),
#endif
		cmocka_unit_test(test_a_message_in_pieces),
		cmocka_unit_test(test_states_are_written_big_endian),
		cmocka_unit_test(test_choice_of_a_kernel),
		cmocka_unit_test(test_the_list_of_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
