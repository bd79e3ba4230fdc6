#include "support/cmocka.h"

#include "cli/ask.h"

static const char *round_trip(json_int_t us, char ret[ASK_TIME_MAX])
{
	json_t *line = json_pack("{s:I}", "round_trip_us", us);

	ask_round_trip(line, ret);
	json_decref(line);
	return ret;
}

static void a_round_trip_is_shown_as_finely_as_it_matters(void **state)
{
	char text[ASK_TIME_MAX];
	json_t *unknown = json_object();

	(void)state;
	assert_string_equal(round_trip(0, text), "0.00 ms");
	assert_string_equal(round_trip(214, text), "0.21 ms");
	assert_string_equal(round_trip(9994, text), "9.99 ms");
	assert_string_equal(round_trip(12345, text), "12 ms");
	assert_string_equal(round_trip(1400000, text), "1.4 s");
	assert_string_equal(ask_round_trip(unknown, text), "-");
	json_decref(unknown);
}

static void what_is_not_there_is_nothing(void **state)
{
	json_t *line = json_pack("{s:i, s:s, s:s}", "less", -4, "text", "x", "number", "7");

	(void)state;
	assert_string_equal(ask_text(line, "text"), "x");
	assert_string_equal(ask_text(line, "less"), "");
	assert_string_equal(ask_text(NULL, "text"), "");
	assert_int_equal(ask_number(line, "less"), 0);
	assert_int_equal(ask_number(line, "number"), 0);
	assert_int_equal(ask_number(NULL, "number"), 0);
	json_decref(line);
}

static void nodes_are_counted_in_words(void **state)
{
	char text[48];

	(void)state;
	assert_string_equal(ask_heard(0, text), "no other node was heard");
	assert_string_equal(ask_heard(1, text), "1 other node was heard");
	assert_string_equal(ask_heard(3, text), "3 other nodes were heard");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_round_trip_is_shown_as_finely_as_it_matters),
		cmocka_unit_test(what_is_not_there_is_nothing),
		cmocka_unit_test(nodes_are_counted_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
