#include "store/digest.h"

#include "support/cmocka.h"

#include <string.h>

#define SHA256_HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA1_HEX "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"

static void test_forms_that_are_read(void **state)
{
	struct digest bare, named, upper;
	char hex[DIGEST_HEX_MAX], text[DIGEST_TEXT_MAX];

	(void)state;
	assert_true(digest_parse(SHA256_HEX, &bare));
	assert_true(digest_parse("sha256:" SHA256_HEX, &named));
	assert_true(digest_parse("SHA256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", &upper));
	assert_true(digest_equal(&bare, &named));
	assert_true(digest_equal(&bare, &upper));
	assert_int_equal(bare.algorithm, DIGEST_SHA256);
	assert_int_equal(bare.bytes[0], 0xe3);
	assert_int_equal(bare.bytes[31], 0x55);
	assert_string_equal(digest_hex(&bare, hex), SHA256_HEX);
	assert_string_equal(digest_text(&upper, text), "sha256:" SHA256_HEX);
}

static void test_git_ids(void **state)
{
	struct digest digest;
	char text[DIGEST_TEXT_MAX];

	(void)state;
	assert_true(digest_parse("git-sha1:" SHA1_HEX, &digest));
	assert_int_equal(digest.algorithm, DIGEST_GIT_SHA1);
	assert_int_equal(digest.bytes[19], 0x91);
	for (unsigned i = 20; i < DIGEST_MAX_BYTES; i++)
		assert_int_equal(digest.bytes[i], 0);
	assert_string_equal(digest_text(&digest, text), "git-sha1:" SHA1_HEX);
}

static void test_forms_that_are_refused(void **state)
{
	static const char *const wrong[] = {
		"", "sha256:", "sha256", ":", "sha256:" SHA1_HEX, SHA1_HEX, "git-sha1:" SHA256_HEX, "md5:" SHA1_HEX, SHA256_HEX "0",
		"sha256:" SHA256_HEX "00", " " SHA256_HEX, SHA256_HEX " ", "sha256::" SHA256_HEX, "sha256:g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85", "none:",
	};
	struct digest untouched, digest;

	(void)state;
	memset(&untouched, 0x5a, sizeof untouched);
	digest = untouched;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(digest_parse(wrong[i], &digest));
	assert_false(digest_parse_hex(DIGEST_SHA256, SHA1_HEX, &digest));
	assert_false(digest_parse_hex(DIGEST_NONE, "", &digest));
	assert_memory_equal(&digest, &untouched, sizeof digest);
}

static void test_equality_looks_at_the_algorithm_too(void **state)
{
	struct digest a = {.algorithm = DIGEST_SHA256}, b = {.algorithm = DIGEST_GIT_SHA1}, c = {.algorithm = DIGEST_SHA256};

	(void)state;
	assert_false(digest_equal(&a, &b));
	assert_true(digest_equal(&a, &c));
	c.bytes[31] = 1;
	assert_false(digest_equal(&a, &c));
}

static void test_lengths_and_names(void **state)
{
	const uint8_t bytes[32] = {1, 2, 3};
	struct digest digest = digest_of_sha256(bytes);

	(void)state;
	assert_int_equal(digest.algorithm, DIGEST_SHA256);
	assert_memory_equal(digest.bytes, bytes, 32);
	assert_int_equal(digest_len(DIGEST_SHA256), 32);
	assert_int_equal(digest_len(DIGEST_GIT_SHA1), 20);
	assert_int_equal(digest_len(DIGEST_NONE), 0);
	assert_string_equal(digest_algorithm_name(DIGEST_NONE), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms_that_are_read),
		cmocka_unit_test(test_git_ids),
		cmocka_unit_test(test_forms_that_are_refused),
		cmocka_unit_test(test_equality_looks_at_the_algorithm_too),
		cmocka_unit_test(test_lengths_and_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
