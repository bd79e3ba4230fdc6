/* Which chunk is asked from which peer, when it is asked again elsewhere, and who is too slow to be asked. */
#include "node/swarm_private.h"

#include <stdlib.h>
#include <string.h>

#define NO_MEDIAN_MS 500      /* before there is a median, the frontier waits that long */
#define TRIES_MAX 3           /* peers asked for the frontier at a time */
#define SOURCE_PAUSE_MS 250   /* between further peers being taken into use */
#define SILENCES_MAX 3
#define CHUNKS_BEFORE_UNKNOWN 4

static bool lacks(const struct swarm_peer *peer, uint64_t index)
{
	for (unsigned i = 0; i < peer->lacks_count; i++)
		if (peer->lacks[i] == index)
			return true;
	return false;
}

bool swarm_may_give(const struct swarm *swarm, const struct swarm_peer *peer, uint64_t index)
{
	if (!peer->is_used || peer->is_gone || peer->state != PEER_READY || lacks(peer, index))
		return false;
	if (swarm->chunks == 1)
		return true;
	return swarm->candidate != SWARM_NONE && peer->slot != SWARM_NONE &&
	       (peer->slot == swarm->candidate || index > swarm->kept[peer->slot].differs);
}

/* --- rates */

static int64_t latest(int64_t a, int64_t b) { return a > b ? a : b; }

int64_t swarm_served_since_ms(const struct swarm_ask *ask)
{
	return latest(ask->asked_ms, ask->peer->wanted_ms);
}

void swarm_note_time(struct swarm *swarm, int64_t elapsed_ms)
{
	swarm->times_ms[swarm->times_count++ % SWARM_TIMES] = (uint32_t)(elapsed_ms < UINT32_MAX ? elapsed_ms : UINT32_MAX);
}

static int by_value(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static int64_t patience_ms(const struct swarm *swarm)
{
	size_t count = swarm->times_count < SWARM_TIMES ? swarm->times_count : SWARM_TIMES;
	uint32_t times[SWARM_TIMES];
	int64_t triple;

	if (count == 0)
		return NO_MEDIAN_MS;
	memcpy(times, swarm->times_ms, sizeof times);
	qsort(times, count, sizeof times[0], by_value);
	triple = 3 * (int64_t)times[count / 2];
	return triple > SWARM_DUPLICATE_MS ? triple : SWARM_DUPLICATE_MS;
}

static unsigned window_of(const struct swarm_peer *peer, int64_t now_ms)
{
	uint64_t aim = rate_per_s(&peer->rate, now_ms) * SWARM_PEER_AIM_MS / 1000 / CHAIN_CHUNK;
	unsigned window = aim > SWARM_PEER_WINDOW_MAX ? SWARM_PEER_WINDOW_MAX : (unsigned)aim;

	if ((peer->good_bytes == 0 && !peer->has_record) || peer->silences > 0)
		return 1;
	if (window < SWARM_PEER_WINDOW_MIN)
		window = SWARM_PEER_WINDOW_MIN;
	return window < peer->limit ? window : peer->limit;
}

/* When it would have delivered one more chunk. One that was never measured is given its chance. */
static int64_t eta_ms(const struct swarm_peer *peer, int64_t now_ms)
{
	uint64_t rate = rate_per_s(&peer->rate, now_ms);

	if (!peer->rate.is_known)
		return 0;
	return (int64_t)((peer->outstanding + 1) * CHAIN_CHUNK * 1000 / (rate > 0 ? rate : 1));
}

static bool is_ready(const struct swarm *swarm, const struct swarm_peer *peer, int64_t now_ms)
{
	return peer->is_used && peer->state == PEER_READY && swarm_is_askable(swarm, peer, now_ms);
}

static uint64_t rate_of_all(const struct swarm *swarm, int64_t now_ms)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < SWARM_PEERS; i++)
		if (is_ready(swarm, &swarm->peers[i], now_ms))
			sum += rate_per_s(&swarm->peers[i].rate, now_ms);
	return sum;
}

static int64_t lowest_eta_ms(const struct swarm *swarm, int64_t now_ms)
{
	int64_t lowest = INT64_MAX;

	for (size_t i = 0; i < SWARM_PEERS; i++) {
		const struct swarm_peer *peer = &swarm->peers[i];
		if (is_ready(swarm, peer, now_ms) && peer->rate.is_known && eta_ms(peer, now_ms) < lowest)
			lowest = eta_ms(peer, now_ms);
	}
	return lowest;
}

/* --- what is free to be asked for */

uint64_t swarm_in_flight(const struct swarm *swarm)
{
	uint64_t count = swarm->linked;

	for (size_t i = 0; i < SWARM_ASKS; i++)
		count += swarm->asks[i].is_used && !swarm->asks[i].is_cancelled;
	return count;
}

static bool is_blocked(const struct swarm *swarm, uint64_t index)
{
	return (swarm->settle_index > 0 && swarm->settle_blocks && index <= swarm->settle_index) || (swarm->status[index] & CHUNK_LATER);
}

static uint64_t frontier(const struct swarm *swarm)
{
	return swarm->top - 1;
}

/* The missing chunk that this peer may give, with `skip` such ones above it left to others. False: none within the window. */
static bool find_free(const struct swarm *swarm, const struct swarm_peer *peer, uint64_t skip, uint64_t *ret_index)
{
	unsigned seen = 0;

	for (uint64_t i = swarm->top; i-- > 0 && seen < SWARM_WINDOW;) {
		if (!swarm_is_missing(swarm, i))
			continue;
		seen++;
		if ((swarm->status[i] & CHUNK_ASKED) || is_blocked(swarm, i))
			continue;
		if (skip > 0) {
			skip--;
		} else if (swarm_may_give(swarm, peer, i)) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

/* --- the next chunk */

/* Among those with room for another chunk the one that would have it first, but for those in `passed`. */
static struct swarm_peer *quickest(struct swarm *swarm, int64_t now_ms, const bool passed[SWARM_PEERS])
{
	struct swarm_peer *best = NULL;

	for (size_t i = 0; i < SWARM_PEERS; i++) {
		struct swarm_peer *peer = &swarm->peers[i];
		if (!passed[i] && is_ready(swarm, peer, now_ms) && peer->outstanding < window_of(peer, now_ms) &&
		    (!best || eta_ms(peer, now_ms) < eta_ms(best, now_ms)))
			best = peer;
	}
	return best;
}

static bool give(struct swarm *swarm, struct swarm_peer *peer, uint64_t index, enum swarm_purpose purpose, int64_t now_ms,
		 struct swarm_task *ret_task)
{
	if (!swarm_ask(swarm, peer, index, purpose, now_ms))
		return false;
	*ret_task = (struct swarm_task){.what = SWARM_ASK_CHUNK, .peer = peer->id, .index = index, .purpose = purpose};
	return true;
}

/* A slow peer is given a chunk that is not needed before it would be here: so many it leaves to the others. Of an unknown one nothing is expected, but soon. */
static uint64_t chunks_to_skip(const struct swarm_peer *peer, int64_t now_ms, int64_t lowest_eta, uint64_t rate)
{
	int64_t eta = eta_ms(peer, now_ms);

	if (!peer->rate.is_known)
		return rate > 0 && lowest_eta < NO_MEDIAN_MS ? CHUNKS_BEFORE_UNKNOWN : 0;
	if (eta <= lowest_eta)
		return 0;
	if ((eta - lowest_eta) / 1000 >= SWARM_WINDOW)
		return SWARM_WINDOW;
	return (uint64_t)(eta - lowest_eta) * rate / CHAIN_CHUNK / 1000;
}

static bool next_in_window(struct swarm *swarm, int64_t now_ms, struct swarm_task *ret_task)
{
	uint64_t rate = rate_of_all(swarm, now_ms), index;
	int64_t lowest = lowest_eta_ms(swarm, now_ms);
	bool passed[SWARM_PEERS] = {false};
	struct swarm_peer *peer;

	if (swarm_in_flight(swarm) >= SWARM_WINDOW - SWARM_SPARE)
		return false;
	while ((peer = quickest(swarm, now_ms, passed))) {
		if (find_free(swarm, peer, chunks_to_skip(peer, now_ms, lowest, rate), &index))
			return give(swarm, peer, index, SWARM_FETCH, now_ms, ret_task);
		passed[peer - swarm->peers] = true;
	}
	return false;
}

/* One that is known to be quick is better than one that may be. */
static bool is_quicker(const struct swarm_peer *peer, const struct swarm_peer *than, int64_t now_ms)
{
	bool is_unknown = !peer->rate.is_known, is_other_unknown = !than->rate.is_known;

	if (is_unknown != is_other_unknown)
		return is_unknown ? eta_ms(than, now_ms) > NO_MEDIAN_MS : eta_ms(peer, now_ms) <= NO_MEDIAN_MS;
	return eta_ms(peer, now_ms) < eta_ms(than, now_ms);
}

/* Whoever would have the frontier first; `in_window`: and has room for it. */
static struct swarm_peer *for_frontier(struct swarm *swarm, int64_t now_ms, bool in_window)
{
	struct swarm_peer *best = NULL;

	for (size_t i = 0; i < SWARM_PEERS; i++) {
		struct swarm_peer *peer = &swarm->peers[i];
		if (!is_ready(swarm, peer, now_ms) || !swarm_may_give(swarm, peer, frontier(swarm)) || swarm_find_ask(swarm, peer, frontier(swarm)))
			continue;
		if (peer->outstanding >= window_of(peer, now_ms) + (in_window ? 0 : 1) || (!in_window && peer->good_bytes == 0 && peer->outstanding > 0))
			continue;
		if (!best || is_quicker(peer, best, now_ms))
			best = peer;
	}
	return best;
}

/* Everything waits for the frontier, so it must be on its way whoever else has it, and whatever the window says. */
static bool next_frontier(struct swarm *swarm, int64_t now_ms, struct swarm_task *ret_task)
{
	struct swarm_peer *peer;

	if ((swarm->status[frontier(swarm)] & CHUNK_ASKED) || is_blocked(swarm, frontier(swarm)) || swarm_in_flight(swarm) >= SWARM_WINDOW)
		return false;
	peer = for_frontier(swarm, now_ms, true);
	return peer && give(swarm, peer, frontier(swarm), SWARM_FETCH, now_ms, ret_task);
}

static bool comes_soon(const struct swarm *swarm, const struct swarm_ask *ask, int64_t patience, int64_t now_ms)
{
	size_t len = chain_chunk_len(swarm->options.size, ask->index);
	int64_t elapsed_ms = now_ms - swarm_served_since_ms(ask);

	return ask->is_whole || elapsed_ms < patience ||
	       (ask->bytes > 0 && now_ms - ask->peer->byte_ms < SWARM_DUPLICATE_MS &&
		(int64_t)((len - ask->bytes) * (uint64_t)elapsed_ms / ask->bytes) < SWARM_DUPLICATE_MS);
}

/* How many were asked for the frontier; 0 if one of them will have it soon, or nobody was. */
static unsigned late_asks(const struct swarm *swarm, int64_t patience, int64_t now_ms)
{
	unsigned late = 0;

	for (size_t i = 0; i < SWARM_ASKS; i++) {
		const struct swarm_ask *ask = &swarm->asks[i];
		if (!ask->is_used || ask->is_cancelled || ask->index != frontier(swarm))
			continue;
		if (comes_soon(swarm, ask, patience, now_ms))
			return 0;
		late++;
	}
	return late;
}

/* Where somebody would have it in a moment, the others' median, which may be of slow ones, is not waited for. */
static bool next_duplicate(struct swarm *swarm, int64_t now_ms, struct swarm_task *ret_task)
{
	struct swarm_peer *peer = for_frontier(swarm, now_ms, false);
	int64_t patience = patience_ms(swarm);
	unsigned late;

	if (!peer || is_blocked(swarm, frontier(swarm)) || swarm_in_flight(swarm) >= SWARM_WINDOW)
		return false;
	if (peer->rate.is_known && 3 * eta_ms(peer, now_ms) < patience)
		patience = latest(3 * eta_ms(peer, now_ms), SWARM_DUPLICATE_MS);
	late = late_asks(swarm, patience, now_ms);
	return late > 0 && late < TRIES_MAX && give(swarm, peer, frontier(swarm), SWARM_DUPLICATE, now_ms, ret_task);
}

bool swarm_next_chunk(struct swarm *swarm, int64_t now_ms, struct swarm_task *ret_task)
{
	if (swarm->missing == 0 || (swarm->chunks > 1 && swarm->candidate == SWARM_NONE))
		return false;
	return next_in_window(swarm, now_ms, ret_task) || next_frontier(swarm, now_ms, ret_task) || next_duplicate(swarm, now_ms, ret_task);
}

/* Whether there is something to be asked for, and nobody with room for it. */
static bool are_all_full(const struct swarm *swarm, int64_t now_ms)
{
	bool is_wanted = false;
	uint64_t index;

	for (size_t i = 0; i < SWARM_PEERS; i++) {
		const struct swarm_peer *peer = &swarm->peers[i];
		if (!is_ready(swarm, peer, now_ms) || !find_free(swarm, peer, 0, &index))
			continue;
		if (peer->outstanding < window_of(peer, now_ms))
			return false;
		is_wanted = true;
	}
	return is_wanted && swarm_in_flight(swarm) < SWARM_WINDOW - SWARM_SPARE;
}

bool swarm_wants_sources(const struct swarm *swarm, int64_t now_ms)
{
	if (swarm->missing == 0 || now_ms - swarm->source_ms < SOURCE_PAUSE_MS)
		return false;
	if (swarm->chunks > 1 && swarm->candidate == SWARM_NONE)
		return now_ms - swarm->source_ms >= SWARM_CHAIN_MS / 4;
	return late_asks(swarm, patience_ms(swarm), now_ms) > 0 || are_all_full(swarm, now_ms);
}

/* --- what time tells */

static bool others_deliver(const struct swarm *swarm, const struct swarm_peer *peer, int64_t since_ms)
{
	for (size_t i = 0; i < SWARM_PEERS; i++)
		if (swarm->peers[i].is_used && &swarm->peers[i] != peer && swarm->peers[i].good_bytes > 0 && swarm->peers[i].good_ms > since_ms)
			return true;
	return false;
}

static void look_at(struct swarm *swarm, struct swarm_peer *peer, int64_t now_ms)
{
	int64_t good_ms = latest(peer->good_ms, peer->wanted_ms);

	if (now_ms - good_ms >= SWARM_DROP_MS && others_deliver(swarm, peer, good_ms)) {
		swarm_put_out(swarm, peer, SWARM_UNPROVEN, SWARM_NO_CHUNK, "it was too slow while others delivered");
	} else if (now_ms - latest(peer->byte_ms, peer->wanted_ms) >= SWARM_SILENT_MS) {
		swarm_cancel_peer(swarm, peer);
		if (++peer->silences >= SILENCES_MAX || others_deliver(swarm, peer, now_ms - SWARM_DROP_MS))
			peer->busy_until_ms = now_ms + SWARM_SILENT_MS;
		if (peer->silences >= SILENCES_MAX)
			swarm_put_out(swarm, peer, SWARM_UNPROVEN, SWARM_NO_CHUNK, "it was silent again and again");
	}
}

/* It was asked and has not answered, or has put us off. */
static bool is_owing(const struct swarm_peer *peer)
{
	return peer->is_used && !peer->is_gone && (peer->state == PEER_CHAIN_ASKED || (peer->state != PEER_OUT && (peer->outstanding > 0 || peer->busy_until_ms > 0)));
}

static bool is_any_owing(const struct swarm *swarm)
{
	for (size_t i = 0; i < SWARM_PEERS; i++)
		if (is_owing(&swarm->peers[i]))
			return true;
	return false;
}

/* A byte now and then, or "busy" again and again, is no silence; but who has nobody else must not wait for ever. */
static void look_at_progress(struct swarm *swarm, int64_t now_ms)
{
	if (!is_any_owing(swarm))
		swarm->moved_ms = now_ms;
	if (now_ms - swarm->moved_ms < SWARM_VAIN_MS)
		return;
	for (size_t i = 0; i < SWARM_PEERS; i++)
		if (is_owing(&swarm->peers[i]))
			swarm_put_out(swarm, &swarm->peers[i], SWARM_UNPROVEN, SWARM_NO_CHUNK, "it gave no chunk for two minutes, nor did anybody else");
}

void swarm_window_tick(struct swarm *swarm, int64_t now_ms)
{
	uint64_t rate = rate_history_per_s(&swarm->history, now_ms);

	look_at_progress(swarm, now_ms);
	for (size_t i = 0; i < SWARM_PEERS; i++) {
		struct swarm_peer *peer = &swarm->peers[i];
		if (peer->is_used && !peer->is_gone && peer->state == PEER_READY && peer->outstanding > 0)
			look_at(swarm, peer, now_ms);
	}
	if (swarm->first_peer_ms >= 0 && now_ms - swarm->first_peer_ms >= SWARM_SLOW_MS && rate < SWARM_SLOW_BYTES_PER_S)
		swarm->is_slow = true;
	else if (rate >= 2 * SWARM_SLOW_BYTES_PER_S)
		swarm->is_slow = false;
}
