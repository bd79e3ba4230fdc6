#include "node/content_range.h"

#include "support/cmocka.h"

#include <stddef.h>

static void ranges_are_understood(void **state)
{
	uint64_t first, total;
	bool has_total;

	(void)state;
	assert_true(content_range_parse("bytes 5-9/100", &first, &has_total, &total));
	assert_int_equal(first, 5);
	assert_true(has_total);
	assert_int_equal(total, 100);
	assert_true(content_range_parse("Bytes 0-0/*", &first, &has_total, &total));
	assert_int_equal(first, 0);
	assert_false(has_total);
}

static void all_else_is_refused(void **state)
{
	static const char *const texts[] = {"", "bytes", "bytes ", "bytes 5-9", "bytes 5/100", "bytes 9-5/100", "bytes -9/100", "bytes 5-/100", "bytes 5-9/", "bytes 5-9/x",
					    "bytes */100", "bytes 5-9/1/2", "bytes 99999999999999999999-9/1", "lines 5-9/100", "bytes  5-9/100", "bytes /-"};
	uint64_t first = 7, total = 7;
	bool has_total = true;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (content_range_parse(texts[i], &first, &has_total, &total))
			fail_msg("\"%s\" was taken", texts[i]);
	assert_int_equal(first + total, 14);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_understood),
		cmocka_unit_test(all_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
