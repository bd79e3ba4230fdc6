#include "node/pointer.h"
#include "support/cmocka.h"

#include <string.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define VERSION "version https://git-lfs.github.com/spec/v1\n"

static bool parse(const char *text, struct digest *digest, uint64_t *size)
{
	return pointer_parse(text, strlen(text), digest, size);
}

static void a_pointer_names_digest_and_size(void **state)
{
	static const char *const good[] = {
		VERSION "oid sha256:" HEX "\nsize 12345\n",
		VERSION "oid sha256:" HEX "\nsize 12345",
		VERSION "ext-0-foo sha256:" HEX "\noid sha256:" HEX "\nsize 12345\n",
		"version https://hawser.github.com/spec/v1\nsize 12345\noid sha256:" HEX "\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct digest digest = {0};
		char hex[DIGEST_HEX_MAX];
		uint64_t size = 0;
		assert_true(parse(good[i], &digest, &size));
		assert_int_equal(digest.algorithm, DIGEST_SHA256);
		assert_string_equal(digest_hex(&digest, hex), HEX);
		assert_int_equal(size, 12345);
	}
}

static void what_is_written_is_read(void **state)
{
	struct digest digest = {0}, found = {0}, oid;
	char text[POINTER_MAX_BYTES], hex[DIGEST_HEX_MAX];
	uint64_t size = 0;
	size_t len;

	(void)state;
	assert_true(digest_parse_hex(DIGEST_SHA256, HEX, &digest));
	len = pointer_write(&digest, 12345, text);
	assert_string_equal(text, VERSION "oid sha256:" HEX "\nsize 12345\n");
	assert_true(pointer_parse(text, len, &found, &size));
	assert_true(digest_equal(&found, &digest));
	assert_int_equal(size, 12345);
	assert_true(pointer_git_oid(text, len, &oid)); /* as git hash-object has it */
	assert_string_equal(digest_hex(&oid, hex), "6afbfd5319310ea8d8cde0978056cb90cee3cc13");
}

static void anything_else_is_none(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"hello",
		"{\"oid\": 1}\n",
		VERSION,
		VERSION "size 5\n",
		VERSION "oid sha256:" HEX "\n",
		"oid sha256:" HEX "\nsize 5\n" VERSION,
		"version https://example.com/spec/v1\noid sha256:" HEX "\nsize 5\n",
		VERSION "oid sha256:" HEX "0\nsize 5\n",
		VERSION "oid sha256:" HEX "\noid sha256:" HEX "\nsize 5\n",
		VERSION "oid md5:" HEX "\nsize 5\n",
		VERSION "oid " HEX "\nsize 5\n",
		VERSION "oid sha256:g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\nsize 5\n",
		VERSION "oid sha256:" HEX "\nsize -5\n",
		VERSION "oid sha256:" HEX "\nsize +5\n",
		VERSION "oid sha256:" HEX "\nsize 5 \n",
		VERSION "oid sha256:" HEX "\nsize \n",
		VERSION "oid sha256:" HEX "\nsize 5\nsize 5\n",
		VERSION "oid sha256:" HEX "\nsize 9223372036854775808\n",
		VERSION "oid sha256:" HEX "\nsize 99999999999999999999999999\n",
		VERSION "\noid sha256:" HEX "\nsize 5\n",
		VERSION " oid sha256:" HEX "\nsize 5\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct digest digest = {.algorithm = DIGEST_NONE};
		uint64_t size = 77;
		assert_false(parse(bad[i], &digest, &size));
		assert_int_equal(size, 77);
		assert_int_equal(digest.algorithm, DIGEST_NONE);
	}
}

static void the_largest_size(void **state)
{
	struct digest digest;
	uint64_t size;

	(void)state;
	assert_true(parse(VERSION "oid sha256:" HEX "\nsize 9223372036854775807\n", &digest, &size));
	assert_true(size == INT64_MAX);
}

static void a_long_text_is_no_pointer(void **state)
{
	char text[POINTER_MAX_BYTES + 1];
	size_t len = strlen(VERSION "oid sha256:" HEX "\nsize 5\nx ");
	struct digest digest;
	uint64_t size;

	(void)state;
	memset(text, 'x', sizeof text);
	memcpy(text, VERSION "oid sha256:" HEX "\nsize 5\nx ", len);
	assert_true(pointer_parse(text, POINTER_MAX_BYTES - 1, &digest, &size));
	assert_false(pointer_parse(text, POINTER_MAX_BYTES, &digest, &size));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pointer_names_digest_and_size),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(anything_else_is_none),
		cmocka_unit_test(the_largest_size),
		cmocka_unit_test(a_long_text_is_no_pointer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
