/* A node that wants to know whether it can be dialed asks somebody with whom it has a session. He dials the address that the session comes from, and the port of its HELLO: never
 * anybody else, so nobody can be sent to third parties. The handshake with the group's key is all that happens over such a link.
 */
#include "node/peers_private.h"

#include <stdlib.h>

struct reach {
	struct list link;
	struct transport_link *wire;
	uint64_t id; /* of the session that asks */
	uint64_t request;
};

static struct reach *find(const struct peers *peers, const struct transport_link *wire)
{
	list_each(at, &peers->reaching)
		if (container_of(at, struct reach, link)->wire == wire)
			return container_of(at, struct reach, link);
	return NULL;
}

bool reach_is(const struct peers *peers, const struct transport_link *wire) { return find(peers, wire) != NULL; }

static void forget(struct peers *peers, struct reach *reach)
{
	list_remove(&reach->link);
	peers->reaching_count--;
	free(reach);
}

void reach_free_all(struct peers *peers)
{
	while (!list_is_empty(&peers->reaching))
		forget(peers, container_of(peers->reaching.next, struct reach, link));
}

/* The session may be over. */
static void finish(struct peers *peers, struct reach *reach, enum wire_reached reached)
{
	struct session *session = session_find(peers, reach->id);

	if (session)
		peer_tell_reached(&session->peer, reach->request, reached);
	if (session && peer_has_ended(&session->peer))
		peers_later(peers);
	forget(peers, reach);
}

void reach_on_up(struct peers *peers, struct transport_link *wire)
{
	struct reach *reach = find(peers, wire);

	if (!reach)
		return;
	finish(peers, reach, WIRE_REACHED_YOU);
	transport_close(wire);
}

void reach_on_closed(struct peers *peers, struct transport_link *wire, enum transport_end end)
{
	struct reach *reach = find(peers, wire);

	if (reach)
		finish(peers, reach, end == TRANSPORT_UNREACHABLE ? WIRE_REACHED_NOBODY : WIRE_REACHED_STRANGER);
}

/* False: not now. */
static bool dial(struct session *session, uint64_t request)
{
	struct peers *peers = session->peers;
	struct lan_address address = session->address;
	struct reach *reach = peers->reaching_count < PEERS_REACHING_MAX ? calloc(1, sizeof *reach) : NULL;

	if (!reach)
		return false;
	address.port = session->peer.theirs.port;
	*reach = (struct reach){.id = session->id, .request = request};
	if (transport_dial(peers->transport, &address, &reach->wire) != ERR_OK) {
		free(reach);
		return false;
	}
	list_append(&peers->reaching, &reach->link);
	peers->reaching_count++;
	return true;
}

void reach_on_ask(struct session *session, uint64_t request)
{
	int64_t now_ms = peers_now_ms(session->peers);

	if (session->peer.theirs.port == 0)
		peer_tell_reached(&session->peer, request, WIRE_REACHED_NOBODY);
	else if (now_ms < session->contact->reach_at_ms || !dial(session, request))
		peer_tell_reached(&session->peer, request, 0);
	else
		session->contact->reach_at_ms = now_ms + PEERS_REACH_MS;
}

/* --- to an address that somebody asks about */

static const struct contact *contact_at(const struct peers *peers, const struct lan_address *address, const struct place *place)
{
	if (place && place->has_id)
		return contact_of_node(peers, place->node);
	list_each(at, &peers->contacts) {
		const struct contact *contact = container_of(at, struct contact, link);
		if (contact->session && lan_equal(&contact->address, address))
			return contact;
	}
	return NULL;
}

uint64_t peers_visit(struct peers *peers, const struct lan_address *address)
{
	struct place *place = place_find(peers, address);
	const struct contact *contact = contact_at(peers, address, place);

	if (contact && contact->session && session_is_ready(contact->session))
		return contact->session->id;
	if (!place && !(place = place_get(peers, address)))
		return 0;
	if (place->sources)
		return 0;
	place->sources |= PLACE_TOLD;
	place->told_ms = peers_now_ms(peers);
	place_dial_due(peers);
	return 0;
}
