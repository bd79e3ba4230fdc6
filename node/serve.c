#include "node/serve_private.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* --- sessions and requests */

static struct serve_session *find_session(const struct serve *serve, uint64_t id)
{
	list_each(at, &serve->sessions) {
		struct serve_session *session = container_of(at, struct serve_session, link);
		if (session->id == id)
			return session;
	}
	return NULL;
}

/* NULL: out of memory. */
static struct serve_session *need_session(struct serve *serve, uint64_t id)
{
	struct serve_session *session = find_session(serve, id);

	if (session)
		return session;
	session = calloc(1, sizeof *session);
	if (!session)
		return NULL;
	session->account = outflow_account_create();
	if (!session->account) {
		free(session);
		return NULL;
	}
	session->id = id;
	list_init(&session->waiting);
	list_init(&session->reading);
	list_init(&session->answers);
	list_init(&session->pieces);
	list_append(&serve->sessions, &session->link);
	return session;
}

/* Its session does not want it any more; it may be on a worker still. */
static void leave_session(struct serve_request *request)
{
	struct serve_session *session = request->session;

	list_remove(&request->link);
	if (!session)
		return;
	session->open--;
	session->open_chunks -= request->type == WIRE_CHUNK;
	session->rejects -= request->type == WIRE_REJECT;
	request->serve->open--;
	request->session = NULL;
}

void serve_request_free(struct serve_request *request)
{
	leave_session(request);
	outflow_give_back(request->chunk);
	free(request->bytes);
	free(request->names);
	free(request);
}

static void leave_all(struct list *requests, bool are_being_read)
{
	list_each_safe(at, requests) {
		struct serve_request *request = container_of(at, struct serve_request, link);
		if (are_being_read)
			leave_session(request);
		else
			serve_request_free(request);
	}
}

static void session_free(struct serve *serve, struct serve_session *session)
{
	leave_all(&session->waiting, false);
	leave_all(&session->reading, true);
	leave_all(&session->answers, false);
	leave_all(&session->pieces, false);
	serve_log_tallies(serve, session, 0);
	outflow_account_drop(session->account);
	list_remove(&session->link);
	free(session);
}

/* --- whose turn it is */

static bool is_active(const struct serve_session *session) { return session->open > 0 || outflow_account_count(session->account) > 0; }

/* Each session that is active has its part of the memory, so that slow ones cannot have it all. */
static size_t chunks_each(const struct serve *serve)
{
	size_t active = 0, each;

	list_each(at, &serve->sessions)
		active += is_active(container_of(at, struct serve_session, link));
	each = SERVE_CHUNKS / (active > 0 ? active : 1);
	return each < 1 ? 1 : each > SERVE_SESSION_CHUNKS ? SERVE_SESSION_CHUNKS : each;
}

static bool wants_chunk(const struct serve_request *request) { return request->type == WIRE_CHUNK || request->type == WIRE_REJECT; }

/* The first request that can be worked on; NULL: none. */
static struct serve_request *pick(struct serve *serve, struct serve_session *session, size_t chunks)
{
	bool has_room = outflow_account_count(session->account) < chunks;

	list_each(at, &session->waiting) {
		struct serve_request *request = container_of(at, struct serve_request, link);
		if (!wants_chunk(request))
			return request;
		if (!has_room)
			continue;
		request->chunk = outflow_take(serve->outflow, session->account);
		if (request->chunk)
			return request;
		has_room = false;
	}
	return NULL;
}

/* Give each session one turn, as long as there are workers. Returns whether there is reason for another round. */
static bool give_turns(struct serve *serve)
{
	size_t chunks = chunks_each(serve), left = 0;
	bool has_begun = false;

	list_each(at, &serve->sessions)
		left++;
	for (; left > 0 && serve->reads < SERVE_READS; left--) {
		struct serve_session *session = container_of(serve->sessions.next, struct serve_session, link);
		struct serve_request *request = pick(serve, session, chunks);

		list_remove(&session->link);
		list_append(&serve->sessions, &session->link);
		if (!request)
			continue;
		list_remove(&request->link);
		serve_read(request);
		has_begun = true;
	}
	return has_begun && serve->reads < SERVE_READS;
}

/* Whether something waits that nothing here will move on. */
static bool is_stuck(const struct serve *serve)
{
	list_each(at, &serve->sessions) {
		const struct serve_session *session = container_of(at, struct serve_session, link);
		if (session->is_blocked || (!list_is_empty(&session->waiting) && serve->reads == 0))
			return true;
	}
	return false;
}

void serve_go_on(struct serve *serve)
{
	while (give_turns(serve))
		;
	/* Without memory for a timer the sink has to move things on. */
	if (serve->retry.place == 0 && is_stuck(serve))
		(void)!loop_timer_start(serve->use.loop, &serve->retry, SERVE_RETRY_MS);
	if (serve->idle.place == 0)
		(void)!loop_timer_start(serve->use.loop, &serve->idle, SERVE_IDLE_MS / 4);
}

static void on_retry(struct loop_timer *timer)
{
	struct serve *serve = container_of(timer, struct serve, retry);

	list_each(at, &serve->sessions) {
		struct serve_session *session = container_of(at, struct serve_session, link);
		session->is_blocked = false;
		serve_flush(serve, session);
	}
	serve_go_on(serve);
}

static void on_idle(struct loop_timer *timer)
{
	struct serve *serve = container_of(timer, struct serve, idle);
	bool some_left = false;

	serve_close_idle(serve, SERVE_IDLE_MS, NULL);
	list_each(at, &serve->sessions) {
		struct serve_session *session = container_of(at, struct serve_session, link);
		some_left = serve_log_tallies(serve, session, SERVE_IDLE_MS) || is_active(session) || some_left;
	}
	if (some_left || serve->handle_count > 0)
		(void)!loop_timer_start(serve->use.loop, &serve->idle, SERVE_IDLE_MS / 4);
	else if (outflow_trim(serve->outflow))
		malloc_trim(0); /* as when nothing is fetched any more (fetch.c) */
}

/* --- messages */

static struct serve_request *request_create(struct serve *serve, struct serve_session *session, const struct wire_message *message)
{
	struct serve_request *request = calloc(1, sizeof *request);

	if (!request)
		return NULL;
	list_init(&request->link);
	request->serve = serve;
	request->session = session;
	request->type = message->type;
	request->number = message->request;
	session->open++;
	session->open_chunks += request->type == WIRE_CHUNK;
	session->rejects += request->type == WIRE_REJECT;
	serve->open++;
	return request;
}

static void on_find(struct serve_request *request, const struct wire_message *message)
{
	struct share_blob blob;
	size_t count = message->find.tags.count;

	request->bytes = malloc(count + 1);
	if (!request->bytes) {
		serve_answer_no(request, WIRE_NO_BUSY);
		return;
	}
	for (size_t i = 0; i < count; i++)
		request->bytes[i] = share_find(request->serve->use.share, &message->find.tags.at[i], &blob) ? WIRE_FOUND_WHOLE : WIRE_FOUND_NONE;
	request->answer = (struct wire_message){.type = WIRE_FOUND, .found = {{request->bytes, count}}};
	serve_answer(request);
}

static void wait_for_turn(struct serve_request *request)
{
	list_append(&request->session->waiting, &request->link);
}

static void on_chain(struct serve_request *request, const struct wire_message *message)
{
	if (!share_digest_of(request->serve->use.share, &message->chain.digest, &request->blob)) {
		serve_answer_no(request, WIRE_NO_NOT_HELD);
		return;
	}
	request->index = message->chain.from;
	request->count = message->chain.count < WIRE_STATES_MAX ? message->chain.count : WIRE_STATES_MAX;
	if (request->count > 0 && request->index < chain_chunk_count(request->blob.size)) {
		wait_for_turn(request);
		return;
	}
	request->answer = (struct wire_message){.type = WIRE_STATES, .states = {request->blob.size, request->index}};
	serve_answer(request);
}

static void on_chunk(struct serve_request *request, const struct wire_message *message)
{
	const struct wire_chunk *chunk = &message->chunk;

	request->index = chunk->index;
	if (request->session->open_chunks > SERVE_WAITING_MAX)
		serve_answer_no(request, WIRE_NO_TOO_MUCH);
	else if (share_digest_of(request->serve->use.share, &chunk->digest, &request->blob) && (chunk->size == 0 || chunk->size == request->blob.size) &&
		 chain_chunk_len(request->blob.size, chunk->index) > 0)
		wait_for_turn(request);
	else
		serve_answer_no(request, WIRE_NO_NOT_HELD);
}

static void on_list(struct serve_request *request, const struct wire_message *message)
{
	const struct wire_bytes *cursor = &message->list.cursor;

	/* A cursor of another length is none of ours; one that is as long as ours and leads nowhere stands for it. */
	memset(request->cursor_bytes, 0xff, sizeof request->cursor_bytes);
	if (cursor->len == SHARE_CURSOR_LEN)
		memcpy(request->cursor_bytes, cursor->at, cursor->len);
	request->cursor = (struct wire_bytes){request->cursor_bytes, cursor->len > 0 ? SHARE_CURSOR_LEN : 0};
	wait_for_turn(request);
}

static void on_reject(struct serve_request *request, const struct wire_message *message)
{
	const struct wire_reject *reject = &message->reject;

	request->index = reject->index;
	if (request->session->rejects <= SERVE_REJECTS_MAX && share_digest_of(request->serve->use.share, &reject->digest, &request->blob) &&
	    chain_chunk_len(request->blob.size, reject->index) > 0)
		wait_for_turn(request);
	else
		serve_request_free(request);
}

static bool cancel_in(struct list *requests, uint64_t number, bool are_being_read)
{
	list_each(at, requests) {
		struct serve_request *request = container_of(at, struct serve_request, link);
		if (request->number != number || request->type == WIRE_REJECT)
			continue;
		if (are_being_read)
			leave_session(request);
		else
			serve_request_free(request);
		return true;
	}
	return false;
}

static void on_cancel(struct serve_session *session, uint64_t number)
{
	if (session && !cancel_in(&session->waiting, number, false) && !cancel_in(&session->reading, number, true) &&
	    !cancel_in(&session->pieces, number, false))
		(void)cancel_in(&session->answers, number, false);
}

static void on_question(struct serve *serve, uint64_t id, const struct wire_message *message)
{
	static void (*const handlers[])(struct serve_request *request, const struct wire_message *message) = {
		[WIRE_FIND] = on_find, [WIRE_CHAIN] = on_chain, [WIRE_CHUNK] = on_chunk, [WIRE_LIST] = on_list, [WIRE_REJECT] = on_reject,
	};
	struct serve_session *session = need_session(serve, id);
	bool is_too_much = session && session->open >= WIRE_ASKED_MAX + SERVE_REJECTS_MAX, is_full = serve->open >= SERVE_WAITING_TOTAL;
	struct serve_request *request = session && !session->is_over && !is_too_much && !is_full ? request_create(serve, session, message) : NULL;

	if (request)
		handlers[message->type](request, message);
	else if (message->type != WIRE_REJECT && !(session && session->is_over))
		serve_refuse(serve, id, message->request, is_too_much ? WIRE_NO_TOO_MUCH : WIRE_NO_BUSY);
	serve_go_on(serve);
}

void serve_message(struct serve *serve, uint64_t session, const struct wire_message *message)
{
	switch (message->type) {
	case WIRE_FIND:
	case WIRE_CHAIN:
	case WIRE_CHUNK:
	case WIRE_LIST:
	case WIRE_REJECT:
		on_question(serve, session, message);
		break;
	case WIRE_CANCEL:
		on_cancel(find_session(serve, session), message->request);
		break;
	default:
		break;
	}
}

void serve_writable(struct serve *serve, uint64_t id)
{
	struct serve_session *session = find_session(serve, id);

	if (!session)
		return;
	session->is_blocked = false;
	serve_flush(serve, session);
	serve_go_on(serve);
}

void serve_forget(struct serve *serve, uint64_t id)
{
	struct serve_session *session = find_session(serve, id);

	if (session)
		session_free(serve, session);
}

uint64_t serve_bytes(const struct serve *serve, uint64_t id)
{
	const struct serve_session *session = find_session(serve, id);

	return session ? session->bytes : 0;
}

/* --- its life */

enum err serve_create(const struct serve_options *options, struct serve **ret_serve)
{
	struct serve *serve = calloc(1, sizeof *serve);
	enum err err;

	if (!serve)
		return ERR_NO_MEMORY;
	serve->use = *options;
	serve->retry.fire = on_retry;
	serve->idle.fire = on_idle;
	list_init(&serve->sessions);
	list_init(&serve->handles);
	checked_init(&serve->checked);
	err = outflow_create(SERVE_CHUNKS, &serve->outflow);
	if (err)
		free(serve);
	else
		*ret_serve = serve;
	return err;
}

void serve_destroy(struct serve *serve)
{
	if (!serve)
		return;
	serve->is_ending = true;
	list_each_safe(at, &serve->sessions)
		session_free(serve, container_of(at, struct serve_session, link));
	while (serve->reads > 0)
		pool_wait(serve->use.pool);
	loop_timer_cancel(serve->use.loop, &serve->retry);
	loop_timer_cancel(serve->use.loop, &serve->idle);
	serve_close_idle(serve, 0, NULL);
	outflow_drop(serve->outflow);
	checked_release(&serve->checked);
	free(serve);
}
