#include "node/gateway_direct.h"

#include "store/chain.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the proof of a whole file */

static enum err start_hash(struct gateway_direct *direct)
{
	const struct hub_file *file = direct->body.file;
	bool is_git = file->digest.algorithm == DIGEST_GIT_SHA1;
	char header[32];
	int len = snprintf(header, sizeof header, "blob %" PRIu64, file->size);

	if (direct->body.first > 0 || direct->body.end < file->size)
		return ERR_OK;
	direct->hash = EVP_MD_CTX_new();
	if (!direct->hash)
		return ERR_NO_MEMORY;
	if (EVP_DigestInit_ex(direct->hash, is_git ? EVP_sha1() : EVP_sha256(), NULL) != 1 || (is_git && EVP_DigestUpdate(direct->hash, header, (size_t)len + 1) != 1))
		return ERR_UNSUPPORTED;
	return ERR_OK;
}

static bool is_right(struct gateway_direct *direct)
{
	const struct digest *digest = &direct->body.file->digest;
	struct digest found = {.algorithm = digest->algorithm};
	unsigned char bytes[EVP_MAX_MD_SIZE];

	if (EVP_DigestFinal_ex(direct->hash, bytes, NULL) != 1)
		return false;
	memcpy(found.bytes, bytes, digest_len(digest->algorithm));
	return digest_equal(&found, digest);
}

/* Bytes that came and may be given. */
static size_t readable(const struct gateway_direct *direct)
{
	uint64_t size = direct->body.file->size, last = chain_chunk_offset(chain_chunk_count(size) - 1);
	bool is_held_back = direct->hash && (!direct->is_done || direct->err) && direct->bytes > last;

	return gateway_pipe_len(&direct->pipe) - (is_held_back ? (size_t)(direct->bytes - last) : 0);
}

bool gateway_direct_is_spent(const struct gateway_direct *direct)
{
	return direct->is_done && direct->err && readable(direct) == 0;
}

/* --- from the hub */

static void end(struct gateway_direct *direct, enum err err, const struct why *why)
{
	direct->is_done = true;
	direct->err = err;
	if (why)
		direct->why = *why;
	direct->on_more(direct);
}

static void on_bytes(struct hub_body *body, const uint8_t *data, size_t len)
{
	struct gateway_direct *direct = container_of(body, struct gateway_direct, body);
	enum err err;

	direct->bytes += len;
	err = gateway_pipe_add(&direct->pipe, data, len);
	if (!err && direct->hash && EVP_DigestUpdate(direct->hash, data, len) != 1)
		err = ERR_IO;
	if (err) {
		direct->bytes -= len;
		hub_body_cancel(direct->hub->hub, body);
		end(direct, err, NULL);
		return;
	}
	if (readable(direct) >= PIPE_FULL_BYTES && !direct->is_paused) {
		direct->is_paused = true;
		hub_body_pause(body);
	}
	direct->on_more(direct);
}

static void on_done(struct hub_body *body, enum err err, const struct why *why)
{
	struct gateway_direct *direct = container_of(body, struct gateway_direct, body);
	struct why wrong = {0};

	if (!err && direct->hash && !is_right(direct))
		end(direct, why_set(&wrong, ERR_UNPROVEN, "%s is not what the hub says it is", body->file->path), &wrong);
	else
		end(direct, err, why);
}

enum err gateway_direct_start(struct gateway_hub *hub, struct hub_listing *listing, uint64_t first, uint64_t end_byte, bool quick, struct gateway_direct **ret_direct,
			      struct why *why)
{
	struct gateway_direct *direct = calloc(1, sizeof *direct);
	enum err err;

	if (!direct) {
		hub_listing_release(listing);
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	}
	direct->hub = gateway_hub_share(hub);
	direct->listing = *listing;
	*listing = (struct hub_listing){0};
	gateway_pipe_init(&direct->pipe);
	direct->body = (struct hub_body){
		.type = direct->listing.type,
		.repo = direct->listing.repo,
		.commit = direct->listing.commit,
		.file = direct->listing.files,
		.first = first,
		.end = end_byte,
		.quick = quick,
		.on_bytes = on_bytes,
		.on_done = on_done,
	};
	err = start_hash(direct);
	if (!err)
		err = hub_body_start(hub->hub, &direct->body, why);
	if (err)
		gateway_direct_close(direct);
	else
		*ret_direct = direct;
	return err;
}

void gateway_direct_close(struct gateway_direct *direct)
{
	if (!direct)
		return;
	hub_body_cancel(direct->hub->hub, &direct->body);
	gateway_hubs_count(direct->hub->hubs, direct->bytes);
	gateway_hub_leave(direct->hub);
	EVP_MD_CTX_free(direct->hash);
	hub_listing_release(&direct->listing);
	gateway_pipe_release(&direct->pipe);
	free(direct);
}

size_t gateway_direct_read(struct gateway_direct *direct, void *data, size_t len)
{
	size_t there = readable(direct), taken = gateway_pipe_take(&direct->pipe, data, len < there ? len : there);

	if (direct->is_paused && there - taken < PIPE_LOW_BYTES) {
		direct->is_paused = false;
		hub_body_resume(&direct->body);
	}
	return taken;
}
