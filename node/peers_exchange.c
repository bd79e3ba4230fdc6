/* Everybody tells everybody with whom he has shaken hands, once: so one reachable address is enough. */
#include "node/peers_private.h"

/* Whether an address says anything to somebody behind `session`: a loopback one does on this machine only. */
static bool is_for(const struct session *session, const struct lan_address *address)
{
	return address->port != 0 && !lan_is_link_local(address) && lan_is_near(session->peers->use.lan, address) &&
	       (!lan_is_loopback(address) || lan_is_loopback(&session->address));
}

static void add(struct wire_peers *list, const struct lan_address *address)
{
	struct wire_address *to = &list->addresses[list->count++];

	*to = (struct wire_address){.family = address->family, .port = address->port};
	for (size_t i = 0; i < sizeof to->bytes; i++)
		to->bytes[i] = address->bytes[i];
}

/* Tell one session of those that it has not heard of. */
static void tell(struct session *session)
{
	struct wire_peers list = {.count = 0};

	list_each(at, &session->peers->contacts) {
		const struct contact *contact = container_of(at, struct contact, link);
		if (contact == session->contact || !contact->session || !(contact->is_news || !session->knows_all) || !is_for(session, &contact->address))
			continue;
		add(&list, &contact->address);
		if (list.count < WIRE_ADDRESSES_MAX)
			continue;
		peer_tell_addresses(&session->peer, &list);
		list.count = 0;
	}
	session->knows_all = true;
	if (list.count)
		peer_tell_addresses(&session->peer, &list);
	if (peer_has_ended(&session->peer))
		peers_later(session->peers);
}

void exchange_tell(struct peers *peers)
{
	list_each(at, &peers->sessions)
		if (session_is_ready(container_of(at, struct session, link)))
			tell(container_of(at, struct session, link));
	list_each(at, &peers->contacts)
		container_of(at, struct contact, link)->is_news = false;
}

void exchange_soon(struct peers *peers)
{
	if (peers->tell.place == 0)
		(void)!loop_timer_start(peers->use.loop, &peers->tell, PEERS_TELL_MS);
}

/* --- what is told */

static size_t count_told(const struct peers *peers)
{
	size_t count = 0;

	list_each(at, &peers->places)
		count += container_of(at, struct place, link)->sources == PLACE_TOLD;
	return count;
}

/* Some node that is here dials us, and listens there. */
static bool is_of_contact(const struct peers *peers, const struct lan_address *address)
{
	list_each(at, &peers->contacts) {
		const struct contact *contact = container_of(at, struct contact, link);
		if (contact->session && lan_equal(&contact->address, address))
			return true;
	}
	return false;
}

static bool may_tell(struct contact *contact, int64_t now_ms)
{
	if (contact->told_ms == 0 || now_ms - contact->told_ms >= PEERS_TOLD_MS) {
		contact->told_ms = now_ms;
		contact->told = 0;
	}
	return contact->told < PEERS_TOLD_BY_ONE_MAX;
}

static void on_address(struct session *session, const struct lan_address *address)
{
	struct peers *peers = session->peers;
	int64_t now_ms = peers_now_ms(peers);
	struct place *place;

	if (!is_for(session, address) || place_find(peers, address) || is_of_contact(peers, address))
		return;
	if (!may_tell(session->contact, now_ms) || count_told(peers) >= PEERS_TOLD_MAX || !(place = place_get(peers, address)))
		return;
	session->contact->told++;
	place->sources |= PLACE_TOLD;
	place->told_ms = now_ms;
	place->dial_at_ms = now_ms + PEERS_TOLD_DELAY_MS;
}

void exchange_on_addresses(struct session *session, const struct wire_peers *addresses)
{
	for (uint32_t i = 0; i < addresses->count; i++) {
		const struct wire_address *from = &addresses->addresses[i];
		struct lan_address address = {.family = from->family, .port = from->port};
		for (size_t k = 0; k < sizeof address.bytes; k++)
			address.bytes[k] = from->bytes[k];
		on_address(session, &address);
	}
	place_dial_due(session->peers);
}
