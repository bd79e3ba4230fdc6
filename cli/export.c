#include "cli/export.h"

#include "store/tree.h"

#include <errno.h>
#include <fcntl.h>
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

/* *ret_there: a file with these bytes is there. ERR_EXISTS: something else is. */
static enum err look_at_target(struct store *store, struct blob *blob, const char *target, bool *ret_there, struct why *why)
{
	int fd = open(target, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	enum err err = ERR_OK;

	*ret_there = false;
	if (fd < 0)
		return errno == ENOENT ? ERR_OK : why_errno(why, errno, "cannot look at %s", target);
	if (fstat(fd, &st) != 0)
		err = why_errno(why, errno, "cannot look at %s", target);
	else if (S_ISDIR(st.st_mode))
		err = why_set(why, ERR_EXISTS, "%s is a directory", target);
	else if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == blob_size(blob))
		err = has_same_bytes(store, blob, fd, ret_there, why);
	close(fd);
	if (!err && !*ret_there)
		err = why_set(why, ERR_EXISTS, "%s is there already with other content; --force replaces it", target);
	return err;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

enum err export_to(struct store *store, struct blob *blob, const char *target, bool force, uint64_t *progress, const bool *cancel,
		   struct why *why)
{
	bool there = false;
	enum err err = look_at_target(store, blob, target, &there, why);

	if (there) {
		if (progress)
			__atomic_fetch_add(progress, blob_size(blob), __ATOMIC_RELAXED);
		return ERR_OK;
	}
	if (err && (err != ERR_EXISTS || !force || is_directory(target)))
		return err;
	err = export_make_parents(target, why);
	return err ? err : blob_export(blob, target, progress, cancel, why);
}

enum err export_file(struct store *store, struct blob *blob, const char *dir, const char *path, bool force, uint64_t *progress,
		     const bool *cancel, struct why *why)
{
	char *target = NULL;
	enum err err;

	if (!tree_path_is_safe(path))
		return why_set(why, ERR_INVALID, "%s cannot be a path below %s", path, dir);
	if (asprintf(&target, "%s/%s", dir, path) < 0)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	err = export_to(store, blob, target, force, progress, cancel, why);
	free(target);
	return err;
}
