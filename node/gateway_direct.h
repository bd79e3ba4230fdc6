/* gateway_direct: bytes of a file straight from the hub, in order, for one answer; nothing of them is kept.
 *
 * Of a whole file the last chunk is held back until its digest was found to be right: else the end is ERR_UNPROVEN, and that chunk is not given. On the loop, hashing included. */
#ifndef LARDER_NODE_GATEWAY_DIRECT_H
#define LARDER_NODE_GATEWAY_DIRECT_H

#include "node/gateway_hubs.h"
#include "node/gateway_pipe.h"

struct gateway_direct {
	/* Set by the owner, who may close it from within. Never from within a call of the owner's. */
	void (*on_more)(struct gateway_direct *direct); /* bytes came, or the end */
	void *owner;
	/* Its own; those of the first line may be looked at. */
	bool is_done; enum err err; struct why why;
	struct gateway_hub *hub;
	struct hub_listing listing;
	struct hub_body body;
	struct gateway_pipe pipe;
	bool is_paused;
	uint64_t bytes;  /* that came from the hub */
	void *hash;      /* of a whole file: EVP_MD_CTX; NULL otherwise */
};

/* Bytes first .. end - 1 of the listing's one file; takes the listing over in any case. `quick` as in hub_body. */
enum err gateway_direct_start(struct gateway_hub *hub, struct hub_listing *listing, uint64_t first, uint64_t end, bool quick, struct gateway_direct **ret_direct,
			      struct why *why) LARDER_MUST_USE;
void gateway_direct_close(struct gateway_direct *direct); /* NULL is fine */

/* It has failed, and all that may be given was read. */
bool gateway_direct_is_spent(const struct gateway_direct *direct);
size_t gateway_direct_read(struct gateway_direct *direct, void *data, size_t len);

#endif
