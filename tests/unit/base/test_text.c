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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(controls_are_tamed_and_letters_stay)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
