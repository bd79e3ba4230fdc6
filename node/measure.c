#include "node/measure.h"

#include <stdlib.h>

#define LOOK_MS 100

struct measure_ask {
	struct list link;
	struct measure *measure;
	uint64_t peer;
	enum sizing_what what;
	uint64_t size, index;
	struct chunk *chunk; /* owned; of ASK_CHUNK */
	struct peer_ask ask;
};

static void ask_free(struct measure_ask *ask)
{
	peers_ask_cancel(&ask->ask);
	list_remove(&ask->link);
	free(ask->chunk);
	free(ask);
}

/* Does the last chunk lead to the digest, from the state that this peer claims before it? */
static bool holds(const struct measure *measure, const struct measure_ask *ask)
{
	uint8_t before[SHA256_LEN];
	uint64_t size;
	struct chain_link link = {.index = ask->index, .data = ask->chunk->data, .before = before, .after = measure->digest.bytes};

	if (!sizing_before(measure->sizing, ask->peer, &size, before) || size != ask->size)
		return false;
	chain_check(measure->engine, size, &link, 1);
	return link.holds;
}

static void take_answer(struct measure *measure, struct measure_ask *ask, enum err err)
{
	if (err == ERR_CUT)
		sizing_remove(measure->sizing, ask->peer);
	else if (err)
		sizing_failed(measure->sizing, ask->peer);
	else if (ask->what == SIZING_ASK_SIZE)
		sizing_size(measure->sizing, ask->peer, ask->ask.size);
	else if (ask->what == SIZING_ASK_STATE)
		sizing_state(measure->sizing, ask->peer, ask->ask.state);
	else
		sizing_checked(measure->sizing, ask->peer, holds(measure, ask));
}

static void go_on(struct measure *measure);

static void on_answer(struct peer_ask *peer_ask, enum err err)
{
	struct measure_ask *ask = container_of(peer_ask, struct measure_ask, ask);
	struct measure *measure = ask->measure;

	take_answer(measure, ask, err);
	ask_free(ask);
	go_on(measure);
}

static struct chunk *chunk_for(uint64_t size, uint64_t index)
{
	size_t len = chain_chunk_len(size, index);
	struct chunk *chunk = malloc(sizeof *chunk + len);

	if (!chunk)
		return NULL;
	list_init(&chunk->link);
	chunk->index = index;
	chunk->len = len;
	chunk->filled = 0;
	return chunk;
}

static enum err put_question(struct measure *measure, struct measure_ask *ask)
{
	if (ask->what != SIZING_ASK_CHUNK)
		return peers_ask_state(measure->peers, ask->peer, &measure->digest, ask->what == SIZING_ASK_STATE ? ask->index : 0, &ask->ask);
	ask->chunk = chunk_for(ask->size, ask->index);
	if (!ask->chunk)
		return ERR_NO_MEMORY;
	return peers_ask_chunk(measure->peers, ask->peer, &measure->digest, ask->size, ask->chunk, &ask->ask);
}

static void do_task(struct measure *measure, const struct sizing_task *task)
{
	struct measure_ask *ask = calloc(1, sizeof *ask);

	if (!ask) {
		sizing_failed(measure->sizing, task->peer);
		return;
	}
	list_append(&measure->asks, &ask->link);
	ask->measure = measure;
	ask->peer = task->peer;
	ask->what = task->what;
	ask->size = task->size;
	ask->index = task->index;
	ask->ask.on_done = on_answer;
	if (put_question(measure, ask) == ERR_OK)
		return;
	sizing_failed(measure->sizing, task->peer);
	ask_free(ask);
}

static void find_holders(struct measure *measure)
{
	uint64_t ids[SIZING_PEERS];
	size_t count = peers_holders(measure->peers, &measure->digest, ids, SIZING_PEERS);

	for (size_t i = 0; i < count; i++)
		sizing_add(measure->sizing, ids[i]);
	if (count > measure->asked)
		measure->asked = count;
}

static void end(struct measure *measure, enum err err, uint64_t size)
{
	measure_stop(measure);
	measure->on_end(measure, err, size);
}

static void go_on(struct measure *measure)
{
	int64_t now_ms = loop_now_ms(measure->loop), wait_ms = LOOK_MS;
	struct sizing_task task;
	uint64_t size;

	find_holders(measure);
	while (sizing_next(measure->sizing, now_ms, &task))
		do_task(measure, &task);
	if (sizing_is_settled(measure->sizing, &size)) {
		end(measure, ERR_OK, size);
		return;
	}
	/* Questions that are open still are those to peers that were given up. */
	if (sizing_is_hopeless(measure->sizing) && now_ms >= measure->hopeless_at_ms) {
		end(measure, measure->asked ? ERR_UNPROVEN : ERR_NOT_FOUND, 0);
		return;
	}
	if (sizing_deadline_ms(measure->sizing) - now_ms < wait_ms)
		wait_ms = sizing_deadline_ms(measure->sizing) > now_ms ? sizing_deadline_ms(measure->sizing) - now_ms : 1;
	if (loop_timer_start(measure->loop, &measure->timer, wait_ms) != ERR_OK)
		end(measure, ERR_NO_MEMORY, 0);
}

static void on_timer(struct loop_timer *timer)
{
	go_on(container_of(timer, struct measure, timer));
}

enum err measure_start(struct measure *measure, const struct digest *digest)
{
	measure->sizing = sizing_create();
	if (!measure->sizing)
		return ERR_NO_MEMORY;
	measure->digest = *digest;
	measure->asked = 0;
	list_init(&measure->asks);
	measure->timer = (struct loop_timer){.fire = on_timer};
	if (loop_timer_start(measure->loop, &measure->timer, 0) == ERR_OK)
		return ERR_OK;
	measure_stop(measure);
	return ERR_NO_MEMORY;
}

void measure_stop(struct measure *measure)
{
	if (!measure->sizing)
		return;
	loop_timer_cancel(measure->loop, &measure->timer);
	list_each_safe(at, &measure->asks)
		ask_free(container_of(at, struct measure_ask, link));
	sizing_destroy(measure->sizing);
	measure->sizing = NULL;
}
