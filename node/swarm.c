/* The swarm's front: what is here, what arrives, what is to be done next. Whom to ask is in swarm_window.c, whom to believe in swarm_chains.c and swarm_settle.c. */
#include "node/swarm_private.h"

#include <stdlib.h>
#include <string.h>

enum err swarm_create(const struct swarm_options *options, struct swarm **ret_swarm)
{
	struct swarm *swarm;

	if (options->size > CHAIN_MAX_BLOB)
		return ERR_LIMIT;
	swarm = calloc(1, sizeof *swarm);
	if (!swarm)
		return ERR_NO_MEMORY;
	swarm->options = *options;
	swarm->chunks = swarm->missing = swarm->top = swarm->anchored_from = chain_chunk_count(options->size);
	swarm->status = calloc((size_t)swarm->chunks, 1);
	swarm->candidate = swarm->told = SWARM_NONE;
	swarm->first_chain_ms = swarm->first_peer_ms = -1;
	swarm->deadline_ms = INT64_MAX;
	if (!swarm->status) {
		free(swarm);
		return ERR_NO_MEMORY;
	}
	*ret_swarm = swarm;
	return ERR_OK;
}

void swarm_destroy(struct swarm *swarm)
{
	if (!swarm)
		return;
	for (int slot = 0; slot < SWARM_CHAINS; slot++)
		chain_release(&swarm->kept[slot].chain);
	chain_release(&swarm->lent);
	chain_release(&swarm->anchored);
	free(swarm->status);
	free(swarm);
}

/* --- what is here */

static void have(struct swarm *swarm, uint64_t index)
{
	if (!swarm_is_missing(swarm, index))
		return;
	swarm->status[index] |= CHUNK_HAVE;
	swarm->missing--;
	swarm->moved_ms = swarm->now_ms;
	swarm_cancel_index(swarm, index);
}

void swarm_have(struct swarm *swarm, uint64_t first, uint64_t count)
{
	for (uint64_t i = first; i < swarm->chunks && i - first < count; i++)
		have(swarm, i);
	while (swarm->top > 0 && !swarm_is_missing(swarm, swarm->top - 1))
		swarm->top--;
}

void swarm_lack(struct swarm *swarm, uint64_t first, uint64_t count)
{
	for (uint64_t i = first; i < swarm->chunks && i - first < count; i++) {
		if (swarm_is_missing(swarm, i))
			continue;
		if (swarm->status[i] & CHUNK_LINKED)
			swarm->linked--;
		swarm->status[i] &= CHUNK_ASKED;
		swarm->missing++;
		if (swarm->top <= i)
			swarm->top = i + 1;
		/* The states beside it may have gone with it: they are to be suggested again. */
		if (!swarm->is_telling)
			swarm->told = SWARM_NONE;
	}
}

bool swarm_is_complete(const struct swarm *swarm)
{
	return swarm->missing == 0;
}

/* --- chunks that arrive, or do not */

static void note_whole(struct swarm *swarm, struct swarm_ask *ask, int64_t now_ms)
{
	swarm_note_time(swarm, now_ms - swarm_served_since_ms(ask));
	ask->is_whole = true;
	if (--ask->peer->outstanding == 0)
		rate_end(&ask->peer->rate, now_ms);
	ask->peer->wanted_ms = now_ms;
}

void swarm_received(struct swarm *swarm, uint64_t id, uint64_t index, size_t bytes, bool is_whole, int64_t now_ms)
{
	struct swarm_peer *peer = swarm_find(swarm, id);
	struct swarm_ask *ask = peer ? swarm_find_ask(swarm, peer, index) : NULL;

	if (!ask || ask->is_whole) {
		swarm_waste(swarm, peer, bytes);
		return;
	}
	ask->bytes += bytes;
	peer->byte_ms = now_ms;
	rate_add(&peer->rate, bytes, now_ms);
	rate_history_add(&swarm->history, bytes, now_ms);
	if (is_whole)
		note_whole(swarm, ask, now_ms);
}

void swarm_excuse(struct swarm *swarm, uint64_t id, int64_t now_ms)
{
	struct swarm_peer *peer = swarm_find(swarm, id);

	if (peer)
		peer->byte_ms = now_ms;
}

bool swarm_states(const struct swarm *swarm, uint64_t id, uint64_t index, uint8_t ret_before[SHA256_LEN], uint8_t ret_after[SHA256_LEN])
{
	for (size_t i = 0; i < SWARM_ASKS; i++) {
		const struct swarm_ask *ask = &swarm->asks[i];
		if (!ask->is_used || ask->is_cancelled || !ask->is_whole || ask->peer->id != id || ask->index != index)
			continue;
		memcpy(ret_before, ask->before, SHA256_LEN);
		memcpy(ret_after, ask->after, SHA256_LEN);
		return true;
	}
	return false;
}

static void note_kept(struct swarm *swarm, struct swarm_ask *ask, int64_t now_ms)
{
	uint64_t index = ask->index;

	ask->peer->good_ms = now_ms;
	ask->peer->silences = ask->peer->failures = 0;
	ask->peer->busy_until_ms = 0;
	if (ask->peer->limit < SWARM_PEER_WINDOW_MAX)
		ask->peer->limit++;
	swarm_ask_end(swarm, ask, true);
	swarm_have(swarm, index, 1);
	if (!(swarm->status[index] & CHUNK_LINKED) && index < swarm->anchored_from) {
		swarm->status[index] |= CHUNK_LINKED;
		swarm->linked++;
	}
	swarm->candidate_is_good = true;
}

void swarm_checked(struct swarm *swarm, uint64_t id, uint64_t index, enum partial_answer answer, int64_t now_ms)
{
	struct swarm_peer *peer = swarm_find(swarm, id);
	struct swarm_ask *ask = peer ? swarm_find_ask(swarm, peer, index) : NULL;
	uint8_t before[SHA256_LEN];

	swarm->now_ms = now_ms;
	if (!ask || !ask->is_whole)
		return;
	memcpy(before, ask->before, sizeof before);
	if (answer == PARTIAL_NOT_LOOKED_AT) {
		peer->settle_round = 0;
		ask->bytes = 0;
	}
	if (answer == PARTIAL_KEPT)
		note_kept(swarm, ask, now_ms);
	else
		swarm_ask_end(swarm, ask, false);
	if (answer == PARTIAL_WRONG)
		swarm_put_out(swarm, peer, SWARM_DAMAGED, index, "a chunk contradicts its own chain");
	if (answer == PARTIAL_UNWANTED && index + 1 < swarm->anchored_from)
		swarm->status[index] |= CHUNK_LATER;
	if (answer == PARTIAL_KEPT || answer == PARTIAL_HAD || answer == PARTIAL_UNWANTED)
		swarm_settle_proven(swarm, index, before);
}

/* --- what to do */

static bool is_anybody_here(const struct swarm *swarm)
{
	for (size_t i = 0; i < SWARM_PEERS; i++)
		if (swarm->peers[i].is_used && !swarm->peers[i].is_gone && swarm->peers[i].state != PEER_OUT)
			return true;
	return false;
}

bool swarm_next(struct swarm *swarm, int64_t now_ms, struct swarm_task *ret_task)
{
	swarm->now_ms = now_ms;
	swarm_chains_tick(swarm, now_ms);
	swarm_settle_tick(swarm, now_ms);
	swarm_window_tick(swarm, now_ms);
	if (swarm_next_verdict(swarm, ret_task) || swarm_next_cancel(swarm, ret_task) || swarm_next_suggest(swarm, ret_task) ||
	    swarm_next_chain(swarm, now_ms, ret_task) || swarm_next_settle(swarm, now_ms, ret_task) ||
	    swarm_next_chunk(swarm, now_ms, ret_task))
		return true;
	swarm->deadline_ms = swarm->missing > 0 && is_anybody_here(swarm) ? now_ms + SWARM_TICK_MS : INT64_MAX;
	return false;
}

int64_t swarm_deadline_ms(const struct swarm *swarm)
{
	return swarm->deadline_ms;
}

/* Whether somebody gives it, or may turn out to. */
static bool is_to_be_had(const struct swarm *swarm, uint64_t index)
{
	for (size_t i = 0; i < SWARM_PEERS; i++) {
		const struct swarm_peer *peer = &swarm->peers[i];
		if (!peer->is_used || peer->is_gone || peer->state == PEER_OUT || (!peer->has_record && swarm->wasted_bytes > SWARM_WASTE_MAX))
			continue;
		if (peer->state != PEER_READY || swarm->candidate == SWARM_NONE || swarm_may_give(swarm, peer, index))
			return true;
	}
	return false;
}

enum swarm_need swarm_need(const struct swarm *swarm, int64_t now_ms)
{
	(void)now_ms;
	if (swarm->missing == 0)
		return SWARM_NEEDS_NONE;
	if (!is_to_be_had(swarm, swarm->top - 1))
		return SWARM_NEEDS_CHUNKS;
	if (swarm->wasted_bytes > SWARM_WASTE_MAX)
		return SWARM_NEEDS_TRUST;
	return swarm->is_slow ? SWARM_NEEDS_SPEED : SWARM_NEEDS_NONE;
}

bool swarm_is_stuck_at(const struct swarm *swarm, uint64_t *ret_index)
{
	if (swarm->missing == 0 || !is_anybody_here(swarm) || is_to_be_had(swarm, swarm->top - 1))
		return false;
	*ret_index = swarm->top - 1;
	return true;
}

/* --- figures */

uint64_t swarm_wasted_bytes(const struct swarm *swarm) { return swarm->wasted_bytes; }
uint64_t swarm_good_bytes(const struct swarm *swarm) { return swarm->good_bytes; }
uint64_t swarm_rate_bytes_per_s(const struct swarm *swarm, int64_t now_ms) { return rate_history_per_s(&swarm->history, now_ms); }
