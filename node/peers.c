#include "node/peers_private.h"

#include "base/text.h"
#include "base/version.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUSE_MS LEDGER_SAVE_MS

/* --- what runs later */

void peers_later(struct peers *peers)
{
	if (peers->later.place == 0)
		(void)!loop_timer_start(peers->use.loop, &peers->later, 0);
}

void peers_note_change(struct peers *peers)
{
	peers->has_changed = true;
	peers_later(peers);
}

/* Dropping one calls those who asked it, and they may end others: so from the beginning each time. */
static bool drop_one(struct peers *peers)
{
	list_each(at, &peers->sessions) {
		struct session *session = container_of(at, struct session, link);
		if (peer_has_ended(&session->peer)) {
			session_drop(session);
			return true;
		}
	}
	return false;
}

static void tell_clone(struct peers *peers)
{
	if (!peers->is_cloned || peers->has_told_clone)
		return;
	peers->has_told_clone = true;
	log_warn(peers->use.log, "another machine has this node's key, as a copied disk would have: making a new one");
	if (peers->use.on_clone)
		peers->use.on_clone(peers->use.context);
}

static void on_later(struct loop_timer *timer)
{
	struct peers *peers = container_of(timer, struct peers, later);

	while (drop_one(peers))
		continue;
	if (peers->has_changed && peers->use.on_change) {
		peers->has_changed = false;
		peers->use.on_change(peers->use.context);
	}
	/* The last: it may call peers_renew(). */
	tell_clone(peers);
}

static void on_dial(struct loop_timer *timer) { place_dial_due(container_of(timer, struct peers, dial)); }
static void on_tell(struct loop_timer *timer) { exchange_tell(container_of(timer, struct peers, tell)); }

static void on_house(struct loop_timer *timer)
{
	struct peers *peers = container_of(timer, struct peers, house);

	contact_keep_house(peers);
	place_keep_house(peers);
	ledger_save(peers->ledger);
	(void)!loop_timer_start(peers->use.loop, timer, HOUSE_MS);
}

/* --- what others tell */

static struct announced *find_announced(const struct peers *peers, const struct discovery_peer *seen)
{
	list_each(at, &peers->announced) {
		struct announced *announced = container_of(at, struct announced, link);
		if (announced->interface == seen->interface && announced->family == seen->address.ss_family && strcmp(announced->name, seen->name) == 0)
			return announced;
	}
	return NULL;
}

static void forget_announced(struct peers *peers, struct announced *announced)
{
	struct place *place = announced->place;

	list_remove(&announced->link);
	peers->announced_count--;
	free(announced);
	if (--place->seen == 0)
		place_drop_source(place, PLACE_SEEN);
}

static void add_announced(struct peers *peers, const struct discovery_peer *seen, struct place *place)
{
	struct announced *announced = peers->announced_count < DISCOVERY_PEERS_MAX ? calloc(1, sizeof *announced) : NULL;

	if (!announced) {
		place_drop_source(place, 0);
		return;
	}
	snprintf(announced->name, sizeof announced->name, "%s", seen->name);
	announced->interface = seen->interface;
	announced->family = seen->address.ss_family;
	announced->place = place;
	list_append(&peers->announced, &announced->link);
	peers->announced_count++;
	place->seen++;
	place->sources |= PLACE_SEEN;
}

static uint64_t epoch_of(const struct discovery_note *note)
{
	uint64_t epoch = 0;

	for (size_t i = 0; i < sizeof note->epoch; i++)
		epoch = epoch << 8 | note->epoch[i];
	return epoch;
}

/* Somebody who was started anew is worth a try at once, whatever was before. */
static void note_start(struct place *place, const struct discovery_note *note)
{
	uint64_t epoch = epoch_of(note);
	bool is_new = !place->has_id || memcmp(place->node, note->node, IDENTITY_ID_LEN) != 0 || place->epoch != epoch;

	place->has_id = true;
	memcpy(place->node, note->node, IDENTITY_ID_LEN);
	place->epoch = epoch;
	if (is_new)
		place_hurry(place);
}

void peers_on_seen(struct peers *peers, const struct discovery_peer *seen)
{
	struct announced *announced = find_announced(peers, seen);
	struct lan_address address;
	struct place *place;

	if (memcmp(seen->note.group, peers->use.group->short_tag, GROUP_SHORT_LEN) != 0 ||
	    !lan_from_sockaddr((const struct sockaddr *)&seen->address, &address) || address.port == 0)
		return;
	if (announced && !lan_equal(&announced->place->address, &address)) {
		forget_announced(peers, announced);
		announced = NULL;
	}
	place = place_get(peers, &address);
	if (!place)
		return;
	note_start(place, &seen->note);
	if (!announced)
		add_announced(peers, seen, place);
	place_dial_due(peers);
}

void peers_on_gone(struct peers *peers, const struct discovery_peer *gone)
{
	struct announced *announced = find_announced(peers, gone);

	if (announced)
		forget_announced(peers, announced);
}

void peers_on_share(struct peers *peers)
{
	list_each(at, &peers->sessions) {
		struct session *session = container_of(at, struct session, link);
		peer_tell_share(&session->peer);
		if (peer_has_ended(&session->peer))
			peers_later(peers);
	}
}

/* Sessions show that they live, attempts that began before are made anew. */
static void probe_all(struct peers *peers)
{
	int64_t now_ms = peers_now_ms(peers);

	list_each(at, &peers->sessions) {
		struct session *session = container_of(at, struct session, link);
		if (session_is_ready(session))
			peer_probe(&session->peer);
		else if (session->place && now_ms - session->since_ms >= PEERS_ATTEMPT_YOUNG_MS)
			peer_end(&session->peer, 0, "the network has changed");
		if (peer_has_ended(&session->peer))
			peers_later(peers);
		else
			session_schedule(session);
	}
}

void peers_on_network(struct peers *peers)
{
	/* Failed: what was there stays. */
	(void)!lan_read_connected(peers->use.lan, peers->use.interfaces, peers->use.interface_count);
	probe_all(peers);
	list_each(at, &peers->places)
		place_hurry(container_of(at, struct place, link));
	names_look_up(peers);
	place_dial_due(peers);
}

static void on_netwatch(struct netwatch *watch)
{
	struct peers *peers = container_of(watch, struct peers, netwatch);

	log_debug(peers->use.log, "the network has changed");
	peers_on_network(peers);
}

void peers_renew(struct peers *peers)
{
	list_each(at, &peers->sessions)
		peer_end(&container_of(at, struct session, link)->peer, WIRE_BYE_GOING, "this node makes itself a new key");
	randombytes_buf(&peers->self.epoch, sizeof peers->self.epoch);
	peers->is_cloned = peers->has_told_clone = false;
	peers_later(peers);
	list_each(at, &peers->places)
		place_hurry(container_of(at, struct place, link));
	place_dial_due(peers);
}

/* --- what serve asks for */

static enum err on_serve_send(struct serve_sink *sink, uint64_t id, const uint8_t *control, size_t control_len, const struct transport_bulk *bulk, struct serve_way *way)
{
	struct session *session = session_find(container_of(sink, struct peers, sink), id);
	enum err err;

	if (!session)
		return ERR_CUT;
	err = way ? session_send_piece(session, control, control_len, bulk, way) : peer_send(&session->peer, control, control_len, bulk);
	if (peer_has_ended(&session->peer))
		peers_later(session->peers);
	return err;
}

static const char *on_serve_name(struct serve_sink *sink, uint64_t id)
{
	const struct session *session = session_find(container_of(sink, struct peers, sink), id);

	return session ? session->label : "a peer";
}

/* --- life */

uint16_t peers_port(const struct peers *peers) { return transport_port(peers->transport); }
uint64_t peers_epoch(const struct peers *peers) { return peers->self.epoch; }

/* A name that can be sent: no control characters, whole letters, not empty. */
static void set_name(struct peers *peers, const char *name)
{
	size_t len = strlen(name);

	if (len > WIRE_NAME_MAX)
		len = WIRE_NAME_MAX;
	while (len && !text_is_utf8(name, len))
		len--;
	snprintf(peers->name, sizeof peers->name, "%.*s", (int)len, len ? name : "larder");
	text_tame(peers->name);
}

static void init(struct peers *peers, const struct peers_options *options)
{
	peers->use = *options;
	list_init(&peers->sessions);
	list_init(&peers->contacts);
	list_init(&peers->places);
	list_init(&peers->announced);
	list_init(&peers->reaching);
	peers->next_id = 1;
	peers->budget.limit_bytes = HOLDINGS_BUDGET_BYTES;
	peers->later.fire = on_later;
	peers->dial.fire = on_dial;
	peers->tell.fire = on_tell;
	peers->house.fire = on_house;
	peers->sink = (struct serve_sink){on_serve_send, on_serve_name};
	peers->netwatch.loop = options->loop;
	peers->netwatch.on_change = on_netwatch;
	session_owner_init(peers);
	session_bulk_owner_init(peers);
	set_name(peers, options->name);
	peers->self = (struct peer_self){
		.identity = options->identity, .group = options->group, .share = options->share, .name = peers->name,
		.software = "larder " LARDER_VERSION,
	};
	randombytes_buf(&peers->self.epoch, sizeof peers->self.epoch);
}

static enum err start_transport(struct peers *peers, struct why *why)
{
	const struct peers_options *use = &peers->use;
	struct transport_options options = {
		.loop = use->loop, .group = use->group, .identity = use->identity, .lan = use->lan, .log = use->log, .owner = &peers->transport_owner,
		.listen = use->listen, .port = use->port, .is_deaf = use->is_deaf,
	};
	enum err err = transport_create(&options, &peers->transport, why);

	if (!err)
		peers->self.port = transport_port(peers->transport);
	return err;
}

/* Where sessions are not taken, nor are bulk connections. */
static enum err start_bulk(struct peers *peers)
{
	const struct peers_options *use = &peers->use;
	struct bulk_options options = {
		.loop = use->loop, .pool = use->pool, .lan = use->lan, .log = use->log, .owner = &peers->bulk_owner, .listen = use->listen,
		.port = peers->self.port ? use->bulk_port : PEERS_NO_BULK,
	};

	return bulk_create(&options, &peers->bulk);
}

static enum err start(struct peers *peers, struct why *why)
{
	const struct peers_options *use = &peers->use;
	struct serve_options serve = {
		.loop = use->loop, .pool = use->pool, .store = use->store, .share = use->share, .log = use->log, .sink = &peers->sink,
	};
	enum err err = ledger_open(use->home, use->clock, use->pool, use->log, &peers->ledger);

	if (!err)
		err = serve_create(&serve, &peers->serve);
	if (!err)
		err = loop_timer_start(use->loop, &peers->house, HOUSE_MS);
	if (err)
		return why_set(why, err, "out of memory");
	err = start_transport(peers, why);
	if (!err && start_bulk(peers) != ERR_OK)
		err = why_set(why, ERR_NO_MEMORY, "out of memory");
	if (!err)
		err = names_start(peers, why);
	if (!err && netwatch_start(&peers->netwatch) != ERR_OK)
		log_info(use->log, "changes of the network cannot be watched; lost peers are noticed by their silence alone");
	return err;
}

enum err peers_create(const struct peers_options *options, struct peers **ret_peers, struct why *why)
{
	struct peers *peers = calloc(1, sizeof *peers);
	enum err err;

	if (!peers)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	init(peers, options);
	err = start(peers, why);
	if (err)
		peers_destroy(peers);
	else
		*ret_peers = peers;
	return err;
}

/* Goodbye goes out while the transport ends; what answers it has nobody to hear it. */
static void end_all(struct peers *peers)
{
	peers->is_ending = true;
	list_each(at, &peers->sessions)
		peer_end(&container_of(at, struct session, link)->peer, WIRE_BYE_GOING, "going");
	while (drop_one(peers))
		continue;
}

void peers_destroy(struct peers *peers)
{
	struct loop *loop;

	if (!peers)
		return;
	loop = peers->use.loop;
	end_all(peers);
	netwatch_stop(&peers->netwatch);
	names_stop(peers);
	transport_destroy(peers->transport);
	bulk_destroy(peers->bulk);
	reach_free_all(peers);
	serve_destroy(peers->serve);
	ledger_close(peers->ledger);
	while (!list_is_empty(&peers->announced))
		forget_announced(peers, container_of(peers->announced.next, struct announced, link));
	place_free_all(peers);
	while (!list_is_empty(&peers->contacts)) {
		struct contact *contact = container_of(peers->contacts.next, struct contact, link);
		list_remove(&contact->link);
		contact_free(contact);
	}
	loop_timer_cancel(loop, &peers->later);
	loop_timer_cancel(loop, &peers->dial);
	loop_timer_cancel(loop, &peers->tell);
	loop_timer_cancel(loop, &peers->house);
	free(peers);
}
