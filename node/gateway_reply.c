#include "node/gateway_reply.h"

#include "base/text.h"
#include "base/version.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 2048

/* Those of the hub that pages may read (HUB.md, 2.4). */
#define EXPOSED "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash"

void gateway_reply_header(struct MHD_Response *response, const char *name, const char *value)
{
	char tame[VALUE_MAX];

	if (!response)
		return;
	snprintf(tame, sizeof tame, "%s", value);
	for (char *p = tame; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	(void)MHD_add_response_header(response, name, tame);
}

void gateway_reply_header_number(struct MHD_Response *response, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, value);
	gateway_reply_header(response, name, text);
}

static void add_for_page(const struct gateway_request *request, struct MHD_Response *response)
{
	gateway_reply_header(response, "Access-Control-Allow-Origin", request->guard.origin);
	gateway_reply_header(response, "Access-Control-Expose-Headers", EXPOSED);
	gateway_reply_header(response, "Vary", "Origin");
}

void gateway_reply(struct gateway_request *request, unsigned status, struct MHD_Response *response)
{
	gateway_reply_header(response, "Server", "larder/" LARDER_VERSION);
	if (response && request->is_from_page)
		add_for_page(request, response);
	gateway_request_reply(request, status, response);
}

void gateway_reply_empty(struct gateway_request *request, unsigned status)
{
	gateway_reply(request, status, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
}

struct MHD_Response *gateway_reply_of_text(const char *type, const char *text, size_t len)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(len, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);

	gateway_reply_header(response, "Content-Type", type);
	return response;
}

bool gateway_reply_is_for_get(struct gateway_request *request)
{
	struct MHD_Response *response;

	if (request->is_head || strcmp(request->method, "GET") == 0)
		return true;
	response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	gateway_reply_header(response, "Allow", "GET, HEAD");
	gateway_reply(request, 405, response);
	return false;
}

void gateway_reply_json(struct gateway_request *request, unsigned status, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	struct MHD_Response *response = text ? gateway_reply_of_text("application/json; charset=utf-8", text, strlen(text)) : NULL;

	free(text);
	json_decref(json);
	gateway_reply(request, status, response);
}

void gateway_reply_error(struct gateway_request *request, unsigned status, const char *code, const char *commit, const char *sentence)
{
	bool is_lfs = request->route.kind == ROUTE_LFS_BATCH;
	json_t *json = json_pack("{s:s}", is_lfs ? "message" : "error", sentence);
	char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	struct MHD_Response *response = text ? gateway_reply_of_text("application/json; charset=utf-8", text, strlen(text)) : NULL;

	free(text);
	json_decref(json);
	gateway_reply_header(response, "X-Error-Message", sentence);
	if (status == 503)
		gateway_reply_header(response, "Retry-After", "5");
	if (status == 405 || status == 501)
		gateway_reply_header(response, "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	if (is_lfs && status == 401) /* git-lfs asks its user, and comes again */
		gateway_reply_header(response, "LFS-Authenticate", "Basic realm=\"the hub\"");
	if (code && *code)
		gateway_reply_header(response, "X-Error-Code", code);
	if (commit && *commit)
		gateway_reply_header(response, "X-Repo-Commit", commit);
	gateway_reply(request, status, response);
}

static unsigned status_of(enum err err)
{
	switch (err) {
	case ERR_NOT_FOUND:
	case ERR_USAGE:
		return 404;
	case ERR_DENIED:
		return 403;
	case ERR_HUB_AWAY:
		return 504;
	case ERR_BUSY:
		return 429;
	case ERR_INVALID:
	case ERR_UNSUPPORTED:
	case ERR_UNPROVEN:
	case ERR_CUT:
	case ERR_LIMIT:
		return 502;
	case ERR_NO_SPACE:
		return 507;
	default:
		return 500;
	}
}

/* A hub says of a private repo the same as of one that is not there: 401, without a code, which clients of a plain http address do not understand. A file that is not there is one of a commit. */
static const char *code_of(enum err err, const struct hub_refusal *refusal)
{
	bool is_refused_token = strncmp(refusal->message, "Invalid credentials", 19) == 0;

	if (refusal->code[0])
		return refusal->code;
	if (refusal->status == 401 && !is_refused_token)
		return REPLY_NO_REPO;
	return err == ERR_NOT_FOUND && refusal->commit[0] ? REPLY_NO_ENTRY : NULL;
}

void gateway_reply_refusal(struct gateway_request *request, enum err err, const struct hub_refusal *refusal, const struct why *why)
{
	bool is_hubs = refusal->status >= 400 && refusal->status < 500 && (err == ERR_NOT_FOUND || err == ERR_DENIED);
	const char *sentence = is_hubs && refusal->message[0] ? refusal->message : why->text[0] ? why->text : err_name(err);

	bool is_circle = refusal->status == 508;

	gateway_reply_error(request, is_hubs || is_circle ? (unsigned)refusal->status : status_of(err), code_of(err, refusal), refusal->commit, sentence);
}
