#include "node/draw.h"

#include <stdlib.h>
#include <string.h>

/* A chunk that came whole, on its way to the worker and back. */
struct drawn {
	struct list link;
	struct chunk *chunk; /* owned */
	uint64_t peer;
	struct partial_item item;
};

/* One question to one peer. */
struct draw_ask {
	struct list link;
	struct draw *draw;
	uint64_t peer, index; /* SWARM_NO_CHUNK: its chain */
	struct chunk *chunk;  /* owned; NULL for a chain */
	struct peer_ask ask;
};

static void pursue(struct draw *draw);

static int64_t now_ms(const struct draw *draw)
{
	return loop_now_ms(draw->loop);
}

/* --- questions */

static void ask_free(struct draw_ask *ask)
{
	peers_ask_cancel(&ask->ask);
	chain_release(&ask->ask.chain);
	list_remove(&ask->link);
	free(ask->chunk);
	free(ask);
}

static enum swarm_failure failure_of(enum err err)
{
	switch (err) {
	case ERR_NOT_FOUND:
		return SWARM_FAILED_NOT_HELD;
	case ERR_BUSY:
		return SWARM_FAILED_BUSY;
	case ERR_LIMIT:
		return SWARM_FAILED_TOO_MUCH;
	case ERR_UNPROVEN:
		return SWARM_FAILED_DAMAGED;
	default:
		return SWARM_FAILED_BROKEN;
	}
}

static void ask_failed(struct draw_ask *ask, enum err err)
{
	struct draw *draw = ask->draw;

	if (err == ERR_CUT)
		swarm_remove(draw->swarm, ask->peer);
	else
		swarm_failed(draw->swarm, ask->peer, ask->index, failure_of(err), now_ms(draw));
	ask_free(ask);
}

/* A chunk came: it waits for the worker with the states that its sender claims beside it. */
static bool keep_arrived(struct draw_ask *ask)
{
	struct draw *draw = ask->draw;
	struct drawn *drawn = calloc(1, sizeof *drawn);

	if (!drawn)
		return false;
	if (!swarm_states(draw->swarm, ask->peer, ask->index, drawn->item.before, drawn->item.after)) {
		free(drawn);
		return false;
	}
	drawn->chunk = ask->chunk;
	ask->chunk = NULL;
	drawn->peer = ask->peer;
	drawn->item.index = ask->index;
	drawn->item.data = drawn->chunk->data;
	list_append(&draw->arrived, &drawn->link);
	return true;
}

static void on_chunk_bytes(struct peer_ask *peer_ask, size_t len)
{
	struct draw_ask *ask = container_of(peer_ask, struct draw_ask, ask);

	swarm_received(ask->draw->swarm, ask->peer, ask->index, len, false, now_ms(ask->draw));
	ask->draw->on_progress(ask->draw, len);
}

static void on_chunk(struct peer_ask *peer_ask, enum err err)
{
	struct draw_ask *ask = container_of(peer_ask, struct draw_ask, ask);
	struct draw *draw = ask->draw;
	size_t last = ask->chunk->len % WIRE_PIECE_MAX ? ask->chunk->len % WIRE_PIECE_MAX : WIRE_PIECE_MAX;

	if (err) {
		ask_failed(ask, err);
	} else {
		last = ask->chunk->len ? last : 0;
		swarm_received(draw->swarm, ask->peer, ask->index, last, true, now_ms(draw));
		draw->on_progress(draw, last);
		(void)keep_arrived(ask); /* without memory, or states, the chunk is forgotten, and its time runs out */
		ask_free(ask);
	}
	pursue(draw);
}

static void on_chain(struct peer_ask *peer_ask, enum err err)
{
	struct draw_ask *ask = container_of(peer_ask, struct draw_ask, ask);
	struct draw *draw = ask->draw;

	if (err) {
		ask_failed(ask, err);
	} else {
		swarm_chain(draw->swarm, ask->peer, &ask->ask.chain, now_ms(draw));
		ask_free(ask);
	}
	pursue(draw);
}

static struct chunk *chunk_for(const struct draw *draw, uint64_t index)
{
	size_t len = chain_chunk_len(draw->size, index);
	struct chunk *chunk = malloc(sizeof *chunk + len);

	if (!chunk)
		return NULL;
	list_init(&chunk->link);
	chunk->index = index;
	chunk->len = len;
	chunk->filled = 0;
	return chunk;
}

/* Ask for a chunk, or with SWARM_NO_CHUNK for the chain. A question that cannot be asked has failed. */
static void ask_peer(struct draw *draw, uint64_t peer, uint64_t index)
{
	struct draw_ask *ask = calloc(1, sizeof *ask);
	bool is_chain = index == SWARM_NO_CHUNK;
	enum err err = ERR_NO_MEMORY;

	if (ask) {
		list_append(&draw->asks, &ask->link);
		ask->draw = draw;
		ask->peer = peer;
		ask->index = index;
		ask->ask.on_done = is_chain ? on_chain : on_chunk;
		ask->ask.on_bytes = on_chunk_bytes;
		ask->chunk = is_chain ? NULL : chunk_for(draw, index);
		if (is_chain)
			err = peers_ask_chain(draw->peers, peer, &draw->digest, draw->size, &ask->ask);
		else if (ask->chunk)
			err = peers_ask_chunk(draw->peers, peer, &draw->digest, draw->size, ask->chunk, &ask->ask);
		if (!err)
			return;
		ask_free(ask);
	}
	if (err == ERR_CUT)
		swarm_remove(draw->swarm, peer);
	else
		swarm_failed(draw->swarm, peer, index, failure_of(err), now_ms(draw));
}

static void cancel_ask(struct draw *draw, uint64_t peer, uint64_t index)
{
	list_each_safe(at, &draw->asks) {
		struct draw_ask *ask = container_of(at, struct draw_ask, link);
		if (ask->peer == peer && ask->index == index)
			ask_free(ask);
	}
}

/* --- what the swarm wants done */

static void judge(struct draw *draw, const struct swarm_task *task)
{
	static const enum peer_verdict verdicts[] = {
		[SWARM_DAMAGED] = PEER_DAMAGED, [SWARM_REFUTED] = PEER_REFUTED, [SWARM_UNPROVEN] = PEER_UNPROVEN,
	};

	draw->judged++;
	cancel_ask(draw, task->peer, SWARM_NO_CHUNK); /* a chain that did not come in time is not waited for any more */
	peers_judge(draw->peers, task->peer, verdicts[task->verdict], &draw->digest, task->index, task->reason);
}

static void do_task(struct draw *draw, const struct swarm_task *task)
{
	switch (task->what) {
	case SWARM_ASK_CHAIN:
		ask_peer(draw, task->peer, SWARM_NO_CHUNK);
		break;
	case SWARM_ASK_CHUNK:
		ask_peer(draw, task->peer, task->index);
		break;
	case SWARM_CANCEL:
		cancel_ask(draw, task->peer, task->index);
		break;
	case SWARM_SUGGEST:
		draw->suggest = task->chain;
		break;
	case SWARM_VERDICT:
		judge(draw, task);
		break;
	}
}

static void set_timer(struct draw *draw)
{
	int64_t at_ms = swarm_deadline_ms(draw->swarm), wait_ms = DRAW_LOOK_MS;

	if (at_ms - now_ms(draw) < wait_ms)
		wait_ms = at_ms > now_ms(draw) ? at_ms - now_ms(draw) : 1;
	/* The heap has room for this timer, which has run before; the first start may fail, and then draw_start() does. */
	(void)!loop_timer_start(draw->loop, &draw->timer, wait_ms);
}

/* Silence is what the network did not bring. */
static void excuse(struct draw *draw)
{
	for (size_t i = 0; i < draw->known_count; i++)
		if (peers_is_behind(draw->peers, draw->known[i]))
			swarm_excuse(draw->swarm, draw->known[i], now_ms(draw));
}

/* Do all there is to do now. The owner hears of it last, since it may end the draw. */
static void pursue(struct draw *draw)
{
	struct swarm_task task;

	draw->is_pursued = true;
	excuse(draw);
	while (swarm_next(draw->swarm, now_ms(draw), &task))
		do_task(draw, &task);
	set_timer(draw);
	if (draw_has_work(draw))
		draw->on_work(draw);
	else
		draw->on_change(draw);
}

static bool is_known(const struct draw *draw, uint64_t peer)
{
	for (size_t i = 0; i < draw->known_count; i++)
		if (draw->known[i] == peer)
			return true;
	return false;
}

static void find_holders(struct draw *draw)
{
	uint64_t ids[SWARM_PEERS];
	size_t count = peers_holders(draw->peers, &draw->digest, ids, SWARM_PEERS);

	for (size_t i = 0; i < count && draw->known_count < SWARM_PEERS; i++) {
		if (is_known(draw, ids[i]))
			continue;
		draw->known[draw->known_count++] = ids[i];
		swarm_add(draw->swarm, ids[i], peers_has_record(draw->peers, ids[i]), now_ms(draw));
	}
}

static void on_timer(struct loop_timer *timer)
{
	struct draw *draw = container_of(timer, struct draw, timer);

	find_holders(draw);
	pursue(draw);
}

/* --- its life */

enum err draw_start(struct draw *draw, const struct digest *digest, uint64_t size)
{
	struct swarm_options options = {.digest = *digest, .size = size};
	enum err err = swarm_create(&options, &draw->swarm);

	if (err)
		return err;
	draw->digest = *digest;
	draw->size = size;
	list_init(&draw->asks);
	list_init(&draw->arrived);
	draw->suggest = NULL;
	draw->is_out = draw->is_ending = draw->is_pursued = false;
	draw->told_good = draw->told_wasted = 0;
	draw->known_count = 0;
	draw->judged = 0;
	draw->timer = (struct loop_timer){.fire = on_timer};
	find_holders(draw);
	err = loop_timer_start(draw->loop, &draw->timer, 0);
	if (err)
		draw_stop(draw);
	return err;
}

static void drawn_free_all(struct list *all)
{
	list_each_safe(at, all) {
		struct drawn *drawn = container_of(at, struct drawn, link);
		list_remove(at);
		free(drawn->chunk);
		free(drawn);
	}
}

void draw_stop(struct draw *draw)
{
	if (!draw->swarm)
		return;
	loop_timer_cancel(draw->loop, &draw->timer);
	list_each_safe(at, &draw->asks)
		ask_free(container_of(at, struct draw_ask, link));
	drawn_free_all(&draw->arrived);
	draw->is_ending = draw->is_out;
	if (draw->is_out)
		return;
	swarm_destroy(draw->swarm);
	draw->swarm = NULL;
	draw->suggest = NULL;
}

/* --- what is here */

static void tell_anchored(struct draw *draw, const struct partial *partial)
{
	if (partial_anchored_from(partial) < partial_chunks(partial))
		swarm_anchored(draw->swarm, partial_anchored_from(partial), partial_chain(partial));
}

void draw_sync(struct draw *draw, const struct partial *partial)
{
	uint64_t from = 0, first, count;

	while (partial_next_missing(partial, from, &first, &count)) {
		swarm_have(draw->swarm, from, first - from);
		swarm_lack(draw->swarm, first, count);
		from = first + count;
	}
	swarm_have(draw->swarm, from, partial_chunks(partial) - from);
	tell_anchored(draw, partial);
}

void draw_have(struct draw *draw, const struct partial *partial, uint64_t first, uint64_t count)
{
	swarm_have(draw->swarm, first, count);
	tell_anchored(draw, partial);
}

void draw_contradicted(struct draw *draw, uint64_t index)
{
	swarm_contradicted(draw->swarm, index);
}

/* --- the worker */

bool draw_has_work(const struct draw *draw)
{
	return draw_is_on(draw) && !draw->is_out && (draw->suggest || !list_is_empty(&draw->arrived));
}

void draw_take(struct draw *draw, struct draw_batch *batch)
{
	batch->suggest = draw->suggest;
	batch->suggested = false;
	batch->suggest_err = ERR_OK;
	list_init(&batch->chunks);
	list_each_safe(at, &draw->arrived) {
		list_remove(at);
		list_append(&batch->chunks, at);
	}
	draw->is_out = true;
}

static enum err put_chunks(struct draw_batch *batch, struct partial *partial, struct why *why)
{
	struct partial_item items[SWARM_WINDOW];
	struct drawn *drawn[SWARM_WINDOW];
	size_t count = 0;
	enum err err = ERR_OK;

	for (struct list *at = batch->chunks.next; !err && at != &batch->chunks; at = at->next) {
		drawn[count] = container_of(at, struct drawn, link);
		items[count] = drawn[count]->item;
		if (++count < SWARM_WINDOW && at->next != &batch->chunks)
			continue;
		err = partial_put_many(partial, items, count, why);
		for (size_t i = 0; i < count; i++)
			drawn[i]->item.answer = items[i].answer;
		count = 0;
	}
	return err;
}

enum err draw_check(struct draw_batch *batch, struct partial *partial, struct why *why)
{
	batch->forgotten = partial_forgotten(partial);
	if (batch->suggest) {
		batch->suggest_err = partial_suggest(partial, batch->suggest, &batch->suggest_index, why);
		batch->suggested = true;
		if (batch->suggest_err && batch->suggest_err != ERR_UNPROVEN && batch->suggest_err != ERR_INVALID)
			return batch->suggest_err;
	}
	return put_chunks(batch, partial, why);
}

static void tell_answers(struct draw *draw, struct draw_batch *batch, const struct partial *partial)
{
	if (batch->suggested) {
		draw->suggest = NULL;
		swarm_suggested(draw->swarm, batch->suggest_err, batch->suggest_index);
	}
	list_each(at, &batch->chunks) {
		struct drawn *drawn = container_of(at, struct drawn, link);
		swarm_checked(draw->swarm, drawn->peer, drawn->item.index, drawn->item.answer, now_ms(draw));
	}
	if (!partial)
		return;
	if (partial_forgotten(partial) != batch->forgotten)
		draw_sync(draw, partial);
	else
		tell_anchored(draw, partial);
}

void draw_done(struct draw *draw, struct draw_batch *batch, const struct partial *partial)
{
	draw->is_out = false;
	if (draw->is_ending) {
		if (batch->suggested)
			swarm_suggested(draw->swarm, batch->suggest_err, batch->suggest_index);
		draw_stop(draw);
	} else {
		tell_answers(draw, batch, partial);
		draw->is_pursued = false;
		/* What follows from it is done in the next turn: the owner is in the midst of something. The timer has run before, so there is room for it. */
		(void)!loop_timer_start(draw->loop, &draw->timer, 0);
	}
	drawn_free_all(&batch->chunks);
}

/* --- for the owner */

enum swarm_need draw_need(struct draw *draw)
{
	return swarm_need(draw->swarm, now_ms(draw));
}

bool draw_is_stuck_at(const struct draw *draw, uint64_t *ret_index)
{
	return draw_is_on(draw) && swarm_is_stuck_at(draw->swarm, ret_index);
}

bool draw_is_alone(struct draw *draw)
{
	enum swarm_need need;

	if (!draw->is_pursued || !list_is_empty(&draw->asks) || !list_is_empty(&draw->arrived) || draw->is_out || draw->suggest)
		return false;
	need = swarm_need(draw->swarm, now_ms(draw));
	return need == SWARM_NEEDS_CHUNKS || need == SWARM_NEEDS_TRUST;
}

void draw_figures(struct draw *draw, uint64_t *ret_good, uint64_t *ret_wasted)
{
	uint64_t good = swarm_good_bytes(draw->swarm), wasted = swarm_wasted_bytes(draw->swarm);

	*ret_good = good - draw->told_good;
	*ret_wasted = wasted - draw->told_wasted;
	draw->told_good = good;
	draw->told_wasted = wasted;
}

void draw_credit(struct draw *draw)
{
	struct swarm_peer_figures figures;

	for (size_t i = 0; i < draw->known_count; i++)
		if (swarm_peer_figures(draw->swarm, draw->known[i], &figures))
			peers_credit(draw->peers, draw->known[i], figures.good_bytes, figures.wasted_bytes);
}
