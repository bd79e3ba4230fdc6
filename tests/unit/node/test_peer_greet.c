#include "support/cmocka.h"
#include "support/peer_pair.h"

#include <stdlib.h>

#define MS 1000

static void two_meet(void **state)
{
	struct pair *pair = *state;

	pair_meet(pair);
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
	pair_meet(pair);
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

	pair_meet(pair);
	side_tell(&pair->listener, &(struct wire_message){.type = WIRE_HELLO, .hello = pair->dialer.peer.hello});
	assert_int_equal(pair->listener.peer.bye_sent, WIRE_BYE_BROKEN);
}

static void a_bulk_offer_comes_from_who_was_dialed(void **state)
{
	static const struct wire_message offer = {.type = WIRE_BULK_OFFER, .bulk_offer = {.port = 5275, .cipher = WIRE_CIPHER_AES_256_GCM}};
	struct pair *pair = *state;

	pair_meet(pair);
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

	pair_meet(pair);
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
	pair_meet(pair);
	assert_int_equal(pair->dialer.peer.bye_got, WIRE_BYE_FULL);
	assert_int_equal(pair->dialer.readies + pair->listener.readies, 0);
}

/* Both sides are to know for certain that they have one key. */
static void a_clone_is_shown_the_key(void **state)
{
	struct pair *pair = *state;

	pair->listener.self.identity = pair->identities[0];
	pair->dialer.admit = pair->listener.admit = WIRE_BYE_CLONE;
	pair_meet(pair);
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
	pair_pass(pair, PEER_HELLO_MS - 1);
	assert_false(peer_has_ended(&pair->listener.peer));
	pair_pass(pair, 1);
	assert_true(peer_has_ended(&pair->listener.peer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(two_meet), test(another_group_is_refused), test(a_replayed_hello_is_refused), test(a_reflected_hello_is_a_broken_rule),
		test(a_replayed_welcome_is_a_broken_rule), test(a_forged_welcome_is_a_broken_rule), test(nothing_comes_before_hello),
		test(hello_comes_once), test(a_bulk_offer_comes_from_who_was_dialed), test(only_pieces_come_over_a_bulk_connection),
		test(who_is_not_admitted_hears_why), test(a_clone_is_shown_the_key), test(who_says_nothing_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
