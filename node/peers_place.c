/* A place is dialed while somebody names it and its node has no session, at growing intervals that stay short for as long as it is likely to be there. */
#include "node/peers_private.h"

#include <stdlib.h>
#include <string.h>

struct place *place_find(const struct peers *peers, const struct lan_address *address)
{
	list_each(at, &peers->places)
		if (lan_equal(&container_of(at, struct place, link)->address, address))
			return container_of(at, struct place, link);
	return NULL;
}

static void forget(struct place *place)
{
	struct peers *peers = place->peers;

	list_remove(&place->link);
	peers->place_count--;
	free(place);
}

void place_free_all(struct peers *peers)
{
	while (!list_is_empty(&peers->places))
		forget(container_of(peers->places.next, struct place, link));
}

/* What peers have told goes first. False: nothing can go. */
static bool make_room(struct peers *peers)
{
	list_each(at, &peers->places) {
		struct place *place = container_of(at, struct place, link);
		if (place->sources == PLACE_TOLD && !place->session) {
			forget(place);
			return true;
		}
	}
	return false;
}

struct place *place_get(struct peers *peers, const struct lan_address *address)
{
	struct place *place = place_find(peers, address);

	if (place)
		return place;
	if (peers->place_count >= PEERS_KNOWN_MAX && !make_room(peers))
		return NULL;
	place = calloc(1, sizeof *place);
	if (!place)
		return NULL;
	place->peers = peers;
	place->address = *address;
	place->dial_at_ms = place->failing_since_ms = peers_now_ms(peers);
	place->wait_ms = PEERS_WAIT_MIN_MS;
	list_append(&peers->places, &place->link);
	peers->place_count++;
	return place;
}

void place_hurry(struct place *place)
{
	place->dial_at_ms = place->failing_since_ms = peers_now_ms(place->peers);
	place->wait_ms = PEERS_WAIT_MIN_MS;
	place->is_self = false;
}

void place_drop_source(struct place *place, unsigned source)
{
	place->sources &= ~source;
	if (!place->sources && !place->session)
		forget(place);
}

/* --- when */

static int64_t longest_wait_ms(const struct place *place)
{
	if (place->sources == PLACE_TOLD)
		return PEERS_WAIT_TOLD_MS;
	return peers_now_ms(place->peers) - place->failing_since_ms < PEERS_PATIENCE_MS ? PEERS_WAIT_NAMED_MS : PEERS_WAIT_LONG_MS;
}

/* At least so long, for how it ended. */
static int64_t wait_for_ms(const struct session *session)
{
	int reason = session->peer.bye_got ? session->peer.bye_got : session->peer.bye_sent;

	switch (reason) {
	case WIRE_BYE_REFUSED:
	case WIRE_BYE_BROKEN:
		return PEERS_WAIT_REFUSED_MS;
	case WIRE_BYE_FULL:
	case WIRE_BYE_CLONE:
		return PEERS_WAIT_FULL_MS;
	case WIRE_BYE_GOING:
		return PEERS_WAIT_NAMED_MS;
	default:
		break;
	}
	if (session->end == TRANSPORT_BROKE_RULES)
		return PEERS_WAIT_REFUSED_MS;
	return 0;
}

/* A stranger may be one of us that is too busy to shake hands in time, so the waits for it grow, too. */
static void set_wait(struct place *place, const struct session *session)
{
	int64_t longest_ms = longest_wait_ms(place), now_ms = peers_now_ms(place->peers);

	if (session && session->end == TRANSPORT_STRANGER)
		longest_ms = PEERS_WAIT_REFUSED_MS;
	if (place->wait_ms > longest_ms)
		place->wait_ms = longest_ms;
	/* The attempt has taken some of the time. */
	place->dial_at_ms = (session ? session->since_ms : now_ms) + place->wait_ms;
	if (place->dial_at_ms < now_ms + PEERS_WAIT_MIN_MS)
		place->dial_at_ms = now_ms + PEERS_WAIT_MIN_MS;
	if (session && place->dial_at_ms < now_ms + wait_for_ms(session))
		place->dial_at_ms = now_ms + wait_for_ms(session);
	place->wait_ms *= 2;
}

void place_on_end(struct place *place, const struct session *session)
{
	bool was_ready = session && session->was_ready;

	if (was_ready)
		place_hurry(place);
	place->failures = was_ready ? 0 : place->failures + 1;
	set_wait(place, session);
	if (!place->sources || (place->sources == PLACE_TOLD && place->failures >= 3))
		forget(place);
}

/* --- dialing */

/* Another address of the same node is being tried, and has not been for long. */
static bool is_tried_elsewhere(const struct place *place)
{
	int64_t now_ms = peers_now_ms(place->peers);

	if (!place->has_id)
		return false;
	list_each(at, &place->peers->places) {
		const struct place *other = container_of(at, struct place, link);
		if (other != place && other->session && other->has_id && memcmp(other->node, place->node, IDENTITY_ID_LEN) == 0 &&
		    now_ms - other->session->since_ms < PEERS_ATTEMPT_YOUNG_MS)
			return true;
	}
	return false;
}

static bool has_session(const struct place *place)
{
	const struct contact *contact = place->has_id ? contact_of_node(place->peers, place->node) : NULL;

	return contact && contact->session && !peer_has_ended(&contact->session->peer);
}

/* A setting is the person's word; all else must be near. */
static bool may_dial(const struct place *place)
{
	const struct peers *peers = place->peers;

	if (place->session || place->is_self || !place->sources || has_session(place))
		return false;
	return (place->sources & PLACE_SET) || lan_is_near(peers->use.lan, &place->address);
}

/* Dials it, if it is time; else makes *next_ms the time when it is, if that is earlier. */
static void dial_or_wait(struct place *place, int64_t *next_ms)
{
	int64_t now_ms = peers_now_ms(place->peers), at_ms = place->dial_at_ms;

	if (!may_dial(place))
		return;
	if (at_ms <= now_ms && is_tried_elsewhere(place))
		at_ms = now_ms + PEERS_WAIT_MIN_MS;
	if (at_ms <= now_ms && place->peers->dialing_count >= PEERS_DIALING_MAX)
		at_ms = now_ms + PEERS_WAIT_MIN_MS;
	if (at_ms > now_ms) {
		if (at_ms < *next_ms)
			*next_ms = at_ms;
		return;
	}
	if (!session_dial(place)) {
		place->dial_at_ms = now_ms + PEERS_WAIT_NAMED_MS;
		if (place->dial_at_ms < *next_ms)
			*next_ms = place->dial_at_ms;
	}
}

void place_dial_due(struct peers *peers)
{
	int64_t next_ms = INT64_MAX;

	list_each(at, &peers->places)
		dial_or_wait(container_of(at, struct place, link), &next_ms);
	if (next_ms != INT64_MAX)
		(void)!loop_timer_start(peers->use.loop, &peers->dial, next_ms - peers_now_ms(peers));
}

/* What nobody but a peer names, and is not here, goes after a while: it may be told again. */
void place_keep_house(struct peers *peers)
{
	int64_t now_ms = peers_now_ms(peers);

	list_each_safe(at, &peers->places) {
		struct place *place = container_of(at, struct place, link);
		if (place->sources == PLACE_TOLD && !place->session && !has_session(place) && now_ms - place->told_ms >= PEERS_FORGET_MS)
			forget(place);
	}
}
