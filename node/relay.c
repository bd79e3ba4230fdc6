#include "node/relay.h"

#include <stdlib.h>
#include <string.h>

static struct relay_ask *slot(struct relay *relay, uint64_t index)
{
	return &relay->asks[index % RELAY_WINDOW];
}

static void drop_asks(struct relay *relay)
{
	for (size_t i = 0; i < RELAY_WINDOW; i++) {
		peers_ask_cancel(&relay->asks[i].ask);
		free(relay->asks[i].chunk);
		relay->asks[i] = (struct relay_ask){.relay = relay};
	}
}

static void end(struct relay *relay, enum err err)
{
	relay->running = false;
	loop_timer_cancel(relay->loop, &relay->timer);
	drop_asks(relay);
	relay->on_end(relay, err);
}

static void on_silence(struct loop_timer *timer)
{
	end(container_of(timer, struct relay, timer), ERR_CUT);
}

/* It runs already, so there is room for it. */
static void wait_on(struct relay *relay)
{
	int64_t pace_ms = (int64_t)(chain_chunk_len(relay->size, relay->first) * 1000 / RELAY_SLOW_BYTES_PER_S), waited_ms = loop_now_ms(relay->loop) - relay->first_ms;
	int64_t wait_ms = waited_ms < pace_ms ? RELAY_SILENT_MS : pace_ms + RELAY_SILENT_MS - waited_ms;

	(void)!loop_timer_start(relay->loop, &relay->timer, wait_ms > 0 ? wait_ms : 0);
}

static void hear(struct relay *relay, size_t len)
{
	wait_on(relay);
	relay->on_progress(relay, len);
}

static void on_bytes(struct peer_ask *ask, size_t len)
{
	hear(container_of(ask, struct relay_ask, ask)->relay, len);
}

static void ask_more(struct relay *relay);

/* Queue what came whole, in order. */
static void queue(struct relay *relay)
{
	bool queued = false;

	while (relay->first < relay->end && slot(relay, relay->first)->is_whole) {
		struct relay_ask *ask = slot(relay, relay->first);
		list_append(&relay->queue, &ask->chunk->link);
		*ask = (struct relay_ask){.relay = relay};
		relay->first++;
		relay->first_ms = loop_now_ms(relay->loop);
		relay->out++;
		queued = true;
	}
	if (queued)
		relay->on_chunk(relay);
}

static void on_chunk(struct peer_ask *peer_ask, enum err err)
{
	struct relay_ask *ask = container_of(peer_ask, struct relay_ask, ask);
	struct relay *relay = ask->relay;
	size_t rest = ask->chunk->len % WIRE_PIECE_MAX;

	if (err) {
		end(relay, err);
		return;
	}
	ask->is_whole = true;
	hear(relay, rest || !ask->chunk->len ? rest : WIRE_PIECE_MAX);
	queue(relay);
	if (relay->running && relay->first == relay->end)
		end(relay, ERR_OK);
	else if (relay->running) {
		wait_on(relay);
		ask_more(relay);
	}
}

static enum err ask_one(struct relay *relay, uint64_t index)
{
	struct relay_ask *ask = slot(relay, index);
	size_t len = chain_chunk_len(relay->size, index);

	if (index == relay->first)
		relay->first_ms = loop_now_ms(relay->loop);
	*ask = (struct relay_ask){.relay = relay, .ask = {.on_done = on_chunk, .on_bytes = on_bytes}};
	ask->chunk = malloc(sizeof *ask->chunk + len);
	if (!ask->chunk)
		return ERR_NO_MEMORY;
	list_init(&ask->chunk->link);
	ask->chunk->index = index;
	ask->chunk->len = len;
	ask->chunk->filled = 0;
	return peers_ask_chunk(relay->peers, relay->peer, &relay->digest, relay->size, ask->chunk, &ask->ask);
}

static void ask_more(struct relay *relay)
{
	while (relay->next < relay->end && relay->next - relay->first + relay->out < RELAY_WINDOW) {
		enum err err = ask_one(relay, relay->next);
		if (err) {
			end(relay, err);
			return;
		}
		relay->next++;
	}
}

enum err relay_start(struct relay *relay, uint64_t peer, const struct digest *digest, uint64_t size)
{
	enum err err;

	if (!relay->queue.next)
		list_init(&relay->queue);
	relay->peer = peer;
	relay->digest = *digest;
	relay->size = size;
	relay->next = relay->first = 0;
	relay->end = chain_chunk_count(size);
	relay->out = 0;
	relay->timer.fire = on_silence;
	drop_asks(relay);
	err = loop_timer_start(relay->loop, &relay->timer, RELAY_SILENT_MS);
	for (size_t i = 0; !err && i < RELAY_WINDOW && relay->next < relay->end; i++) {
		err = ask_one(relay, relay->next);
		relay->next += !err;
	}
	relay->running = true;
	if (err)
		relay_stop(relay);
	return err;
}

void relay_stop(struct relay *relay)
{
	if (!relay->queue.next)
		return;
	if (relay->running) {
		loop_timer_cancel(relay->loop, &relay->timer);
		drop_asks(relay);
	}
	relay->running = false;
	chunk_free_all(&relay->queue);
}

void relay_take(struct relay *relay, struct list *to)
{
	list_each_safe(at, &relay->queue) {
		list_remove(at);
		list_append(to, at);
	}
}

void relay_give_back(struct relay *relay, size_t count)
{
	relay->out -= count < relay->out ? count : relay->out;
	if (relay->running)
		ask_more(relay);
}
