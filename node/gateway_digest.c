/* /-/blob/sha256/HEX: a blob by what it is, for programs and pages that know its digest. What is held and public, and nothing is fetched for it: 404 says to take one's own way. */
#include "node/gateway_answers.h"
#include "node/gateway_private.h"

#include "node/gateway_range.h"
#include "node/gateway_reply.h"
#include "node/gateway_send.h"

#include <stdio.h>
#include <stdlib.h>

#define BLOCK_BYTES ((size_t)128 << 10)
#define ETAG_MAX (DIGEST_HEX_MAX + 2)

struct given {
	struct gateway_request *request;
	struct gateway_blob *blob;
	struct gateway_send send;
	struct gateway_range range;
	char etag[ETAG_MAX];
};

static uint64_t body_len(const struct given *given)
{
	return given->range.end - given->range.first;
}

static void reply(struct given *given, unsigned status, struct MHD_Response *response)
{
	char text[80];
	unsigned long long size = gateway_blob_size(given->blob);

	gateway_reply_header(response, "ETag", given->etag);
	gateway_reply_header(response, "Accept-Ranges", "bytes");
	/* No page of this address, whatever is in it. */
	gateway_reply_header(response, "Content-Type", "application/octet-stream");
	gateway_reply_header(response, "X-Content-Type-Options", "nosniff");
	if (status == 206)
		snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)given->range.first, (unsigned long long)given->range.end - 1, size);
	else
		snprintf(text, sizeof text, "bytes */%llu", size);
	if (status == 206 || status == 416)
		gateway_reply_header(response, "Content-Range", text);
	gateway_reply(given->request, status, response);
}

static ssize_t on_read(void *context, uint64_t at, char *data, size_t len)
{
	struct given *given = context;
	uint64_t rest = body_len(given) - at;
	ssize_t got = gateway_request_is_over(given->request) ? -1 : gateway_blob_read(given->blob, given->range.first + at, data, len < rest ? len : (size_t)rest);

	if (got < 0) {
		gateway_request_drain(given->request);
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	gateway_blob_count(given->blob, (uint64_t)got);
	if (got == 0)
		gateway_request_rest(given->request);
	return got;
}

static struct MHD_Response *from_disk(struct given *given)
{
	int fd = blob_fd(given->blob->blob);
	struct MHD_Response *response = gateway_send_start(&given->send, given->request, fd, given->range.first, body_len(given));

	if (response)
		gateway_blob_count(given->blob, body_len(given));
	return response;
}

static void reply_body(struct given *given)
{
	bool is_checked = !given->request->is_head && gateway_blob_is_checked(given->blob, given->range.first, given->range.end);

	reply(given, given->range.kind == RANGE_PART ? 206 : 200,
	      is_checked ? from_disk(given) : MHD_create_response_from_callback(body_len(given), BLOCK_BYTES, on_read, given, NULL));
}

static void on_open(struct gateway_blob *blob, enum err err, const struct why *why)
{
	struct given *given = blob->owner;
	struct gateway_request *request = given->request;

	(void)why;
	/* Not held and not for everybody is one answer. */
	if (err || blob_visibility(blob->blob) != VISIBILITY_PUBLIC) {
		gateway_reply_error(request, 404, NULL, NULL, "this is not held here, or not public");
		return;
	}
	given->range = (struct gateway_range){RANGE_WHOLE, 0, gateway_blob_size(blob)};
	if (gateway_etag_is_known(gateway_request_header(request, "If-None-Match"), given->etag)) {
		reply(given, 304, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
		return;
	}
	if (!request->is_head)
		given->range = gateway_range_parse(gateway_request_header(request, "Range"), gateway_request_header(request, "If-Range"), given->etag, gateway_blob_size(blob));
	blob->until = given->range.end;
	if (given->range.kind == RANGE_BEYOND)
		reply(given, 416, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
	else
		reply_body(given);
}

static void on_more(struct gateway_blob *blob)
{
	gateway_request_wake(((struct given *)blob->owner)->request);
}

static void start_given(struct gateway_request *request)
{
	struct given *given = calloc(1, sizeof *given);
	char hex[DIGEST_HEX_MAX];

	request->work = given;
	if (!gateway_reply_is_for_get(request))
		return;
	if (given)
		given->blob = gateway_blob_create(&request->gateway->blobs, &request->route.digest);
	if (!given || !given->blob) {
		gateway_reply(request, 500, NULL);
		return;
	}
	given->request = request;
	snprintf(given->etag, sizeof given->etag, "\"%s\"", digest_hex(&request->route.digest, hex));
	given->blob->owner = given;
	given->blob->on_open = on_open;
	given->blob->on_read = on_more;
	gateway_blob_open(given->blob);
}

static void end_given(struct gateway_request *request)
{
	struct given *given = request->work;

	if (given) {
		gateway_send_stop(&given->send);
		gateway_blob_close(given->blob);
	}
	free(given);
	request->work = NULL;
}

const struct gateway_answer gateway_digest = {start_given, NULL, end_given};
