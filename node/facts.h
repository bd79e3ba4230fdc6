/* facts: what a node can say of itself to anybody on this machine: numbers, and no name of any file. On the loop.
 *
 * For the pages /-/status (JSON) and /-/metrics (Prometheus' text format 0.0.4).
 */
#ifndef LARDER_NODE_FACTS_H
#define LARDER_NODE_FACTS_H

#include "base/buf.h"
#include "base/pool.h"

#include <jansson.h>

struct node;

#define FACTS_TEXT_MAX ((size_t)65536) /* of a page */

struct facts {
	const char *version, *node, *name, *home, *hub; /* borrowed from the node */
	bool group_is_open;
	uint64_t uptime_s;
	uint64_t peers, transfers;           /* now */
	uint64_t shared_blobs, shared_bytes;
	uint64_t blobs, bytes;               /* held */
	/* Ever, on this home. */
	uint64_t hub_bytes, hub_requests, peer_bytes, wasted_bytes, saved_bytes;
	/* Since the node began: from what was held, to programs; and to peers. */
	uint64_t store_bytes, served_bytes;
};

/* --- pure. "larder" in the object is the version: by it a gateway is known. NULL: out of memory. */
json_t *facts_json(const struct facts *facts);
enum err facts_metrics(const struct facts *facts, struct buf *ret_text) LARDER_MUST_USE;

/* --- gathering; the index is read on a worker */
struct facts_look;
struct facts_ask {
	void (*on_done)(struct facts_ask *ask, enum err err, const struct facts *facts); /* never from within facts_start(); `facts` for the call */
	struct facts_look *look; /* its own */
};
/* Set on_done first. ERR_NO_MEMORY. */
enum err facts_start(struct node *node, struct facts_ask *ask) LARDER_MUST_USE;
/* on_done will not come. Harmless when it did. The node may only go once the worker has ended, as is so for all that is on its pool. */
void facts_cancel(struct facts_ask *ask);

#endif
