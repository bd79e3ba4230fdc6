#include "node/peer_private.h"

#include <limits.h>
#include <string.h>

void peer_init(struct peer *peer, struct peer_owner *owner, const struct peer_self *self, const uint8_t *client_key)
{
	*peer = (struct peer){
		.owner = owner,
		.self = self,
		.is_dialed = client_key == NULL,
		.ping_sent_us = -1,
		.round_trip_us = -1,
		.next_request = 1,
		.bucket = PEER_MESSAGES_BURST,
		.snapshots = PEER_SNAPSHOTS,
	};
	list_init(&peer->asks);
	buf_init(&peer->queue, PEER_QUEUE_BYTES);
	peer->started_ms = peer->last_in_ms = peer->bucket_ms = peer->snapshot_ms = peer_now_ms(peer);
	/* Nothing was served yet. */
	peer->served_ms = peer->started_ms - PEER_SERVED_MS;
	peer_introduce(peer);
	if (client_key)
		memcpy(peer->client_key, client_key, WIRE_KEY_LEN);
	else
		peer_post(peer, &(struct wire_message){.type = WIRE_HELLO, .hello = peer->hello});
}

void peer_release(struct peer *peer)
{
	peer_end(peer, WIRE_BYE_GOING, "going");
	peer_end_asks(peer);
	share_let_go(peer->telling);
	peer->telling = NULL;
	buf_release(&peer->queue);
}

/* --- messages */

/* A bucket with room for a burst. */
static bool may_come(struct peer *peer)
{
	int64_t now_ms = peer_now_ms(peer), more = (now_ms - peer->bucket_ms) * PEER_MESSAGES_PER_S / 1000;

	if (more > 0) {
		peer->bucket_ms = now_ms;
		peer->bucket = more > PEER_MESSAGES_BURST - peer->bucket ? PEER_MESSAGES_BURST : peer->bucket + more;
	}
	return peer->bucket-- > 0;
}

static void send_ping(struct peer *peer)
{
	peer->last_ping_ms = peer_now_ms(peer);
	peer->ping_sent_us = peer->owner->now_us(peer->owner);
	peer_post(peer, &(struct wire_message){.type = WIRE_PING, .request = ++peer->ping_number});
}

static void on_ping(struct peer *peer, const struct wire_message *message)
{
	peer_post(peer, &(struct wire_message){.type = WIRE_PONG, .request = message->request});
}

static void on_pong(struct peer *peer, const struct wire_message *message)
{
	int64_t took_us = peer->owner->now_us(peer->owner) - peer->ping_sent_us;

	if (peer->ping_sent_us < 0 || message->request != peer->ping_number)
		return;
	peer->ping_sent_us = -1;
	peer->round_trip_us = peer->round_trip_us < 0 ? took_us : (3 * peer->round_trip_us + took_us) / 4;
}

static void on_bye(struct peer *peer, const struct wire_message *message)
{
	struct wire_text text = message->bye.text;

	if (peer_has_ended(peer))
		return;
	peer->bye_got = (int)message->bye.reason;
	peer_end(peer, 0, "it said: %.*s", (int)text.len, text.len ? text.at : "");
}

static void on_holdings(struct peer *peer, const struct wire_message *message) { peer_on_holdings(peer, &message->holdings); }
static void on_have(struct peer *peer, const struct wire_message *message) { peer_on_have(peer, &message->have); }

static void on_resync(struct peer *peer, const struct wire_message *message)
{
	(void)message;
	peer_on_resync(peer);
}

static void on_peers(struct peer *peer, const struct wire_message *message) { peer->owner->on_addresses(peer->owner, peer, &message->peers); }

static void on_reach(struct peer *peer, const struct wire_message *message) { peer->owner->on_reach(peer->owner, peer, message->request); }

static void on_bulk(struct peer *peer, const struct wire_message *message)
{
	if (peer->is_dialed == (message->type == WIRE_BULK_OFFER))
		peer->owner->on_bulk(peer->owner, peer, message);
	else
		peer_end(peer, WIRE_BYE_BROKEN, "%s from the wrong end", wire_type_name(message->type));
}

static void on_question(struct peer *peer, const struct wire_message *message)
{
	peer_note_busy(peer);
	peer->served_ms = peer_now_ms(peer);
	peer->owner->on_question(peer->owner, peer, message);
}

static void on_greeting_again(struct peer *peer, const struct wire_message *message)
{
	peer_end(peer, WIRE_BYE_BROKEN, "%s in a session that is there", wire_type_name(message->type));
}

/* What a session that is ready does with each type; nothing with those that are not here. */
static void (*const handlers[])(struct peer *peer, const struct wire_message *message) = {
	[WIRE_HELLO] = on_greeting_again, [WIRE_WELCOME] = on_greeting_again, [WIRE_BYE] = on_bye, [WIRE_PING] = on_ping, [WIRE_PONG] = on_pong,
	[WIRE_HOLDINGS] = on_holdings, [WIRE_HAVE] = on_have, [WIRE_RESYNC] = on_resync, [WIRE_PEERS] = on_peers, [WIRE_REACH] = on_reach,
	[WIRE_FIND] = on_question, [WIRE_CHAIN] = on_question, [WIRE_CHUNK] = on_question, [WIRE_LIST] = on_question,
	[WIRE_REJECT] = on_question, [WIRE_CANCEL] = on_question,
	[WIRE_FOUND] = peer_on_answer, [WIRE_STATES] = peer_on_answer, [WIRE_PIECE] = peer_on_answer, [WIRE_NO] = peer_on_answer,
	[WIRE_NAMES] = peer_on_answer, [WIRE_REACHED] = peer_on_answer, [WIRE_BULK_OFFER] = on_bulk, [WIRE_BULK_ACCEPT] = on_bulk,
};

static void handle(struct peer *peer, const struct wire_message *message)
{
	size_t type = (size_t)message->type;

	if (message->type == WIRE_BYE)
		on_bye(peer, message);
	else if (peer->state == PEER_GREETING)
		peer_on_greeting(peer, message);
	else if (type < sizeof handlers / sizeof handlers[0] && handlers[type])
		handlers[type](peer, message);
}

static void handle_piece(struct peer *peer, const struct wire_message *message)
{
	if (message->type == WIRE_PIECE && peer->state == PEER_READY)
		peer_on_answer(peer, message);
	else
		peer_end(peer, WIRE_BYE_BROKEN, "%s over a bulk connection", wire_type_name(message->type));
}

static void take_in(struct peer *peer, const uint8_t *control, size_t control_len, const uint8_t *bulk, size_t bulk_len,
		    void (*handle_it)(struct peer *peer, const struct wire_message *message))
{
	struct wire_message message;
	struct why why = {0};

	if (peer_has_ended(peer))
		return;
	peer->last_in_ms = peer_now_ms(peer);
	peer->bytes_in += control_len + bulk_len;
	if (!may_come(peer))
		peer_end(peer, WIRE_BYE_BROKEN, "more than %d messages a second", PEER_MESSAGES_PER_S);
	else if (wire_decode(control, control_len, bulk, bulk_len, &message, &why) != ERR_OK)
		peer_end(peer, WIRE_BYE_BROKEN, "%s", why.text);
	else
		handle_it(peer, &message);
	/* Nobody waits for answers that will not come. */
	if (peer_has_ended(peer))
		peer_end_asks(peer);
}

void peer_on_message(struct peer *peer, const uint8_t *control, size_t control_len, const uint8_t *bulk, size_t bulk_len)
{
	peer->probe_until_ms = 0;
	take_in(peer, control, control_len, bulk, bulk_len, handle);
}

void peer_on_piece(struct peer *peer, const uint8_t *control, size_t control_len, const uint8_t *bytes, size_t len)
{
	take_in(peer, control, control_len, bytes, len, handle_piece);
}

void peer_on_writable(struct peer *peer)
{
	peer->is_blocked = false;
	peer_flush(peer);
	peer_go_on_telling(peer);
	if (peer->state == PEER_READY && !peer_is_clogged(peer))
		peer->owner->on_writable(peer->owner, peer);
}

/* --- time */

static bool is_busy(const struct peer *peer)
{
	return peer->asked > 0 || peer_now_ms(peer) - peer->served_ms < PEER_SERVED_MS;
}

void peer_note_busy(struct peer *peer)
{
	if (!is_busy(peer))
		peer->busy_since_ms = peer_now_ms(peer);
}

/* When it will be given up, if nothing comes until then. */
static int64_t gone_at_ms(const struct peer *peer)
{
	int64_t at_ms = peer->last_in_ms + PEER_GONE_IDLE_MS, since_ms = peer->last_in_ms;

	if (peer->state == PEER_GREETING)
		return peer->started_ms + PEER_HELLO_MS;
	if (since_ms < peer->busy_since_ms)
		since_ms = peer->busy_since_ms;
	if (is_busy(peer) && since_ms + PEER_GONE_BUSY_MS < at_ms)
		at_ms = since_ms + PEER_GONE_BUSY_MS;
	if (peer->probe_until_ms && peer->probe_until_ms < at_ms)
		at_ms = peer->probe_until_ms;
	return at_ms;
}

static int64_t ping_at_ms(const struct peer *peer)
{
	int64_t wait_ms = PEER_PING_IDLE_MS + (peer->is_dialed ? 0 : PEER_PING_LATER_MS);
	int64_t since_ms = peer->last_in_ms > peer->last_ping_ms ? peer->last_in_ms : peer->last_ping_ms;

	if (peer->state != PEER_READY)
		return INT64_MAX;
	if (peer->last_ping_ms == 0)
		return peer->started_ms; /* the first one measures */
	return is_busy(peer) ? peer->last_ping_ms + PEER_PING_BUSY_MS : since_ms + wait_ms;
}

int64_t peer_deadline_ms(const struct peer *peer)
{
	int64_t at_ms = gone_at_ms(peer), other_ms = ping_at_ms(peer);

	if (peer_has_ended(peer))
		return INT64_MAX;
	if (other_ms < at_ms)
		at_ms = other_ms;
	other_ms = peer_mend_at_ms(peer);
	return other_ms < at_ms ? other_ms : at_ms;
}

void peer_on_time(struct peer *peer)
{
	int64_t now_ms = peer_now_ms(peer);

	if (peer_has_ended(peer))
		return;
	if (now_ms >= gone_at_ms(peer)) {
		peer_end(peer, 0, peer->state == PEER_GREETING ? "it did not say who it is" : "it has been silent");
		peer_end_asks(peer);
		return;
	}
	if (now_ms >= ping_at_ms(peer))
		send_ping(peer);
	if (now_ms >= peer_mend_at_ms(peer))
		peer_mend_holdings(peer);
}

void peer_probe(struct peer *peer)
{
	if (peer->state != PEER_READY || peer->probe_until_ms)
		return;
	peer->probe_until_ms = peer_now_ms(peer) + PEER_PROBE_MS;
	send_ping(peer);
}
