#include "node/lanes.h"

#include "support/cmocka.h"

#define MB ((uint64_t)1000000)
#define LARGE (8000 * MB)
#define TRIAL_MS (LANES_SETTLE_MS + LANES_MEASURE_MS)

struct line {
	struct lanes lanes;
	uint64_t total;
	int64_t now_ms;
};

/* So many bytes a second come for so long; what came before is not the line's to know. */
static void flow(struct line *line, uint64_t rate, int64_t ms)
{
	for (int64_t at = 0; at < ms; at += 10) {
		line->now_ms += 10;
		line->total += rate / 100;
		lanes_on_bytes(&line->lanes, rate / 100, line->total, line->now_ms);
	}
}

static void end_segment(struct line *line, bool may_grow)
{
	lanes_on_segment(&line->lanes, may_grow, line->total, line->now_ms);
}

/* The first segment has come at that rate, and `left` bytes are to come. */
static struct line begun(uint64_t rate, uint64_t left, bool may_grow)
{
	struct line line = {.total = 12345 * MB};

	lanes_init(&line.lanes, LANES_FIRST_BYTES + left);
	assert_int_equal(line.lanes.count, 1);
	assert_int_equal(lanes_segment(&line.lanes), LANES_FIRST_BYTES);
	flow(&line, rate, (int64_t)(LANES_FIRST_BYTES * 1000 / rate));
	line.lanes.came = LANES_FIRST_BYTES; /* to the byte */
	end_segment(&line, may_grow);
	return line;
}

static void assert_wants(const struct line *line, unsigned count, uint64_t segment)
{
	assert_int_equal(line->lanes.count, count);
	assert_int_equal(lanes_segment(&line->lanes), segment);
}

static void what_is_not_large_comes_in_one_piece(void **state)
{
	struct lanes lanes;

	(void)state;
	lanes_init(&lanes, LANES_FIRST_BYTES + LANES_REST_BYTES - 1);
	assert_int_equal(lanes.count, 1);
	assert_int_equal(lanes_segment(&lanes), UINT64_MAX);
}

static void what_will_be_here_soon_is_left_to_one(void **state)
{
	struct line line = begun(50 * MB, 99 * MB, true);

	(void)state;
	assert_wants(&line, 1, UINT64_MAX);
}

static void several_are_kept_where_they_bring_more(void **state)
{
	struct line line = begun(20 * MB, LARGE, true);

	(void)state;
	assert_wants(&line, LANES_MAX, LANES_SEGMENT_MIN_BYTES);
	flow(&line, 27 * MB, TRIAL_MS + 20);
	flow(&line, MB, 60000);
	assert_int_equal(line.lanes.count, LANES_MAX);
}

static void several_that_bring_no_more_are_taken_back(void **state)
{
	struct line line = begun(20 * MB, LARGE, true);

	(void)state;
	flow(&line, 24 * MB, TRIAL_MS - 20);
	assert_int_equal(line.lanes.count, LANES_MAX);
	flow(&line, 24 * MB, 40);
	assert_wants(&line, 1, LANES_AGAIN_BYTES);
}

/* While connections are being opened nothing may come, or all of a sudden much. */
static void what_settles_is_not_measured(void **state)
{
	struct line line = begun(20 * MB, LARGE, true);

	(void)state;
	flow(&line, 500 * MB, LANES_SETTLE_MS - 10);
	flow(&line, 21 * MB, LANES_MEASURE_MS + 30);
	assert_int_equal(line.lanes.count, 1);
	line = begun(20 * MB, LARGE, true);
	flow(&line, MB, LANES_SETTLE_MS - 10);
	flow(&line, 40 * MB, LANES_MEASURE_MS + 1000);
	assert_int_equal(line.lanes.count, LANES_MAX);
}

static void several_are_tried_again_later_and_later(void **state)
{
	struct line line = begun(20 * MB, LARGE, true);

	(void)state;
	for (uint64_t again = LANES_AGAIN_BYTES; again <= 4 * LANES_AGAIN_BYTES; again *= 2) {
		flow(&line, 20 * MB, TRIAL_MS + 20);
		assert_wants(&line, 1, again);
		flow(&line, 20 * MB, 5000);
		end_segment(&line, true);
		assert_int_equal(line.lanes.count, LANES_MAX);
	}
}

/* The rate of the last seconds counts, not that of a slow start. */
static void the_beginning_of_a_long_segment_does_not_count(void **state)
{
	struct line line = {0};

	(void)state;
	lanes_init(&line.lanes, LARGE);
	flow(&line, MB, 10000);
	flow(&line, 16 * MB, 10000);
	end_segment(&line, true);
	assert_int_equal(line.lanes.count, LANES_MAX);
	flow(&line, 18 * MB, TRIAL_MS + 20);
	assert_int_equal(line.lanes.count, 1);
}

/* What a kill costs is a small share of what has come; and no segment takes long, or much memory. */
static void segments_grow_with_what_has_come(void **state)
{
	struct line line = begun(15 * MB, LARGE, true);

	(void)state;
	for (int i = 0; i < 80; i++) {
		uint64_t together = lanes_segment(&line.lanes) * LANES_MAX;
		assert_int_equal(line.lanes.count, LANES_MAX);
		assert_true(together * LANES_SHARE <= line.lanes.came);
		flow(&line, 60 * MB, 100);
	}
	assert_in_range(lanes_segment(&line.lanes), 2900000, 3000000); /* 200 ms of 15 MB/s */
}

static void one_that_is_fast_goes_on_alone_until_segments_may_be_long(void **state)
{
	struct line line = begun(50 * MB, LARGE, true);

	(void)state;
	assert_in_range(lanes_segment(&line.lanes), 320 * MB - LANES_FIRST_BYTES - 100, 320 * MB - LANES_FIRST_BYTES); /* 50 ms, LANES_MAX times, LANES_SHARE times */
	assert_int_equal(line.lanes.count, 1);
	flow(&line, 50 * MB, 4000);
	end_segment(&line, true);
	assert_wants(&line, LANES_MAX, (LANES_FIRST_BYTES + 200 * MB) / LANES_SHARE / LANES_MAX);
	line = begun(500 * MB, LARGE, true);
	flow(&line, 500 * MB, 1000);
	end_segment(&line, true);
	assert_wants(&line, LANES_MAX, LANES_SEGMENT_MAX_BYTES);
	line = begun(21 * MB, LARGE, true);
	assert_wants(&line, 1, LANES_FIRST_BYTES / 4);
}

static void a_crowded_hub_is_looked_at_again_later(void **state)
{
	struct line line = begun(20 * MB, LARGE, false);

	(void)state;
	assert_wants(&line, 1, LANES_FIRST_BYTES);
	flow(&line, 20 * MB, 5000);
	end_segment(&line, true);
	assert_int_equal(line.lanes.count, LANES_MAX);
}

static void what_was_given_up_stays_so(void **state)
{
	struct line line = begun(20 * MB, LARGE, true);

	(void)state;
	lanes_give_up(&line.lanes);
	assert_wants(&line, 1, UINT64_MAX);
	flow(&line, 90 * MB, 10000);
	end_segment(&line, true);
	assert_wants(&line, 1, UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_large_comes_in_one_piece),
		cmocka_unit_test(what_will_be_here_soon_is_left_to_one),
		cmocka_unit_test(several_are_kept_where_they_bring_more),
		cmocka_unit_test(several_that_bring_no_more_are_taken_back),
		cmocka_unit_test(what_settles_is_not_measured),
		cmocka_unit_test(several_are_tried_again_later_and_later),
		cmocka_unit_test(the_beginning_of_a_long_segment_does_not_count),
		cmocka_unit_test(segments_grow_with_what_has_come),
		cmocka_unit_test(one_that_is_fast_goes_on_alone_until_segments_may_be_long),
		cmocka_unit_test(a_crowded_hub_is_looked_at_again_later),
		cmocka_unit_test(what_was_given_up_stays_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
