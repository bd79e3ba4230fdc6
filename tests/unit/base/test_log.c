#include "base/log.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

static char *logged(enum log_level level, const char *text)
{
	char *out = NULL;
	size_t len = 0;
	struct log log = {.out = open_memstream(&out, &len), .level = LOG_LEVEL_WARN};

	log_line(&log, level, "%s", text);
	fclose(log.out);
	return out;
}

static void writes_what_its_level_lets_through(void **state)
{
	char *line = logged(LOG_LEVEL_WARN, "the hub is away");

	(void)state;
	assert_string_equal(line, "warn: the hub is away\n");
	free(line);
	line = logged(LOG_LEVEL_INFO, "nobody wants to know");
	assert_string_equal(line, "");
	free(line);
}

static void text_from_outside_cannot_forge_a_line(void **state)
{
	char *line = logged(LOG_LEVEL_ERROR, "a\nerror: b\x1b[31m");

	(void)state;
	assert_string_equal(line, "error: a?error: b?[31m\n");
	free(line);
}

static void a_long_line_is_cut_but_ended(void **state)
{
	char text[4000];
	char *line;

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	line = logged(LOG_LEVEL_ERROR, text);
	assert_true(strlen(line) < 1100);
	assert_int_equal(line[strlen(line) - 1], '\n');
	free(line);
}

static void levels_are_parsed(void **state)
{
	enum log_level level = LOG_LEVEL_INFO;

	(void)state;
	assert_true(log_level_parse("debug", &level));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_false(log_level_parse("loud", &level));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	log_warn(NULL, "a log that is not there is silent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_what_its_level_lets_through),
		cmocka_unit_test(text_from_outside_cannot_forge_a_line),
		cmocka_unit_test(a_long_line_is_cut_but_ended),
		cmocka_unit_test(levels_are_parsed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
