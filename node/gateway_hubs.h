/* gateway_hubs: the hub as each client sees it, that is, with that client's own token.
 *
 * A `struct hub` for each token in use, kept a while afterwards, GATEWAY_HUBS_MAX at most. Tokens are found again by a keyed hash. No token: a hub that is asked anonymously. The node's own
 * token is for its owner's commands, and never used here. On the loop.
 */
#ifndef LARDER_NODE_GATEWAY_HUBS_H
#define LARDER_NODE_GATEWAY_HUBS_H

#include "node/hub.h"

#define GATEWAY_HUBS_MAX 64
#define GATEWAY_HUB_KEY_LEN 32

struct gateway_hub {
	struct hub *hub; /* borrowed while it is held */
	bool is_anonymous;
	/* gateway_hubs.c's own. */
	struct gateway_hubs *hubs;
	struct list link;
	unsigned users;
	uint8_t key[GATEWAY_HUB_KEY_LEN];
};

struct gateway_hubs {
	struct loop *loop; /* set by the owner, as are all up to `own`; borrowed */
	struct http *http;
	struct store *store;
	const struct hub *own; /* the node's, at the same address */
	/* Its own. */
	struct list all; /* the last one used first */
	unsigned count;
	uint64_t bytes;  /* that came past the store, and are not in the index's counter yet */
};

void gateway_hubs_init(struct gateway_hubs *hubs);
/* None is held any more. */
void gateway_hubs_release(struct gateway_hubs *hubs);

/* ERR_USAGE: that cannot be a token. ERR_BUSY: all are in use. ERR_NO_MEMORY. */
enum err gateway_hub_hold(struct gateway_hubs *hubs, const char *token, struct gateway_hub **ret_hub, struct why *why) LARDER_MUST_USE;
/* One more holder. */
struct gateway_hub *gateway_hub_share(struct gateway_hub *hub);
void gateway_hub_leave(struct gateway_hub *hub); /* NULL is fine */

/* So many bytes were brought from the hub past the store. */
void gateway_hubs_count(struct gateway_hubs *hubs, uint64_t bytes);

#endif
