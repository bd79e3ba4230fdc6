#include "store/reserve.h"

#include "store/place.h"

#include <fcntl.h>
#include <unistd.h>

static int64_t allocated(const struct stat *st)
{
	return (int64_t)st->st_blocks * 512;
}

void reserve_keep(struct store *store)
{
	int dir = store_dir(store), fd;
	struct stat st;

	if (fstatat(dir, RESERVE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && allocated(&st) >= RESERVE_BYTES)
		return;
	file_make_way(dir, RESERVE_NAME);
	fd = openat(dir, RESERVE_NAME, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	/* A part of it would only make a full disk fuller. */
	if (fallocate(fd, 0, 0, RESERVE_BYTES) != 0)
		unlinkat(dir, RESERVE_NAME, 0);
	close(fd);
}

bool reserve_give_up(struct store *store)
{
	return unlinkat(store_dir(store), RESERVE_NAME, 0) == 0;
}
