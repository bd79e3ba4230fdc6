/* draw: the peers' side of a fetch: brings the chunks of one blob from peers.
 *
 * What swarm.h (a blob with a SHA-256) decides, done: asks go to peers (peers.h), chunks that came wait here for the worker that checks and keeps them, and the answers go back. On the
 * loop, but for draw_check(); never blocks. Embedded by its owner; zero before the first use.
 */
#ifndef LARDER_NODE_DRAW_H
#define LARDER_NODE_DRAW_H

#include "node/inflow.h"
#include "node/loop.h"
#include "node/peers.h"
#include "node/swarm.h"

#define DRAW_LOOK_MS 250 /* how often it is looked who holds the blob now */

/* What a worker is to do, and its answers. */
struct draw_batch {
	const struct chain *suggest; /* NULL: nothing is suggested */
	enum err suggest_err;
	uint64_t suggest_index;
	bool suggested;              /* the partial blob was asked */
	uint64_t forgotten;          /* partial_forgotten() before */
	struct list chunks;          /* struct drawn */
};

struct draw {
	struct loop *loop;   /* set by the owner before draw_start(), as are all up to on_change */
	struct peers *peers;
	void (*on_work)(struct draw *draw);                 /* there is something for draw_take(); never from within a call of the owner's */
	void (*on_progress)(struct draw *draw, size_t len); /* bytes came */
	void (*on_change)(struct draw *draw);               /* draw_need() or draw_is_alone() may say something else; at least every DRAW_LOOK_MS */
	/* Its own. */
	struct swarm *swarm; /* NULL: not started */
	struct digest digest;
	uint64_t size;
	struct list asks;    /* struct draw_ask */
	struct list arrived; /* struct drawn */
	const struct chain *suggest;
	bool is_out;         /* a batch is with the worker */
	bool is_pursued;     /* all that the swarm wants was done, since something was told to it */
	bool is_ending;      /* stopped; the swarm goes when the batch is back */
	struct loop_timer timer;
	uint64_t told_good, told_wasted; /* of the swarm's figures, what the owner has taken */
	uint64_t known[SWARM_PEERS];     /* everybody who was added */
	size_t known_count;
	unsigned judged;                 /* verdicts so far: peers that did not hold what they promised */
};

/* Begin; the owner tells what is there already with draw_sync(). */
enum err draw_start(struct draw *draw, const struct digest *digest, uint64_t size) LARDER_MUST_USE;
/* Takes all questions back, frees what arrived. A batch that is out is still to be given back. Harmless when not started. */
void draw_stop(struct draw *draw);
static inline bool draw_is_on(const struct draw *draw) { return draw->swarm && !draw->is_ending; }

/* What the partial blob has now: after it was opened, and when chunks were put or forgotten by others than draw_check(). */
void draw_sync(struct draw *draw, const struct partial *partial);
/* The hub put these. */
void draw_have(struct draw *draw, const struct partial *partial, uint64_t first, uint64_t count);
/* The hub's chunk contradicts what was suggested. */
void draw_contradicted(struct draw *draw, uint64_t index);
/* Where the hub should begin; false: anywhere. */
bool draw_is_stuck_at(const struct draw *draw, uint64_t *ret_index);

bool draw_has_work(const struct draw *draw);
/* Hand over; the batch is zero before, and given back with draw_done(). */
void draw_take(struct draw *draw, struct draw_batch *batch);
/* On the worker. The disk's errors; what peers sent wrong is in the answers. */
enum err draw_check(struct draw_batch *batch, struct partial *partial, struct why *why) LARDER_MUST_USE;
void draw_done(struct draw *draw, struct draw_batch *batch, const struct partial *partial);

/* Whether bytes from elsewhere are wanted. */
enum swarm_need draw_need(struct draw *draw);
/* Whether there is no peer that could give anything. */
bool draw_is_alone(struct draw *draw);
/* Bytes that were of use and of none, since this was asked last. */
void draw_figures(struct draw *draw, uint64_t *ret_good, uint64_t *ret_wasted);
/* The blob is proven: who helped has a record from now on. */
void draw_credit(struct draw *draw);

#endif
