#include "store/gc_private.h"

#include "store/blob_private.h"
#include "store/leftover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* What there is to decide on. */
struct room {
	struct blob_record *records; /* least recently used first */
	size_t record_count;
	struct leftover *leftovers; /* oldest first */
	size_t leftover_count;
	uint64_t blob_bytes, partial_bytes;
	uint64_t free_bytes, min_free, max_size;
};

static void room_release(struct room *room)
{
	free(room->records);
	free(room->leftovers);
}

static uint64_t min_free_of(const struct store *store, const struct statvfs *fs)
{
	uint64_t tenth = (uint64_t)fs->f_blocks * fs->f_frsize / 10, wanted = __atomic_load_n(&store->options.min_free, __ATOMIC_RELAXED);

	if (wanted != UINT64_MAX)
		return wanted;
	return tenth > STORE_MIN_FREE_FLOOR ? tenth : STORE_MIN_FREE_FLOOR;
}

static enum err measure(struct store *store, struct room *room, struct why *why)
{
	struct blob_totals totals;
	struct statvfs fs;
	enum err err;

	err = leftover_list(store, &room->leftovers, &room->leftover_count, why);
	if (!err)
		err = index_blob_totals(store->index, &totals, why);
	if (err)
		return err;
	room->max_size = __atomic_load_n(&store->options.max_size, __ATOMIC_RELAXED);
	room->blob_bytes = totals.own_bytes;
	for (size_t i = 0; i < room->leftover_count; i++)
		room->partial_bytes += room->leftovers[i].bytes;
	/* A file system that does not tell how full it is cannot be kept from filling up. */
	room->free_bytes = UINT64_MAX;
	if (fstatvfs(store->dir, &fs) == 0) {
		room->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
		room->min_free = min_free_of(store, &fs);
	}
	return ERR_OK;
}

/* How many bytes have to go for `need` more to fit. */
static uint64_t lacking(const struct room *room, uint64_t need)
{
	uint64_t used = room->blob_bytes + room->partial_bytes, max_size = room->max_size;
	uint64_t over = max_size > 0 && used + need > max_size ? used + need - max_size : 0;
	uint64_t wanted = need + room->min_free;
	uint64_t short_of = wanted > room->free_bytes ? wanted - room->free_bytes : 0;

	return over > short_of ? over : short_of;
}

/* Nobody may have it open, and its going must free something. Whoever opens it just now waits the moment. */
static bool is_evictable(struct store *store, const struct blob_record *record)
{
	char name[PLACE_MAX];
	struct stat st;
	bool free_now;
	int fd;

	if (record->pinned || record->size == 0)
		return false;
	if (file_open(store->dir, place_blob(&record->digest, name), &fd) != 0)
		return false;
	free_now = fstat(fd, &st) == 0 && st.st_nlink == 1 && file_lock(fd, LOCK_EX | LOCK_NB) == 0;
	close(fd);
	return free_now;
}

static const char *human(uint64_t bytes, char ret[32])
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1000 && unit + 1 < sizeof units / sizeof units[0]) {
		value /= 1000;
		unit++;
	}
	snprintf(ret, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return ret;
}

static enum err no_room(const struct store *store, const struct room *room, uint64_t need, uint64_t can_go, struct why *why)
{
	char needed[48] = "too little room", size[32], used[32], most[32], stays[32], free_now[32], kept[32];
	uint64_t all = room->blob_bytes + room->partial_bytes;

	if (need > 0)
		snprintf(needed, sizeof needed, "no room for %s", human(need, size));
	human(all, used);
	human(all > can_go ? all - can_go : 0, stays);
	if (room->max_size > 0 && all - (can_go < all ? can_go : all) + need > room->max_size)
		return why_set(why, ERR_NO_SPACE,
			       "%s: the store %s may hold %s (max_size) and holds %s, of which %s are pinned, in use or on their way in",
			       needed, store->home, human(room->max_size, most), used, stays);
	return why_set(why, ERR_NO_SPACE,
		       "%s: the disk of %s has %s free, of which %s must stay free (min_free), and only %s of the %s in the store may go",
		       needed, store->home, human(room->free_bytes, free_now), human(room->min_free, kept), human(can_go, most), used);
}

/* What is of no use goes first, and always. */
static void drop_waste(struct store *store, struct room *room, bool dry_run, struct gc_result *result)
{
	size_t kept = 0;

	for (size_t i = 0; i < room->leftover_count; i++) {
		struct leftover *leftover = &room->leftovers[i];
		if (!leftover_is_waste(leftover) ||
		    !(dry_run ? leftover_is_free(store, leftover) : leftover_remove(store, leftover))) {
			room->leftovers[kept++] = *leftover;
			continue;
		}
		room->partial_bytes -= leftover->bytes;
		room->free_bytes += room->free_bytes == UINT64_MAX ? 0 : leftover->bytes;
		result->partials++;
		result->partial_bytes += leftover->bytes;
	}
	room->leftover_count = kept;
}

/* Keep only what may go, and sum it up. Under the lock of the store, so that two who look do not take each other for users. */
static uint64_t keep_evictable(struct store *store, struct room *room, uint64_t enough)
{
	size_t records = 0, leftovers = 0;
	uint64_t bytes = 0;

	for (size_t i = 0; i < room->record_count && bytes < enough; i++)
		if (is_evictable(store, &room->records[i])) {
			bytes += room->records[i].size;
			room->records[records++] = room->records[i];
		}
	for (size_t i = 0; i < room->leftover_count && bytes < enough; i++)
		if (leftover_is_free(store, &room->leftovers[i])) {
			bytes += room->leftovers[i].bytes;
			room->leftovers[leftovers++] = room->leftovers[i];
		}
	room->record_count = records;
	room->leftover_count = leftovers;
	return bytes;
}

/* Blobs first, for they can be had again from a peer; what is half here costs its owner more. Returns the bytes that went. */
static uint64_t evict(struct store *store, const struct room *room, uint64_t wanted, bool dry_run, struct gc_result *result)
{
	uint64_t gone = 0, links = 0;

	for (size_t i = 0; i < room->record_count && gone < wanted; i++) {
		const struct blob_record *record = &room->records[i];
		enum err err = dry_run ? ERR_OK : blob_remove_counted(store, &record->digest, false, &links, NULL);
		/* Without room for the index the file has gone all the same; the record goes when it is missed. Others were taken into use meanwhile. */
		if (err && err != ERR_NO_SPACE)
			continue;
		gone += record->size;
		result->blobs++;
		result->bytes += record->size;
		result->links += links;
	}
	for (size_t i = 0; i < room->leftover_count && gone < wanted; i++) {
		if (!dry_run && !leftover_remove(store, &room->leftovers[i]))
			continue;
		gone += room->leftovers[i].bytes;
		result->partials++;
		result->partial_bytes += room->leftovers[i].bytes;
	}
	return gone;
}

enum err gc_hold_quota(struct store *store, uint64_t need, bool dry_run, struct gc_result *result, struct why *why)
{
	struct room room = {0};
	uint64_t wanted, can_go;
	int lock = -1;
	enum err err;

	if (need > CHAIN_MAX_BLOB)
		return why_set(why, ERR_LIMIT, "%llu bytes are more than a blob may have", (unsigned long long)need);
	err = measure(store, &room, why);
	if (err)
		goto out;
	drop_waste(store, &room, dry_run, result);
	wanted = lacking(&room, need);
	if (wanted == 0)
		goto out;
	err = index_blob_list(store->index, &room.records, &room.record_count, why);
	if (err)
		goto out;
	err = store_lock(store, &lock, why);
	if (err)
		goto out;
	can_go = keep_evictable(store, &room, wanted);
	store_unlock(lock);
	if (can_go < wanted || evict(store, &room, wanted, dry_run, result) < wanted)
		err = no_room(store, &room, need, can_go, why);
out:
	room_release(&room);
	return err;
}

enum err gc_make_room(struct store *store, uint64_t need, struct gc_result *ret_result, struct why *why)
{
	struct gc_result result = {0};
	enum err err = gc_hold_quota(store, need, false, &result, why);

	if (!err)
		*ret_result = result;
	return err;
}
