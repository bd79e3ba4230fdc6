/* {"ask": "status"}: one line, which is the last: pid, version, uptime_ms, node, name, port, discovery, passing, hub, gateway (its address, or null), group {open, tag, creator}, peers, unsynced, shared_blobs,
 * shared_bytes, transfers [{name, digest, size, bytes_done, bytes_from_hub, bytes_from_peers, bytes_wasted}], served_bytes (since the node began), hub_bytes, peer_bytes, wasted_bytes,
 * saved_bytes (ever).
 */
#include "node/control_answer.h"

#include "base/version.h"
#include "node/share.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const counters[] = {"hub_bytes", "peer_bytes", "wasted_bytes", "saved_bytes"};
#define COUNTERS (sizeof counters / sizeof counters[0])

/* The index is read on a worker; the asker may go meanwhile. */
struct looking {
	struct pool_job job;
	struct control_asker *asker; /* NULL: gone */
	struct store *store;
	uint64_t values[COUNTERS];
};

static void add_transfer(void *context, const struct fetch_view *view)
{
	char text[DIGEST_TEXT_MAX];
	json_t *object = json_pack("{s:o, s:s, s:I, s:I, s:I, s:I}", "name", control_text(view->name), "digest", digest_text(&view->digest, text), "bytes_done",
				   (json_int_t)view->bytes_done, "bytes_from_hub", (json_int_t)view->bytes_from_hub, "bytes_from_peers",
				   (json_int_t)view->bytes_from_peers, "bytes_wasted", (json_int_t)view->bytes_wasted);

	if (object && view->size != FETCH_SIZE_UNKNOWN)
		json_object_set_new(object, "size", json_integer((json_int_t)view->size));
	json_array_append_new(context, object);
}

static json_t *group_json(const struct group *group)
{
	char text[GROUP_TEXT_MAX];

	return json_pack("{s:b, s:s, s:b}", "open", group->is_open, "tag", group_text(group, text), "creator", group->is_creator);
}

static void add_served(void *context, const struct peer_view *view)
{
	*(uint64_t *)context += view->bytes_out;
}

/* Without peers, after a failed change of the group, there is no share either. */
static json_t *others_json(struct node *node)
{
	struct peers *peers = node_peers(node);
	struct share *share = node_share(node);
	uint64_t served = 0;

	if (!peers || !share)
		return json_pack("{s:i}", "peers", 0);
	peers_each(peers, add_served, &served);
	return json_pack("{s:I, s:I, s:I, s:I, s:i, s:I}", "peers", (json_int_t)peers_count(peers), "unsynced", (json_int_t)peers_unsynced(peers), "shared_blobs",
			 (json_int_t)share_blobs(share), "shared_bytes", (json_int_t)share_bytes(share), "port", (int)node_port(node), "served_bytes",
			 (json_int_t)served);
}

static json_t *status_json(struct node *node)
{
	const struct node_options *options = node_options_of(node);
	json_t *transfers = json_array(), *others = others_json(node);
	json_t *line = json_pack("{s:i, s:s, s:I, s:s, s:o, s:s, s:b, s:s, s:s?, s:o, s:O}", "pid", (int)getpid(), "version", LARDER_VERSION, "uptime_ms",
				 (json_int_t)(loop_now_ms(options->loop) - node_started_ms(node)), "node", node_id(node), "name", control_text(options->config->name),
				 "discovery", node_discovery_name(node), "passing", options->is_passing, "hub", options->config->hub, "gateway",
				 node_gateway_url(node), "group", group_json(node_group(node)), "transfers", transfers);

	if (line && others)
		json_object_update(line, others);
	json_decref(others);
	if (transfers)
		fetcher_each(node_fetcher(node), add_transfer, transfers);
	json_decref(transfers);
	return line;
}

static void look(struct pool_job *job)
{
	struct looking *looking = container_of(job, struct looking, job);

	for (size_t i = 0; i < COUNTERS; i++)
		if (index_counter_get(store_index(looking->store), counters[i], &looking->values[i], NULL) != ERR_OK)
			looking->values[i] = 0; /* for people to read; a failure fails nothing */
}

static void looked(struct pool_job *job)
{
	struct looking *looking = container_of(job, struct looking, job);
	struct control_asker *asker = looking->asker;
	json_t *line = asker ? status_json(asker->node) : NULL;

	for (size_t i = 0; line && i < COUNTERS; i++)
		json_object_set_new(line, counters[i], json_integer((json_int_t)looking->values[i]));
	free(looking);
	if (asker && line)
		control_asker_end(asker, ERR_OK, NULL, line);
	else if (asker)
		control_asker_end_memory(asker);
}

static void start(struct control_asker *asker, json_t *question)
{
	const struct node_options *options = node_options_of(asker->node);
	struct looking *looking = calloc(1, sizeof *looking);

	(void)question;
	if (!looking) {
		control_asker_end_memory(asker);
		return;
	}
	*looking = (struct looking){.job = {.run = look, .done = looked}, .asker = asker, .store = options->store};
	asker->work = looking;
	pool_submit(options->pool, &looking->job);
}

static void cancel(struct control_asker *asker)
{
	((struct looking *)asker->work)->asker = NULL;
}

const struct control_answer control_status = {"status", start, cancel};
