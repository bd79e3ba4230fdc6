/* HEAD and GET of a file by its name. What the client's own token lets it see is asked first, by a look; then the bytes come from one of three sources, and a source that fails is replaced by the next:
 *
 *   blob     it is held
 *   direct   a part of what is not held, straight from the hub: somebody looks at the file's header, or asks for pieces of it; or the whole, where it finds no room here
 *   fill     all of it is fetched, from peers and hub; what may be given already is given as it comes. Then it is a blob
 */
#include "node/gateway_answers.h"
#include "node/gateway_file_private.h"

#include <stdio.h>
#include <stdlib.h>

/* --- the look */

/* As it lies in git, a file in LFS is its pointer: nothing has to be fetched for that. */
static bool is_pointer(const struct gateway_file *file)
{
	return file->request->route.kind == ROUTE_RAW && gateway_file_what(file)->digest.algorithm == DIGEST_SHA256;
}

static void end(struct gateway_request *request);

static bool needs_xet(const struct gateway_file *file)
{
	const struct gateway_request *request = file->request;

	return request->is_head && request->route.kind == ROUTE_RESOLVE && gateway_file_what(file)->size > GATEWAY_PLAIN_MAX && !file->wait.has_begun && !hub_is_away(file->hub->hub);
}

/* What the hub says itself, with the way to Xet. */
static void hand_over(struct gateway_request *request)
{
	end(request);
	request->work = NULL;
	request->answer = &gateway_pass;
	gateway_pass.start(request);
	if (!request->is_replied)
		(void)gateway_pass.take(request, NULL, 0);
}

static void judge(struct gateway_file *file)
{
	const struct hub_file *what = gateway_file_what(file);
	struct gateway_request *request = file->request;
	char hex[DIGEST_HEX_MAX];

	if (is_pointer(file)) {
		gateway_file_reply_pointer(file);
		return;
	}
	if (needs_xet(file)) {
		hand_over(request);
		return;
	}
	snprintf(file->etag, sizeof file->etag, "\"%s\"", digest_hex(&what->digest, hex));
	file->range = (struct gateway_range){RANGE_WHOLE, 0, what->size};
	if (gateway_etag_is_known(gateway_request_header(request, "If-None-Match"), file->etag)) {
		gateway_file_reply_empty(file, 304);
		return;
	}
	if (!request->is_head)
		file->range = gateway_range_parse(gateway_request_header(request, "Range"), gateway_request_header(request, "If-Range"), file->etag, what->size);
	if (file->range.kind == RANGE_BEYOND)
		gateway_file_reply_empty(file, 416);
	else if (request->is_head || gateway_file_len(file) == 0)
		gateway_file_reply_body(file);
	else
		gateway_file_try_blob(file, false);
}

static void on_look(struct hub_look *look, enum err err, const struct why *why)
{
	struct gateway_file *file = container_of(look, struct gateway_file, look);
	struct gateway_request *request = file->request;

	static const struct hub_refusal none = {0};
	struct why refusal = {0};

	if (err) {
		gateway_wait_refuse(&file->wait, request, err, &look->refusal, why);
		return;
	}
	gateway_wait_rest(&file->wait);
	if (!request->is_from_afar || look->listing.visibility == VISIBILITY_PUBLIC)
		judge(file);
	else
		gateway_wait_refuse(&file->wait, request, why_set(&refusal, ERR_DENIED, "other machines get public files only"), &none, &refusal);
}

/* --- its life */

static bool may_hear(struct hub_look *look)
{
	return gateway_request_is_owners(container_of(look, struct gateway_file, look)->request);
}

/* Before it is known how long the file is. */
static unsigned likely_status(const struct gateway_request *request)
{
	const char *range = request->is_head || request->route.kind == ROUTE_RAW ? NULL : gateway_request_header(request, "Range");

	return gateway_range_parse(range, NULL, "", UINT64_MAX).kind == RANGE_PART ? 206 : 200;
}

static void start(struct gateway_request *request)
{
	struct gateway_file *file = calloc(1, sizeof *file);
	struct route *route = &request->route;
	static const struct hub_refusal none = {0};
	struct why why = {0};
	enum err err;

	if (!file) {
		gateway_reply(request, 500, NULL);
		return;
	}
	request->work = file;
	file->request = request;
	file->wait.may_begin = gateway_file_may_wait;
	file->name = (struct name){.type = route->type, .repo = route->repo, .revision = route->revision, .path = route->path};
	file->look = (struct hub_look){.name = &file->name, .on_done = on_look, .may_hear = may_hear};
	err = gateway_hub_hold(&request->gateway->hubs, gateway_request_token(request), &file->hub, &why);
	if (!err)
		err = hub_look_start(file->hub->hub, &file->look, &why);
	if (err)
		gateway_reply_refusal(request, err, &none, &why);
	else
		gateway_wait_start(&file->wait, request->gateway->loop, request, likely_status(request));
}

static void end(struct gateway_request *request)
{
	struct gateway_file *file = request->work;

	if (!file)
		return;
	gateway_wait_stop(&file->wait);
	gateway_send_stop(&file->send);
	gateway_blob_close(file->blob);
	gateway_direct_close(file->direct);
	gateway_fill_leave(file->fill);
	if (file->hub)
		hub_look_cancel(file->hub->hub, &file->look);
	hub_listing_release(&file->look.listing);
	gateway_hub_leave(file->hub);
	free(file);
}

const struct gateway_answer gateway_file = {start, NULL, end};
