/* One connection. */
#include "support/inflow_play.h"

#include "support/cmocka.h"

static void cuts_a_body_into_chunks(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 3 * MIB + 5);
	play.hub.body_rate = 30000700;
	play_start(&play, 1, 3);
	assert_int_equal(play.hub.each[0].body->first, MIB);
	assert_int_equal(play.hub.each[0].body->end, play.file.size);
	assert_false(play.hub.each[0].body->is_one_of_many);
	play_run(&play);
	play_take(&play);
	assert_int_equal(play.next, 4);
	assert_int_equal(play.done, 1);
	assert_int_equal(play.progress, play.file.size - MIB);
	play_release(&play);
}

static void pauses_the_hub_until_chunks_come_back(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 60 * MIB);
	play.keeps = true;
	play.hub.body_rate = 50 * MIB;
	play_start(&play, 0, 60);
	play_run(&play);
	assert_int_equal(play.hub.bytes, INFLOW_MAX_CHUNKS * MIB);
	assert_int_equal(play.hub.pauses, 1);
	play_give_back(&play);
	play_run(&play);
	assert_int_equal(play.hub.bytes, 2 * INFLOW_MAX_CHUNKS * MIB);
	assert_int_equal(play.hub.pauses, 2);
	play_release(&play);
}

static void an_early_end_keeps_the_whole_chunks(void **state)
{
	struct hub_body *body;
	struct play play;

	(void)state;
	play_init(&play, 2 * MIB);
	play.keeps = true;
	play_start(&play, 0, 2);
	body = play.hub.each[0].body;
	play_deliver(&play.hub, &play.hub.each[0], MIB + 9);
	hub_body_cancel(&play.hub, body);
	body->on_done(body, ERR_HUB_AWAY, &(struct why){"gone"});
	assert_int_equal(play.err, ERR_HUB_AWAY);
	assert_int_equal(play.next, 1);
	play_release(&play);
}

static void an_empty_file_needs_no_hub(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 0);
	play_start(&play, 0, 1);
	assert_int_equal(play.hub.requests, 0);
	assert_int_equal(play.done, 1);
	play_check_chunk(container_of(play.inflow.queue.next, struct chunk, link), 0, 0);
	play_release(&play);
}

static void a_file_that_is_not_large_takes_one_request(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, LANES_FIRST_BYTES + LANES_REST_BYTES - 1);
	play.hub.body_rate = MIB;
	play_start(&play, 0, chain_chunk_count(play.file.size));
	play_run(&play);
	play_assert_whole(&play, 0);
	assert_int_equal(play.hub.requests, 1);
	play_release(&play);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_a_body_into_chunks),
		cmocka_unit_test(pauses_the_hub_until_chunks_come_back),
		cmocka_unit_test(an_early_end_keeps_the_whole_chunks),
		cmocka_unit_test(an_empty_file_needs_no_hub),
		cmocka_unit_test(a_file_that_is_not_large_takes_one_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
