#include "node/control_answer.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static const struct control_answer *const answers[] = {
	&control_status, &control_peers, &control_who, &control_list, &control_fetch, &control_reach, &control_regroup, NULL,
};

const struct control_answer *control_answer_find(const char *ask)
{
	for (const struct control_answer *const *at = answers; *at; at++)
		if (strcmp((*at)->ask, ask) == 0)
			return *at;
	return NULL;
}

void control_asker_end_memory(struct control_asker *asker)
{
	control_asker_end(asker, ERR_NO_MEMORY, &(struct why){"the node is out of memory"}, NULL);
}

/* A node that is neither looking for others nor told of any has nobody to wait for. */
static bool may_meet(const struct config *config)
{
	return config->discovery != CONFIG_DISCOVERY_OFF || config->peers.count > 0;
}

int64_t control_settle_ms(struct node *node, json_t *question)
{
	const struct node_options *options = node_options_of(node);
	json_int_t asked = json_integer_value(json_object_get(question, "listen_ms"));
	int64_t listen = asked < NODE_SETTLE_MS ? NODE_SETTLE_MS : asked > CONTROL_LISTEN_MAX_MS ? CONTROL_LISTEN_MAX_MS : asked;
	int64_t left = node_started_ms(node) + listen - loop_now_ms(options->loop);

	return left > 0 && may_meet(options->config) ? left : 0;
}

json_t *control_text(const char *text)
{
	return json_string(text_is_utf8(text, strlen(text)) ? text : "?");
}

json_t *control_peer_json(const struct peer_view *view)
{
	json_t *object = json_pack("{s:s, s:o, s:s}", "node", view->node, "name", control_text(view->name), "address", view->address);

	if (object && view->round_trip_us >= 0)
		json_object_set_new(object, "round_trip_us", json_integer(view->round_trip_us));
	return object;
}

/* Views being collected. */
struct gathering {
	struct peer_view *views;
	size_t count, room;
};

static void gather(void *context, const struct peer_view *view)
{
	struct gathering *gathering = context;

	if (view->has_session && gathering->count < gathering->room)
		gathering->views[gathering->count++] = *view;
}

struct peer_view *control_peers_here(struct node *node, size_t *ret_count)
{
	struct peers *peers = node_peers(node);
	struct gathering gathering = {.room = peers ? peers_count(peers) : 0};

	gathering.views = calloc(gathering.room + 1, sizeof *gathering.views);
	if (!gathering.views)
		return NULL;
	if (peers)
		peers_each(peers, gather, &gathering);
	*ret_count = gathering.count;
	return gathering.views;
}
