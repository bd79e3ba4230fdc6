/* inflow: a hub body cut into whole chunks, paused when they are not taken away.
 *
 * On the loop; never blocks. Embedded by its owner; zero before the first start.
 */
#ifndef LARDER_NODE_INFLOW_H
#define LARDER_NODE_INFLOW_H

#include "node/hub.h"
#include "store/chain.h"

#define INFLOW_MAX_CHUNKS 8 /* chunks that may be out, queued or taken and not given back; beyond them the hub is paused */

struct chunk {
	struct list link;
	uint64_t index;
	size_t len, filled;
	uint8_t data[];
};
/* Free all chunks of a list; returns how many there were. */
size_t chunk_free_all(struct list *chunks);

struct inflow {
	struct hub *hub; /* set by the owner before inflow_init(), as are these callbacks */
	void (*on_chunk)(struct inflow *inflow);            /* a chunk was queued; may cancel */
	void (*on_progress)(struct inflow *inflow, size_t len); /* that many bytes came; must not cancel */
	void (*on_done)(struct inflow *inflow, enum err err, const struct why *why); /* no more will come; what is queued is good */
	/* Its own. */
	struct list queue;
	size_t out;
	struct chunk *filling;
	struct hub_body body;
	bool running, paused;
};

void inflow_init(struct inflow *inflow);
/* Cancels, frees what is queued. */
void inflow_release(struct inflow *inflow);

/* Bring chunks first .. first + count - 1. The pointers are borrowed until done or cancelled. The one chunk of an empty file is queued at once, with on_done
 * (and no on_chunk) to follow from within the call. */
enum err inflow_start(struct inflow *inflow, enum repo_type type, const char *repo, const char *commit, const struct hub_file *file,
		      uint64_t first, uint64_t count, struct why *why) LARDER_MUST_USE;
/* Stop; what is queued stays. No callback. */
void inflow_cancel(struct inflow *inflow);

/* Move all queued chunks to `to`; they are the caller's, and still count as out. */
void inflow_take(struct inflow *inflow, struct list *to);
/* So many taken chunks were freed: may resume the hub. */
void inflow_give_back(struct inflow *inflow, size_t count);

#endif
