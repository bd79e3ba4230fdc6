/* Control messages wait in a queue while the transport takes nothing; whoever lets that grow asks for answers and does not read them. Bulk frames never
 * wait here: they stay with whoever has them until there is room. */
#include "node/peer_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool peer_is_clogged(const struct peer *peer)
{
	return peer->is_blocked || peer->queue.len > 0;
}

/* What became of a message that was to be sent. False: it was not. */
static bool is_sent(struct peer *peer, enum err err, size_t len)
{
	if (err == ERR_BUSY)
		peer->is_blocked = true;
	else if (err)
		peer_end(peer, 0, "nothing can be sent to it any more: %s", err_name(err));
	else
		peer->bytes_out += len;
	return err == ERR_OK;
}

static void enqueue(struct peer *peer, const uint8_t *control, size_t len)
{
	uint32_t head = (uint32_t)len;

	if (len + sizeof head > peer->queue.limit - peer->queue.len) {
		peer_end(peer, WIRE_BYE_BROKEN, "you do not read what you asked for");
		return;
	}
	if (buf_reserve(&peer->queue, sizeof head + len) != ERR_OK) {
		peer_end(peer, WIRE_BYE_GOING, "out of memory");
		return;
	}
	memcpy(peer->queue.data + peer->queue.len, &head, sizeof head);
	memcpy(peer->queue.data + peer->queue.len + sizeof head, control, len);
	peer->queue.len += sizeof head + len;
}

void peer_post(struct peer *peer, const struct wire_message *message)
{
	uint8_t control[WIRE_CONTROL_MAX];
	struct why why = {0};
	size_t len;

	if (peer_has_ended(peer))
		return;
	if (wire_encode(message, control, sizeof control, &len, &why) != ERR_OK) {
		peer_end(peer, WIRE_BYE_GOING, "cannot write %s", why.text);
		return;
	}
	if (peer_is_clogged(peer) || (!is_sent(peer, peer->owner->send(peer->owner, peer, control, len, NULL), len) && !peer_has_ended(peer)))
		enqueue(peer, control, len);
}

void peer_flush(struct peer *peer)
{
	while (!peer_has_ended(peer) && !peer->is_blocked && peer->queue_at < peer->queue.len) {
		const uint8_t *at = peer->queue.data + peer->queue_at;
		uint32_t len;

		memcpy(&len, at, sizeof len);
		if (is_sent(peer, peer->owner->send(peer->owner, peer, at + sizeof len, len, NULL), len))
			peer->queue_at += sizeof len + len;
	}
	if (peer->queue_at == peer->queue.len) {
		buf_release(&peer->queue);
		buf_init(&peer->queue, PEER_QUEUE_BYTES);
		peer->queue_at = 0;
	}
}

enum err peer_send(struct peer *peer, const uint8_t *control, size_t len, const struct transport_bulk *bulk)
{
	enum err err;

	if (peer_has_ended(peer))
		return ERR_CUT;
	if (peer_is_clogged(peer))
		return ERR_BUSY;
	err = peer->owner->send(peer->owner, peer, control, len, bulk);
	(void)is_sent(peer, err, len + (bulk ? bulk->len : 0));
	peer->served_ms = peer_now_ms(peer);
	return err;
}

void peer_tell(struct peer *peer, const struct wire_message *message)
{
	peer_post(peer, message);
}

void peer_note_given(struct peer *peer, size_t len)
{
	peer->bytes_out += len;
	peer->served_ms = peer_now_ms(peer);
}

/* Not by peer_post(), which would end the session if it cannot: an end that cannot be told is one all the same. */
static void say_bye(struct peer *peer, int reason)
{
	struct wire_message bye = {.type = WIRE_BYE, .bye = {.reason = (enum wire_bye)reason}};
	uint8_t control[1024];
	size_t len = strlen(peer->why.text);

	bye.bye.text = (struct wire_text){peer->why.text, len < WIRE_BYE_TEXT_MAX ? len : WIRE_BYE_TEXT_MAX};
	if (wire_encode(&bye, control, sizeof control, &len, NULL) != ERR_OK) {
		/* A name of many bytes a letter may have been cut within one. */
		bye.bye.text.len = 0;
		if (wire_encode(&bye, control, sizeof control, &len, NULL) != ERR_OK)
			return;
	}
	(void)!peer->owner->send(peer->owner, peer, control, len, NULL);
}

void peer_end(struct peer *peer, int reason, const char *format, ...)
{
	char text[WHY_MAX];
	va_list args;

	if (peer_has_ended(peer))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	why_set(&peer->why, ERR_CUT, "%s", text);
	peer->bye_sent = reason;
	peer->state = PEER_ENDED;
	if (reason)
		say_bye(peer, reason);
}
