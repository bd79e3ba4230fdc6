/* libmicrohttpd calls gateway_request_on_part() again and again: once with the headers, for each piece of the body, once more behind it, and after each rest. */
#include "node/gateway_private.h"

#include "node/gateway_answers.h"
#include "node/gateway_reply.h"
#include "node/socket_owner.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRAIN_MAX 64 /* pieces of what nobody reads */

static const char bearer[] = "Bearer ", basic[] = "Basic ";

/* --- what answers ask */

const char *gateway_request_header(const struct gateway_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *gateway_request_token(const struct gateway_request *request)
{
	return request->token && *request->token ? request->token : NULL;
}

/* git knows names and passwords only: the password is the token. */
static char *password_of(const char *encoded)
{
	size_t room = strlen(encoded) + 1, len = 0;
	char *pair = calloc(1, room), *colon, *password = NULL;

	if (pair && sodium_base642bin((unsigned char *)pair, room - 1, encoded, room - 1, " ", &len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0) {
		colon = strchr(pair, ':');
		password = colon ? strdup(colon + 1) : NULL;
	}
	if (pair)
		sodium_memzero(pair, room);
	free(pair);
	return password;
}

static char *token_of(const char *authorization)
{
	if (strncasecmp(authorization, bearer, sizeof bearer - 1) == 0)
		return strdup(authorization + sizeof bearer - 1 + strspn(authorization + sizeof bearer - 1, " "));
	if (strncasecmp(authorization, basic, sizeof basic - 1) == 0)
		return password_of(authorization + sizeof basic - 1 + strspn(authorization + sizeof basic - 1, " "));
	return NULL;
}

int gateway_request_fd(const struct gateway_request *request)
{
	return MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

/* --- resting */

void gateway_request_rest(struct gateway_request *request)
{
	request->is_suspended = true;
	MHD_suspend_connection(request->connection);
}

void gateway_request_wake(struct gateway_request *request)
{
	if (!request->is_suspended)
		return;
	request->is_suspended = false;
	MHD_resume_connection(request->connection);
	gateway_listener_kick(request->listener);
}

void gateway_request_reply(struct gateway_request *request, unsigned status, struct MHD_Response *response)
{
	if (request->is_replied) { /* the first one counts */
		if (response)
			MHD_destroy_response(response);
		return;
	}
	request->is_replied = true;
	request->status = status;
	request->reply = response;
	gateway_request_wake(request);
}

bool gateway_request_is_over(const struct gateway_request *request)
{
	return request->has_left || request->gateway->is_ending;
}

/* What is being sent to it fails by itself. libmicrohttpd waits for the rest of a body that was announced: it is shown the end of the connection. */
void gateway_request_leave(struct gateway_request *request)
{
	request->has_left = true;
	if (request->is_suspended && !request->is_replied)
		gateway_request_reply(request, 0, NULL);
	else if (request->is_suspended)
		gateway_request_wake(request);
	else if (!request->is_replied)
		(void)!shutdown(gateway_request_fd(request), SHUT_RDWR);
}

static bool has_body(const struct gateway_request *request)
{
	return request->guard.encodings || (request->guard.lengths && strspn(request->guard.length, "0") != strlen(request->guard.length));
}

/* What the client sent and nobody read would make the kernel end the connection by a reset, in which the answer may be lost. */
void gateway_request_drain(const struct gateway_request *request)
{
	char dump[4096];

	for (int i = 0; i < DRAIN_MAX && recv(gateway_request_fd(request), dump, sizeof dump, MSG_DONTWAIT) > 0; i++)
		;
}

static enum MHD_Result send_reply(struct gateway_request *request)
{
	struct MHD_Response *response = request->reply;
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	request->reply = NULL;
	if (has_body(request) && !request->is_whole)
		gateway_request_drain(request);
	if (request->status == 400) /* where the next request begins is in doubt */
		gateway_reply_header(response, "Connection", "close");
	result = MHD_queue_response(request->connection, request->status, response);
	MHD_destroy_response(response);
	return result;
}

/* --- who asks, and for what */

static enum MHD_Result on_header(void *context, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value, size_t value_len)
{
	(void)kind;
	guard_add_header(context, name, name_len, value ? value : "", value ? value_len : 0);
	return MHD_YES;
}

static bool find_ends(struct gateway_request *request, struct lan_address *ret_from)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof address;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	return info && lan_from_sockaddr(info->client_addr, ret_from) && getsockname(gateway_request_fd(request), (struct sockaddr *)&address, &len) == 0 &&
	       lan_from_sockaddr((struct sockaddr *)&address, &request->guard.local);
}

bool gateway_request_is_owners(const struct gateway_request *request)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct lan_address from;
	uid_t user;

	return !request->is_from_afar && !request->is_from_page && info && lan_from_sockaddr(info->client_addr, &from) && socket_owner(&from, &request->guard.local, &user) &&
	       (user == geteuid() || user == 0);
}

/* A page asks whether it may send what it wants to send (https://fetch.spec.whatwg.org/#cors-preflight-fetch). */
static bool is_preflight(const struct gateway_request *request)
{
	return request->is_from_page && strcmp(request->method, "OPTIONS") == 0 && gateway_request_header(request, "Access-Control-Request-Method");
}

static void reply_preflight(struct gateway_request *request)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);

	gateway_reply_header(response, "Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS");
	gateway_reply_header(response, "Access-Control-Allow-Headers", "Authorization, Range, Content-Type, Accept");
	gateway_reply_header(response, "Access-Control-Max-Age", "86400");
	if (gateway_request_header(request, "Access-Control-Request-Private-Network"))
		gateway_reply_header(response, "Access-Control-Allow-Private-Network", "true");
	gateway_reply(request, 204, response);
}

/* libmicrohttpd ends the target at a zero byte. The version stands right behind the target in the connection's memory, so what is between them tells. */
static bool has_zero(const struct gateway_request *request)
{
	uintptr_t end = (uintptr_t)request->target_there + strlen(request->target), version = (uintptr_t)request->guard.version;

	return version > end + 1 && version < end + ROUTE_TARGET_MAX;
}

struct way {
	struct gateway_via *via;
	bool is_circle; /* it led back here */
};

static enum MHD_Result on_header_of_way(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct way *way = context;

	(void)kind;
	if (value && strcasecmp(name, "Via") == 0 && !gateway_via_take(way->via, value))
		way->is_circle = true;
	return MHD_YES;
}

/* Its way to the hub led back here. */
static bool is_own_question(struct gateway_request *request)
{
	struct way way = {&request->gateway->via, false};

	MHD_get_connection_values(request->connection, MHD_HEADER_KIND, on_header_of_way, &way);
	return way.is_circle;
}

/* Others are no business of the hub's (RFC 9110, section 9): CONNECT would make this a way to anywhere, TRACE gives tokens back. */
static bool is_known(const char *method)
{
	static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(method, known[i]) == 0)
			return true;
	return false;
}

static void refuse_method(struct gateway_request *request)
{
	bool is_common = strcmp(request->method, "CONNECT") == 0 || strcmp(request->method, "TRACE") == 0;

	gateway_reply_error(request, is_common ? 405 : 501, NULL, NULL, "larder answers GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS only");
}

static const struct gateway_answer *const answers[ROUTE_KINDS] = {
	[ROUTE_PASS] = &gateway_pass,
	[ROUTE_RESOLVE] = &gateway_file,
	[ROUTE_RAW] = &gateway_file,
	[ROUTE_INFO] = &gateway_pass,
	[ROUTE_TREE] = &gateway_pass,
	[ROUTE_PATHS_INFO] = &gateway_pass,
	[ROUTE_REFS] = &gateway_pass,
	[ROUTE_LFS_BATCH] = &gateway_lfs,
	[ROUTE_TELEMETRY] = &gateway_nothing,
	[ROUTE_AGENTS] = &gateway_nothing,
	[ROUTE_BLOB] = &gateway_digest,
	[ROUTE_STATUS] = &gateway_pages,
	[ROUTE_METRICS] = &gateway_pages,
};

/* The headers are here: refused, answered at once, or begun. */
static void begin(struct gateway_request *request, const char *method, const char *version)
{
	struct lan_address from;
	struct why why = {0};
	unsigned status;
	enum err err;

	request->is_begun = true;
	request->method = method;
	request->is_head = strcmp(method, "HEAD") == 0;
	request->guard.version = version;
	MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, on_header, &request->guard);
	gateway_connection_begin(&request->gateway->connections, request->connection, request, has_body(request));
	if (!find_ends(request, &from)) {
		gateway_reply_empty(request, 400);
		return;
	}
	request->is_from_afar = !lan_is_loopback(&from);
	if (!request->is_from_afar && request->guard.authorization)
		request->token = token_of(request->guard.authorization);
	status = guard_check(&request->gateway->rules, &request->guard, &why);
	request->is_from_page = guard_is_from_page(&request->gateway->rules, &request->guard);
	if (status) {
		request->is_from_page = false;
		gateway_reply_error(request, status, NULL, NULL, why.text);
		return;
	}
	err = has_zero(request) ? why_set(&why, ERR_INVALID, "the address has a zero byte") : route_parse(method, request->target, &request->route, &why);
	if (!is_known(method))
		refuse_method(request);
	else if (is_own_question(request))
		gateway_reply_error(request, 508, NULL, NULL, "this node asks itself: the way to its hub leads back to its own gateway; set hub to the real one");
	else if (err)
		gateway_reply_error(request, err == ERR_LIMIT ? 414 : 400, NULL, NULL, why.text);
	else if (is_preflight(request))
		reply_preflight(request);
	else
		request->answer = answers[request->route.kind] ? answers[request->route.kind] : &gateway_unknown;
}

static void start(struct gateway_request *request)
{
	if (!request->answer->take && has_body(request))
		gateway_reply_error(request, 413, NULL, NULL, "this request should have no body");
	else if (request->answer->take || !has_body(request))
		request->answer->start(request);
}

/* --- libmicrohttpd's calls */

void *gateway_request_on_target(void *context, const char *target, struct MHD_Connection *connection)
{
	struct gateway_listener *listener = context;
	struct gateway_request *request = calloc(1, sizeof *request);

	if (!request)
		return NULL;
	request->gateway = listener->gateway;
	request->listener = listener;
	request->connection = connection;
	request->target = strdup(target);
	request->target_there = target;
	list_append(&listener->gateway->requests, &request->link);
	return request;
}

static void take_body(struct gateway_request *request, const char *data, size_t *len)
{
	size_t taken = request->answer->take(request, data, *len);

	if (*len == 0)
		request->is_whole = true;
	else if (taken < *len && !request->is_replied)
		gateway_request_rest(request);
	*len -= taken;
}

enum MHD_Result gateway_request_on_part(void *context, struct MHD_Connection *connection, const char *path, const char *method, const char *version, const char *data,
					size_t *len, void **context_of_request)
{
	struct gateway_request *request = *context_of_request;

	(void)context;
	(void)connection;
	(void)path;
	if (!request || !request->target || request->gateway->is_ending)
		return MHD_NO;
	if (request->is_replied)
		return send_reply(request);
	if (!request->is_begun) {
		begin(request, method, version);
		if (!request->is_replied)
			start(request);
		return request->is_replied && has_body(request) ? send_reply(request) : MHD_YES;
	}
	if (request->answer->take)
		take_body(request, data, len);
	else
		request->is_whole = true;
	if (request->is_whole)
		gateway_connection_whole(&request->gateway->connections, request->connection);
	if (request->is_replied)
		return send_reply(request);
	if (request->is_whole && !request->is_suspended)
		gateway_request_rest(request);
	return MHD_YES;
}

void gateway_request_on_end(void *context, struct MHD_Connection *connection, void **context_of_request, enum MHD_RequestTerminationCode how)
{
	struct gateway_request *request = *context_of_request;

	(void)context;
	(void)connection;
	(void)how;
	if (!request)
		return;
	*context_of_request = NULL;
	gateway_connection_end(&request->gateway->connections, request->connection);
	request->is_replied = true;
	request->is_suspended = false;
	if (request->answer && request->answer->end)
		request->answer->end(request);
	if (request->reply)
		MHD_destroy_response(request->reply);
	list_remove(&request->link);
	if (request->token)
		sodium_memzero(request->token, strlen(request->token));
	free(request->token);
	free(request->target);
	free(request);
}

void gateway_request_end_all(struct gateway *gateway)
{
	list_each_safe(at, &gateway->requests)
		gateway_request_wake(container_of(at, struct gateway_request, link));
}
