/* peer_side: one end of a session, for tests: an owner that keeps what is sent until it is carried over, and a share that the test fills.
 *
 * Two sides share one clock. No cmocka in here: for fuzzing, too.
 */
#ifndef LARDER_TESTS_PEER_SIDE_H
#define LARDER_TESTS_PEER_SIDE_H

#include "node/peer.h"
#include "support/fake_share.h"

struct side_frame {
	struct list link;
	enum wire_type type;
	size_t control_len, bulk_len;
	uint8_t bytes[]; /* control, then bulk */
};

struct side {
	struct peer_owner owner;
	struct peer peer;
	struct peer_self self;
	struct share share;
	struct holdings holdings;
	struct holdings_budget budget;
	int64_t *now_us;
	struct list sent;      /* struct side_frame */
	/* How it behaves. */
	bool is_full, is_cut;  /* send() says ERR_BUSY, ERR_CUT */
	int admit;             /* what on_admit() says */
	/* What it saw. */
	unsigned admits, readies, questions, writables, holdings_told, addresses;
	enum wire_type question, bulk; /* the last one of each */
};

/* `identity` and `group` are borrowed. The share is empty, at generation 1. */
void side_init(struct side *side, const struct identity *identity, const struct group *group, uint64_t epoch, int64_t *now_us);
void side_release(struct side *side);

/* Begin: the one dials, the other is dialed (with the CURVE key that `dialer` shows). */
void side_dial(struct side *side);
void side_take(struct side *side, const struct side *dialer);

/* Give `to` what `from` has sent, in both directions until nothing is left; or only the first message; returns whether there was one. */
void side_carry(struct side *a, struct side *b);
bool side_carry_one(struct side *from, struct side *to);
/* Throw away what was sent; take the first message off; how many of a type are there. */
void side_forget(struct side *side);
struct side_frame *side_take_frame(struct side *side);
unsigned side_count(const struct side *side, enum wire_type type);
/* The session of `to` gets this message. */
void side_tell(struct side *to, const struct wire_message *message);

#endif
