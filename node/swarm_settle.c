/* Where chains differ: the highest index where they do, one chunk from each side, and the side whose chunk makes the link stays. Above that index all chains
 * are the same, so what comes from there is fetched meanwhile. */
#include "node/swarm_private.h"

#include <string.h>

#define SETTLE_AGAIN_MS 500 /* then another peer of the same side is asked too: the first may just be slow */

void swarm_settle_begin_anew(struct swarm *swarm)
{
	swarm->settle_index = 0;
}

static bool is_side(const struct swarm *swarm, int slot)
{
	return swarm->kept[slot].is_used && swarm->kept[slot].holders > 0 &&
	       (slot == swarm->candidate || swarm->kept[slot].differs == swarm->settle_index);
}

static uint64_t highest_difference(const struct swarm *swarm)
{
	uint64_t highest = 0;

	for (int slot = 0; slot < SWARM_CHAINS && swarm->candidate != SWARM_NONE; slot++)
		if (swarm->kept[slot].is_used && swarm->kept[slot].holders > 0 && slot != swarm->candidate && swarm->kept[slot].differs > highest)
			highest = swarm->kept[slot].differs;
	return highest;
}

void swarm_settle_proven(struct swarm *swarm, uint64_t index, const uint8_t before[SHA256_LEN])
{
	if (index == 0 || index != swarm->settle_index)
		return;
	swarm->settle_index = 0;
	for (int slot = 0; slot < SWARM_CHAINS; slot++)
		if (swarm->kept[slot].is_used && memcmp(swarm->kept[slot].chain.states[index - 1], before, SHA256_LEN) != 0)
			swarm_drop_chain(swarm, slot, SWARM_UNPROVEN, index, "another chain was proven where theirs differ");
	if (!swarm_is_missing(swarm, index))
		swarm_cancel_index(swarm, index);
}

static void drop_silent(struct swarm *swarm, int64_t now_ms)
{
	for (size_t i = 0; i < SWARM_ASKS; i++) {
		struct swarm_ask *ask = &swarm->asks[i];
		if (!ask->is_used || ask->is_cancelled || ask->is_whole || ask->purpose != SWARM_SETTLE)
			continue;
		if (now_ms - ask->asked_ms >= SWARM_SILENT_MS && now_ms - ask->peer->byte_ms >= SWARM_SILENT_MS)
			swarm_put_out(swarm, ask->peer, SWARM_UNPROVEN, ask->index, "it was silent where it was asked to prove its chain");
	}
}

static void drop_sides(struct swarm *swarm)
{
	uint64_t index = swarm->settle_index;
	bool sides[SWARM_CHAINS];

	for (int slot = 0; slot < SWARM_CHAINS; slot++)
		sides[slot] = is_side(swarm, slot);
	swarm->settle_index = 0;
	for (int slot = 0; slot < SWARM_CHAINS; slot++)
		if (sides[slot])
			swarm_drop_chain(swarm, slot, SWARM_UNPROVEN, index, "it did not prove its chain in time");
}

void swarm_settle_tick(struct swarm *swarm, int64_t now_ms)
{
	uint64_t highest;

	drop_silent(swarm, now_ms);
	highest = highest_difference(swarm);
	if (highest != swarm->settle_index) {
		swarm->settle_index = highest;
		swarm->settle_round++;
		swarm->settle_ms = now_ms;
		swarm->settle_blocks = !swarm->candidate_is_good;
	}
	if (highest == 0)
		return;
	if ((swarm->status[highest] & CHUNK_LINKED) && swarm->told == swarm->candidate && !swarm->is_telling)
		swarm_settle_proven(swarm, highest, swarm->kept[swarm->candidate].chain.states[highest - 1]);
	else if (now_ms - swarm->settle_ms >= SWARM_SETTLE_MS)
		drop_sides(swarm);
}

static bool is_being_proven(const struct swarm *swarm, int slot)
{
	for (size_t i = 0; i < SWARM_ASKS; i++) {
		const struct swarm_ask *ask = &swarm->asks[i];
		if (ask->is_used && !ask->is_cancelled && ask->purpose == SWARM_SETTLE && ask->index == swarm->settle_index && ask->peer->slot == slot)
			return true;
	}
	return false;
}

/* A stranger is asked for one chunk at a time here, too. NULL with *ret_wait: one that is busy may do it later. */
static struct swarm_peer *prover(struct swarm *swarm, int slot, int64_t now_ms, bool *ret_wait)
{
	*ret_wait = false;
	for (size_t i = 0; i < SWARM_PEERS; i++) {
		struct swarm_peer *peer = &swarm->peers[i];
		if (!peer->is_used || peer->slot != slot || peer->settle_round == swarm->settle_round)
			continue;
		if (swarm_is_askable(swarm, peer, now_ms) &&
		    (peer->has_record || peer->good_bytes > 0 || peer->outstanding == 0 || swarm_find_ask(swarm, peer, swarm->settle_index)))
			return peer;
		*ret_wait = true;
	}
	return NULL;
}

static bool ask_for_proof(struct swarm *swarm, struct swarm_peer *peer, int64_t now_ms, struct swarm_task *ret_task)
{
	struct swarm_ask *ask = swarm_find_ask(swarm, peer, swarm->settle_index);
	bool is_new = !ask;

	if (is_new && swarm_in_flight(swarm) < SWARM_WINDOW)
		ask = swarm_ask(swarm, peer, swarm->settle_index, SWARM_SETTLE, now_ms);
	if (!ask)
		return false;
	ask->purpose = SWARM_SETTLE;
	peer->settle_round = swarm->settle_round;
	swarm->settle_asked_ms[peer->slot] = now_ms;
	*ret_task = (struct swarm_task){.what = SWARM_ASK_CHUNK, .peer = peer->id, .index = ask->index, .purpose = SWARM_SETTLE};
	return is_new;
}

bool swarm_next_settle(struct swarm *swarm, int64_t now_ms, struct swarm_task *ret_task)
{
	for (int slot = 0; slot < SWARM_CHAINS && swarm->settle_index > 0; slot++) {
		struct swarm_peer *peer;
		bool wait, is_asked;
		if (!is_side(swarm, slot))
			continue;
		is_asked = is_being_proven(swarm, slot);
		if (is_asked && now_ms - swarm->settle_asked_ms[slot] < SETTLE_AGAIN_MS)
			continue;
		peer = prover(swarm, slot, now_ms, &wait);
		if (peer && ask_for_proof(swarm, peer, now_ms, ret_task))
			return true;
		if (!peer && !wait && !is_asked)
			swarm_drop_chain(swarm, slot, SWARM_UNPROVEN, swarm->settle_index, "it did not prove its chain");
	}
	return false;
}
