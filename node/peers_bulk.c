/* The bulk connection of a session is made when chunks are first asked for: whoever was dialed offers, whoever has dialed accepts and dials again. Until it is up, and where it does not come
 * about, pieces go over the session. When it ends, nobody knows what has still arrived; so whoever gave over it says NO to what he gave last, and is asked again. */
#include "node/peers_private.h"

#include <sodium.h>
#include <string.h>

#define WAY_SESSION UINT64_MAX

static struct peers *peers_of(struct bulk_owner *owner) { return container_of(owner, struct peers, bulk_owner); }
static struct session *session_of_link(const struct bulk_link *link) { return session_of(bulk_peer(link)); }

/* --- its beginning */

void session_bulk_want(struct session *session)
{
	struct session_bulk *bulk = &session->bulk;
	struct peers *peers = session->peers;
	struct wire_message message = {.type = WIRE_BULK_OFFER};

	if (session->peer.is_dialed || bulk->link || !bulk_port(peers->bulk) || peers_now_ms(peers) < bulk->again_ms)
		return;
	bulk->again_ms = peers_now_ms(peers) + PEERS_BULK_MS;
	bulk->offer = (struct wire_bulk_offer){.port = bulk_port(peers->bulk), .cipher = seal_best_cipher()};
	randombytes_buf(bulk->offer.ticket, sizeof bulk->offer.ticket);
	randombytes_buf(bulk->offer.random, sizeof bulk->offer.random);
	if (bulk_await(peers->bulk, bulk->offer.ticket, &session->peer, &bulk->link) != ERR_OK)
		return;
	bulk->way++;
	message.bulk_offer = bulk->offer;
	peer_tell(&session->peer, &message);
}

static void derive(const struct session *session, const struct wire_bulk_offer *offer, const struct wire_bulk_accept *accept, struct seal_keys *ret_keys)
{
	const struct peer *peer = &session->peer;
	const uint8_t *ours = peer->hello.node_key, *theirs = peer->theirs.key;
	struct seal_ends ends = {
		.dialer_key = peer->is_dialed ? ours : theirs, .listener_key = peer->is_dialed ? theirs : ours,
		.dialer_epoch = peer->is_dialed ? peer->hello.epoch : peer->theirs.epoch, .listener_epoch = peer->is_dialed ? peer->theirs.epoch : peer->hello.epoch,
		.offer = offer, .accept = accept,
	};

	seal_derive(&ends, ret_keys);
}

/* A new offer means that the listener has no connection any more, whatever this end thinks. */
static void on_offer(struct session *session, const struct wire_bulk_offer *offer)
{
	struct wire_message message = {.type = WIRE_BULK_ACCEPT};
	struct wire_bulk_accept *accept = &message.bulk_accept;
	struct lan_address address = session->address;
	struct seal_keys keys;
	int64_t now_ms = peers_now_ms(session->peers);
	enum err err;

	if (session->bulk.offered_ms && now_ms - session->bulk.offered_ms < PEERS_OFFER_MS)
		return;
	session->bulk.offered_ms = now_ms;
	session_bulk_close(session);
	address.port = offer->port;
	memcpy(accept->ticket, offer->ticket, sizeof accept->ticket);
	randombytes_buf(accept->random, sizeof accept->random);
	accept->cipher = seal_common_cipher(offer->cipher, seal_best_cipher());
	derive(session, offer, accept, &keys);
	err = bulk_dial(session->peers->bulk, &address, offer->ticket, accept->cipher, &keys, &session->peer, &session->bulk.link);
	sodium_memzero(&keys, sizeof keys);
	if (err)
		return;
	session->bulk.way++;
	peer_tell(&session->peer, &message);
}

static void on_accept(struct session *session, const struct wire_bulk_accept *accept)
{
	struct session_bulk *bulk = &session->bulk;
	struct seal_keys keys;
	enum err err;

	if (!bulk->link || sodium_memcmp(accept->ticket, bulk->offer.ticket, WIRE_TICKET_LEN) != 0)
		return;
	if (accept->cipher != seal_common_cipher(bulk->offer.cipher, accept->cipher)) {
		session_bulk_close(session);
		return;
	}
	derive(session, &bulk->offer, accept, &keys);
	err = bulk_set_keys(bulk->link, accept->cipher, &keys);
	sodium_memzero(&keys, sizeof keys);
	sodium_memzero(bulk->offer.random, sizeof bulk->offer.random);
	if (err)
		session_bulk_close(session);
}

void session_bulk_on_message(struct session *session, const struct wire_message *message)
{
	if (message->type == WIRE_BULK_OFFER)
		on_offer(session, &message->bulk_offer);
	else
		on_accept(session, &message->bulk_accept);
}

/* --- pieces */

static void note_given(struct session_bulk *bulk, uint64_t request)
{
	if (bulk->given_count > 0 && bulk->given[(bulk->given_count - 1) % WIRE_ASKED_MAX] == request)
		return;
	bulk->given[bulk->given_count++ % WIRE_ASKED_MAX] = request;
}

enum err session_send_piece(struct session *session, const uint8_t *control, size_t len, const struct transport_bulk *bulk, struct serve_way *way)
{
	struct session_bulk *own = &session->bulk;
	bool is_first = way->number == 0;
	enum err err;

	if (is_first)
		way->number = own->is_up ? own->way : WAY_SESSION;
	if (way->number == WAY_SESSION)
		return peer_send(&session->peer, control, len, bulk);
	if (peer_has_ended(&session->peer))
		return ERR_CUT;
	if (!own->is_up || way->number != own->way)
		return ERR_NOT_FOUND;
	err = bulk_send(own->link, control, len, bulk);
	if (!err) {
		note_given(own, way->request);
		own->bytes_out += len + bulk->len;
		peer_note_given(&session->peer, len + bulk->len);
	} else if (is_first) {
		way->number = 0; /* none of it has gone any way: the next try takes the one that is up then */
	}
	return err == ERR_NO_MEMORY ? ERR_BUSY : err;
}

static void on_frame(struct bulk_owner *owner, struct bulk_link *link, const struct seal_opened *frame)
{
	struct session *session = session_of_link(link);

	(void)owner;
	session->bulk.bytes_in += frame->control_len + frame->len;
	peer_on_piece(&session->peer, frame->control, frame->control_len, frame->bytes, frame->len);
	if (peer_has_ended(&session->peer))
		peers_later(session->peers);
	else
		session_schedule(session);
}

static void on_up(struct bulk_owner *owner, struct bulk_link *link)
{
	struct session *session = session_of_link(link);

	session->bulk.is_up = true;
	log_debug(peers_of(owner)->use.log, "pieces go between %s and this node over a bulk connection", session->label);
}

static void on_writable(struct bulk_owner *owner, struct bulk_link *link) { serve_writable(peers_of(owner)->serve, session_of_link(link)->id); }

bool peers_is_behind(const struct peers *peers, uint64_t id)
{
	const struct session *session = session_find(peers, id);

	return session && session->bulk.link && bulk_is_behind(session->bulk.link);
}

/* --- its end */

static void take_back(struct session *session)
{
	struct session_bulk *bulk = &session->bulk;
	size_t count = bulk->given_count < WIRE_ASKED_MAX ? bulk->given_count : WIRE_ASKED_MAX;

	for (size_t i = 0; i < count; i++)
		peer_tell(&session->peer, &(struct wire_message){.type = WIRE_NO, .request = bulk->given[i], .no = WIRE_NO_BUSY});
	bulk->given_count = 0;
}

static void forget(struct session *session)
{
	session->bulk.link = NULL;
	session->bulk.is_up = false;
	session->bulk.again_ms = peers_now_ms(session->peers) + PEERS_BULK_MS;
	sodium_memzero(&session->bulk.offer, sizeof session->bulk.offer);
	take_back(session);
}

static void on_end(struct bulk_owner *owner, struct bulk_link *link, enum bulk_end end)
{
	static const char *const reasons[] = {
		[BULK_NOT_THERE] = "it did not come about", [BULK_OVER] = "the connection is over", [BULK_BROKEN] = "something came that it has not sealed",
		[BULK_NONSENSE] = "it sent nonsense",
	};
	struct session *session = session_of_link(link);

	log_debug(peers_of(owner)->use.log, "no bulk connection with %s: %s", session->label, reasons[end]);
	forget(session);
	if (end == BULK_NONSENSE)
		peer_end(&session->peer, WIRE_BYE_BROKEN, "a sealed frame without a message");
	if (peer_has_ended(&session->peer))
		peers_later(session->peers);
	/* Requests whose way is gone are found when they are tried again. */
	serve_writable(session->peers->serve, session->id);
}

void session_bulk_close(struct session *session)
{
	if (!session->bulk.link)
		return;
	bulk_close(session->bulk.link);
	forget(session);
}

void session_bulk_owner_init(struct peers *peers)
{
	peers->bulk_owner = (struct bulk_owner){.on_frame = on_frame, .on_up = on_up, .on_end = on_end, .on_writable = on_writable};
}
