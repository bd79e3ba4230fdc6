#include "node/hub_ask.h"

#include <stdlib.h>
#include <string.h>

#define ERROR_MAX_BYTES 65536

static enum err try_now(struct hub_ask *ask, struct why *why);

static void finish(struct hub_ask *ask, enum err err, const struct why *why)
{
	hub_call_cancel(&ask->call);
	loop_timer_cancel(ask->hub->loop, &ask->timer);
	ask->on_done(ask, err, why);
}

static void on_retry(struct loop_timer *timer)
{
	struct hub_ask *ask = container_of(timer, struct hub_ask, timer);
	struct why why = {0};
	enum err err = try_now(ask, &why);

	if (err)
		finish(ask, err, &why);
}

static bool retry(struct hub_ask *ask)
{
	if (ask->tries >= (hub_has_just_answered(ask->hub) ? HUB_TRIES_IN_TROUBLE : HUB_TRIES))
		return false;
	return loop_timer_start(ask->hub->loop, &ask->timer, ask->tries == 1 ? HUB_RETRY_MS : HUB_RETRY_LATER_MS) == ERR_OK;
}

static bool is_success(const struct hub_ask *ask)
{
	struct digest digest;
	uint64_t size;

	if (ask->facts.status >= 200 && ask->facts.status < 300)
		return true;
	/* A redirect to where the bytes are, which is not followed, has told all that it will; a login page names no commit. */
	return ask->facts.status < 400 && (hub_facts_has_file(&ask->facts, &digest, &size) || (strcmp(ask->method, "HEAD") == 0 && ask->facts.commit[0]));
}

static void on_trouble(struct hub_ask *ask, const struct why *said)
{
	bool fast = loop_now_ms(ask->hub->loop) - ask->sent_ms - ask->call.busy_ms < HUB_FAILS_FAST_MS;
	struct why why = {0};
	enum err err;

	if (fast && !ask->quick && retry(ask))
		return;
	hub_note_away(ask->hub);
	err = why_set(&why, ERR_HUB_AWAY, "the hub cannot be reached: %s; check the network (does it want a login first?), the proxy settings, and the hub's address if you set one", said->text);
	finish(ask, err, &why);
}

static void judge_error(struct hub_ask *ask)
{
	struct why why = {0};
	enum err err;

	if ((ask->facts.status >= 500 || ask->facts.status == 408) && ask->facts.status != 508 && ask->facts.status != 511 && retry(ask))
		return;
	hub_facts_add_message(&ask->facts, buf_str(&ask->text), ask->text.len);
	err = hub_error(ask->hub, ask->subject, &ask->facts, ask->anonymous, &why);
	finish(ask, err, &why);
}

static void on_call_done(struct hub_call *call, enum err err, const struct why *said)
{
	struct hub_ask *ask = container_of(call, struct hub_ask, call);
	struct why why = {0};

	if (err == ERR_CUT || (err == ERR_HUB_AWAY && !call->gave_up)) {
		on_trouble(ask, said);
		return;
	}
	if (err) {
		finish(ask, err, said);
		return;
	}
	if (is_success(ask)) {
		finish(ask, ERR_OK, &why);
		return;
	}
	judge_error(ask);
}

static bool on_call_redirect(struct hub_call *call, const struct http_answer *answer, const char *target)
{
	struct hub_ask *ask = container_of(call, struct hub_ask, call);
	struct digest digest;
	uint64_t size;

	/* Without memory the answers that follow fail too; what is missing here is asked for in another way. */
	if (hub_facts_add(&ask->facts, answer) != ERR_OK)
		return true;
	if (ask->on_redirect && !ask->on_redirect(ask, target))
		return false;
	return !hub_facts_has_file(&ask->facts, &digest, &size);
}

static void on_call_answer(struct hub_call *call, const struct http_answer *answer)
{
	struct hub_ask *ask = container_of(call, struct hub_ask, call);
	struct why why = {0};

	buf_clear(&ask->text);
	if (hub_facts_add(&ask->facts, answer) != ERR_OK)
		finish(ask, why_set(&why, ERR_NO_MEMORY, "out of memory"), &why);
}

static void on_call_bytes(struct hub_call *call, const uint8_t *data, size_t len)
{
	struct hub_ask *ask = container_of(call, struct hub_ask, call);
	struct why why = {0};
	enum err err;

	err = buf_add(&ask->text, data, len);
	if (!is_success(ask)) {
		/* Of an error's body the beginning is enough; it may have no end. */
		if (err || ask->text.len >= ERROR_MAX_BYTES) {
			hub_call_cancel(&ask->call);
			judge_error(ask);
		}
		return;
	}
	if (err == ERR_LIMIT)
		why_set(&why, err, "%s answers with more than the %zu bytes that are allowed here", ask->hub->host, ask->limit);
	if (err)
		finish(ask, err, &why);
}

static enum err try_now(struct hub_ask *ask, struct why *why)
{
	ask->tries++;
	ask->sent_ms = loop_now_ms(ask->hub->loop);
	hub_facts_release(&ask->facts);
	buf_clear(&ask->text);
	hub_call_release(&ask->call);
	ask->call = (struct hub_call){
		.hub = ask->hub,
		.method = ask->method,
		.url = ask->url,
		.headers = ask->headers,
		.body = ask->body,
		.body_len = ask->body ? strlen(ask->body) : 0,
		.anonymous = ask->anonymous,
		.range_first = -1,
		.range_last = -1,
		.decode = strcmp(ask->method, "HEAD") != 0,
		.connect_timeout_ms = ask->quick ? HUB_QUICK_MS : 0,
		.answer_timeout_ms = ask->quick ? HUB_QUICK_MS : 0,
		.on_redirect = on_call_redirect,
		.on_answer = on_call_answer,
		.on_bytes = on_call_bytes,
		.on_done = on_call_done,
	};
	return hub_call_start(&ask->call, why);
}

enum err hub_ask_start(struct hub_ask *ask, char *url, struct why *why)
{
	enum err err;

	if (!url)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	ask->url = url;
	ask->timer.fire = on_retry;
	buf_init(&ask->text, ask->limit);
	err = try_now(ask, why);
	if (err)
		hub_ask_release(ask);
	return err;
}

void hub_ask_release(struct hub_ask *ask)
{
	if (!ask->hub)
		return;
	hub_call_release(&ask->call);
	loop_timer_cancel(ask->hub->loop, &ask->timer);
	hub_facts_release(&ask->facts);
	buf_release(&ask->text);
	free(ask->url);
	ask->url = NULL;
}
