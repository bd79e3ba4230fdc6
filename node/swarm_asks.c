/* What is asked from whom, until it is answered, checked or given up. */
#include "node/swarm_private.h"

#include <string.h>

struct swarm_ask *swarm_find_ask(struct swarm *swarm, const struct swarm_peer *peer, uint64_t index)
{
	for (size_t i = 0; i < SWARM_ASKS; i++) {
		struct swarm_ask *ask = &swarm->asks[i];
		if (ask->is_used && !ask->is_cancelled && ask->peer == peer && ask->index == index)
			return ask;
	}
	return NULL;
}

unsigned swarm_count_asks(const struct swarm *swarm, uint64_t index)
{
	unsigned count = 0;

	for (size_t i = 0; i < SWARM_ASKS; i++)
		count += swarm->asks[i].is_used && !swarm->asks[i].is_cancelled && swarm->asks[i].index == index;
	return count;
}

/* The states as this peer claims them now: it is judged by these. */
static void note_states(const struct swarm *swarm, struct swarm_ask *ask)
{
	const struct chain *chain = ask->peer->slot == SWARM_NONE ? NULL : &swarm->kept[ask->peer->slot].chain;

	memset(ask->before, 0, sizeof ask->before);
	memcpy(ask->after, swarm->options.digest.bytes, sizeof ask->after);
	if (chain && ask->index > 0)
		memcpy(ask->before, chain->states[ask->index - 1], sizeof ask->before);
	if (chain && ask->index < chain->count)
		memcpy(ask->after, chain->states[ask->index], sizeof ask->after);
}

struct swarm_ask *swarm_ask(struct swarm *swarm, struct swarm_peer *peer, uint64_t index, enum swarm_purpose purpose, int64_t now_ms)
{
	struct swarm_ask *ask = NULL;

	for (size_t i = 0; i < SWARM_ASKS && !ask; i++)
		if (!swarm->asks[i].is_used)
			ask = &swarm->asks[i];
	if (!ask)
		return NULL;
	*ask = (struct swarm_ask){.is_used = true, .peer = peer, .index = index, .purpose = purpose, .asked_ms = now_ms};
	note_states(swarm, ask);
	swarm->status[index] |= CHUNK_ASKED;
	if (peer->outstanding++ == 0) {
		rate_begin(&peer->rate, now_ms);
		peer->wanted_ms = now_ms;
	}
	return ask;
}

void swarm_waste(struct swarm *swarm, struct swarm_peer *peer, uint64_t bytes)
{
	swarm->wasted_bytes += bytes;
	if (peer)
		peer->wasted_bytes += bytes;
}

static void let_go(struct swarm *swarm, struct swarm_ask *ask)
{
	if (!ask->is_whole && --ask->peer->outstanding == 0)
		rate_end(&ask->peer->rate, swarm->now_ms);
	ask->is_cancelled = true;
	if (swarm_count_asks(swarm, ask->index) == 0)
		swarm->status[ask->index] &= (uint8_t)~CHUNK_ASKED;
}

void swarm_ask_end(struct swarm *swarm, struct swarm_ask *ask, bool was_good)
{
	if (was_good) {
		swarm->good_bytes += ask->bytes;
		ask->peer->good_bytes += ask->bytes;
	} else {
		swarm_waste(swarm, ask->peer, ask->bytes);
	}
	let_go(swarm, ask);
	ask->is_used = false;
}

void swarm_ask_cancel(struct swarm *swarm, struct swarm_ask *ask)
{
	if (ask->is_whole)
		return;
	swarm_waste(swarm, ask->peer, ask->bytes);
	let_go(swarm, ask);
	ask->is_used = !ask->peer->is_gone;
}

void swarm_cancel_peer(struct swarm *swarm, const struct swarm_peer *peer)
{
	for (size_t i = 0; i < SWARM_ASKS; i++)
		if (swarm->asks[i].is_used && !swarm->asks[i].is_cancelled && swarm->asks[i].peer == peer)
			swarm_ask_cancel(swarm, &swarm->asks[i]);
}

void swarm_cancel_index(struct swarm *swarm, uint64_t index)
{
	for (size_t i = 0; i < SWARM_ASKS; i++) {
		struct swarm_ask *ask = &swarm->asks[i];
		bool decides = ask->purpose == SWARM_SETTLE && index == swarm->settle_index;
		if (ask->is_used && !ask->is_cancelled && ask->index == index && !decides)
			swarm_ask_cancel(swarm, ask);
	}
}

bool swarm_next_cancel(struct swarm *swarm, struct swarm_task *ret_task)
{
	for (size_t i = 0; i < SWARM_ASKS; i++) {
		struct swarm_ask *ask = &swarm->asks[i];
		if (!ask->is_used || !ask->is_cancelled)
			continue;
		ask->is_used = false;
		*ret_task = (struct swarm_task){.what = SWARM_CANCEL, .peer = ask->peer->id, .index = ask->index};
		return true;
	}
	return false;
}
