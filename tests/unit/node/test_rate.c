#include "support/cmocka.h"

#include "node/rate.h"

#define MB 1000000ULL

/* From `from_ms` on for `ms`, in pieces every 10 ms. */
static void flow(struct rate *rate, uint64_t per_s, int64_t from_ms, int64_t ms)
{
	for (int64_t at = from_ms + 10; at <= from_ms + ms; at += 10)
		rate_add(rate, per_s / 100, at);
}

static void follows_what_comes(void **state)
{
	struct rate rate = {0};

	(void)state;
	assert_int_equal(rate_per_s(&rate, 5), 0);
	rate_begin(&rate, 1000);
	flow(&rate, 10 * MB, 1000, 1000);
	assert_in_range(rate_per_s(&rate, 2000), 9 * MB, 11 * MB);
	flow(&rate, 40 * MB, 2000, 3000);
	assert_in_range(rate_per_s(&rate, 5000), 36 * MB, 41 * MB);
	flow(&rate, 2 * MB, 5000, 3000);
	assert_in_range(rate_per_s(&rate, 8000), MB, 3 * MB);
}

static void sinks_only_while_something_is_wanted(void **state)
{
	struct rate rate = {0};

	(void)state;
	rate_begin(&rate, 0);
	flow(&rate, 10 * MB, 0, 1000);
	assert_true(rate_per_s(&rate, 3000) < 1 * MB);
	flow(&rate, 10 * MB, 1000, 1000);
	rate_end(&rate, 2000);
	assert_in_range(rate_per_s(&rate, 60000), 8 * MB, 11 * MB);
	rate_begin(&rate, 60000);
	assert_in_range(rate_per_s(&rate, 60010), 8 * MB, 11 * MB);
}

/* One who is quick is known to be after his first mebibyte, one who sends nothing when he is given up. */
static void the_first_moments(void **state)
{
	struct rate quick = {0}, dead = {0};

	(void)state;
	rate_begin(&quick, 0);
	rate_add(&quick, 1 << 20, 10);
	assert_true(quick.is_known);
	assert_in_range(rate_per_s(&quick, 10), 90 * MB, 120 * MB);
	rate_begin(&dead, 0);
	rate_end(&dead, 50);
	assert_false(dead.is_known);
	rate_begin(&dead, 100);
	rate_end(&dead, 700);
	assert_true(dead.is_known);
	assert_int_equal(rate_per_s(&dead, 700), 0);
}

static void history_forgets(void **state)
{
	struct rate_history history = {0};

	(void)state;
	for (int64_t at = 100; at <= 5000; at += 100)
		rate_history_add(&history, MB / 10, at + 1000000);
	assert_in_range(rate_history_per_s(&history, 1005000), 9 * MB / 10, 11 * MB / 10);
	assert_in_range(rate_history_per_s(&history, 1007500), 3 * MB / 10, 6 * MB / 10);
	assert_int_equal(rate_history_per_s(&history, 1011000), 0);
	rate_history_add(&history, 5 * MB, 2000000);
	assert_int_equal(rate_history_per_s(&history, 2000000), MB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_what_comes),
		cmocka_unit_test(sinks_only_while_something_is_wanted),
		cmocka_unit_test(the_first_moments),
		cmocka_unit_test(history_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
