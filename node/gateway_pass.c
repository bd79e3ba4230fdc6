/* Everything that is not the gateway's own to answer goes to the hub, with the client's own token and none of ours, and comes back as it is: but for addresses of the hub, which become ones of this gateway, and for what would
 * lead clients to Xet, and so past this node. */
#include "node/gateway_answers.h"
#include "node/gateway_private.h"

#include "node/gateway_pass_headers.h"
#include "node/gateway_paths.h"
#include "node/gateway_recall.h"
#include "node/gateway_reply.h"
#include "node/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PASS_SENT_MAX ((size_t)64 << 20)   /* the body of a request; large files go to other addresses */
#define PASS_EDITED_MAX ((size_t)64 << 20) /* JSON that is changed on the way */
#define PASS_HEADERS_MAX 64
#define PASS_VALUE_MAX 8192
#define PASS_URL_MAX ((size_t)16 << 10)
#define PASS_BLOCK_BYTES ((size_t)64 << 10)

struct pass {
	struct gateway_request *request;
	struct http_request http;
	char *url, *lines[PASS_HEADERS_MAX + 1]; /* owned */
	size_t line_count;
	struct buf sent;
	struct buf edited;        /* what came of an answer that is changed when it is whole */
	struct gateway_pipe pipe;
	struct gateway_recall recall;
	char commit[41];          /* of an info */
	struct why why;           /* that the hub is away */
	enum err err;             /* of a line that could not be added; then of the transfer */
	bool is_edited, is_paused, is_done, is_too_large;
};

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

static const char *base_of_hub(const struct pass *pass)
{
	return hub_base(node_options_of(gateway_node(pass->request->gateway))->hub);
}

static enum err make_url(struct pass *pass)
{
	struct buf url = {.limit = PASS_URL_MAX};
	enum err err = buf_add_format(&url, "%s%s", base_of_hub(pass), pass->request->target);

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
	return pass_rewrite(value, base_of_hub(pass), here, ret_value);
}

static void add_header(const struct pass *pass, struct MHD_Response *response, const struct http_header *header)
{
	struct buf value = {.limit = PASS_VALUE_MAX};

	if (!pass_header_comes(header->name))
		return;
	if (strcasecmp(header->name, "Link") != 0 && strcasecmp(header->name, "Location") != 0)
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
		http_resume(&pass->http);
	}
	if (taken)
		return (ssize_t)taken;
	if (pass->is_done || gateway_is_ending(pass->request->gateway))
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

static void on_answer(struct http_request *http, const struct http_answer *answer)
{
	struct pass *pass = container_of(http, struct pass, http);
	enum route_kind kind = pass->request->route.kind;
	struct MHD_Response *response;

	pass->is_edited = answer->status == 200 && !pass->request->is_head && (kind == ROUTE_TREE || kind == ROUTE_PATHS_INFO || kind == ROUTE_INFO);
	response = MHD_create_response_from_callback(length_of(pass, answer), PASS_BLOCK_BYTES, on_read, pass, NULL);
	for (size_t i = 0; i < answer->count; i++)
		add_header(pass, response, &answer->headers[i]);
	if (hides_repo(pass->request, answer))
		gateway_reply_header(response, "X-Error-Code", REPLY_NO_REPO);
	gateway_reply(pass->request, (unsigned)answer->status, response);
}

static void on_bytes(struct http_request *http, const uint8_t *data, size_t len)
{
	struct pass *pass = container_of(http, struct pass, http);

	pass->err = pass->is_edited ? buf_add(&pass->edited, data, len) : gateway_pipe_add(&pass->pipe, data, len);
	if (pass->err) {
		pass->is_done = true;
		http_cancel(pass->request->gateway->hubs.http, http);
	} else if (!pass->is_paused && gateway_pipe_len(&pass->pipe) >= PIPE_FULL_BYTES) {
		pass->is_paused = true;
		http_pause(http);
	}
	gateway_request_wake(pass->request);
}

/* --- JSON that is changed */

/* With it, clients would go to Xet's own servers. */
static void drop_xet(json_t *json)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_object(json)) {
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

/* --- what is known of the repo besides */

static void finish(struct pass *pass, enum err err)
{
	pass->is_done = true;
	pass->err = err ? err : pass->is_edited ? give_edited(pass) : ERR_OK;
	gateway_request_wake(pass->request);
}

/* All files of the commit are known now, or not; its info waited for that. */
static void on_listed(struct gateway_recall *recall, const struct hub_listing *listing)
{
	struct pass *pass = container_of(recall, struct pass, recall);

	if (listing)
		gateway_recall_note(recall, pass->request, listing);
	finish(pass, ERR_OK);
}

static bool find_commit(struct pass *pass)
{
	json_t *json = pass->request->route.kind == ROUTE_INFO && pass->is_edited ? json_loadb((const char *)pass->edited.data, pass->edited.len, 0, NULL) : NULL;
	const char *sha = json_string_value(json_object_get(json, "sha"));
	bool is_one = sha && name_is_commit(sha);

	if (is_one)
		memcpy(pass->commit, sha, sizeof pass->commit);
	json_decref(json);
	return is_one;
}

static void refuse_away(struct pass *pass)
{
	static const struct hub_refusal none = {0};

	gateway_reply_refusal(pass->request, ERR_HUB_AWAY, &none, &pass->why);
}

/* What the hub would have said, made of what it said once. NULL: it cannot be made. */
static json_t *make_answer(const struct pass *pass, const struct hub_listing *listing)
{
	json_t *paths, *json;

	if (pass->request->route.kind == ROUTE_INFO)
		return gateway_recall_info(listing);
	if (pass->request->route.kind == ROUTE_TREE)
		return gateway_recall_tree(listing);
	paths = gateway_paths_parse(gateway_request_header(pass->request, "Content-Type"), buf_str(&pass->sent), pass->sent.len);
	json = paths ? gateway_recall_paths(listing, paths) : NULL;
	json_decref(paths);
	return json;
}

static void on_recalled(struct gateway_recall *recall, const struct hub_listing *listing)
{
	struct pass *pass = container_of(recall, struct pass, recall);
	json_t *json;

	if (!listing || (pass->request->is_from_afar && listing->visibility != VISIBILITY_PUBLIC)) {
		refuse_away(pass);
		return;
	}
	json = make_answer(pass, listing);
	if (json)
		gateway_reply_json(pass->request, 200, json);
	else
		refuse_away(pass);
}

/* Of folders that are closed nothing is remembered. */
static bool may_recall(const struct gateway_request *request)
{
	const struct route *route = &request->route;

	if (route->kind == ROUTE_TREE)
		return !*route->path && strstr(route->query, "recursive=") && !strstr(route->query, "recursive=f") && !strstr(route->query, "recursive=F");
	return route->kind == ROUTE_INFO || route->kind == ROUTE_PATHS_INFO;
}

static void recall(struct pass *pass)
{
	pass->recall.on_done = on_recalled;
	if (gateway_recall_start(&pass->recall, pass->request, pass->request->route.revision) != ERR_OK)
		refuse_away(pass);
}

static void on_done(struct http_request *http, enum err err, const struct why *why)
{
	static const struct hub_refusal none = {0};
	struct pass *pass = container_of(http, struct pass, http);
	struct gateway_request *request = pass->request;

	if (request->is_replied) {
		pass->recall.on_done = on_listed;
		if (err || !find_commit(pass) || gateway_recall_start(&pass->recall, request, pass->commit) != ERR_OK)
			finish(pass, err);
	} else if (err == ERR_HUB_AWAY && may_recall(request)) {
		pass->why = *why;
		recall(pass);
	} else
		gateway_reply_refusal(request, err ? err : ERR_INVALID, &none, why);
}

/* --- its life */

static void refuse_size(struct gateway_request *request)
{
	gateway_reply_error(request, 413, NULL, NULL, "larder passes on requests of at most 64 MiB: use the hub's own address for this one");
}

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
		refuse_size(request);
		return;
	}
	pass = calloc(1, sizeof *pass);
	request->work = pass;
	if (!pass) {
		gateway_reply(request, 500, NULL);
		return;
	}
	pass->request = request;
	buf_init(&pass->sent, PASS_SENT_MAX);
	buf_init(&pass->edited, PASS_EDITED_MAX);
	gateway_pipe_init(&pass->pipe);
	add_headers_to_hub(pass);
}

static void ask_hub(struct pass *pass)
{
	static const struct hub_refusal none = {0};
	struct gateway_request *request = pass->request;
	struct why why = {0};
	enum err err = pass->err ? pass->err : make_url(pass);
	bool is_read = request->is_head || strcmp(request->method, "GET") == 0;

	pass->http = (struct http_request){
		.method = request->method,
		.url = pass->url,
		.tells_via = true,
		.bearer = gateway_request_token(request),
		.extra_headers = (const char *const *)pass->lines,
		.connect_timeout_ms = may_recall(request) ? HUB_QUICK_MS : 0,
		.body = is_read ? NULL : pass->sent.len ? (const void *)pass->sent.data : "",
		.body_len = is_read ? 0 : pass->sent.len,
		.range_first = -1,
		.range_last = -1,
		.decode = is_read && !request->is_head && !gateway_request_header(request, "Range"), /* a part of what is compressed is no use */
		.on_answer = on_answer,
		.on_bytes = on_bytes,
		.on_done = on_done,
	};
	if (!err)
		err = http_start(request->gateway->hubs.http, &pass->http, &why);
	if (err)
		gateway_reply_refusal(request, err, &none, &why);
}

static bool is_hub_away(const struct gateway_request *request)
{
	struct gateway_hub *hub;
	struct why why = {0};
	bool is_away;

	if (gateway_hub_hold(&request->gateway->hubs, gateway_request_token(request), &hub, &why) != ERR_OK)
		return false;
	is_away = hub_is_away(hub->hub);
	gateway_hub_leave(hub);
	return is_away;
}

/* Clients do not wait long for metadata: a hub that did not answer a moment ago is not asked for what may be remembered. */
static void begin(struct pass *pass)
{
	struct gateway_request *request = pass->request;

	if (!may_recall(request) || !is_hub_away(request)) {
		ask_hub(pass);
		return;
	}
	(void)why_set(&pass->why, ERR_HUB_AWAY, "the hub did not answer a moment ago, and nothing is remembered about %s; try again in half a minute",
		      request->route.repo);
	recall(pass);
}

static size_t take(struct gateway_request *request, const char *data, size_t len)
{
	struct pass *pass = request->work;

	if (len == 0 && pass->is_too_large)
		refuse_size(request);
	else if (len == 0)
		begin(pass);
	else if (!pass->is_too_large && buf_add(&pass->sent, data, len) != ERR_OK)
		pass->is_too_large = true; /* the answer has to wait until all of it was sent */
	return len;
}

static void end(struct gateway_request *request)
{
	struct pass *pass = request->work;

	if (!pass)
		return;
	http_cancel(request->gateway->hubs.http, &pass->http);
	gateway_recall_release(&pass->recall);
	for (size_t i = 0; i < pass->line_count; i++)
		free(pass->lines[i]);
	free(pass->url);
	buf_release(&pass->sent);
	buf_release(&pass->edited);
	gateway_pipe_release(&pass->pipe);
	free(pass);
	request->work = NULL;
}

const struct gateway_answer gateway_pass = {start, take, end};
