#include "node/retry_after.h"
#include "support/cmocka.h"

#define NOW 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */

static void assert_wait(const char *value, int64_t expected)
{
	int64_t wait_s = -1;

	assert_true(retry_after_parse(value, NOW, &wait_s));
	assert_true(wait_s == expected);
}

static void seconds(void **state)
{
	(void)state;
	assert_wait("0", 0);
	assert_wait("120", 120);
	assert_wait("99999999999", RETRY_AFTER_MAX_S);
}

static void dates(void **state)
{
	(void)state;
	assert_wait("Sun, 06 Nov 1994 08:49:37 GMT", 0);
	assert_wait("Sun, 06 Nov 1994 08:50:07 GMT", 30);
	assert_wait("Sun, 06 Nov 1994 08:49:07 GMT", 0);
	assert_wait("Mon, 07 Nov 1994 08:49:36 GMT", 86399);
	assert_wait("Thu, 29 Feb 2024 00:00:00 GMT", RETRY_AFTER_MAX_S);
}

static void nonsense(void **state)
{
	static const char *const bad[] = {
		"", "soon", "-1", "1.5", " 5", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 ovD 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 32 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "99999999999999999999999",
	};
	int64_t wait_s = -1;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(retry_after_parse(bad[i], NOW, &wait_s));
	assert_true(wait_s == -1);
}

static void rate_limits(void **state)
{
	int64_t wait_s = -1;

	(void)state;
	assert_true(rate_limit_parse("\"resolvers\";r=0;t=172", &wait_s));
	assert_true(wait_s == 172);
	assert_true(rate_limit_parse("\"api\"; t=5", &wait_s));
	assert_true(wait_s == 5);
	assert_false(rate_limit_parse("\"resolvers\";r=2999;t=172", &wait_s));
	assert_false(rate_limit_parse("\"resolvers\";r=0", &wait_s));
	assert_false(rate_limit_parse("\"resolvers\";r=x;t=1", &wait_s));
	assert_false(rate_limit_parse("\"resolvers\";r=0;t=", &wait_s));
	assert_false(rate_limit_parse("", &wait_s));
	assert_true(wait_s == 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds),
		cmocka_unit_test(dates),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(rate_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
