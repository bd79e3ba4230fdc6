#include "node/peer_private.h"

#include <limits.h>

/* --- what it holds */

static void resync(struct peer *peer)
{
	int64_t now_ms = peer_now_ms(peer);

	peer->wants_resync = true;
	if (peer->is_syncing || (peer->resync_ms && now_ms - peer->resync_ms < PEER_RESYNC_MS))
		return;
	peer->wants_resync = false;
	peer->is_syncing = true;
	peer->resync_ms = now_ms;
	peer_post(peer, &(struct wire_message){.type = WIRE_RESYNC});
}

void peer_begin_holdings(struct peer *peer)
{
	if (!peer_has_ended(peer) && !holdings_is_at(peer->holdings, peer->theirs.generation))
		resync(peer);
}

void peer_mend_holdings(struct peer *peer)
{
	if (peer->is_syncing && peer_now_ms(peer) - peer->resync_ms >= PEER_SNAPSHOT_MS) {
		peer->is_syncing = false;
		peer->wants_resync = true;
	}
	if (peer->wants_resync)
		resync(peer);
}

int64_t peer_mend_at_ms(const struct peer *peer)
{
	if (peer->is_syncing)
		return peer->resync_ms + PEER_SNAPSHOT_MS;
	return peer->wants_resync ? peer->resync_ms + PEER_RESYNC_MS : INT64_MAX;
}

/* What was not asked for is not looked at: it would be work that anybody could make us do. */
void peer_on_holdings(struct peer *peer, const struct wire_holdings *part)
{
	enum err err;

	if (!peer->is_syncing)
		return;
	err = holdings_part(peer->holdings, part);
	if (err == ERR_INVALID) {
		peer_end(peer, WIRE_BYE_BROKEN, "part %u of HOLDINGS, which does not follow the one before", (unsigned)part->part);
		return;
	}
	/* With more tags than there may be it is a peer of which nothing is known; FIND is for those. */
	if (part->is_last)
		peer->is_syncing = false;
	if (part->is_last || err)
		peer->owner->on_holdings(peer->owner, peer);
}

void peer_on_have(struct peer *peer, const struct wire_have *have)
{
	enum err err = holdings_have(peer->holdings, have);

	if (err == ERR_INVALID)
		peer_end(peer, WIRE_BYE_BROKEN, "HAVE within a snapshot");
	else if (err == ERR_CUT)
		resync(peer);
	else
		peer->owner->on_holdings(peer->owner, peer);
}

/* --- what we hold */

/* From time to time one more snapshot may be asked for; what is beyond is not answered. */
static bool may_have_snapshot(struct peer *peer)
{
	int64_t now_ms = peer_now_ms(peer), more = (now_ms - peer->snapshot_ms) / PEER_RESYNC_MS;

	peer->snapshot_ms += more * PEER_RESYNC_MS;
	peer->snapshots = more > PEER_SNAPSHOTS - peer->snapshots ? PEER_SNAPSHOTS : peer->snapshots + more;
	if (peer->snapshots == 0)
		return false;
	peer->snapshots--;
	return true;
}

void peer_on_resync(struct peer *peer)
{
	if (peer->telling || !may_have_snapshot(peer))
		return;
	peer->telling = share_hold(peer->self->share);
	peer->told_tags = 0;
	peer->told_parts = 0;
	peer_go_on_telling(peer);
}

static void tell_part(struct peer *peer)
{
	const struct share_set *set = peer->telling;
	size_t left = set->tags.count - peer->told_tags, count = left < WIRE_TAGS_MAX ? left : WIRE_TAGS_MAX;
	struct wire_message message = {.type = WIRE_HOLDINGS, .holdings = {
		.generation = set->generation,
		.part = peer->told_parts++,
		.is_last = count == left,
		.tags = {count ? set->tags.at + peer->told_tags : NULL, count},
	}};

	peer->told_tags += count;
	peer_post(peer, &message);
	if (!message.holdings.is_last)
		return;
	peer->told_generation = set->generation;
	share_let_go(set);
	peer->telling = NULL;
}

/* A change that is not kept any more is left out, and the next number shows that: RESYNC follows. */
static bool tell_change(struct peer *peer)
{
	struct share *share = peer->self->share;
	const struct share_change *change = share_change_after(share, peer->told_generation);
	struct wire_message message = {.type = WIRE_HAVE, .have = {.generation = share_generation(share)}};

	if (!change && peer->told_generation >= share_generation(share))
		return false;
	if (change)
		message.have = (struct wire_have){change->generation, change->added, change->removed};
	peer->told_generation = message.have.generation;
	peer_post(peer, &message);
	return true;
}

void peer_go_on_telling(struct peer *peer)
{
	bool has_more = peer->state == PEER_READY;

	while (has_more && peer->state == PEER_READY && !peer_is_clogged(peer)) {
		if (peer->telling)
			tell_part(peer);
		else
			has_more = tell_change(peer);
	}
}

void peer_tell_share(struct peer *peer)
{
	peer_go_on_telling(peer);
}

void peer_tell_reached(struct peer *peer, uint64_t request, int reached)
{
	struct wire_message no = {.type = WIRE_NO, .request = request, .no = WIRE_NO_BUSY};
	struct wire_message answer = {.type = WIRE_REACHED, .request = request, .reached = (enum wire_reached)reached};

	if (peer->state == PEER_READY)
		peer_post(peer, reached ? &answer : &no);
}

void peer_tell_addresses(struct peer *peer, const struct wire_peers *addresses)
{
	struct wire_message message = {.type = WIRE_PEERS, .peers = *addresses};

	if (peer->state == PEER_READY)
		peer_post(peer, &message);
}
