#include "node/holdings.h"

#include <stdlib.h>

#define FIRST_ROOM 64

void holdings_init(struct holdings *holdings, struct holdings_budget *budget)
{
	*holdings = (struct holdings){.budget = budget};
}

static void give_back(struct holdings *holdings, struct tag **tags, size_t *room)
{
	free(*tags);
	holdings->budget->used_bytes -= *room * sizeof **tags;
	*tags = NULL;
	*room = 0;
}

static void drop_coming(struct holdings *holdings)
{
	give_back(holdings, &holdings->coming, &holdings->coming_room);
	holdings->coming_count = 0;
	holdings->coming_state = HOLDINGS_IDLE;
}

void holdings_release(struct holdings *holdings)
{
	size_t tail_room = holdings->tail ? 2 * HOLDINGS_TAIL : 0;

	drop_coming(holdings);
	give_back(holdings, &holdings->tags, &holdings->room);
	give_back(holdings, &holdings->tail, &tail_room);
	holdings_init(holdings, holdings->budget);
}

/* Have room for exactly `wanted` tags. */
static enum err resize(struct holdings *holdings, struct tag **tags, size_t *room, size_t wanted)
{
	struct holdings_budget *budget = holdings->budget;
	size_t others = budget->used_bytes - *room * sizeof **tags;
	struct tag *resized;

	if (others > budget->limit_bytes || wanted > (budget->limit_bytes - others) / sizeof **tags)
		return ERR_LIMIT;
	resized = realloc(*tags, (wanted ? wanted : 1) * sizeof **tags);
	if (!resized)
		return ERR_NO_MEMORY;
	*tags = resized;
	*room = wanted;
	budget->used_bytes = others + wanted * sizeof **tags;
	return ERR_OK;
}

/* Have room for at least `wanted` tags, and an eighth more, so that not each change moves everything. */
static enum err grow(struct holdings *holdings, struct tag **tags, size_t *room, size_t wanted)
{
	size_t ample = wanted + wanted / 8;

	if (wanted <= *room)
		return ERR_OK;
	if (wanted > HOLDINGS_TAGS_MAX)
		return ERR_LIMIT;
	if (ample < FIRST_ROOM)
		ample = FIRST_ROOM;
	return resize(holdings, tags, room, ample < HOLDINGS_TAGS_MAX ? ample : HOLDINGS_TAGS_MAX);
}

/* --- the set in order */

/* The first tag that is not smaller. */
static size_t place_of(const struct tag *tags, size_t count, const struct tag *tag)
{
	size_t low = 0;

	while (count > 0) {
		size_t half = count / 2;
		if (tag_compare(&tags[low + half], tag) < 0) {
			low += half + 1;
			count -= half + 1;
		} else
			count = half;
	}
	return low;
}

static bool is_among(const struct tag *tags, size_t count, const struct tag *tag)
{
	size_t at = place_of(tags, count, tag);

	return at < count && tag_equal(&tags[at], tag);
}

static int compare(const void *a, const void *b) { return tag_compare(a, b); }

/* Returns how many are left without doubles. */
static size_t sort(struct tag *tags, size_t count)
{
	size_t kept = 0;

	if (count > 1)
		qsort(tags, count, sizeof *tags, compare);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !tag_equal(&tags[kept - 1], &tags[i]))
			tags[kept++] = tags[i];
	return kept;
}

/* Take tags in order, without doubles, into the set. */
static enum err add_sorted(struct holdings *holdings, struct tag *added, size_t count)
{
	size_t fresh = 0, from = holdings->count, to;
	enum err err;

	for (size_t i = 0; i < count; i++)
		if (!is_among(holdings->tags, holdings->count, &added[i]))
			added[fresh++] = added[i];
	err = grow(holdings, &holdings->tags, &holdings->room, holdings->count + fresh);
	if (err)
		return err;
	to = holdings->count += fresh;
	while (fresh > 0)
		if (from > 0 && tag_compare(&holdings->tags[from - 1], &added[fresh - 1]) > 0)
			holdings->tags[--to] = holdings->tags[--from];
		else
			holdings->tags[--to] = added[--fresh];
	return ERR_OK;
}

static void remove_sorted(struct holdings *holdings, const struct tag *removed, size_t count)
{
	size_t kept, next = 0;

	if (count == 0)
		return;
	kept = place_of(holdings->tags, holdings->count, &removed[0]);
	for (size_t i = kept; i < holdings->count; i++) {
		while (next < count && tag_compare(&removed[next], &holdings->tags[i]) < 0)
			next++;
		if (next == count || !tag_equal(&removed[next], &holdings->tags[i]))
			holdings->tags[kept++] = holdings->tags[i];
	}
	holdings->count = kept;
}

/* --- the tail */

static struct tag *tail_of(const struct holdings *holdings, bool is_added)
{
	return !holdings->tail || is_added ? holdings->tail : holdings->tail + HOLDINGS_TAIL;
}

/* NULL: it is not there. */
static struct tag *find_in_tail(const struct holdings *holdings, bool is_added, const struct tag *tag)
{
	struct tag *tail = tail_of(holdings, is_added);
	size_t count = is_added ? holdings->tail_added : holdings->tail_removed;

	for (size_t i = 0; i < count; i++)
		if (tag_equal(&tail[i], tag))
			return &tail[i];
	return NULL;
}

static enum err merge_tail(struct holdings *holdings)
{
	size_t added = sort(tail_of(holdings, true), holdings->tail_added);
	size_t removed = sort(tail_of(holdings, false), holdings->tail_removed);
	enum err err;

	remove_sorted(holdings, tail_of(holdings, false), removed);
	holdings->tail_removed = 0;
	err = add_sorted(holdings, tail_of(holdings, true), added);
	holdings->tail_added = 0;
	return err;
}

static enum err need_tail(struct holdings *holdings)
{
	size_t room = 0;

	return holdings->tail ? ERR_OK : resize(holdings, &holdings->tail, &room, 2 * HOLDINGS_TAIL);
}

/* Note a single change; there is room. */
static void change_one(struct holdings *holdings, bool is_added, const struct tag *tag)
{
	struct tag *undone = find_in_tail(holdings, !is_added, tag);
	size_t *count = is_added ? &holdings->tail_added : &holdings->tail_removed;
	size_t *other = is_added ? &holdings->tail_removed : &holdings->tail_added;

	if (undone)
		*undone = tail_of(holdings, !is_added)[--*other];
	else if (holdings_has(holdings, tag) != is_added)
		tail_of(holdings, is_added)[(*count)++] = *tag;
}

static enum err change_few(struct holdings *holdings, const struct wire_have *have)
{
	enum err err = need_tail(holdings);

	if (err)
		return err;
	if (have->added.count > HOLDINGS_TAIL - holdings->tail_added || have->removed.count > HOLDINGS_TAIL - holdings->tail_removed)
		err = merge_tail(holdings);
	for (size_t i = 0; !err && i < have->added.count; i++)
		change_one(holdings, true, &have->added.at[i]);
	for (size_t i = 0; !err && i < have->removed.count; i++)
		change_one(holdings, false, &have->removed.at[i]);
	return err;
}

static enum err change_many(struct holdings *holdings, const struct wire_have *have)
{
	size_t added = have->added.count, removed = have->removed.count;
	struct tag *tags = malloc((added + removed) * sizeof *tags);
	enum err err;

	if (!tags)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < added; i++)
		tags[i] = have->added.at[i];
	for (size_t i = 0; i < removed; i++)
		tags[added + i] = have->removed.at[i];
	err = merge_tail(holdings);
	if (!err)
		err = add_sorted(holdings, tags, sort(tags, added));
	if (!err)
		remove_sorted(holdings, tags + added, sort(tags + added, removed));
	free(tags);
	return err;
}

/* --- messages */

static enum err take_part(struct holdings *holdings, const struct wire_tags *tags)
{
	enum err err;

	if (tags->count == 0)
		return ERR_OK;
	err = grow(holdings, &holdings->coming, &holdings->coming_room, holdings->coming_count + tags->count);
	if (err)
		return err;
	memcpy(holdings->coming + holdings->coming_count, tags->at, tags->count * sizeof *tags->at);
	holdings->coming_count += tags->count;
	return ERR_OK;
}

static bool ascends(const struct holdings *holdings, const struct wire_tags *tags)
{
	const struct tag *before = holdings->coming_count > 0 ? &holdings->coming[holdings->coming_count - 1] : NULL;

	for (size_t i = 0; i < tags->count; before = &tags->at[i++])
		if (before && tag_compare(before, &tags->at[i]) >= 0)
			return false;
	return true;
}

static void put_in_place(struct holdings *holdings)
{
	give_back(holdings, &holdings->tags, &holdings->room);
	holdings->tags = holdings->coming;
	holdings->count = holdings->coming_count;
	holdings->room = holdings->coming_room;
	holdings->coming = NULL;
	holdings->coming_room = 0;
	holdings->tail_added = holdings->tail_removed = 0;
	holdings->generation = holdings->coming_generation;
	holdings->is_current = true;
	drop_coming(holdings);
	/* It is no loss when it cannot be made smaller. */
	(void)!resize(holdings, &holdings->tags, &holdings->room, holdings->count);
}

static enum err begin_or_go_on(struct holdings *holdings, const struct wire_holdings *part)
{
	if (part->part == 0) {
		drop_coming(holdings);
		holdings->coming_state = HOLDINGS_COMING;
		holdings->coming_generation = part->generation;
		holdings->coming_part = 0;
	}
	if (holdings->coming_state == HOLDINGS_IDLE || part->part != holdings->coming_part || part->generation != holdings->coming_generation)
		return ERR_INVALID;
	holdings->coming_part++;
	return ERR_OK;
}

enum err holdings_part(struct holdings *holdings, const struct wire_holdings *part)
{
	enum err err = begin_or_go_on(holdings, part);

	if (!err && holdings->coming_state == HOLDINGS_COMING) {
		err = ascends(holdings, &part->tags) ? take_part(holdings, &part->tags) : ERR_INVALID;
		if (!err && part->is_last)
			put_in_place(holdings);
	}
	if (err) {
		drop_coming(holdings);
		holdings->is_current = false;
	}
	if (err == ERR_LIMIT || err == ERR_NO_MEMORY)
		holdings->coming_state = HOLDINGS_PASSED_OVER;
	if (part->is_last)
		drop_coming(holdings);
	return err;
}

enum err holdings_have(struct holdings *holdings, const struct wire_have *have)
{
	enum err err;

	if (holdings->coming_state != HOLDINGS_IDLE)
		return ERR_INVALID;
	if (!holdings->is_current)
		return ERR_OK;
	if (have->generation != holdings->generation + 1)
		err = ERR_CUT;
	else if (have->added.count <= HOLDINGS_TAIL && have->removed.count <= HOLDINGS_TAIL)
		err = change_few(holdings, have);
	else
		err = change_many(holdings, have);
	if (err)
		holdings->is_current = false;
	else
		holdings->generation++;
	return err;
}

/* --- questions */

bool holdings_is_at(const struct holdings *holdings, uint64_t generation)
{
	return holdings->is_current && holdings->generation == generation;
}

bool holdings_is_current(const struct holdings *holdings) { return holdings->is_current; }

bool holdings_has(const struct holdings *holdings, const struct tag *tag)
{
	if (find_in_tail(holdings, true, tag))
		return true;
	return is_among(holdings->tags, holdings->count, tag) && !find_in_tail(holdings, false, tag);
}

size_t holdings_count(const struct holdings *holdings)
{
	return holdings->count + holdings->tail_added - holdings->tail_removed;
}
