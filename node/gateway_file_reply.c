/* The answer for a file: its headers (HUB.md, section 7), and the body, which is read from the source that there is at that moment: a source that fails is replaced while the body runs. */
#include "node/gateway_file_private.h"

#include "node/pointer.h"

#include <stdio.h>

#define BLOCK_BYTES ((size_t)128 << 10) /* of a body that is read by pieces */

/* --- headers (HUB.md, section 7) */

static void add_headers(const struct gateway_file *file, struct MHD_Response *response)
{
	const struct hub_file *what = gateway_file_what(file);

	gateway_reply_header(response, "X-Repo-Commit", file->look.listing.commit);
	gateway_reply_header(response, "ETag", file->etag);
	gateway_reply_header(response, "Accept-Ranges", "bytes");
	if (what->digest.algorithm == DIGEST_SHA256) {
		gateway_reply_header(response, "X-Linked-Etag", file->etag);
		gateway_reply_header_number(response, "X-Linked-Size", what->size);
	}
	/* Whatever a repo calls a page is none here: pages of this address could ask for all that its user may see. */
	gateway_reply_header(response, "Content-Type", "application/octet-stream");
	gateway_reply_header(response, "X-Content-Type-Options", "nosniff");
}

static void add_range(const struct gateway_file *file, struct MHD_Response *response)
{
	char text[80];

	if (file->range.kind == RANGE_WHOLE)
		return;
	if (file->range.kind == RANGE_PART)
		snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)file->range.first, (unsigned long long)file->range.end - 1,
			 (unsigned long long)gateway_file_what(file)->size);
	else
		snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)gateway_file_what(file)->size);
	gateway_reply_header(response, "Content-Range", text);
}

static void reply_with(struct gateway_file *file, unsigned status, struct MHD_Response *response)
{
	add_headers(file, response);
	add_range(file, response);
	gateway_wait_reply(&file->wait, file->request, status, response);
}

void gateway_file_reply_empty(struct gateway_file *file, unsigned status)
{
	reply_with(file, status, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
}

void gateway_file_reply_pointer(struct gateway_file *file)
{
	const struct hub_file *what = gateway_file_what(file);
	struct MHD_Response *response;
	char text[POINTER_MAX_BYTES], hex[DIGEST_HEX_MAX];
	size_t len = pointer_write(&what->digest, what->size, text);
	struct digest oid;

	response = pointer_git_oid(text, len, &oid) ? gateway_reply_of_text("text/plain; charset=utf-8", text, len) : NULL;
	snprintf(file->etag, sizeof file->etag, "\"%s\"", response ? digest_hex(&oid, hex) : "");
	gateway_reply_header(response, "X-Repo-Commit", file->look.listing.commit);
	gateway_reply_header(response, "ETag", file->etag);
	gateway_wait_reply(&file->wait, file->request, 200, response);
}

/* --- the body */

/* Up to where the fill may give: the last chunk of a whole file, and of the rest of one that the client has the beginning of, is held back until all of it is proven, since only then the body may end as one that is right. */
static uint64_t fill_end(const struct gateway_file *file)
{
	uint64_t size = gateway_file_what(file)->size;

	if (file->range.end < size || gateway_file_len(file) <= size / GATEWAY_ASKED_PART || file->fill->fetch.is_proven)
		return file->range.end;
	return chain_chunk_offset(chain_chunk_count(size) - 1);
}

bool gateway_file_is_recalled(const struct gateway_file *file)
{
	return file->has_read_fill && file->fill->fetch.recalls != file->recalls;
}

size_t gateway_file_read_fill(struct gateway_file *file, uint64_t at, void *data, size_t len)
{
	uint64_t end = fill_end(file);
	size_t got;

	if (at >= end)
		return 0;
	if (!file->has_read_fill)
		file->recalls = file->fill->fetch.recalls;
	got = fetch_read(&file->fill->fetch, at, data, len < end - at ? len : (size_t)(end - at));
	if (got)
		file->has_read_fill = true;
	return got;
}

/* More than 0: bytes. 0: none now. Below: it cannot go on. */
static ssize_t read_source(struct gateway_file *file, uint64_t at, void *data, size_t len)
{
	ssize_t got = 0;

	if (file->blob && file->is_opened) {
		got = gateway_blob_read(file->blob, at, data, len);
		gateway_blob_count(file->blob, got > 0 ? (uint64_t)got : 0);
	} else if (file->fill)
		got = gateway_file_is_recalled(file) ? -1 : (ssize_t)gateway_file_read_fill(file, at, data, len);
	else if (file->direct)
		got = (ssize_t)gateway_direct_read(file->direct, data, len);
	if (got > 0 || (got < 0 && !file->blob))
		return got;
	if (got < 0) { /* it was damaged, and will be repaired */
		gateway_blob_close(file->blob);
		file->blob = NULL;
		file->is_opened = false;
		gateway_file_try_fill(file);
	} else if (file->direct && gateway_direct_is_spent(file->direct))
		gateway_file_replace_direct(file);
	return file->has_failed ? -1 : 0;
}

static ssize_t on_read(void *context, uint64_t at, char *data, size_t len)
{
	struct gateway_file *file = context;
	uint64_t rest = gateway_file_len(file) - at;
	ssize_t got;

	if (file->has_failed || gateway_request_is_over(file->request)) {
		gateway_request_drain(file->request);
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	got = read_source(file, file->range.first + at, data, len < rest ? len : (size_t)rest);
	if (got < 0) {
		file->has_failed = true;
		gateway_request_drain(file->request);
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	if (got == 0)
		gateway_request_rest(file->request);
	file->given += (uint64_t)got;
	return got;
}

void gateway_file_reply_body(struct gateway_file *file)
{
	reply_with(file, gateway_file_status(file), MHD_create_response_from_callback(gateway_file_len(file), BLOCK_BYTES, on_read, file, NULL));
}

void gateway_file_reply_from_disk(struct gateway_file *file)
{
	int fd = blob_fd(file->blob->blob);
	struct MHD_Response *response = gateway_send_start(&file->send, file->request, fd, file->range.first, gateway_file_len(file));

	if (response)
		gateway_blob_count(file->blob, gateway_file_len(file));
	reply_with(file, gateway_file_status(file), response);
}
