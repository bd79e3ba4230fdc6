/* journal: which chunks of a partial blob are in its data file, and the states between them. Internal to the store.
 *
 * A header and one slot a chunk, at fixed places, each slot with a checksum, so that a torn one counts as empty. Nothing in it needs to be
 * true: partial.c checks the link of every chunk that it claims. The file never leaves its machine; numbers are in the machine's own order.
 * It also is the lock of the partial blob: open is locked. Blocks on the disk; one thread at a time.
 */
#ifndef LARDER_STORE_JOURNAL_H
#define LARDER_STORE_JOURNAL_H

#include "store/chain.h"
#include "store/store.h"

struct journal;

#define JOURNAL_HAVE 1U   /* the chunk was checked and written */
#define JOURNAL_STATE 2U  /* the state after the chunk is known */
#define JOURNAL_PROVEN 4U /* and comes from the chain of a blob that was proven */
#define JOURNAL_BELIEVED 8U /* the chunk came from a source that is believed, not from a peer */

/* Open and lock the journal of that digest. ERR_BUSY: another has it; ERR_NOT_FOUND: there is none and it was not to be made. */
enum journal_open_flags {
	JOURNAL_CREATE = 1,  /* made, empty, when there is none */
	JOURNAL_PATIENT = 2, /* wait a tenth of a second, for one who only looks whether it is free */
};
enum err journal_open(struct store *store, const struct digest *digest, unsigned flags, struct journal **ret_journal,
		      struct why *why) LARDER_MUST_USE;
/* Unlocks; the file stays. NULL is fine. */
void journal_close(struct journal *journal);
/* Removes the file, then closes. NULL is fine. */
void journal_remove(struct journal *journal);

/* Whether it was written for this digest and `size`. */
bool journal_is_for(const struct journal *journal, uint64_t size);
/* The size it was written for; false when it is empty or damaged. */
bool journal_size(const struct journal *journal, uint64_t *ret_size);
/* Wall clock of its last change, in seconds. */
int64_t journal_changed_at_s(const struct journal *journal);

/* What a journal, which another may have open, says just now: the size of the blob, and how many bytes of it are here. False when there is none, or it is
 * damaged. */
bool journal_peek(struct store *store, const struct digest *digest, uint64_t *ret_size, uint64_t *ret_have_bytes);

/* Begin anew: no slots. */
enum err journal_reset(struct journal *journal, uint64_t size, struct why *why) LARDER_MUST_USE;
/* Read all slots: flags[i], and the state in chain->states[i] where it says JOURNAL_STATE. `chain` has this blob's size. */
enum err journal_load(struct journal *journal, struct chain *chain, uint8_t *flags, struct why *why) LARDER_MUST_USE;
/* Write slot `index`. `state` may be NULL (the last chunk has none). */
enum err journal_put(struct journal *journal, uint64_t index, uint8_t flags, const uint8_t *state, struct why *why) LARDER_MUST_USE;
/* Write a whole journal that claims all chunks, with a proven chain. */
enum err journal_put_all(struct journal *journal, const struct chain *chain, struct why *why) LARDER_MUST_USE;
enum err journal_sync(struct journal *journal, struct why *why) LARDER_MUST_USE;

#endif
