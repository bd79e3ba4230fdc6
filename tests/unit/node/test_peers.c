#include "support/peers_bench.h"

#include <stdio.h>
#include <string.h>
#include <zmq.h>

static const struct digest some = {DIGEST_SHA256, {1}}, other = {DIGEST_SHA256, {2}};

static void holders_are_found(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b;
	struct tag tags[2];
	uint64_t ids[4];

	group_tag(&a->group, &some, &tags[0]);
	group_tag(&a->group, &other, &tags[1]);
	a->share.set.tags = (struct wire_tags){&tags[0], 1};
	a->share.generation = 5;
	b = bench_open(bench, 1, a);
	bench_until(bench, peers_holders(b->peers, &some, ids, 4) == 1);
	assert_int_equal(ids[0], bench_id(b, a));
	assert_int_equal(peers_unsynced(b->peers), 0);
	assert_int_equal(peers_holders(b->peers, &other, ids, 4), 0);
	assert_int_equal(peers_holders(b->peers, &some, ids, 0), 0);
	fake_share_add(&a->share, &tags[1]);
	peers_on_share(a->peers);
	bench_until(bench, peers_holders(b->peers, &other, ids, 4) == 1);
}

static void a_question_is_answered(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b = bench_open(bench, 1, a);
	struct asking asking = {.ask = {.on_done = bench_on_done}};
	struct tag tag = {{1}};

	bench_until(bench, bench_are_one(a, b));
	/* Either end may ask. */
	assert_int_equal(peers_ask_find(a->peers, bench_id(a, b), &tag, 1, &asking.ask), ERR_OK);
	bench_until(bench, asking.dones == 1);
	assert_int_equal(asking.err, ERR_OK);
	assert_int_equal(asking.ask.found[0], WIRE_FOUND_WHOLE);
	assert_int_equal(b->peers->serve->finds, 1);
	assert_int_equal(peers_ask_find(a->peers, bench_id(a, b) + 1, &tag, 1, &asking.ask), ERR_CUT);
}

static void questions_to_one_that_goes_are_cut(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b = bench_open(bench, 1, a);
	struct asking asking = {.ask = {.on_done = bench_on_done}};
	uint64_t id;

	bench_until(bench, bench_are_one(a, b));
	id = bench_id(b, a);
	assert_int_equal(peers_ask_state(b->peers, id, &some, 1, &asking.ask), ERR_OK);
	bench_close(a);
	bench_until(bench, asking.dones == 1);
	assert_int_equal(asking.err, ERR_CUT);
	assert_int_equal(peers_count(b->peers), 0);
	assert_int_equal(peers_ask_state(b->peers, id, &some, 1, &asking.ask), ERR_CUT);
}

static void who_asks_may_take_back(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b = bench_open(bench, 1, a);
	struct asking asking = {.ask = {.on_done = bench_on_done}};

	bench_until(bench, bench_are_one(a, b));
	assert_int_equal(peers_ask_state(b->peers, bench_id(b, a), &some, 1, &asking.ask), ERR_OK);
	peers_ask_cancel(&asking.ask);
	peers_ask_cancel(&asking.ask);
	bench_until(bench, a->peers->serve->others == 2);
	assert_int_equal(asking.dones, 0);
}

/* --- verdicts */

static void who_is_refuted_is_not_asked(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b;
	struct asking asking = {.ask = {.on_done = bench_on_done}};
	struct peer_view view;
	struct tag tag;
	uint64_t ids[4];

	group_tag(&a->group, &some, &tag);
	a->share.set.tags = (struct wire_tags){&tag, 1};
	a->share.generation = 2;
	b = bench_open(bench, 1, a);
	bench_until(bench, peers_holders(b->peers, &some, ids, 4) == 1);
	peers_judge(b->peers, ids[0], PEER_REFUTED, &some, 3, "its chain contradicts the blob");
	assert_int_equal(peers_holders(b->peers, &some, ids, 4), 0);
	assert_int_equal(peers_ask_state(b->peers, bench_id(b, a), &some, 1, &asking.ask), ERR_CUT);
	assert_true(bench_view(b, a, &view));
	assert_true(view.has_session);
	assert_int_equal(view.verdict, PEER_REFUTED);
	assert_string_equal(view.reason, "its chain contradicts the blob");

	/* Still so after a restart; for thirty days. */
	bench_close(b);
	b->options.address_count = 0;
	bench_open(bench, 1, a);
	bench_until(bench, bench_id(b, a) && peers_unsynced(b->peers) == 0);
	assert_int_equal(peers_holders(b->peers, &some, ids, 4), 0);
	assert_true(bench_view(b, a, &view));
	assert_int_equal(view.verdict, PEER_REFUTED);
	assert_string_equal(view.reason, "its chain contradicts the blob");
	bench_close(b);
	bench->clock.ahead_ms += ((int64_t)PEERS_SHUN_S + 1) * 1000;
	b->options.address_count = 0;
	bench_open(bench, 1, a);
	bench_until(bench, peers_holders(b->peers, &some, ids, 4) == 1);
	assert_true(bench_view(b, a, &view));
	assert_int_equal(view.verdict, PEER_GOOD);
}

static void who_is_damaged_is_left_alone_for_one_blob(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b;
	struct peer_view view;
	struct tag tags[2];
	uint64_t ids[4];

	group_tag(&a->group, &some, &tags[0]);
	group_tag(&a->group, &other, &tags[1]);
	a->share.set.tags = (struct wire_tags){tags, 2};
	if (tag_compare(&tags[0], &tags[1]) > 0)
		a->share.set.tags.at = (struct tag[]){tags[1], tags[0]};
	a->share.generation = 2;
	b = bench_open(bench, 1, a);
	bench_until(bench, peers_holders(b->peers, &some, ids, 4) == 1);
	peers_judge(b->peers, ids[0], PEER_DAMAGED, &some, 3, "chunk 3 does not hold");
	assert_int_equal(peers_holders(b->peers, &some, ids, 4), 0);
	assert_int_equal(peers_holders(b->peers, &other, ids, 4), 1);
	assert_true(bench_view(b, a, &view));
	assert_int_equal(view.verdict, PEER_DAMAGED);
	bench_until(bench, a->peers->serve->rejects == 1);
}

static void who_has_delivered_has_a_record(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b = bench_open(bench, 1, a);
	struct peer_view view;

	bench_until(bench, bench_are_one(a, b));
	assert_false(peers_has_record(b->peers, bench_id(b, a)));
	peers_judge(b->peers, bench_id(b, a), PEER_UNPROVEN, &some, UINT64_MAX, "silent");
	assert_true(bench_view(b, a, &view) && view.verdict == PEER_UNPROVEN);
	peers_credit(b->peers, bench_id(b, a), 0, 7);
	assert_false(peers_has_record(b->peers, bench_id(b, a)));
	peers_credit(b->peers, bench_id(b, a), 100, 1);
	assert_true(peers_has_record(b->peers, bench_id(b, a)));
	assert_true(bench_view(b, a, &view) && view.verdict == PEER_GOOD);
	assert_int_equal(view.bytes_wasted, 8);
	bench_close(b);
	b->options.address_count = 0;
	bench_open(bench, 1, a);
	bench_until(bench, bench_id(b, a));
	assert_true(peers_has_record(b->peers, bench_id(b, a)));
}

/* --- those who keep no rules */

struct stranger {
	void *context, *socket;
};

/* A key of its own, and the open group's, as any node has. */
static struct stranger stranger_dial(const struct bench_node *to)
{
	struct stranger stranger = {.context = zmq_ctx_new()};
	char public_key[41], secret_key[41], endpoint[100];
	int linger = 0;

	stranger.socket = zmq_socket(stranger.context, ZMQ_DEALER);
	assert_int_equal(zmq_curve_keypair(public_key, secret_key), 0);
	zmq_setsockopt(stranger.socket, ZMQ_LINGER, &linger, sizeof linger);
	zmq_setsockopt(stranger.socket, ZMQ_CURVE_SERVERKEY, to->group.curve_public, 32);
	zmq_setsockopt(stranger.socket, ZMQ_CURVE_PUBLICKEY, public_key, 40);
	zmq_setsockopt(stranger.socket, ZMQ_CURVE_SECRETKEY, secret_key, 40);
	snprintf(endpoint, sizeof endpoint, "tcp://%s", to->address);
	assert_int_equal(zmq_connect(stranger.socket, endpoint), 0);
	return stranger;
}

static void stranger_close(struct stranger *stranger)
{
	zmq_close(stranger->socket);
	zmq_ctx_term(stranger->context);
}

/* What it is answered, within some time: a BYE with this reason. */
static void expect_bye(struct bench *bench, struct stranger *stranger, enum wire_bye reason)
{
	uint8_t frame[WIRE_CONTROL_MAX];
	struct wire_message message = {.type = WIRE_UNKNOWN};
	int len = -1;

	bench_until(bench, (len = zmq_recv(stranger->socket, frame, sizeof frame, ZMQ_DONTWAIT)) >= 0);
	assert_int_equal(wire_decode(frame, (size_t)len, NULL, 0, &message, NULL), ERR_OK);
	assert_int_equal(message.type, WIRE_BYE);
	assert_int_equal(message.bye.reason, reason);
}

static void strangers_are_dropped_and_the_node_lives_on(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b = bench_open(bench, 1, a);
	struct wire_message hello = {.type = WIRE_HELLO};
	struct stranger stranger;
	uint8_t frame[WIRE_CONTROL_MAX];
	size_t len;

	bench_until(bench, bench_are_one(a, b));
	stranger = stranger_dial(a);
	zmq_send(stranger.socket, "\xff\xff", 2, 0);
	expect_bye(bench, &stranger, WIRE_BYE_BROKEN);
	stranger_close(&stranger);

	stranger = stranger_dial(a);
	zmq_send(stranger.socket, "\xa1\x00\x08", 3, 0);
	expect_bye(bench, &stranger, WIRE_BYE_BROKEN);
	stranger_close(&stranger);

	/* The HELLO of somebody else. */
	hello.hello = bench_session(b)->peer.hello;
	assert_int_equal(wire_encode(&hello, frame, sizeof frame, &len, NULL), ERR_OK);
	stranger = stranger_dial(a);
	zmq_send(stranger.socket, frame, len, 0);
	expect_bye(bench, &stranger, WIRE_BYE_REFUSED);
	stranger_close(&stranger);
	bench_until(bench, bench_are_one(a, b));
}

/* --- bounds */

static void no_more_places_than_there_may_be(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL);
	struct lan_address address = {.family = 4, .bytes = {10}, .port = 5273};
	unsigned made = 0;

	for (unsigned i = 0; i < 2 * PEERS_KNOWN_MAX; i++) {
		address.bytes[2] = (uint8_t)(i >> 8);
		address.bytes[3] = (uint8_t)i;
		made += place_get(a->peers, &address) != NULL;
	}
	assert_int_equal(made, PEERS_KNOWN_MAX);
	assert_int_equal(a->peers->place_count, PEERS_KNOWN_MAX);
}

#define test(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(holders_are_found), test(a_question_is_answered), test(questions_to_one_that_goes_are_cut), test(who_asks_may_take_back),
		test(who_is_refuted_is_not_asked), test(who_is_damaged_is_left_alone_for_one_blob), test(who_has_delivered_has_a_record),
		test(strangers_are_dropped_and_the_node_lives_on), test(no_more_places_than_there_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
