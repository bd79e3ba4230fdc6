/* relay: a file outside LFS from one peer, in order.
 *
 * Such a file has a git blob id, which proves the whole and no part of it: so all of it comes from one peer, and is believed when the end was reached. On the loop; never blocks. Embedded by its
 * owner; zero before the first use.
 */
#ifndef LARDER_NODE_RELAY_H
#define LARDER_NODE_RELAY_H

#include "node/inflow.h"
#include "node/loop.h"
#include "node/peers.h"

#define RELAY_MAX_SIZE ((uint64_t)64 << 20) /* larger files outside LFS come from the hub: a peer's lie would cost too much */
#define RELAY_WINDOW 8     /* chunks asked for, or queued and not given back */
#define RELAY_SILENT_MS 3000 /* without a byte: the peer is given up */
#define RELAY_SLOW_BYTES_PER_S 100000 /* the next chunk at that pace, and RELAY_SILENT_MS: whoever only drips is given up, too */

struct relay;

struct relay_ask {
	struct relay *relay;
	struct peer_ask ask;
	struct chunk *chunk; /* owned; NULL: free */
	bool is_whole;
};

struct relay {
	struct loop *loop;   /* set by the owner before relay_start(), as are all up to on_end */
	struct peers *peers;
	void (*on_chunk)(struct relay *relay);              /* chunks were queued */
	void (*on_progress)(struct relay *relay, size_t len);
	void (*on_end)(struct relay *relay, enum err err);  /* ERR_OK: all were queued; else this peer does not give it. Nothing more will come */
	/* Its own. */
	bool running;
	uint64_t peer, size, next, end; /* chunks next .. end - 1 are not asked for yet */
	struct digest digest;
	size_t out;                     /* queued or taken, and not given back */
	struct list queue;
	struct relay_ask asks[RELAY_WINDOW]; /* chunk i is at i % RELAY_WINDOW */
	uint64_t first;                 /* the next to be queued */
	int64_t first_ms;               /* since when it is waited for */
	struct loop_timer timer;
};

enum err relay_start(struct relay *relay, uint64_t peer, const struct digest *digest, uint64_t size) LARDER_MUST_USE;
/* Stop and free what is queued. No callback. Harmless when not running, if zeroed before the first use. */
void relay_stop(struct relay *relay);
void relay_take(struct relay *relay, struct list *to);
void relay_give_back(struct relay *relay, size_t count);
static inline bool relay_has_chunks(const struct relay *relay) { return relay->queue.next && !list_is_empty(&relay->queue); }

#endif
