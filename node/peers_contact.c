#include "node/peers_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct contact *contact_of_node(const struct peers *peers, const uint8_t node[IDENTITY_ID_LEN])
{
	list_each(at, &peers->contacts) {
		struct contact *contact = container_of(at, struct contact, link);
		if (memcmp(contact->node, node, IDENTITY_ID_LEN) == 0)
			return contact;
	}
	return NULL;
}

struct contact *contact_of_id(const struct peers *peers, uint64_t id)
{
	list_each(at, &peers->contacts)
		if (container_of(at, struct contact, link)->last_id == id)
			return container_of(at, struct contact, link);
	return NULL;
}

static struct contact *find(const struct peers *peers, const uint8_t key[WIRE_KEY_LEN])
{
	list_each(at, &peers->contacts) {
		struct contact *contact = container_of(at, struct contact, link);
		if (memcmp(contact->key, key, WIRE_KEY_LEN) == 0)
			return contact;
	}
	return NULL;
}

static void forget(struct peers *peers, struct contact *contact)
{
	list_remove(&contact->link);
	peers->contact_count--;
	contact_free(contact);
}

void contact_free(struct contact *contact)
{
	holdings_release(&contact->holdings);
	free(contact);
}

/* Make room by forgetting the one that has been away longest. False: all are here. */
static bool forget_oldest(struct peers *peers)
{
	struct contact *oldest = NULL;

	list_each(at, &peers->contacts) {
		struct contact *contact = container_of(at, struct contact, link);
		if (!contact->session && (!oldest || contact->seen_ms < oldest->seen_ms))
			oldest = contact;
	}
	if (!oldest)
		return false;
	forget(peers, oldest);
	return true;
}

/* NULL: no room, or no memory. */
static struct contact *get(struct peers *peers, const uint8_t key[WIRE_KEY_LEN])
{
	struct contact *contact = find(peers, key);

	if (contact)
		return contact;
	if (peers->contact_count >= PEERS_KNOWN_MAX && !forget_oldest(peers))
		return NULL;
	contact = calloc(1, sizeof *contact);
	if (!contact)
		return NULL;
	memcpy(contact->key, key, WIRE_KEY_LEN);
	identity_id_of(key, contact->node);
	if (ledger_is_refuted(peers->ledger, key)) {
		contact->verdict = PEER_REFUTED;
		memcpy(contact->reason, ledger_find(peers->ledger, key)->reason, sizeof contact->reason);
	}
	holdings_init(&contact->holdings, &peers->budget);
	list_append(&peers->contacts, &contact->link);
	peers->contact_count++;
	return contact;
}

/* --- which session stays */

/* The key of whoever dialed. */
static const uint8_t *dialer_key(const struct session *session)
{
	return session->peer.is_dialed ? identity_public_key(session->peers->use.identity) : session->peer.theirs.key;
}

/* Whether the new one takes the place of the old one. Both sides come to the same answer. */
static bool is_better(const struct session *fresh, const struct session *old)
{
	if (fresh->peer.is_dialed == old->peer.is_dialed)
		return true;
	return memcmp(dialer_key(fresh), dialer_key(old), WIRE_KEY_LEN) < 0;
}

/* Ourselves, by another address; or a machine that was made from a copy of this one. It is for the one with the lower epoch to make a new key. */
static int meet_self(struct session *session)
{
	struct peers *peers = session->peers;

	if (session->peer.theirs.epoch == peers->self.epoch) {
		if (session->place)
			session->place->is_self = true;
		return WIRE_BYE_REFUSED;
	}
	if (peers->self.epoch < session->peer.theirs.epoch) {
		peers->is_cloned = true;
		peers_later(peers);
	}
	return WIRE_BYE_CLONE;
}

static size_t count_admitted(const struct peers *peers)
{
	size_t count = 0;

	list_each(at, &peers->contacts) {
		const struct session *session = container_of(at, struct contact, link)->session;
		count += session && !peer_has_ended(&session->peer);
	}
	return count;
}

static void attach(struct contact *contact, struct session *session)
{
	struct peers *peers = session->peers;
	const struct peer_theirs *theirs = &session->peer.theirs;
	char text[LAN_TEXT_MAX];

	/* What another start of it held says nothing; nor does a snapshot that broke off go on. */
	if (contact->epoch != theirs->epoch || contact->holdings.coming_state != HOLDINGS_IDLE) {
		holdings_release(&contact->holdings);
		holdings_init(&contact->holdings, &peers->budget);
	}
	contact->epoch = theirs->epoch;
	contact->session = session;
	contact->last_id = session->id;
	contact->address = session->address;
	if (!session->place)
		contact->address.port = theirs->port;
	snprintf(contact->name, sizeof contact->name, "%s", theirs->name);
	snprintf(contact->software, sizeof contact->software, "%s", theirs->software);
	snprintf(session->label, sizeof session->label, "%s (%s)", theirs->name, lan_text(&contact->address, text));
	session->contact = contact;
	session->peer.holdings = &contact->holdings;
}

static void note_place(struct session *session)
{
	if (!session->place)
		return;
	session->place->has_id = true;
	identity_id_of(session->peer.theirs.key, session->place->node);
}

int contact_admit(struct session *session)
{
	struct peers *peers = session->peers;
	struct contact *contact;
	struct session *old;

	note_place(session);
	if (memcmp(session->peer.theirs.key, identity_public_key(peers->use.identity), WIRE_KEY_LEN) == 0)
		return meet_self(session);
	contact = get(peers, session->peer.theirs.key);
	if (!contact)
		return WIRE_BYE_FULL;
	old = contact->session;
	if (old && !peer_has_ended(&old->peer)) {
		if (!is_better(session, old)) {
			/* Why would it dial, if the old one were well? */
			peer_probe(&old->peer);
			session_schedule(old);
			return WIRE_BYE_DUPLICATE;
		}
		peer_end(&old->peer, WIRE_BYE_DUPLICATE, "there is another connection between us");
		peers_later(peers);
	} else if (count_admitted(peers) >= PEERS_SESSIONS_MAX) {
		return WIRE_BYE_FULL;
	}
	attach(contact, session);
	return 0;
}

void contact_on_ready(struct session *session)
{
	struct contact *contact = session->contact;

	contact->seen_ms = peers_now_ms(session->peers);
	contact->is_news = true;
	if (session->place)
		session->place->failures = 0;
	exchange_soon(session->peers);
	peers_note_change(session->peers);
}

void contact_on_drop(struct session *session)
{
	struct contact *contact = session->contact;

	if (!contact)
		return;
	contact->seen_ms = peers_now_ms(session->peers);
	contact->bytes_in += session->peer.bytes_in;
	contact->bytes_out += session->peer.bytes_out;
	if (contact->session == session)
		contact->session = NULL;
}

void contact_keep_house(struct peers *peers)
{
	int64_t now_ms = peers_now_ms(peers);

	list_each_safe(at, &peers->contacts) {
		struct contact *contact = container_of(at, struct contact, link);
		if (!contact->session && now_ms - contact->seen_ms >= PEERS_FORGET_MS)
			forget(peers, contact);
	}
}

/* --- what it did */

bool contact_is_shunned(const struct peers *peers, const struct contact *contact)
{
	return contact->verdict == PEER_REFUTED && ledger_is_refuted(peers->ledger, contact->key);
}

bool contact_is_damaged(const struct contact *contact, const struct digest *digest)
{
	size_t count = contact->damaged_count < PEERS_DAMAGED_MAX ? contact->damaged_count : PEERS_DAMAGED_MAX;

	for (size_t i = 0; i < count; i++)
		if (digest_equal(&contact->damaged[i].digest, digest))
			return true;
	return false;
}
