/* gateway_sent: what a client sends with its request, held until all of it is here; and how much of that is held for all clients together. On the loop. */
#ifndef LARDER_NODE_GATEWAY_SENT_H
#define LARDER_NODE_GATEWAY_SENT_H

#include "base/buf.h"
#include "node/gateway_request.h"

#define GATEWAY_SENT_ALL_MAX ((uint64_t)256 << 20) /* bytes */

struct gateway_sent {
	struct buf text;
	/* Its own. */
	uint64_t *all;    /* what is held for all */
	unsigned refusal; /* the status for what is not held; 0: it is */
};

/* `all` is borrowed; `limit` is that of this one. */
void gateway_sent_init(struct gateway_sent *sent, uint64_t *all, size_t limit);
/* Harmless when zero, and more than once. */
void gateway_sent_release(struct gateway_sent *sent);
/* Beyond a limit nothing is held any more: what comes is dropped, since who sends does not read before all is sent. */
void gateway_sent_add(struct gateway_sent *sent, const void *data, size_t len);
/* All is here. True: it was not held, and the request is answered: 413 with `too_large`, or 503 where others have taken the room. */
bool gateway_sent_refuse(const struct gateway_sent *sent, struct gateway_request *request, const char *too_large);

#endif
