#include "support/cmocka.h"
#include "support/peer_pair.h"

#include <stdlib.h>
#include <string.h>

static const struct digest some_digest = {DIGEST_SHA256, {1, 2, 3}};

/* --- being there */

static void a_round_trip_is_measured(void **state)
{
	struct pair *pair = *state;

	pair_meet(pair);
	assert_int_equal(pair->dialer.peer.round_trip_us, -1);
	pair_pass(pair, 0);
	assert_int_equal(side_count(&pair->dialer, WIRE_PING), 1);
	pair->now_us += 700;
	side_carry(&pair->dialer, &pair->listener);
	assert_int_equal(pair->dialer.peer.round_trip_us, 700);
	assert_int_equal(pair->listener.peer.round_trip_us, 700);
}

static void idle_sessions_are_asked_seldom_and_by_one_side(void **state)
{
	struct pair *pair = *state;
	unsigned pings = 0;

	pair_meet(pair);
	pair_pass(pair, 0);
	side_carry(&pair->dialer, &pair->listener);
	for (int i = 0; i < 600; i++) {
		pair_pass(pair, 1000);
		assert_int_equal(side_count(&pair->listener, WIRE_PING), 0);
		pings += side_count(&pair->dialer, WIRE_PING);
		side_carry(&pair->dialer, &pair->listener);
	}
	assert_in_range(pings, 38, 40);
	assert_int_equal(pair->dialer.peer.state, PEER_READY);
}

static void idle_and_silent_is_gone_after_half_a_minute(void **state)
{
	struct pair *pair = *state;

	pair_meet(pair);
	for (int i = 0; i < PEER_GONE_IDLE_MS / 100 - 1; i++)
		pair_pass(pair, 100);
	assert_int_equal(pair->dialer.peer.state, PEER_READY);
	pair_pass(pair, 100);
	assert_true(peer_has_ended(&pair->dialer.peer));
	assert_true(peer_has_ended(&pair->listener.peer));
	assert_int_equal(pair->dialer.peer.bye_sent, 0);
}


static void what_is_asked_and_silent_is_gone_after_seconds(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_make();

	pair_meet(pair);
	pair_pass(pair, 0);
	side_carry(&pair->dialer, &pair->listener);
	pair_pass(pair, 14000);
	assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, 0, &asking.ask), ERR_OK);
	for (int i = 0; i < 54; i++)
		pair_pass(pair, 100);
	assert_int_equal(pair->dialer.peer.state, PEER_READY);
	assert_int_equal(side_count(&pair->dialer, WIRE_PING), 3);
	assert_int_equal(asking.dones, 0);
	pair_pass(pair, 100);
	assert_true(peer_has_ended(&pair->dialer.peer));
	assert_int_equal(asking.dones, 1);
	assert_int_equal(asking.err, ERR_CUT);
}

static void who_does_not_answer_a_probe_is_gone(void **state)
{
	struct pair *pair = *state;

	pair_meet(pair);
	peer_probe(&pair->dialer.peer);
	pair_pass(pair, PEER_PROBE_MS / 2);
	side_carry(&pair->dialer, &pair->listener);
	pair_pass(pair, PEER_PROBE_MS);
	assert_int_equal(pair->dialer.peer.state, PEER_READY);
	peer_probe(&pair->dialer.peer);
	pair_pass(pair, PEER_PROBE_MS);
	assert_true(peer_has_ended(&pair->dialer.peer));
}

static void goodbye_is_heard(void **state)
{
	struct pair *pair = *state;

	pair_meet(pair);
	peer_end(&pair->dialer.peer, WIRE_BYE_GOING, "restart");
	side_carry(&pair->dialer, &pair->listener);
	assert_int_equal(pair->listener.peer.bye_got, WIRE_BYE_GOING);
	assert_non_null(strstr(pair->listener.peer.why.text, "restart"));
	assert_int_equal(pair->listener.peer.bye_sent, 0);
}

static void too_many_messages_are_a_broken_rule(void **state)
{
	struct pair *pair = *state;
	struct wire_message message = {.type = WIRE_PONG, .request = 99};

	pair_meet(pair);
	for (int i = 0; i < PEER_MESSAGES_BURST - 100; i++)
		side_tell(&pair->listener, &message);
	assert_int_equal(pair->listener.peer.state, PEER_READY);
	/* As many again after the time that takes. */
	pair_pass(pair, 1000);
	for (int i = 0; i < PEER_MESSAGES_PER_S; i++)
		side_tell(&pair->listener, &message);
	assert_int_equal(pair->listener.peer.state, PEER_READY);
	for (int i = 0; i < PEER_MESSAGES_BURST; i++)
		side_tell(&pair->listener, &message);
	assert_int_equal(pair->listener.peer.bye_sent, WIRE_BYE_BROKEN);
}

static void garbage_is_a_broken_rule(void **state)
{
	struct pair *pair = *state;

	pair_meet(pair);
	peer_on_message(&pair->listener.peer, (const uint8_t *)"\x01\x02\x03", 3, NULL, 0);
	assert_int_equal(pair->listener.peer.bye_sent, WIRE_BYE_BROKEN);
	side_carry(&pair->listener, &pair->dialer);
	assert_int_equal(pair->dialer.peer.bye_got, WIRE_BYE_BROKEN);
}

static void what_is_not_known_is_ignored(void **state)
{
	static const uint8_t unknown[] = {0xa2, 0, 0x18, 99, 1, 2};
	struct pair *pair = *state;

	pair_meet(pair);
	peer_on_message(&pair->listener.peer, unknown, sizeof unknown, NULL, 0);
	assert_int_equal(pair->listener.peer.state, PEER_READY);
}

/* --- a transport that takes nothing */

static void messages_wait_for_room_and_keep_their_order(void **state)
{
	struct pair *pair = *state;

	pair_meet(pair);
	pair->listener.is_full = true;
	for (uint64_t i = 0; i < 100; i++)
		side_tell(&pair->listener, &(struct wire_message){.type = WIRE_PING, .request = i});
	assert_true(list_is_empty(&pair->listener.sent));
	assert_int_equal(peer_send(&pair->listener.peer, (const uint8_t *)"\xa1\x00\x08", 3, NULL), ERR_BUSY);
	pair->listener.is_full = false;
	peer_on_writable(&pair->listener.peer);
	assert_int_equal(side_count(&pair->listener, WIRE_PONG), 100);
	for (uint64_t i = 0; i < 100; i++) {
		struct side_frame *frame = side_take_frame(&pair->listener);
		struct wire_message pong;
		assert_int_equal(wire_decode(frame->bytes, frame->control_len, NULL, 0, &pong, NULL), ERR_OK);
		assert_int_equal(pong.request, i);
		free(frame);
	}
	assert_int_equal(pair->listener.writables, 1);
	assert_int_equal(peer_send(&pair->listener.peer, (const uint8_t *)"\xa1\x00\x08", 3, NULL), ERR_OK);
}

static void who_asks_and_does_not_read_is_dropped(void **state)
{
	struct pair *pair = *state;
	unsigned i;

	pair_meet(pair);
	pair->listener.is_full = true;
	for (i = 0; i < 1000000 && !peer_has_ended(&pair->listener.peer); i++) {
		side_tell(&pair->listener, &(struct wire_message){.type = WIRE_PING, .request = UINT64_MAX});
		if (i % 100 == 0)
			pair_pass(pair, 100);
	}
	assert_int_equal(pair->listener.peer.bye_sent, WIRE_BYE_BROKEN);
	assert_in_range(i, 10000, PEER_QUEUE_BYTES / 10);
}

static void a_connection_that_is_over_ends_the_session(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_make();

	pair_meet(pair);
	pair->dialer.is_cut = true;
	assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, 0, &asking.ask), ERR_OK);
	assert_true(peer_has_ended(&pair->dialer.peer));
	assert_int_equal(asking.dones, 0);
	peer_release(&pair->dialer.peer);
	assert_int_equal(asking.dones, 1);
	assert_int_equal(asking.err, ERR_CUT);
	assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, 0, &asking.ask), ERR_CUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_round_trip_is_measured), test(idle_sessions_are_asked_seldom_and_by_one_side),
		test(idle_and_silent_is_gone_after_half_a_minute), test(what_is_asked_and_silent_is_gone_after_seconds),
		test(who_does_not_answer_a_probe_is_gone), test(goodbye_is_heard), test(too_many_messages_are_a_broken_rule),
		test(garbage_is_a_broken_rule), test(what_is_not_known_is_ignored), test(messages_wait_for_room_and_keep_their_order),
		test(who_asks_and_does_not_read_is_dropped), test(a_connection_that_is_over_ends_the_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
