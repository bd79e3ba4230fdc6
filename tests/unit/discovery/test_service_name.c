#include "discovery/service_name.h"

#include "support/cmocka.h"

#include <string.h>

#define SUFFIX " (0a0b0c0d)"
#define FIFTY "12345678901234567890123456789012345678901234567890"

static void names_fit_and_are_text(void **state)
{
	static const uint8_t node[NOTE_TAG_LEN] = {0x0a, 0x0b, 0x0c, 0x0d, 1, 2, 3, 4};
	static const struct {
		const char *name, *service;
	} cases[] = {
		{"kitchen", "kitchen" SUFFIX},
		{"", "larder" SUFFIX},
		{"K\xc3\xbc" "che \xf0\x9f\x8d\x9e", "K\xc3\xbc" "che \xf0\x9f\x8d\x9e" SUFFIX},
		{FIFTY "123", FIFTY "12" SUFFIX},                               /* 52 + 11 = 63 bytes */
		{FIFTY "1\xc3\xbc", FIFTY "1" SUFFIX},                          /* not half a character */
		{FIFTY "\xc3\xbc", FIFTY "\xc3\xbc" SUFFIX},
		{FIFTY FIFTY FIFTY FIFTY, FIFTY "12" SUFFIX},
		{"a\nb\x1b[2J\x7f", "a?b?[2J?" SUFFIX},
		{"\xff\xfe" "a\xc3", "??a?" SUFFIX},
		{"\xc0\x80\xed\xa0\x80\xf5\x80\x80\x80\xe0\x80\x80", "????????????" SUFFIX}, /* overlong, surrogate, too large */
		{"\xc2\x9b" "2J", "??2J" SUFFIX},
	};
	char service[DISCOVERY_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		service_name_make(cases[i].name, node, service);
		assert_string_equal(service, cases[i].service);
		assert_true(strlen(service) < DISCOVERY_NAME_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names_fit_and_are_text)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
