#include "node/gateway_fill.h"

#include <stdlib.h>

void gateway_fills_init(struct gateway_fills *fills)
{
	list_init(&fills->all);
}

static void fill_free(struct gateway_fill *fill)
{
	fetch_cancel(&fill->fetch);
	list_remove(&fill->link);
	hub_listing_release(&fill->listing);
	gateway_hub_leave(fill->hub);
	free(fill);
}

void gateway_fills_release(struct gateway_fills *fills)
{
	while (!list_is_empty(&fills->all))
		fill_free(container_of(fills->all.next, struct gateway_fill, link));
}

static void on_more(struct fetch *fetch)
{
	struct gateway_fill *fill = container_of(fetch, struct gateway_fill, fetch);

	if (!fill->is_left)
		fill->on_more(fill);
}

static void on_done(struct fetch *fetch, enum err err, const struct why *why)
{
	struct gateway_fill *fill = container_of(fetch, struct gateway_fill, fetch);

	fill->is_done = true;
	if (!err && !fetch->was_held && fill->is_left)
		gateway_blobs_note_made(fill->fills->blobs, &fetch->digest);
	if (fill->is_left)
		fill_free(fill);
	else
		fill->on_done(fill, err, why);
}

enum err gateway_fill_start(struct gateway_fills *fills, struct gateway_hub *hub, struct hub_listing *listing, struct gateway_fill **ret_fill, struct why *why)
{
	struct gateway_fill *fill = calloc(1, sizeof *fill);
	enum err err;

	if (!fill) {
		hub_listing_release(listing);
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	}
	fill->fills = fills;
	fill->listing = *listing;
	*listing = (struct hub_listing){0};
	fill->hub = gateway_hub_share(hub);
	fill->fetch = (struct fetch){.listing = &fill->listing, .file = fill->listing.files, .hub = hub->hub, .on_done = on_done, .on_more = on_more};
	list_append(&fills->all, &fill->link);
	err = fetch_start(fills->fetcher, &fill->fetch, why);
	if (err)
		fill_free(fill);
	else
		*ret_fill = fill;
	return err;
}

void gateway_fill_leave(struct gateway_fill *fill)
{
	if (!fill)
		return;
	fill->is_left = true;
	if (fill->is_done || !fetch_is_needed(&fill->fetch))
		fill_free(fill);
}
