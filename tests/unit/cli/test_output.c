#include "support/cmocka.h"

#include "cli/output.h"

#include <stdlib.h>
#include <string.h>

static void sizes_are_told_as_the_hub_tells_them(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {1234, "1.2 kB"}, {999949, "999.9 kB"}, {999950, "1.0 MB"}, {90868376, "90.9 MB"},
		{1000000000, "1.0 GB"}, {1099511627776, "1.1 TB"}, {UINT64_MAX, "18.4 EB"},
	};
	char text[SIZE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(output_size(cases[i].bytes, text), cases[i].text);
}

static void durations_have_two_units_at_most(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} cases[] = {
		{0, "0 s"}, {8, "8 s"}, {59, "59 s"}, {60, "1 min"}, {125, "2 min 5 s"}, {3600, "1 h"}, {3659, "1 h"}, {12000, "3 h 20 min"},
		{86400, "1 d"}, {187200, "2 d 4 h"},
	};
	char text[TIME_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(output_duration(cases[i].seconds, text), cases[i].text);
}

static void tables_are_aligned(void **state)
{
	static const char *const titles[] = {"SIZE", "STATE", "NAME"};
	char *written = NULL;
	size_t len = 0;
	struct output output = {.stream = open_memstream(&written, &len)};
	struct table table = {.titles = titles, .columns = 3, .right_aligned = 1};

	(void)state;
	table_add(&table, (const char *const[]){"1.2 GB", "pinned", "a"});
	table_add(&table, (const char *const[]){"5 B", "", "b\033c"});
	table_print(&table, &output);
	assert_int_equal(output_close(&output, NULL), ERR_OK);
	fclose(output.stream);
	assert_string_equal(written, "  SIZE  STATE   NAME\n"
				     "1.2 GB  pinned  a\n"
				     "   5 B          b?c\n");
	free(written);
}

static void an_empty_table_prints_nothing(void **state)
{
	static const char *const titles[] = {"NAME"};
	char *written = NULL;
	size_t len = 0;
	struct output output = {.stream = open_memstream(&written, &len)};
	struct table table = {.titles = titles, .columns = 1};

	(void)state;
	table_print(&table, &output);
	fclose(output.stream);
	assert_string_equal(written, "");
	free(written);
}

static void json_goes_on_one_line(void **state)
{
	char *written = NULL;
	size_t len = 0;
	struct output output = {.stream = open_memstream(&written, &len)};

	(void)state;
	output_json(&output, json_pack("{s:s, s:i}", "name", "a\nb", "size", 3));
	output_json(&output, json_pack("{s:b}", "held", 1));
	assert_int_equal(output_close(&output, NULL), ERR_OK);
	fclose(output.stream);
	assert_string_equal(written, "{\"name\":\"a\\nb\",\"size\":3}\n{\"held\":true}\n");
	free(written);
}

static void lost_results_are_an_error(void **state)
{
	struct output output = {.stream = fopen("/dev/full", "w")};
	struct why why = {0};

	(void)state;
	assert_non_null(output.stream);
	output_line(&output, "%s", "text");
	assert_int_equal(output_close(&output, &why), ERR_IO);
	assert_non_null(strstr(why.text, "standard output"));
	assert_non_null(strstr(why.text, "No space"));
	fclose(output.stream);
}

static void json_that_could_not_be_built_is_an_error(void **state)
{
	char *written = NULL;
	size_t len = 0;
	struct output output = {.stream = open_memstream(&written, &len)};

	(void)state;
	output_json(&output, NULL);
	assert_int_equal(output_close(&output, NULL), ERR_IO);
	fclose(output.stream);
	free(written);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_told_as_the_hub_tells_them),
		cmocka_unit_test(durations_have_two_units_at_most),
		cmocka_unit_test(tables_are_aligned),
		cmocka_unit_test(an_empty_table_prints_nothing),
		cmocka_unit_test(json_goes_on_one_line),
		cmocka_unit_test(lost_results_are_an_error),
		cmocka_unit_test(json_that_could_not_be_built_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
