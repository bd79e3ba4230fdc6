/* Everything that is not the gateway's own to answer goes to the hub, with the client's own token and none of ours, and comes back as it is: but for addresses of the hub, which become ones of this gateway, and for what would
 * lead clients to Xet, and so past this node. */
#include "node/gateway_answers.h"
#include "node/gateway_pass_private.h"

#include "node/gateway_pass_headers.h"
#include "node/gateway_reply.h"
#include "node/hub_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PASS_SENT_MAX ((size_t)64 << 20)   /* the body of a request; large files go to other addresses */
#define PASS_EDITED_MAX ((size_t)64 << 20) /* JSON that is changed on the way */
#define PASS_VALUE_MAX 8192
#define PASS_URL_MAX ((size_t)16 << 10)
#define PASS_BLOCK_BYTES ((size_t)64 << 10)

/* --- to the hub */

static bool add_line(struct pass *pass, const char *name, const char *between, const char *value)
{
	size_t len = strlen(name) + strlen(between) + strlen(value) + 1;
	char *line = pass->line_count < PASS_HEADERS_MAX ? malloc(len) : NULL;

	if (!line) {
		pass->err = pass->line_count < PASS_HEADERS_MAX ? ERR_NO_MEMORY : ERR_LIMIT;
		return false;
	}
	snprintf(line, len, "%s%s%s", name, between, value);
	pass->lines[pass->line_count++] = line;
	return true;
}

/* libcurl leaves a header out that has no value, unless it ends in a semicolon. */
static enum MHD_Result add_header_of_client(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	if (!pass_header_goes(name))
		return MHD_YES;
	return add_line(context, name, value && *value ? ": " : ";", value ? value : "") ? MHD_YES : MHD_NO;
}

/* libcurl makes up a type for each body that has none, unless that header is given, and empty. */
static void add_headers_to_hub(struct pass *pass)
{
	MHD_get_connection_values(pass->request->connection, MHD_HEADER_KIND, add_header_of_client, pass);
	if (!pass->err && !gateway_request_header(pass->request, "Content-Type"))
		(void)add_line(pass, "Content-Type", ":", "");
}

static enum err make_url(struct pass *pass)
{
	struct buf url = {.limit = PASS_URL_MAX};
	enum err err = buf_add_format(&url, "%s%s", hub_base(pass->hub->hub), pass->request->target);

	pass->url = err ? NULL : buf_take_str(&url);
	buf_release(&url);
	return err ? err : pass->url ? ERR_OK : ERR_NO_MEMORY;
}

/* --- back to the client */

/* The address that the client knows this gateway by, which the guard has found to be one of ours. */
static enum err rewrite(const struct pass *pass, const char *value, struct buf *ret_value)
{
	char here[PASS_VALUE_MAX];

	snprintf(here, sizeof here, "http://%s", pass->request->guard.host);
	return pass_rewrite(value, hub_base(pass->hub->hub), here, ret_value);
}

/* A file that is looked up here is one that only Xet brings (gateway_file.c); and who has been sent there has to be let in. */
static bool leads_to_xet(const struct gateway_request *request)
{
	return request->route.kind == ROUTE_RESOLVE || strstr(request->target, "/xet-read-token/");
}

static bool comes(const struct pass *pass, const char *name, bool is_xet)
{
	return pass_header_comes(name) || (is_xet && leads_to_xet(pass->request));
}

static void add_header(const struct pass *pass, struct MHD_Response *response, const struct http_header *header)
{
	struct buf value = {.limit = PASS_VALUE_MAX};
	bool is_xet = strncasecmp(header->name, "X-Xet-", 6) == 0;

	if (!comes(pass, header->name, is_xet))
		return;
	if (!is_xet && strcasecmp(header->name, "Link") != 0 && strcasecmp(header->name, "Location") != 0)
		gateway_reply_header(response, header->name, header->value);
	else if (rewrite(pass, header->value, &value) == ERR_OK)
		gateway_reply_header(response, header->name, buf_str(&value));
	buf_release(&value);
}

static ssize_t on_read(void *context, uint64_t at, char *data, size_t len)
{
	struct pass *pass = context;
	size_t taken = gateway_pipe_take(&pass->pipe, data, len);

	(void)at;
	if (pass->is_paused && gateway_pipe_len(&pass->pipe) < PIPE_LOW_BYTES) {
		pass->is_paused = false;
		hub_call_resume(&pass->call);
	}
	if (taken)
		return (ssize_t)taken;
	if (pass->is_done || gateway_request_is_over(pass->request))
		return pass->is_done && !pass->err ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
	gateway_request_rest(pass->request);
	return 0;
}

/* Of what libcurl decompresses the length is not known, nor of what is changed. */
static uint64_t length_of(const struct pass *pass, const struct http_answer *answer)
{
	const char *length = http_answer_header(answer, "Content-Length");
	unsigned long long value;
	char *end;

	if (!length || pass->is_edited || (http_answer_header(answer, "Content-Encoding") && !pass->request->is_head))
		return MHD_SIZE_UNKNOWN;
	value = strtoull(length, &end, 10);
	return *end || value > INT64_MAX ? MHD_SIZE_UNKNOWN : (uint64_t)value;
}

/* A bare 401 means that there is no such repo, or none that the client may see; clients of a plain http address have to be told so. */
static bool hides_repo(const struct gateway_request *request, const struct http_answer *answer)
{
	const char *message = http_answer_header(answer, "X-Error-Message");

	return answer->status == 401 && request->route.repo[0] && !http_answer_header(answer, "X-Error-Code") &&
	       !(message && strncmp(message, "Invalid credentials", 19) == 0);
}

void pass_refuse(struct pass *pass, enum err err, const struct why *why)
{
	static const struct hub_refusal none = {0};

	gateway_wait_refuse(&pass->wait, pass->request, err, &none, why);
}

static void on_answer(struct hub_call *call, const struct http_answer *answer)
{
	struct pass *pass = container_of(call, struct pass, call);
	struct MHD_Response *response;

	pass->is_edited = answer->status == 200 && !pass->request->is_head && pass_may_recall(pass->request);
	response = MHD_create_response_from_callback(length_of(pass, answer), PASS_BLOCK_BYTES, on_read, pass, NULL);
	for (size_t i = 0; i < answer->count; i++)
		add_header(pass, response, &answer->headers[i]);
	if (hides_repo(pass->request, answer))
		gateway_reply_header(response, "X-Error-Code", REPLY_NO_REPO);
	gateway_wait_reply(&pass->wait, pass->request, (unsigned)answer->status, response);
}

static void on_bytes(struct hub_call *call, const uint8_t *data, size_t len)
{
	struct pass *pass = container_of(call, struct pass, call);

	pass->err = pass->is_edited ? buf_add(&pass->edited, data, len) : gateway_pipe_add(&pass->pipe, data, len);
	if (pass->err) {
		pass->is_done = true;
		hub_call_cancel(call);
	} else if (!pass->is_paused && gateway_pipe_len(&pass->pipe) >= PIPE_FULL_BYTES) {
		pass->is_paused = true;
		hub_call_pause(call);
	}
	gateway_request_wake(pass->request);
}

/* --- JSON that is changed */

/* With it, clients would go to Xet's own servers; files that they do not take from anywhere else keep it. */
static void drop_xet(json_t *json)
{
	json_int_t size = json_integer_value(json_object_get(json, "size"));
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_object(json)) {
		if (size <= 0 || (uint64_t)size <= GATEWAY_PLAIN_MAX)
			json_object_del(json, "xetHash");
		json_object_foreach(json, key, value)
			drop_xet(value);
	} else if (json_is_array(json)) {
		json_array_foreach(json, i, value)
			drop_xet(value);
	}
}

static enum err give_edited(struct pass *pass)
{
	json_t *json = json_loadb((const char *)pass->edited.data, pass->edited.len, JSON_DISABLE_EOF_CHECK, NULL);
	char *text = NULL;
	enum err err;

	drop_xet(json);
	if (json)
		text = json_dumps(json, JSON_COMPACT);
	/* What is no JSON is for the client to judge. */
	err = text ? gateway_pipe_add(&pass->pipe, text, strlen(text)) : gateway_pipe_add(&pass->pipe, pass->edited.data, pass->edited.len);
	free(text);
	json_decref(json);
	return err;
}

/* --- the end */

void pass_finish(struct pass *pass, enum err err)
{
	pass->is_done = true;
	pass->err = err ? err : pass->is_edited ? give_edited(pass) : ERR_OK;
	gateway_request_wake(pass->request);
}

static bool is_read(const struct gateway_request *request)
{
	return request->is_head || strcmp(request->method, "GET") == 0;
}

static bool is_question(const struct gateway_request *request)
{
	return is_read(request) || pass_may_recall(request);
}

static void end(struct gateway_request *request);

/* A file that was to be answered by the hub itself; without it, what is remembered is better than nothing. */
static void hand_back(struct pass *pass)
{
	struct gateway_request *request = pass->request;

	hub_note_away(pass->hub->hub);
	end(request);
	request->answer = &gateway_file;
	gateway_file.start(request);
}

static void on_done(struct hub_call *call, enum err err, const struct why *why)
{
	struct pass *pass = container_of(call, struct pass, call);
	struct gateway_request *request = pass->request;

	if (err == ERR_HUB_AWAY && !call->gave_up && !request->is_replied && request->route.kind == ROUTE_RESOLVE) {
		hand_back(pass);
		return;
	}

	/* Nobody else should have to wait for the same silence; a quick refusal costs nothing. That of a commit which is being uploaded says nothing. */
	if (err == ERR_HUB_AWAY && !call->gave_up && is_question(request) && loop_now_ms(request->gateway->loop) - pass->asked_ms >= HUB_FAILS_FAST_MS)
		hub_note_away(pass->hub->hub);
	if (request->is_replied && err)
		pass_finish(pass, err);
	else if (request->is_replied)
		pass_note(pass);
	else if (err == ERR_HUB_AWAY && !call->gave_up && pass_may_recall(request)) {
		pass->why = *why;
		pass_recall(pass);
	} else
		pass_refuse(pass, err ? err : ERR_INVALID, why);
}

/* --- its life */

static const char too_large[] = "larder passes on requests of at most 64 MiB: use the hub's own address for this one";

static bool is_allowed(const struct gateway_request *request)
{
	return !request->is_from_afar || request->is_head || strcmp(request->method, "GET") == 0;
}

static void start(struct gateway_request *request)
{
	struct pass *pass;

	if (!is_allowed(request)) {
		gateway_reply_error(request, 403, NULL, NULL, "other machines may only read here");
		return;
	}
	if (request->guard.lengths && strtoull(request->guard.length, NULL, 10) > PASS_SENT_MAX) {
		gateway_reply_error(request, 413, NULL, NULL, too_large);
		return;
	}
	pass = calloc(1, sizeof *pass);
	request->work = pass;
	if (!pass) {
		gateway_reply(request, 500, NULL);
		return;
	}
	pass->request = request;
	gateway_sent_init(&pass->sent, &request->gateway->sent_bytes, PASS_SENT_MAX);
	buf_init(&pass->edited, PASS_EDITED_MAX);
	gateway_pipe_init(&pass->pipe);
	add_headers_to_hub(pass);
}

/* Where the hub has asked to wait, clients are kept alive meanwhile; huggingface_hub asks without a timeout, and needs no promise that may not be kept. */
static bool may_wait(struct gateway_wait *wait)
{
	const struct pass *pass = container_of(wait, struct pass, wait);
	const char *agent = gateway_request_header(pass->request, "User-Agent");

	return (hub_call_is_waiting(&pass->call) || hub_look_is_waiting(&pass->recall.look)) && !(agent && strstr(agent, "hf_hub/"));
}

void pass_ask_hub(struct pass *pass)
{
	struct gateway_request *request = pass->request;
	struct why why = {0};
	enum err err = pass->err ? pass->err : make_url(pass);

	pass->call = (struct hub_call){
		.hub = pass->hub->hub,
		.method = request->method,
		.url = pass->url,
		.headers = (const char *const *)pass->lines,
		.connect_timeout_ms = pass_may_recall(request) ? HUB_QUICK_MS : 0,
		.body = is_read(request) ? NULL : pass->sent.text.len ? (const void *)pass->sent.text.data : "",
		.body_len = is_read(request) ? 0 : pass->sent.text.len,
		.range_first = -1,
		.range_last = -1,
		.decode = is_read(request) && !request->is_head && !gateway_request_header(request, "Range"), /* a part of what is compressed is no use */
		.gives_busy = !is_question(request),
		.gives_redirects = true,
		.on_answer = on_answer,
		.on_bytes = on_bytes,
		.on_done = on_done,
	};
	pass->asked_ms = loop_now_ms(request->gateway->loop);
	if (!err)
		err = hub_call_start(&pass->call, &why);
	if (err)
		pass_refuse(pass, err, &why);
}

/* Clients do not wait long for metadata: a hub that did not answer a moment ago is not asked for what may be remembered. */
static void begin(struct pass *pass)
{
	struct gateway_request *request = pass->request;
	struct why why = {0};
	enum err err = gateway_hub_hold(&request->gateway->hubs, gateway_request_token(request), &pass->hub, &why);

	if (err) {
		pass_refuse(pass, err, &why);
		return;
	}
	pass->wait.may_begin = may_wait;
	if (is_question(request))
		gateway_wait_start(&pass->wait, request->gateway->loop, request, 200);
	if (pass_is_settled(request) || (pass_may_recall(request) && hub_is_away(pass->hub->hub)))
		pass_recall(pass);
	else
		pass_ask_hub(pass);
}

static size_t take(struct gateway_request *request, const char *data, size_t len)
{
	struct pass *pass = request->work;

	if (len)
		gateway_sent_add(&pass->sent, data, len);
	else if (!gateway_sent_refuse(&pass->sent, request, too_large))
		begin(pass);
	return len;
}

static void end(struct gateway_request *request)
{
	struct pass *pass = request->work;

	if (!pass)
		return;
	gateway_wait_stop(&pass->wait);
	hub_call_release(&pass->call);
	gateway_recall_release(&pass->recall);
	gateway_hub_leave(pass->hub);
	for (size_t i = 0; i < pass->line_count; i++)
		free(pass->lines[i]);
	free(pass->url);
	gateway_sent_release(&pass->sent);
	buf_release(&pass->edited);
	gateway_pipe_release(&pass->pipe);
	free(pass);
	request->work = NULL;
}

const struct gateway_answer gateway_pass = {start, take, end};
