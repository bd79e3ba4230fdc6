#include "node/node.h"

#include "discovery/bloom.h"
#include "discovery/discovery.h"
#include "node/claims.h"
#include "node/control.h"
#include "node/gateway.h"
#include "node/hub_confirm.h"
#include "node/identity.h"
#include "node/peers.h"
#include "node/share.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* A repo whose being public is asked about. */
struct doubt {
	struct list link;
	struct node *node;
	struct hub_confirm confirm;
	char *hub, *repo; /* owned, as the share names them */
};

struct node {
	struct node_options use;
	struct identity *identity;
	struct group group;
	struct lan lan;
	struct share_owner share_owner;
	struct share *share;
	struct peers *peers;
	struct discovery *discovery; /* NULL: off, or between two */
	struct loop_watch seen;
	struct control *control;
	struct gateway *gateway;     /* NULL: off, or it could not be had */
	struct fetcher *fetcher;
	struct claims *claims; /* NULL: a passing node */
	uint16_t port;               /* of the last peers: kept when the group changes, since others have been told it */
	struct list doubts;
	struct pool_job renewal;     /* of the key, when a clone was met */
	bool renewing;
	enum err renewal_err;
	struct why renewal_why;
	int64_t started_ms;
};

/* --- what is announced */

static struct discovery_note note_of(struct node *node)
{
	struct discovery_note note = {.version = WIRE_VERSION, .generation = share_generation(node->share), .blobs = share_blobs(node->share)};
	uint64_t epoch = peers_epoch(node->peers);

	memcpy(note.group, node->group.short_tag, sizeof note.group);
	identity_id_of(identity_public_key(node->identity), note.node);
	for (size_t i = 0; i < sizeof note.epoch; i++)
		note.epoch[i] = (uint8_t)(epoch >> (8 * (sizeof note.epoch - 1 - i)));
	if (note.blobs) {
		note.filter_len = NOTE_FILTER_MAX;
		share_fill_filter(node->share, note.filter, note.filter_len);
	}
	return note;
}

static void on_seen(void *context, const struct discovery_peer *seen)
{
	peers_on_seen(((struct node *)context)->peers, seen);
}

static void on_gone(void *context, const struct discovery_peer *gone)
{
	peers_on_gone(((struct node *)context)->peers, gone);
}

static void on_discovery(struct loop_watch *watch, short revents)
{
	(void)revents;
	discovery_reap(container_of(watch, struct node, seen)->discovery);
}

static void stop_discovery(struct node *node)
{
	if (!node->discovery)
		return;
	loop_watch_cancel(node->use.loop, &node->seen);
	discovery_destroy(node->discovery);
	node->discovery = NULL;
}

static enum err start_discovery(struct node *node, struct why *why)
{
	static const enum discovery_mode modes[] = {
		[CONFIG_DISCOVERY_AUTO] = DISCOVERY_AUTO, [CONFIG_DISCOVERY_DAEMON] = DISCOVERY_DAEMON, [CONFIG_DISCOVERY_EMBEDDED] = DISCOVERY_EMBEDDED,
	};
	const struct config *config = node->use.config;
	struct discovery_options options = {
		.name = config->name,
		.port = peers_port(node->peers),
		.interfaces = (const char *const *)config->interfaces.items,
		.interface_count = config->interfaces.count,
		.log = node->use.log,
		.context = node,
		.on_seen = on_seen,
		.on_gone = on_gone,
	};
	enum err err;

	if (config->discovery == CONFIG_DISCOVERY_OFF)
		return ERR_OK;
	options.mode = modes[config->discovery];
	options.note = note_of(node);
	err = discovery_create(&options, &node->discovery);
	if (err)
		return why_set(why, err, "the search for other nodes could not be started");
	node->seen = (struct loop_watch){.fd = discovery_fd(node->discovery), .events = POLLIN, .ready = on_discovery};
	loop_watch_start(node->use.loop, &node->seen);
	return ERR_OK;
}

static void announce(struct node *node)
{
	struct discovery_note note;

	if (!node->discovery)
		return;
	note = note_of(node);
	discovery_announce(node->discovery, &note);
}

/* --- what is shared */

static void on_share(struct share_owner *owner, const struct share_change *change)
{
	struct node *node = container_of(owner, struct node, share_owner);

	(void)change;
	if (node->peers)
		peers_on_share(node->peers);
	announce(node);
}

static void doubt_free(struct doubt *doubt)
{
	hub_confirm_cancel(&doubt->confirm);
	list_remove(&doubt->link);
	free(doubt->hub);
	free(doubt->repo);
	free(doubt);
}

static void on_confirmed(struct hub_confirm *confirm, enum err err, enum visibility visibility)
{
	struct doubt *doubt = container_of(confirm, struct doubt, confirm);

	if (err)
		share_hub_is_away(doubt->node->share, doubt->hub, doubt->repo);
	else
		share_confirmed(doubt->node->share, doubt->hub, doubt->repo, visibility);
	doubt_free(doubt);
}

static struct doubt *doubt_create(struct node *node, const char *hub, const char *repo)
{
	struct doubt *doubt = calloc(1, sizeof *doubt);

	if (!doubt)
		return NULL;
	list_append(&node->doubts, &doubt->link);
	doubt->node = node;
	doubt->confirm.on_done = on_confirmed;
	doubt->hub = strdup(hub);
	doubt->repo = strdup(repo);
	if (doubt->hub && doubt->repo)
		return doubt;
	doubt_free(doubt);
	return NULL;
}

/* Another hub than the one in use is not asked; what it said lasts as long as that of one that is away. */
static void on_doubt(struct share_owner *owner, const char *hub, const char *repo)
{
	struct node *node = container_of(owner, struct node, share_owner);
	struct doubt *doubt = strcmp(hub, hub_host(node->use.hub)) == 0 ? doubt_create(node, hub, repo) : NULL;

	if (doubt && hub_confirm_start(node->use.hub, repo, &doubt->confirm) == ERR_OK)
		return;
	if (doubt)
		doubt_free(doubt);
	share_hub_is_away(node->share, hub, repo);
}

/* --- another node with this one's key */

static void renew(struct pool_job *job)
{
	struct node *node = container_of(job, struct node, renewal);

	node->renewal_err = identity_renew(node->identity, &node->renewal_why);
}

static void on_renewed(struct pool_job *job)
{
	struct node *node = container_of(job, struct node, renewal);
	struct why why = {0};

	node->renewing = false;
	if (node->renewal_err) {
		log_error(node->use.log, "another machine has this node's key, and no new one could be made: %s", node->renewal_why.text);
		return;
	}
	log_warn(node->use.log, "another machine has this node's key (was its home, or the whole machine, copied?): this node has a new one now, %s",
		 identity_text(node->identity));
	if (!node->peers)
		return;
	peers_renew(node->peers);
	stop_discovery(node);
	if (start_discovery(node, &why) != ERR_OK)
		log_error(node->use.log, "%s", why.text);
}

static void on_clone(void *context)
{
	struct node *node = context;

	if (node->renewing)
		return;
	node->renewing = true;
	node->renewal = (struct pool_job){.run = renew, .done = on_renewed};
	pool_submit(node->use.pool, &node->renewal);
}

/* --- its life */

static enum err read_lan(struct node *node, struct why *why)
{
	const struct config *config = node->use.config;
	enum err err = lan_read_connected(&node->lan, (const char *const *)config->interfaces.items, config->interfaces.count);

	if (err)
		return why_set(why, err, "the machine's networks cannot be read");
	for (size_t i = 0; !err && i < config->allow.count; i++)
		err = lan_allow(&node->lan, config->allow.items[i], why);
	return err ? ERR_USAGE : ERR_OK;
}

static enum err start_share(struct node *node, struct why *why)
{
	const struct config *config = node->use.config;
	struct share_options options = {
		.loop = node->use.loop,
		.pool = node->use.pool,
		.store = node->use.store,
		.group = &node->group,
		.log = node->use.log,
		.owner = &node->share_owner,
		.serve = config->serve,
		.share_names = config->share_names,
		.share_gated = config->share_gated,
	};

	node->share_owner = (struct share_owner){.on_change = on_share, .on_doubt = on_doubt};
	return share_create(&options, &node->share, why);
}

/* "ADDR:PORT", "ADDR", ":PORT". */
static enum err parse_listen(const char *text, struct lan_address *ret_listen, struct why *why)
{
	bool is_port = text[0] == ':';
	char *end = NULL;
	long port = is_port ? strtol(text + 1, &end, 10) : 0;

	*ret_listen = (struct lan_address){0};
	if (is_port && end != text + 1 && !*end && port > 0 && port < 65536)
		ret_listen->port = (uint16_t)port;
	else if (is_port || !lan_parse(text, 0, ret_listen))
		return why_set(why, ERR_USAGE, "listen: \"%s\" is no address of this machine: write ADDRESS:PORT, ADDRESS or :PORT", text);
	return ERR_OK;
}

static enum err parse_bulk_port(const char *text, int *ret_port, struct why *why)
{
	char *end;
	long port = strtol(text, &end, 10);
	bool is_port = end != text && !*end && port > 0 && port < 65536;

	if (!is_port && strcmp(text, "off") != 0)
		return why_set(why, ERR_USAGE, "bulk_port: \"%s\" is no port: write a number below 65536, or off", text);
	*ret_port = is_port ? (int)port : PEERS_NO_BULK;
	return ERR_OK;
}

static enum err start_peers(struct node *node, struct why *why)
{
	const struct config *config = node->use.config;
	struct lan_address listen = {0};
	struct peers_options options = {
		.loop = node->use.loop,
		.pool = node->use.pool,
		.clock = store_clock(node->use.store),
		.log = node->use.log,
		.group = &node->group,
		.identity = node->identity,
		.lan = &node->lan,
		.share = node->share,
		.store = node->use.store,
		.home = config->home,
		.name = config->name,
		.interfaces = (const char *const *)config->interfaces.items,
		.interface_count = config->interfaces.count,
		.addresses = (const char *const *)config->peers.items,
		.address_count = config->peers.count,
		.listen = &listen,
		.context = node,
		.on_clone = on_clone,
	};
	enum err err;

	if (config->listen && parse_listen(config->listen, &listen, why) != ERR_OK)
		return ERR_USAGE;
	if (config->bulk_port && parse_bulk_port(config->bulk_port, &options.bulk_port, why) != ERR_OK)
		return ERR_USAGE;
	options.port = node->use.is_passing ? 0 : listen.port;
	options.bulk_port = node->use.is_passing && options.bulk_port > 0 ? 0 : options.bulk_port;
	if (!options.port && node->port) {
		options.port = node->port;
		if (peers_create(&options, &node->peers, why) == ERR_OK)
			return ERR_OK;
		options.port = 0;
	}
	err = peers_create(&options, &node->peers, why);
	if (!err)
		node->port = peers_port(node->peers);
	return err;
}

static bool may_meet(const struct config *config)
{
	return config->discovery != CONFIG_DISCOVERY_OFF || config->peers.count > 0;
}

static void on_held(void *context)
{
	struct node *node = context;

	if (node->share)
		share_refresh(node->share);
}

static enum err start_fetcher(struct node *node, struct why *why)
{
	struct fetcher_options options = {
		.loop = node->use.loop,
		.pool = node->use.pool,
		.hub = node->use.hub,
		.store = node->use.store,
		.hub_use = node->use.config->hub_use,
		.settled_at_ms = node->started_ms + (may_meet(node->use.config) ? NODE_SETTLE_MS : 0),
		.hopeless_at_ms = node->started_ms + (may_meet(node->use.config) ? NODE_HOPE_MS : 0),
		.on_held = on_held,
		.context = node,
	};

	return fetcher_create(&options, &node->fetcher) == ERR_OK ? ERR_OK : why_set(why, ERR_NO_MEMORY, "out of memory");
}

/* A node that only passes by leaves that to one that stays. */
static enum err start_claims(struct node *node, struct why *why)
{
	struct claims_options options = {
		.loop = node->use.loop,
		.pool = node->use.pool,
		.hub = node->use.hub,
		.hub_url = node->use.config->hub,
		.store = node->use.store,
		.log = node->use.log,
	};

	if (node->use.is_passing || !node->use.config->serve)
		return ERR_OK;
	return claims_create(&options, &node->claims) == ERR_OK ? ERR_OK : why_set(why, ERR_NO_MEMORY, "out of memory");
}

/* What depends on the group's key, or on settings that may change. */
static enum err start_group(struct node *node, struct why *why)
{
	enum err err = group_load(node->use.config->home, &node->group, why);

	if (!err)
		err = start_share(node, why);
	if (!err)
		err = start_peers(node, why);
	if (!err)
		err = start_discovery(node, why);
	if (!err)
		err = start_claims(node, why);
	if (!err)
		fetcher_set_peers(node->fetcher, node->peers);
	return err;
}

static void stop_group(struct node *node)
{
	if (node->fetcher)
		fetcher_set_peers(node->fetcher, NULL);
	stop_discovery(node);
	claims_destroy(node->claims);
	node->claims = NULL;
	peers_destroy(node->peers);
	node->peers = NULL;
	list_each_safe(at, &node->doubts)
		doubt_free(container_of(at, struct doubt, link));
	share_destroy(node->share);
	node->share = NULL;
	group_release(&node->group);
}

/* Without it a node still gives to its peers, and to `larder get`. */
static enum err start_gateway(struct node *node, struct why *why)
{
	struct why trouble = {0};
	enum err err;

	if (node->use.is_passing || !node->use.http)
		return ERR_OK;
	err = gateway_create(node, &node->gateway, &trouble);
	if (err == ERR_EXISTS)
		log_warn(node->use.log, "this node has no gateway: %s", trouble.text);
	else if (err && why)
		*why = trouble;
	return err == ERR_EXISTS ? ERR_OK : err;
}

enum err node_create(const struct node_options *options, struct node **ret_node, struct why *why)
{
	struct node *node = calloc(1, sizeof *node);
	enum err err;

	if (!node)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	node->use = *options;
	node->started_ms = loop_now_ms(options->loop);
	list_init(&node->doubts);
	err = control_create(options->loop, options->config->home, node, &node->control, why);
	if (!err)
		err = identity_open(options->config->home, IDENTITY_MACHINE_ID, options->log, &node->identity, why);
	if (!err)
		err = read_lan(node, why);
	if (!err)
		err = start_fetcher(node, why);
	if (!err)
		err = start_group(node, why);
	if (!err)
		err = start_gateway(node, why);
	if (err)
		node_destroy(node);
	else
		*ret_node = node;
	return err;
}

void node_destroy(struct node *node)
{
	if (!node)
		return;
	control_destroy(node->control);
	gateway_destroy(node->gateway);
	while (node->renewing)
		pool_wait(node->use.pool);
	fetcher_destroy(node->fetcher);
	node->fetcher = NULL;
	stop_group(node);
	identity_close(node->identity);
	free(node);
}

enum err node_regroup(struct node *node, struct why *why)
{
	while (node->renewing)
		pool_wait(node->use.pool);
	stop_group(node);
	return start_group(node, why);
}

struct fetcher *node_fetcher(struct node *node) { return node->fetcher; }
struct peers *node_peers(struct node *node) { return node->peers; }
struct share *node_share(struct node *node) { return node->share; }
const struct group *node_group(const struct node *node) { return &node->group; }
const struct node_options *node_options_of(const struct node *node) { return &node->use; }
uint16_t node_port(const struct node *node) { return peers_port(node->peers); }
int64_t node_started_ms(const struct node *node) { return node->started_ms; }
uint64_t node_store_bytes(const struct node *node) { return gateway_store_bytes(node->gateway); }
bool node_has_home(const struct node *node) { return control_has_home(node->control); }
const char *node_gateway_url(const struct node *node) { return gateway_url(node->gateway); }
const char *node_id(const struct node *node) { return identity_text(node->identity); }

const char *node_discovery_name(const struct node *node)
{
	return node->discovery ? discovery_mode_name(discovery_mode(node->discovery)) : "off";
}
