/* ledger: what is remembered of nodes from one run to the next: who delivered proven blobs, and who is shunned. HOME/peers, a line of text for each key.
 *
 * On the loop. Reading blocks, once; writing is a job of the pool. Nothing depends on it being there: keys are free, so this is a convenience (DESIGN: whom to believe).
 */
#ifndef LARDER_NODE_LEDGER_H
#define LARDER_NODE_LEDGER_H

#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"

#include <stdint.h>

#define LEDGER_MAX 1024      /* keys; those seen longest ago go first, shunned ones last */
#define LEDGER_KEY_LEN 32
#define LEDGER_REASON_MAX 128
#define LEDGER_SAVE_MS 10000 /* how often ledger_save() is worth calling */

struct ledger;

struct ledger_entry {
	uint8_t key[LEDGER_KEY_LEN];
	uint64_t good_bytes;      /* of proven blobs */
	int64_t seen_s;           /* wall clock */
	int64_t refuted_until_s;  /* 0: is not shunned */
	char reason[LEDGER_REASON_MAX];
};

/* What cannot be read is left out. `clock` and `pool` are borrowed, `home` and `log` too. ERR_NO_MEMORY. */
enum err ledger_open(const char *home, struct clock *clock, struct pool *pool, struct log *log, struct ledger **ret_ledger) LARDER_MUST_USE;
/* Writes what has changed. Blocks. NULL is fine. */
void ledger_close(struct ledger *ledger);
/* Begin to write what has changed, if anything has. */
void ledger_save(struct ledger *ledger);

/* NULL: nothing is known. Borrowed until the next change. */
const struct ledger_entry *ledger_find(const struct ledger *ledger, const uint8_t key[LEDGER_KEY_LEN]);
/* Whether it is shunned now. */
bool ledger_is_refuted(const struct ledger *ledger, const uint8_t key[LEDGER_KEY_LEN]);

void ledger_credit(struct ledger *ledger, const uint8_t key[LEDGER_KEY_LEN], uint64_t good_bytes);
/* `reason` is copied, cut, and tamed. What it has delivered counts for nothing any more. */
void ledger_refute(struct ledger *ledger, const uint8_t key[LEDGER_KEY_LEN], int64_t for_s, const char *reason);

#endif
