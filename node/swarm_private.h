/* swarm_private: what the files of the swarm share. */
#ifndef LARDER_NODE_SWARM_PRIVATE_H
#define LARDER_NODE_SWARM_PRIVATE_H

#include "node/rate.h"
#include "node/swarm.h"

#define SWARM_NONE (-1)
#define SWARM_ASKS (2 * SWARM_WINDOW) /* with those that are to be cancelled still */
#define SWARM_SPARE 4                 /* of the window, kept for the frontier, second tries and disputes */
#define SWARM_LACKS 8                 /* chunks that a peer may not have; with more it is left alone */
#define SWARM_TIMES 15                /* chunk times that the median is taken of */
#define SWARM_TICK_MS 50

/* What is known of one chunk. */
#define CHUNK_HAVE 1U
#define CHUNK_ASKED 2U
#define CHUNK_LINKED 4U /* came from a peer, and is not anchored yet */
#define CHUNK_LATER 8U  /* contradicts what is here; to be asked again when it would be anchored */

enum peer_state { PEER_RESERVE, PEER_CHAIN_ASKED, PEER_READY, PEER_OUT };

struct swarm_peer {
	uint64_t id;
	bool is_used, is_gone, has_record;
	enum peer_state state;
	int slot;               /* of its chain, while READY; else SWARM_NONE */
	int64_t chain_asked_ms;
	unsigned outstanding, limit; /* chunks; no more than that, since it said so */
	uint64_t good_bytes, wasted_bytes;
	struct rate rate;
	int64_t wanted_ms;      /* since when something is wanted from it, or since the last whole chunk */
	int64_t byte_ms, good_ms, busy_until_ms;
	unsigned silences, failures; /* in a row */
	uint64_t lacks[SWARM_LACKS];
	unsigned lacks_count;
	uint64_t settle_round;  /* the last dispute in which it was asked */
	bool has_news;          /* a verdict that was not told yet */
	enum swarm_verdict verdict;
	uint64_t verdict_index;
	const char *reason;
	/* Where its chain differed from the one that was believed: decided when that place is anchored. */
	uint64_t doubt_index;   /* 0: nowhere */
	uint8_t doubt_state[SHA256_LEN];
};

struct swarm_ask {
	bool is_used, is_whole, is_cancelled;
	struct swarm_peer *peer;
	uint64_t index, bytes;
	enum swarm_purpose purpose;
	int64_t asked_ms;
	uint8_t before[SHA256_LEN], after[SHA256_LEN];
};

struct swarm_kept {
	bool is_used;
	struct chain chain;
	unsigned holders;    /* READY peers that have it */
	uint64_t differs;    /* the highest index where it differs from the candidate; 0: nowhere */
};

struct swarm {
	struct swarm_options options;
	uint64_t chunks, missing;
	uint8_t *status;     /* CHUNK_* */
	uint64_t top;        /* all chunks from here on are here */
	uint64_t linked;     /* how many CHUNK_LINKED there are */
	uint64_t anchored_from;
	struct chain anchored; /* states from there on; allocated at the first of them */

	struct swarm_peer peers[SWARM_PEERS];
	struct swarm_ask asks[SWARM_ASKS];
	struct swarm_kept kept[SWARM_CHAINS];

	int64_t first_chain_ms, first_peer_ms, source_ms;
	int64_t moved_ms;         /* when a chunk came last, or nobody owed anything */
	bool has_begun;
	int candidate, told;      /* slots; SWARM_NONE */
	bool is_telling;
	struct chain lent;        /* of a chain that was dropped while the caller looks at it */
	bool candidate_is_good;   /* a chunk was kept under it */

	uint64_t settle_round, settle_index; /* index 0: no dispute */
	int64_t settle_ms;
	int64_t settle_asked_ms[SWARM_CHAINS]; /* when a peer of that side was asked last */
	bool settle_blocks;       /* chunks up to it wait for it */

	uint64_t wasted_bytes, good_bytes;
	struct rate_history history;
	uint32_t times_ms[SWARM_TIMES];
	unsigned times_count;
	bool is_slow;
	int64_t deadline_ms, now_ms; /* of the last call that told the time */
};

/* --- swarm_peers.c */

struct swarm_peer *swarm_find(struct swarm *swarm, uint64_t id);
/* Leave it alone, and say so: what it was asked for is asked elsewhere. */
void swarm_put_out(struct swarm *swarm, struct swarm_peer *peer, enum swarm_verdict verdict, uint64_t index, const char *reason);
/* Whether it can be asked for anything now. */
bool swarm_is_askable(const struct swarm *swarm, const struct swarm_peer *peer, int64_t now_ms);
bool swarm_next_verdict(struct swarm *swarm, struct swarm_task *ret_task);
static inline bool swarm_is_missing(const struct swarm *swarm, uint64_t index) { return !(swarm->status[index] & CHUNK_HAVE); }

/* --- swarm_asks.c */

/* NULL: there are too many. */
struct swarm_ask *swarm_ask(struct swarm *swarm, struct swarm_peer *peer, uint64_t index, enum swarm_purpose purpose, int64_t now_ms);
struct swarm_ask *swarm_find_ask(struct swarm *swarm, const struct swarm_peer *peer, uint64_t index);
/* It is over, and its bytes so far were of use or not. */
void swarm_ask_end(struct swarm *swarm, struct swarm_ask *ask, bool was_good);
/* Not wanted any more; the caller is told. One that is here already and is being checked stays. */
void swarm_ask_cancel(struct swarm *swarm, struct swarm_ask *ask);
void swarm_cancel_peer(struct swarm *swarm, const struct swarm_peer *peer);
/* But for those that a dispute waits for. */
void swarm_cancel_index(struct swarm *swarm, uint64_t index);
unsigned swarm_count_asks(const struct swarm *swarm, uint64_t index);
bool swarm_next_cancel(struct swarm *swarm, struct swarm_task *ret_task);
void swarm_waste(struct swarm *swarm, struct swarm_peer *peer, uint64_t bytes);

/* --- swarm_chains.c */

/* Peers to be asked for their chains, verdicts by time. */
bool swarm_next_chain(struct swarm *swarm, int64_t now_ms, struct swarm_task *ret_task);
void swarm_chains_tick(struct swarm *swarm, int64_t now_ms);
bool swarm_next_suggest(struct swarm *swarm, struct swarm_task *ret_task);
/* It has its chain no more. */
void swarm_leave_chain(struct swarm *swarm, struct swarm_peer *peer);
/* All who have it are put out, and it goes. index: where it is shown; doubt: whether it is to be decided there later. */
void swarm_drop_chain(struct swarm *swarm, int slot, enum swarm_verdict verdict, uint64_t index, const char *reason);
/* The highest index where two chains for one size differ; 0: nowhere. */
uint64_t swarm_differ(const struct chain *a, const struct chain *b);

/* --- swarm_settle.c */

void swarm_settle_tick(struct swarm *swarm, int64_t now_ms);
bool swarm_next_settle(struct swarm *swarm, int64_t now_ms, struct swarm_task *ret_task);
/* The link from this state at the disputed chunk holds. */
void swarm_settle_proven(struct swarm *swarm, uint64_t index, const uint8_t before[SHA256_LEN]);
void swarm_settle_begin_anew(struct swarm *swarm);

/* --- swarm_window.c */

void swarm_window_tick(struct swarm *swarm, int64_t now_ms);
bool swarm_next_chunk(struct swarm *swarm, int64_t now_ms, struct swarm_task *ret_task);
/* Chunks asked for, being checked, or linked and not anchored. */
uint64_t swarm_in_flight(const struct swarm *swarm);
/* Whether more peers would be of use. */
bool swarm_wants_sources(const struct swarm *swarm, int64_t now_ms);
/* Whether it may be asked for chunk `index`: its chain agrees with the candidate there. */
bool swarm_may_give(const struct swarm *swarm, const struct swarm_peer *peer, uint64_t index);
/* Since when its peer has had nothing before it to send, as far as can be seen; and how long that took for a whole chunk. */
int64_t swarm_served_since_ms(const struct swarm_ask *ask);
void swarm_note_time(struct swarm *swarm, int64_t elapsed_ms);

#endif
