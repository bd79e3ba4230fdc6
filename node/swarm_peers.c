/* Peers of a swarm: they come and go, fail, and are put out. */
#include "node/swarm_private.h"

#include <string.h>

#define FAILURES_MAX 3

struct swarm_peer *swarm_find(struct swarm *swarm, uint64_t id)
{
	for (size_t i = 0; i < SWARM_PEERS; i++)
		if (swarm->peers[i].is_used && swarm->peers[i].id == id)
			return &swarm->peers[i];
	return NULL;
}

bool swarm_is_askable(const struct swarm *swarm, const struct swarm_peer *peer, int64_t now_ms)
{
	return !peer->is_gone && peer->state != PEER_OUT && now_ms >= peer->busy_until_ms &&
	       (peer->has_record || swarm->wasted_bytes <= SWARM_WASTE_MAX);
}

static bool has_asks(const struct swarm *swarm, const struct swarm_peer *peer)
{
	for (size_t i = 0; i < SWARM_ASKS; i++)
		if (swarm->asks[i].is_used && swarm->asks[i].peer == peer)
			return true;
	return false;
}

/* Those that are gone are remembered, with what was found out about them, while there is room. */
static struct swarm_peer *free_peer(struct swarm *swarm)
{
	struct swarm_peer *gone = NULL;

	for (size_t i = 0; i < SWARM_PEERS; i++) {
		struct swarm_peer *peer = &swarm->peers[i];
		if (!peer->is_used)
			return peer;
		if (peer->is_gone && !peer->has_news && !has_asks(swarm, peer))
			gone = peer;
	}
	return gone;
}

void swarm_add(struct swarm *swarm, uint64_t id, bool has_record, int64_t now_ms)
{
	struct swarm_peer *peer = swarm_find(swarm, id);

	if (peer) {
		peer->is_gone = false;
		return;
	}
	peer = free_peer(swarm);
	if (!peer)
		return;
	*peer = (struct swarm_peer){.id = id, .is_used = true, .has_record = has_record, .slot = SWARM_NONE, .limit = SWARM_PEER_WINDOW_MAX};
	peer->byte_ms = peer->good_ms = now_ms;
	if (swarm->first_peer_ms < 0)
		swarm->first_peer_ms = now_ms;
}

void swarm_remove(struct swarm *swarm, uint64_t id)
{
	struct swarm_peer *peer = swarm_find(swarm, id);

	if (!peer || peer->is_gone)
		return;
	peer->is_gone = true;
	swarm_cancel_peer(swarm, peer);
	swarm_leave_chain(swarm, peer);
	if (peer->state != PEER_OUT)
		peer->state = PEER_RESERVE;
}

/* Where its chain differs from the candidate, or else where it could not show what it claimed. */
static void note_doubt(const struct swarm *swarm, struct swarm_peer *peer, uint64_t index)
{
	const struct swarm_kept *kept = &swarm->kept[peer->slot];

	peer->doubt_index = swarm->candidate != SWARM_NONE && kept->differs > 0 ? kept->differs : index;
	if (peer->doubt_index == 0 || peer->doubt_index > kept->chain.count)
		peer->doubt_index = 0;
	else
		memcpy(peer->doubt_state, kept->chain.states[peer->doubt_index - 1], SHA256_LEN);
}

void swarm_put_out(struct swarm *swarm, struct swarm_peer *peer, enum swarm_verdict verdict, uint64_t index, const char *reason)
{
	bool was_out = peer->state == PEER_OUT;

	if (was_out && (verdict != SWARM_REFUTED || peer->verdict == SWARM_REFUTED))
		return;
	if (!was_out && peer->slot != SWARM_NONE)
		note_doubt(swarm, peer, index);
	peer->state = PEER_OUT;
	peer->verdict = verdict;
	peer->verdict_index = index;
	peer->reason = reason;
	peer->has_news = true;
	swarm_cancel_peer(swarm, peer);
	swarm_leave_chain(swarm, peer);
}

bool swarm_next_verdict(struct swarm *swarm, struct swarm_task *ret_task)
{
	for (size_t i = 0; i < SWARM_PEERS; i++) {
		struct swarm_peer *peer = &swarm->peers[i];
		if (!peer->is_used || !peer->has_news)
			continue;
		peer->has_news = false;
		*ret_task = (struct swarm_task){.what = SWARM_VERDICT, .peer = peer->id, .index = peer->verdict_index,
						.verdict = peer->verdict, .reason = peer->reason};
		return true;
	}
	return false;
}

/* --- what they could not give */

static void note_lack(struct swarm *swarm, struct swarm_peer *peer, uint64_t index)
{
	if (peer->lacks_count == SWARM_LACKS || peer->good_bytes == 0)
		swarm_put_out(swarm, peer, SWARM_UNPROVEN, index, "it does not have what it claimed");
	else
		peer->lacks[peer->lacks_count++] = index;
}

static void note_failure(struct swarm *swarm, struct swarm_peer *peer, uint64_t index, bool was_settle, enum swarm_failure failure, int64_t now_ms)
{
	if (failure == SWARM_FAILED_DAMAGED) {
		swarm_put_out(swarm, peer, SWARM_UNPROVEN, index, "it found its copy damaged");
	} else if (failure == SWARM_FAILED_NOT_HELD) {
		if (was_settle)
			swarm_put_out(swarm, peer, SWARM_UNPROVEN, index, "it does not have the chunk that would prove its chain");
		else
			note_lack(swarm, peer, index);
	} else if (failure == SWARM_FAILED_BROKEN && ++peer->failures >= FAILURES_MAX) {
		swarm_put_out(swarm, peer, SWARM_UNPROVEN, index, "its answers make no sense");
	} else {
		/* While it is at others of ours, it is only these that may not be more. */
		peer->limit = peer->outstanding > 1 ? peer->outstanding : 1;
		if (peer->outstanding == 0)
			peer->busy_until_ms = now_ms + SWARM_BUSY_MS;
		peer->settle_round = 0;
	}
}

void swarm_failed(struct swarm *swarm, uint64_t id, uint64_t index, enum swarm_failure failure, int64_t now_ms)
{
	struct swarm_peer *peer = swarm_find(swarm, id);
	struct swarm_ask *ask;
	bool was_settle;

	swarm->now_ms = now_ms;
	if (!peer || peer->is_gone || peer->state == PEER_OUT)
		return;
	if (index == SWARM_NO_CHUNK) {
		if (peer->state != PEER_CHAIN_ASKED)
			return;
		peer->state = PEER_RESERVE;
		note_failure(swarm, peer, index, false, failure, now_ms);
		return;
	}
	ask = swarm_find_ask(swarm, peer, index);
	if (!ask || ask->is_whole)
		return;
	was_settle = ask->purpose == SWARM_SETTLE;
	swarm_ask_end(swarm, ask, false);
	note_failure(swarm, peer, index, was_settle, failure, now_ms);
}

bool swarm_peer_figures(const struct swarm *swarm, uint64_t id, struct swarm_peer_figures *ret_figures)
{
	for (size_t i = 0; i < SWARM_PEERS; i++) {
		const struct swarm_peer *peer = &swarm->peers[i];
		if (!peer->is_used || peer->id != id)
			continue;
		*ret_figures = (struct swarm_peer_figures){
			.good_bytes = peer->good_bytes,
			.wasted_bytes = peer->wasted_bytes,
			.rate_bytes_per_s = peer->rate.per_s,
			.outstanding = peer->outstanding,
			.in_use = !peer->is_gone && peer->state == PEER_READY,
		};
		return true;
	}
	return false;
}
