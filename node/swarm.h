/* swarm: one fetch from several peers: who is asked for what, and who is believed (docs/PROOF.md).
 *
 * A machine of states without sockets, clock, bytes or files: it is told what happened (and when), and says what to do next. Peers are numbers that the caller chooses.
 * Chains come first and are compared; where two differ, one chunk from each side decides. Chunks are asked from the tail towards the front, several peers at once,
 * so that each is anchored soon after it arrives, with a bound on all that is not. Chunks are checked elsewhere (partial_put_many() on a worker), between the states that their sender
 * claims (swarm_states()), and the answer is told here. The hub, or whoever fills from the front, is the caller's: swarm_have() says what came that way.
 *
 * On the loop; nothing blocks. The caller's side:
 *   a peer is found                 swarm_add()                          it is gone: swarm_remove()
 *   after anything was told here, and when swarm_deadline_ms() has come: while (swarm_next(swarm, now, &task)) do it
 *   SWARM_ASK_CHAIN                 swarm_chain(), swarm_failed() with SWARM_NO_CHUNK
 *   SWARM_ASK_CHUNK                 swarm_received() for each piece, then swarm_checked() once; or swarm_failed()
 *   SWARM_CANCEL                    the bytes of that chunk are not wanted any more; nothing is to be told here
 *   SWARM_SUGGEST                   partial_suggest() before any chunk that is put from now on, then swarm_suggested()
 *   SWARM_VERDICT                   tell the peer (REJECT), remember it; nothing more is asked of it here
 *   after partial_put_many()        swarm_checked() for each; if partial_forgotten() has changed, swarm_have() and swarm_lack() for all; then swarm_anchored()
 */
#ifndef LARDER_NODE_SWARM_H
#define LARDER_NODE_SWARM_H

#include "store/partial.h"

struct swarm;

/* Bounds. */
#define SWARM_WINDOW 32                          /* chunks asked for or not yet anchored, over all peers */
#define SWARM_PEER_WINDOW_MIN 2                  /* chunks asked from one peer that has delivered; before that it is 1 without a record */
#define SWARM_PEER_WINDOW_MAX 16
#define SWARM_CHAINS 4                           /* different chains kept at a time */
#define SWARM_SOURCES 4                          /* peers in use at first; more when these do not fill the window */
#define SWARM_PEERS 64                           /* known in one fetch; more are refused */
#define SWARM_WASTE_MAX ((uint64_t)64 << 20)     /* bytes of no use, then: the hub, and peers with a record only */
/* Times. */
#define SWARM_CHAIN_WAIT_MS 150                  /* for the first peers' other chains, once one is here */
#define SWARM_CHAIN_MS 2000                      /* for a chain, and a millisecond for each kilobyte of it */
#define SWARM_SETTLE_MS 10000                    /* for a dispute; who is silent for SWARM_SILENT_MS in it loses at once */
#define SWARM_SILENT_MS 2000                     /* without a byte: its chunks are asked elsewhere */
#define SWARM_DROP_MS 6000                       /* without a chunk, while others deliver: dropped */
#define SWARM_VAIN_MS 120000                     /* asked, and no chunk came from anywhere: whoever owes something is dropped, drips and promises notwithstanding */
#define SWARM_DUPLICATE_MS 200                   /* at least, before the frontier is asked of a second peer; else 3 times the median */
#define SWARM_BUSY_MS 500                        /* a peer that said it is busy is left alone for that long */
#define SWARM_PEER_AIM_MS 400                    /* a peer's window is what it delivers in that time */
/* When the hub is wanted beside the peers. */
#define SWARM_SLOW_BYTES_PER_S ((uint64_t)1000000)
#define SWARM_SLOW_MS 5000

struct swarm_options {
	struct digest digest;
	uint64_t size;
};

/* All chunks are missing, no peer is known. ERR_LIMIT, ERR_NO_MEMORY. */
enum err swarm_create(const struct swarm_options *options, struct swarm **ret_swarm) LARDER_MUST_USE;
/* NULL is fine. */
void swarm_destroy(struct swarm *swarm);

/* --- what is here */

/* Chunks that are here, or are not any more: from a partial blob that is gone on with, from the hub, after partial_suggest() or a partial_put() that failed. */
void swarm_have(struct swarm *swarm, uint64_t first, uint64_t count);
void swarm_lack(struct swarm *swarm, uint64_t first, uint64_t count);
/* Chunks from `from` on are anchored (partial_anchored_from()); `states` has at least S(from) and all behind it (partial_chain()). Peers whose chains contradict them are refuted. */
void swarm_anchored(struct swarm *swarm, uint64_t from, const struct chain *states);
/* A chunk that the hub sent contradicts the states that were suggested (partial_put() failed between them, or partial_is_overruled()): who claims these is dropped as
 * unproven. */
void swarm_contradicted(struct swarm *swarm, uint64_t index);
bool swarm_is_complete(const struct swarm *swarm);

/* --- peers */

/* A peer that is said to have this blob, whole. `has_record`: it has delivered proven blobs before. Known already, or more than SWARM_PEERS: ignored. */
void swarm_add(struct swarm *swarm, uint64_t peer, bool has_record, int64_t now_ms);
/* It is gone; what was asked from it is asked elsewhere. */
void swarm_remove(struct swarm *swarm, uint64_t peer);
/* Its chain. Ownership of the states is taken in any case; *chain is emptied. One for another size is a reason to leave it alone. */
void swarm_chain(struct swarm *swarm, uint64_t peer, struct chain *chain, int64_t now_ms);

enum swarm_failure {
	SWARM_FAILED_NOT_HELD, /* it says that it does not have it */
	SWARM_FAILED_BUSY,
	SWARM_FAILED_TOO_MUCH, /* fewer at once, please */
	SWARM_FAILED_DAMAGED,  /* it has found its own copy broken */
	SWARM_FAILED_BROKEN,   /* no sense in what came; or the request could not be sent */
};
#define SWARM_NO_CHUNK UINT64_MAX /* it was the chain that was asked for */
/* What was asked will not come. */
void swarm_failed(struct swarm *swarm, uint64_t peer, uint64_t index, enum swarm_failure failure, int64_t now_ms);

/* `bytes` more of a chunk that was asked for, or not any more; `is_whole`: that was the last of it. */
void swarm_received(struct swarm *swarm, uint64_t peer, uint64_t index, size_t bytes, bool is_whole, int64_t now_ms);
/* The states beside a chunk that is whole now as this peer claimed them when it was asked, for struct partial_item. True: swarm_checked() must follow, whatever becomes of the
 * peer. False: it is not wanted any more; forget its bytes, and tell nothing. */
bool swarm_states(const struct swarm *swarm, uint64_t peer, uint64_t index, uint8_t ret_before[SHA256_LEN], uint8_t ret_after[SHA256_LEN]);
/* How it was found to be. PARTIAL_NOT_LOOKED_AT: it was lost on this side; it is asked again. */
void swarm_checked(struct swarm *swarm, uint64_t peer, uint64_t index, enum partial_answer answer, int64_t now_ms);

/* --- what to do */

enum swarm_verdict {
	SWARM_DAMAGED,  /* a chunk contradicts its own states: tell it which one (REJECT); leave it alone for this blob */
	SWARM_REFUTED,  /* its states contradict anchored ones */
	SWARM_UNPROVEN, /* silent, too slow or without what it claimed: for this fetch only. May be followed by another verdict */
};
enum swarm_purpose { SWARM_FETCH, SWARM_SETTLE, SWARM_DUPLICATE };

enum swarm_what { SWARM_ASK_CHAIN, SWARM_ASK_CHUNK, SWARM_CANCEL, SWARM_SUGGEST, SWARM_VERDICT };
struct swarm_task {
	enum swarm_what what;
	uint64_t peer;              /* but for SUGGEST */
	uint64_t index;             /* of ASK_CHUNK, CANCEL; of VERDICT: the chunk that shows it, or SWARM_NO_CHUNK */
	enum swarm_purpose purpose; /* of ASK_CHUNK */
	enum swarm_verdict verdict;
	const char *reason;         /* of VERDICT: for people, "its chain contradicts the blob". Static */
	const struct chain *chain;  /* of SUGGEST: borrowed until swarm_suggested(), which must come before swarm_destroy() is called */
};

/* The next thing to do; false: nothing now. */
bool swarm_next(struct swarm *swarm, int64_t now_ms, struct swarm_task *ret_task);
/* When swarm_next() is to be called again though nothing happens; INT64_MAX: never. Only right after it said false. */
int64_t swarm_deadline_ms(const struct swarm *swarm);

/* What this peer sent may lie here unread, since this machine was busy: its silence until now is not held against it. */
void swarm_excuse(struct swarm *swarm, uint64_t peer, int64_t now_ms);

/* The answer to SWARM_SUGGEST. What partial_suggest() said; `index` with ERR_UNPROVEN. Tell also what is missing now: swarm_have() and swarm_lack(). */
void swarm_suggested(struct swarm *swarm, enum err err, uint64_t index);

/* Whether bytes from elsewhere are wanted, were the hub to be spared. */
enum swarm_need {
	SWARM_NEEDS_NONE,
	SWARM_NEEDS_CHUNKS, /* there are chunks that no peer here will give */
	SWARM_NEEDS_SPEED,  /* all peers together have been slow; stays so until they are not */
	SWARM_NEEDS_TRUST,  /* too much was wasted; stays so */
};
enum swarm_need swarm_need(const struct swarm *swarm, int64_t now_ms);
/* With SWARM_NEEDS_CHUNKS: the chunk that all others wait for where there are peers, but none will give it. It should be the first to come from elsewhere. False: there are none, begin
 * where you like. */
bool swarm_is_stuck_at(const struct swarm *swarm, uint64_t *ret_index);

/* --- figures */

struct swarm_peer_figures {
	uint64_t good_bytes, wasted_bytes;
	uint64_t rate_bytes_per_s; /* measured while something was asked from it */
	unsigned outstanding;
	bool in_use;               /* false: in reserve, or dropped */
};
/* False where it is not known. */
bool swarm_peer_figures(const struct swarm *swarm, uint64_t peer, struct swarm_peer_figures *ret_figures);
/* Bytes that came from peers and were of no use; those that were. */
uint64_t swarm_wasted_bytes(const struct swarm *swarm);
uint64_t swarm_good_bytes(const struct swarm *swarm);
/* Of all peers together, over the last seconds. */
uint64_t swarm_rate_bytes_per_s(const struct swarm *swarm, int64_t now_ms);

#endif
