#include "support/cmocka.h"

#include "cli/endpoint_settings.h"

#include <stdlib.h>
#include <string.h>

#define URL "http://127.0.0.1:5274"
#define HUB "https://mirror.example"

static int clear(void **state)
{
	static const char *const names[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "MODEL_ENDPOINT", "HF_ENDPOINT"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unsetenv(names[i]);
	return 0;
}

static const char *value_of(const struct endpoint_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->count; i++)
		if (strcmp(settings->items[i].name, name) == 0)
			return settings->items[i].value;
	return NULL;
}

static void no_more_than_is_needed(void **state)
{
	struct endpoint_settings settings;

	(void)state;
	assert_int_equal(endpoint_settings_make(&settings, URL, HUB, NULL), ERR_OK);
	assert_int_equal(settings.count, 2);
	assert_string_equal(value_of(&settings, "HF_ENDPOINT"), URL);
	assert_string_equal(value_of(&settings, "LARDER_HUB"), HUB);
	endpoint_settings_release(&settings);
}

static void what_comes_first_elsewhere_is_set_too(void **state)
{
	struct endpoint_settings settings;

	(void)state;
	setenv("MODEL_ENDPOINT", "https://elsewhere.example", 1);
	assert_int_equal(endpoint_settings_make(&settings, URL, HUB, NULL), ERR_OK);
	assert_string_equal(value_of(&settings, "MODEL_ENDPOINT"), URL);
	endpoint_settings_release(&settings);
}

static void a_proxy_is_not_asked_for_this_machine(void **state)
{
	struct endpoint_settings settings;

	(void)state;
	setenv("http_proxy", "http://proxy.example:3128", 1);
	setenv("no_proxy", ".example", 1);
	assert_int_equal(endpoint_settings_make(&settings, URL, HUB, NULL), ERR_OK);
	assert_string_equal(value_of(&settings, "no_proxy"), ".example,127.0.0.1,localhost");
	assert_string_equal(value_of(&settings, "NO_PROXY"), ".example,127.0.0.1,localhost");
	endpoint_settings_release(&settings);
	setenv("no_proxy", "localhost,.example", 1);
	assert_int_equal(endpoint_settings_make(&settings, URL, HUB, NULL), ERR_OK);
	assert_null(value_of(&settings, "no_proxy"));
	assert_string_equal(value_of(&settings, "NO_PROXY"), "localhost,.example");
	endpoint_settings_release(&settings);
	setenv("NO_PROXY", "*", 1);
	assert_int_equal(endpoint_settings_make(&settings, URL, HUB, NULL), ERR_OK);
	assert_int_equal(settings.count, 2);
	endpoint_settings_release(&settings);
}

static void assert_line(const char *value, enum shell shell, const char *expected)
{
	struct endpoint_setting setting = {"NAME", (char *)(uintptr_t)value};
	char *line = endpoint_setting_line(&setting, shell);

	assert_string_equal(line, expected);
	free(line);
}

static void lines_are_quoted_for_each_shell(void **state)
{
	(void)state;
	assert_line("a b", SHELL_SH, "export NAME='a b';");
	assert_line("it's $(no) \\ `code`", SHELL_SH, "export NAME='it'\\''s $(no) \\ `code`';");
	assert_line("it's \\", SHELL_FISH, "set -gx NAME 'it\\'s \\\\';");
	assert_line("it's!", SHELL_CSH, "setenv NAME 'it'\\''s\\!';");
}

static void shells_are_known_by_path_too(void **state)
{
	enum shell shell;

	(void)state;
	assert_true(shell_parse("/usr/bin/fish", &shell));
	assert_int_equal(shell, SHELL_FISH);
	assert_true(shell_parse("zsh", &shell));
	assert_int_equal(shell, SHELL_SH);
	assert_true(shell_parse("/bin/tcsh", &shell));
	assert_int_equal(shell, SHELL_CSH);
	assert_false(shell_parse("powershell", &shell));
	assert_false(shell_parse("", &shell));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(no_more_than_is_needed, clear),
		cmocka_unit_test_setup(what_comes_first_elsewhere_is_set_too, clear),
		cmocka_unit_test_setup(a_proxy_is_not_asked_for_this_machine, clear),
		cmocka_unit_test(lines_are_quoted_for_each_shell),
		cmocka_unit_test(shells_are_known_by_path_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
