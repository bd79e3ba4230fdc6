#include "support/cmocka.h"
#include "support/peer_side.h"
#include "support/temp_dir.h"

#include <stdlib.h>
#include <string.h>

#define MS 1000

struct pair {
	struct temp_dir dirs[2];
	struct identity *identities[2];
	struct group group;
	int64_t now_us;
	struct side dialer, listener; /* dialer dials */
	unsigned dones;
	enum err err;
};

static struct log silence;

static int setup(void **state)
{
	struct pair *pair = calloc(1, sizeof *pair);

	group_init_open(&pair->group);
	pair->now_us = 1000 * 1000 * MS;
	for (size_t i = 0; i < 2; i++) {
		temp_dir_make(&pair->dirs[i]);
		assert_int_equal(identity_open(pair->dirs[i].path, "/dev/null", &silence, &pair->identities[i], NULL), ERR_OK);
	}
	side_init(&pair->dialer, pair->identities[0], &pair->group, 1, &pair->now_us);
	side_init(&pair->listener, pair->identities[1], &pair->group, 2, &pair->now_us);
	*state = pair;
	return 0;
}

static int teardown(void **state)
{
	struct pair *pair = *state;

	side_release(&pair->dialer);
	side_release(&pair->listener);
	for (size_t i = 0; i < 2; i++) {
		identity_close(pair->identities[i]);
		temp_dir_remove(&pair->dirs[i]);
	}
	group_release(&pair->group);
	free(pair);
	return 0;
}

static void meet(struct pair *pair)
{
	side_dial(&pair->dialer);
	side_take(&pair->listener, &pair->dialer);
	side_carry(&pair->dialer, &pair->listener);
}

static void pass(struct pair *pair, int64_t ms)
{
	pair->now_us += ms * MS;
	if (pair->dialer.peer.owner)
		peer_on_time(&pair->dialer.peer);
	if (pair->listener.peer.owner)
		peer_on_time(&pair->listener.peer);
}

/* --- the greeting */

static void two_meet(void **state)
{
	struct pair *pair = *state;

	meet(pair);
	assert_int_equal(pair->dialer.peer.state, PEER_READY);
	assert_int_equal(pair->listener.peer.state, PEER_READY);
	assert_int_equal(pair->dialer.readies, 1);
	assert_int_equal(pair->listener.readies, 1);
	assert_memory_equal(pair->dialer.peer.theirs.key, identity_public_key(pair->identities[1]), WIRE_KEY_LEN);
	assert_memory_equal(pair->listener.peer.theirs.key, identity_public_key(pair->identities[0]), WIRE_KEY_LEN);
	assert_int_equal(pair->dialer.peer.theirs.epoch, 2);
	assert_int_equal(pair->listener.peer.theirs.epoch, 1);
	assert_int_equal(pair->listener.peer.theirs.port, 5273);
	assert_string_equal(pair->listener.peer.theirs.name, "side");
	assert_string_equal(pair->listener.peer.theirs.software, "larder test");
}

static void another_group_is_refused(void **state)
{
	struct pair *pair = *state;
	struct group other;

	group_init_new(&other);
	pair->dialer.self.group = &other;
	meet(pair);
	assert_int_equal(pair->listener.peer.bye_sent, WIRE_BYE_REFUSED);
	assert_int_equal(pair->dialer.peer.bye_got, WIRE_BYE_REFUSED);
	assert_int_equal(pair->dialer.readies + pair->listener.readies + pair->listener.admits, 0);
	group_release(&other);
}

/* HELLO that was overheard, or comes from elsewhere, is worth nothing over a connection with another key. */
static void a_replayed_hello_is_refused(void **state)
{
	struct pair *pair = *state;

	side_dial(&pair->dialer);
	peer_init(&pair->listener.peer, &pair->listener.owner, &pair->listener.self, identity_curve_public(pair->identities[1]));
	side_carry(&pair->dialer, &pair->listener);
	assert_int_equal(pair->listener.peer.bye_sent, WIRE_BYE_REFUSED);
	assert_int_equal(pair->listener.admits, 0);
}

static void a_reflected_hello_is_a_broken_rule(void **state)
{
	struct pair *pair = *state;

	side_dial(&pair->dialer);
	assert_true(side_carry_one(&pair->dialer, &pair->dialer));
	assert_int_equal(pair->dialer.peer.bye_sent, WIRE_BYE_BROKEN);
	assert_int_equal(pair->dialer.admits, 0);
}

/* A WELCOME is signed for one HELLO. */
static void a_replayed_welcome_is_a_broken_rule(void **state)
{
	struct pair *pair = *state;
	struct side_frame *welcome;

	side_dial(&pair->dialer);
	side_take(&pair->listener, &pair->dialer);
	assert_true(side_carry_one(&pair->dialer, &pair->listener));
	welcome = side_take_frame(&pair->listener);
	assert_int_equal(welcome->type, WIRE_WELCOME);
	peer_release(&pair->dialer.peer);
	side_dial(&pair->dialer);
	peer_on_message(&pair->dialer.peer, welcome->bytes, welcome->control_len, NULL, 0);
	assert_int_equal(pair->dialer.peer.bye_sent, WIRE_BYE_BROKEN);
	assert_int_equal(pair->dialer.admits, 0);
	free(welcome);
}

static void a_forged_welcome_is_a_broken_rule(void **state)
{
	struct pair *pair = *state;
	struct side_frame *frame;
	struct wire_message welcome;

	side_dial(&pair->dialer);
	side_take(&pair->listener, &pair->dialer);
	assert_true(side_carry_one(&pair->dialer, &pair->listener));
	frame = side_take_frame(&pair->listener);
	assert_int_equal(wire_decode(frame->bytes, frame->control_len, NULL, 0, &welcome, NULL), ERR_OK);
	welcome.hello.epoch++;
	side_tell(&pair->dialer, &welcome);
	assert_int_equal(pair->dialer.peer.bye_sent, WIRE_BYE_BROKEN);
	free(frame);
}

static void nothing_comes_before_hello(void **state)
{
	struct pair *pair = *state;
	struct wire_message ping = {.type = WIRE_PING};

	side_take(&pair->listener, &pair->dialer);
	side_tell(&pair->listener, &ping);
	assert_int_equal(pair->listener.peer.bye_sent, WIRE_BYE_BROKEN);
	side_dial(&pair->dialer);
	side_tell(&pair->dialer, &ping);
	assert_int_equal(pair->dialer.peer.bye_sent, WIRE_BYE_BROKEN);
}

static void hello_comes_once(void **state)
{
	struct pair *pair = *state;

	meet(pair);
	side_tell(&pair->listener, &(struct wire_message){.type = WIRE_HELLO, .hello = pair->dialer.peer.hello});
	assert_int_equal(pair->listener.peer.bye_sent, WIRE_BYE_BROKEN);
}

static void a_bulk_offer_comes_from_who_was_dialed(void **state)
{
	static const struct wire_message offer = {.type = WIRE_BULK_OFFER, .bulk_offer = {.port = 5275, .cipher = WIRE_CIPHER_AES_256_GCM}};
	struct pair *pair = *state;

	meet(pair);
	side_tell(&pair->dialer, &offer);
	assert_int_equal(pair->dialer.bulk, WIRE_BULK_OFFER);
	side_tell(&pair->listener, &(struct wire_message){.type = WIRE_BULK_ACCEPT, .bulk_accept = {.cipher = WIRE_CIPHER_AES_256_GCM}});
	assert_int_equal(pair->listener.bulk, WIRE_BULK_ACCEPT);
	assert_true(pair->dialer.peer.state == PEER_READY && pair->listener.peer.state == PEER_READY);
	side_tell(&pair->listener, &offer);
	assert_int_equal(pair->listener.peer.bye_sent, WIRE_BYE_BROKEN);
}

static void only_pieces_come_over_a_bulk_connection(void **state)
{
	static const uint8_t bytes[1] = {7};
	struct wire_message piece = {.type = WIRE_PIECE, .request = 99, .piece = {0, 1}, .bulk = {bytes, 1}};
	struct pair *pair = *state;
	uint8_t control[64];
	size_t len;

	meet(pair);
	assert_int_equal(wire_encode(&piece, control, sizeof control, &len, NULL), ERR_OK);
	peer_on_piece(&pair->dialer.peer, control, len, bytes, 1); /* of no open request */
	assert_int_equal(pair->dialer.peer.state, PEER_READY);
	assert_int_equal(wire_encode(&(struct wire_message){.type = WIRE_PING}, control, sizeof control, &len, NULL), ERR_OK);
	peer_on_piece(&pair->dialer.peer, control, len, NULL, 0);
	assert_int_equal(pair->dialer.peer.bye_sent, WIRE_BYE_BROKEN);
}

static void who_is_not_admitted_hears_why(void **state)
{
	struct pair *pair = *state;

	pair->listener.admit = WIRE_BYE_FULL;
	meet(pair);
	assert_int_equal(pair->dialer.peer.bye_got, WIRE_BYE_FULL);
	assert_int_equal(pair->dialer.readies + pair->listener.readies, 0);
}

/* Both sides are to know for certain that they have one key. */
static void a_clone_is_shown_the_key(void **state)
{
	struct pair *pair = *state;

	pair->listener.self.identity = pair->identities[0];
	pair->dialer.admit = pair->listener.admit = WIRE_BYE_CLONE;
	meet(pair);
	assert_int_equal(pair->dialer.admits, 1);
	assert_int_equal(pair->listener.admits, 1);
	assert_int_equal(pair->dialer.peer.theirs.epoch, 2);
	assert_int_equal(pair->dialer.readies + pair->listener.readies, 0);
}

static void who_says_nothing_is_given_up(void **state)
{
	struct pair *pair = *state;

	side_take(&pair->listener, &pair->dialer);
	assert_int_equal(peer_deadline_ms(&pair->listener.peer), pair->now_us / MS + PEER_HELLO_MS);
	pass(pair, PEER_HELLO_MS - 1);
	assert_false(peer_has_ended(&pair->listener.peer));
	pass(pair, 1);
	assert_true(peer_has_ended(&pair->listener.peer));
}

/* --- being there */

static void a_round_trip_is_measured(void **state)
{
	struct pair *pair = *state;

	meet(pair);
	assert_int_equal(pair->dialer.peer.round_trip_us, -1);
	pass(pair, 0);
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

	meet(pair);
	pass(pair, 0);
	side_carry(&pair->dialer, &pair->listener);
	for (int i = 0; i < 600; i++) {
		pass(pair, 1000);
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

	meet(pair);
	for (int i = 0; i < PEER_GONE_IDLE_MS / 100 - 1; i++)
		pass(pair, 100);
	assert_int_equal(pair->dialer.peer.state, PEER_READY);
	pass(pair, 100);
	assert_true(peer_has_ended(&pair->dialer.peer));
	assert_true(peer_has_ended(&pair->listener.peer));
	assert_int_equal(pair->dialer.peer.bye_sent, 0);
}

static void on_done(struct peer_ask *ask, enum err err);

/* The asker's state lies behind the question. */
struct asking {
	struct peer_ask ask;
	struct pair *pair;
	struct chunk *chunk;
	size_t bytes;
	unsigned dones;
	enum err err;
	uint32_t names;
};

static void on_done(struct peer_ask *ask, enum err err)
{
	struct asking *asking = container_of(ask, struct asking, ask);

	asking->dones++;
	asking->err = err;
	if (ask->names)
		asking->names = ask->names->count;
}

static void on_bytes(struct peer_ask *ask, size_t len) { container_of(ask, struct asking, ask)->bytes += len; }

static struct asking asking_of(struct pair *pair)
{
	return (struct asking){.ask = {.on_done = on_done, .on_bytes = on_bytes}, .pair = pair};
}

static const struct digest some_digest = {DIGEST_SHA256, {1, 2, 3}};

static void what_is_asked_and_silent_is_gone_after_seconds(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_of(pair);

	meet(pair);
	pass(pair, 0);
	side_carry(&pair->dialer, &pair->listener);
	pass(pair, 14000);
	assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, 0, &asking.ask), ERR_OK);
	for (int i = 0; i < 54; i++)
		pass(pair, 100);
	assert_int_equal(pair->dialer.peer.state, PEER_READY);
	assert_int_equal(side_count(&pair->dialer, WIRE_PING), 3);
	assert_int_equal(asking.dones, 0);
	pass(pair, 100);
	assert_true(peer_has_ended(&pair->dialer.peer));
	assert_int_equal(asking.dones, 1);
	assert_int_equal(asking.err, ERR_CUT);
}

static void who_does_not_answer_a_probe_is_gone(void **state)
{
	struct pair *pair = *state;

	meet(pair);
	peer_probe(&pair->dialer.peer);
	pass(pair, PEER_PROBE_MS / 2);
	side_carry(&pair->dialer, &pair->listener);
	pass(pair, PEER_PROBE_MS);
	assert_int_equal(pair->dialer.peer.state, PEER_READY);
	peer_probe(&pair->dialer.peer);
	pass(pair, PEER_PROBE_MS);
	assert_true(peer_has_ended(&pair->dialer.peer));
}

static void goodbye_is_heard(void **state)
{
	struct pair *pair = *state;

	meet(pair);
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

	meet(pair);
	for (int i = 0; i < PEER_MESSAGES_BURST - 100; i++)
		side_tell(&pair->listener, &message);
	assert_int_equal(pair->listener.peer.state, PEER_READY);
	/* As many again after the time that takes. */
	pass(pair, 1000);
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

	meet(pair);
	peer_on_message(&pair->listener.peer, (const uint8_t *)"\x01\x02\x03", 3, NULL, 0);
	assert_int_equal(pair->listener.peer.bye_sent, WIRE_BYE_BROKEN);
	side_carry(&pair->listener, &pair->dialer);
	assert_int_equal(pair->dialer.peer.bye_got, WIRE_BYE_BROKEN);
}

static void what_is_not_known_is_ignored(void **state)
{
	static const uint8_t unknown[] = {0xa2, 0, 0x18, 99, 1, 2};
	struct pair *pair = *state;

	meet(pair);
	peer_on_message(&pair->listener.peer, unknown, sizeof unknown, NULL, 0);
	assert_int_equal(pair->listener.peer.state, PEER_READY);
}

/* --- a transport that takes nothing */

static void messages_wait_for_room_and_keep_their_order(void **state)
{
	struct pair *pair = *state;

	meet(pair);
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

	meet(pair);
	pair->listener.is_full = true;
	for (i = 0; i < 1000000 && !peer_has_ended(&pair->listener.peer); i++) {
		side_tell(&pair->listener, &(struct wire_message){.type = WIRE_PING, .request = UINT64_MAX});
		if (i % 100 == 0)
			pass(pair, 100);
	}
	assert_int_equal(pair->listener.peer.bye_sent, WIRE_BYE_BROKEN);
	assert_in_range(i, 10000, PEER_QUEUE_BYTES / 10);
}

static void a_connection_that_is_over_ends_the_session(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_of(pair);

	meet(pair);
	pair->dialer.is_cut = true;
	assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, 0, &asking.ask), ERR_OK);
	assert_true(peer_has_ended(&pair->dialer.peer));
	assert_int_equal(asking.dones, 0);
	peer_release(&pair->dialer.peer);
	assert_int_equal(asking.dones, 1);
	assert_int_equal(asking.err, ERR_CUT);
	assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, 0, &asking.ask), ERR_CUT);
}

/* --- who holds what */

static struct tag *some_tags(size_t count)
{
	struct tag *tags = calloc(count ? count : 1, sizeof *tags);

	for (size_t i = 0; i < count; i++)
		tags[i] = (struct tag){{(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
	return tags;
}

static void a_snapshot_is_told(void **state)
{
	struct pair *pair = *state;
	size_t count = 2 * WIRE_TAGS_MAX + 5;
	struct tag *tags = some_tags(count);

	pair->listener.share.set.tags = (struct wire_tags){tags, count};
	pair->listener.share.generation = 7;
	meet(pair);
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
	struct tag *tags = some_tags(count);

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
	struct tag *tags = some_tags(3);

	meet(pair);
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
	struct tag *tags = some_tags(9);

	meet(pair);
	pass(pair, PEER_RESYNC_MS);
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

	meet(pair);
	for (int i = 0; i < 1000; i++) {
		pass(pair, 10);
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
	struct tag *tags = some_tags(3);

	meet(pair);
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

	meet(pair);
	side_forget(&pair->listener);
	for (int i = 0; i < 100; i++)
		side_tell(&pair->listener, &resync);
	assert_in_range(side_count(&pair->listener, WIRE_HOLDINGS), 1, PEER_SNAPSHOTS);
	side_forget(&pair->listener);
	pass(pair, PEER_RESYNC_MS);
	side_tell(&pair->listener, &resync);
	side_tell(&pair->listener, &resync);
	assert_int_equal(side_count(&pair->listener, WIRE_HOLDINGS), 1);
}

static void a_session_that_comes_back_costs_nothing(void **state)
{
	struct pair *pair = *state;

	meet(pair);
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

/* --- questions */

static void answer_states(struct side *to, uint64_t request, uint64_t size, uint64_t from, uint64_t count)
{
	static uint8_t states[WIRE_STATES_MAX][SHA256_LEN];

	for (uint64_t i = 0; i < count; i++)
		memcpy(states[i], &(uint64_t){from + i}, sizeof(uint64_t));
	side_tell(to, &(struct wire_message){.type = WIRE_STATES, .request = request, .states = {size, from},
					     .bulk = {count ? states[0] : NULL, count * SHA256_LEN}});
}

static void a_long_chain_comes_in_parts(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_of(pair);
	uint64_t chunks = WIRE_STATES_MAX + 11, size = chunks * CHAIN_CHUNK - 1, last = chunks - 1, found;

	meet(pair);
	assert_int_equal(peer_ask_chain(&pair->dialer.peer, &some_digest, size, &asking.ask), ERR_OK);
	assert_int_equal(side_count(&pair->dialer, WIRE_CHAIN), 1);
	answer_states(&pair->dialer, asking.ask.request, size, 1, WIRE_STATES_MAX);
	assert_int_equal(asking.dones, 0);
	assert_int_equal(side_count(&pair->dialer, WIRE_CHAIN), 2);
	answer_states(&pair->dialer, asking.ask.request, size, WIRE_STATES_MAX + 1, 10);
	assert_int_equal(asking.dones, 1);
	assert_int_equal(asking.err, ERR_OK);
	assert_int_equal(asking.ask.chain.count, last);
	memcpy(&found, asking.ask.chain.states[last - 1], sizeof found);
	assert_int_equal(found, last);
	assert_int_equal(pair->dialer.peer.asked, 0);
	chain_release(&asking.ask.chain);
}

static void a_chain_of_another_size_is_nonsense(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_of(pair);

	meet(pair);
	assert_int_equal(peer_ask_chain(&pair->dialer.peer, &some_digest, 3 * CHAIN_CHUNK, &asking.ask), ERR_OK);
	answer_states(&pair->dialer, asking.ask.request, 4 * CHAIN_CHUNK, 1, 2);
	assert_int_equal(asking.err, ERR_INVALID);
	assert_null(asking.ask.chain.states);
	assert_int_equal(peer_ask_chain(&pair->dialer.peer, &some_digest, 3 * CHAIN_CHUNK, &asking.ask), ERR_OK);
	answer_states(&pair->dialer, asking.ask.request, 3 * CHAIN_CHUNK, 1, 1);
	assert_int_equal(asking.dones, 2);
	assert_int_equal(asking.err, ERR_INVALID);
	assert_int_equal(pair->dialer.peer.state, PEER_READY);
}

static void a_size_and_a_state_can_be_asked(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_of(pair);
	uint64_t found;

	meet(pair);
	assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, 0, &asking.ask), ERR_OK);
	answer_states(&pair->dialer, asking.ask.request, 5 * CHAIN_CHUNK, 1, 0);
	assert_int_equal(asking.dones, 1);
	assert_int_equal(asking.err, ERR_OK);
	assert_int_equal(asking.ask.size, 5 * CHAIN_CHUNK);
	assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, 4, &asking.ask), ERR_OK);
	answer_states(&pair->dialer, asking.ask.request, 5 * CHAIN_CHUNK, 4, 1);
	assert_int_equal(asking.err, ERR_OK);
	memcpy(&found, asking.ask.state, sizeof found);
	assert_int_equal(found, 4);
	assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, 4, &asking.ask), ERR_OK);
	answer_states(&pair->dialer, asking.ask.request, 5 * CHAIN_CHUNK, 3, 1);
	assert_int_equal(asking.err, ERR_INVALID);
}

#define PIECE 1000

static struct chunk *some_chunk(size_t len)
{
	struct chunk *chunk = calloc(1, sizeof *chunk + len);

	list_init(&chunk->link);
	chunk->len = len;
	return chunk;
}

static void give_piece(struct side *to, uint64_t request, size_t offset, size_t len, size_t of)
{
	static uint8_t bytes[WIRE_PIECE_MAX];

	memset(bytes, (int)(offset / PIECE + 1), len);
	side_tell(to, &(struct wire_message){.type = WIRE_PIECE, .request = request, .piece = {(uint32_t)offset, (uint32_t)of}, .bulk = {bytes, len}});
}

static void a_chunk_comes_in_pieces(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_of(pair);
	struct chunk *chunk = some_chunk(2 * PIECE + 1);

	meet(pair);
	assert_int_equal(peer_ask_chunk(&pair->dialer.peer, &some_digest, chunk->len, chunk, &asking.ask), ERR_OK);
	give_piece(&pair->dialer, asking.ask.request, 0, PIECE, chunk->len);
	give_piece(&pair->dialer, asking.ask.request + 1, 0, PIECE, chunk->len);
	give_piece(&pair->dialer, asking.ask.request, PIECE, PIECE, chunk->len);
	assert_int_equal(asking.bytes, 2 * PIECE);
	assert_int_equal(asking.dones, 0);
	give_piece(&pair->dialer, asking.ask.request, 2 * PIECE, 1, chunk->len);
	assert_int_equal(asking.dones, 1);
	assert_int_equal(asking.err, ERR_OK);
	assert_int_equal(asking.bytes, 2 * PIECE);
	assert_int_equal(chunk->data[0], 1);
	assert_int_equal(chunk->data[2 * PIECE - 1], 2);
	assert_int_equal(chunk->data[2 * PIECE], 3);
	free(chunk);
}

static void pieces_in_disorder_are_a_broken_rule(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_of(pair);
	struct chunk *chunk = some_chunk(2 * PIECE);

	meet(pair);
	assert_int_equal(peer_ask_chunk(&pair->dialer.peer, &some_digest, chunk->len, chunk, &asking.ask), ERR_OK);
	give_piece(&pair->dialer, asking.ask.request, PIECE, PIECE, chunk->len);
	assert_int_equal(pair->dialer.peer.bye_sent, WIRE_BYE_BROKEN);
	assert_int_equal(asking.err, ERR_CUT);
	free(chunk);
}

static void a_piece_larger_than_its_chunk_is_a_broken_rule(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_of(pair);
	struct chunk *chunk = some_chunk(PIECE);
	static uint8_t bytes[2 * PIECE];
	/* As no honest writer writes it: {0: 14, 1: request, 2: 0, 3: PIECE}. */
	uint8_t piece[] = {0xa4, 0, 14, 1, 0, 2, 0, 3, 0x19, PIECE >> 8, PIECE & 0xff};

	meet(pair);
	assert_int_equal(peer_ask_chunk(&pair->dialer.peer, &some_digest, chunk->len, chunk, &asking.ask), ERR_OK);
	piece[4] = (uint8_t)asking.ask.request;
	peer_on_message(&pair->dialer.peer, piece, sizeof piece, bytes, sizeof bytes);
	assert_int_equal(pair->dialer.peer.bye_sent, WIRE_BYE_BROKEN);
	assert_int_equal(asking.err, ERR_CUT);
	free(chunk);
}

static void a_chunk_of_another_length_is_nonsense(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_of(pair);
	struct chunk *chunk = some_chunk(PIECE);

	meet(pair);
	assert_int_equal(peer_ask_chunk(&pair->dialer.peer, &some_digest, 0, chunk, &asking.ask), ERR_OK);
	give_piece(&pair->dialer, asking.ask.request, 0, PIECE, 2 * PIECE);
	assert_int_equal(asking.err, ERR_INVALID);
	assert_int_equal(side_count(&pair->dialer, WIRE_CANCEL), 1);
	assert_int_equal(pair->dialer.peer.state, PEER_READY);
	free(chunk);
}

static void questions_find_and_list(void **state)
{
	struct pair *pair = *state;
	struct asking find = asking_of(pair), list = asking_of(pair);
	struct tag *tags = some_tags(3);

	meet(pair);
	assert_int_equal(peer_ask_find(&pair->dialer.peer, tags, 3, &find.ask), ERR_OK);
	assert_int_equal(peer_ask_list(&pair->dialer.peer, (struct wire_bytes){NULL, 0}, &list.ask), ERR_OK);
	side_carry(&pair->dialer, &pair->listener);
	assert_int_equal(pair->listener.questions, 2);
	assert_int_equal(pair->listener.question, WIRE_LIST);
	side_tell(&pair->dialer, &(struct wire_message){.type = WIRE_NAMES, .request = list.ask.request});
	assert_int_equal(list.err, ERR_OK);
	assert_int_equal(list.dones, 1);
	side_tell(&pair->dialer, &(struct wire_message){.type = WIRE_FOUND, .request = find.ask.request, .found = {{(const uint8_t *)"\2\0\1", 3}}});
	assert_int_equal(find.err, ERR_OK);
	assert_memory_equal(find.ask.found, "\2\0\1", 3);
	assert_int_equal(peer_ask_find(&pair->dialer.peer, tags, 3, &find.ask), ERR_OK);
	side_tell(&pair->dialer, &(struct wire_message){.type = WIRE_FOUND, .request = find.ask.request, .found = {{(const uint8_t *)"\2\0", 2}}});
	assert_int_equal(find.err, ERR_INVALID);
	free(tags);
}

static void no_says_why(void **state)
{
	static const enum err errs[] = {[WIRE_NO_NOT_HELD] = ERR_NOT_FOUND, [WIRE_NO_BUSY] = ERR_BUSY, [WIRE_NO_TOO_MUCH] = ERR_LIMIT,
					[WIRE_NO_DAMAGED] = ERR_UNPROVEN};
	struct pair *pair = *state;

	meet(pair);
	for (unsigned no = WIRE_NO_NOT_HELD; no <= WIRE_NO_DAMAGED; no++) {
		struct asking asking = asking_of(pair);
		assert_int_equal(peer_ask_chain(&pair->dialer.peer, &some_digest, 3 * CHAIN_CHUNK, &asking.ask), ERR_OK);
		side_tell(&pair->dialer, &(struct wire_message){.type = WIRE_NO, .request = asking.ask.request, .no = (enum wire_no)no});
		assert_int_equal(asking.dones, 1);
		assert_int_equal(asking.err, errs[no]);
	}
}

static void an_answer_of_the_wrong_kind_is_a_broken_rule(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_of(pair);

	meet(pair);
	assert_int_equal(peer_ask_list(&pair->dialer.peer, (struct wire_bytes){NULL, 0}, &asking.ask), ERR_OK);
	give_piece(&pair->dialer, asking.ask.request, 0, PIECE, PIECE);
	assert_int_equal(pair->dialer.peer.bye_sent, WIRE_BYE_BROKEN);
	assert_int_equal(asking.err, ERR_CUT);
	assert_int_equal(asking.dones, 1);
}

static void a_question_can_be_taken_back(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_of(pair);
	uint64_t request;

	meet(pair);
	assert_int_equal(peer_ask_chain(&pair->dialer.peer, &some_digest, 3 * CHAIN_CHUNK, &asking.ask), ERR_OK);
	request = asking.ask.request;
	peer_ask_cancel(&asking.ask);
	peer_ask_cancel(&asking.ask);
	assert_int_equal(side_count(&pair->dialer, WIRE_CANCEL), 1);
	answer_states(&pair->dialer, request, 3 * CHAIN_CHUNK, 1, 2);
	assert_int_equal(asking.dones, 0);
	assert_null(asking.ask.chain.states);
	assert_int_equal(pair->dialer.peer.asked, 0);
}

static void open_questions_are_bounded(void **state)
{
	struct pair *pair = *state;
	struct asking asking[WIRE_ASKED_MAX + 1];

	meet(pair);
	for (size_t i = 0; i <= WIRE_ASKED_MAX; i++) {
		asking[i] = asking_of(pair);
		assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, 1, &asking[i].ask), i < WIRE_ASKED_MAX ? ERR_OK : ERR_LIMIT);
	}
	peer_release(&pair->dialer.peer);
	for (size_t i = 0; i <= WIRE_ASKED_MAX; i++)
		assert_int_equal(asking[i].dones, i < WIRE_ASKED_MAX ? 1 : 0);
}

static void what_cannot_be_asked_is_not(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_of(pair);
	struct chunk *chunk = some_chunk(PIECE);

	assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, 1, &asking.ask), ERR_CUT);
	meet(pair);
	assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, WIRE_CHUNKS_MAX, &asking.ask), ERR_INVALID);
	assert_int_equal(peer_ask_chain(&pair->dialer.peer, &some_digest, CHAIN_MAX_BLOB + 1, &asking.ask), ERR_INVALID);
	assert_int_equal(peer_ask_chunk(&pair->dialer.peer, &some_digest, PIECE + 1, chunk, &asking.ask), ERR_INVALID);
	assert_int_equal(peer_ask_find(&pair->dialer.peer, NULL, 0, &asking.ask), ERR_INVALID);
	assert_int_equal(pair->dialer.peer.asked, 0);
	free(chunk);
}

static void addresses_and_rejects_arrive(void **state)
{
	struct pair *pair = *state;
	struct wire_peers addresses = {.count = 1, .addresses = {{4, {10, 0, 0, 1}, 5273}}};

	meet(pair);
	peer_tell_addresses(&pair->dialer.peer, &addresses);
	peer_reject(&pair->dialer.peer, &some_digest, 3);
	side_carry(&pair->dialer, &pair->listener);
	assert_int_equal(pair->listener.addresses, 1);
	assert_int_equal(pair->listener.question, WIRE_REJECT);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(two_meet), test(another_group_is_refused), test(a_replayed_hello_is_refused), test(a_reflected_hello_is_a_broken_rule),
		test(a_replayed_welcome_is_a_broken_rule), test(a_forged_welcome_is_a_broken_rule), test(nothing_comes_before_hello), test(hello_comes_once),
		test(a_bulk_offer_comes_from_who_was_dialed), test(only_pieces_come_over_a_bulk_connection),
		test(who_is_not_admitted_hears_why), test(a_clone_is_shown_the_key), test(who_says_nothing_is_given_up),
		test(a_round_trip_is_measured), test(idle_sessions_are_asked_seldom_and_by_one_side), test(idle_and_silent_is_gone_after_half_a_minute),
		test(what_is_asked_and_silent_is_gone_after_seconds), test(who_does_not_answer_a_probe_is_gone), test(goodbye_is_heard),
		test(too_many_messages_are_a_broken_rule), test(garbage_is_a_broken_rule), test(what_is_not_known_is_ignored),
		test(messages_wait_for_room_and_keep_their_order), test(who_asks_and_does_not_read_is_dropped), test(a_connection_that_is_over_ends_the_session),
		test(a_snapshot_is_told), test(a_snapshot_waits_for_room), test(changes_are_told), test(what_was_missed_is_mended), test(gaps_are_mended_seldom),
		test(a_snapshot_nobody_asked_for_is_ignored), test(parts_in_disorder_are_a_broken_rule), test(snapshots_are_given_so_often),
		test(a_session_that_comes_back_costs_nothing),
		test(a_long_chain_comes_in_parts), test(a_chain_of_another_size_is_nonsense), test(a_size_and_a_state_can_be_asked), test(a_chunk_comes_in_pieces),
		test(pieces_in_disorder_are_a_broken_rule), test(a_piece_larger_than_its_chunk_is_a_broken_rule), test(a_chunk_of_another_length_is_nonsense),
		test(questions_find_and_list), test(no_says_why), test(an_answer_of_the_wrong_kind_is_a_broken_rule), test(a_question_can_be_taken_back),
		test(open_questions_are_bounded), test(what_cannot_be_asked_is_not), test(addresses_and_rejects_arrive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
