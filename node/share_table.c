#include "node/share_table.h"

#include <stdlib.h>

#define FIRST_ROOM 256

/* --- what the index has */

struct entry {
	struct tag tag;
	struct share_held held;
	bool is_alias;
};

struct gathering {
	const struct group *group;
	const struct share_rule *rule;
	struct entry *entries;
	size_t count, room;
	size_t blobs;     /* the first of them, in order of digest when aliases are looked at */
	int64_t oldest_s;
	bool is_out_of_memory;
};

static void add(struct gathering *gathering, const struct digest *named, const struct share_held *held, bool is_alias)
{
	struct entry *entry;

	if (gathering->count == SHARE_TAGS_MAX || gathering->is_out_of_memory)
		return;
	if (gathering->count == gathering->room) {
		size_t room = gathering->room ? 2 * gathering->room : FIRST_ROOM;
		struct entry *entries = realloc(gathering->entries, room * sizeof *entries);
		if (!entries) {
			gathering->is_out_of_memory = true;
			return;
		}
		gathering->entries = entries;
		gathering->room = room;
	}
	entry = &gathering->entries[gathering->count++];
	entry->held = *held;
	entry->is_alias = is_alias;
	group_tag(gathering->group, named, &entry->tag);
}

static void take_blob(void *context, const struct index_shareable *shareable)
{
	struct gathering *gathering = context;
	bool is_public = shareable->public_at_s >= gathering->rule->public_since_s;
	struct share_held held = {.size = shareable->size};

	if (shareable->digest.algorithm != DIGEST_SHA256 || !(is_public || (gathering->rule->with_gated && shareable->is_gated)))
		return;
	memcpy(held.sha256, shareable->digest.bytes, SHA256_LEN);
	add(gathering, &shareable->digest, &held, false);
	if (is_public && shareable->public_at_s < gathering->oldest_s)
		gathering->oldest_s = shareable->public_at_s;
}

static int by_digest(const void *a, const void *b)
{
	const struct entry *first = a, *second = b;

	return memcmp(first->held.sha256, second->held.sha256, SHA256_LEN);
}

static int by_tag(const void *a, const void *b)
{
	const struct entry *first = a, *second = b;

	return tag_compare(&first->tag, &second->tag);
}

static void take_alias(void *context, const struct digest *alias, const struct digest *blob)
{
	struct gathering *gathering = context;
	struct entry wanted = {0};
	const struct entry *found;
	struct share_held held;

	if (gathering->blobs == 0)
		return;
	memcpy(wanted.held.sha256, blob->bytes, SHA256_LEN);
	found = bsearch(&wanted, gathering->entries, gathering->blobs, sizeof wanted, by_digest);
	if (!found)
		return;
	held = found->held;
	add(gathering, alias, &held, true);
}

static enum err gather(struct gathering *gathering, struct index *index, struct why *why)
{
	enum err err;

	if (!gathering->rule->serve)
		return ERR_OK;
	err = index_shareable_each(index, take_blob, gathering, why);
	gathering->blobs = gathering->count;
	if (gathering->count > 1)
		qsort(gathering->entries, gathering->count, sizeof *gathering->entries, by_digest);
	if (!err)
		err = index_alias_each(index, take_alias, gathering, why);
	if (gathering->count > 1)
		qsort(gathering->entries, gathering->count, sizeof *gathering->entries, by_tag);
	if (!err && gathering->is_out_of_memory)
		err = why_set(why, ERR_NO_MEMORY, "out of memory for the list of what is shared");
	return err;
}

/* --- the table */

static int by_size(const void *a, const void *b, void *context)
{
	const struct share_table *table = context;
	uint64_t first = table->held[*(const uint32_t *)a].size, second = table->held[*(const uint32_t *)b].size;

	return first < second ? 1 : first > second ? -1 : 0;
}

static enum err find_largest(struct share_table *table)
{
	size_t count = table->set.tags.count;
	uint32_t *places = malloc((count + 1) * sizeof *places);

	if (!places)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < count; i++)
		places[i] = (uint32_t)i;
	qsort_r(places, count, sizeof *places, by_size, table);
	table->largest_count = count < SHARE_TABLE_LARGEST ? count : SHARE_TABLE_LARGEST;
	memcpy(table->largest, places, table->largest_count * sizeof *places);
	free(places);
	return ERR_OK;
}

static enum err lay_out(const struct gathering *gathering, struct share_table *table)
{
	size_t count = gathering->count;

	table->tags = calloc(count + 1, sizeof *table->tags);
	table->held = calloc(count + 1, sizeof *table->held);
	if (!table->tags || !table->held)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		const struct entry *entry = &gathering->entries[i];
		table->tags[i] = entry->tag;
		table->held[i] = entry->held;
		if (entry->is_alias)
			continue;
		table->blobs++;
		table->bytes += entry->held.size;
	}
	table->set.tags = (struct wire_tags){table->tags, count};
	table->oldest_s = gathering->oldest_s;
	return find_largest(table);
}

enum err share_table_create(struct index *index, const struct group *group, const struct share_rule *rule, struct share_table **ret_table, struct why *why)
{
	struct gathering gathering = {.group = group, .rule = rule, .oldest_s = INT64_MAX};
	struct share_table *table = calloc(1, sizeof *table);
	enum err err;

	if (!table)
		return why_set(why, ERR_NO_MEMORY, "out of memory for the list of what is shared");
	table->references = 1;
	err = gather(&gathering, index, why);
	if (!err) {
		err = lay_out(&gathering, table);
		if (err)
			why_set(why, err, "out of memory for the list of what is shared");
	}
	free(gathering.entries);
	if (err)
		share_table_drop(table);
	else
		*ret_table = table;
	return err;
}

void share_table_drop(struct share_table *table)
{
	if (!table || --table->references > 0)
		return;
	free(table->tags);
	free(table->held);
	free(table);
}

bool share_table_find(const struct share_table *table, const struct tag *tag, size_t *ret_place)
{
	size_t low = 0, high = table->set.tags.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = tag_compare(&table->tags[middle], tag);
		if (order == 0) {
			*ret_place = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* --- differences */

/* Write the tags of `from` that `without` does not have. Returns how many. */
static size_t subtract(const struct share_table *from, const struct share_table *without, struct tag *ret_tags)
{
	size_t count = 0, other = 0;

	for (size_t i = 0; i < from->set.tags.count; i++) {
		while (other < without->set.tags.count && tag_compare(&without->tags[other], &from->tags[i]) < 0)
			other++;
		if (other == without->set.tags.count || !tag_equal(&without->tags[other], &from->tags[i]))
			ret_tags[count++] = from->tags[i];
	}
	return count;
}

static enum err add_step(struct list *steps, const struct tag *added, size_t added_count, const struct tag *removed, size_t removed_count)
{
	struct share_step *step = malloc(sizeof *step + (added_count + removed_count) * sizeof *added);

	if (!step)
		return ERR_NO_MEMORY;
	memcpy(step->tags, added, added_count * sizeof *added);
	memcpy(step->tags + added_count, removed, removed_count * sizeof *removed);
	step->change = (struct share_change){.added = {step->tags, added_count}, .removed = {step->tags + added_count, removed_count}};
	list_append(steps, &step->link);
	return ERR_OK;
}

enum err share_table_compare(const struct share_table *from, const struct share_table *to, struct list *steps)
{
	struct tag *added = malloc((to->set.tags.count + 1) * sizeof *added), *removed = malloc((from->set.tags.count + 1) * sizeof *removed);
	size_t to_add, to_remove, add_at = 0, remove_at = 0;
	enum err err = added && removed ? ERR_OK : ERR_NO_MEMORY;

	if (err)
		goto out;
	to_add = subtract(to, from, added);
	to_remove = subtract(from, to, removed);
	while (!err && (remove_at < to_remove || add_at < to_add)) {
		size_t removes = to_remove - remove_at < WIRE_TAGS_MAX ? to_remove - remove_at : WIRE_TAGS_MAX;
		size_t adds = to_add - add_at < WIRE_TAGS_MAX - removes ? to_add - add_at : WIRE_TAGS_MAX - removes;
		err = add_step(steps, added + add_at, adds, removed + remove_at, removes);
		remove_at += removes;
		add_at += adds;
	}
out:
	free(added);
	free(removed);
	return err;
}

void share_steps_free(struct list *steps)
{
	list_each_safe(at, steps) {
		list_remove(at);
		free(container_of(at, struct share_step, link));
	}
}
