#include "store/leftover.h"

#include "store/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define LIST_FIRST_ROOM 16

static bool parse_unnamed(const char *name)
{
	size_t len = strlen(name), end = strlen(PLACE_DATA_END);

	return strncmp(name, PLACE_UNNAMED, strlen(PLACE_UNNAMED)) == 0 && len > end && len < PLACE_MAX - sizeof PLACE_PARTIAL &&
	       strcmp(name + len - end, PLACE_DATA_END) == 0;
}

/* What one file in partial/ says; false for files that are not ours. */
static bool look_at(int dir, const char *name, struct leftover *ret_leftover)
{
	struct leftover leftover = {0};
	struct stat st;

	if (place_parse(name, PLACE_DATA_END, &leftover.digest) || parse_unnamed(name))
		leftover.has_data = true;
	else if (place_parse(name, PLACE_JOURNAL_END, &leftover.digest))
		leftover.has_journal = true;
	else
		return false;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	if (leftover.has_data)
		leftover.bytes = (uint64_t)st.st_size;
	leftover.changed_at_s = st.st_mtim.tv_sec;
	if (leftover.digest.algorithm != DIGEST_NONE)
		place_data(&leftover.digest, leftover.data);
	else
		snprintf(leftover.data, sizeof leftover.data, PLACE_PARTIAL "/%.*s", PLACE_MAX - (int)sizeof PLACE_PARTIAL - 1, name);
	*ret_leftover = leftover;
	return true;
}

static int by_data(const void *a, const void *b)
{
	return strcmp(((const struct leftover *)a)->data, ((const struct leftover *)b)->data);
}

static int by_age(const void *a, const void *b)
{
	int64_t first = ((const struct leftover *)a)->changed_at_s, second = ((const struct leftover *)b)->changed_at_s;

	return first < second ? -1 : first > second;
}

/* Data and journal of one blob become one entry. Returns how many are left. */
static size_t join(struct leftover *all, size_t count)
{
	size_t kept = 0;

	if (count == 0)
		return 0;
	qsort(all, count, sizeof *all, by_data);
	for (size_t i = 1; i < count; i++) {
		if (by_data(&all[kept], &all[i]) != 0) {
			all[++kept] = all[i];
			continue;
		}
		all[kept].has_data |= all[i].has_data;
		all[kept].has_journal |= all[i].has_journal;
		all[kept].bytes += all[i].bytes;
		if (all[i].changed_at_s > all[kept].changed_at_s)
			all[kept].changed_at_s = all[i].changed_at_s;
	}
	qsort(all, kept + 1, sizeof *all, by_age);
	return kept + 1;
}

enum err leftover_list(struct store *store, struct leftover **ret_leftovers, size_t *ret_count, struct why *why)
{
	int fd = openat(store_dir(store), PLACE_PARTIAL, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct leftover *all = NULL;
	size_t count = 0, room = 0;
	struct dirent *entry;

	if (!dir) {
		int failed = errno;
		if (fd >= 0)
			close(fd);
		return why_errno(why, failed, "cannot list %s/" PLACE_PARTIAL, store_home(store));
	}
	while ((entry = readdir(dir))) {
		if (count == room) {
			struct leftover *more = realloc(all, (room ? room * 2 : LIST_FIRST_ROOM) * sizeof *all);
			if (!more) {
				free(all);
				closedir(dir);
				return why_set(why, ERR_NO_MEMORY, "out of memory while listing %s/" PLACE_PARTIAL, store_home(store));
			}
			all = more;
			room = room ? room * 2 : LIST_FIRST_ROOM;
		}
		count += look_at(fd, entry->d_name, &all[count]);
	}
	closedir(dir);
	*ret_count = join(all, count);
	*ret_leftovers = all;
	return ERR_OK;
}

bool leftover_is_waste(const struct leftover *leftover)
{
	return leftover->digest.algorithm == DIGEST_NONE || !leftover->has_data || !leftover->has_journal;
}

bool leftover_progress(struct store *store, const struct leftover *leftover, uint64_t *ret_size, uint64_t *ret_have_bytes)
{
	return leftover->has_data && leftover->has_journal && journal_peek(store, &leftover->digest, ret_size, ret_have_bytes);
}

/* Locked; -1: gone, or somebody has it. */
static int lock_unnamed(struct store *store, const struct leftover *leftover)
{
	int fd = -1;

	if (file_open(store_dir(store), leftover->data, &fd) == 0 && file_lock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

bool leftover_is_free(struct store *store, const struct leftover *leftover)
{
	struct journal *journal;
	int fd;

	if (leftover->digest.algorithm == DIGEST_NONE) {
		fd = lock_unnamed(store, leftover);
		if (fd >= 0)
			close(fd);
		return fd >= 0;
	}
	if (!leftover->has_journal)
		return true;
	if (journal_open(store, &leftover->digest, 0, &journal, NULL) != ERR_OK)
		return false;
	journal_close(journal);
	return true;
}

bool leftover_remove(struct store *store, const struct leftover *leftover)
{
	int dir = store_dir(store), fd;
	struct journal *journal;
	struct stat st;

	file_make_way(dir, leftover->data);
	if (leftover->digest.algorithm == DIGEST_NONE) {
		fd = lock_unnamed(store, leftover);
		if (fd < 0)
			return false;
		unlinkat(dir, leftover->data, 0);
		close(fd);
		return true;
	}
	if (journal_open(store, &leftover->digest, JOURNAL_CREATE, &journal, NULL) != ERR_OK)
		return false;
	if (fstatat(dir, leftover->data, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (!leftover->has_data || st.st_mtim.tv_sec > leftover->changed_at_s)) {
		journal_close(journal);
		return false;
	}
	unlinkat(dir, leftover->data, 0);
	journal_remove(journal);
	return true;
}
