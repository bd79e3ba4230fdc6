/* Chains of peers: whose is asked for, which are kept, and which one is the candidate that everything is fetched by. */
#include "node/swarm_private.h"

#include <string.h>

/* A chain comes at a megabyte a second at least. */
#define CHAIN_BYTES_PER_MS 1000

uint64_t swarm_differ(const struct chain *a, const struct chain *b)
{
	uint64_t index = a->count;

	while (index > 0 && memcmp(a->states[index - 1], b->states[index - 1], SHA256_LEN) == 0)
		index--;
	return index;
}

static bool is_in_use(const struct swarm *swarm, int slot)
{
	return slot != SWARM_NONE && swarm->kept[slot].is_used;
}

/* The caller may be looking at it. */
static void release_slot(struct swarm *swarm, int slot)
{
	struct swarm_kept *kept = &swarm->kept[slot];

	if (slot == swarm->told && swarm->is_telling)
		swarm->lent = kept->chain;
	else
		chain_release(&kept->chain);
	*kept = (struct swarm_kept){0};
	if (slot == swarm->told)
		swarm->told = SWARM_NONE;
	if (slot == swarm->candidate)
		swarm->candidate = SWARM_NONE;
}

void swarm_leave_chain(struct swarm *swarm, struct swarm_peer *peer)
{
	int slot = peer->slot;

	peer->slot = SWARM_NONE;
	if (slot == SWARM_NONE)
		return;
	/* The candidate stays without a holder: another one may come. */
	if (--swarm->kept[slot].holders == 0 && slot != swarm->candidate)
		release_slot(swarm, slot);
}

void swarm_drop_chain(struct swarm *swarm, int slot, enum swarm_verdict verdict, uint64_t index, const char *reason)
{
	struct swarm_kept *kept = &swarm->kept[slot];

	for (size_t i = 0; i < SWARM_PEERS; i++) {
		struct swarm_peer *peer = &swarm->peers[i];
		if (!peer->is_used || peer->slot != slot)
			continue;
		if (index > 0 && index <= kept->chain.count) {
			peer->doubt_index = index;
			memcpy(peer->doubt_state, kept->chain.states[index - 1], SHA256_LEN);
		}
		peer->slot = SWARM_NONE;
		swarm_put_out(swarm, peer, verdict, index, reason);
	}
	release_slot(swarm, slot);
}

/* --- the candidate */

static bool has_holder_with_record(const struct swarm *swarm, int slot)
{
	for (size_t i = 0; i < SWARM_PEERS; i++)
		if (swarm->peers[i].is_used && swarm->peers[i].slot == slot && swarm->peers[i].has_record)
			return true;
	return false;
}

static int best_slot(const struct swarm *swarm)
{
	unsigned best_score = 0;
	int best = SWARM_NONE;

	for (int slot = 0; slot < SWARM_CHAINS; slot++) {
		const struct swarm_kept *kept = &swarm->kept[slot];
		unsigned score = kept->is_used ? kept->holders + (has_holder_with_record(swarm, slot) ? SWARM_PEERS : 0) : 0;
		if (score > best_score) {
			best_score = score;
			best = slot;
		}
	}
	return best;
}

static void choose_candidate(struct swarm *swarm)
{
	int old = swarm->candidate, best = best_slot(swarm);

	if (best == SWARM_NONE || (is_in_use(swarm, old) && swarm->kept[old].holders > 0))
		return;
	swarm->candidate = best;
	swarm->candidate_is_good = false;
	if (is_in_use(swarm, old) && old != best)
		release_slot(swarm, old);
	for (int slot = 0; slot < SWARM_CHAINS; slot++)
		if (swarm->kept[slot].is_used)
			swarm->kept[slot].differs = swarm_differ(&swarm->kept[slot].chain, &swarm->kept[best].chain);
	swarm_settle_begin_anew(swarm);
}

bool swarm_next_suggest(struct swarm *swarm, struct swarm_task *ret_task)
{
	if (swarm->candidate == SWARM_NONE || swarm->candidate == swarm->told || swarm->is_telling)
		return false;
	swarm->told = swarm->candidate;
	swarm->is_telling = true;
	*ret_task = (struct swarm_task){.what = SWARM_SUGGEST, .index = SWARM_NO_CHUNK, .chain = &swarm->kept[swarm->told].chain};
	return true;
}

void swarm_suggested(struct swarm *swarm, enum err err, uint64_t index)
{
	swarm->is_telling = false;
	chain_release(&swarm->lent);
	for (uint64_t i = 0; i < swarm->chunks; i++)
		swarm->status[i] &= (uint8_t)~CHUNK_LATER;
	if (!err || swarm->told == SWARM_NONE)
		return;
	if (err == ERR_UNPROVEN)
		swarm_drop_chain(swarm, swarm->told, SWARM_REFUTED, index, "its chain contradicts what is anchored");
	else
		swarm_drop_chain(swarm, swarm->told, SWARM_UNPROVEN, 0, "its chain is of no use");
}

void swarm_contradicted(struct swarm *swarm, uint64_t index)
{
	if (swarm->candidate != SWARM_NONE)
		swarm_drop_chain(swarm, swarm->candidate, SWARM_UNPROVEN, index, "its chain contradicts what the hub sent");
}

/* --- chains that arrive */

static void join(struct swarm *swarm, struct swarm_peer *peer, int slot)
{
	peer->state = PEER_READY;
	peer->slot = slot;
	swarm->kept[slot].holders++;
}

static int slot_of_equal(const struct swarm *swarm, const struct chain *chain)
{
	for (int slot = 0; slot < SWARM_CHAINS; slot++)
		if (swarm->kept[slot].is_used && swarm_differ(&swarm->kept[slot].chain, chain) == 0)
			return slot;
	return SWARM_NONE;
}

static int free_slot(const struct swarm *swarm)
{
	for (int slot = 0; slot < SWARM_CHAINS; slot++)
		if (!swarm->kept[slot].is_used)
			return slot;
	return SWARM_NONE;
}

/* The highest anchored index where it says otherwise; 0: nowhere. */
static uint64_t contradicts_anchored(const struct swarm *swarm, const struct chain *chain)
{
	for (uint64_t i = chain->count; swarm->anchored.states && i > 0 && i >= swarm->anchored_from; i--)
		if (memcmp(chain->states[i - 1], swarm->anchored.states[i - 1], SHA256_LEN) != 0)
			return i;
	return 0;
}

/* True: the chain is kept, and not the caller's any more. */
static bool keep_chain(struct swarm *swarm, struct swarm_peer *peer, const struct chain *chain)
{
	int slot = slot_of_equal(swarm, chain);

	if (slot != SWARM_NONE) {
		join(swarm, peer, slot);
		return false;
	}
	slot = free_slot(swarm);
	if (slot == SWARM_NONE) {
		peer->state = PEER_RESERVE; /* when a place is free */
		return false;
	}
	swarm->kept[slot] = (struct swarm_kept){.is_used = true, .chain = *chain};
	if (swarm->candidate != SWARM_NONE)
		swarm->kept[slot].differs = swarm_differ(chain, &swarm->kept[swarm->candidate].chain);
	join(swarm, peer, slot);
	return true;
}

void swarm_chain(struct swarm *swarm, uint64_t id, struct chain *chain, int64_t now_ms)
{
	struct swarm_peer *peer = swarm_find(swarm, id);
	bool is_kept = false;
	uint64_t index;

	if (peer && !peer->is_gone && peer->state == PEER_CHAIN_ASKED) {
		index = chain->size == swarm->options.size ? contradicts_anchored(swarm, chain) : 0;
		if (chain->size != swarm->options.size)
			swarm_put_out(swarm, peer, SWARM_UNPROVEN, SWARM_NO_CHUNK, "it claims another size");
		else if (index > 0)
			swarm_put_out(swarm, peer, SWARM_REFUTED, index, "its chain contradicts what is anchored");
		else
			is_kept = keep_chain(swarm, peer, chain);
		if (swarm->first_chain_ms < 0)
			swarm->first_chain_ms = now_ms;
	}
	if (!is_kept)
		chain_release(chain);
	*chain = (struct chain){0};
}

/* --- what becomes anchored */

static bool states_differ(const struct swarm *swarm, uint64_t index, const uint8_t *state)
{
	return memcmp(swarm->anchored.states[index - 1], state, SHA256_LEN) != 0;
}

static void refute_kept(struct swarm *swarm, uint64_t from, uint64_t until)
{
	for (int slot = 0; slot < SWARM_CHAINS; slot++)
		for (uint64_t i = until; swarm->kept[slot].is_used && i-- > from;)
			if (states_differ(swarm, i, swarm->kept[slot].chain.states[i - 1])) {
				swarm_drop_chain(swarm, slot, SWARM_REFUTED, i, "its chain contradicts what is anchored");
				break;
			}
}

static void refute_doubted(struct swarm *swarm)
{
	for (size_t i = 0; i < SWARM_PEERS; i++) {
		struct swarm_peer *peer = &swarm->peers[i];
		if (!peer->is_used || peer->doubt_index == 0 || peer->doubt_index < swarm->anchored_from)
			continue;
		if (states_differ(swarm, peer->doubt_index, peer->doubt_state))
			swarm_put_out(swarm, peer, SWARM_REFUTED, peer->doubt_index, "its chain contradicts what is anchored");
		peer->doubt_index = 0;
	}
}

void swarm_anchored(struct swarm *swarm, uint64_t from, const struct chain *states)
{
	uint64_t until = swarm->anchored_from, first = from > 0 ? from : 1;

	for (uint64_t i = from; i < until; i++) {
		if (swarm->status[i] & CHUNK_LINKED)
			swarm->linked--;
		swarm->status[i] &= (uint8_t)~(CHUNK_LINKED | CHUNK_LATER);
	}
	swarm->anchored_from = from;
	if (from > 0)
		swarm->status[from - 1] &= (uint8_t)~CHUNK_LATER;
	if (first >= until || states->size != swarm->options.size)
		return;
	if (!swarm->anchored.states && chain_init(&swarm->anchored, swarm->options.size) != ERR_OK)
		return; /* then nobody is refuted */
	memcpy(swarm->anchored.states[first - 1], states->states[first - 1], (size_t)(until - first) * SHA256_LEN);
	refute_kept(swarm, first, until);
	refute_doubted(swarm);
}

/* --- whom to ask */

static unsigned count_state(const struct swarm *swarm, enum peer_state state)
{
	unsigned count = 0;

	for (size_t i = 0; i < SWARM_PEERS; i++)
		count += swarm->peers[i].is_used && !swarm->peers[i].is_gone && swarm->peers[i].state == state;
	return count;
}

static struct swarm_peer *best_of_reserve(struct swarm *swarm, int64_t now_ms)
{
	struct swarm_peer *best = NULL;

	for (size_t i = 0; i < SWARM_PEERS; i++) {
		struct swarm_peer *peer = &swarm->peers[i];
		if (peer->is_used && !peer->is_gone && peer->state == PEER_RESERVE && swarm_is_askable(swarm, peer, now_ms) &&
		    (!best || (peer->has_record && !best->has_record)))
			best = peer;
	}
	return best;
}

/* With one chunk there are no states between chunks. */
static void ready_without_chain(struct swarm *swarm, int64_t now_ms)
{
	struct swarm_peer *peer = best_of_reserve(swarm, now_ms);

	if (!peer)
		return;
	peer->state = PEER_READY;
	swarm->source_ms = now_ms;
}

bool swarm_next_chain(struct swarm *swarm, int64_t now_ms, struct swarm_task *ret_task)
{
	unsigned sources = count_state(swarm, PEER_READY) + count_state(swarm, PEER_CHAIN_ASKED);
	struct swarm_peer *peer;

	if (swarm->missing == 0 || (sources >= SWARM_SOURCES && !swarm_wants_sources(swarm, now_ms)))
		return false;
	if (swarm->chunks == 1) {
		ready_without_chain(swarm, now_ms);
		return false;
	}
	/* While all places are taken, another chain could not be kept. */
	peer = free_slot(swarm) == SWARM_NONE && sources > 0 && swarm->settle_index ? NULL : best_of_reserve(swarm, now_ms);
	if (!peer)
		return false;
	peer->state = PEER_CHAIN_ASKED;
	peer->chain_asked_ms = swarm->source_ms = now_ms;
	*ret_task = (struct swarm_task){.what = SWARM_ASK_CHAIN, .peer = peer->id, .index = SWARM_NO_CHUNK};
	return true;
}

/* With somebody who has delivered before one begins at once: should he lie this time, it is settled later. */
static bool is_record_ready(const struct swarm *swarm)
{
	for (int slot = 0; slot < SWARM_CHAINS; slot++)
		if (swarm->kept[slot].is_used && has_holder_with_record(swarm, slot))
			return true;
	return false;
}

void swarm_chains_tick(struct swarm *swarm, int64_t now_ms)
{
	int64_t patience_ms = SWARM_CHAIN_MS + (int64_t)(swarm->chunks * SHA256_LEN / CHAIN_BYTES_PER_MS);

	for (size_t i = 0; i < SWARM_PEERS; i++) {
		struct swarm_peer *peer = &swarm->peers[i];
		if (peer->is_used && !peer->is_gone && peer->state == PEER_CHAIN_ASKED && now_ms - peer->chain_asked_ms >= patience_ms)
			swarm_put_out(swarm, peer, SWARM_UNPROVEN, SWARM_NO_CHUNK, "it did not send its chain in time");
	}
	if (!swarm->has_begun && swarm->first_chain_ms >= 0)
		swarm->has_begun = count_state(swarm, PEER_CHAIN_ASKED) == 0 || now_ms - swarm->first_chain_ms >= SWARM_CHAIN_WAIT_MS ||
				   is_record_ready(swarm);
	if (swarm->has_begun)
		choose_candidate(swarm);
}
