#include "node/hub_call.h"
#include "node/retry_after.h"

#include <stdlib.h>
#include <string.h>

#define UNREAD_MAX_BYTES 65536  /* of a redirect's body: reading less than that keeps the connection usable */
#define BUSY_SAY_MS 5000        /* longer waits are told */
#define BUSY_FIRST_MS 1000      /* where the server does not say how long */
#define BUSY_LAST_MS 60000
#define BUSY_MARGIN_MS 1000     /* its seconds are rounded */

static enum err send_request(struct hub_call *call, struct why *why);

bool hub_call_is_at_hub(const struct hub_call *call)
{
	struct url url;

	return call->current && url_parse(call->current, &url) && url_same_origin(&url, &call->hub->origin);
}

bool hub_call_is_waiting(const struct hub_call *call)
{
	return call->timer.place != 0;
}

/* The caller may release or start the call anew from within on_done. */
static void finish(struct hub_call *call, enum err err, const struct why *why)
{
	hub_call_cancel(call);
	call->on_done(call, err, why);
}

/* --- 429 */

static int64_t asked_wait_ms(struct hub_call *call, const struct http_answer *answer)
{
	const char *after = http_answer_header(answer, "Retry-After");
	const char *limit = http_answer_header(answer, "RateLimit");
	int64_t grown_ms = call->busy_ms > BUSY_FIRST_MS ? call->busy_ms : BUSY_FIRST_MS;
	int64_t wait_s;

	if (after && retry_after_parse(after, clock_wall_s(store_clock(call->hub->store)), &wait_s))
		return wait_s * 1000 + BUSY_MARGIN_MS;
	if (limit && rate_limit_parse(limit, &wait_s))
		return wait_s * 1000 + BUSY_MARGIN_MS;
	return grown_ms < BUSY_LAST_MS ? grown_ms : BUSY_LAST_MS;
}

static void on_waited(struct loop_timer *timer)
{
	struct hub_call *call = container_of(timer, struct hub_call, timer);
	struct why why = {0};
	enum err err = send_request(call, &why);

	if (err)
		finish(call, err, &why);
}

static void wait_busy(struct hub_call *call)
{
	const char *host = call->hub->host;
	struct why why = {0};
	enum err err = ERR_OK;

	call->gave_up = call->impatient || call->busy_ms + call->wait_ms > HUB_BUSY_MAX_MS;
	if (call->gave_up)
		err = why_set(&why, ERR_HUB_AWAY, "%s has had too many requests from this network and asks to wait %lld s more; try again later, or set HF_TOKEN, which has a limit of its own",
			      host, (long long)(call->wait_ms / 1000));
	else if (loop_timer_start(call->hub->loop, &call->timer, call->wait_ms) != ERR_OK)
		err = why_set(&why, ERR_NO_MEMORY, "out of memory");
	if (err) {
		finish(call, err, &why);
		return;
	}
	if (call->wait_ms > BUSY_SAY_MS)
		log_info(store_log(call->hub->store), "%s asks to wait %lld s (too many requests); waiting", host, (long long)(call->wait_ms / 1000));
	call->busy_ms += call->wait_ms;
}

/* --- redirects */

static bool is_redirect(const struct http_answer *answer)
{
	switch (answer->status) {
	case 301:
	case 302:
	case 303:
	case 307:
	case 308:
		return http_answer_header(answer, "Location") != NULL;
	default:
		return false;
	}
}

/* Sets `next`, unless the redirect is the answer. */
static enum err take_redirect(struct hub_call *call, const struct http_answer *answer, struct why *why)
{
	struct url from, to;
	char *target;
	enum err err;

	err = url_resolve(call->current, http_answer_header(answer, "Location"), &target);
	if (err)
		return why_set(why, err == ERR_NO_MEMORY ? err : ERR_INVALID, "%s redirects to something that is no address", call->hub->host);
	if (!url_parse(call->current, &from) || !url_parse(target, &to))
		err = ERR_INVALID; /* cannot be: url_resolve() has parsed both */
	else if (call->redirects >= HUB_REDIRECTS_MAX)
		err = why_set(why, ERR_INVALID, "%s redirects without end (%d times): " HUB_PORTAL_HINT, call->hub->host, HUB_REDIRECTS_MAX);
	else if (from.https && !to.https && call->hub->origin.https)
		err = why_set(why, ERR_INVALID, "%s redirects from https to plain http at %s, which is not followed: " HUB_PORTAL_HINT, call->hub->host, to.host);
	else if (!call->elsewhere && !url_same_origin(&to, &call->hub->origin))
		goto out;
	else if (call->on_redirect && !call->on_redirect(call, answer, target))
		goto out;
	if (!err) {
		call->next = target;
		target = NULL;
	}
out:
	free(target);
	return err;
}

static enum err follow(struct hub_call *call, struct why *why)
{
	free(call->current);
	call->current = call->next;
	call->next = NULL;
	call->redirects++;
	if (!hub_call_is_at_hub(call))
		call->has_left = true;
	return send_request(call, why);
}

/* --- the request that is out */

static void on_http_answer(struct http_request *request, const struct http_answer *answer)
{
	struct hub_call *call = container_of(request, struct hub_call, request);
	struct why why = {0};
	enum err err;

	if (answer->status < 500 && hub_call_is_at_hub(call))
		hub_note_answer(call->hub);
	if (answer->status == 429 && !call->gives_busy) {
		call->is_busy = true;
		call->wait_ms = asked_wait_ms(call, answer);
		return;
	}
	err = is_redirect(answer) && !call->gives_redirects ? take_redirect(call, answer, &why) : ERR_OK;
	if (err) {
		finish(call, err, &why);
		return;
	}
	if (call->next)
		return;
	call->is_answered = true;
	if (call->is_paused)
		http_pause(request);
	if (call->on_answer)
		call->on_answer(call, answer);
}

static void go_on(struct hub_call *call)
{
	struct why why = {0};
	enum err err;

	if (call->is_busy) {
		wait_busy(call);
		return;
	}
	err = follow(call, &why);
	if (err)
		finish(call, err, &why);
}

static void on_http_bytes(struct http_request *request, const uint8_t *data, size_t len)
{
	struct hub_call *call = container_of(request, struct hub_call, request);

	if (call->is_answered) {
		if (call->on_bytes)
			call->on_bytes(call, data, len);
		return;
	}
	call->unread += len;
	if (call->unread > UNREAD_MAX_BYTES) {
		http_cancel(call->hub->http, request);
		go_on(call);
	}
}

static void on_http_done(struct http_request *request, enum err err, const struct why *why)
{
	struct hub_call *call = container_of(request, struct hub_call, request);

	/* Of a redirect or a 429 the headers are enough. */
	if (call->next || call->is_busy)
		go_on(call);
	else
		finish(call, err, why);
}

static enum err send_request(struct hub_call *call, struct why *why)
{
	bool is_at_hub = hub_call_is_at_hub(call), with_token = call->hub->token && !call->anonymous && !call->has_left && is_at_hub;

	call->is_answered = call->is_busy = false;
	call->unread = 0;
	call->request = (struct http_request){
		.method = call->method,
		.url = call->current,
		.tells_via = is_at_hub,
		.bearer = with_token ? call->hub->token : NULL,
		.extra_headers = call->headers,
		.body = call->body,
		.body_len = call->body_len,
		.range_first = call->range_first,
		.range_last = call->range_last,
		.alone = call->alone,
		.decode = call->decode,
		.connect_timeout_ms = call->connect_timeout_ms,
		.answer_timeout_ms = call->answer_timeout_ms,
		.on_answer = on_http_answer,
		.on_bytes = on_http_bytes,
		.on_done = on_http_done,
	};
	hub_count_request(call->hub);
	return http_start(call->hub->http, &call->request, why);
}

enum err hub_call_start(struct hub_call *call, struct why *why)
{
	call->timer.fire = on_waited;
	call->current = strdup(call->url);
	if (!call->current)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	return send_request(call, why);
}

void hub_call_cancel(struct hub_call *call)
{
	if (!call->hub)
		return;
	http_cancel(call->hub->http, &call->request);
	loop_timer_cancel(call->hub->loop, &call->timer);
}

void hub_call_release(struct hub_call *call)
{
	hub_call_cancel(call);
	free(call->current);
	free(call->next);
	call->current = call->next = NULL;
	call->redirects = 0;
	call->has_left = call->is_answered = call->is_busy = call->gave_up = call->is_paused = false;
	call->busy_ms = 0;
}

void hub_call_pause(struct hub_call *call)
{
	call->is_paused = true;
	if (call->is_answered)
		http_pause(&call->request);
}

void hub_call_resume(struct hub_call *call)
{
	call->is_paused = false;
	http_resume(&call->request);
}
