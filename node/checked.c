#include "node/checked.h"

#include "store/chain.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	struct list link;
	struct digest digest;
	uint64_t inode, chunks, missing;
	struct timespec modified, changed;
	uint8_t *bits; /* NULL: all chunks are checked */
};

void checked_init(struct checked *checked)
{
	list_init(&checked->all);
}

static void entry_free(struct checked *checked, struct entry *entry)
{
	checked->count--;
	list_remove(&entry->link);
	free(entry->bits);
	free(entry);
}

void checked_release(struct checked *checked)
{
	while (!list_is_empty(&checked->all))
		entry_free(checked, container_of(checked->all.next, struct entry, link));
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_of(const struct entry *entry, const struct stat *file)
{
	return entry->inode == file->st_ino && entry->chunks == chain_chunk_count((uint64_t)file->st_size) && same_time(entry->modified, file->st_mtim) &&
	       same_time(entry->changed, file->st_ctim);
}

static struct entry *find(struct checked *checked, const struct digest *digest, const struct stat *file)
{
	list_each_safe(at, &checked->all) {
		struct entry *entry = container_of(at, struct entry, link);
		if (!digest_equal(&entry->digest, digest))
			continue;
		if (!is_of(entry, file)) {
			entry_free(checked, entry);
			return NULL;
		}
		list_remove(&entry->link);
		list_append(checked->all.next, &entry->link);
		return entry;
	}
	return NULL;
}

static struct entry *add(struct checked *checked, const struct digest *digest, const struct stat *file)
{
	struct entry *entry = calloc(1, sizeof *entry);

	if (!entry)
		return NULL;
	entry->chunks = entry->missing = chain_chunk_count((uint64_t)file->st_size);
	entry->bits = calloc((size_t)(entry->chunks + 7) / 8, 1);
	if (!entry->bits) {
		free(entry);
		return NULL;
	}
	entry->digest = *digest;
	entry->inode = file->st_ino;
	entry->modified = file->st_mtim;
	entry->changed = file->st_ctim;
	list_append(checked->all.next, &entry->link);
	if (++checked->count > CHECKED_MAX)
		entry_free(checked, container_of(checked->all.prev, struct entry, link));
	return entry;
}

static bool is_set(const struct entry *entry, uint64_t index)
{
	return !entry->bits || (entry->bits[index / 8] & 1 << index % 8);
}

bool checked_has(struct checked *checked, const struct digest *digest, const struct stat *file, uint64_t first, uint64_t end)
{
	const struct entry *entry = find(checked, digest, file);

	if (!entry || end > entry->chunks)
		return false;
	if (!entry->bits)
		return true;
	for (uint64_t i = first; i < end; i++)
		if (!is_set(entry, i))
			return false;
	return true;
}

void checked_add(struct checked *checked, const struct digest *digest, const struct stat *file, uint64_t first, uint64_t end)
{
	struct entry *entry = find(checked, digest, file);

	if (!entry)
		entry = add(checked, digest, file);
	for (uint64_t i = first; entry && entry->bits && i < end && i < entry->chunks; i++) {
		if (is_set(entry, i))
			continue;
		entry->bits[i / 8] |= (uint8_t)(1 << i % 8);
		entry->missing--;
	}
	if (entry && entry->missing == 0) {
		free(entry->bits);
		entry->bits = NULL;
	}
}
