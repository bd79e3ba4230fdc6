#include "cli/export.h"

#include "store/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum err export_make_parents(const char *path, struct why *why)
{
	char *copy = strdup(path);
	enum err err = copy ? ERR_OK : why_set(why, ERR_NO_MEMORY, "out of memory");

	for (char *slash = copy && *copy ? strchr(copy + 1, '/') : NULL; slash && !err; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(copy, 0777) != 0 && errno != EEXIST)
			err = why_errno(why, errno, "cannot make the directory %s", copy);
		*slash = '/';
	}
	free(copy);
	return err;
}

/* Whether the open file has the blob's bytes: each of its chunks closes its link. */
static enum err has_same_bytes(struct store *store, struct blob *blob, int fd, bool *ret_same, struct why *why)
{
	uint64_t chunks = chain_chunk_count(blob_size(blob));
	uint8_t *holds = calloc((size_t)chunks, 1);
	enum err err;

	if (!holds)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	err = chain_check_file(store_engine(store), fd, blob_chain(blob), blob_digest(blob), 0, (size_t)chunks, holds, NULL);
	*ret_same = !err && !memchr(holds, 0, (size_t)chunks);
	free(holds);
	return err;
}

/* Where a file goes. */
struct spot {
	int dir;
	const char *name; /* below that */
	const char *path; /* as it is told */
};

/* *ret_there: a file with these bytes is there. ERR_EXISTS: something else is. */
static enum err look_at_target(struct store *store, struct blob *blob, const struct spot *spot, bool *ret_there, struct why *why)
{
	int fd = openat(spot->dir, spot->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	enum err err = ERR_OK;

	*ret_there = false;
	if (fd < 0 && errno != ENOENT)
		return why_errno(why, errno, "cannot look at %s", spot->path);
	if (fd < 0 && fstatat(spot->dir, spot->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return ERR_OK;
	if (fd >= 0 && fstat(fd, &st) != 0)
		err = why_errno(why, errno, "cannot look at %s", spot->path);
	else if (S_ISDIR(st.st_mode))
		err = why_set(why, ERR_EXISTS, "%s is a directory", spot->path);
	else if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == blob_size(blob))
		err = has_same_bytes(store, blob, fd, ret_there, why);
	if (fd >= 0)
		close(fd);
	if (!err && !*ret_there)
		err = why_set(why, ERR_EXISTS, "%s is there already with other content; --force replaces it", spot->path);
	return err;
}

static bool is_directory(const struct spot *spot)
{
	struct stat st;

	return fstatat(spot->dir, spot->name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static enum err export_at(struct store *store, struct blob *blob, const struct spot *spot, bool force, uint64_t *progress, const bool *cancel,
			  struct why *why)
{
	bool there = false;
	enum err err = look_at_target(store, blob, spot, &there, why);

	if (there) {
		if (progress)
			__atomic_fetch_add(progress, blob_size(blob), __ATOMIC_RELAXED);
		return ERR_OK;
	}
	if (err && (err != ERR_EXISTS || !force || is_directory(spot)))
		return err;
	return blob_export_at(blob, spot->dir, spot->name, spot->path, progress, cancel, why);
}

enum err export_to(struct store *store, struct blob *blob, const char *target, bool force, uint64_t *progress, const bool *cancel,
		   struct why *why)
{
	enum err err = export_make_parents(target, why);

	return err ? err : export_at(store, blob, &(struct spot){AT_FDCWD, target, target}, force, progress, cancel, why);
}

static enum err is_link(const char *dir, const char *path, size_t len, struct why *why)
{
	return why_set(why, ERR_EXISTS, "%s/%.*s is a symbolic link, and nothing is written through it: remove it, or name another directory", dir,
		       (int)len, path);
}

enum err export_check_way(const char *dir, const char *path, struct why *why)
{
	char *whole = NULL;
	enum err err = ERR_OK;
	struct stat st;

	if (asprintf(&whole, "%s/%s", dir, path) < 0)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	for (const char *slash = strchr(path, '/'); slash && !err; slash = strchr(slash + 1, '/')) {
		size_t len = (size_t)(slash - path), end = strlen(dir) + 1 + len;
		whole[end] = 0;
		if (lstat(whole, &st) == 0 && S_ISLNK(st.st_mode))
			err = is_link(dir, path, len, why);
		whole[end] = '/';
	}
	free(whole);
	return err;
}

/* One directory further, in place of *fd; `path` ends after `len` bytes for now. */
static enum err step(int *fd, const char *dir, const char *path, size_t at, size_t len, struct why *why)
{
	char name[NAME_MAX + 1];
	struct stat st;
	int next;

	snprintf(name, sizeof name, "%.*s", (int)(len - at), path + at);
	if (mkdirat(*fd, name, 0777) != 0 && errno != EEXIST)
		return why_errno(why, errno, "cannot make the directory %s/%.*s", dir, (int)len, path);
	next = openat(*fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (next < 0 && fstatat(*fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
		return is_link(dir, path, len, why);
	if (next < 0)
		return why_errno(why, errno, "cannot open the directory %s/%.*s", dir, (int)len, path);
	close(*fd);
	*fd = next;
	return ERR_OK;
}

/* Make and open the directory that the last component of `path` goes into. */
static enum err open_way(const char *dir, const char *path, int *ret_fd, struct why *why)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	enum err err = ERR_OK;

	if (fd < 0)
		return why_errno(why, errno, "cannot open the directory %s", dir);
	for (size_t at = 0, len; !err && path[len = at + strcspn(path + at, "/")]; at = len + 1)
		err = step(&fd, dir, path, at, len, why);
	if (err)
		close(fd);
	else
		*ret_fd = fd;
	return err;
}

enum err export_file(struct store *store, struct blob *blob, const char *dir, const char *path, bool force, uint64_t *progress,
		     const bool *cancel, struct why *why)
{
	const char *slash = strrchr(path, '/');
	struct spot spot = {.dir = -1, .name = slash ? slash + 1 : path};
	char *target = NULL;
	enum err err;

	if (!tree_path_is_safe(path))
		return why_set(why, ERR_INVALID, "%s cannot be a path below %s", path, dir);
	if (asprintf(&target, "%s/%s", dir, path) < 0)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	spot.path = target;
	target[strlen(dir) + 1] = 0; /* parents up to `dir` itself */
	err = export_make_parents(target, why);
	target[strlen(dir) + 1] = *path;
	if (!err)
		err = open_way(dir, path, &spot.dir, why);
	if (!err)
		err = export_at(store, blob, &spot, force, progress, cancel, why);
	if (spot.dir >= 0)
		close(spot.dir);
	free(target);
	return err;
}
