/* holdings: the tags that one peer says it holds.
 *
 * One for each peer. A snapshot comes in parts and takes the place of what was known at its last part, all at once; after it come changes, each with
 * the next generation. What is known stays in use while it is mended. Bounded for each peer, and by a budget that all share. Pure, takes memory; one
 * thread.
 */
#ifndef LARDER_NODE_HOLDINGS_H
#define LARDER_NODE_HOLDINGS_H

#include "base/err.h"
#include "node/tag.h"
#include "node/wire.h"

#define HOLDINGS_TAGS_MAX ((size_t)1000000)          /* of one peer */
#define HOLDINGS_BUDGET_BYTES ((size_t)64 << 20)     /* of all peers together; what struct holdings_budget is to be set to */
#define HOLDINGS_TAIL 128                            /* single changes of either kind that wait to be merged */

struct holdings_budget {
	size_t used_bytes; /* zero at first */
	size_t limit_bytes;
};

struct holdings {
	struct holdings_budget *budget; /* borrowed */
	/* In order, without doubles. */
	struct tag *tags;
	size_t count, room;
	/* What has changed since, until it is merged; no tag twice. Its first half are tags that were added, the other half those that were taken away. */
	struct tag *tail;      /* 2 * HOLDINGS_TAIL; NULL until there is one */
	size_t tail_added, tail_removed;
	uint64_t generation;
	bool is_current;       /* a snapshot has been taken, and no change was missed since */
	/* The snapshot that is coming. */
	struct tag *coming;
	size_t coming_count, coming_room;
	uint64_t coming_generation;
	uint32_t coming_part;  /* the next one */
	enum { HOLDINGS_IDLE, HOLDINGS_COMING, HOLDINGS_PASSED_OVER } coming_state;
};

/* Nothing is known. */
void holdings_init(struct holdings *holdings, struct holdings_budget *budget);
void holdings_release(struct holdings *holdings);

/* HOLDINGS. ERR_INVALID: a part out of order or of another generation, or tags that do not ascend: a rule is broken. ERR_LIMIT, ERR_NO_MEMORY: more
 * than there may be; the rest of this snapshot is passed over (ERR_OK), what was known stays as it was, and is not current. */
enum err holdings_part(struct holdings *holdings, const struct wire_holdings *part) LARDER_MUST_USE;

/* HAVE. ERR_OK, also where there is no set yet (then it is ignored). ERR_CUT: a change was missed: send RESYNC. It is said once; until the snapshot is
 * here changes are ignored. ERR_INVALID: amid a snapshot. ERR_LIMIT, ERR_NO_MEMORY: more than there may be; not current from here on, and no use in RESYNC. */
enum err holdings_have(struct holdings *holdings, const struct wire_have *have) LARDER_MUST_USE;

/* After a reconnection: the peer says its generation, under the same epoch as before. True: what is here is that; no RESYNC is needed. */
bool holdings_is_at(const struct holdings *holdings, uint64_t generation);

/* Whether a snapshot has been taken, and nothing was missed since. */
bool holdings_is_current(const struct holdings *holdings);
bool holdings_has(const struct holdings *holdings, const struct tag *tag);
/* How many tags. */
size_t holdings_count(const struct holdings *holdings);

#endif
