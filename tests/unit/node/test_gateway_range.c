#include "node/gateway_range.h"
#include "support/cmocka.h"

#include <string.h>

#define ETAG "\"abc\""

static void assert_part(const char *value, uint64_t size, uint64_t first, uint64_t end)
{
	struct gateway_range range = gateway_range_parse(value, NULL, ETAG, size);

	if (range.kind != RANGE_PART || range.first != first || range.end != end)
		fail_msg("%s of %llu: kind %d, %llu to %llu", value, (unsigned long long)size, range.kind, (unsigned long long)range.first, (unsigned long long)range.end);
}

static void assert_kind(const char *value, uint64_t size, enum gateway_range_kind kind)
{
	struct gateway_range range = gateway_range_parse(value, NULL, ETAG, size);

	if (range.kind != kind)
		fail_msg("%s of %llu: kind %d", value, (unsigned long long)size, range.kind);
	if (kind == RANGE_WHOLE)
		assert_true(range.first == 0 && range.end == size);
}

static void all_forms_are_understood(void **state)
{
	(void)state;
	assert_part("bytes=0-0", 100, 0, 1);
	assert_part("bytes=5-9", 100, 5, 10);
	assert_part("bytes=5-", 100, 5, 100);
	assert_part("bytes=-5", 100, 95, 100);
	assert_part("bytes=0-99", 100, 0, 100);
	assert_part("Bytes= 5-9 ", 100, 5, 10);
}

static void ends_are_clamped(void **state)
{
	(void)state;
	assert_part("bytes=90-100", 100, 90, 100); /* one past the end, as an old client of Rust asks */
	assert_part("bytes=90-99999999999999999999999999", 100, 90, 100);
	assert_part("bytes=-1000", 100, 0, 100);
	assert_part("bytes=0-18446744073709551615", UINT64_MAX, 0, UINT64_MAX);
}

static void what_is_beyond_is_said_to_be(void **state)
{
	(void)state;
	assert_kind("bytes=100-", 100, RANGE_BEYOND);
	assert_kind("bytes=100-200", 100, RANGE_BEYOND);
	assert_kind("bytes=99999999999999999999999999-", 100, RANGE_BEYOND);
	assert_kind("bytes=-0", 100, RANGE_BEYOND);
	assert_kind("bytes=0-0", 0, RANGE_BEYOND);
	assert_kind("bytes=0-", 0, RANGE_BEYOND);
}

static void the_rest_is_passed_over(void **state)
{
	static const char *const values[] = {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5", "bytes=9-5", "bytes=0-1,5-6", "bytes=0-1x", "items=0-1", "bytes=+1-2", "bytes=1--2", "bytes= -"};

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		assert_kind(values[i], 100, RANGE_WHOLE);
	assert_kind(NULL, 100, RANGE_WHOLE);
}

static void a_range_of_another_version_is_the_whole(void **state)
{
	(void)state;
	assert_int_equal(gateway_range_parse("bytes=5-9", ETAG, ETAG, 100).kind, RANGE_PART);
	assert_int_equal(gateway_range_parse("bytes=5-9", "\"abd\"", ETAG, 100).kind, RANGE_WHOLE);
	assert_int_equal(gateway_range_parse("bytes=5-9", "W/" ETAG, ETAG, 100).kind, RANGE_WHOLE);
	assert_int_equal(gateway_range_parse("bytes=5-9", "Wed, 21 Oct 2015 07:28:00 GMT", ETAG, 100).kind, RANGE_WHOLE);
}

static void known_etags_are_found(void **state)
{
	(void)state;
	assert_true(gateway_etag_is_known(ETAG, ETAG));
	assert_true(gateway_etag_is_known("W/" ETAG, ETAG));
	assert_true(gateway_etag_is_known("\"x\", W/\"y\" ,\t" ETAG, ETAG));
	assert_true(gateway_etag_is_known("*", ETAG));
	assert_false(gateway_etag_is_known(NULL, ETAG));
	assert_false(gateway_etag_is_known("", ETAG));
	assert_false(gateway_etag_is_known("abc", ETAG));
	assert_false(gateway_etag_is_known("\"abcd\", \"ab\"", ETAG));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_forms_are_understood),
		cmocka_unit_test(ends_are_clamped),
		cmocka_unit_test(what_is_beyond_is_said_to_be),
		cmocka_unit_test(the_rest_is_passed_over),
		cmocka_unit_test(a_range_of_another_version_is_the_whole),
		cmocka_unit_test(known_etags_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
