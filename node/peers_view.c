/* What the peers are to those who ask: numbers that hold something, and lines for people. */
#include "node/peers_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_here(const struct contact *contact) { return contact->session && session_is_ready(contact->session); }

/* --- who holds what */

struct ranked {
	uint64_t id;
	int64_t round_trip_us;
};

/* Those not measured yet come last. */
static int compare_ranked(const void *a, const void *b)
{
	uint64_t left = (uint64_t)((const struct ranked *)a)->round_trip_us, right = (uint64_t)((const struct ranked *)b)->round_trip_us;

	return left < right ? -1 : left > right;
}

size_t peers_holders(struct peers *peers, const struct digest *digest, uint64_t *ret_ids, size_t room)
{
	struct ranked all[PEERS_SESSIONS_MAX];
	size_t count = 0;
	struct tag tag;

	group_tag(peers->use.group, digest, &tag);
	list_each(at, &peers->contacts) {
		const struct contact *contact = container_of(at, struct contact, link);
		if (count == PEERS_SESSIONS_MAX || !is_here(contact) || !holdings_has(&contact->holdings, &tag))
			continue;
		if (!contact_is_shunned(peers, contact) && !contact_is_damaged(contact, digest))
			all[count++] = (struct ranked){contact->session->id, contact->session->peer.round_trip_us};
	}
	qsort(all, count, sizeof *all, compare_ranked);
	if (count > room)
		count = room;
	for (size_t i = 0; i < count; i++)
		ret_ids[i] = all[i].id;
	return count;
}

size_t peers_count(const struct peers *peers)
{
	size_t count = 0;

	list_each(at, &peers->contacts)
		count += is_here(container_of(at, struct contact, link));
	return count;
}

size_t peers_unsynced(const struct peers *peers)
{
	size_t count = 0;

	list_each(at, &peers->contacts) {
		const struct contact *contact = container_of(at, struct contact, link);
		count += is_here(contact) && !holdings_is_current(&contact->holdings);
	}
	return count;
}

bool peers_has_record(const struct peers *peers, uint64_t id)
{
	const struct contact *contact = contact_of_id(peers, id);
	const struct ledger_entry *entry = contact ? ledger_find(peers->ledger, contact->key) : NULL;

	return entry && entry->good_bytes > 0;
}

/* --- questions */

/* NULL: gone, or shunned. */
static struct session *session_to_ask(const struct peers *peers, uint64_t id)
{
	struct session *session = session_find(peers, id);

	if (!session || !session_is_ready(session) || !session->contact || contact_is_shunned(peers, session->contact))
		return NULL;
	return session;
}

/* Asking may have moved its deadline, or ended it. */
static enum err asked(struct session *session, enum err err)
{
	if (peer_has_ended(&session->peer))
		peers_later(session->peers);
	else
		session_schedule(session);
	return err;
}

enum err peers_ask_chain(struct peers *peers, uint64_t id, const struct digest *digest, uint64_t size, struct peer_ask *ask)
{
	struct session *session = session_to_ask(peers, id);

	return session ? asked(session, peer_ask_chain(&session->peer, digest, size, ask)) : ERR_CUT;
}

enum err peers_ask_state(struct peers *peers, uint64_t id, const struct digest *digest, uint64_t index, struct peer_ask *ask)
{
	struct session *session = session_to_ask(peers, id);

	return session ? asked(session, peer_ask_state(&session->peer, digest, index, ask)) : ERR_CUT;
}

enum err peers_ask_chunk(struct peers *peers, uint64_t id, const struct digest *digest, uint64_t size, struct chunk *chunk, struct peer_ask *ask)
{
	struct session *session = session_to_ask(peers, id);

	if (!session)
		return ERR_CUT;
	session_bulk_want(session);
	return asked(session, peer_ask_chunk(&session->peer, digest, size, chunk, ask));
}

enum err peers_ask_find(struct peers *peers, uint64_t id, const struct tag *tags, size_t count, struct peer_ask *ask)
{
	struct session *session = session_to_ask(peers, id);

	return session ? asked(session, peer_ask_find(&session->peer, tags, count, ask)) : ERR_CUT;
}

enum err peers_ask_list(struct peers *peers, uint64_t id, struct wire_bytes cursor, struct peer_ask *ask)
{
	struct session *session = session_to_ask(peers, id);

	return session ? asked(session, peer_ask_list(&session->peer, cursor, ask)) : ERR_CUT;
}

enum err peers_ask_reach(struct peers *peers, uint64_t id, struct peer_ask *ask)
{
	struct session *session = session_to_ask(peers, id);

	return session ? asked(session, peer_ask_reach(&session->peer, ask)) : ERR_CUT;
}

void peers_ask_cancel(struct peer_ask *ask)
{
	struct session *session = ask->peer ? session_of(ask->peer) : NULL;

	peer_ask_cancel(ask);
	if (session)
		(void)asked(session, ERR_OK);
}

/* --- judgement */

const char *peer_verdict_name(enum peer_verdict verdict)
{
	static const char *const names[] = {"", "damaged", "refuted", "unproven"};
	size_t at = (size_t)verdict;

	return at < sizeof names / sizeof names[0] ? names[at] : "";
}

static void note_damage(struct contact *contact, const struct digest *digest, uint64_t index)
{
	if (!contact_is_damaged(contact, digest))
		contact->damaged[contact->damaged_count++ % PEERS_DAMAGED_MAX].digest = *digest;
	if (is_here(contact) && index != UINT64_MAX) {
		peer_reject(&contact->session->peer, digest, index);
		(void)asked(contact->session, ERR_OK);
	}
}

static void log_verdict(struct peers *peers, const struct contact *contact, enum peer_verdict verdict, const struct digest *digest)
{
	char text[DIGEST_TEXT_MAX], address[LAN_TEXT_MAX];

	log_warn(peers->use.log, "peer %s (%s) is %s for %s: %s", contact->name, lan_text(&contact->address, address), peer_verdict_name(verdict),
		 digest_text(digest, text), contact->reason);
}

void peers_judge(struct peers *peers, uint64_t id, enum peer_verdict verdict, const struct digest *digest, uint64_t index, const char *reason)
{
	struct contact *contact = contact_of_id(peers, id);

	if (!contact || verdict == PEER_GOOD)
		return;
	if (verdict == PEER_DAMAGED)
		note_damage(contact, digest, index);
	if (verdict == PEER_REFUTED)
		ledger_refute(peers->ledger, contact->key, PEERS_SHUN_S, reason);
	if (contact_is_shunned(peers, contact) && verdict != PEER_REFUTED)
		return;
	contact->verdict = verdict;
	snprintf(contact->reason, sizeof contact->reason, "%s", reason);
	log_verdict(peers, contact, verdict, digest);
}

void peers_credit(struct peers *peers, uint64_t id, uint64_t good_bytes, uint64_t wasted_bytes)
{
	struct contact *contact = contact_of_id(peers, id);

	if (!contact)
		return;
	contact->bytes_wasted += wasted_bytes;
	if (!good_bytes || contact_is_shunned(peers, contact))
		return;
	ledger_credit(peers->ledger, contact->key, good_bytes);
	if (contact->verdict == PEER_UNPROVEN)
		contact->verdict = PEER_GOOD;
}

/* --- for people */

static void view_contact(const struct contact *contact, struct peer_view *ret_view)
{
	const struct session *session = contact->session;
	char text[LAN_TEXT_MAX];

	*ret_view = (struct peer_view){
		.id = contact->last_id, .round_trip_us = -1, .digests = holdings_count(&contact->holdings),
		.bytes_in = contact->bytes_in, .bytes_out = contact->bytes_out, .bytes_wasted = contact->bytes_wasted,
		.verdict = contact->verdict, .has_session = is_here(contact),
	};
	identity_text_of(contact->key, ret_view->node);
	snprintf(ret_view->name, sizeof ret_view->name, "%s", contact->name);
	snprintf(ret_view->software, sizeof ret_view->software, "%s", contact->software);
	snprintf(ret_view->address, sizeof ret_view->address, "%s", lan_text(&contact->address, text));
	if (contact->verdict != PEER_GOOD)
		snprintf(ret_view->reason, sizeof ret_view->reason, "%s", contact->reason);
	if (!session)
		return;
	ret_view->round_trip_us = session->peer.round_trip_us;
	ret_view->bytes_in += session->peer.bytes_in;
	ret_view->bytes_out += session->peer.bytes_out;
	ret_view->bulk_bytes_in = session->bulk.bytes_in;
	ret_view->bulk_bytes_out = session->bulk.bytes_out;
	ret_view->since_ms = session->since_ms;
}

/* A place that is tried in vain, and has never shown a key. */
static bool view_place(const struct place *place, struct peer_view *ret_view)
{
	char text[LAN_TEXT_MAX];

	if (place->is_self || place->failures == 0 || place->sources == PLACE_TOLD || (place->has_id && contact_of_node(place->peers, place->node)))
		return false;
	*ret_view = (struct peer_view){.round_trip_us = -1};
	snprintf(ret_view->address, sizeof ret_view->address, "%s", lan_text(&place->address, text));
	return true;
}

size_t peers_each(struct peers *peers, void (*tell)(void *context, const struct peer_view *view), void *context)
{
	struct peer_view view;
	size_t count = 0;

	list_each(at, &peers->contacts) {
		view_contact(container_of(at, struct contact, link), &view);
		tell(context, &view);
		count++;
	}
	list_each(at, &peers->places) {
		if (!view_place(container_of(at, struct place, link), &view))
			continue;
		tell(context, &view);
		count++;
	}
	return count;
}
