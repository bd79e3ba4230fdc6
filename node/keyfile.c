#include "node/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err open_dir(const char *dir, int *ret_fd, struct why *why)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return why_errno(why, errno, "cannot open %s", dir);
	*ret_fd = fd;
	return ERR_OK;
}

static ssize_t read_all(int fd, char *text, size_t room)
{
	size_t len = 0;

	while (len < room) {
		ssize_t got = read(fd, text + len, room - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	return (ssize_t)len;
}

static enum err read_text(int fd, const char *dir, const char *name, char ret_text[KEYFILE_MAX], struct why *why)
{
	char text[KEYFILE_MAX];
	enum err err = ERR_OK;
	struct stat st;
	ssize_t len;

	if (fstat(fd, &st) != 0)
		return why_errno(why, errno, "cannot read %s/%s", dir, name);
	if (!S_ISREG(st.st_mode))
		return why_set(why, ERR_INVALID, "%s/%s is not a file", dir, name);
	if (st.st_mode & 077)
		(void)fchmod(fd, 0600); /* where that is not allowed, reading it still is */
	len = read_all(fd, text, sizeof text);
	if (len < 0)
		err = why_errno(why, errno, "cannot read %s/%s", dir, name);
	else if (len == sizeof text || memchr(text, 0, (size_t)len))
		err = why_set(why, ERR_INVALID, "%s/%s is not one of larder's files", dir, name);
	else {
		text[len] = 0;
		memcpy(ret_text, text, (size_t)len + 1);
	}
	sodium_memzero(text, sizeof text);
	return err;
}

enum err keyfile_read(const char *dir, const char *name, char ret_text[KEYFILE_MAX], struct why *why)
{
	int dir_fd = -1, fd;
	enum err err = open_dir(dir, &dir_fd, why);

	if (err)
		return err;
	fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ELOOP)
		err = why_set(why, ERR_INVALID, "%s/%s is a link, which larder does not follow", dir, name);
	else if (fd < 0)
		err = why_errno(why, errno, "cannot open %s/%s", dir, name);
	close(dir_fd);
	if (err)
		return err;
	err = read_text(fd, dir, name, ret_text, why);
	close(fd);
	return err;
}

/* errno is set where it fails. */
static bool write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t done = write(fd, text, len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		text += done;
		len -= (size_t)done;
	}
	return true;
}

static bool replace(int dir_fd, const char *temporary, const char *name, const char *text)
{
	int fd, saved;
	bool done;

	if (unlinkat(dir_fd, temporary, 0) != 0 && errno != ENOENT) /* left over from a crash */
		return false;
	fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	done = write_all(fd, text, strlen(text)) && fsync(fd) == 0;
	saved = errno;
	close(fd);
	errno = saved;
	done = done && renameat(dir_fd, temporary, dir_fd, name) == 0 && fsync(dir_fd) == 0;
	if (!done) {
		saved = errno;
		(void)unlinkat(dir_fd, temporary, 0);
		errno = saved;
	}
	return done;
}

enum err keyfile_write(const char *dir, const char *name, const char *text, struct why *why)
{
	char temporary[NAME_MAX];
	int dir_fd = -1;
	enum err err = open_dir(dir, &dir_fd, why);

	if (err)
		return err;
	snprintf(temporary, sizeof temporary, "%s.new", name);
	if (!replace(dir_fd, temporary, name, text))
		err = why_errno(why, errno, "cannot write %s/%s", dir, name);
	close(dir_fd);
	return err;
}

enum err keyfile_remove(const char *dir, const char *name, struct why *why)
{
	int dir_fd = -1;
	enum err err = open_dir(dir, &dir_fd, why);

	if (err)
		return err;
	if (unlinkat(dir_fd, name, 0) != 0 ? errno != ENOENT : fsync(dir_fd) != 0)
		err = why_errno(why, errno, "cannot remove %s/%s", dir, name);
	close(dir_fd);
	return err;
}
