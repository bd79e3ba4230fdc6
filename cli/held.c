#include "cli/held.h"

#include "node/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_digests(const struct digest *a, const struct digest *b)
{
	return a->algorithm != b->algorithm ? (a->algorithm < b->algorithm ? -1 : 1) : memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static int by_digest(const void *a, const void *b)
{
	return compare_digests(&((const struct blob_record *)a)->digest, &((const struct blob_record *)b)->digest);
}

/* The index gives names newest first; of one blob they stay in that order. */
static int names_by_digest(const void *a, const void *b)
{
	const struct blob_name *first = *(const struct blob_name *const *)a, *second = *(const struct blob_name *const *)b;
	int order = compare_digests(&first->digest, &second->digest);

	return order ? order : first < second ? -1 : first > second;
}

enum err held_load(struct held *held, struct index *index, struct why *why)
{
	enum err err;

	*held = (struct held){0};
	err = index_blob_list(index, &held->records, &held->count, why);
	if (!err)
		err = index_name_list(index, NULL, &held->names, &held->name_count, why);
	if (!err && !(held->by_digest = calloc(held->name_count + 1, sizeof *held->by_digest)))
		err = why_set(why, ERR_NO_MEMORY, "out of memory");
	if (err) {
		held_release(held);
		return err;
	}
	for (size_t i = 0; i < held->name_count; i++)
		held->by_digest[i] = &held->names[i];
	if (held->count)
		qsort(held->records, held->count, sizeof *held->records, by_digest);
	qsort(held->by_digest, held->name_count, sizeof *held->by_digest, names_by_digest);
	return ERR_OK;
}

void held_release(struct held *held)
{
	free(held->records);
	index_names_free(held->names, held->name_count);
	free(held->by_digest);
	*held = (struct held){0};
}

const struct blob_name *const *held_names(const struct held *held, const struct digest *digest, size_t *ret_count)
{
	size_t low = 0, high = held->name_count, end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_digests(&held->by_digest[middle]->digest, digest) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < held->name_count && digest_equal(&held->by_digest[end]->digest, digest);)
		end++;
	*ret_count = end - low;
	return held->by_digest + low;
}

static const struct blob_record *find_record(const struct held *held, const struct digest *digest)
{
	struct blob_record key = {.digest = *digest};

	return held->count ? bsearch(&key, held->records, held->count, sizeof *held->records, by_digest) : NULL;
}

/* Picks on their way: one slot a record, so that each comes once. */
struct picking {
	const struct held *held;
	struct index *index;
	const char *hub;
	struct held_pick *slots; /* record NULL: not picked */
	size_t picked;
};

static void pick(struct picking *picking, const struct blob_record *record, const struct blob_name *name)
{
	struct held_pick *slot = &picking->slots[record - picking->held->records];
	size_t names;
	const struct blob_name *const *all = held_names(picking->held, &record->digest, &names);

	if (slot->record)
		return;
	*slot = (struct held_pick){record, name ? name : names ? all[0] : NULL};
	picking->picked++;
}

static enum err pick_digest(struct picking *picking, const char *text, const struct digest *digest, struct why *why)
{
	struct digest blob = *digest;
	const struct blob_record *record;
	enum err err = ERR_OK;

	if (digest->algorithm == DIGEST_GIT_SHA1)
		err = index_alias_get(picking->index, digest, &blob, why);
	if (err && err != ERR_NOT_FOUND)
		return err;
	record = err ? NULL : find_record(picking->held, &blob);
	if (!record)
		return why_set(why, ERR_NOT_FOUND, "%s is not held here", text);
	pick(picking, record, NULL);
	return ERR_OK;
}

/* Which commit a branch or tag stands for is the hub's to say, and it is not asked here. "main" is also what a name without a revision gets. */
static enum err check_revision(const char *text, const struct name *name, struct why *why)
{
	if (name_is_commit(name->revision) || strcmp(name->revision, "main") == 0)
		return ERR_OK;
	return why_set(why, ERR_USAGE, "%s: here a revision is a whole commit, as larder resolve prints it; leave @%s out to mean every commit held", text,
		       name->revision);
}

static enum err pick_name(struct picking *picking, const char *text, const struct name *name, struct why *why)
{
	const struct held *held = picking->held;
	char *repo = name_repo_text(name);
	bool found = false, is_named = false;
	enum err err;

	if (!repo)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	err = check_revision(text, name, why);
	for (size_t i = 0; !err && i < held->name_count; i++) {
		const struct blob_name *at = &held->names[i];
		const struct blob_record *record;
		if (strcmp(at->repo, repo) != 0 || (name->path && strcmp(at->path, name->path) != 0) ||
		    (name_is_commit(name->revision) && strcmp(at->commit, name->revision) != 0))
			continue;
		is_named = true;
		record = find_record(held, &at->digest);
		if (record)
			pick(picking, record, at);
		found = found || record;
	}
	if (!err && !found)
		err = why_set(why, ERR_NOT_FOUND, is_named ? "nothing whole of %s is held here: larder ls shows what is, in part too" : "nothing of %s is held here: larder ls shows what is", text);
	free(repo);
	return err;
}

static enum err pick_text(struct picking *picking, const char *text, struct why *why)
{
	struct name name = {0};
	enum err err = name_parse(text, picking->hub, &name, why);

	if (err)
		return err;
	err = name.digest.algorithm != DIGEST_NONE ? pick_digest(picking, text, &name.digest, why) : pick_name(picking, text, &name, why);
	name_release(&name);
	return err;
}

static int by_label(const void *a, const void *b)
{
	const struct held_pick *first = a, *second = b;
	int order;

	if (!first->name || !second->name)
		return first->name ? -1 : second->name ? 1 : compare_digests(&first->record->digest, &second->record->digest);
	order = strcmp(first->name->repo, second->name->repo);
	return order ? order : strcmp(first->name->path, second->name->path);
}

enum err held_pick(const struct held *held, struct index *index, const char *hub, const char *const *texts, size_t count, struct held_pick **ret_picks,
		   size_t *ret_count, struct why *why)
{
	struct picking picking = {.held = held, .index = index, .hub = hub, .slots = calloc(held->count + 1, sizeof *picking.slots)};
	size_t kept = 0;
	enum err err = ERR_OK;

	if (!picking.slots)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	for (size_t i = 0; !err && i < count; i++)
		err = pick_text(&picking, texts[i], why);
	if (err) {
		free(picking.slots);
		return err;
	}
	for (size_t i = 0; count == 0 && i < held->count; i++)
		pick(&picking, &held->records[i], NULL);
	for (size_t i = 0; i < held->count; i++)
		if (picking.slots[i].record)
			picking.slots[kept++] = picking.slots[i];
	qsort(picking.slots, kept, sizeof *picking.slots, by_label);
	*ret_picks = picking.slots;
	*ret_count = kept;
	return ERR_OK;
}

const char *held_label(const struct held_pick *pick, char ret[HELD_LABEL_MAX])
{
	char text[DIGEST_TEXT_MAX];

	if (pick->name)
		snprintf(ret, HELD_LABEL_MAX, "%s:%s", pick->name->repo, pick->name->path);
	else
		snprintf(ret, HELD_LABEL_MAX, "%s", digest_text(&pick->record->digest, text));
	return ret;
}
