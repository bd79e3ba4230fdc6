/* gateway_fill: a whole file that an answer waits for, on its way into the store.
 *
 * A struct fetch that outlives the answer: where it is the only one, the file comes in although its client has gone. On the loop.
 */
#ifndef LARDER_NODE_GATEWAY_FILL_H
#define LARDER_NODE_GATEWAY_FILL_H

#include "node/fetch.h"
#include "node/gateway_blob.h"
#include "node/gateway_hubs.h"

struct gateway_fills {
	struct fetcher *fetcher; /* set by the owner, as is the next; borrowed */
	struct gateway_blobs *blobs;
	struct list all;
};

struct gateway_fill {
	/* Set by the owner. Both may come at any time until it is left, and neither from within a call of the owner's; after on_done the fill is to be left. */
	void (*on_more)(struct gateway_fill *fill);
	void (*on_done)(struct gateway_fill *fill, enum err err, const struct why *why);
	void *owner;
	/* Its own; `fetch` may be looked at. */
	struct gateway_fills *fills;
	struct list link;
	struct hub_listing listing; /* of one file */
	struct gateway_hub *hub;
	struct fetch fetch;
	bool is_left, is_done;
};

void gateway_fills_init(struct gateway_fills *fills);
/* Cancels all. */
void gateway_fills_release(struct gateway_fills *fills);

/* Begin, or join what has begun. Takes the listing over, which has that one file, in any case. */
enum err gateway_fill_start(struct gateway_fills *fills, struct gateway_hub *hub, struct hub_listing *listing, struct gateway_fill **ret_fill, struct why *why) LARDER_MUST_USE;
/* No further callback. NULL is fine. */
void gateway_fill_leave(struct gateway_fill *fill);

#endif
