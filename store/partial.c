#include "store/partial_private.h"

#include "store/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The disk begins early, so that the fsync at the end is short. */
#define WRITEBACK_BYTES ((uint64_t)8 << 20)

uint64_t partial_size(const struct partial *partial) { return partial->size; }
uint64_t partial_chunks(const struct partial *partial) { return partial->chunks; }
uint64_t partial_have_bytes(const struct partial *partial) { return partial->have_bytes; }
int partial_fd(const struct partial *partial) { return partial->data_fd; }
bool partial_is_complete(const struct partial *partial) { return partial->have_chunks == partial->chunks; }

bool partial_has(const struct partial *partial, uint64_t index)
{
	return index < partial->chunks && (partial->flags[index] & JOURNAL_HAVE);
}

bool partial_next_missing(const struct partial *partial, uint64_t from, uint64_t *ret_first, uint64_t *ret_count)
{
	uint64_t first = from, end;

	while (first < partial->chunks && partial_has(partial, first))
		first++;
	if (first >= partial->chunks)
		return false;
	for (end = first; end < partial->chunks && !partial_has(partial, end);)
		end++;
	*ret_first = first;
	*ret_count = end - first;
	return true;
}

bool partial_can_put(const struct partial *partial, uint64_t index)
{
	return index < partial->chunks && (index == 0 || (partial->flags[index - 1] & JOURNAL_STATE));
}

static void extend_runs(struct partial *partial)
{
	while (partial->prefix < partial->chunks && partial_believes(partial, partial->prefix))
		partial->prefix++;
	while (partial->anchored_from > 0 && partial_has(partial, partial->anchored_from - 1))
		partial->anchored_from--;
}

void partial_count(struct partial *partial)
{
	partial->have_chunks = partial->have_bytes = 0;
	for (uint64_t i = 0; i < partial->chunks; i++)
		if (partial_has(partial, i)) {
			partial->have_chunks++;
			partial->have_bytes += chain_chunk_len(partial->size, i);
		}
	partial->prefix = 0;
	partial->anchored_from = partial->chunks;
	extend_runs(partial);
}

/* One of those that the state before it was computed from may be wrong, and not this one. */
static void forget_founded(struct partial *partial, uint64_t index)
{
	while (index > 0 && !partial_is_firm(partial, index) && partial_has(partial, index - 1)) {
		partial_change_state(partial, index, NULL);
		index--;
		/* Should this fail, opening finds the same contradiction, and the next fetch forgets it. */
		if (partial->journal)
			(void)!journal_put(partial->journal, index, 0, NULL, NULL);
	}
}

static enum err unproven(const struct partial *partial, uint64_t index, const uint8_t after[SHA256_LEN], struct digest *ret_found,
			 struct why *why)
{
	char wanted[DIGEST_TEXT_MAX], hex[DIGEST_TEXT_MAX];
	bool is_whole = index + 1 == partial->chunks && index == partial->prefix && !partial_is_proven(partial, index);
	struct digest found = is_whole ? digest_of_sha256(after) : (struct digest){.algorithm = DIGEST_NONE};

	if (ret_found)
		*ret_found = found;
	digest_text(&partial->digest, wanted);
	if (!is_whole)
		return why_set(why, ERR_UNPROVEN, "chunk %llu of %s is not what it should be", (unsigned long long)index, wanted);
	return why_set(why, ERR_UNPROVEN, "what was received is %s, and not %s", digest_text(&found, hex), wanted);
}

static enum err write_chunk(struct partial *partial, uint64_t index, const uint8_t *data, size_t len, struct why *why)
{
	int failed = file_write_at(partial->data_fd, data, len, chain_chunk_offset(index));

	if (failed)
		return why_errno(why, failed, "cannot write %s/%s", store_home(partial->store), partial->data_path);
	partial->unsent_bytes += len;
	if (partial->unsent_bytes >= WRITEBACK_BYTES) {
		/* Only a hint: errors of the disk come out of fsync. */
		(void)sync_file_range(partial->data_fd, 0, 0, SYNC_FILE_RANGE_WRITE);
		partial->unsent_bytes = 0;
	}
	return ERR_OK;
}

/* Opening can check the chunk only if it finds both states beside it. */
static enum err note_in_journal(struct partial *partial, uint64_t index, uint8_t flags, const uint8_t *after, struct why *why)
{
	enum err err = ERR_OK;

	if (!partial->journal)
		return ERR_OK;
	if (index > 0 && !partial_has(partial, index - 1))
		err = journal_put(partial->journal, index - 1, partial->flags[index - 1], partial->chain.states[index - 1], why);
	return err ? err : journal_put(partial->journal, index, flags, after, why);
}

static enum err note_chunk(struct partial *partial, uint64_t index, const uint8_t after[SHA256_LEN], uint8_t origin, struct why *why)
{
	bool is_last = index + 1 == partial->chunks;
	uint8_t flags = (uint8_t)((partial->flags[index] & JOURNAL_PROVEN) | JOURNAL_HAVE | (is_last ? 0 : JOURNAL_STATE) | origin);
	enum err err = note_in_journal(partial, index, flags, is_last ? NULL : after, why);

	if (err)
		return err;
	if (!is_last)
		memcpy(partial->chain.states[index], after, SHA256_LEN);
	else if (partial->digest.algorithm == DIGEST_NONE)
		partial->digest = digest_of_sha256(after);
	partial->flags[index] = flags;
	partial->have_chunks++;
	partial->have_bytes += chain_chunk_len(partial->size, index);
	extend_runs(partial);
	return ERR_OK;
}

enum err partial_keep(struct partial *partial, uint64_t index, const uint8_t *data, size_t len, const uint8_t after[SHA256_LEN],
		      uint8_t origin, struct why *why)
{
	enum err err = write_chunk(partial, index, data, len, why);

	return err ? err : note_chunk(partial, index, after, origin, why);
}

/* All that is only claimed, or linked by claims, goes. */
static void forget_claims(struct partial *partial)
{
	bool founded = true;

	for (uint64_t i = 1; i < partial->chunks && i < partial->anchored_from; i++) {
		founded = partial_is_proven(partial, i) || (founded && partial_believes(partial, i - 1));
		if (!founded)
			partial_change_state(partial, i, NULL);
	}
	partial->overruled = true;
}

/* A believed chunk does not lead from the state before it to the one after it. True: the latter was a claim, and the chunk may be kept. */
static bool overrules(struct partial *partial, uint64_t index)
{
	bool founded = partial_is_founded(partial, index), firm = partial_is_firm(partial, index + 1);

	if (!founded || !firm)
		forget_claims(partial);
	if (founded && firm)
		forget_founded(partial, index);
	return founded && !firm;
}

static enum err check_place(const struct partial *partial, uint64_t index, size_t len, struct why *why)
{
	if (index >= partial->chunks || len != chain_chunk_len(partial->size, index))
		return why_set(why, ERR_INVALID, "chunk %llu of %zu bytes does not fit a blob of %llu bytes", (unsigned long long)index, len,
			       (unsigned long long)partial->size);
	if (!partial_can_put(partial, index))
		return why_set(why, ERR_INVALID, "chunk %llu came before the state that it goes on from was known", (unsigned long long)index);
	return ERR_OK;
}

/* Whether it leads to the state after it, where that is known and is not let go. */
static enum err check_link(struct partial *partial, uint64_t index, const uint8_t *data, size_t len, uint8_t ret_after[SHA256_LEN],
			   struct digest *ret_found, struct why *why)
{
	struct sha256_state before = chain_state_before(&partial->chain, index);
	enum err err;

	chain_advance(store_engine(partial->store), partial->size, index, &before, data, len, ret_after);
	if (!partial_knows_after(partial, index) ||
	    memcmp(ret_after, chain_state_after(&partial->chain, &partial->digest, index), SHA256_LEN) == 0)
		return ERR_OK;
	err = unproven(partial, index, ret_after, ret_found, why);
	return overrules(partial, index) ? ERR_OK : err;
}

enum err partial_put(struct partial *partial, uint64_t index, const uint8_t *data, size_t len, struct digest *ret_found,
		     struct why *why)
{
	uint8_t after[SHA256_LEN];
	enum err err = partial_has(partial, index) ? ERR_OK : check_place(partial, index, len, why);

	if (err || partial_has(partial, index))
		return err;
	err = check_link(partial, index, data, len, after, ret_found, why);
	return err ? err : partial_keep(partial, index, data, len, after, JOURNAL_BELIEVED, why);
}

enum err partial_take(struct partial *partial, uint64_t index, uint8_t *data, struct why *why)
{
	size_t len = chain_chunk_len(partial->size, index);
	uint8_t after[SHA256_LEN];
	enum err err = partial_has(partial, index) ? ERR_OK : check_place(partial, index, len, why);
	int failed;

	if (err || partial_has(partial, index))
		return err;
	failed = file_read_at(partial->data_fd, data, len, chain_chunk_offset(index));
	if (failed)
		return why_errno(why, failed, "cannot read %s/%s", store_home(partial->store), partial->data_path);
	err = check_link(partial, index, data, len, after, NULL, why);
	return err ? err : note_chunk(partial, index, after, JOURNAL_BELIEVED, why);
}

void partial_destroy(struct partial *partial)
{
	if (!partial)
		return;
	if (partial->data_fd >= 0)
		close(partial->data_fd);
	journal_close(partial->journal);
	chain_release(&partial->chain);
	free(partial->flags);
	free(partial);
}

/* The data that a commit which failed later on has placed already. */
static void remove_placed(struct partial *partial)
{
	struct blob_record record;
	char path[PLACE_MAX];
	bool found = true;
	int lock = -1;

	if (store_lock(partial->store, &lock, NULL) != ERR_OK)
		return;
	place_blob(&partial->digest, path);
	if (store_find(partial->store, &partial->digest, &found, &record, NULL) == ERR_OK && !found &&
	    file_is_at(store_dir(partial->store), path, partial->data_fd))
		unlinkat(store_dir(partial->store), path, 0);
	store_unlock(lock);
}

void partial_discard(struct partial *partial)
{
	if (!partial)
		return;
	if (partial->placed)
		remove_placed(partial);
	else if (partial->data_fd >= 0)
		unlinkat(store_dir(partial->store), partial->data_path, 0);
	journal_remove(partial->journal);
	partial->journal = NULL;
	partial_destroy(partial);
}

void partial_close(struct partial *partial)
{
	if (partial && !partial->journal)
		partial_discard(partial);
	else
		partial_destroy(partial);
}
