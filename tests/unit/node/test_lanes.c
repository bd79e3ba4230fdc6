#include "node/lanes.h"

#include "support/cmocka.h"

#define MB ((uint64_t)1000000)
#define LARGE (2000 * MB)

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
		lanes_on_bytes(&line->lanes, line->total, line->now_ms);
	}
}

/* The probe has come at that rate, and `left` bytes are to come. */
static struct line probed(uint64_t rate, uint64_t left, bool may_grow)
{
	struct line line = {.total = 12345 * MB};

	lanes_init(&line.lanes, LANES_PROBE_BYTES + left);
	assert_int_equal(line.lanes.count, 1);
	assert_int_equal(line.lanes.segment, LANES_PROBE_BYTES);
	flow(&line, rate, (int64_t)(LANES_PROBE_BYTES * 1000 / rate));
	lanes_on_segment(&line.lanes, line.total, left, may_grow, line.now_ms);
	return line;
}

static void assert_wants(const struct line *line, unsigned count, uint64_t segment)
{
	assert_int_equal(line->lanes.count, count);
	assert_int_equal(line->lanes.segment, segment);
}

static void what_is_not_large_comes_in_one_piece(void **state)
{
	struct lanes lanes;

	(void)state;
	lanes_init(&lanes, LANES_LARGE_BYTES - 1);
	assert_int_equal(lanes.count, 1);
	assert_int_equal(lanes.segment, UINT64_MAX);
}

static void what_will_be_here_soon_is_left_to_one(void **state)
{
	struct line line = probed(50 * MB, 99 * MB, true);

	(void)state;
	assert_wants(&line, 1, UINT64_MAX);
	line = probed(5 * MB, LANES_LARGE_BYTES - 1, true);
	assert_wants(&line, 1, UINT64_MAX);
}

static void more_are_kept_as_long_as_they_bring_more(void **state)
{
	struct line line = probed(20 * MB, LARGE, true);

	(void)state;
	assert_wants(&line, 2, 4 * MB);
	flow(&line, 38 * MB, LANES_SETTLE_MS + LANES_MEASURE_MS - 20);
	assert_wants(&line, 2, 4 * MB);
	flow(&line, 38 * MB, 30);
	assert_int_equal(line.lanes.count, 4);
	flow(&line, 70 * MB, LANES_SETTLE_MS + LANES_MEASURE_MS + 20);
	assert_int_equal(line.lanes.count, 4);
	flow(&line, MB, 60000);
	assert_int_equal(line.lanes.count, 4);
}

static void what_brings_no_more_is_taken_back(void **state)
{
	struct line line = probed(20 * MB, LARGE, true);

	(void)state;
	flow(&line, 24 * MB, LANES_SETTLE_MS + LANES_MEASURE_MS + 10);
	assert_wants(&line, 1, LANES_AGAIN_BYTES);
	line = probed(20 * MB, LARGE, true);
	flow(&line, 40 * MB, LANES_SETTLE_MS + LANES_MEASURE_MS + 10);
	assert_int_equal(line.lanes.count, 4);
	flow(&line, 42 * MB, LANES_SETTLE_MS + LANES_MEASURE_MS + 10);
	assert_wants(&line, 2, 4 * MB);
}

/* While connections are being opened nothing may come, or all of a sudden much. */
static void what_settles_is_not_measured(void **state)
{
	struct line line = probed(20 * MB, LARGE, true);

	(void)state;
	flow(&line, 500 * MB, LANES_SETTLE_MS - 10);
	flow(&line, 21 * MB, LANES_MEASURE_MS + 20);
	assert_int_equal(line.lanes.count, 1);
	line = probed(20 * MB, LARGE, true);
	flow(&line, MB, LANES_SETTLE_MS - 10);
	flow(&line, 40 * MB, LANES_MEASURE_MS + 20);
	assert_int_equal(line.lanes.count, 4);
}

static void several_are_tried_again_later_and_later(void **state)
{
	struct line line = probed(20 * MB, LARGE, true);

	(void)state;
	for (uint64_t again = LANES_AGAIN_BYTES; again <= 4 * LANES_AGAIN_BYTES; again *= 2) {
		flow(&line, 20 * MB, LANES_SETTLE_MS + LANES_MEASURE_MS + 10);
		assert_wants(&line, 1, again);
		flow(&line, 20 * MB, 5000);
		lanes_on_segment(&line.lanes, line.total, LARGE, true, line.now_ms);
		assert_int_equal(line.lanes.count, 2);
	}
}

/* The rate of the last seconds counts, not that of a slow start. */
static void the_beginning_of_a_long_segment_does_not_count(void **state)
{
	struct line line = {0};

	(void)state;
	lanes_init(&line.lanes, LARGE);
	flow(&line, MB, 10000);
	flow(&line, 22 * MB, 2500);
	lanes_on_segment(&line.lanes, line.total, LARGE, true, line.now_ms);
	flow(&line, 24 * MB, LANES_SETTLE_MS + LANES_MEASURE_MS + 10);
	assert_int_equal(line.lanes.count, 1);
}

static void one_that_is_fast_goes_on_alone_for_a_while(void **state)
{
	struct line line = probed(70 * MB, LARGE, true);

	(void)state;
	assert_wants(&line, 1, LANES_PATIENT_BYTES - LANES_PROBE_BYTES);
	flow(&line, 70 * MB, 2000);
	lanes_on_segment(&line.lanes, line.total, LARGE + LANES_PROBE_BYTES - LANES_PATIENT_BYTES, true, line.now_ms);
	assert_wants(&line, 2, LANES_SEGMENT_MAX_BYTES);
}

static void a_crowded_hub_is_looked_at_again_later(void **state)
{
	struct line line = probed(20 * MB, LARGE, false);

	(void)state;
	assert_wants(&line, 1, LANES_PATIENT_BYTES);
	flow(&line, 20 * MB, 5000);
	lanes_on_segment(&line.lanes, line.total, LARGE, true, line.now_ms);
	assert_int_equal(line.lanes.count, 2);
}

static void what_was_given_up_stays_so(void **state)
{
	struct line line = probed(20 * MB, LARGE, true);

	(void)state;
	lanes_give_up(&line.lanes);
	assert_wants(&line, 1, UINT64_MAX);
	flow(&line, 90 * MB, 10000);
	lanes_on_segment(&line.lanes, line.total, LARGE, true, line.now_ms);
	assert_wants(&line, 1, UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_large_comes_in_one_piece),
		cmocka_unit_test(what_will_be_here_soon_is_left_to_one),
		cmocka_unit_test(more_are_kept_as_long_as_they_bring_more),
		cmocka_unit_test(what_brings_no_more_is_taken_back),
		cmocka_unit_test(what_settles_is_not_measured),
		cmocka_unit_test(several_are_tried_again_later_and_later),
		cmocka_unit_test(the_beginning_of_a_long_segment_does_not_count),
		cmocka_unit_test(one_that_is_fast_goes_on_alone_for_a_while),
		cmocka_unit_test(a_crowded_hub_is_looked_at_again_later),
		cmocka_unit_test(what_was_given_up_stays_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
