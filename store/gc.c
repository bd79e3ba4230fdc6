#include "store/gc_private.h"

#include "store/blob_private.h"
#include "store/leftover.h"
#include "store/tree_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_FIRST_ROOM 64
#define FAN_OUT 256 /* directories below blobs/sha256 */

struct digest_list {
	struct digest *digests;
	size_t count, room;
};

static enum err add_digest(struct digest_list *list, const struct digest *digest, struct why *why)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : LIST_FIRST_ROOM;
		struct digest *digests = realloc(list->digests, room * sizeof *digests);
		if (!digests)
			return why_set(why, ERR_NO_MEMORY, "out of memory while listing blobs");
		list->digests = digests;
		list->room = room;
	}
	list->digests[list->count++] = *digest;
	return ERR_OK;
}

/* Blobs in one directory of which the index knows nothing. */
static enum err list_unknown(struct store *store, unsigned at, struct digest_list *list, struct why *why)
{
	char path[PLACE_MAX];
	struct dirent *entry;
	enum err err = ERR_OK;
	DIR *dir;
	int fd;

	snprintf(path, sizeof path, "blobs/sha256/%02x", at);
	fd = openat(store->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ERR_OK;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return why_set(why, ERR_NO_MEMORY, "cannot list %s/%s", store->home, path);
	}
	while (!err && (entry = readdir(dir))) {
		struct blob_record record;
		struct digest digest;
		bool found = false;
		if (!digest_parse_hex(DIGEST_SHA256, entry->d_name, &digest) || digest.bytes[0] != at)
			continue;
		err = store_find(store, &digest, &found, &record, why);
		if (!err && !found)
			err = add_digest(list, &digest, why);
	}
	closedir(dir);
	return err;
}

/* What is held by its bytes but not by the index: a crash, or an index that was lost. */
static enum err recover_unknown(struct store *store, struct gc_result *result, struct why *why)
{
	struct digest_list list = {0};
	enum err err = ERR_OK;

	for (unsigned at = 0; !err && at < FAN_OUT; at++)
		err = list_unknown(store, at, &list, why);
	for (size_t i = 0; !err && i < list.count; i++) {
		err = blob_recover(store, &list.digests[i], why);
		if (err == ERR_NOT_FOUND)
			result->partials++;
		/* For want of room it waits for another time: what follows makes some. */
		if (err == ERR_NOT_FOUND || err == ERR_BUSY || err == ERR_NO_SPACE)
			err = ERR_OK;
	}
	free(list.digests);
	return err;
}

/* Whether the file of a blob is gone, or is the store's alone since the other names that it had are gone. */
static bool has_changed(struct store *store, const struct blob_record *record)
{
	char name[PLACE_MAX];
	struct stat st;

	if (fstatat(store->dir, place_blob(&record->digest, name), &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT;
	return record->linked && S_ISREG(st.st_mode) && st.st_nlink == 1;
}

/* Opening notes what is so now. */
static enum err note_changed(struct store *store, struct why *why)
{
	struct blob_record *records = NULL;
	size_t count = 0;
	enum err err = index_blob_list(store->index, &records, &count, why);

	for (size_t i = 0; !err && i < count; i++) {
		struct blob *blob = NULL;
		if (!has_changed(store, &records[i]))
			continue;
		err = blob_open(store, &records[i].digest, &blob, why);
		blob_close(blob);
		if (err == ERR_NOT_FOUND)
			err = ERR_OK;
	}
	free(records);
	return err;
}

static enum err drop_old_partials(struct store *store, int64_t age_s, bool dry_run, struct gc_result *result, struct why *why)
{
	int64_t now_s = clock_wall_s(store->options.clock);
	struct leftover *leftovers = NULL;
	size_t count = 0;
	enum err err = leftover_list(store, &leftovers, &count, why);

	for (size_t i = 0; !err && i < count; i++) {
		struct leftover *leftover = &leftovers[i];
		/* What is waste goes with the quota. */
		if (leftover_is_waste(leftover) || now_s - leftover->changed_at_s <= age_s)
			continue;
		if (!(dry_run ? leftover_is_free(store, leftover) : leftover_remove(store, leftover)))
			continue;
		result->partials++;
		result->partial_bytes += leftover->bytes;
	}
	free(leftovers);
	return err;
}

static enum err sweep_trees(struct store *store, bool dry_run, struct gc_result *result, struct why *why)
{
	int lock = -1;
	enum err err = store_lock(store, &lock, why);

	if (err)
		return err;
	result->links += tree_sweep(store, dry_run);
	store_unlock(lock);
	return ERR_OK;
}

enum err gc_run(struct store *store, int64_t partial_age_s, bool dry_run, struct gc_result *ret_result, struct why *why)
{
	struct gc_result result = {0};
	enum err err = ERR_OK;

	if (!dry_run)
		err = recover_unknown(store, &result, why);
	if (!err && !dry_run)
		err = note_changed(store, why);
	if (!err)
		err = drop_old_partials(store, partial_age_s, dry_run, &result, why);
	if (!err)
		err = sweep_trees(store, dry_run, &result, why);
	if (!err)
		err = gc_hold_quota(store, 0, dry_run, &result, why);
	if (!err)
		*ret_result = result;
	return err;
}
