#include "cli/ask.h"

#include <poll.h>

#define BUSY_TRIES 40
#define BUSY_MS 50

static void on_line(struct control_ask *control, json_t *line)
{
	struct ask *ask = container_of(control, struct ask, control);

	if (ask->on_line)
		ask->on_line(ask, line);
}

static void on_end(struct control_ask *control, enum err err, json_t *line, const struct why *why)
{
	struct ask *ask = container_of(control, struct ask, control);

	ask->err = err;
	if (why)
		ask->why = *why;
	ask->last = json_incref(line);
	ask->activity.done = true;
}

static void stop(struct activity *activity)
{
	struct ask *ask = container_of(activity, struct ask, activity);

	control_ask_cancel(&ask->control);
	ask->err = why_set(&ask->why, ERR_CANCELLED, "stopped");
	activity->done = true;
}

enum err ask_node(struct session *session, json_t *question, struct ask *ask, struct why *why)
{
	enum err err = session_open_loop(session, why);

	ask->session = session;
	ask->activity = (struct activity){.stop = stop};
	ask->control = (struct control_ask){.on_line = on_line, .on_end = on_end};
	json_object_set_new(question, "listen_ms", json_integer(ASK_LISTEN_MS));
	if (!err)
		err = control_ask_start(session->loop, session->config.home, json_incref(question), &ask->control, why);
	for (int tries = 0; err == ERR_BUSY && tries < BUSY_TRIES; tries++) {
		poll(NULL, 0, BUSY_MS);
		err = control_ask_start(session->loop, session->config.home, json_incref(question), &ask->control, why);
	}
	json_decref(question);
	if (err)
		return err;
	session_run(session, &ask->activity);
	if (ask->err && why)
		*why = ask->why;
	return ask->err;
}

void ask_release(struct ask *ask)
{
	json_decref(ask->last);
	ask->last = NULL;
}

const char *ask_text(json_t *line, const char *key)
{
	const char *text = json_string_value(json_object_get(line, key));

	return text ? text : "";
}

uint64_t ask_number(json_t *line, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(line, key));

	return value > 0 ? (uint64_t)value : 0;
}

const char *ask_round_trip(json_t *line, char ret[ASK_TIME_MAX])
{
	double us = (double)ask_number(line, "round_trip_us");

	if (!json_object_get(line, "round_trip_us"))
		snprintf(ret, ASK_TIME_MAX, "-");
	else if (us < 1e6)
		snprintf(ret, ASK_TIME_MAX, "%.*f ms", us < 1e4 ? 2 : 0, us / 1e3);
	else
		snprintf(ret, ASK_TIME_MAX, "%.1f s", us / 1e6);
	return ret;
}

const char *ask_heard(uint64_t heard, char ret[48])
{
	if (heard == 0)
		snprintf(ret, 48, "no other node was heard");
	else
		snprintf(ret, 48, "%llu other %s heard", (unsigned long long)heard, heard == 1 ? "node was" : "nodes were");
	return ret;
}
