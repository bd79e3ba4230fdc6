#include "store/partial_private.h"

#include "store/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum err data_failed(const struct partial *partial, int error_number, const char *what, struct why *why)
{
	return why_errno(why, error_number, "cannot %s %s/%s", what, store_home(partial->store), partial->data_path);
}

static bool link_holds(const struct partial *partial, uint64_t index, const uint8_t *data, size_t len)
{
	struct sha256_state before = chain_state_before(&partial->chain, index);
	uint8_t after[SHA256_LEN];

	chain_advance(store_engine(partial->store), partial->size, index, &before, data, len, after);
	return memcmp(after, chain_state_after(&partial->chain, &partial->digest, index), SHA256_LEN) == 0;
}

/* After a failed fsync the kernel calls its pages clean although the disk may not have them, so that neither reading them back nor another fsync
 * says anything. Let them go, read what is there, and write each good chunk once more: only then does the next fsync count. */
static enum err write_again(struct partial *partial, struct why *why)
{
	uint8_t *data = malloc(CHAIN_CHUNK);
	uint64_t lost = 0;
	int failed = 0;

	if (!data)
		return why_set(why, ERR_NO_MEMORY, "out of memory at %s", partial->data_path);
	posix_fadvise(partial->data_fd, 0, 0, POSIX_FADV_DONTNEED);
	for (uint64_t i = 0; i < partial->chunks && !failed; i++) {
		size_t len = chain_chunk_len(partial->size, i);
		if (file_read_at(partial->data_fd, data, len, chain_chunk_offset(i)) != 0 || !link_holds(partial, i, data, len)) {
			partial_forget_chunk(partial, i);
			lost++;
		} else {
			failed = file_write_at(partial->data_fd, data, len, chain_chunk_offset(i));
		}
	}
	free(data);
	if (!failed && lost)
		return why_set(why, ERR_IO, "the disk lost %llu chunks of %s/%s: fetch them again", (unsigned long long)lost,
			       store_home(partial->store), partial->data_path);
	if (!failed && fsync(partial->data_fd) != 0)
		failed = errno;
	return failed ? data_failed(partial, failed, "write to the disk", why) : ERR_OK;
}

static enum err make_durable(struct partial *partial, struct why *why)
{
	enum err err = ERR_OK;

	if (partial->journal)
		err = journal_sync(partial->journal, why);
	if (err)
		return err;
	if (fchmod(partial->data_fd, 0444) != 0)
		return data_failed(partial, errno, "make read-only", why);
	return fsync(partial->data_fd) == 0 ? ERR_OK : write_again(partial, why);
}

/* Whether a file of that name is there and is the one that the index knows. */
static enum err is_held(struct partial *partial, const char *path, bool *ret_held, struct why *why)
{
	struct blob_record record;
	bool found = false;
	struct stat st;
	enum err err = store_find(partial->store, &partial->digest, &found, &record, why);

	*ret_held = !err && found && fstatat(store_dir(partial->store), path, &st, AT_SYMLINK_NOFOLLOW) == 0 && store_has_identity(&record, &st);
	return err;
}

static enum err place(struct partial *partial, const char *path, struct why *why)
{
	int dir = store_dir(partial->store), failed;
	char parent[PLACE_MAX];

	place_blob_dir(&partial->digest, parent);
	failed = dir_make(dir, "blobs/sha256", parent);
	if (!failed && !partial->placed) {
		if (renameat(dir, partial->data_path, dir, path) == 0)
			partial->placed = true;
		else
			failed = errno;
	}
	if (!failed)
		failed = dir_sync(dir, parent);
	return failed ? why_errno(why, failed, "cannot put a file at %s/%s", store_home(partial->store), path) : ERR_OK;
}

static enum err note(struct partial *partial, struct why *why)
{
	struct blob_record record = {
		.digest = partial->digest,
		.size = partial->size,
		.proven_at_s = clock_wall_s(store_clock(partial->store)),
	};
	struct stat st;

	if (fstat(partial->data_fd, &st) != 0)
		return data_failed(partial, errno, "look at", why);
	store_note_identity(&record, &st);
	return index_blob_put(store_index(partial->store), &record, &partial->chain, why);
}

enum err partial_commit(struct partial *partial, struct digest *ret_digest, struct why *why)
{
	char path[PLACE_MAX], text[DIGEST_TEXT_MAX];
	bool held = false;
	int lock = -1;
	enum err err;

	if (!partial_is_complete(partial))
		return why_set(why, ERR_UNPROVEN, "%llu of %llu chunks of %s are missing", (unsigned long long)(partial->chunks - partial->have_chunks),
			       (unsigned long long)partial->chunks, digest_text(&partial->digest, text));
	err = make_durable(partial, why);
	if (err)
		return err;
	place_blob(&partial->digest, path);
	err = store_lock(partial->store, &lock, why);
	if (err)
		return err;
	err = partial->replaces ? ERR_OK : is_held(partial, path, &held, why);
	if (!err && !held)
		err = place(partial, path, why);
	if (!err && !held)
		err = note(partial, why);
	store_unlock(lock);
	if (err)
		return err;
	*ret_digest = partial->digest;
	if (held)
		(void)!index_blob_touch(store_index(partial->store), &partial->digest, NULL);
	if (!partial->placed)
		unlinkat(store_dir(partial->store), partial->data_path, 0);
	journal_remove(partial->journal);
	partial->journal = NULL;
	partial_destroy(partial);
	return ERR_OK;
}
