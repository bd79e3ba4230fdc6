#include "node/serve_private.h"

#include <stdlib.h>
#include <string.h>

/* --- open blobs */

static void handle_free(struct serve *serve, struct serve_handle *handle)
{
	list_remove(&handle->link);
	serve->handle_count--;
	blob_close(handle->blob);
	free(handle);
}

void serve_close_idle(struct serve *serve, int64_t idle_ms, const struct digest *digest)
{
	int64_t now_ms = loop_now_ms(serve->use.loop);

	list_each_safe(at, &serve->handles) {
		struct serve_handle *handle = container_of(at, struct serve_handle, link);
		if (!handle->is_busy && now_ms - handle->idle_ms >= idle_ms && (!digest || digest_equal(digest, &handle->digest)))
			handle_free(serve, handle);
	}
}

static struct serve_handle *find_idle(struct serve *serve, const struct digest *digest)
{
	list_each(at, &serve->handles) {
		struct serve_handle *handle = container_of(at, struct serve_handle, link);
		if (!handle->is_busy && (!digest || digest_equal(digest, &handle->digest)))
			return handle;
	}
	return NULL;
}

/* NULL: out of memory. */
static struct serve_handle *take_handle(struct serve *serve, const struct digest *digest)
{
	struct serve_handle *handle = find_idle(serve, digest);

	if (!handle) {
		struct serve_handle *oldest = serve->handle_count >= SERVE_OPEN_MAX ? find_idle(serve, NULL) : NULL;
		if (oldest)
			handle_free(serve, oldest);
		handle = calloc(1, sizeof *handle);
		if (!handle)
			return NULL;
		list_init(&handle->link);
		handle->digest = *digest;
		serve->handle_count++;
	}
	handle->is_busy = true;
	list_remove(&handle->link);
	list_append(&serve->handles, &handle->link);
	return handle;
}

static void leave_handle(struct serve *serve, struct serve_handle *handle, bool is_good)
{
	handle->is_busy = false;
	handle->idle_ms = loop_now_ms(serve->use.loop);
	if (!is_good || !handle->blob)
		handle_free(serve, handle);
}

/* --- on a worker */

static enum err copy_states(struct serve_request *request)
{
	const struct chain *chain = blob_chain(request->handle->blob);
	uint64_t before = request->index - 1, count = before < chain->count ? chain->count - before : 0;
	size_t len;

	if (count > request->count)
		count = request->count;
	len = (size_t)count * SHA256_LEN;
	if (count > 0) {
		request->bytes = malloc(len);
		if (!request->bytes)
			return ERR_NO_MEMORY;
		memcpy(request->bytes, chain->states[before], len);
	}
	request->answer.bulk = (struct wire_bytes){request->bytes, len};
	return ERR_OK;
}

/* A chunk is checked once while its file stays what it is; again when a peer rejects it, which is how a disk that goes bad meanwhile shows. */
static void identify(struct serve_request *request)
{
	const struct blob *blob = request->handle->blob;

	if (blob_is_linked(blob) || fstat(blob_fd(blob), &request->file) != 0)
		request->file = (struct stat){0};
}

static enum err read_chunk(struct serve_request *request)
{
	struct serve_handle *handle = request->handle;

	if (request->is_known && blob_read_known_chunk(handle->blob, request->index, request->chunk->data, &request->len, NULL) == ERR_OK)
		return ERR_OK;
	request->is_known = false;
	identify(request);
	return blob_read_chunk(handle->blob, request->index, request->chunk->data, &request->len, &request->why);
}

static void run_reading(struct pool_job *job)
{
	struct serve_request *request = container_of(job, struct serve_request, job);
	struct serve_handle *handle = request->handle;

	request->err = ERR_OK;
	if (!handle->blob)
		request->err = blob_open(request->serve->use.store, &handle->digest, &handle->blob, &request->why);
	if (request->err)
		return;
	if (request->type == WIRE_CHAIN)
		request->err = copy_states(request);
	else
		request->err = read_chunk(request);
}

/* --- and back */

static void judge_rejected(struct serve_request *request)
{
	struct serve *serve = request->serve;
	char text[DIGEST_TEXT_MAX];

	/* Where it is damaged, the store has said so. */
	if (!request->err)
		log_info(serve->use.log, "%s rejected chunk %llu of %s, which is as it should be here", serve->use.sink->name(serve->use.sink, request->session->id),
			 (unsigned long long)request->index, digest_text(&request->blob.digest, text));
	serve_request_free(request);
}

static void answer(struct serve_request *request)
{
	switch (request->err) {
	case ERR_OK:
		request->serve->has_failed = false;
		serve_answer(request);
		break;
	case ERR_NOT_FOUND:
	case ERR_INVALID:
		serve_answer_no(request, WIRE_NO_NOT_HELD);
		break;
	case ERR_UNPROVEN:
		serve_answer_no(request, WIRE_NO_DAMAGED);
		break;
	default:
		if (!request->serve->has_failed)
			log_warn(request->serve->use.log, "a peer has to wait: %s", request->why.text[0] ? request->why.text : err_name(request->err));
		request->serve->has_failed = true;
		serve_answer_no(request, WIRE_NO_BUSY);
	}
}

static void on_reading(struct pool_job *job)
{
	struct serve_request *request = container_of(job, struct serve_request, job);
	struct serve *serve = request->serve;

	serve->reads--;
	if (!request->err && !request->is_known && request->file.st_ino)
		checked_add(&serve->checked, &request->blob.digest, &request->file, request->index, request->index + 1);
	leave_handle(serve, request->handle, !request->err);
	request->handle = NULL;
	list_remove(&request->link);
	if (request->err == ERR_UNPROVEN || request->err == ERR_NOT_FOUND) {
		serve_close_idle(serve, 0, &request->blob.digest);
		if (!serve->is_ending)
			share_refresh(serve->use.share);
	}
	if (!request->session)
		serve_request_free(request);
	else if (request->type == WIRE_REJECT)
		judge_rejected(request);
	else
		answer(request);
	if (!serve->is_ending)
		serve_go_on(serve);
}

/* --- names */

static void on_names(struct share_names *names, enum err err)
{
	struct serve_request *request = names->asker;
	struct serve *serve = request->serve;

	serve->reads--;
	list_remove(&request->link);
	if (!request->session) {
		serve_request_free(request);
	} else if (err) {
		serve_answer_no(request, WIRE_NO_BUSY);
	} else {
		request->answer = (struct wire_message){
			.type = WIRE_NAMES,
			.names = {{names->page.bytes, names->page.len}, names->page.count, {names->next, names->next_len}},
		};
		serve_answer(request);
	}
	if (!serve->is_ending)
		serve_go_on(serve);
}

static enum err read_names(struct serve_request *request)
{
	request->names = calloc(1, sizeof *request->names);
	if (!request->names)
		return ERR_NO_MEMORY;
	request->names->on_done = on_names;
	request->names->asker = request;
	return share_names_start(request->serve->use.share, request->cursor, request->names);
}

/* --- */

static bool is_known(struct serve_request *request)
{
	if (request->type != WIRE_CHUNK || !request->handle->blob)
		return false;
	identify(request);
	return request->file.st_ino && checked_has(&request->serve->checked, &request->blob.digest, &request->file, request->index, request->index + 1);
}

static enum err read_blob(struct serve_request *request)
{
	struct serve *serve = request->serve;

	if (!share_allows(serve->use.share, &request->blob.digest))
		return ERR_NOT_FOUND;
	request->handle = take_handle(serve, &request->blob.digest);
	if (!request->handle)
		return ERR_NO_MEMORY;
	request->is_known = is_known(request);
	request->answer = (struct wire_message){.type = WIRE_STATES, .states = {request->blob.size, request->index}};
	request->job = (struct pool_job){.run = run_reading, .done = on_reading};
	pool_submit(serve->use.pool, &request->job);
	return ERR_OK;
}

void serve_read(struct serve_request *request)
{
	enum err err = request->type == WIRE_LIST ? read_names(request) : read_blob(request);

	if (err) {
		if (request->type == WIRE_REJECT)
			serve_request_free(request);
		else
			serve_answer_no(request, err == ERR_NOT_FOUND ? WIRE_NO_NOT_HELD : WIRE_NO_BUSY);
		return;
	}
	request->serve->reads++;
	list_append(&request->session->reading, &request->link);
}
