#include "store/store_private.h"

#include "store/filesystem.h"
#include "store/index.h"
#include "store/place.h"
#include "store/reserve.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#define SECRET "secret"
#define SECRET_NEW "secret.new"
#define INDEX "index.sqlite"

/* What is promised to be held must not go with a directory above it. */
static void sync_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];

	snprintf(parent, sizeof parent, "%.*s", slash > path ? (int)(slash - path) : 1, path);
	(void)dir_sync(AT_FDCWD, parent);
}

/* Parents first. Those that are made belong to this person alone. */
static enum err make_parents(const char *home, struct why *why)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof path, "%s", home) >= (int)sizeof path)
		return why_set(why, ERR_INVALID, "the path of the home is too long");
	for (char *at = path + 1;; at++) {
		char end = *at;
		if (end != '/' && end != 0)
			continue;
		*at = 0;
		if (mkdir(path, 0700) == 0) {
			sync_parent(path);
		} else if (errno != EEXIST) {
			int failed = errno;
			struct stat st;
			/* Above a home there may be directories that cannot be written, and need not be. */
			if (stat(path, &st) != 0) {
				enum err err = why_errno(why, failed, "cannot make the directory %s", path);
				return err == ERR_NOT_FOUND ? ERR_IO : err; /* as below /proc; no store is what "not found" means */
			}
		}
		*at = end;
		if (end == 0)
			return ERR_OK;
	}
}

/* Whoever owns a home may put anything into it. Root would leave things there that its owner cannot use any more, so root, too, only looks. What belongs
 * to root is as safe as the machine; some file systems keep no owners, and say that all is root's. */
static enum err check_owner(const struct store *store, struct why *why)
{
	struct stat st;

	if (fstat(store->dir, &st) != 0)
		return why_errno(why, errno, "cannot look at the home %s", store->home);
	if (st.st_uid == geteuid() || st.st_uid == 0 || (geteuid() == 0 && store->options.read_only))
		return ERR_OK;
	return why_set(why, ERR_PERMISSION, "the home %s belongs to another user (uid %u): run larder as that user, or use another --home", store->home,
		       (unsigned)st.st_uid);
}

static enum err open_home(struct store *store, struct why *why)
{
	const char *home = store->home;
	enum err err;

	if (home[0] != '/')
		return why_set(why, ERR_INVALID, "the home %s is not an absolute path", home);
	if (!store->options.read_only) {
		err = make_parents(home, why);
		if (err)
			return err;
	}
	store->dir = open(home, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (store->dir < 0 && errno == ENOENT)
		return why_set(why, ERR_NOT_FOUND, "there is no store at %s", home);
	if (store->dir < 0)
		return why_errno(why, errno, "cannot open the home %s", home);
	err = check_owner(store, why);
	return err ? err : filesystem_check(store->dir, home, why);
}

static bool is_ours(const char *name)
{
	static const char *const ours[] = {".", "..", "blobs", PLACE_PARTIAL, "repos", RESERVE_NAME, SECRET, SECRET_NEW, "lost+found"};

	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (strcmp(name, ours[i]) == 0)
			return true;
	return strncmp(name, INDEX, sizeof INDEX - 1) == 0;
}

/* A home is closed to other users, which must not happen to somebody's /tmp or ~/models. One that has been set up may hold anything. */
static enum err check_nothing_else(struct store *store, struct why *why)
{
	const struct dirent *entry;
	enum err err = ERR_OK;
	DIR *dir;

	if (faccessat(store->dir, SECRET, F_OK, 0) == 0 && faccessat(store->dir, "blobs", F_OK, 0) == 0)
		return ERR_OK;
	dir = opendir(store->home);
	if (!dir)
		return why_errno(why, errno, "cannot open the home %s", store->home);
	while (!err && (entry = readdir(dir)))
		if (!is_ours(entry->d_name))
			err = why_set(why, ERR_EXISTS, "%s has other things in it (%s): a home is a directory of its own, as %s/larder", store->home,
				      entry->d_name, store->home);
	closedir(dir);
	return err;
}

static void keep_private(struct store *store)
{
	struct stat st;

	if (fstat(store->dir, &st) != 0 || (st.st_mode & 0077) == 0 || st.st_uid != geteuid())
		return;
	if (chmod(store->home, 0700) == 0)
		log_warn(store->options.log, "%s was open to other users (mode %o); it is not any more", store->home, (unsigned)st.st_mode & 0777);
	else
		log_warn(store->options.log, "%s is open to other users (mode %o): chmod 700 it", store->home, (unsigned)st.st_mode & 0777);
}

static enum err lock_dir(struct store *store, const char *path, int *ret_fd, struct why *why)
{
	int fd = openat(store->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed;

	if (fd < 0)
		return why_errno(why, errno, "cannot open %s%s%s", store->home, *path == '.' ? "" : "/", *path == '.' ? "" : path);
	failed = file_lock(fd, LOCK_EX);
	if (failed) {
		close(fd);
		return why_errno(why, failed, "cannot lock %s/%s", store->home, path);
	}
	*ret_fd = fd;
	return ERR_OK;
}

enum err store_lock(struct store *store, int *ret_fd, struct why *why)
{
	return lock_dir(store, "blobs", ret_fd, why);
}

void store_unlock(int fd)
{
	if (fd >= 0)
		close(fd);
}

enum err store_find(struct store *store, const struct digest *digest, bool *ret_found, struct blob_record *ret_record, struct why *why)
{
	struct why own = {0};
	enum err err = index_blob_get(store->index, digest, ret_record, &own);

	if (err && err != ERR_NOT_FOUND)
		return why_set(why, err, "%s", own.text);
	*ret_found = err == ERR_OK;
	return ERR_OK;
}

static int64_t nanoseconds(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

void store_note_identity(struct blob_record *record, const struct stat *st)
{
	record->inode = st->st_ino;
	record->mtime_ns = nanoseconds(&st->st_mtim);
	record->ctime_ns = nanoseconds(&st->st_ctim);
	record->linked = st->st_nlink > 1;
}

bool store_has_identity(const struct blob_record *record, const struct stat *st)
{
	return st->st_ino == record->inode && (uint64_t)st->st_size == record->size && nanoseconds(&st->st_mtim) == record->mtime_ns &&
	       nanoseconds(&st->st_ctim) == record->ctime_ns;
}

static enum err forget(struct store *store, const struct digest *digest, bool unpin, struct why *why)
{
	enum err err = index_blob_remove(store->index, digest, why);

	return err || !unpin ? err : index_blob_pin(store->index, digest, false, why);
}

enum err store_forget(struct store *store, const struct digest *digest, bool unpin, struct why *why)
{
	enum err err = forget(store, digest, unpin, why);

	return err == ERR_NO_SPACE && reserve_give_up(store) ? forget(store, digest, unpin, why) : err;
}

static bool read_secret(struct store *store)
{
	int fd = -1;
	bool whole = file_open(store->dir, SECRET, &fd) == 0 && file_read_at(fd, store->secret, sizeof store->secret, 0) == 0;

	if (fd >= 0)
		close(fd);
	return whole;
}

/* Under the lock of HOME, so the name for the new one is ours, whatever a crash has left there. */
static int write_secret(struct store *store)
{
	int fd, failed = 0;

	unlinkat(store->dir, SECRET_NEW, 0);
	fd = openat(store->dir, SECRET_NEW, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	if (getrandom(store->secret, sizeof store->secret, 0) != (ssize_t)sizeof store->secret)
		failed = EIO;
	if (!failed)
		failed = file_write_at(fd, store->secret, sizeof store->secret, 0);
	if (!failed && fsync(fd) != 0)
		failed = errno;
	close(fd);
	if (!failed && renameat(store->dir, SECRET_NEW, store->dir, SECRET) != 0)
		failed = errno;
	if (!failed)
		failed = dir_sync(store->dir, ".");
	else
		unlinkat(store->dir, SECRET_NEW, 0);
	return failed;
}

static enum err open_secret(struct store *store, struct why *why)
{
	int failed;

	if (read_secret(store))
		return ERR_OK;
	if (store->options.read_only) {
		if (faccessat(store->dir, SECRET, R_OK, 0) != 0 && errno != ENOENT)
			return why_errno(why, errno, "cannot look into the store %s", store->home);
		return why_set(why, ERR_NOT_FOUND, "there is no store at %s", store->home);
	}
	/* What hangs on it is only remembered permission, which is asked again. */
	if (faccessat(store->dir, SECRET, F_OK, 0) == 0)
		log_warn(store->options.log, "%s/" SECRET " could not be read, a new one is made", store->home);
	failed = write_secret(store);
	return failed ? why_errno(why, failed, "cannot write %s/" SECRET, store->home) : ERR_OK;
}

static enum err make_layout(struct store *store, struct why *why)
{
	static const char *const dirs[][2] = {{".", "blobs"}, {"blobs", "blobs/sha256"}, {".", PLACE_PARTIAL}, {".", "repos"}};

	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
		int failed = dir_make(store->dir, dirs[i][0], dirs[i][1]);
		if (failed)
			return why_errno(why, failed, "cannot make the directory %s/%s", store->home, dirs[i][1]);
	}
	return ERR_OK;
}

/* Looking, and making room, go on when there is none. */
static enum err open_index(struct store *store, struct why *why)
{
	unsigned flags = store->options.read_only ? INDEX_READ_ONLY : 0;
	char path[PATH_MAX];
	enum err err;

	if (snprintf(path, sizeof path, "%s/" INDEX, store->home) >= (int)sizeof path)
		return why_set(why, ERR_INVALID, "the path of the home is too long");
	err = index_open(path, flags, &store->index, why);
	if (err == ERR_NO_SPACE && !store->options.read_only && reserve_give_up(store))
		err = index_open(path, flags, &store->index, why);
	if (err == ERR_NO_SPACE)
		err = index_open(path, flags | INDEX_ALONE, &store->index, why);
	/* Even to read, SQLite must make a file beside the index; what it says when it cannot helps nobody. */
	if (err && filesystem_is_read_only(store->dir))
		return why_set(why, ERR_PERMISSION, "%s lies on a read-only file system: mount it to be written, or use another --home", store->home);
	return err;
}

/* Two processes that start together set up one store. */
static enum err set_up(struct store *store, struct why *why)
{
	int lock = -1;
	enum err err;

	if (!store->options.read_only) {
		err = check_nothing_else(store, why);
		if (err)
			return err;
		keep_private(store);
		err = lock_dir(store, ".", &lock, why);
		if (err)
			return err;
		err = make_layout(store, why);
		if (err)
			goto out;
	}
	err = open_secret(store, why);
	if (!err)
		err = open_index(store, why);
	if (!err && !store->options.read_only)
		reserve_keep(store);
out:
	store_unlock(lock);
	return err;
}

enum err store_open(const struct store_options *options, struct store **ret_store, struct why *why)
{
	struct store *store = calloc(1, sizeof *store);
	enum err err;

	if (!store)
		return why_set(why, ERR_NO_MEMORY, "out of memory while opening the store");
	store->dir = -1;
	store->options = *options;
	store->home = strdup(options->home);
	store->options.home = store->home;
	if (!store->home) {
		err = why_set(why, ERR_NO_MEMORY, "out of memory while opening the store");
		goto out;
	}
	err = open_home(store, why);
	if (!err)
		err = set_up(store, why);
out:
	if (err)
		store_close(store);
	else
		*ret_store = store;
	return err;
}

void store_set_limits(struct store *store, uint64_t max_size, uint64_t min_free)
{
	__atomic_store_n(&store->options.max_size, max_size, __ATOMIC_RELAXED);
	__atomic_store_n(&store->options.min_free, min_free, __ATOMIC_RELAXED);
}

void store_close(struct store *store)
{
	if (!store)
		return;
	index_close(store->index);
	if (store->index && !store->options.read_only)
		reserve_keep(store);
	if (store->dir >= 0)
		close(store->dir);
	explicit_bzero(store->secret, sizeof store->secret);
	free(store->home);
	free(store);
}

struct index *store_index(struct store *store) { return store->index; }
const char *store_home(const struct store *store) { return store->home; }
const struct sha256_engine *store_engine(const struct store *store) { return store->options.engine; }
struct log *store_log(const struct store *store) { return store->options.log; }
struct clock *store_clock(const struct store *store) { return store->options.clock; }
const uint8_t *store_secret(const struct store *store) { return store->secret; }
int store_dir(const struct store *store) { return store->dir; }
