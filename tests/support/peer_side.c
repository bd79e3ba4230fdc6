#include "support/peer_side.h"

#include <stdlib.h>
#include <string.h>

static enum err keep(struct side *side, const uint8_t *control, size_t len, const struct transport_bulk *bulk)
{
	size_t bulk_len = bulk ? bulk->len : 0;
	struct side_frame *frame = malloc(sizeof *frame + len + bulk_len);
	struct wire_message message;

	if (!frame)
		abort();
	*frame = (struct side_frame){.control_len = len, .bulk_len = bulk_len};
	memcpy(frame->bytes, control, len);
	if (bulk_len) {
		memcpy(frame->bytes + len, bulk->data, bulk_len);
		if (bulk->release)
			bulk->release((void *)(uintptr_t)bulk->data, bulk->hint);
	}
	/* What is sent keeps the rules. */
	if (wire_decode(frame->bytes, len, frame->bytes + len, bulk_len, &message, NULL) != ERR_OK)
		abort();
	frame->type = message.type;
	list_append(&side->sent, &frame->link);
	return ERR_OK;
}

static enum err on_send(struct peer_owner *owner, struct peer *peer, const uint8_t *control, size_t len, const struct transport_bulk *bulk)
{
	struct side *side = container_of(owner, struct side, owner);

	(void)peer;
	if (side->is_cut)
		return ERR_CUT;
	return side->is_full ? ERR_BUSY : keep(side, control, len, bulk);
}

static int on_admit(struct peer_owner *owner, struct peer *peer)
{
	struct side *side = container_of(owner, struct side, owner);

	side->admits++;
	peer->holdings = &side->holdings;
	return side->admit;
}

static void on_ready(struct peer_owner *owner, struct peer *peer)
{
	(void)peer;
	container_of(owner, struct side, owner)->readies++;
}

static void on_question(struct peer_owner *owner, struct peer *peer, const struct wire_message *message)
{
	struct side *side = container_of(owner, struct side, owner);

	(void)peer;
	side->questions++;
	side->question = message->type;
}

static void on_writable(struct peer_owner *owner, struct peer *peer)
{
	(void)peer;
	container_of(owner, struct side, owner)->writables++;
}

static void on_holdings(struct peer_owner *owner, struct peer *peer)
{
	(void)peer;
	container_of(owner, struct side, owner)->holdings_told++;
}

static void on_reach(struct peer_owner *owner, struct peer *peer, uint64_t request)
{
	(void)owner;
	peer_tell_reached(peer, request, 0);
}

static void on_addresses(struct peer_owner *owner, struct peer *peer, const struct wire_peers *addresses)
{
	(void)peer;
	container_of(owner, struct side, owner)->addresses += addresses->count;
}

static void on_bulk(struct peer_owner *owner, struct peer *peer, const struct wire_message *message)
{
	(void)peer;
	container_of(owner, struct side, owner)->bulk = message->type;
}

static int64_t now_us(struct peer_owner *owner) { return *container_of(owner, struct side, owner)->now_us; }

void side_init(struct side *side, const struct identity *identity, const struct group *group, uint64_t epoch, int64_t *now)
{
	*side = (struct side){
		.owner = {on_send, on_admit, on_ready, on_question, on_writable, on_holdings, on_addresses, on_reach, on_bulk, now_us},
		.now_us = now,
		.share = {.generation = 1},
		.budget = {.limit_bytes = HOLDINGS_BUDGET_BYTES},
	};
	side->self = (struct peer_self){identity, group, &side->share, epoch, "side", "larder test", 5273};
	list_init(&side->sent);
	holdings_init(&side->holdings, &side->budget);
}

void side_release(struct side *side)
{
	if (side->peer.owner)
		peer_release(&side->peer);
	side_forget(side);
	holdings_release(&side->holdings);
}

void side_dial(struct side *side) { peer_init(&side->peer, &side->owner, &side->self, NULL); }

void side_take(struct side *side, const struct side *dialer)
{
	peer_init(&side->peer, &side->owner, &side->self, identity_curve_public(dialer->self.identity));
}

struct side_frame *side_take_frame(struct side *side)
{
	struct side_frame *frame;

	if (list_is_empty(&side->sent))
		return NULL;
	frame = container_of(side->sent.next, struct side_frame, link);
	list_remove(&frame->link);
	return frame;
}

void side_forget(struct side *side)
{
	struct side_frame *frame;

	while ((frame = side_take_frame(side)))
		free(frame);
}

unsigned side_count(const struct side *side, enum wire_type type)
{
	unsigned count = 0;

	list_each(at, &side->sent)
		count += container_of(at, struct side_frame, link)->type == type;
	return count;
}

bool side_carry_one(struct side *from, struct side *to)
{
	struct side_frame *frame = side_take_frame(from);

	if (!frame)
		return false;
	peer_on_message(&to->peer, frame->bytes, frame->control_len, frame->bytes + frame->control_len, frame->bulk_len);
	free(frame);
	return true;
}

void side_carry(struct side *a, struct side *b)
{
	while (side_carry_one(a, b) || side_carry_one(b, a))
		continue;
}

void side_tell(struct side *to, const struct wire_message *message)
{
	uint8_t control[WIRE_CONTROL_MAX];
	size_t len;

	if (wire_encode(message, control, sizeof control, &len, NULL) != ERR_OK)
		abort();
	peer_on_message(&to->peer, control, len, message->bulk.at, message->bulk.len);
}
