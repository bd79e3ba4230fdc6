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

void partial_count(struct partial *partial)
{
	partial->have_chunks = partial->have_bytes = 0;
	for (uint64_t i = 0; i < partial->chunks; i++)
		if (partial_has(partial, i)) {
			partial->have_chunks++;
			partial->have_bytes += chain_chunk_len(partial->size, i);
		}
}

/* Whether a chunk that is wrong here is only wrong by itself, or the whole is not what it was asked for as. */
static bool state_before_is_proven(const struct partial *partial, uint64_t index)
{
	return index > 0 && (partial->flags[index - 1] & JOURNAL_PROVEN);
}

static enum err unproven(const struct partial *partial, uint64_t index, const uint8_t after[SHA256_LEN], struct digest *ret_found,
			 struct why *why)
{
	char wanted[DIGEST_TEXT_MAX], hex[DIGEST_TEXT_MAX];
	bool is_whole = index + 1 == partial->chunks && !state_before_is_proven(partial, index);
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

/* Keep what is known now about the chunk that was just written. */
static enum err note_chunk(struct partial *partial, uint64_t index, const uint8_t after[SHA256_LEN], struct why *why)
{
	uint8_t flags = (uint8_t)(partial->flags[index] | JOURNAL_HAVE);
	bool is_last = index + 1 == partial->chunks;
	enum err err = ERR_OK;

	if (!is_last)
		flags |= JOURNAL_STATE;
	if (partial->journal)
		err = journal_put(partial->journal, index, flags, is_last ? NULL : after, why);
	if (err)
		return err;
	if (!is_last)
		memcpy(partial->chain.states[index], after, SHA256_LEN);
	else if (partial->digest.algorithm == DIGEST_NONE)
		partial->digest = digest_of_sha256(after);
	partial->flags[index] = flags;
	partial->have_chunks++;
	partial->have_bytes += chain_chunk_len(partial->size, index);
	return ERR_OK;
}

enum err partial_put(struct partial *partial, uint64_t index, const uint8_t *data, size_t len, struct digest *ret_found,
		     struct why *why)
{
	uint8_t after[SHA256_LEN];
	struct sha256_state before;
	enum err err;

	if (index >= partial->chunks || len != chain_chunk_len(partial->size, index))
		return why_set(why, ERR_INVALID, "chunk %llu of %zu bytes does not fit a blob of %llu bytes", (unsigned long long)index, len,
			       (unsigned long long)partial->size);
	if (partial_has(partial, index))
		return ERR_OK;
	if (!partial_can_put(partial, index))
		return why_set(why, ERR_INVALID, "chunk %llu came before the state that it goes on from was known", (unsigned long long)index);
	before = chain_state_before(&partial->chain, index);
	chain_advance(store_engine(partial->store), partial->size, index, &before, data, len, after);
	if (partial_knows_after(partial, index) &&
	    memcmp(after, chain_state_after(&partial->chain, &partial->digest, index), SHA256_LEN) != 0)
		return unproven(partial, index, after, ret_found, why);
	err = write_chunk(partial, index, data, len, why);
	return err ? err : note_chunk(partial, index, after, why);
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
