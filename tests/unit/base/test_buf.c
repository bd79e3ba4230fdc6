#include "base/buf.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

static void empty_is_a_string(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 10);
	assert_string_equal(buf_str(&buf), "");
	buf_release(&buf);
}

static void grows_up_to_its_limit_and_no_further(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 5);
	assert_int_equal(buf_add_str(&buf, "abc"), ERR_OK);
	assert_int_equal(buf_add_str(&buf, "def"), ERR_LIMIT);
	assert_string_equal(buf_str(&buf), "abc");
	assert_int_equal(buf_add_str(&buf, "de"), ERR_OK);
	assert_string_equal(buf_str(&buf), "abcde");
	assert_int_equal(buf_reserve(&buf, SIZE_MAX), ERR_LIMIT);
	buf_release(&buf);
	assert_int_equal(buf.limit, 5);
}

static void formats_at_the_end(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 1000);
	assert_int_equal(buf_add_format(&buf, "%s=%d", "chunks", 7), ERR_OK);
	assert_int_equal(buf_add_format(&buf, ";%0200d", 1), ERR_OK);
	assert_int_equal(buf.len, 209);
	assert_memory_equal(buf.data, "chunks=7;000", 12);
	assert_int_equal(buf_add_format(&buf, "%01000d", 1), ERR_LIMIT);
	assert_int_equal(buf.len, 209);
	buf_release(&buf);
}

static void is_taken_as_a_string_even_when_empty(void **state)
{
	struct buf buf;
	char *text;

	(void)state;
	buf_init(&buf, 10);
	text = buf_take_str(&buf);
	assert_string_equal(text, "");
	free(text);
	assert_int_equal(buf_add(&buf, "a\0b", 3), ERR_OK);
	text = buf_take_str(&buf);
	assert_memory_equal(text, "a\0b", 4);
	assert_int_equal(buf.len, 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_is_a_string),
		cmocka_unit_test(grows_up_to_its_limit_and_no_further),
		cmocka_unit_test(formats_at_the_end),
		cmocka_unit_test(is_taken_as_a_string_even_when_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
