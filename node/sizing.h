/* sizing: how large a blob is, where only peers say so: a digest was asked for, and no hub knows it.
 *
 * Peers claim sizes. For each claimed one the state before the last chunk and the last chunk are asked for, and only one whose link leads to the digest settles it (docs/PROOF.md,
 * "Size and padding"). Nothing is allocated by a claim. Like swarm.h a machine without sockets, clock or bytes: it is told, and says what to do.
 *
 *   while (sizing_next(sizing, now, &task)) ask for it
 *   SIZING_ASK_SIZE       sizing_size()
 *   SIZING_ASK_STATE      S(index) of this size: sizing_state()
 *   SIZING_ASK_CHUNK      the last chunk. Check its link from sizing_before() to the digest: sizing_checked()
 * and sizing_failed() for whatever does not come. On the loop.
 */
#ifndef LARDER_NODE_SIZING_H
#define LARDER_NODE_SIZING_H

#include "store/chain.h"

struct sizing;

#define SIZING_PROVING 4     /* peers that prove what they claim, at a time */
#define SIZING_ASKED 2       /* of these, so many for one size */
#define SIZING_AGAIN_MS 400  /* between the first and the second of them */
#define SIZING_PEERS 16      /* asked for a size, over all; more are ignored */
#define SIZING_WAIT_MS 3000  /* for an answer */

enum sizing_what { SIZING_ASK_SIZE, SIZING_ASK_STATE, SIZING_ASK_CHUNK };
struct sizing_task {
	enum sizing_what what;
	uint64_t peer;
	uint64_t size, index; /* of STATE and CHUNK */
};

/* NULL: out of memory. */
struct sizing *sizing_create(void);
void sizing_destroy(struct sizing *sizing);

void sizing_add(struct sizing *sizing, uint64_t peer);
void sizing_remove(struct sizing *sizing, uint64_t peer);

/* Answers. One that was not asked for is ignored. A size above CHAIN_MAX_BLOB is none. */
void sizing_size(struct sizing *sizing, uint64_t peer, uint64_t size);
void sizing_state(struct sizing *sizing, uint64_t peer, const uint8_t state[SHA256_LEN]);
void sizing_checked(struct sizing *sizing, uint64_t peer, bool holds);
void sizing_failed(struct sizing *sizing, uint64_t peer);
/* The state before the last chunk as this peer claims it, for chain_check() (zero where the blob has one chunk only). False: it was not asked for its last chunk. */
bool sizing_before(const struct sizing *sizing, uint64_t peer, uint64_t *ret_size, uint8_t ret_before[SHA256_LEN]);

bool sizing_next(struct sizing *sizing, int64_t now_ms, struct sizing_task *ret_task);
int64_t sizing_deadline_ms(const struct sizing *sizing);

/* Whether it is known, proven by a link to the digest. */
bool sizing_is_settled(const struct sizing *sizing, uint64_t *ret_size);
/* Whether no peer is left that could tell; right after sizing_next() said false. */
bool sizing_is_hopeless(const struct sizing *sizing);

#endif
