#include "node/facts.h"

#include "base/text.h"
#include "base/version.h"
#include "node/node.h"
#include "node/peers.h"
#include "node/share.h"
#include "store/index.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct facts_look {
	struct pool_job job;
	struct facts_ask *ask; /* NULL: gone */
	struct node *node;
	struct store *store;
	struct facts facts;
	enum err err;
};

/* --- telling them */

/* JSON has no other bytes. */
static const char *text_or_not(const char *text)
{
	return text_is_utf8(text, strlen(text)) ? text : "?";
}

json_t *facts_json(const struct facts *facts)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I}", "larder", facts->version, "node", facts->node, "name", text_or_not(facts->name), "home",
				   text_or_not(facts->home), "hub", text_or_not(facts->hub), "open_group", facts->group_is_open, "uptime_s", (json_int_t)facts->uptime_s, "peers", (json_int_t)facts->peers,
				   "transfers", (json_int_t)facts->transfers);
	json_t *more = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "blobs", (json_int_t)facts->blobs, "bytes", (json_int_t)facts->bytes, "shared_blobs",
				 (json_int_t)facts->shared_blobs, "shared_bytes", (json_int_t)facts->shared_bytes, "hub_bytes", (json_int_t)facts->hub_bytes, "hub_requests",
				 (json_int_t)facts->hub_requests, "peer_bytes", (json_int_t)facts->peer_bytes, "store_bytes", (json_int_t)facts->store_bytes, "wasted_bytes",
				 (json_int_t)facts->wasted_bytes, "saved_bytes", (json_int_t)facts->saved_bytes, "served_bytes", (json_int_t)facts->served_bytes);

	if (!object || !more || json_object_update(object, more) != 0) {
		json_decref(object);
		object = NULL;
	}
	json_decref(more);
	return object;
}

/* One for each line of the page; a name that ends with _total is a counter. */
static const struct {
	const char *name, *help;
	size_t at;
	bool is_counter;
} metrics[] = {
	{"larder_hub_bytes_total", "Bytes of files that came from the hub.", offsetof(struct facts, hub_bytes), true},
	{"larder_hub_requests_total", "Requests to the hub.", offsetof(struct facts, hub_requests), true},
	{"larder_peer_bytes_total", "Bytes of files that came from other nodes.", offsetof(struct facts, peer_bytes), true},
	{"larder_store_bytes_total", "Bytes that programs got from what was held, since the node began.", offsetof(struct facts, store_bytes), true},
	{"larder_wasted_bytes_total", "Bytes that came and were of no use.", offsetof(struct facts, wasted_bytes), true},
	{"larder_saved_bytes_total", "Bytes that were asked for and held already.", offsetof(struct facts, saved_bytes), true},
	{"larder_served_bytes_total", "Bytes given to other nodes since the node began.", offsetof(struct facts, served_bytes), true},
	{"larder_held_blobs", "Blobs in the store.", offsetof(struct facts, blobs), false},
	{"larder_held_bytes", "Their bytes.", offsetof(struct facts, bytes), false},
	{"larder_shared_blobs", "Blobs that other nodes may have.", offsetof(struct facts, shared_blobs), false},
	{"larder_shared_bytes", "Their bytes.", offsetof(struct facts, shared_bytes), false},
	{"larder_peers", "Other nodes with a session.", offsetof(struct facts, peers), false},
	{"larder_transfers", "Files on their way in.", offsetof(struct facts, transfers), false},
	{"larder_uptime_seconds", "Since the node began.", offsetof(struct facts, uptime_s), false},
};

/* Version and id are of characters that need no escape in a label. */
static enum err add_info(const struct facts *facts, struct buf *text)
{
	return buf_add_format(text, "# HELP larder_info The node.\n# TYPE larder_info gauge\nlarder_info{version=\"%s\",node=\"%s\"} 1\n", facts->version, facts->node);
}

enum err facts_metrics(const struct facts *facts, struct buf *ret_text)
{
	enum err err = add_info(facts, ret_text);

	for (size_t i = 0; !err && i < sizeof metrics / sizeof metrics[0]; i++) {
		uint64_t value = *(const uint64_t *)(const void *)((const char *)facts + metrics[i].at);
		err = buf_add_format(ret_text, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", metrics[i].name, metrics[i].help, metrics[i].name,
				     metrics[i].is_counter ? "counter" : "gauge", metrics[i].name, value);
	}
	return err;
}

/* --- gathering them */

static enum err read_index(struct index *index, struct facts *facts)
{
	const struct {
		const char *name;
		uint64_t *value;
	} counters[] = {
		{"hub_bytes", &facts->hub_bytes},     {"hub_requests", &facts->hub_requests}, {"peer_bytes", &facts->peer_bytes},
		{"wasted_bytes", &facts->wasted_bytes}, {"saved_bytes", &facts->saved_bytes},
	};
	struct blob_totals totals;
	enum err err = index_blob_totals(index, &totals, NULL);

	if (err)
		return err;
	facts->blobs = totals.count;
	facts->bytes = totals.bytes;
	for (size_t i = 0; !err && i < sizeof counters / sizeof counters[0]; i++)
		err = index_counter_get(index, counters[i].name, counters[i].value, NULL);
	return err;
}

static void look(struct pool_job *job)
{
	struct facts_look *looking = container_of(job, struct facts_look, job);

	looking->err = read_index(store_index(looking->store), &looking->facts);
}

static void add_served(void *context, const struct peer_view *view)
{
	*(uint64_t *)context += view->bytes_out;
}

static void count_transfer(void *context, const struct fetch_view *view)
{
	(void)view;
	(*(uint64_t *)context)++;
}

/* Of the node as it is now. Without peers, after a failed change of the group, there is no share either. */
static void look_at_node(struct node *node, struct facts *facts)
{
	const struct node_options *options = node_options_of(node);
	struct peers *peers = node_peers(node);
	struct share *share = node_share(node);

	facts->version = LARDER_VERSION;
	facts->node = node_id(node);
	facts->name = options->config->name;
	facts->home = options->config->home;
	facts->hub = options->config->hub;
	facts->store_bytes = node_store_bytes(node);
	facts->group_is_open = node_group(node)->is_open;
	facts->uptime_s = (uint64_t)(loop_now_ms(options->loop) - node_started_ms(node)) / 1000;
	fetcher_each(node_fetcher(node), count_transfer, &facts->transfers);
	if (!peers || !share)
		return;
	peers_each(peers, add_served, &facts->served_bytes);
	facts->peers = peers_count(peers);
	facts->shared_blobs = share_blobs(share);
	facts->shared_bytes = share_bytes(share);
}

static void looked(struct pool_job *job)
{
	struct facts_look *looking = container_of(job, struct facts_look, job);
	struct facts_ask *ask = looking->ask;

	if (ask) {
		ask->look = NULL;
		look_at_node(looking->node, &looking->facts);
		ask->on_done(ask, looking->err, &looking->facts);
	}
	free(looking);
}

enum err facts_start(struct node *node, struct facts_ask *ask)
{
	const struct node_options *options = node_options_of(node);
	struct facts_look *looking = calloc(1, sizeof *looking);

	if (!looking)
		return ERR_NO_MEMORY;
	*looking = (struct facts_look){.job = {.run = look, .done = looked}, .ask = ask, .node = node, .store = options->store};
	ask->look = looking;
	pool_submit(options->pool, &looking->job);
	return ERR_OK;
}

void facts_cancel(struct facts_ask *ask)
{
	if (ask->look)
		ask->look->ask = NULL;
	ask->look = NULL;
}
