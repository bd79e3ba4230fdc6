/* {"ask": "reach", "address": "192.168.1.7:5273"}: whether the node there can dial this one. The last line has "reached": "you", "nobody" or "stranger" (wire.h), and "port", where this node
 * listens. ERR_NOT_FOUND: no session with that address comes about.
 */
#include "node/control_answer.h"

#include <stdlib.h>

#define SESSION_MS 4000 /* for a session, where there is none yet */
#define LOOK_MS 50
#define ANSWER_MS 5000  /* more than it takes to dial in vain */

struct reaching {
	struct loop_timer timer; /* looks for the session, then waits for the answer */
	struct control_asker *asker;
	struct lan_address address;
	int64_t give_up_ms;
	struct peer_ask ask;
	bool is_asking;
};

static void end(struct reaching *reaching, enum err err, const struct why *why, json_t *line)
{
	loop_timer_cancel(reaching->asker->line.loop, &reaching->timer);
	control_asker_end(reaching->asker, err, why, line);
	free(reaching);
}

static void fail(struct reaching *reaching, enum err err, const char *text)
{
	struct why why = {0};

	end(reaching, why_set(&why, err, "%s", text), &why, NULL);
}

static void on_done(struct peer_ask *ask, enum err err)
{
	static const char *const names[] = {[WIRE_REACHED_YOU] = "you", [WIRE_REACHED_NOBODY] = "nobody", [WIRE_REACHED_STRANGER] = "stranger"};
	struct reaching *reaching = container_of(ask, struct reaching, ask);

	if (err == ERR_BUSY)
		fail(reaching, err, "it was asked a moment ago; try again in some seconds");
	else if (err)
		fail(reaching, err, "the session with it ended before it answered");
	else
		end(reaching, ERR_OK, NULL, json_pack("{s:s, s:i}", "reached", names[ask->reached], "port", node_port(reaching->asker->node)));
}

static void on_time(struct loop_timer *timer)
{
	struct reaching *reaching = container_of(timer, struct reaching, timer);
	struct loop *loop = reaching->asker->line.loop;
	struct peers *peers = node_peers(reaching->asker->node);
	uint64_t id = peers && !reaching->is_asking ? peers_visit(peers, &reaching->address) : 0;

	if (reaching->is_asking) {
		peers_ask_cancel(&reaching->ask);
		fail(reaching, ERR_CUT, "it has not answered; its larder may be older than this question");
	} else if (id) {
		reaching->ask.on_done = on_done;
		reaching->is_asking = peers_ask_reach(peers, id, &reaching->ask) == ERR_OK;
		if (!reaching->is_asking || loop_timer_start(loop, timer, ANSWER_MS) != ERR_OK)
			fail(reaching, ERR_CUT, "it cannot be asked now");
	} else if (loop_now_ms(loop) >= reaching->give_up_ms || loop_timer_start(loop, timer, LOOK_MS) != ERR_OK) {
		fail(reaching, ERR_NOT_FOUND, "no session with it comes about");
	}
}

static void start(struct control_asker *asker, json_t *question)
{
	const char *text = json_string_value(json_object_get(question, "address"));
	struct reaching *reaching = calloc(1, sizeof *reaching);
	struct why why = {0};

	if (!reaching) {
		control_asker_end_memory(asker);
		return;
	}
	*reaching = (struct reaching){.timer = {.fire = on_time}, .asker = asker, .give_up_ms = loop_now_ms(asker->line.loop) + SESSION_MS};
	if (!text || !lan_parse(text, CONFIG_PORT, &reaching->address)) {
		free(reaching);
		control_asker_end(asker, why_set(&why, ERR_USAGE, "reach needs an address"), &why, NULL);
	} else if (loop_timer_start(asker->line.loop, &reaching->timer, 0) != ERR_OK) {
		free(reaching);
		control_asker_end_memory(asker);
	} else {
		asker->work = reaching;
	}
}

static void cancel(struct control_asker *asker)
{
	struct reaching *reaching = asker->work;

	peers_ask_cancel(&reaching->ask);
	loop_timer_cancel(asker->line.loop, &reaching->timer);
	free(reaching);
}

const struct control_answer control_reach = {"reach", start, cancel};
