#include "store/tree_private.h"

#include "base/text.h"
#include "store/index.h"
#include "store/place.h"
#include "store/store_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOT "repos"
#define SWEEP_DEPTH 200 /* each level holds a descriptor */

static bool component_is_safe(const char *text, size_t len)
{
	if (len == 0 || len > NAME_MAX || (len == 1 && text[0] == '.') || (len == 2 && text[0] == '.' && text[1] == '.'))
		return false;
	return !text_has_control(text, len);
}

bool tree_path_is_safe(const char *path)
{
	if (strlen(path) > TREE_PATH_MAX)
		return false;
	for (;;) {
		size_t len = strcspn(path, "/");
		if (!component_is_safe(path, len))
			return false;
		if (path[len] == 0)
			return true;
		path += len + 1;
	}
}

static enum err check_tree(const char *repo, const char *commit, struct why *why)
{
	if (!tree_path_is_safe(repo))
		return why_set(why, ERR_INVALID, "%.80s cannot be the name of a repo", repo);
	if (!tree_path_is_safe(commit) || strchr(commit, '/'))
		return why_set(why, ERR_INVALID, "%.80s cannot be a commit", commit);
	return ERR_OK;
}

enum err tree_dir(struct store *store, const char *repo, const char *commit, char **ret_path, struct why *why)
{
	char *path;
	enum err err = check_tree(repo, commit, why);

	if (err)
		return err;
	if (asprintf(&path, "%s/" ROOT "/%s/%s", store_home(store), repo, commit) < 0)
		return why_set(why, ERR_NO_MEMORY, "out of memory for the path of a tree");
	*ret_path = path;
	return ERR_OK;
}

/* Where a file of a tree goes. */
struct spot {
	int dir;                  /* of its directory */
	char name[NAME_MAX + 1];  /* in that */
	unsigned depth;           /* directories between HOME and it */
};

/* One directory down. No symbolic link is followed, so nothing that was planted in a tree leads out of it. Returns 0 or an errno. */
static int step(int *dir, const char *name, bool make)
{
	int next;

	if (make && mkdirat(*dir, name, 0755) != 0 && errno != EEXIST)
		return errno;
	next = openat(*dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (next < 0)
		return errno;
	close(*dir);
	*dir = next;
	return 0;
}

/* Go down to the directory of REPO/COMMIT/PATH. On success the caller closes ret_spot->dir. */
static int find_spot(struct store *store, const char *repo, const char *commit, const char *path, bool make, struct spot *ret_spot)
{
	struct spot spot = {.depth = 1};
	const char *parts[] = {repo, commit, path};
	int failed = 0;

	spot.dir = openat(store_dir(store), ROOT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (spot.dir < 0)
		return errno;
	for (size_t i = 0; i < 3 && !failed; i++) {
		const char *at = parts[i];
		while (!failed) {
			size_t len = strcspn(at, "/");
			snprintf(spot.name, sizeof spot.name, "%.*s", (int)len, at);
			if (i == 2 && at[len] == 0)
				break;
			failed = step(&spot.dir, spot.name, make);
			spot.depth++;
			if (at[len] == 0)
				break;
			at += len + 1;
		}
	}
	if (failed)
		close(spot.dir);
	else
		*ret_spot = spot;
	return failed;
}

static bool link_is(const struct spot *spot, const char *target)
{
	char now[PATH_MAX];
	ssize_t len = readlinkat(spot->dir, spot->name, now, sizeof now - 1);

	if (len < 0)
		return false;
	now[len] = 0;
	return strcmp(now, target) == 0;
}

/* The way from a spot up to HOME and down to the blob. NULL: out of memory. */
static char *target_from(const struct spot *spot, const struct digest *digest)
{
	char name[PLACE_MAX];
	size_t up = 3 * (size_t)spot->depth;
	char *target = malloc(up + sizeof name);

	if (!target)
		return NULL;
	for (unsigned i = 0; i < spot->depth; i++)
		memcpy(target + 3 * (size_t)i, "../", 3);
	memcpy(target + up, place_blob(digest, name), sizeof name);
	return target;
}

/* Under the lock of the store, so that the one name for new links is ours. Returns 0 or an errno. */
static int put_link(struct store *store, const struct spot *spot, const char *target)
{
	int dir = store_dir(store), failed = 0;

	if (link_is(spot, target))
		return 0;
	if (unlinkat(dir, PLACE_LINK, 0) != 0 && errno != ENOENT)
		return errno;
	if (symlinkat(target, dir, PLACE_LINK) != 0)
		return errno;
	if (renameat(dir, PLACE_LINK, spot->dir, spot->name) != 0) {
		failed = errno;
		unlinkat(dir, PLACE_LINK, 0);
	}
	return failed;
}

static enum err link_failed(struct store *store, int error_number, const char *repo, const char *commit, const char *path,
			    struct why *why)
{
	if (error_number == ENOTDIR || error_number == ELOOP || error_number == EISDIR || error_number == ENOTEMPTY ||
	    error_number == EEXIST)
		return why_set(why, ERR_EXISTS, "%s of %s at %s is a file in one listing and a directory in another: remove %s/" ROOT "/%s/%s", path,
			       repo, commit, store_home(store), repo, commit);
	return why_errno(why, error_number, "cannot link %s/" ROOT "/%s/%s/%s", store_home(store), repo, commit, path);
}

enum err tree_link(struct store *store, const char *repo, const char *commit, const char *path, const struct digest *digest,
		   struct why *why)
{
	struct spot spot = {.dir = -1};
	char *target = NULL;
	int lock = -1, failed;
	enum err err = check_tree(repo, commit, why);

	if (err)
		return err;
	if (!tree_path_is_safe(path))
		return why_set(why, ERR_INVALID, "%.80s in %s cannot be the path of a file", path, repo);
	err = store_lock(store, &lock, why);
	if (err)
		return err;
	failed = find_spot(store, repo, commit, path, true, &spot);
	if (!failed) {
		target = target_from(&spot, digest);
		failed = target ? put_link(store, &spot, target) : ENOMEM;
		close(spot.dir);
	}
	store_unlock(lock);
	free(target);
	return failed ? link_failed(store, failed, repo, commit, path, why) : ERR_OK;
}

static bool forget_one(struct store *store, const struct blob_name *name)
{
	struct spot spot;
	char *target;
	bool gone;

	if (check_tree(name->repo, name->commit, NULL) != ERR_OK || !tree_path_is_safe(name->path) ||
	    find_spot(store, name->repo, name->commit, name->path, false, &spot) != 0)
		return false;
	target = target_from(&spot, &name->digest);
	gone = target && link_is(&spot, target) && unlinkat(spot.dir, spot.name, 0) == 0;
	free(target);
	close(spot.dir);
	return gone;
}

uint64_t tree_forget(struct store *store, const struct digest *digest)
{
	struct blob_name *names = NULL;
	size_t count = 0;
	uint64_t gone = 0;

	/* Links that stay are swept away by gc. */
	if (index_name_list(store_index(store), digest, &names, &count, NULL) != ERR_OK)
		return 0;
	for (size_t i = 0; i < count; i++)
		gone += forget_one(store, &names[i]);
	index_names_free(names, count);
	return gone;
}

static bool is_dangling(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, 0) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* Takes `fd` over. */
static uint64_t sweep(int fd, bool dry_run, unsigned depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	uint64_t gone = 0;
	struct stat st;

	if (!dir) {
		close(fd);
		return 0;
	}
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (S_ISLNK(st.st_mode) && is_dangling(fd, name)) {
			if (dry_run || unlinkat(fd, name, 0) == 0)
				gone++;
		} else if (S_ISDIR(st.st_mode) && depth < SWEEP_DEPTH) {
			int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (below >= 0)
				gone += sweep(below, dry_run, depth + 1);
			/* Refused unless empty. */
			if (!dry_run)
				unlinkat(fd, name, AT_REMOVEDIR);
		}
	}
	closedir(dir);
	return gone;
}

uint64_t tree_sweep(struct store *store, bool dry_run)
{
	int fd = openat(store_dir(store), ROOT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (!dry_run)
		unlinkat(store_dir(store), PLACE_LINK, 0);
	return fd < 0 ? 0 : sweep(fd, dry_run, 0);
}
