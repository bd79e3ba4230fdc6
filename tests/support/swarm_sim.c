#include "support/swarm_sim_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK ((uint64_t)CHAIN_CHUNK)
#define PIECE (CHUNK / 4)
#define EVENTS_MAX 8192
#define WORKER_MS 2
#define HUB_AFTER_MS 100 /* peers are looked for first */

enum event_kind { EVENT_FOUND, EVENT_DIES, EVENT_CHAIN, EVENT_PIECE, EVENT_NO, EVENT_CHECKED, EVENT_SUGGESTED, EVENT_HUB };

struct event {
	int64_t at_ms;
	uint64_t order;
	enum event_kind kind;
	size_t peer;
	uint64_t index;
	unsigned piece;
	enum swarm_failure failure;
	enum partial_answer answer;
	enum err err;
	uint64_t serial; /* of the request, so that what was cancelled does not come */
};

struct world {
	struct sim *sim;
	struct swarm *swarm;
	struct digest digest;
	struct event events[EVENTS_MAX];
	size_t event_count;
	uint64_t order, serial;
	uint64_t serials[SIM_PEERS_MAX][SIM_CHUNKS_MAX]; /* of the request that runs; 0: none */
	struct sim_store store;
	struct chain shown; /* states as labels, for swarm_anchored() */
	bool hub_is_busy;
};

static void broken(struct world *world, const char *what, uint64_t peer, uint64_t index)
{
	if (!world->sim->failure[0])
		snprintf(world->sim->failure, sizeof world->sim->failure, "at %lld ms: %s (peer %llu, chunk %lld)", (long long)world->sim->now_ms, what,
			 (unsigned long long)peer, (long long)index);
}

static void tell_all(struct world *world)
{
	for (uint64_t i = 0; i < world->sim->chunks; i++)
		if (world->store.held[i] != SIM_NOBODY)
			swarm_have(world->swarm, i, 1);
		else
			swarm_lack(world->swarm, i, 1);
}

static void tell_anchored(struct world *world)
{
	for (uint64_t i = 1; i < world->sim->chunks; i++)
		sim_label(world->store.states[i], i, world->shown.states[i - 1]);
	swarm_anchored(world->swarm, sim_store_anchored_from(&world->store), &world->shown);
}

/* --- events */

static void happen(struct world *world, struct event event)
{
	if (world->event_count == EVENTS_MAX) {
		broken(world, "too many events", event.peer, event.index);
		return;
	}
	event.order = world->order++;
	world->events[world->event_count++] = event;
}

static bool next_event(struct world *world, int64_t until_ms, struct event *ret_event)
{
	size_t best = world->event_count;

	for (size_t i = 0; i < world->event_count; i++)
		if (best == world->event_count || world->events[i].at_ms < world->events[best].at_ms ||
		    (world->events[i].at_ms == world->events[best].at_ms && world->events[i].order < world->events[best].order))
			best = i;
	if (best == world->event_count || world->events[best].at_ms > until_ms)
		return false;
	*ret_event = world->events[best];
	world->events[best] = world->events[--world->event_count];
	return true;
}

/* --- peers */

/* Of which file a peer's chunk, and its state S(index), is. */
static unsigned state_file(const struct sim_peer *peer, uint64_t index)
{
	switch (peer->behaviour) {
	case SIM_OTHER_FILE:
		return peer->file;
	case SIM_FALSE_HEAD:
	case SIM_SILENT_HEAD:
		return index <= peer->index ? peer->file : SIM_RIGHT;
	default:
		return SIM_RIGHT;
	}
}

static unsigned chunk_file(const struct sim_peer *peer, uint64_t index)
{
	if (peer->behaviour == SIM_WRONG_CHUNKS || (peer->behaviour == SIM_ROTTEN && peer->index == index))
		return SIM_NONSENSE;
	return state_file(peer, index);
}

static void send_chain(struct world *world, size_t which)
{
	struct sim_peer *peer = &world->sim->peers[which];
	struct chain chain;
	uint64_t size = world->sim->chunks * CHUNK + (peer->behaviour == SIM_WRONG_SIZE ? 5 : 0);

	if (chain_init(&chain, size) != ERR_OK)
		abort();
	for (uint64_t i = 1; i <= chain.count; i++)
		sim_label(state_file(peer, i), i, chain.states[i - 1]);
	peer->sent_chain = true;
	swarm_chain(world->swarm, which, &chain, world->sim->now_ms);
	if (chain.states)
		broken(world, "a chain was not taken", which, SWARM_NO_CHUNK);
}

static void refuse(struct world *world, size_t which, uint64_t index, enum swarm_failure failure)
{
	happen(world, (struct event){.at_ms = world->sim->now_ms + world->sim->peers[which].latency_ms, .kind = EVENT_NO, .peer = which, .index = index,
				     .failure = failure, .serial = world->serials[which][index]});
}

static void send_chunk(struct world *world, size_t which, uint64_t index)
{
	struct sim_peer *peer = &world->sim->peers[which];
	int64_t begin_ms = world->sim->now_ms + peer->latency_ms;
	uint64_t rate = peer->behaviour == SIM_DRIPS ? 3000 : peer->rate_bytes_per_s;

	if (peer->free_ms > begin_ms)
		begin_ms = peer->free_ms;
	for (unsigned i = 1; i <= CHUNK / PIECE; i++)
		happen(world, (struct event){.at_ms = begin_ms + (int64_t)(i * PIECE * 1000 / rate), .kind = EVENT_PIECE, .peer = which, .index = index,
					     .piece = i, .serial = world->serials[which][index]});
	peer->free_ms = begin_ms + (int64_t)(CHUNK * 1000 / rate);
}

static void ask_chunk(struct world *world, size_t which, uint64_t index, enum swarm_purpose purpose)
{
	struct sim_peer *peer = &world->sim->peers[which];

	if (!peer->is_here || peer->has_verdict)
		broken(world, "asked of a peer that is gone or out", which, index);
	if (world->serials[which][index])
		broken(world, "asked twice", which, index);
	if (world->store.held[index] != SIM_NOBODY && purpose == SWARM_FETCH)
		broken(world, "asked for what is here", which, index);
	world->serials[which][index] = ++world->serial;
	peer->asked++;
	if (++peer->outstanding > peer->most_outstanding)
		peer->most_outstanding = peer->outstanding;
	if (!peer->has_record && peer->judged_good == 0 && peer->outstanding > 1)
		broken(world, "more than one chunk asked of a stranger", which, index);
	if (peer->behaviour == SIM_SILENT || (peer->behaviour == SIM_SILENT_HEAD && index == peer->index))
		return;
	if (peer->behaviour == SIM_HAS_NOTHING || (peer->behaviour == SIM_LACKS && index == peer->index))
		refuse(world, which, index, SWARM_FAILED_NOT_HELD);
	else if (peer->behaviour == SIM_BUSY && peer->asked % 2 == 0)
		refuse(world, which, index, SWARM_FAILED_BUSY);
	else
		send_chunk(world, which, index);
}

static void request_over(struct world *world, size_t which, uint64_t index)
{
	if (!world->serials[which][index])
		return;
	world->serials[which][index] = 0;
	world->sim->peers[which].outstanding--;
}

/* --- the caller's side */

static void note_verdict(struct world *world, const struct swarm_task *task)
{
	struct sim_peer *peer = &world->sim->peers[task->peer];

	peer->has_verdict = true;
	peer->was_refuted |= task->verdict == SWARM_REFUTED;
	peer->was_damaged |= task->verdict == SWARM_DAMAGED;
	peer->was_unproven |= task->verdict == SWARM_UNPROVEN;
	if (!task->reason || (task->verdict == SWARM_DAMAGED && task->index >= world->sim->chunks))
		broken(world, "a verdict without a reason", task->peer, task->index);
}

static void begin_suggestion(struct world *world, const struct swarm_task *task)
{
	struct event event = {.at_ms = world->sim->now_ms + WORKER_MS, .kind = EVENT_SUGGESTED};

	event.err = sim_store_suggest(&world->store, task->chain, &event.index);
	world->sim->suggestions++;
	happen(world, event);
}

static void tell(const struct world *world, const struct swarm_task *task)
{
	static const char *const whats[] = {"asks for the chain of", "asks", "cancels at", "suggests", "judges"};
	struct swarm_peer_figures figures = {0};

	(void)swarm_peer_figures(world->swarm, task->peer, &figures);
	printf("%6lld ms: %s %llu (%llu KB/s, %u outstanding), chunk %lld, purpose %d; held from %llu%s%s\n", (long long)world->sim->now_ms, whats[task->what],
	       (unsigned long long)task->peer, (unsigned long long)figures.rate_bytes_per_s / 1000, figures.outstanding, (long long)task->index,
	       task->purpose, (unsigned long long)sim_store_anchored_from(&world->store), task->reason ? ": " : "", task->reason ? task->reason : "");
}

static void do_task(struct world *world, const struct swarm_task *task)
{
	struct sim_peer *peer = &world->sim->peers[task->peer];

	if (world->sim->is_told)
		tell(world, task);
	switch (task->what) {
	case SWARM_ASK_CHAIN:
		peer->was_asked_chain = true;
		if (peer->behaviour != SIM_MUTE)
			happen(world, (struct event){.at_ms = world->sim->now_ms + 2 * peer->latency_ms, .kind = EVENT_CHAIN, .peer = task->peer});
		break;
	case SWARM_ASK_CHUNK:
		ask_chunk(world, task->peer, task->index, task->purpose);
		break;
	case SWARM_CANCEL:
		request_over(world, task->peer, task->index);
		break;
	case SWARM_SUGGEST:
		begin_suggestion(world, task);
		break;
	case SWARM_VERDICT:
		note_verdict(world, task);
		break;
	}
}

static void ask_hub(struct world *world)
{
	struct sim *sim = world->sim;
	struct event event = {.at_ms = sim->now_ms + (int64_t)(CHUNK * 1000 / (sim->hub_rate_bytes_per_s ? sim->hub_rate_bytes_per_s : 1)), .kind = EVENT_HUB};

	if (!sim->hub_is_there || world->hub_is_busy || sim->now_ms < HUB_AFTER_MS || swarm_is_complete(world->swarm))
		return;
	if (!sim->hub_is_fast && swarm_need(world->swarm, sim->now_ms) == SWARM_NEEDS_NONE)
		return;
	if (!swarm_is_stuck_at(world->swarm, &event.index) || world->store.states[event.index] == SIM_NOBODY)
		event.index = sim_store_first_missing(&world->store);
	world->hub_is_busy = true;
	happen(world, event);
}

static void on_hub_chunk(struct world *world, uint64_t index)
{
	if (world->sim->is_told)
		printf("%6lld ms: the hub sends chunk %llu; prefix %llu\n", (long long)world->sim->now_ms, (unsigned long long)index, (unsigned long long)sim_store_prefix(&world->store));
	world->hub_is_busy = false;
	world->sim->hub_chunks++;
	world->store.overruled = false;
	sim_store_put_believed(&world->store, index);
	if (world->store.overruled)
		swarm_contradicted(world->swarm, index);
	tell_all(world);
	tell_anchored(world);
}

static void on_piece(struct world *world, const struct event *event)
{
	struct sim_peer *peer = &world->sim->peers[event->peer];
	uint8_t before[SHA256_LEN], after[SHA256_LEN];
	bool is_whole = event->piece == CHUNK / PIECE;

	if (!peer->is_here || world->serials[event->peer][event->index] != event->serial)
		return;
	peer->bytes += PIECE;
	if (is_whole) {
		request_over(world, event->peer, event->index);
		peer->delivered++;
	}
	swarm_received(world->swarm, event->peer, event->index, PIECE, is_whole, world->sim->now_ms);
	if (is_whole && swarm_states(world->swarm, event->peer, event->index, before, after)) {
		struct event checked = {.at_ms = world->sim->now_ms + WORKER_MS, .kind = EVENT_CHECKED, .peer = event->peer, .index = event->index};
		checked.answer = sim_store_put(&world->store, chunk_file(peer, event->index), event->index, sim_label_file(before), sim_label_file(after));
		happen(world, checked);
	}
}

static void on_event(struct world *world, const struct event *event)
{
	struct sim_peer *peer = &world->sim->peers[event->peer];
	int64_t now_ms = world->sim->now_ms;

	switch (event->kind) {
	case EVENT_FOUND:
		peer->is_here = true;
		swarm_add(world->swarm, event->peer, peer->has_record, now_ms);
		break;
	case EVENT_DIES:
		peer->is_here = false;
		for (uint64_t i = 0; i < world->sim->chunks; i++)
			request_over(world, event->peer, i);
		swarm_remove(world->swarm, event->peer);
		break;
	case EVENT_CHAIN:
		if (peer->is_here)
			send_chain(world, event->peer);
		break;
	case EVENT_PIECE:
		on_piece(world, event);
		break;
	case EVENT_NO:
		if (peer->is_here && world->serials[event->peer][event->index] == event->serial) {
			request_over(world, event->peer, event->index);
			swarm_failed(world->swarm, event->peer, event->index, event->failure, now_ms);
		}
		break;
	case EVENT_CHECKED:
		peer->judged_good += event->answer == PARTIAL_KEPT;
		swarm_checked(world->swarm, event->peer, event->index, event->answer, now_ms);
		tell_all(world);
		tell_anchored(world);
		break;
	case EVENT_SUGGESTED:
		swarm_suggested(world->swarm, event->err, event->index);
		tell_all(world);
		break;
	case EVENT_HUB:
		on_hub_chunk(world, event->index);
		break;
	}
}

/* What is outstanding, being checked, or linked and no more. */
static void look_at_bounds(struct world *world)
{
	uint64_t count = 0, anchored = sim_store_anchored_from(&world->store);

	for (size_t i = 0; i < world->sim->peer_count; i++)
		count += world->sim->peers[i].outstanding;
	for (uint64_t i = sim_store_prefix(&world->store); i < anchored; i++)
		count += world->store.held[i] != SIM_NOBODY && !world->store.believed[i];
	for (size_t i = 0; i < world->event_count; i++)
		count += world->events[i].kind == EVENT_CHECKED && world->store.held[world->events[i].index] == SIM_NOBODY;
	if (count > world->sim->most_in_flight)
		world->sim->most_in_flight = count;
}

static void settle_down(struct world *world)
{
	struct swarm_task task;

	for (unsigned i = 0; swarm_next(world->swarm, world->sim->now_ms, &task); i++) {
		do_task(world, &task);
		if (i > 10000) {
			broken(world, "it never comes to rest", task.peer, task.index);
			return;
		}
	}
	ask_hub(world);
	look_at_bounds(world);
}

static void begin(struct world *world)
{
	struct sim *sim = world->sim;
	struct swarm_options options = {.digest = world->digest, .size = sim->chunks * CHUNK};

	if (swarm_create(&options, &world->swarm) != ERR_OK || chain_init(&world->shown, options.size) != ERR_OK)
		abort();
	sim_store_init(&world->store, sim->chunks, sim->prefix_before, sim->prefix_file);
	tell_all(world);
	for (size_t i = 0; i < sim->peer_count; i++) {
		happen(world, (struct event){.at_ms = sim->peers[i].found_ms, .kind = EVENT_FOUND, .peer = i});
		if (sim->peers[i].behaviour == SIM_DIES)
			happen(world, (struct event){.at_ms = sim->peers[i].dies_ms, .kind = EVENT_DIES, .peer = i});
	}
}

static void end(struct world *world)
{
	struct sim *sim = world->sim;
	struct swarm_task task;

	while (swarm_next(world->swarm, sim->now_ms, &task))
		do_task(world, &task);
	sim->is_complete = sim_store_first_missing(&world->store) == sim->chunks;
	sim->is_right = sim->is_complete;
	for (uint64_t i = 0; i < sim->chunks; i++)
		sim->is_right = sim->is_right && world->store.held[i] == SIM_RIGHT;
	sim->wasted_bytes = swarm_wasted_bytes(world->swarm);
	if (sim->is_complete != swarm_is_complete(world->swarm))
		broken(world, "the swarm thinks otherwise of what is here", 0, 0);
	swarm_destroy(world->swarm);
	chain_release(&world->shown);
}

void sim_run(struct sim *sim, int64_t limit_ms)
{
	struct world *world = calloc(1, sizeof *world);
	struct event event;

	if (!world)
		abort();
	world->sim = sim;
	world->digest = (struct digest){.algorithm = DIGEST_SHA256, .bytes = {0xd1}};
	begin(world);
	while (sim->now_ms < limit_ms && !sim->failure[0]) {
		int64_t deadline_ms;
		settle_down(world);
		if (sim_store_first_missing(&world->store) == sim->chunks && swarm_is_complete(world->swarm))
			break;
		deadline_ms = swarm_deadline_ms(world->swarm);
		if (sim->now_ms < HUB_AFTER_MS && deadline_ms > HUB_AFTER_MS)
			deadline_ms = HUB_AFTER_MS;
		if (next_event(world, deadline_ms, &event)) {
			if (event.at_ms > sim->now_ms)
				sim->now_ms = event.at_ms;
			on_event(world, &event);
		} else if (deadline_ms == INT64_MAX) {
			break;
		} else {
			sim->now_ms = deadline_ms;
		}
	}
	/* What is being checked still is told. */
	while (next_event(world, sim->now_ms + WORKER_MS, &event))
		if (event.kind == EVENT_CHECKED || event.kind == EVENT_SUGGESTED)
			on_event(world, &event);
	end(world);
	free(world);
}
