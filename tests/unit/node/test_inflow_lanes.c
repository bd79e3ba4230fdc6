/* Several connections for a large file. */
#include "support/inflow_play.h"

#include "support/cmocka.h"

static void slow_connections_are_joined_by_others(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 300 * MIB + 77);
	play.hub.body_rate = 15 * MIB;
	play.hub.answer_ms = 40;
	play_start(&play, 0, 301);
	play_run(&play);
	play_assert_whole(&play, 0);
	assert_int_equal(play.hub.most, LANES_MAX);
	assert_in_range(play.most_in_memory, 5, INFLOW_WINDOW_CHUNKS);
	assert_in_range(play.hub.now_ms, 0, 13500); /* of 20 s */
	play_release(&play);
}

static void a_line_that_one_fills_is_left_to_it(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 400 * MIB);
	play.hub.line_rate = 15 * MIB;
	play_start(&play, 0, 400);
	play_run(&play);
	play_assert_whole(&play, 0);
	assert_int_equal(play.hub.most, LANES_MAX);
	assert_in_range(play.hub.requests, 5, 60);
	play_release(&play);
}

static void there_may_be_no_room_or_no_address_to_share(void **state)
{
	struct play play;

	(void)state;
	for (int i = 0; i < 4; i++) {
		play_init(&play, 300 * MIB);
		play.hub.body_rate = 15 * MIB;
		if (i)
			play.hub.bodies_max = (size_t)i - 1;
		else
			play.hub.no_place = true;
		play_start(&play, 0, 300);
		play_run(&play);
		play_assert_whole(&play, 0);
		assert_int_equal(play.hub.most, i < 2 ? 1 : i - 1);
		play_release(&play);
	}
}

static void what_several_may_not_bring_comes_by_one(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 300 * MIB);
	play.hub.body_rate = 15 * MIB;
	play.hub.many_err = ERR_UNSUPPORTED;
	play_start(&play, 0, 300);
	play_run(&play);
	play_assert_whole(&play, 2 * MIB);
	assert_int_equal(play.hub.most, LANES_MAX);
	assert_int_equal(play.hub.requests, 2 + LANES_MAX);
	play_release(&play);
}

/* One of several fails when others hold chunks behind its gap already. */
static void a_gap_is_filled_and_no_more(void **state)
{
	struct play play;
	struct hub_body *body;

	(void)state;
	play_init(&play, 300 * MIB);
	play.hub.body_rate = 15 * MIB;
	play_start(&play, 0, 300);
	play_run_until(&play, LANES_MAX);
	body = play.hub.each[0].body;
	assert_int_equal(body->first, LANES_FIRST_BYTES);
	play_deliver(&play.hub, &play.hub.each[0], 7);
	for (size_t i = 1; i < LANES_MAX; i++)
		play_deliver(&play.hub, &play.hub.each[i], MIB);
	hub_body_cancel(&play.hub, body);
	body->on_done(body, ERR_HUB_AWAY, &(struct why){"gone"});
	play.hub.ignores_range = true; /* what is held must not come again even so */
	play_run(&play);
	play_assert_whole(&play, 7);
	play_release(&play);
}

static void a_server_that_ignores_ranges_is_asked_once(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 300 * MIB);
	play.hub.body_rate = 15 * MIB;
	play.hub.ignores_range = true;
	play_start(&play, 0, 300);
	play_run(&play);
	play_assert_whole(&play, 0);
	assert_int_equal(play.hub.requests, 1);
	play_release(&play);
}

static void several_stop_when_chunks_are_not_taken_away(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 300 * MIB);
	play.hub.body_rate = 15 * MIB;
	play_start(&play, 0, 300);
	play_run_until(&play, LANES_MAX);
	play.keeps = true;
	play_run(&play);
	assert_int_equal(play.done, 0);
	assert_in_range(play.most_in_memory, 16, INFLOW_WINDOW_CHUNKS);
	play.keeps = false;
	play_give_back(&play);
	play_run(&play);
	play_assert_whole(&play, 0);
	assert_in_range(play.most_in_memory, 16, INFLOW_WINDOW_CHUNKS);
	play_release(&play);
}

static void several_are_cancelled_from_within(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 300 * MIB);
	play.hub.body_rate = 15 * MIB;
	play.cancel_at = 150;
	play_start(&play, 0, 300);
	play_run(&play);
	assert_int_equal(play.done, 0);
	assert_false(play.inflow.running);
	assert_int_equal(play_count_bodies(&play.hub), 0);
	play_release(&play);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_connections_are_joined_by_others),
		cmocka_unit_test(a_line_that_one_fills_is_left_to_it),
		cmocka_unit_test(there_may_be_no_room_or_no_address_to_share),
		cmocka_unit_test(what_several_may_not_bring_comes_by_one),
		cmocka_unit_test(a_gap_is_filled_and_no_more),
		cmocka_unit_test(a_server_that_ignores_ranges_is_asked_once),
		cmocka_unit_test(several_stop_when_chunks_are_not_taken_away),
		cmocka_unit_test(several_are_cancelled_from_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
