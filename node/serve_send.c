#include "node/serve_private.h"

#include <stdlib.h>

/* --- what was given */

static void log_tally(struct serve *serve, const struct serve_session *session, struct serve_tally *tally)
{
	char text[DIGEST_TEXT_MAX];

	if (tally->bytes > 0)
		log_info(serve->use.log, "gave %s %llu bytes of %s", serve->use.sink->name(serve->use.sink, session->id), (unsigned long long)tally->bytes,
			 digest_text(&tally->digest, text));
	tally->bytes = 0;
}

bool serve_log_tallies(struct serve *serve, struct serve_session *session, int64_t idle_ms)
{
	int64_t now_ms = loop_now_ms(serve->use.loop);
	bool some_left = false;

	for (size_t i = 0; i < SERVE_TALLIES; i++)
		if (now_ms - session->tallies[i].last_ms >= idle_ms)
			log_tally(serve, session, &session->tallies[i]);
		else
			some_left = some_left || session->tallies[i].bytes > 0;
	return some_left;
}

static struct serve_tally *tally_of(struct serve *serve, struct serve_session *session, const struct digest *digest)
{
	struct serve_tally *oldest = &session->tallies[0];

	for (size_t i = 0; i < SERVE_TALLIES; i++) {
		struct serve_tally *tally = &session->tallies[i];
		if (tally->bytes > 0 && digest_equal(&tally->digest, digest))
			return tally;
		if (oldest->bytes > 0 && (tally->bytes == 0 || tally->last_ms < oldest->last_ms))
			oldest = tally;
	}
	log_tally(serve, session, oldest);
	oldest->digest = *digest;
	return oldest;
}

static void add_to_tally(struct serve_request *request)
{
	struct serve_tally *tally = tally_of(request->serve, request->session, &request->blob.digest);

	tally->bytes += request->len;
	tally->last_ms = loop_now_ms(request->serve->use.loop);
	request->session->bytes += request->len;
	if (tally->bytes >= request->blob.size)
		log_tally(request->serve, request->session, tally);
}

/* --- sending */

/* ERR_BUSY, ERR_NOT_FOUND: its way is gone, or the session is over. The bulk is taken over only where it is ERR_OK. */
static enum err send_message(struct serve *serve, struct serve_session *session, const struct wire_message *message, const struct transport_bulk *bulk, struct serve_way *way)
{
	size_t len;
	enum err err = wire_encode(message, serve->control, sizeof serve->control, &len, NULL);

	/* What cannot be said is left out; the other side gives up waiting. */
	if (err)
		return bulk ? ERR_INVALID : ERR_OK;
	err = serve->use.sink->send(serve->use.sink, session->id, serve->control, len, bulk, way);
	if (err == ERR_BUSY)
		session->is_blocked = true;
	else if (err && err != ERR_NOT_FOUND)
		session->is_over = true;
	return err;
}

static void release_piece(void *data, void *hint)
{
	(void)data;
	outflow_give_back(hint);
}

static void release_bytes(void *data, void *hint)
{
	(void)hint;
	free(data);
}

static enum err send_piece(struct serve_request *request)
{
	size_t left = request->len - request->sent;
	struct transport_bulk bulk = {
		.data = request->chunk->data + request->sent,
		.len = left < WIRE_PIECE_MAX ? left : WIRE_PIECE_MAX,
		.release = release_piece,
		.hint = request->chunk,
	};
	struct wire_message message = {
		.type = WIRE_PIECE,
		.request = request->number,
		.piece = {(uint32_t)request->sent, (uint32_t)request->len},
		.bulk = {bulk.data, bulk.len},
	};
	enum err err;

	outflow_hold(request->chunk);
	request->way.request = request->number;
	err = send_message(request->serve, request->session, &message, &bulk, &request->way);
	if (err)
		outflow_give_back(request->chunk);
	else
		request->sent += bulk.len;
	return err;
}

static enum err send_answer(struct serve_request *request)
{
	struct transport_bulk bulk = {.data = request->bytes, .len = request->answer.bulk.len, .release = release_bytes};
	enum err err = send_message(request->serve, request->session, &request->answer, bulk.len > 0 ? &bulk : NULL, NULL);

	if (!err && bulk.len > 0)
		request->bytes = NULL; /* it is the sink's */
	return err;
}

static bool may_send(const struct serve_session *session) { return !session->is_blocked && !session->is_over; }

static void send_answers(struct serve_session *session)
{
	while (may_send(session) && !list_is_empty(&session->answers)) {
		struct serve_request *request = container_of(session->answers.next, struct serve_request, link);
		if (send_answer(request) != ERR_BUSY)
			serve_request_free(request);
	}
}

static void send_pieces(struct serve_session *session)
{
	while (may_send(session) && !list_is_empty(&session->pieces)) {
		struct serve_request *request = container_of(session->pieces.next, struct serve_request, link);
		enum err err = send_piece(request);
		if (!err && request->sent == request->len)
			add_to_tally(request);
		if ((err && err != ERR_BUSY) || request->sent == request->len)
			serve_request_free(request);
	}
}

static void drop_all(struct list *requests)
{
	list_each_safe(at, requests)
		serve_request_free(container_of(at, struct serve_request, link));
}

void serve_flush(struct serve *serve, struct serve_session *session)
{
	(void)serve;
	send_answers(session);
	send_pieces(session);
	if (!session->is_over)
		return;
	drop_all(&session->waiting);
	drop_all(&session->answers);
	drop_all(&session->pieces);
}

void serve_answer(struct serve_request *request)
{
	struct serve_session *session = request->session;

	request->answer.request = request->number;
	list_append(request->chunk ? &session->pieces : &session->answers, &request->link);
	serve_flush(request->serve, session);
}

void serve_answer_no(struct serve_request *request, enum wire_no no)
{
	outflow_give_back(request->chunk);
	request->chunk = NULL;
	request->answer = (struct wire_message){.type = WIRE_NO, .no = no};
	serve_answer(request);
}

void serve_refuse(struct serve *serve, uint64_t session, uint64_t number, enum wire_no no)
{
	struct wire_message message = {.type = WIRE_NO, .request = number, .no = no};
	size_t len;

	if (wire_encode(&message, serve->control, sizeof serve->control, &len, NULL) == ERR_OK)
		(void)!serve->use.sink->send(serve->use.sink, session, serve->control, len, NULL, NULL);
}
