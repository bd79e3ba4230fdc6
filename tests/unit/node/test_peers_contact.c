#include "support/peers_bench.h"

#include <stdio.h>
#include <string.h>

static const struct digest some = {DIGEST_SHA256, {1}};

static void a_setting_leads_to_a_session(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b = bench_open(bench, 1, a);
	struct peer_view view;

	bench_until(bench, bench_are_one(a, b));
	bench_until(bench, bench_view(b, a, &view) && view.round_trip_us >= 0);
	assert_string_equal(view.name, "bench");
	assert_string_equal(view.address, a->address);
	assert_int_equal(strncmp(view.software, "larder ", 7), 0);
	assert_int_equal(view.verdict, PEER_GOOD);
	assert_true(view.bytes_in > 0 && view.bytes_out > 0);
	assert_int_equal(peers_count(a->peers), 1);
	/* Where it listens, not where it comes from. */
	assert_true(bench_view(a, b, &view));
	assert_string_equal(view.address, b->address);
	bench_until(bench, a->changes > 0 && b->changes > 0);
}

static void a_name_is_looked_up(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b = &bench->nodes[1];
	char address[80];

	snprintf(address, sizeof address, "localhost:%u", (unsigned)peers_port(a->peers));
	b->addresses[b->options.address_count++] = address;
	b->options.addresses = b->addresses;
	bench_open(bench, 1, NULL);
	bench_until(bench, bench_are_one(a, b));
	/* Again after a while, with the same answer. */
	bench_pass(bench, 2 * PEERS_RESOLVE_MS);
	assert_true(bench_are_one(a, b));
}

static void an_address_that_is_none_is_told(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = &bench->nodes[0];
	struct why why = {0};

	a->addresses[0] = "here:there";
	a->options.addresses = a->addresses;
	a->options.address_count = 1;
	assert_int_equal(identity_open(a->dir.path, "/dev/null", &bench->log, &a->identity, NULL), ERR_OK);
	a->options.identity = a->identity;
	assert_int_equal(peers_create(&a->options, &a->peers, &why), ERR_USAGE);
	assert_non_null(strstr(why.text, "here:there"));
	assert_null(a->peers);
}

static void what_is_seen_is_dialed_until_it_is_gone(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b = bench_open(bench, 1, NULL);

	bench_see(b, a);
	bench_see(b, a);
	bench_until(bench, bench_are_one(a, b));
	assert_int_equal(b->peers->place_count, 1);
	bench_lose(b, a);
	assert_int_equal(b->peers->announced_count, 0);
	assert_true(bench_are_one(a, b));
	bench_close(a);
	bench_until(bench, b->peers->session_count == 0);
	assert_int_equal(b->peers->place_count, 0);
}

static void another_group_is_not_dialed(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b;

	group_init_new(&bench->nodes[1].group);
	b = bench_open(bench, 1, NULL);
	bench_see(b, a);
	assert_int_equal(b->peers->place_count, 0);
}

static void another_group_gets_no_further_than_the_handshake(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b;

	group_init_new(&bench->nodes[1].group);
	b = bench_open(bench, 1, a);
	bench_pass(bench, 5000);
	assert_int_equal(peers_count(a->peers) + peers_count(b->peers), 0);
	assert_int_equal(a->peers->session_count, 0);
}

static bool is_lower(const struct bench_node *a, const struct bench_node *b)
{
	return memcmp(identity_public_key(a->identity), identity_public_key(b->identity), IDENTITY_KEY_LEN) < 0;
}

/* Of two that cross, the one that the lower key dialed stays. */
static void both_dial_and_one_session_stays(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b = bench_open(bench, 1, NULL);
	uint64_t ids[2];

	bench_see(b, a);
	bench_see(a, b);
	bench_until(bench, bench_are_one(a, b));
	bench_pass(bench, 3000);
	assert_true(bench_are_one(a, b));
	assert_int_equal(bench_session(a)->peer.is_dialed, is_lower(a, b));
	assert_int_equal(a->peers->serve->forgotten, 1);
	assert_int_equal(b->peers->serve->forgotten, 1);
	ids[0] = bench_id(a, b);
	ids[1] = bench_id(b, a);
	bench_pass(bench, 60000);
	assert_true(bench_are_one(a, b));
	assert_int_equal(bench_id(a, b), ids[0]);
	assert_int_equal(bench_id(b, a), ids[1]);
}

/* A second address of a node that is here: one session, and then no address is dialed any more. */
static void a_second_address_is_a_spare(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = &bench->nodes[0], *b = &bench->nodes[1];
	uint64_t next;

	a->is_everywhere = true;
	bench_open(bench, 0, NULL);
	b->addresses[b->options.address_count++] = a->other_address;
	bench_open(bench, 1, a);
	assert_int_equal(b->peers->place_count, 2);
	bench_until(bench, bench_are_one(a, b));
	bench_pass(bench, 2000);
	next = b->peers->next_id;
	bench_pass(bench, 20000);
	assert_true(bench_are_one(a, b));
	assert_int_equal(b->peers->next_id, next);
	/* The one is lost: the other is there. */
	bench_session(b)->place->sources = 0;
	peer_end(&bench_session(b)->peer, 0, "cut in the test");
	peers_later(b->peers);
	bench_until(bench, b->peers->place_count == 1 && bench_are_one(a, b));
}

static void it_does_not_talk_to_itself(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL);
	struct lan_address address;

	assert_true(lan_parse(a->address, 0, &address));
	place_get(a->peers, &address)->sources |= PLACE_SET;
	place_dial_due(a->peers);
	bench_until(bench, place_find(a->peers, &address)->is_self);
	bench_until(bench, a->peers->session_count == 0);
	assert_int_equal(a->peers->next_id, 3);
	bench_pass(bench, 3 * PEERS_WAIT_REFUSED_MS);
	assert_int_equal(a->peers->next_id, 3);
	assert_int_equal(a->clones, 0);
	assert_int_equal(peers_count(a->peers), 0);
}

/* --- coming back */

static void who_comes_back_is_found_again_with_what_it_holds_now(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b;
	struct tag tag;
	uint64_t ids[4], id;

	group_tag(&a->group, &some, &tag);
	a->share.set.tags = (struct wire_tags){&tag, 1};
	a->share.generation = 2;
	b = bench_open(bench, 1, a);
	bench_until(bench, peers_holders(b->peers, &some, ids, 4) == 1);
	id = ids[0];
	a->options.port = peers_port(a->peers);
	bench_close(a);
	bench_until(bench, peers_count(b->peers) == 0);
	/* The same generation, of another start: another set. */
	a->share.set.tags = (struct wire_tags){NULL, 0};
	bench_open(bench, 0, NULL);
	bench_until(bench, peers_count(b->peers) == 1 && peers_unsynced(b->peers) == 0);
	assert_int_equal(peers_holders(b->peers, &some, ids, 4), 0);
	assert_int_not_equal(bench_id(b, a), id);
}

/* A dead connection of which only one side knows must not keep the two apart. Why would the other side dial, if it were well? So it is looked at. */
static void who_is_dialed_looks_at_the_session_it_has(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b = bench_open(bench, 1, NULL), *low = is_lower(a, b) ? a : b, *high = low == a ? b : a;
	struct lan_address address;
	uint64_t pings, id;

	low->is_everywhere = true;
	bench_close(low);
	bench_open(bench, (size_t)(low - bench->nodes), NULL);
	bench_see(low, high);
	bench_until(bench, bench_are_one(low, high) && bench_session(low)->peer.round_trip_us >= 0);
	pings = bench_session(low)->peer.ping_number;
	id = bench_id(low, high);
	assert_true(lan_parse(low->other_address, 0, &address));
	place_get(high->peers, &address)->sources |= PLACE_SET;
	place_dial_due(high->peers);
	bench_until(bench, high->peers->serve->forgotten == 1);
	assert_int_equal(bench_session(low)->peer.ping_number, pings + 1);
	bench_until(bench, bench_are_one(low, high));
	assert_int_equal(bench_id(low, high), id);
}

static void the_network_changes(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b = bench_open(bench, 1, a);
	uint64_t id;

	bench_until(bench, bench_are_one(a, b));
	id = bench_id(b, a);
	peers_on_network(b->peers);
	bench_pass(bench, 3 * PEER_PROBE_MS);
	assert_int_equal(bench_id(b, a), id);
	/* Who does not answer in time is dropped, and dialed anew. */
	peers_on_network(b->peers);
	bench_session(b)->peer.probe_until_ms = 1;
	session_schedule(bench_session(b));
	bench_until(bench, bench_id(b, a) && bench_id(b, a) != id);
	bench_until(bench, bench_are_one(a, b));
}

/* --- by way of others */

static void peers_of_a_peer_become_known(void **state)
{
	struct bench *bench = *state;
	struct bench_node *hub = bench_open(bench, 0, NULL), *a = bench_open(bench, 1, hub), *b = bench_open(bench, 2, hub);
	struct bench_node *c;

	bench_until(bench, bench_id(a, b) && bench_id(b, a));
	c = bench_open(bench, 3, a);
	bench_until(bench, bench_id(c, a) && bench_id(c, b) && bench_id(c, hub));
	bench_pass(bench, 5000);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(peers_count(bench->nodes[i].peers), 3);
	assert_int_equal(hub->peers->session_count, 3);
}

static void addresses_that_lead_nowhere_are_forgotten(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b = bench_open(bench, 1, a);
	struct wire_peers told = {.count = 3, .addresses = {
		{4, {127, 0, 0, 1}, 9}, {4, {8, 8, 8, 8}, 5273}, {6, {0xfe, 0x80, [15] = 1}, 5273},
	}};

	bench_until(bench, bench_are_one(a, b));
	exchange_on_addresses(bench_session(b), &told);
	/* Far ones and link-local ones are not taken at all. */
	assert_int_equal(b->peers->place_count, 2);
	bench_pass(bench, 60000);
	assert_int_equal(b->peers->place_count, 1);
	assert_true(bench_are_one(a, b));
}

static void who_asks_whether_it_can_be_dialed_is_told(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b = bench_open(bench, 1, a);
	struct asking asking = {.ask = {.on_done = bench_on_done}}, again = asking, wrong = asking;

	bench_until(bench, bench_are_one(a, b));
	assert_int_equal(peers_ask_reach(b->peers, bench_id(b, a), &asking.ask), ERR_OK);
	assert_int_equal(peers_ask_reach(b->peers, bench_id(b, a), &again.ask), ERR_OK);
	bench_until(bench, asking.dones == 1 && again.dones == 1);
	assert_int_equal(asking.err, ERR_OK);
	assert_int_equal(asking.ask.reached, WIRE_REACHED_YOU);
	assert_int_equal(again.err, ERR_BUSY);
	assert_int_equal(a->peers->reaching_count, 0);
	/* A port where nobody listens. */
	bench_pass(bench, PEERS_REACH_MS);
	bench_session(a)->peer.theirs.port = 9;
	assert_int_equal(peers_ask_reach(b->peers, bench_id(b, a), &wrong.ask), ERR_OK);
	bench_until(bench, wrong.dones == 1);
	assert_int_equal(wrong.err, ERR_OK);
	assert_int_equal(wrong.ask.reached, WIRE_REACHED_NOBODY);
	assert_true(bench_are_one(a, b));
}

static void one_goes_while_the_other_dials_it(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b = bench_open(bench, 1, a);
	struct asking asking = {.ask = {.on_done = bench_on_done}};

	bench_until(bench, bench_are_one(a, b));
	assert_int_equal(peers_ask_reach(b->peers, bench_id(b, a), &asking.ask), ERR_OK);
	bench_until(bench, a->peers->reaching_count == 1 || asking.dones);
	bench_close(b);
	bench_until(bench, a->peers->reaching_count == 0);
	assert_int_equal(asking.dones, 1);
}

static void an_address_is_visited(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b = bench_open(bench, 1, NULL);
	struct lan_address address, far;

	assert_true(lan_parse(a->address, 0, &address) && lan_parse("8.8.8.8:5273", 0, &far));
	bench_until(bench, peers_visit(b->peers, &address));
	assert_int_equal(peers_visit(b->peers, &address), bench_id(b, a));
	assert_int_equal(peers_visit(b->peers, &far), 0);
	assert_int_equal(b->peers->session_count, 1);
}

static void one_peer_tells_so_many_addresses(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b = bench_open(bench, 1, a);
	struct wire_peers told = {.count = WIRE_ADDRESSES_MAX};

	bench_until(bench, bench_are_one(a, b));
	for (uint8_t round = 0; round < 20; round++) {
		for (uint8_t i = 0; i < WIRE_ADDRESSES_MAX; i++)
			told.addresses[i] = (struct wire_address){4, {127, 1, round, i}, 5273};
		exchange_on_addresses(bench_session(b), &told);
	}
	assert_int_equal(b->peers->place_count, 1 + PEERS_TOLD_BY_ONE_MAX);
}

/* --- clones */

static void copy_key(const struct bench_node *from, const struct bench_node *to)
{
	char command[256];

	snprintf(command, sizeof command, "cp %s/node.key %s/node.key", from->dir.path, to->dir.path);
	assert_int_equal(system(command), 0);
}

static void of_two_with_one_key_one_makes_a_new_one(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0, NULL), *b = &bench->nodes[1];
	bool a_is_lower;

	copy_key(a, b);
	b = bench_open(bench, 1, a);
	a_is_lower = peers_epoch(a->peers) < peers_epoch(b->peers);
	bench_until(bench, bench_are_one(a, b));
	assert_int_equal(a->clones, a_is_lower);
	assert_int_equal(b->clones, !a_is_lower);
	assert_string_not_equal(identity_text(a->identity), identity_text(b->identity));
}

#define test(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_setting_leads_to_a_session), test(a_name_is_looked_up), test(an_address_that_is_none_is_told),
		test(what_is_seen_is_dialed_until_it_is_gone), test(another_group_is_not_dialed),
		test(another_group_gets_no_further_than_the_handshake), test(both_dial_and_one_session_stays), test(a_second_address_is_a_spare),
		test(it_does_not_talk_to_itself), test(who_comes_back_is_found_again_with_what_it_holds_now),
		test(who_is_dialed_looks_at_the_session_it_has), test(the_network_changes), test(peers_of_a_peer_become_known),
		test(addresses_that_lead_nowhere_are_forgotten), test(who_asks_whether_it_can_be_dialed_is_told),
		test(one_goes_while_the_other_dials_it), test(an_address_is_visited), test(one_peer_tells_so_many_addresses),
		test(of_two_with_one_key_one_makes_a_new_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
