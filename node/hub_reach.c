#include "node/hub_reach.h"
#include "node/hub.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 10000 /* most clients would not wait longer for an answer */

struct hub_reach {
	struct loop *loop; /* borrowed, as is the next */
	struct http *http;
	unsigned users;
	char *url;         /* of the sign of life */
	bool is_away, is_failing;
	int64_t alone_until_ms, answered_ms; /* 0: is not, did not */
	struct loop_timer timer;
	struct http_request probe;
};

/* --- a sign of life */

static void try_later(struct hub_reach *reach)
{
	/* Without memory for a timer the next question that is answered tells. */
	(void)!loop_timer_start(reach->loop, &reach->timer, HUB_AWAY_MS);
}

static void on_probe_answer(struct http_request *request, const struct http_answer *answer)
{
	struct hub_reach *reach = container_of(request, struct hub_reach, probe);

	http_cancel(reach->http, request);
	if (answer->status < 500)
		hub_reach_note_answer(reach);
	else
		try_later(reach);
}

static void on_probe_done(struct http_request *request, enum err err, const struct why *why)
{
	(void)err;
	(void)why;
	try_later(container_of(request, struct hub_reach, probe));
}

static void probe(struct loop_timer *timer)
{
	struct hub_reach *reach = container_of(timer, struct hub_reach, timer);

	reach->probe = (struct http_request){
		.method = "HEAD",
		.url = reach->url,
		.tells_via = true,
		.range_first = -1,
		.range_last = -1,
		.answer_timeout_ms = ANSWER_MS,
		.on_answer = on_probe_answer,
		.on_done = on_probe_done,
	};
	if (http_start(reach->http, &reach->probe, NULL) != ERR_OK)
		try_later(reach);
}

/* --- its life */

struct hub_reach *hub_reach_create(struct loop *loop, struct http *http, const char *base)
{
	struct hub_reach *reach = calloc(1, sizeof *reach);
	size_t len = strlen(base) + sizeof "/";

	if (!reach)
		return NULL;
	reach->url = malloc(len);
	if (!reach->url) {
		free(reach);
		return NULL;
	}
	snprintf(reach->url, len, "%s/", base);
	reach->loop = loop;
	reach->http = http;
	reach->users = 1;
	reach->timer.fire = probe;
	return reach;
}

struct hub_reach *hub_reach_share(struct hub_reach *reach)
{
	reach->users++;
	return reach;
}

void hub_reach_leave(struct hub_reach *reach)
{
	if (!reach || --reach->users > 0)
		return;
	loop_timer_cancel(reach->loop, &reach->timer);
	http_cancel(reach->http, &reach->probe);
	free(reach->url);
	free(reach);
}

/* --- what is known */

void hub_reach_note_answer(struct hub_reach *reach)
{
	reach->is_away = reach->is_failing = false;
	reach->alone_until_ms = 0;
	reach->answered_ms = loop_now_ms(reach->loop);
	loop_timer_cancel(reach->loop, &reach->timer);
	http_cancel(reach->http, &reach->probe);
}

void hub_reach_note_silence(struct hub_reach *reach)
{
	reach->alone_until_ms = loop_now_ms(reach->loop) + HUB_AWAY_MS;
	if (!reach->is_away)
		try_later(reach);
	reach->is_away = true;
}

void hub_reach_note_failing(struct hub_reach *reach, bool is_failing)
{
	reach->is_failing = is_failing;
}

bool hub_reach_is_away(const struct hub_reach *reach)
{
	return reach->is_away;
}

bool hub_reach_is_left_alone(const struct hub_reach *reach)
{
	return reach->alone_until_ms != 0 && loop_now_ms(reach->loop) < reach->alone_until_ms;
}

bool hub_reach_is_failing(const struct hub_reach *reach)
{
	return reach->is_failing;
}

bool hub_reach_has_just_answered(const struct hub_reach *reach)
{
	return reach->answered_ms != 0 && loop_now_ms(reach->loop) - reach->answered_ms < HUB_AWAY_MS;
}
