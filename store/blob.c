#include "store/blob_private.h"

#include "store/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Between looking into the index and locking the file, another process may remove it, replace it or bring it back. */
#define OPEN_TRIES 8

uint64_t blob_size(const struct blob *blob) { return blob->record.size; }
const struct digest *blob_digest(const struct blob *blob) { return &blob->record.digest; }
enum visibility blob_visibility(const struct blob *blob) { return blob->record.visibility; }
int blob_fd(const struct blob *blob) { return blob->fd; }
const struct chain *blob_chain(const struct blob *blob) { return &blob->chain; }
const char *blob_path(const struct blob *blob) { return blob->path; }
bool blob_is_linked(const struct blob *blob) { return blob->is_linked; }

void blob_close(struct blob *blob)
{
	if (!blob)
		return;
	if (blob->fd >= 0)
		close(blob->fd);
	chain_release(&blob->chain);
	free(blob->path);
	free(blob);
}

static enum err not_held(const struct digest *digest, struct why *why)
{
	char text[DIGEST_TEXT_MAX];

	return why_set(why, ERR_NOT_FOUND, "%s is not in the store", digest_text(digest, text));
}

/* The empty blob is the same for everybody, and needs no download. */
static bool is_empty_blob(const struct store *store, const struct digest *digest)
{
	uint8_t empty[SHA256_LEN];
	struct digest wanted;

	sha256_digest(store_engine(store), "", 0, empty);
	wanted = digest_of_sha256(empty);
	return digest_equal(digest, &wanted);
}

static enum err make_empty(struct store *store, const struct digest *digest, struct why *why)
{
	struct partial *partial;
	struct digest made;
	enum err err = partial_open(store, digest, 0, &partial, why);

	if (err)
		return err;
	err = partial_put(partial, 0, (const uint8_t *)"", 0, NULL, why);
	if (!err)
		err = partial_commit(partial, &made, why);
	if (err)
		partial_discard(partial);
	return err;
}

/* What the index does not have may still be made. ERR_NOT_FOUND: no. */
static enum err bring_about(struct store *store, const struct digest *digest, struct why *why)
{
	struct blob_record record;
	bool found = false;
	enum err err;

	if (store->options.read_only || digest->algorithm != DIGEST_SHA256)
		return not_held(digest, why);
	if (is_empty_blob(store, digest))
		return make_empty(store, digest, why);
	err = blob_recover(store, digest, why);
	if (err == ERR_BUSY)
		return not_held(digest, why);
	/* Or another process has brought it about meanwhile. */
	if (err == ERR_NOT_FOUND && store_find(store, digest, &found, &record, NULL) == ERR_OK && found)
		return ERR_OK;
	return err;
}

/* The index knows it, and the file is gone or something else is in its place. */
static enum err forget_missing(struct blob *blob, struct why *why)
{
	struct store *store = blob->store;
	struct blob_record record;
	bool found = false;
	int lock = -1, fd = -1, failed;
	enum err err;

	if (store->options.read_only)
		return not_held(&blob->record.digest, why);
	err = store_lock(store, &lock, why);
	if (err)
		return err;
	err = store_find(store, &blob->record.digest, &found, &record, why);
	failed = file_open(store->dir, blob->name, &fd);
	if (!err && found && (failed == ENOENT || failed == ELOOP)) {
		file_make_way(store->dir, blob->name);
		err = store_forget(store, &blob->record.digest, false, why);
		if (err == ERR_NO_SPACE)
			err = ERR_OK; /* the record is found out again when there is some */
		else if (!err)
			log_warn(store->options.log, "%s is %s; it is not held any more", blob->path, failed == ENOENT ? "gone" : "no file");
	}
	if (fd >= 0)
		close(fd);
	store_unlock(lock);
	return err ? err : not_held(&blob->record.digest, why);
}

/* Open and lock the file. ERR_CUT: it went away meanwhile, look again. */
static enum err open_file(struct blob *blob, struct why *why)
{
	int dir = blob->store->dir, failed;
	struct stat st;

	failed = file_open(dir, blob->name, &blob->fd);
	if (failed == ENOENT || failed == ELOOP)
		return forget_missing(blob, why);
	if (failed)
		return why_errno(why, failed, "cannot open %s", blob->path);
	failed = file_lock(blob->fd, LOCK_SH);
	if (failed)
		return why_errno(why, failed, "cannot lock %s", blob->path);
	/* For good: once it is withdrawn, the other name is its only one. */
	blob->is_linked = fstat(blob->fd, &st) != 0 || st.st_nlink > 1;
	return file_is_at(dir, blob->name, blob->fd) ? ERR_OK : ERR_CUT;
}

static enum err open_chain(struct blob *blob, struct why *why)
{
	enum err err = index_blob_chain(blob->store->index, &blob->record.digest, &blob->chain, why);

	if (err == ERR_INVALID || err == ERR_LIMIT)
		err = blob_settle(blob, true, why);
	return err == ERR_UNPROVEN ? not_held(&blob->record.digest, why) : err;
}

static enum err open_found(struct store *store, const struct blob_record *record, struct blob **ret_blob, struct why *why)
{
	struct blob *blob = calloc(1, sizeof *blob);
	enum err err;

	if (!blob)
		return why_set(why, ERR_NO_MEMORY, "out of memory while opening a blob");
	blob->store = store;
	blob->record = *record;
	blob->fd = -1;
	place_blob(&record->digest, blob->name);
	if (asprintf(&blob->path, "%s/%s", store->home, blob->name) < 0) {
		blob->path = NULL;
		err = why_set(why, ERR_NO_MEMORY, "out of memory while opening a blob");
		goto out;
	}
	err = open_file(blob, why);
	if (!err)
		err = open_chain(blob, why);
out:
	if (err)
		blob_close(blob);
	else
		*ret_blob = blob;
	return err;
}

enum err blob_open_unchecked(struct store *store, const struct digest *digest, struct blob **ret_blob, struct why *why)
{
	for (int tries = 0; tries < OPEN_TRIES; tries++) {
		struct blob_record record;
		bool found = false;
		enum err err = store_find(store, digest, &found, &record, why);

		if (!err && !found) {
			err = bring_about(store, digest, why);
			if (!err)
				continue;
		}
		if (!err)
			err = open_found(store, &record, ret_blob, why);
		if (err != ERR_CUT)
			return err;
	}
	return not_held(digest, why);
}

bool blob_is_unchanged(const struct blob *blob, struct stat *ret_now)
{
	/* What cannot be looked at has no identity. */
	if (fstat(blob->fd, ret_now) != 0)
		*ret_now = (struct stat){0};
	return store_has_identity(&blob->record, ret_now);
}

enum err blob_renew(struct blob *blob, const struct stat *before, struct why *why)
{
	struct store *store = blob->store;

	if (store->options.read_only)
		return ERR_OK;
	store_note_identity(&blob->record, before);
	blob->record.proven_at_s = clock_wall_s(store->options.clock);
	return index_blob_put(store->index, &blob->record, &blob->chain, why);
}

/* The file was touched since it was proven: an existing name proves nothing. */
static enum err prove_again(struct blob *blob, const struct stat *now, struct why *why)
{
	struct blob_check check;
	enum err err = blob_check_all(blob, NULL, NULL, NULL, &check, why);

	if (err)
		return err;
	if (check.bad == 0)
		return blob_renew(blob, now, why);
	err = blob_settle(blob, check.bad > 1, why);
	if (err != ERR_UNPROVEN)
		return err;
	return why_set(why, ERR_NOT_FOUND, "%s was damaged (%llu of %llu chunks) and is not held any more: get it again", blob->path,
		       (unsigned long long)check.bad, (unsigned long long)check.chunks);
}

enum err blob_open(struct store *store, const struct digest *digest, struct blob **ret_blob, struct why *why)
{
	struct blob *blob = NULL;
	struct stat now;
	enum err err = blob_open_unchecked(store, digest, &blob, why);

	if (!err && !blob_is_unchanged(blob, &now))
		err = prove_again(blob, &now, why);
	if (err) {
		blob_close(blob);
		return err;
	}
	/* Who came last matters to gc only: a full or read-only disk does not keep anybody from reading. */
	if (!store->options.read_only)
		(void)!index_blob_touch(store->index, digest, NULL);
	*ret_blob = blob;
	return ERR_OK;
}

static bool chunk_holds(const struct blob *blob, uint64_t index, const uint8_t *data, size_t len)
{
	struct sha256_state before = chain_state_before(&blob->chain, index);
	uint8_t after[SHA256_LEN];

	chain_advance(store_engine(blob->store), blob->record.size, index, &before, data, len, after);
	return memcmp(after, chain_state_after(&blob->chain, &blob->record.digest, index), SHA256_LEN) == 0;
}

enum err blob_read_known_chunk(const struct blob *blob, uint64_t index, uint8_t *data, size_t *ret_len, struct why *why)
{
	size_t len = chain_chunk_len(blob->record.size, index);
	int failed = file_read_at(blob->fd, data, len, chain_chunk_offset(index));

	if (failed)
		return why_set(why, ERR_IO, "chunk %llu of %s cannot be read: %s", (unsigned long long)index, blob->path, strerrordesc_np(failed));
	*ret_len = len;
	return ERR_OK;
}

enum err blob_read_chunk(struct blob *blob, uint64_t index, uint8_t *data, size_t *ret_len, struct why *why)
{
	size_t len = chain_chunk_len(blob->record.size, index);
	int failed;
	enum err err = ERR_OK;

	if (index >= chain_chunk_count(blob->record.size))
		return why_set(why, ERR_INVALID, "%s has no chunk %llu", blob->path, (unsigned long long)index);
	failed = file_read_at(blob->fd, data, len, chain_chunk_offset(index));
	if (failed || !chunk_holds(blob, index, data, len))
		err = blob_settle(blob, !failed, why);
	if (!err && !failed && !chunk_holds(blob, index, data, len))
		err = blob_settle(blob, false, why); /* it changed meanwhile */
	if (err == ERR_UNPROVEN)
		why_set(why, err, "chunk %llu of %s is damaged%s%s: get it again", (unsigned long long)index, blob->path,
			failed ? ", it cannot be read: " : "", failed ? strerrordesc_np(failed) : "");
	if (!err)
		*ret_len = len;
	return err;
}
