#include "base/text.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>

static void controls_are_tamed_and_letters_stay(void **state)
{
	static const struct {
		const char *text, *tame;
	} cases[] = {
		{"", ""},
		{"a b", "a b"},
		{"a\x1b[2J\n\x7f", "a?[2J??"},
		{"a\xc2\x9b" "2J", "a??2J"},
		{"\x9b" "2J", "?2J"},
		{"\xc3\x9b\xe4\xbd\xa0\xf0\x9f\x99\x82", "\xc3\x9b\xe4\xbd\xa0\xf0\x9f\x99\x82"},
		{"\xc2\xa0", "\xc2\xa0"},
		{"\xe4\xbd", "\xe4\xbd"},
		{"\xc3\xa4\x9b", "\xc3\xa4?"},
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, "%s", cases[i].text);
		assert_int_equal(text_has_control(text, strlen(text)), strcmp(cases[i].text, cases[i].tame) != 0);
		text_tame(text);
		assert_string_equal(text, cases[i].tame);
	}
	assert_false(text_has_control("a\n", 1));
}

static void utf8_is_told_from_other_bytes(void **state)
{
	static const char *const good[] = {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
		"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xc3\xa4z"};
	static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2z", "\xc2\xc0", "\xe0\x9f\xbf", "\xe4\xbd", "\xe4\xbdz", "\xed\xa0\x80",
		"\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf0\x90\x80z", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xc3\xa4\xa4"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(text_is_utf8(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(text_is_utf8(bad[i], strlen(bad[i])));
	assert_true(text_is_utf8("a\0b", 3));
	assert_false(text_is_utf8("\xc3\xa4", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(controls_are_tamed_and_letters_stay), cmocka_unit_test(utf8_is_told_from_other_bytes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
