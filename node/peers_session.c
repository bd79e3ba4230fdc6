#include "node/peers_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct peers *peers_of(struct peer_owner *owner) { return container_of(owner, struct peers, peer_owner); }

struct session *session_find(const struct peers *peers, uint64_t id)
{
	list_each(at, &peers->sessions)
		if (container_of(at, struct session, link)->id == id)
			return container_of(at, struct session, link);
	return NULL;
}

/* --- what a session makes of its owner */

static enum err on_send(struct peer_owner *owner, struct peer *peer, const uint8_t *control, size_t len, const struct transport_bulk *bulk)
{
	struct session *session = session_of(peer);

	(void)owner;
	return session->wire ? transport_send(session->wire, control, len, bulk) : ERR_CUT;
}

static int on_admit(struct peer_owner *owner, struct peer *peer)
{
	(void)owner;
	return contact_admit(session_of(peer));
}

static void on_ready(struct peer_owner *owner, struct peer *peer)
{
	struct session *session = session_of(peer);

	session->was_ready = true;
	transport_admit(session->wire);
	contact_on_ready(session);
	log_info(peers_of(owner)->use.log, "peer %s is here", session->label);
}

static void on_question(struct peer_owner *owner, struct peer *peer, const struct wire_message *message)
{
	if (message->type == WIRE_CHUNK)
		session_bulk_want(session_of(peer));
	serve_message(peers_of(owner)->serve, session_of(peer)->id, message);
}

static void on_writable(struct peer_owner *owner, struct peer *peer) { serve_writable(peers_of(owner)->serve, session_of(peer)->id); }

static void on_holdings(struct peer_owner *owner, struct peer *peer)
{
	(void)peer;
	peers_note_change(peers_of(owner));
}

static void on_addresses(struct peer_owner *owner, struct peer *peer, const struct wire_peers *addresses)
{
	(void)owner;
	exchange_on_addresses(session_of(peer), addresses);
}

static void on_reach(struct peer_owner *owner, struct peer *peer, uint64_t request)
{
	(void)owner;
	reach_on_ask(session_of(peer), request);
}

static void on_bulk(struct peer_owner *owner, struct peer *peer, const struct wire_message *message)
{
	(void)owner;
	session_bulk_on_message(session_of(peer), message);
}

/* Of the loop's clock; finer where that is the machine's, since milliseconds are long on a LAN. */
static int64_t on_now_us(struct peer_owner *owner)
{
	const struct peers *peers = peers_of(owner);
	struct timespec now;

	if (peers->use.clock != clock_system())
		return peers_now_ms(peers) * 1000;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* --- time */

static void on_timer(struct loop_timer *timer)
{
	struct session *session = container_of(timer, struct session, timer);

	if (!session->is_up && session->place && peers_now_ms(session->peers) >= session->give_up_ms)
		peer_end(&session->peer, 0, "no answer");
	peer_on_time(&session->peer);
	if (peer_has_ended(&session->peer))
		session_drop(session);
	else
		session_schedule(session);
}

/* A deadline that moves away is looked at when the timer fires: it moves with each message. */
void session_schedule(struct session *session)
{
	int64_t at_ms = peer_deadline_ms(&session->peer), now_ms = peers_now_ms(session->peers);

	if (!session->is_up && session->place && session->give_up_ms < at_ms)
		at_ms = session->give_up_ms;
	if (session->timer.place && session->timer_ms <= at_ms)
		return;
	session->timer_ms = at_ms;
	if (loop_timer_start(session->peers->use.loop, &session->timer, at_ms - now_ms) != ERR_OK) {
		peer_end(&session->peer, WIRE_BYE_GOING, "out of memory");
		peers_later(session->peers);
	}
}

/* --- its life */

struct session *session_create(struct peers *peers)
{
	struct session *session = calloc(1, sizeof *session);

	if (!session)
		return NULL;
	session->peers = peers;
	session->id = peers->next_id++;
	session->timer.fire = on_timer;
	session->since_ms = peers_now_ms(peers);
	list_append(&peers->sessions, &session->link);
	peers->session_count++;
	return session;
}

static void set_address(struct session *session, struct transport_link *wire)
{
	char text[LAN_TEXT_MAX];

	session->wire = wire;
	session->address = *transport_address(wire);
	snprintf(session->label, sizeof session->label, "%s", lan_text(&session->address, text));
	transport_set_peer(wire, &session->peer);
}

/* Before the session there is nothing to be released. */
static void discard(struct session *session)
{
	list_remove(&session->link);
	session->peers->session_count--;
	free(session);
}

bool session_dial(struct place *place)
{
	struct peers *peers = place->peers;
	struct session *session = session_create(peers);
	struct transport_link *wire;
	int64_t attempt_ms = place->failures % 3 == 2 ? TRANSPORT_DIAL_MS : PEERS_ATTEMPT_MS;

	if (!session)
		return false;
	if (transport_dial(peers->transport, &place->address, &wire) != ERR_OK) {
		discard(session);
		return false;
	}
	set_address(session, wire);
	session->place = place;
	place->session = session;
	peers->dialing_count++;
	session->give_up_ms = session->since_ms + attempt_ms;
	peer_init(&session->peer, &peers->peer_owner, &peers->self, NULL);
	session_schedule(session);
	return true;
}

/* The first message over a connection that was taken. */
static struct session *take(struct peers *peers, struct transport_link *wire)
{
	struct session *session = session_create(peers);

	if (!session)
		return NULL;
	set_address(session, wire);
	session->is_up = true;
	peer_init(&session->peer, &peers->peer_owner, &peers->self, transport_client_key(wire));
	return session;
}

static void note_up(struct session *session)
{
	if (session->is_up)
		return;
	session->is_up = true;
	session->peers->dialing_count--;
}

static void log_end(const struct session *session)
{
	struct log *log = session->peers->use.log;

	if (session->peer.bye_sent == WIRE_BYE_BROKEN)
		log_warn(log, "peer %s broke a rule and was dropped: %s", session->label, session->peer.why.text);
	else if (session->was_ready && session->peer.bye_sent != WIRE_BYE_DUPLICATE && session->peer.bye_got != WIRE_BYE_DUPLICATE)
		log_info(log, "peer %s is gone: %s", session->label, session->peer.why.text);
	else
		log_debug(log, "session with %s ended: %s", session->label, session->peer.why.text);
}

void session_drop(struct session *session)
{
	struct peers *peers = session->peers;
	struct place *place = session->place;

	loop_timer_cancel(peers->use.loop, &session->timer);
	session_bulk_close(session);
	peer_release(&session->peer);
	serve_forget(peers->serve, session->id);
	log_end(session);
	if (session->wire)
		transport_close(session->wire);
	session->wire = NULL;
	note_up(session);
	contact_on_drop(session);
	if (place) {
		place->session = NULL;
		place_on_end(place, session);
	}
	if (session->was_ready)
		peers_note_change(peers);
	discard(session);
	if (!peers->is_ending)
		place_dial_due(peers);
}

/* --- what the transport tells */

static void settle(struct session *session)
{
	if (peer_has_ended(&session->peer))
		session_drop(session);
	else
		session_schedule(session);
}

static void on_message(struct transport_owner *owner, struct transport_link *wire, const uint8_t *control, size_t control_len,
		       const uint8_t *bulk, size_t bulk_len)
{
	struct peers *peers = container_of(owner, struct peers, transport_owner);
	struct peer *peer = transport_peer(wire);
	struct session *session;

	if (reach_is(peers, wire))
		return;
	session = peer ? session_of(peer) : take(peers, wire);
	if (!session) {
		transport_close(wire);
		return;
	}
	note_up(session);
	peer_on_message(&session->peer, control, control_len, bulk, bulk_len);
	settle(session);
}

static void on_closed(struct transport_owner *owner, struct transport_link *wire, enum transport_end end)
{
	static const char *const reasons[] = {
		[TRANSPORT_UNREACHABLE] = "nobody answers there", [TRANSPORT_STRANGER] = "it is of another group, or no node",
		[TRANSPORT_ENDED] = "the connection is over", [TRANSPORT_BROKE_RULES] = "it sent more than there may be",
		[TRANSPORT_NOT_ADMITTED] = "it did not say who it is",
	};
	struct peer *peer = transport_peer(wire);

	if (!peer) {
		reach_on_closed(container_of(owner, struct peers, transport_owner), wire, end);
		return;
	}
	session_of(peer)->wire = NULL;
	session_of(peer)->end = end;
	peer_end(peer, 0, "%s", reasons[end]);
	session_drop(session_of(peer));
}

static void on_link_writable(struct transport_owner *owner, struct transport_link *wire)
{
	struct peer *peer = transport_peer(wire);

	(void)owner;
	if (!peer)
		return;
	peer_on_writable(peer);
	settle(session_of(peer));
}

/* Up says that the other side knows the group's key; from now on the session's own time counts. */
static void on_up(struct transport_owner *owner, struct transport_link *wire)
{
	struct peer *peer = transport_peer(wire);

	if (!peer) {
		reach_on_up(container_of(owner, struct peers, transport_owner), wire);
		return;
	}
	note_up(session_of(peer));
	session_schedule(session_of(peer));
}

void session_owner_init(struct peers *peers)
{
	peers->peer_owner = (struct peer_owner){
		.send = on_send, .on_admit = on_admit, .on_ready = on_ready, .on_question = on_question, .on_writable = on_writable,
		.on_holdings = on_holdings, .on_addresses = on_addresses, .on_reach = on_reach, .on_bulk = on_bulk, .now_us = on_now_us,
	};
	peers->transport_owner = (struct transport_owner){
		.on_message = on_message, .on_closed = on_closed, .on_writable = on_link_writable, .on_up = on_up,
	};
}
