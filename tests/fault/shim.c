/* shim: stands in, by LD_PRELOAD, for the system calls that change files, and lets the n-th one fail, or be the last.
 *
 *   FAULT_HOME   calls about files below this directory count; nothing else is touched
 *   FAULT_AT     which one, from 1
 *   FAULT_KIND   eio    it fails with EIO
 *                full   it and all later ones that need space fail with ENOSPC
 *                lost   it is an fsync of a file in partial/ (only those count), fails with EIO, and what was written to it is gone
 *                exit   the process ends before it
 *                power  the process ends before it, and what was not durable is undone
 *                tear   the same for what was written, while names and sizes stay
 *   FAULT_STASH  a directory beside FAULT_HOME for what may have to be brought back
 *   FAULT_MARK   this file is made when it happens, with the name of the call in it
 *
 * In the kinds eio, full, lost and exit the world is otherwise as it is. One thread.
 */
#include "fault/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Every function here is somebody else's. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wredundant-decls"

#define EXIT_BY_FAULT 42

static unsigned long count;
static bool is_full;

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static bool kind_is(const char *kind)
{
	return strcmp(setting("FAULT_KIND"), kind) == 0;
}

static bool undoes(void)
{
	return kind_is("power") || kind_is("tear") || kind_is("lost");
}

static bool ends(void)
{
	return kind_is("power") || kind_is("tear") || kind_is("exit");
}

static bool is_ours(const char *path)
{
	const char *home = setting("FAULT_HOME");
	size_t len = strlen(home);

	return len > 0 && strncmp(path, home, len) == 0 && (path[len] == '/' || path[len] == 0);
}

static bool path_of(int fd, char ret[PATH_MAX])
{
	char link[64];
	ssize_t len;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	len = syscall(SYS_readlinkat, AT_FDCWD, link, ret, PATH_MAX - 1);
	if (len < 0)
		return false;
	ret[len] = 0;
	return true;
}

/* The absolute path of `path` at `dir`; false when it is none of ours. */
static bool resolve(int dir, const char *path, char ret[PATH_MAX])
{
	char base[PATH_MAX];

	if (path[0] == '/')
		snprintf(ret, PATH_MAX, "%s", path);
	else if (dir != AT_FDCWD && path_of(dir, base))
		snprintf(ret, PATH_MAX, "%.2000s%s%.2000s", base, strcmp(path, ".") == 0 ? "" : "/", strcmp(path, ".") == 0 ? "" : path);
	else
		return false;
	return is_ours(ret);
}

static void leave_mark(const char *call, const char *path)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, setting("FAULT_MARK"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	char text[PATH_MAX + 64];
	int len = snprintf(text, sizeof text, "%s %.4000s\n", call, path);

	if (fd < 0 || syscall(SYS_write, fd, text, (size_t)len) < 0)
		abort();
	syscall(SYS_close, fd);
}

/* Whether this call is to fail, with errno set. */
static bool fault(const char *call, const char *path, bool needs_space)
{
	if (is_full && needs_space) {
		errno = ENOSPC;
		return true;
	}
	if (kind_is("lost") && (!strstr(call, "sync") || !strstr(path, "/partial/")))
		return false;
	if (++count != strtoul(setting("FAULT_AT"), NULL, 10) || count == 0)
		return false;
	leave_mark(call, path);
	if (kind_is("full")) {
		is_full = true;
		errno = ENOSPC;
		return needs_space;
	}
	if (ends() && undoes())
		undo_all(kind_is("tear"), setting("FAULT_STASH"));
	if (ends())
		_exit(EXIT_BY_FAULT);
	errno = EIO;
	return true;
}

static bool fault_fd(const char *call, int fd, bool needs_space, char ret_path[PATH_MAX])
{
	return path_of(fd, ret_path) && is_ours(ret_path) && fault(call, ret_path, needs_space);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t offset)
{
	char path[PATH_MAX];

	if (fault_fd("pwrite", fd, true, path))
		return -1;
	if (undoes() && is_ours(path))
		undo_note_write(fd, offset, len);
	return syscall(SYS_pwrite64, fd, data, len, offset);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	return pwrite64(fd, data, len, offset);
}

ssize_t write(int fd, const void *data, size_t len)
{
	char path[PATH_MAX];

	if (fault_fd("write", fd, true, path))
		return -1;
	if (undoes() && is_ours(path))
		undo_note_write(fd, (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR), len);
	return syscall(SYS_write, fd, data, len);
}

static int sync_as(const char *call, long number, int fd)
{
	char path[PATH_MAX];
	int failed;

	if (fault_fd(call, fd, false, path)) {
		undo_file(fd);
		errno = EIO;
		return -1;
	}
	failed = (int)syscall(number, fd);
	if (failed == 0 && undoes() && is_ours(path))
		undo_forget(fd, path);
	return failed;
}

int fsync(int fd)
{
	return sync_as("fsync", SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return sync_as("fdatasync", SYS_fdatasync, fd);
}

int ftruncate64(int fd, off_t size)
{
	char path[PATH_MAX];

	if (fault_fd("ftruncate", fd, false, path))
		return -1;
	if (undoes() && is_ours(path))
		undo_note_size(fd, size);
	return (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate(int fd, off_t size)
{
	return ftruncate64(fd, size);
}

int fallocate64(int fd, int mode, off_t offset, off_t len)
{
	char path[PATH_MAX];
	struct stat st;

	if (fault_fd("fallocate", fd, true, path))
		return -1;
	if (undoes() && is_ours(path) && fstat(fd, &st) == 0 && offset + len > st.st_size)
		undo_note_size(fd, offset + len);
	return (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
	return fallocate64(fd, mode, offset, len);
}

int fchmod(int fd, mode_t mode)
{
	char path[PATH_MAX];

	return fault_fd("fchmod", fd, false, path) ? -1 : (int)syscall(SYS_fchmod, fd, mode);
}

static int open_as(int dir, const char *name, int flags, mode_t mode)
{
	char path[PATH_MAX];
	int fd;

	if (!(flags & O_CREAT) || !resolve(dir, name, path) || syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0)
		return (int)syscall(SYS_openat, dir, name, flags, mode);
	if (fault("open", path, true))
		return -1;
	fd = (int)syscall(SYS_openat, dir, name, flags, mode);
	if (fd >= 0 && undoes())
		undo_note_create(path);
	return fd;
}

/* O_TMPFILE takes a mode too, but nobody here uses it. */
#define OPEN_WITH_MODE(dir, name, flags)                                                                                       \
	mode_t mode = 0;                                                                                                       \
	va_list args;                                                                                                          \
	va_start(args, flags);                                                                                                 \
	if (flags & O_CREAT)                                                                                                   \
		mode = va_arg(args, mode_t);                                                                                   \
	va_end(args);                                                                                                          \
	return open_as(dir, name, flags, mode)

int open64(const char *name, int flags, ...)
{
	OPEN_WITH_MODE(AT_FDCWD, name, flags);
}

int open(const char *name, int flags, ...)
{
	OPEN_WITH_MODE(AT_FDCWD, name, flags);
}

int openat64(int dir, const char *name, int flags, ...)
{
	OPEN_WITH_MODE(dir, name, flags);
}

int openat(int dir, const char *name, int flags, ...)
{
	OPEN_WITH_MODE(dir, name, flags);
}

int mkdirat(int dir, const char *name, mode_t mode)
{
	char path[PATH_MAX];
	int failed;

	if (!resolve(dir, name, path) || syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0)
		return (int)syscall(SYS_mkdirat, dir, name, mode);
	if (fault("mkdir", path, true))
		return -1;
	failed = (int)syscall(SYS_mkdirat, dir, name, mode);
	if (failed == 0 && undoes())
		undo_note_create(path);
	return failed;
}

int mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}

int symlinkat(const char *target, int dir, const char *name)
{
	char path[PATH_MAX];
	int failed;

	if (!resolve(dir, name, path))
		return (int)syscall(SYS_symlinkat, target, dir, name);
	if (fault("symlink", path, true))
		return -1;
	failed = (int)syscall(SYS_symlinkat, target, dir, name);
	if (failed == 0 && undoes())
		undo_note_create(path);
	return failed;
}

int linkat(int from_dir, const char *from, int dir, const char *name, int flags)
{
	char path[PATH_MAX];
	int failed;

	if (!resolve(dir, name, path))
		return (int)syscall(SYS_linkat, from_dir, from, dir, name, flags);
	if (fault("link", path, true))
		return -1;
	failed = (int)syscall(SYS_linkat, from_dir, from, dir, name, flags);
	if (failed == 0 && undoes())
		undo_note_create(path);
	return failed;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	char from_path[PATH_MAX], to_path[PATH_MAX];

	if (!resolve(from_dir, from, from_path) || !resolve(to_dir, to, to_path))
		return (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
	if (fault("rename", to_path, false))
		return -1;
	if (undoes())
		undo_note_rename(from_path, to_path, setting("FAULT_STASH"));
	return (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
}

int rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int dir, const char *name, int flags)
{
	char path[PATH_MAX];

	if (!resolve(dir, name, path) || syscall(SYS_faccessat, AT_FDCWD, path, F_OK) != 0)
		return (int)syscall(SYS_unlinkat, dir, name, flags);
	if (fault("unlink", path, false))
		return -1;
	if (undoes() && !(flags & AT_REMOVEDIR))
		undo_note_unlink(path, setting("FAULT_STASH"));
	return (int)syscall(SYS_unlinkat, dir, name, flags);
}

int unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}
