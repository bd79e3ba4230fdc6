/* One fetch from several peers, in virtual time. */
#include "support/cmocka.h"

#include "support/swarm_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MB 1000000ULL
#define MIB (1ULL << 20)
#define SEEDS 3000
#define LIMIT_MS 3600000

static struct sim_peer *add_peer(struct sim *sim, enum sim_behaviour behaviour, uint64_t rate_bytes_per_s)
{
	struct sim_peer *peer = &sim->peers[sim->peer_count++];

	*peer = (struct sim_peer){.behaviour = behaviour, .rate_bytes_per_s = rate_bytes_per_s, .latency_ms = 1, .file = (unsigned)sim->peer_count};
	return peer;
}

static struct sim make_sim(uint64_t chunks, bool hub)
{
	return (struct sim){.chunks = chunks, .hub_is_there = hub, .hub_rate_bytes_per_s = 5 * MB};
}

static void run(struct sim *sim)
{
	sim_run(sim, LIMIT_MS);
	if (sim->failure[0])
		fail_msg("%s", sim->failure);
	assert_true(sim->is_complete);
	assert_true(sim->is_right);
	assert_true(sim->most_in_flight <= SWARM_WINDOW);
}

static void expect_no_verdict(const struct sim_peer *peer)
{
	assert_false(peer->has_verdict);
}

static void one_honest_peer(void **state)
{
	struct sim sim = make_sim(100, true);

	(void)state;
	add_peer(&sim, SIM_HONEST, 100 * MB);
	run(&sim);
	expect_no_verdict(&sim.peers[0]);
	assert_int_equal(sim.hub_chunks, 0);
	assert_int_equal(sim.wasted_bytes, 0);
	assert_int_equal(sim.suggestions, 1);
	assert_true(sim.now_ms < 1500);
}

static void one_chunk_needs_no_chain(void **state)
{
	struct sim sim = make_sim(1, false);

	(void)state;
	add_peer(&sim, SIM_WRONG_CHUNKS, 100 * MB)->has_record = true;
	add_peer(&sim, SIM_HONEST, 100 * MB);
	run(&sim);
	assert_false(sim.peers[0].was_asked_chain || sim.peers[1].was_asked_chain);
	assert_true(sim.peers[0].was_damaged);
}

static void several_share_the_work(void **state)
{
	struct sim sim = make_sim(400, true);

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		add_peer(&sim, SIM_HONEST, 25 * MB)->latency_ms = 2 + i;
	run(&sim);
	assert_int_equal(sim.hub_chunks, 0);
	assert_true(sim.wasted_bytes <= 4 * MIB);
	for (unsigned i = 0; i < 4; i++)
		assert_true(sim.peers[i].delivered > 60);
	/* Within a fifth of what the four can give, after the beginning. */
	assert_true(sim.now_ms < 500 + 400 * (int64_t)MIB * 12 / 10 / (100 * 1000));
}

static void the_slow_one_is_left_aside(void **state)
{
	struct sim sim = make_sim(300, true);

	(void)state;
	add_peer(&sim, SIM_HONEST, 100 * MB);
	add_peer(&sim, SIM_HONEST, MB / 4);
	run(&sim);
	assert_int_equal(sim.hub_chunks, 0);
	assert_true(sim.now_ms < 5000);
	assert_true(sim.wasted_bytes <= 2 * MIB);
	assert_false(sim.peers[0].has_verdict || sim.peers[1].was_refuted || sim.peers[1].was_damaged);
}

/* The majority does not count. */
static void one_honest_among_liars(void **state)
{
	struct sim sim = make_sim(100, false);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct sim_peer *liar = add_peer(&sim, SIM_FALSE_HEAD, 100 * MB);
		liar->index = 60;
		liar->file = 9;
		liar->has_record = true;
	}
	add_peer(&sim, SIM_HONEST, 20 * MB)->latency_ms = 20;
	run(&sim);
	for (unsigned i = 0; i < 3; i++)
		assert_true(sim.peers[i].was_refuted);
	expect_no_verdict(&sim.peers[3]);
	assert_true(sim.wasted_bytes <= 6 * MIB);
}

static void each_liar_has_its_verdict(void **state)
{
	struct sim sim = make_sim(120, false);

	(void)state;
	add_peer(&sim, SIM_HONEST, 50 * MB)->latency_ms = 5;
	add_peer(&sim, SIM_WRONG_CHUNKS, 50 * MB);
	add_peer(&sim, SIM_OTHER_FILE, 50 * MB);
	add_peer(&sim, SIM_SILENT_HEAD, 50 * MB)->index = 70;
	add_peer(&sim, SIM_WRONG_SIZE, 50 * MB);
	add_peer(&sim, SIM_HAS_NOTHING, 50 * MB);
	run(&sim);
	expect_no_verdict(&sim.peers[0]);
	assert_true(sim.peers[1].was_damaged);
	assert_true(sim.peers[2].was_refuted);
	assert_true(sim.peers[3].was_refuted);
	assert_true(!sim.peers[4].sent_chain || (sim.peers[4].was_unproven && !sim.peers[4].was_refuted));
	assert_true(!sim.peers[5].sent_chain || (sim.peers[5].was_unproven && !sim.peers[5].was_refuted));
	assert_true(sim.wasted_bytes <= 8 * MIB);
}

static void bit_rot_is_no_lie(void **state)
{
	struct sim sim = make_sim(60, true);

	(void)state;
	add_peer(&sim, SIM_ROTTEN, 50 * MB)->index = 30;
	run(&sim);
	assert_true(sim.peers[0].was_damaged);
	assert_false(sim.peers[0].was_refuted);
	/* The hub has the rest to give. */
	assert_true(sim.hub_chunks >= 31);
	assert_true(sim.hub_chunks <= 31 + 2);
}

static void nobody_is_there(void **state)
{
	struct sim sim = make_sim(30, true);

	(void)state;
	run(&sim);
	assert_int_equal(sim.hub_chunks, 30);
}

/* The one chunk that is missing everywhere comes from the hub, and no other. */
static void a_chunk_that_no_peer_has(void **state)
{
	struct sim sim = make_sim(80, true);

	(void)state;
	add_peer(&sim, SIM_LACKS, 20 * MB)->index = 40;
	run(&sim);
	assert_int_equal(sim.hub_chunks, 1);
	expect_no_verdict(&sim.peers[0]);
}

static void slow_peers_get_help(void **state)
{
	struct sim sim = make_sim(60, true);

	(void)state;
	add_peer(&sim, SIM_HONEST, MB / 5);
	add_peer(&sim, SIM_HONEST, MB / 5);
	run(&sim);
	assert_true(sim.hub_chunks > 30);
	/* The hub alone would take this, and 5 s are waited. */
	assert_true(sim.now_ms < 5000 + 2000 + 60 * (int64_t)MIB / 5000);
	for (unsigned i = 0; i < 2; i++)
		assert_false(sim.peers[i].was_refuted || sim.peers[i].was_damaged);
}

/* Both ends grow towards each other, and hardly anything comes twice. */
static void hub_and_peers_meet(void **state)
{
	struct sim sim = make_sim(200, true);

	(void)state;
	sim.hub_is_fast = true;
	sim.hub_rate_bytes_per_s = 20 * MB;
	add_peer(&sim, SIM_HONEST, 15 * MB);
	add_peer(&sim, SIM_HONEST, 15 * MB);
	run(&sim);
	assert_true(sim.hub_chunks > 60);
	assert_true(sim.hub_chunks + sim.peers[0].judged_good + sim.peers[1].judged_good <= 202);
	assert_true(sim.wasted_bytes <= 4 * MIB);
	expect_no_verdict(&sim.peers[0]);
}

static void a_black_hole_does_not_hold_it_up(void **state)
{
	struct sim sim = make_sim(60, true);

	(void)state;
	add_peer(&sim, SIM_MUTE, MB);
	run(&sim);
	assert_int_equal(sim.hub_chunks, 60);
	assert_true(sim.now_ms < 2500 + 60 * (int64_t)MIB / 5000);
}

static void the_frontier_does_not_wait_for_the_dead(void **state)
{
	struct sim sim = make_sim(200, true);
	struct sim_peer *peer;

	(void)state;
	add_peer(&sim, SIM_HONEST, 50 * MB);
	peer = add_peer(&sim, SIM_DIES, 50 * MB);
	peer->dies_ms = 700;
	add_peer(&sim, SIM_SILENT, 50 * MB);
	add_peer(&sim, SIM_DRIPS, 50 * MB);
	run(&sim);
	assert_int_equal(sim.hub_chunks, 0);
	assert_true(sim.now_ms < 6500);
	assert_true(sim.wasted_bytes <= 4 * MIB);
}

/* One chunk, asked of one peer, of which nothing is heard. Whether that is taken back after a while in which this machine was busy, or was not. */
static bool is_taken_back(bool is_excused)
{
	struct swarm_options options = {.size = 1000};
	struct swarm *swarm = NULL;
	struct swarm_task task;
	bool is_asked = false, is_cancelled = false;

	assert_int_equal(swarm_create(&options, &swarm), ERR_OK);
	swarm_add(swarm, 7, true, 0);
	for (int64_t now_ms = 0; now_ms <= 2 * SWARM_SILENT_MS; now_ms += 50) {
		if (is_excused)
			swarm_excuse(swarm, 7, now_ms);
		while (swarm_next(swarm, now_ms, &task)) {
			is_asked |= task.what == SWARM_ASK_CHUNK;
			is_cancelled |= task.what == SWARM_CANCEL;
		}
	}
	assert_true(is_asked);
	swarm_destroy(swarm);
	return is_cancelled;
}

static void silence_is_excused_while_we_are_busy(void **state)
{
	(void)state;
	assert_true(is_taken_back(false));
	assert_false(is_taken_back(true));
}

/* How a peer answers each 50 ms in which it owes chunk 0. */
static void drip(struct swarm *swarm, int64_t now_ms) { swarm_received(swarm, 7, 0, 1, false, now_ms); }
static void be_busy(struct swarm *swarm, int64_t now_ms) { swarm_failed(swarm, 7, 0, SWARM_FAILED_BUSY, now_ms); }
static void be_excused(struct swarm *swarm, int64_t now_ms) { swarm_excuse(swarm, 7, now_ms); }

/* Whether the only peer is given up in the end, which the fetch then is, too. */
static bool is_given_up(void (*answer)(struct swarm *swarm, int64_t now_ms), int64_t within_ms)
{
	struct swarm_options options = {.size = CHAIN_CHUNK};
	struct swarm *swarm = NULL;
	struct swarm_task task;
	bool is_dropped = false;

	assert_int_equal(swarm_create(&options, &swarm), ERR_OK);
	swarm_add(swarm, 7, true, 0);
	for (int64_t now_ms = 0; now_ms <= within_ms; now_ms += 50) {
		answer(swarm, now_ms);
		while (swarm_next(swarm, now_ms, &task))
			is_dropped |= task.what == SWARM_VERDICT && task.verdict == SWARM_UNPROVEN;
	}
	assert_true(is_dropped == (swarm_need(swarm, within_ms) == SWARM_NEEDS_CHUNKS));
	swarm_destroy(swarm);
	return is_dropped;
}

static void nobody_is_waited_for_for_ever(void **state)
{
	void (*const answers[])(struct swarm *swarm, int64_t now_ms) = {drip, be_busy, be_excused};

	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		assert_false(is_given_up(answers[i], SWARM_VAIN_MS / 2));
		assert_true(is_given_up(answers[i], SWARM_VAIN_MS + 1000));
	}
}

/* Keys are free: each stranger gets to waste one chunk. */
static void many_strangers_who_lie(void **state)
{
	struct sim sim = make_sim(200, false);

	(void)state;
	for (unsigned i = 0; i < 30; i++)
		add_peer(&sim, SIM_WRONG_CHUNKS, 100 * MB)->found_ms = i % 7;
	add_peer(&sim, SIM_HONEST, 10 * MB)->found_ms = 5000;
	run(&sim);
	expect_no_verdict(&sim.peers[30]);
	assert_true(sim.wasted_bytes <= 31 * MIB);
	for (unsigned i = 0; i < 30; i++)
		assert_true(sim.peers[i].delivered <= 1);
}

static void too_much_waste_ends_trust(void **state)
{
	struct sim sim = make_sim(100, true);

	(void)state;
	for (unsigned i = 0; i < SIM_PEERS_MAX - 1; i++)
		add_peer(&sim, SIM_WRONG_CHUNKS, 100 * MB)->has_record = true;
	add_peer(&sim, SIM_HONEST, 100 * MB)->found_ms = 4000;
	run(&sim);
	assert_true(sim.wasted_bytes > SWARM_WASTE_MAX);
	assert_true(sim.wasted_bytes <= SWARM_WASTE_MAX + SWARM_WINDOW * MIB);
	assert_int_equal(sim.peers[SIM_PEERS_MAX - 1].asked, 0);
	assert_int_equal(sim.hub_chunks, 100);
}

static void a_false_prefix_gives_way(void **state)
{
	struct sim sim = make_sim(50, false);

	(void)state;
	sim.prefix_before = 20;
	sim.prefix_file = 7;
	add_peer(&sim, SIM_HONEST, 50 * MB);
	run(&sim);
	expect_no_verdict(&sim.peers[0]);
	assert_true(sim.wasted_bytes <= 2 * MIB);
}

static void a_right_prefix_is_met(void **state)
{
	struct sim sim = make_sim(50, false);

	(void)state;
	sim.prefix_before = 20;
	add_peer(&sim, SIM_HONEST, 50 * MB);
	run(&sim);
	assert_int_equal(sim.peers[0].delivered, 30);
}

/* --- many seeds */

static uint64_t draw(uint64_t *state, uint64_t bound)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (*state >> 11) % bound;
}

static struct sim random_sim(uint64_t seed)
{
	static const uint64_t rates[] = {MB / 10, MB / 2, 2 * MB, 10 * MB, 40 * MB, 110 * MB, 500 * MB};
	uint64_t r = seed * 0x9e3779b97f4a7c15ULL + 1;
	struct sim sim = make_sim(1 + draw(&r, draw(&r, 4) ? 40 : 200), true);
	size_t peers = 1 + draw(&r, 8);
	uint64_t index = draw(&r, sim.chunks);
	unsigned file = 1 + (unsigned)draw(&r, 5);

	for (size_t i = 0; i < peers; i++) {
		enum sim_behaviour behaviour = draw(&r, 3) ? (enum sim_behaviour)draw(&r, SIM_BEHAVIOURS) : SIM_HONEST;
		struct sim_peer *peer = add_peer(&sim, behaviour, rates[draw(&r, sizeof rates / sizeof rates[0])]);
		peer->latency_ms = (int64_t)draw(&r, draw(&r, 5) ? 5 : 80);
		peer->found_ms = draw(&r, 3) ? (int64_t)draw(&r, 50) : (int64_t)draw(&r, 4000);
		peer->dies_ms = peer->found_ms + 1 + (int64_t)draw(&r, 6000);
		peer->has_record = draw(&r, 3) == 0;
		/* Some liars agree with each other. */
		peer->index = draw(&r, 2) ? index : draw(&r, sim.chunks);
		peer->file = draw(&r, 2) ? file : 10 + (unsigned)i;
	}
	sim.hub_rate_bytes_per_s = rates[2 + draw(&r, 3)];
	sim.hub_is_fast = draw(&r, 8) == 0;
	if (draw(&r, 4) == 0) {
		sim.prefix_before = draw(&r, sim.chunks);
		sim.prefix_file = draw(&r, 3) ? SIM_RIGHT : 7;
	}
	return sim;
}

/* A last chunk that is right can be had of a false file only where both are one chunk: there are no states to differ. */
static bool has_false_chain(const struct sim *sim, const struct sim_peer *peer)
{
	if (sim->chunks == 1)
		return false;
	return peer->behaviour == SIM_OTHER_FILE || ((peer->behaviour == SIM_FALSE_HEAD || peer->behaviour == SIM_SILENT_HEAD) && peer->index > 0);
}

static bool is_honest(const struct sim_peer *peer)
{
	return peer->behaviour == SIM_HONEST || peer->behaviour == SIM_BUSY;
}

/* Then the hub's chunks, computed on from it, contradict everybody. */
static bool has_false_prefix(const struct sim *sim)
{
	return sim->prefix_before > 0 && sim->prefix_file != SIM_RIGHT;
}

static const char *judge_peer(const struct sim *sim, const struct sim_peer *peer)
{
	if (is_honest(peer) && (peer->was_refuted || peer->was_damaged))
		return "an honest peer was blamed";
	if (peer->behaviour == SIM_HONEST && peer->rate_bytes_per_s >= 2 * MB && peer->has_verdict && !has_false_prefix(sim))
		return "a good peer was dropped";
	if (peer->was_refuted && !has_false_chain(sim, peer))
		return "refuted without a false chain";
	if (has_false_chain(sim, peer) && peer->sent_chain && !peer->has_verdict && sim->hub_chunks == 0)
		return "a false chain had no consequence";
	if (has_false_chain(sim, peer) && peer->delivered > peer->judged_good + 2 && !peer->was_refuted && sim->hub_chunks == 0)
		return "a false chain was seen and not refuted";
	if (peer->behaviour == SIM_WRONG_CHUNKS && peer->delivered > 0 && !peer->has_verdict)
		return "wrong chunks had no consequence";
	return NULL;
}

static const char *judge(const struct sim *sim)
{
	bool is_enough = false; /* one good peer, there all the time */
	uint64_t bad = 0;

	if (sim->failure[0])
		return sim->failure;
	if (!sim->is_complete || !sim->is_right)
		return "it did not end with the right file";
	if (sim->most_in_flight > SWARM_WINDOW)
		return "more than the window was unanchored";
	for (size_t i = 0; i < sim->peer_count; i++) {
		const char *blame = judge_peer(sim, &sim->peers[i]);
		if (blame)
			return blame;
		is_enough = is_enough || (sim->peers[i].behaviour == SIM_HONEST && sim->peers[i].rate_bytes_per_s >= 10 * MB && sim->peers[i].found_ms < 50);
		bad += sim->peers[i].behaviour != SIM_HONEST || sim->peers[i].rate_bytes_per_s < 2 * MB;
	}
	if (is_enough && sim->hub_chunks > 0 && !sim->hub_is_fast)
		return "the hub was asked without need";
	if (is_enough && !has_false_prefix(sim) && sim->now_ms > 8000 + (int64_t)(sim->chunks * MIB / (5 * 1000)))
		return "it took too long";
	if (sim->wasted_bytes > (4 + 4 * bad) * MIB)
		return "too much was wasted";
	return NULL;
}

static void many_seeds(void **state)
{
	const char *only = getenv("SWARM_SEED");
	uint64_t wasted = 0, good = 0, failed = 0, hub = 0;

	(void)state;
	for (uint64_t seed = only ? strtoull(only, NULL, 10) : 1; seed <= (only ? strtoull(only, NULL, 10) : SEEDS); seed++) {
		struct sim sim = random_sim(seed);
		const char *blame;
		sim.is_told = only != NULL;
		sim_run(&sim, LIMIT_MS);
		blame = judge(&sim);
		wasted += sim.wasted_bytes;
		good += sim.chunks;
		hub += sim.hub_chunks;
		if (!blame && !only)
			continue;
		failed += blame != NULL;
		print_message("seed %llu: %s; %llu chunks (%llu of file %u before), %lld ms, %u of the hub, %llu KiB wasted\n", (unsigned long long)seed, blame ? blame : "good",
			      (unsigned long long)sim.chunks, (unsigned long long)sim.prefix_before, sim.prefix_file, (long long)sim.now_ms, sim.hub_chunks, (unsigned long long)sim.wasted_bytes >> 10);
		for (size_t i = 0; i < sim.peer_count && only; i++) {
			const struct sim_peer *peer = &sim.peers[i];
			print_message("  peer %zu: behaviour %d, index %llu, file %u, %llu KB/s, %lld ms, found %lld, record %d: asked %u, delivered %u, good %u%s%s%s\n", i,
				      peer->behaviour, (unsigned long long)peer->index, peer->file, (unsigned long long)peer->rate_bytes_per_s / 1000,
				      (long long)peer->latency_ms, (long long)peer->found_ms, peer->has_record, peer->asked, peer->delivered, peer->judged_good,
				      peer->was_refuted ? ", refuted" : "", peer->was_damaged ? ", damaged" : "", peer->was_unproven ? ", unproven" : "");
		}
	}
	print_message("%llu chunks, %llu of the hub, %llu wasted\n", (unsigned long long)good, (unsigned long long)hub, (unsigned long long)(wasted / MIB));
	assert_int_equal(failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_honest_peer),
		cmocka_unit_test(one_chunk_needs_no_chain),
		cmocka_unit_test(several_share_the_work),
		cmocka_unit_test(the_slow_one_is_left_aside),
		cmocka_unit_test(one_honest_among_liars),
		cmocka_unit_test(each_liar_has_its_verdict),
		cmocka_unit_test(bit_rot_is_no_lie),
		cmocka_unit_test(nobody_is_there),
		cmocka_unit_test(a_chunk_that_no_peer_has),
		cmocka_unit_test(slow_peers_get_help),
		cmocka_unit_test(hub_and_peers_meet),
		cmocka_unit_test(a_black_hole_does_not_hold_it_up),
		cmocka_unit_test(the_frontier_does_not_wait_for_the_dead),
		cmocka_unit_test(silence_is_excused_while_we_are_busy),
		cmocka_unit_test(nobody_is_waited_for_for_ever),
		cmocka_unit_test(many_strangers_who_lie),
		cmocka_unit_test(too_much_waste_ends_trust),
		cmocka_unit_test(a_false_prefix_gives_way),
		cmocka_unit_test(a_right_prefix_is_met),
		cmocka_unit_test(many_seeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
