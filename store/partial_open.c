#include "store/partial_private.h"

#include "store/gc.h"
#include "store/index.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#define UNNAMED_TRIES 100

static enum err create(struct store *store, uint64_t size, struct partial **ret_partial, struct why *why)
{
	struct partial *partial;
	enum err err;

	if (size > CHAIN_MAX_BLOB)
		return why_set(why, ERR_LIMIT, "%llu bytes are more than a blob may have", (unsigned long long)size);
	partial = calloc(1, sizeof *partial);
	if (!partial)
		return why_set(why, ERR_NO_MEMORY, "out of memory for a blob of %llu bytes", (unsigned long long)size);
	partial->store = store;
	partial->size = size;
	partial->chunks = chain_chunk_count(size);
	partial->anchored_from = partial->chunks;
	partial->data_fd = -1;
	partial->flags = calloc((size_t)partial->chunks, 1);
	err = chain_init(&partial->chain, size);
	if (!err && !partial->flags)
		err = ERR_NO_MEMORY;
	if (err) {
		partial_destroy(partial);
		return why_set(why, err, "no memory for the chain of a blob of %llu bytes", (unsigned long long)size);
	}
	*ret_partial = partial;
	return ERR_OK;
}

static enum err data_failed(const struct partial *partial, int error_number, const char *what, struct why *why)
{
	struct statvfs fs;

	if (err_from_errno(error_number) == ERR_NO_SPACE && fstatvfs(store_dir(partial->store), &fs) == 0)
		return why_set(why, ERR_NO_SPACE, "no space at %s: %llu bytes are needed, %llu are free", store_home(partial->store),
			       (unsigned long long)partial->size, (unsigned long long)fs.f_bavail * fs.f_frsize);
	return why_errno(why, error_number, "cannot %s %s/%s", what, store_home(partial->store), partial->data_path);
}

/* In memory, allocating clears every page: half a second a gigabyte, for pages that are then overwritten. There what is free has to do. */
static bool is_in_memory(int fd, uint64_t *ret_free)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) != 0 || fs.f_type != TMPFS_MAGIC || fstat(fd, &st) != 0)
		return false;
	*ret_free = fs.f_blocks == 0 ? UINT64_MAX : (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize + (uint64_t)st.st_blocks * 512;
	return true;
}

/* All of its space now, so that a disk that is too small is known before the first byte is asked for. */
static enum err allocate(struct partial *partial, struct why *why)
{
	int fd = partial->data_fd;
	uint64_t room;

	if (ftruncate(fd, (off_t)partial->size) != 0)
		return data_failed(partial, errno, "make room for", why);
	if (partial->size == 0)
		return ERR_OK;
	if (is_in_memory(fd, &room))
		return room >= partial->size ? ERR_OK : data_failed(partial, ENOSPC, "make room for", why);
	if (fallocate(fd, 0, 0, (off_t)partial->size) == 0)
		return ERR_OK;
	/* Not glibc's posix_fallocate(), which writes to every block where the file system cannot allocate. */
	if (errno == EOPNOTSUPP || errno == ENOSYS)
		return ERR_OK;
	return data_failed(partial, errno, "make room for", why);
}

/* A file in blobs/ that the index does not know was left by a crash, between its being renamed and being noted, or by the index having been
 * lost. It becomes the data again; what it is worth is found out as for any other. */
static enum err take_back(struct partial *partial, bool *ret_taken, struct why *why)
{
	int dir = store_dir(partial->store), lock = -1;
	struct blob_record record;
	char path[PLACE_MAX];
	bool found = true;
	struct stat st;
	enum err err;

	*ret_taken = false;
	place_blob(&partial->digest, path);
	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return ERR_OK;
	err = store_lock(partial->store, &lock, why);
	if (err)
		return err;
	err = store_find(partial->store, &partial->digest, &found, &record, why);
	if (err || found || fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		goto out;
	if (!S_ISREG(st.st_mode))
		file_make_way(dir, path);
	else if ((uint64_t)st.st_size != partial->size || st.st_nlink > 1) /* others may have the file (adopt.h), which will be written to here */
		unlinkat(dir, path, 0);
	else if (fchmodat(dir, path, 0600, 0) == 0 && renameat(dir, path, dir, partial->data_path) == 0)
		*ret_taken = true;
	else
		err = why_errno(why, errno, "cannot move %s/%s", store_home(partial->store), path);
out:
	store_unlock(lock);
	return err;
}

/* Forget the claims that cannot be checked because a state beside them is not known, and claimed states with no chunk beside them. */
static void drop_uncheckable(struct partial *partial)
{
	for (uint64_t i = 0; i < partial->chunks; i++) {
		if (!partial_can_put(partial, i) || !partial_knows_after(partial, i))
			partial->flags[i] &= (uint8_t)~JOURNAL_HAVE;
		if (!partial_has(partial, i) && !partial_has(partial, i + 1) && !(partial->flags[i] & JOURNAL_PROVEN))
			partial->flags[i] = 0;
	}
}

/* A state that neither of its chunks agrees with may be what is wrong: both are to be had again in any case, and give it anew. */
static void drop_what_does_not_hold(struct partial *partial, const uint8_t *holds)
{
	bool before_fails = false;

	for (uint64_t i = 0; i < partial->chunks; i++) {
		bool fails = partial_has(partial, i) && !holds[i];
		if (fails && before_fails)
			partial->flags[i - 1] = 0;
		if (!holds[i])
			partial->flags[i] &= (uint8_t)~JOURNAL_HAVE;
		before_fails = fails;
	}
}

static enum err recheck(struct partial *partial, struct why *why)
{
	uint8_t *holds = calloc((size_t)partial->chunks, 1);
	enum err err = ERR_OK;

	if (!holds)
		return why_set(why, ERR_NO_MEMORY, "out of memory at %s", partial->data_path);
	drop_uncheckable(partial);
	for (uint64_t first = 0, end; !err && first < partial->chunks; first = end) {
		for (end = first; end < partial->chunks && partial_has(partial, end);)
			end++;
		if (end > first)
			err = chain_check_file(store_engine(partial->store), partial->data_fd, &partial->chain, &partial->digest, first,
					       (size_t)(end - first), holds + first, NULL);
		else
			end++;
	}
	if (err) {
		free(holds);
		return why_set(why, err, "cannot check %s/%s", store_home(partial->store), partial->data_path);
	}
	drop_what_does_not_hold(partial, holds);
	free(holds);
	drop_uncheckable(partial);
	partial_count(partial);
	return ERR_OK;
}

/* Without a journal, a file that may well be whole is read from its beginning. Nothing is learned when it is not. */
static enum err recheck_by_hashing(struct partial *partial, struct why *why)
{
	uint8_t sha256[SHA256_LEN];
	struct chain chain;
	enum err err = chain_from_file(store_engine(partial->store), partial->data_fd, partial->size, &chain, sha256);

	if (err)
		return err == ERR_IO ? ERR_OK : why_set(why, err, "out of memory at %s", partial->data_path);
	if (memcmp(sha256, partial->digest.bytes, SHA256_LEN) != 0)
		goto out;
	err = journal_put_all(partial->journal, &chain, why);
	if (err)
		goto out;
	memset(partial->flags, JOURNAL_HAVE | JOURNAL_STATE | JOURNAL_PROVEN, (size_t)partial->chunks);
	chain_release(&partial->chain);
	partial->chain = chain;
	chain = (struct chain){0};
	partial_count(partial);
out:
	chain_release(&chain);
	return err;
}

static enum err start_new(struct partial *partial, struct why *why)
{
	int dir = store_dir(partial->store);
	struct gc_result gone;
	enum err err;

	unlinkat(dir, partial->data_path, 0);
	err = gc_make_room(partial->store, partial->size, &gone, why);
	if (!err)
		err = journal_reset(partial->journal, partial->size, why);
	if (err)
		return err;
	partial->data_fd = openat(dir, partial->data_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (partial->data_fd < 0)
		return data_failed(partial, errno, "create", why);
	return allocate(partial, why);
}

/* Go on with the data that is there. */
static enum err resume(struct partial *partial, bool was_blob, struct why *why)
{
	struct gc_result gone;
	struct stat st;
	enum err err = ERR_OK;

	if (fstat(partial->data_fd, &st) != 0)
		return data_failed(partial, errno, "look at", why);
	if ((uint64_t)st.st_size < partial->size)
		err = gc_make_room(partial->store, partial->size - (uint64_t)st.st_size, &gone, why);
	if (!err && (uint64_t)st.st_size != partial->size)
		err = allocate(partial, why);
	if (!err && !journal_is_for(partial->journal, partial->size))
		err = journal_reset(partial->journal, partial->size, why);
	if (!err)
		err = journal_load(partial->journal, &partial->chain, partial->flags, why);
	if (!err)
		err = recheck(partial, why);
	if (!err && was_blob && !partial_is_complete(partial))
		err = recheck_by_hashing(partial, why);
	return err;
}

/* `only_blob`: nothing but a file that is taken back from blobs/ will do, else ERR_NOT_FOUND. */
static enum err open_files(struct partial *partial, bool only_blob, bool *ret_is_new, struct why *why)
{
	int dir = store_dir(partial->store);
	bool was_blob = false;
	enum err err;

	*ret_is_new = false;
	file_make_way(dir, partial->data_path);
	err = take_back(partial, &was_blob, why);
	if (err)
		return err;
	if (only_blob && !was_blob)
		return why_set(why, ERR_NOT_FOUND, "there is no file to be taken back");
	if (was_blob || journal_is_for(partial->journal, partial->size)) {
		/* A commit that failed has made it read-only; should this not help, opening tells. */
		(void)!fchmodat(dir, partial->data_path, 0600, 0);
		partial->data_fd = openat(dir, partial->data_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (partial->data_fd >= 0)
			return resume(partial, was_blob, why);
		if (errno != ENOENT)
			return data_failed(partial, errno, "open", why);
	}
	*ret_is_new = true;
	return start_new(partial, why);
}

static enum err open_named(struct store *store, const struct digest *digest, uint64_t size, bool only_blob,
			   struct partial **ret_partial, struct why *why)
{
	struct partial *partial;
	bool is_new = false;
	enum err err;

	if (digest->algorithm != DIGEST_SHA256)
		return why_set(why, ERR_INVALID, "a blob is named by its SHA-256");
	err = create(store, size, &partial, why);
	if (err)
		return err;
	partial->digest = *digest;
	place_data(digest, partial->data_path);
	err = journal_open(store, digest, JOURNAL_CREATE | JOURNAL_PATIENT, &partial->journal, why);
	if (!err)
		err = open_files(partial, only_blob, &is_new, why);
	if (!err)
		*ret_partial = partial;
	else if (is_new)
		partial_discard(partial);
	else
		partial_destroy(partial);
	return err;
}

enum err partial_open(struct store *store, const struct digest *digest, uint64_t size, struct partial **ret_partial,
		      struct why *why)
{
	return open_named(store, digest, size, false, ret_partial, why);
}

enum err partial_open_orphan(struct store *store, const struct digest *digest, uint64_t size, struct partial **ret_partial,
			     struct why *why)
{
	return open_named(store, digest, size, true, ret_partial, why);
}

/* Whoever tidies up removes an unnamed one that is not locked: then try again. */
static int open_unnamed_data(struct partial *partial)
{
	uint64_t number;
	int failed;

	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
		return EIO;
	snprintf(partial->data_path, sizeof partial->data_path, PLACE_PARTIAL "/" PLACE_UNNAMED "%016llx" PLACE_DATA_END,
		 (unsigned long long)number);
	partial->data_fd = openat(store_dir(partial->store), partial->data_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (partial->data_fd < 0)
		return errno;
	failed = file_lock(partial->data_fd, LOCK_EX | LOCK_NB);
	if (!failed && !file_is_at(store_dir(partial->store), partial->data_path, partial->data_fd))
		failed = ESTALE;
	if (failed) {
		close(partial->data_fd);
		partial->data_fd = -1;
	}
	return failed;
}

static enum err create_unnamed(struct partial *partial, struct why *why)
{
	int failed = ESTALE;

	for (int tries = 0; (failed == ESTALE || failed == EWOULDBLOCK || failed == EEXIST) && tries < UNNAMED_TRIES; tries++)
		failed = open_unnamed_data(partial);
	return failed ? data_failed(partial, failed, "create", why) : ERR_OK;
}

enum err partial_open_unnamed(struct store *store, uint64_t size, struct partial **ret_partial, struct why *why)
{
	struct partial *partial;
	struct gc_result gone;
	enum err err;

	err = create(store, size, &partial, why);
	if (err)
		return err;
	err = gc_make_room(store, size, &gone, why);
	if (!err)
		err = create_unnamed(partial, why);
	if (!err)
		err = allocate(partial, why);
	if (err)
		partial_discard(partial);
	else
		*ret_partial = partial;
	return err;
}

static enum err clone_data(const struct partial *partial, int fd, struct why *why)
{
	struct stat st;

	if (ioctl(partial->data_fd, FICLONE, fd) != 0 || fstat(partial->data_fd, &st) != 0 || (uint64_t)st.st_size != partial->size)
		return why_set(why, ERR_UNSUPPORTED, "its blocks cannot be shared");
	return ERR_OK;
}

enum err partial_open_clone(struct store *store, int fd, uint64_t size, struct partial **ret_partial, struct why *why)
{
	struct partial *partial;
	struct gc_result gone;
	enum err err;

	err = create(store, size, &partial, why);
	if (err)
		return err;
	err = create_unnamed(partial, why);
	if (!err)
		err = clone_data(partial, fd, why);
	/* Of the disk it takes nothing; of the quota all of its size, which counts already. */
	if (!err)
		err = gc_make_room(store, 0, &gone, why);
	if (err)
		partial_discard(partial);
	else
		*ret_partial = partial;
	return err;
}
