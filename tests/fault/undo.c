#include "fault/undo.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILES_MAX 4096

enum kind { DATA, SIZE, CREATE, RENAME, UNLINK };

struct record {
	struct record *older;
	enum kind kind;
	/* DATA, SIZE */
	dev_t dev;
	ino_t ino;
	int fd;
	off_t offset; /* the old size, for SIZE */
	size_t len;
	uint8_t *bytes;
	/* the others */
	char *path, *from, *kept;
};

static struct record *newest;

/* Open for writing as long as the process lives: to close a descriptor would drop the process's fcntl() locks, and to duplicate one would
 * share its flock(). */
static struct {
	dev_t dev;
	ino_t ino;
	int fd;
} files[FILES_MAX];
static size_t file_count;

static int own_fd(int fd, struct stat *ret_st)
{
	char path[64];

	if (fstat(fd, ret_st) != 0)
		return -1;
	for (size_t i = 0; i < file_count; i++)
		if (files[i].dev == ret_st->st_dev && files[i].ino == ret_st->st_ino)
			return files[i].fd;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (file_count == FILES_MAX)
		abort();
	files[file_count].fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
	files[file_count].dev = ret_st->st_dev;
	files[file_count].ino = ret_st->st_ino;
	return files[file_count++].fd;
}

static struct record *add(enum kind kind)
{
	struct record *record = calloc(1, sizeof *record);

	if (!record)
		abort();
	record->kind = kind;
	record->older = newest;
	newest = record;
	return record;
}

static void note_data(int fd, const struct stat *st, off_t offset, size_t len)
{
	struct record *record = add(DATA);
	ssize_t got;

	record->dev = st->st_dev;
	record->ino = st->st_ino;
	record->fd = fd;
	record->offset = offset;
	record->len = len;
	record->bytes = calloc(1, len + 1);
	/* What is not there yet is zeros, should the size stay. */
	got = syscall(SYS_pread64, fd, record->bytes, len, offset);
	(void)got;
}

void undo_note_size(int fd, off_t size)
{
	struct record *record;
	struct stat st;
	int own = own_fd(fd, &st);

	if (own < 0)
		return;
	if (size < st.st_size)
		note_data(own, &st, size, (size_t)(st.st_size - size));
	record = add(SIZE);
	record->dev = st.st_dev;
	record->ino = st.st_ino;
	record->fd = own;
	record->offset = st.st_size;
}

void undo_note_write(int fd, off_t offset, size_t len)
{
	struct stat st;
	int own = own_fd(fd, &st);

	if (own < 0 || !S_ISREG(st.st_mode))
		return;
	if (offset + (off_t)len > st.st_size)
		undo_note_size(fd, offset + (off_t)len);
	note_data(own, &st, offset, len);
}

static char *keep(const char *path, const char *stash)
{
	static unsigned number;
	char kept[PATH_MAX];

	snprintf(kept, sizeof kept, "%s/%u", stash, number++);
	return syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, kept, 0) == 0 ? strdup(kept) : NULL;
}

void undo_note_create(const char *path)
{
	add(CREATE)->path = strdup(path);
}

void undo_note_rename(const char *from, const char *to, const char *stash)
{
	struct record *record = add(RENAME);

	record->from = strdup(from);
	record->path = strdup(to);
	record->kept = keep(to, stash);
}

void undo_note_unlink(const char *path, const char *stash)
{
	char *kept = keep(path, stash);
	struct record *record;

	if (!kept)
		return;
	record = add(UNLINK);
	record->path = strdup(path);
	record->kept = kept;
}

static bool is_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && path[len] == '/' && !strchr(path + len + 1, '/');
}

/* A new file's name is as durable as the file, as on every file system that people use. */
static bool is_durable(const struct record *record, const struct stat *st, const char *path)
{
	switch (record->kind) {
	case DATA:
	case SIZE:
		return record->dev == st->st_dev && record->ino == st->st_ino;
	case CREATE:
		return is_in(record->path, path) || (S_ISREG(st->st_mode) && strcmp(record->path, path) == 0);
	default:
		return is_in(record->path, path);
	}
}

static void record_free(struct record *record)
{
	free(record->bytes);
	free(record->path);
	free(record->from);
	free(record->kept);
	free(record);
}

void undo_forget(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return;
	for (struct record **at = &newest; *at;) {
		struct record *record = *at;
		if (!is_durable(record, &st, path)) {
			at = &record->older;
			continue;
		}
		*at = record->older;
		record_free(record);
	}
}

static void take_back_name(const struct record *record, const char *stash)
{
	char lost[PATH_MAX];

	switch (record->kind) {
	case CREATE:
		if (syscall(SYS_unlinkat, AT_FDCWD, record->path, 0) == 0)
			return;
		/* A directory goes with all that is in it. */
		snprintf(lost, sizeof lost, "%s/lost-%p", stash, (const void *)record);
		syscall(SYS_renameat, AT_FDCWD, record->path, AT_FDCWD, lost);
		return;
	case RENAME:
		syscall(SYS_renameat, AT_FDCWD, record->path, AT_FDCWD, record->from);
		/* fall through */
	default:
		if (record->kept)
			syscall(SYS_linkat, AT_FDCWD, record->kept, AT_FDCWD, record->path, 0);
	}
}

static void take_back_data(const struct record *record)
{
	if (syscall(SYS_pwrite64, record->fd, record->bytes, record->len, record->offset) < 0)
		abort();
}

void undo_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return;
	for (const struct record *record = newest; record; record = record->older)
		if (record->kind == DATA && record->dev == st.st_dev && record->ino == st.st_ino)
			take_back_data(record);
}

void undo_all(bool names_stay, const char *stash)
{
	for (const struct record *record = newest; record; record = record->older) {
		if (record->kind == DATA) {
			take_back_data(record);
		} else if (names_stay) {
			continue;
		} else if (record->kind == SIZE) {
			syscall(SYS_ftruncate, record->fd, record->offset);
		} else {
			take_back_name(record, stash);
		}
	}
}
