/* inflow: a file's bytes from the hub as whole chunks in order, over one connection or several, held up when chunks are not taken away.
 *
 * On the loop; never blocks. Embedded by its owner; zero before the first start.
 */
#ifndef LARDER_NODE_INFLOW_H
#define LARDER_NODE_INFLOW_H

#include "node/hub.h"
#include "node/lanes.h"
#include "store/chain.h"

/* Chunks in memory for each connection: out (queued, or taken and not given back), waiting for one before them, or coming in. Beyond them the hub is paused, or asked for no more. */
#define INFLOW_MAX_CHUNKS 8
#define INFLOW_WINDOW_CHUNKS (LANES_MAX * INFLOW_MAX_CHUNKS) /* with as many connections as there may be */

struct chunk {
	struct list link;
	uint64_t index;
	size_t len, filled;
	bool was_read; /* by inflow_read(), before it was whole */
	uint8_t data[];
};
/* Free all chunks of a list; returns how many there were. */
size_t chunk_free_all(struct list *chunks);

/* One connection and its segment of the file. */
struct inflow_lane {
	struct inflow *inflow;
	struct hub_body body;
	struct chunk *filling;
	uint64_t at, end; /* chunks that it still brings: at .. end - 1 */
	bool running;
	bool is_only;     /* started while one was wanted */
};

struct inflow {
	struct hub *hub; /* set by the owner before inflow_init(), as are these callbacks */
	void (*on_chunk)(struct inflow *inflow);            /* chunks were queued; may cancel */
	void (*on_progress)(struct inflow *inflow, size_t len); /* that many bytes came; must not cancel */
	void (*on_done)(struct inflow *inflow, enum err err, const struct why *why); /* no more will come; what is queued is good. May come from within inflow_give_back() */
	/* Its own. */
	struct list queue;
	size_t out;
	bool running, paused;
	enum repo_type type;
	const char *repo, *commit;
	const struct hub_file *file;
	uint64_t frontier, end; /* chunks to be queued: frontier .. end - 1 */
	struct chunk *held[INFLOW_WINDOW_CHUNKS]; /* complete, but one before them is missing: at index % INFLOW_WINDOW_CHUNKS */
	struct inflow_lane each[LANES_MAX];
	struct lanes lanes;
	struct hub_place place; /* of the file; kept from start to start */
	unsigned lost; /* how many chunks were dropped that somebody had read from: they may come again with other bytes */
};

void inflow_init(struct inflow *inflow);
/* Cancels, frees what is queued. */
void inflow_release(struct inflow *inflow);

/* Bring chunks first .. first + count - 1 of the file, the same one at each start. The pointers are borrowed until done or cancelled. The one chunk of an empty file is queued at once, with on_done
 * (and no on_chunk) to follow from within the call. */
enum err inflow_start(struct inflow *inflow, enum repo_type type, const char *repo, const char *commit, const struct hub_file *file,
		      uint64_t first, uint64_t count, struct why *why) LARDER_MUST_USE;
/* Stop; what is queued stays. No callback. */
void inflow_cancel(struct inflow *inflow);

/* Copy what has come of the bytes from `at` on, of one chunk at most, of those that were not taken yet. Returns how many; 0: none. */
size_t inflow_read(struct inflow *inflow, uint64_t at, void *data, size_t len);
/* The same of one chunk. */
size_t chunk_read(const struct chunk *chunk, uint64_t at, void *data, size_t len);

/* Move all queued chunks to `to`; they are the caller's, and still count as out. */
void inflow_take(struct inflow *inflow, struct list *to);
/* So many taken chunks were freed: may resume the hub. */
void inflow_give_back(struct inflow *inflow, size_t count);

#endif
