/* HEAD and GET of a file by its name. What the client's own token lets it see is asked first, by a look; then the bytes come from one of three sources, and a source that fails is replaced by the next:
 *
 *   blob     it is held
 *   direct   a part of what is not held, straight from the hub: somebody looks at the file's header, or asks for pieces of it; or the whole, where it finds no room here
 *   fill     all of it is fetched, from peers and hub; what may be given already is given as it comes. Then it is a blob
 */
#include "node/gateway_answers.h"
#include "node/gateway_private.h"

#include "node/gateway_range.h"
#include "node/gateway_reply.h"
#include "node/gateway_wait.h"
#include "node/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES ((size_t)128 << 10) /* of a body that is read by pieces */
#define ETAG_MAX (DIGEST_HEX_MAX + 2)

struct file {
	struct gateway_request *request;
	struct gateway_hub *hub;
	struct name name;     /* points into the request's route */
	struct hub_look look; /* with its listing: the one file */
	char etag[ETAG_MAX];
	struct gateway_range range;
	struct gateway_blob *blob;
	struct gateway_direct *direct;
	struct gateway_fill *fill;
	struct gateway_wait wait;
	uint64_t given;       /* bytes of the body */
	unsigned recalls;     /* of the fill, as of the first byte that it gave */
	bool has_read_fill, is_opened, has_failed;
	bool is_unstored;     /* it finds no room here: passed through */
};

static void try_fill(struct file *file);
static void replace_direct(struct file *file);

static const struct hub_file *file_of(const struct file *file)
{
	return file->look.listing.files;
}

static unsigned good_status(const struct file *file)
{
	return file->range.kind == RANGE_PART ? 206 : 200;
}

/* --- headers (HUB.md, section 7) */

static void add_headers(const struct file *file, struct MHD_Response *response)
{
	const struct hub_file *what = file_of(file);

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

static void add_range(const struct file *file, struct MHD_Response *response)
{
	char text[80];

	if (file->range.kind == RANGE_WHOLE)
		return;
	if (file->range.kind == RANGE_PART)
		snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)file->range.first, (unsigned long long)file->range.end - 1,
			 (unsigned long long)file_of(file)->size);
	else
		snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)file_of(file)->size);
	gateway_reply_header(response, "Content-Range", text);
}

static void reply_with(struct file *file, unsigned status, struct MHD_Response *response)
{
	gateway_wait_stop(&file->wait);
	add_headers(file, response);
	add_range(file, response);
	gateway_reply(file->request, status, response);
}

static void reply_without_body(struct file *file, unsigned status)
{
	reply_with(file, status, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
}

/* --- the body */

static uint64_t body_len(const struct file *file)
{
	return file->range.end - file->range.first;
}

/* Up to where the fill may give: the last chunk of a whole file, and of the rest of one that the client has the beginning of, is held back until all of it is proven, since only then the body may end as one that is right. */
static uint64_t fill_end(const struct file *file)
{
	uint64_t size = file_of(file)->size;

	if (file->range.end < size || body_len(file) <= size / GATEWAY_ASKED_PART || file->fill->fetch.is_proven)
		return file->range.end;
	return chain_chunk_offset(chain_chunk_count(size) - 1);
}

/* Bytes that the client has may be wrong: so this body must not end as a good one. */
static bool is_recalled(const struct file *file)
{
	return file->has_read_fill && file->fill->fetch.recalls != file->recalls;
}

static size_t read_fill(struct file *file, uint64_t at, void *data, size_t len)
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
static ssize_t read_source(struct file *file, uint64_t at, void *data, size_t len)
{
	ssize_t got = 0;

	if (file->blob && file->is_opened) {
		got = gateway_blob_read(file->blob, at, data, len);
		gateway_blob_count(file->blob, got > 0 ? (uint64_t)got : 0);
	} else if (file->fill)
		got = is_recalled(file) ? -1 : (ssize_t)read_fill(file, at, data, len);
	else if (file->direct)
		got = (ssize_t)gateway_direct_read(file->direct, data, len);
	if (got > 0 || (got < 0 && !file->blob))
		return got;
	if (got < 0) { /* it was damaged, and will be repaired */
		gateway_blob_close(file->blob);
		file->blob = NULL;
		file->is_opened = false;
		try_fill(file);
	} else if (file->direct && gateway_direct_is_spent(file->direct))
		replace_direct(file);
	return file->has_failed ? -1 : 0;
}

static ssize_t on_read(void *context, uint64_t at, char *data, size_t len)
{
	struct file *file = context;
	uint64_t rest = body_len(file) - at;
	ssize_t got;

	if (file->has_failed || gateway_is_ending(file->request->gateway)) {
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

static void reply_body(struct file *file)
{
	reply_with(file, good_status(file), MHD_create_response_from_callback(body_len(file), BLOCK_BYTES, on_read, file, NULL));
}

/* Straight from the file, by the kernel. */
static void reply_from_disk(struct file *file)
{
	int fd = dup(blob_fd(file->blob->blob));
	struct MHD_Response *response = fd < 0 ? NULL : MHD_create_response_from_fd_at_offset64(body_len(file), fd, file->range.first);

	if (response)
		gateway_blob_count(file->blob, body_len(file));
	else if (fd >= 0)
		close(fd);
	reply_with(file, good_status(file), response);
}

/* No source is left. What was promised to the client is broken off; else it is told why. */
static void give_up(struct file *file, enum err err, const struct why *why)
{
	static const struct hub_refusal none = {0};

	file->has_failed = true;
	if (file->request->is_replied)
		gateway_request_wake(file->request);
	else if (file->wait.has_begun)
		reply_body(file);
	else {
		gateway_wait_stop(&file->wait);
		gateway_reply_refusal(file->request, err, &none, why);
	}
}

static void go_on(struct file *file)
{
	if (file->request->is_replied)
		gateway_request_wake(file->request);
	else
		reply_body(file);
}

/* Nobody has given a byte, and the hub does not answer: better an error that says so than a body that is broken off. */
static bool may_wait(struct gateway_wait *wait)
{
	struct file *file = container_of(wait, struct file, wait);
	const struct fetch *fetch = file->fill ? &file->fill->fetch : NULL;
	struct why why = {0};
	bool is_away = hub_is_away(file->hub->hub), is_failing = hub_is_failing(file->hub->hub);

	if (!(is_away || is_failing) || (fetch && fetch->bytes_done > 0) || (file->blob && file->is_opened))
		return true;
	if (file->direct && !file->is_unstored) { /* peers may have it */
		gateway_direct_close(file->direct);
		file->direct = NULL;
		try_fill(file);
		return false;
	}
	if (!is_away && !wait->is_last) /* that is told in its own words soon */
		return false;
	why_set(&why, ERR_HUB_AWAY, "the hub at %s does not answer, and no node here has %s", hub_host(file->hub->hub), file_of(file)->path);
	give_up(file, ERR_HUB_AWAY, &why);
	return false;
}

/* --- from the store */

static void on_blob_read(struct gateway_blob *blob)
{
	struct file *file = blob->owner;

	gateway_request_wake(file->request);
}

static void try_direct(struct file *file);

static bool hub_may_give(const struct file *file)
{
	return node_options_of(file->request->gateway->node)->config->hub_use != CONFIG_HUB_NEVER && !hub_is_away(file->hub->hub);
}

/* A part may come from the hub alone as long as it is a small one, and the hub is there. */
static bool may_go_direct(struct file *file)
{
	struct gateway *gateway = file->request->gateway;
	const struct hub_file *what = file_of(file);

	return file->range.kind == RANGE_PART && hub_may_give(file) && !file->look.listing.remembered && !fetcher_brings(gateway->fills.fetcher, &what->digest) &&
	       !gateway_asked_add(&gateway->asked, &what->digest, what->size, body_len(file));
}

static void on_blob_open(struct gateway_blob *blob, enum err err, const struct why *why)
{
	struct file *file = blob->owner;

	if (!err && gateway_blob_size(blob) != file_of(file)->size)
		err = ERR_INVALID;
	if (!err) {
		file->is_opened = true;
		if (!file->request->is_replied && gateway_blob_is_checked(blob, file->range.first, file->range.end))
			reply_from_disk(file);
		else
			go_on(file);
		return;
	}
	gateway_blob_close(blob);
	file->blob = NULL;
	if (err != ERR_NOT_FOUND)
		give_up(file, err, why);
	else if (!file->given && may_go_direct(file))
		try_direct(file);
	else
		try_fill(file);
}

static void try_blob(struct file *file, bool is_fresh)
{
	file->blob = gateway_blob_create(&file->request->gateway->blobs, &file_of(file)->digest);
	if (!file->blob) {
		give_up(file, ERR_NO_MEMORY, &(struct why){0});
		return;
	}
	file->blob->owner = file;
	file->blob->is_fresh = is_fresh;
	file->blob->until = file->range.end;
	file->blob->on_open = on_blob_open;
	file->blob->on_read = on_blob_read;
	gateway_blob_open(file->blob);
}

/* --- on its way into the store */

static void on_fill_more(struct gateway_fill *fill)
{
	struct file *file = fill->owner;
	char probe;

	if (file->request->is_replied)
		gateway_request_wake(file->request);
	else if (read_fill(file, file->range.first, &probe, 1) > 0)
		reply_body(file);
}

static void on_fill_done(struct gateway_fill *fill, enum err err, const struct why *why)
{
	struct file *file = fill->owner;
	bool is_recalled_now = is_recalled(file), was_held = fill->fetch.was_held;

	gateway_fill_leave(fill);
	file->fill = NULL;
	if (err == ERR_NO_SPACE && !file->given && hub_may_give(file)) { /* clients have no use for the reason */
		file->is_unstored = true;
		try_direct(file);
	} else if (err || is_recalled_now)
		give_up(file, err ? err : ERR_UNPROVEN, why);
	else
		try_blob(file, !was_held);
}

static enum err copy_listing(const struct hub_listing *from, struct hub_listing *ret_copy)
{
	struct hub_listing copy = {.type = from->type, .visibility = from->visibility, .repo = strdup(from->repo)};
	const struct hub_file *what = from->files;
	enum err err = copy.repo ? hub_listing_add_file(&copy, what->path, what->size, &what->digest) : ERR_NO_MEMORY;

	memcpy(copy.commit, from->commit, sizeof copy.commit);
	if (err)
		hub_listing_release(&copy);
	else
		*ret_copy = copy;
	return err;
}

static void try_fill(struct file *file)
{
	struct gateway *gateway = file->request->gateway;
	struct hub_listing listing;
	struct why why = {0};
	enum err err = copy_listing(&file->look.listing, &listing);

	if (!err)
		err = gateway_fill_start(&gateway->fills, file->hub, &listing, &file->fill, &why);
	if (err) {
		give_up(file, err, &why);
		return;
	}
	file->fill->owner = file;
	file->fill->on_more = on_fill_more;
	file->fill->on_done = on_fill_done;
	if (!file->request->is_replied)
		gateway_wait_start(&file->wait, gateway->loop, file->request, good_status(file));
}

/* --- straight from the hub */

static void replace_direct(struct file *file)
{
	struct why why = file->direct->why;
	enum err err = file->direct->err;

	gateway_direct_close(file->direct);
	file->direct = NULL;
	if (err == ERR_NOT_FOUND || err == ERR_DENIED || err == ERR_UNPROVEN || file->is_unstored)
		give_up(file, err, &why);
	else
		try_fill(file);
}

static void on_direct_more(struct gateway_direct *direct)
{
	struct file *file = direct->owner;

	if (gateway_direct_is_spent(direct))
		replace_direct(file);
	else
		go_on(file);
}

static void try_direct(struct file *file)
{
	struct hub_listing listing;
	struct why why = {0};
	enum err err = copy_listing(&file->look.listing, &listing);

	if (!err)
		err = gateway_direct_start(file->hub, &listing, file->range.first, file->range.end, &file->direct, &why);
	if (err) {
		give_up(file, err, &why);
		return;
	}
	file->direct->owner = file;
	file->direct->on_more = on_direct_more;
	gateway_wait_start(&file->wait, file->request->gateway->loop, file->request, good_status(file));
}

/* --- the look */

static void judge(struct file *file)
{
	const struct hub_file *what = file_of(file);
	struct gateway_request *request = file->request;
	char hex[DIGEST_HEX_MAX];

	snprintf(file->etag, sizeof file->etag, "\"%s\"", digest_hex(&what->digest, hex));
	file->range = (struct gateway_range){RANGE_WHOLE, 0, what->size};
	if (gateway_etag_is_known(gateway_request_header(request, "If-None-Match"), file->etag)) {
		reply_without_body(file, 304);
		return;
	}
	if (!request->is_head)
		file->range = gateway_range_parse(gateway_request_header(request, "Range"), gateway_request_header(request, "If-Range"), file->etag, what->size);
	if (file->range.kind == RANGE_BEYOND)
		reply_without_body(file, 416);
	else if (request->is_head || body_len(file) == 0)
		reply_body(file);
	else
		try_blob(file, false);
}

static void on_look(struct hub_look *look, enum err err, const struct why *why)
{
	struct file *file = container_of(look, struct file, look);
	struct gateway_request *request = file->request;

	if (err)
		gateway_reply_refusal(request, err, &look->refusal, why);
	else if (request->is_from_afar && look->listing.visibility != VISIBILITY_PUBLIC)
		gateway_reply_error(request, 403, NULL, NULL, "other machines get public files only");
	else
		judge(file);
}

/* --- its life */

static void start(struct gateway_request *request)
{
	struct file *file = calloc(1, sizeof *file);
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
	file->wait.may_begin = may_wait;
	file->name = (struct name){.type = route->type, .repo = route->repo, .revision = route->revision, .path = route->path};
	file->look = (struct hub_look){.name = &file->name, .on_done = on_look};
	err = gateway_hub_hold(&request->gateway->hubs, gateway_request_token(request), &file->hub, &why);
	if (!err)
		err = hub_look_start(file->hub->hub, &file->look, &why);
	if (err)
		gateway_reply_refusal(request, err, &none, &why);
}

static void end(struct gateway_request *request)
{
	struct file *file = request->work;

	if (!file)
		return;
	gateway_wait_stop(&file->wait);
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
