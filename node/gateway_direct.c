#include "node/gateway_direct.h"

#include <stdlib.h>

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
	if (err) {
		hub_body_cancel(direct->hub->hub, body);
		end(direct, err, NULL);
		return;
	}
	if (gateway_pipe_len(&direct->pipe) >= PIPE_FULL_BYTES && !direct->is_paused) {
		direct->is_paused = true;
		hub_body_pause(body);
	}
	direct->on_more(direct);
}

static void on_done(struct hub_body *body, enum err err, const struct why *why)
{
	end(container_of(body, struct gateway_direct, body), err, why);
}

enum err gateway_direct_start(struct gateway_hub *hub, struct hub_listing *listing, uint64_t first, uint64_t end_byte, struct gateway_direct **ret_direct, struct why *why)
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
		.on_bytes = on_bytes,
		.on_done = on_done,
	};
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
	gateway_hub_leave(direct->hub);
	hub_listing_release(&direct->listing);
	gateway_pipe_release(&direct->pipe);
	free(direct);
}

size_t gateway_direct_read(struct gateway_direct *direct, void *data, size_t len)
{
	size_t taken = gateway_pipe_take(&direct->pipe, data, len);

	if (direct->is_paused && gateway_pipe_len(&direct->pipe) < PIPE_LOW_BYTES) {
		direct->is_paused = false;
		hub_body_resume(&direct->body);
	}
	return taken;
}
