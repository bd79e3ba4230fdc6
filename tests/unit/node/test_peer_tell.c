#include "support/cmocka.h"
#include "support/peer_pair.h"

#include <stdlib.h>

#define MS 1000

static void a_snapshot_is_told(void **state)
{
	struct pair *pair = *state;
	size_t count = 2 * WIRE_TAGS_MAX + 5;
	struct tag *tags = tags_make(count);

	pair->listener.share.set.tags = (struct wire_tags){tags, count};
	pair->listener.share.generation = 7;
	pair_meet(pair);
	assert_true(holdings_is_current(&pair->dialer.holdings));
	assert_int_equal(holdings_count(&pair->dialer.holdings), count);
	assert_true(holdings_has(&pair->dialer.holdings, &tags[count - 1]));
	assert_int_equal(holdings_count(&pair->listener.holdings), 0);
	assert_true(holdings_is_current(&pair->listener.holdings));
	assert_int_equal(pair->dialer.holdings_told, 1);
	assert_int_equal(pair->listener.share.holds, 0);
	free(tags);
}

static void a_snapshot_waits_for_room(void **state)
{
	struct pair *pair = *state;
	size_t count = 3 * WIRE_TAGS_MAX;
	struct tag *tags = tags_make(count);

	pair->listener.share.set.tags = (struct wire_tags){tags, count};
	pair->listener.share.generation = 7;
	side_dial(&pair->dialer);
	side_take(&pair->listener, &pair->dialer);
	side_carry_one(&pair->dialer, &pair->listener);
	pair->listener.is_full = true;
	side_carry(&pair->dialer, &pair->listener);
	assert_in_range(pair->listener.peer.queue.len, 1, 2 * WIRE_CONTROL_MAX);
	assert_int_equal(pair->listener.share.holds, 1);
	pair->listener.is_full = false;
	peer_on_writable(&pair->listener.peer);
	side_carry(&pair->dialer, &pair->listener);
	assert_int_equal(holdings_count(&pair->dialer.holdings), count);
	free(tags);
}

static void changes_are_told(void **state)
{
	struct pair *pair = *state;
	struct tag *tags = tags_make(3);

	pair_meet(pair);
	for (size_t i = 0; i < 3; i++)
		fake_share_add(&pair->listener.share, &tags[i]);
	peer_tell_share(&pair->listener.peer);
	assert_int_equal(side_count(&pair->listener, WIRE_HAVE), 3);
	side_carry(&pair->dialer, &pair->listener);
	assert_int_equal(holdings_count(&pair->dialer.holdings), 3);
	assert_true(holdings_is_current(&pair->dialer.holdings));
	assert_int_equal(pair->dialer.peer.resync_ms, pair->now_us / MS);
	peer_tell_share(&pair->listener.peer);
	assert_true(list_is_empty(&pair->listener.sent));
	free(tags);
}

static void what_was_missed_is_mended(void **state)
{
	struct pair *pair = *state;
	struct tag *tags = tags_make(9);

	pair_meet(pair);
	pair_pass(pair, PEER_RESYNC_MS);
	for (size_t i = 0; i < 9; i++)
		fake_share_add(&pair->listener.share, &tags[i]);
	pair->listener.share.set.tags = (struct wire_tags){tags, 9};
	peer_tell_share(&pair->listener.peer);
	side_carry(&pair->dialer, &pair->listener);
	assert_int_equal(holdings_count(&pair->dialer.holdings), 9);
	assert_true(holdings_is_current(&pair->dialer.holdings));
	free(tags);
}

static void gaps_are_mended_seldom(void **state)
{
	struct pair *pair = *state;
	struct wire_message have = {.type = WIRE_HAVE, .have = {.generation = 100}};
	unsigned resyncs = 0;

	pair_meet(pair);
	for (int i = 0; i < 1000; i++) {
		pair_pass(pair, 10);
		have.have.generation += 2;
		side_tell(&pair->dialer, &have);
		resyncs += side_count(&pair->dialer, WIRE_RESYNC);
		side_carry(&pair->dialer, &pair->listener);
	}
	assert_in_range(resyncs, 4, 6);
	assert_int_equal(pair->dialer.peer.state, PEER_READY);
}

static void a_snapshot_nobody_asked_for_is_ignored(void **state)
{
	struct pair *pair = *state;
	struct tag *tags = tags_make(3);

	pair_meet(pair);
	side_tell(&pair->dialer, &(struct wire_message){.type = WIRE_HOLDINGS, .holdings = {5, 0, true, {tags, 3}}});
	side_tell(&pair->dialer, &(struct wire_message){.type = WIRE_HOLDINGS, .holdings = {5, 7, true, {tags, 3}}});
	assert_int_equal(holdings_count(&pair->dialer.holdings), 0);
	assert_int_equal(pair->dialer.peer.state, PEER_READY);
	free(tags);
}

static void parts_in_disorder_are_a_broken_rule(void **state)
{
	struct pair *pair = *state;

	side_dial(&pair->dialer);
	side_take(&pair->listener, &pair->dialer);
	side_carry_one(&pair->dialer, &pair->listener);
	side_carry_one(&pair->listener, &pair->dialer);
	assert_int_equal(side_count(&pair->dialer, WIRE_RESYNC), 1);
	side_tell(&pair->dialer, &(struct wire_message){.type = WIRE_HOLDINGS, .holdings = {.generation = 5, .part = 1}});
	assert_int_equal(pair->dialer.peer.bye_sent, WIRE_BYE_BROKEN);
}

static void snapshots_are_given_so_often(void **state)
{
	struct pair *pair = *state;
	struct wire_message resync = {.type = WIRE_RESYNC};

	pair_meet(pair);
	side_forget(&pair->listener);
	for (int i = 0; i < 100; i++)
		side_tell(&pair->listener, &resync);
	assert_in_range(side_count(&pair->listener, WIRE_HOLDINGS), 1, PEER_SNAPSHOTS);
	side_forget(&pair->listener);
	pair_pass(pair, PEER_RESYNC_MS);
	side_tell(&pair->listener, &resync);
	side_tell(&pair->listener, &resync);
	assert_int_equal(side_count(&pair->listener, WIRE_HOLDINGS), 1);
}

static void a_session_that_comes_back_costs_nothing(void **state)
{
	struct pair *pair = *state;

	pair_meet(pair);
	peer_release(&pair->dialer.peer);
	peer_release(&pair->listener.peer);
	side_forget(&pair->dialer);
	side_forget(&pair->listener);
	side_dial(&pair->dialer);
	side_take(&pair->listener, &pair->dialer);
	side_carry_one(&pair->dialer, &pair->listener);
	side_carry_one(&pair->listener, &pair->dialer);
	assert_int_equal(pair->dialer.peer.state, PEER_READY);
	assert_true(list_is_empty(&pair->dialer.sent));
	assert_true(list_is_empty(&pair->listener.sent));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_snapshot_is_told), test(a_snapshot_waits_for_room), test(changes_are_told), test(what_was_missed_is_mended),
		test(gaps_are_mended_seldom), test(a_snapshot_nobody_asked_for_is_ignored), test(parts_in_disorder_are_a_broken_rule),
		test(snapshots_are_given_so_often), test(a_session_that_comes_back_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
