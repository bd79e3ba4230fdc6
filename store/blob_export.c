#include "store/blob_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#define BATCH_MAX SHA256_LANES_MAX /* chunks read, checked in lanes, written */
#define NAME_KEPT 200          /* bytes of the name that fit into the temporary one */
#define TEMP_TRIES 100

struct export {
	struct blob *blob;
	int dir;
	const char *name; /* below that */
	const char *path; /* as it is told */
	char *temp;       /* beside it */
	int fd;
	uint64_t *progress;
	bool is_unreadable; /* the blob, in part: then it is not the chain that is wrong */
	const bool *cancel;
};

static enum err failed_at(const struct export *export, int error_number, struct why *why)
{
	return why_errno(why, error_number, "cannot write %s", export->path);
}

static int open_temp(struct export *export)
{
	const char *slash = strrchr(export->name, '/');
	const char *name = slash ? slash + 1 : export->name;
	int dir_len = slash ? (int)(slash + 1 - export->name) : 0;
	uint32_t number;

	for (int tries = 0; tries < TEMP_TRIES; tries++) {
		if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
			return EIO;
		free(export->temp);
		if (asprintf(&export->temp, "%.*s.%.*s.larder-%08x", dir_len, export->name, NAME_KEPT, name, number) < 0) {
			export->temp = NULL;
			return ENOMEM;
		}
		export->fd = openat(export->dir, export->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (export->fd >= 0 || errno != EEXIST)
			break;
	}
	return export->fd >= 0 ? 0 : errno;
}

static enum err damaged(const struct export *export, uint64_t bad, struct why *why)
{
	return why_set(why, ERR_UNPROVEN, "%s is damaged: %llu chunks are bad; getting it again repairs it", export->blob->path,
		       (unsigned long long)bad);
}

/* What is checked is the clone itself, so that nothing can change between the check and the copy. */
static enum err check_clone(struct export *export, struct why *why)
{
	struct blob clone = *export->blob;
	struct blob_check check;
	enum err err;

	clone.fd = export->fd;
	err = blob_check_all(&clone, NULL, export->progress, export->cancel, &check, why);
	if (!err && check.bad > 0)
		err = damaged(export, check.bad, why);
	return err;
}

/* How many of the chunks in `data` do not hold. */
static uint64_t count_bad(const struct blob *blob, uint64_t first, size_t count, const uint8_t *data)
{
	struct chain_link links[BATCH_MAX];
	uint64_t bad = 0;

	for (size_t i = 0; i < count; i++)
		links[i] = (struct chain_link){
			.index = first + i,
			.data = data + i * CHAIN_CHUNK,
			.before = first + i > 0 ? blob->chain.states[first + i - 1] : NULL,
			.after = chain_state_after(&blob->chain, &blob->record.digest, first + i),
		};
	chain_check(store_engine(blob->store), blob->record.size, links, count);
	for (size_t i = 0; i < count; i++)
		bad += !links[i].holds;
	return bad;
}

static enum err copy_batch(struct export *export, uint64_t first, size_t count, uint8_t *data, struct why *why)
{
	struct blob *blob = export->blob;
	uint64_t offset = chain_chunk_offset(first), bad;
	size_t len = blob->record.size - offset < count * CHAIN_CHUNK ? (size_t)(blob->record.size - offset) : count * CHAIN_CHUNK;
	int failed;

	if (file_read_at(blob->fd, data, len, offset) != 0) {
		export->is_unreadable = true;
		return damaged(export, 1, why);
	}
	bad = count_bad(blob, first, count, data);
	if (bad)
		return damaged(export, bad, why);
	failed = file_write_at(export->fd, data, len, offset);
	if (failed)
		return failed_at(export, failed, why);
	blob_add_progress(export->progress, len);
	return ERR_OK;
}

static enum err copy_checked(struct export *export, struct why *why)
{
	uint64_t chunks = chain_chunk_count(export->blob->record.size);
	size_t lanes = store_engine(export->blob->store)->wide->lanes;
	size_t room = chunks < lanes ? (size_t)chunks : lanes;
	uint8_t *data = malloc(room * CHAIN_CHUNK);
	enum err err = ERR_OK;

	if (!data)
		return why_set(why, ERR_NO_MEMORY, "out of memory while copying to %s", export->path);
	for (uint64_t first = 0; !err && first < chunks; first += room) {
		if (blob_is_cancelled(export->cancel))
			err = why_set(why, ERR_CANCELLED, "copying to %s was cancelled", export->path);
		else
			err = copy_batch(export, first, chunks - first < room ? (size_t)(chunks - first) : room, data, why);
	}
	free(data);
	return err;
}

static enum err fill(struct export *export, struct why *why)
{
	uint64_t size = export->blob->record.size;

	if (size > 0 && ioctl(export->fd, FICLONE, export->blob->fd) == 0)
		return check_clone(export, why);
	/* A disk that is too small is better known now. */
	if (size > 0 && fallocate(export->fd, 0, 0, (off_t)size) != 0 && err_from_errno(errno) == ERR_NO_SPACE)
		return failed_at(export, errno, why);
	return copy_checked(export, why);
}

/* Once more when it was the chain that was wrong. */
static enum err fill_checked(struct export *export, struct why *why)
{
	uint64_t before = export->progress ? __atomic_load_n(export->progress, __ATOMIC_RELAXED) : 0;
	enum err err = fill(export, why);

	if (err != ERR_UNPROVEN || blob_settle(export->blob, !export->is_unreadable, NULL) != ERR_OK)
		return err;
	if (export->progress)
		__atomic_store_n(export->progress, before, __ATOMIC_RELAXED);
	err = fill(export, why);
	return err == ERR_UNPROVEN ? blob_settle(export->blob, false, why) : err;
}

static int sync_parent(const struct export *export)
{
	const char *slash = strrchr(export->name, '/');
	char *parent = slash ? strndup(export->name, (size_t)(slash - export->name) + 1) : strdup(".");
	int failed = parent ? dir_sync(export->dir, parent) : ENOMEM;

	free(parent);
	return failed;
}

enum err blob_export_at(struct blob *blob, int dir, const char *name, const char *path, uint64_t *progress, const bool *cancel,
			struct why *why)
{
	struct export export = {.blob = blob, .dir = dir, .name = name, .path = path, .fd = -1, .progress = progress, .cancel = cancel};
	int failed = open_temp(&export);
	bool renamed = false;
	enum err err;

	if (failed) {
		err = failed_at(&export, failed, why);
		goto out;
	}
	err = fill_checked(&export, why);
	if (err)
		goto out;
	if (fsync(export.fd) != 0)
		failed = errno;
	if (!failed && renameat(dir, export.temp, dir, name) != 0)
		failed = errno;
	renamed = !failed;
	if (!failed)
		failed = sync_parent(&export);
	if (failed)
		err = failed_at(&export, failed, why);
out:
	if (export.fd >= 0) {
		close(export.fd);
		if (!renamed)
			unlinkat(dir, export.temp, 0);
	}
	free(export.temp);
	return err;
}

enum err blob_export(struct blob *blob, const char *path, uint64_t *progress, const bool *cancel, struct why *why)
{
	return blob_export_at(blob, AT_FDCWD, path, path, progress, cancel, why);
}
