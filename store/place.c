#include "store/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

const char *place_blob_dir(const struct digest *digest, char ret[PLACE_MAX])
{
	char hex[DIGEST_HEX_MAX];

	digest_hex(digest, hex);
	snprintf(ret, PLACE_MAX, "blobs/%s/%.2s", digest_algorithm_name(digest->algorithm), hex);
	return ret;
}

const char *place_blob(const struct digest *digest, char ret[PLACE_MAX])
{
	char hex[DIGEST_HEX_MAX];

	digest_hex(digest, hex);
	snprintf(ret, PLACE_MAX, "blobs/%s/%.2s/%s", digest_algorithm_name(digest->algorithm), hex, hex);
	return ret;
}

static const char *in_partial(const struct digest *digest, const char *end, char ret[PLACE_MAX])
{
	char hex[DIGEST_HEX_MAX];

	snprintf(ret, PLACE_MAX, PLACE_PARTIAL "/%s-%s%s", digest_algorithm_name(digest->algorithm), digest_hex(digest, hex), end);
	return ret;
}

const char *place_data(const struct digest *digest, char ret[PLACE_MAX])
{
	return in_partial(digest, PLACE_DATA_END, ret);
}

const char *place_journal(const struct digest *digest, char ret[PLACE_MAX])
{
	return in_partial(digest, PLACE_JOURNAL_END, ret);
}

bool place_parse(const char *name, const char *end, struct digest *ret_digest)
{
	static const char start[] = "sha256-";
	char hex[DIGEST_HEX_MAX];
	size_t len = strlen(name), around = sizeof start - 1 + strlen(end);

	if (len != around + 2 * digest_len(DIGEST_SHA256) || strncmp(name, start, sizeof start - 1) != 0 ||
	    strcmp(name + len - strlen(end), end) != 0)
		return false;
	snprintf(hex, sizeof hex, "%.*s", (int)(len - around), name + sizeof start - 1);
	return digest_parse_hex(DIGEST_SHA256, hex, ret_digest);
}

bool file_is_at(int dir, const char *path, int fd)
{
	struct stat here, there;

	return fstat(fd, &here) == 0 && fstatat(dir, path, &there, AT_SYMLINK_NOFOLLOW) == 0 && here.st_ino == there.st_ino &&
	       here.st_dev == there.st_dev;
}

int file_open(int dir, const char *path, int *ret_fd)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return errno == ENXIO ? ELOOP : errno;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return ELOOP;
	}
	*ret_fd = fd;
	return 0;
}

void file_make_way(int dir, const char *path)
{
	struct stat st;

	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISREG(st.st_mode))
		return;
	unlinkat(dir, path, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
}

int file_lock(int fd, int operation)
{
	while (flock(fd, operation) != 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

int file_write_at(int fd, const void *data, size_t len, uint64_t offset)
{
	const uint8_t *at = data;

	while (len > 0) {
		ssize_t done = pwrite(fd, at, len, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? errno : EIO;
		at += done;
		len -= (size_t)done;
		offset += (uint64_t)done;
	}
	return 0;
}

int file_read_at(int fd, void *data, size_t len, uint64_t offset)
{
	uint8_t *at = data;

	while (len > 0) {
		ssize_t done = pread(fd, at, len, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? errno : ENODATA;
		at += done;
		len -= (size_t)done;
		offset += (uint64_t)done;
	}
	return 0;
}

int dir_sync(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed = 0;

	if (fd < 0)
		return errno;
	/* Some file systems cannot sync directories, and keep their order by themselves. */
	if (fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP)
		failed = errno;
	close(fd);
	return failed;
}

int dir_make(int dir, const char *parent, const char *path)
{
	int failed;

	if (mkdirat(dir, path, 0700) != 0)
		return errno == EEXIST ? 0 : errno;
	failed = dir_sync(dir, parent);
	if (failed)
		unlinkat(dir, path, AT_REMOVEDIR); /* so that the next attempt does not take it for durable */
	return failed;
}
