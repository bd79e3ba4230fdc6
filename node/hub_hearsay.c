#include "node/hub_hearsay.h"

#include "node/hub_listing.h"

#include <stdlib.h>
#include <string.h>

#define HOST INDEX_OWN_WORD /* no hub's */
#define KEY_MAX_BYTES 8192
#define VALUE_MAX_BYTES ((size_t)64 << 20)

static enum err make_key(enum repo_type type, const char *repo, const char *revision, struct buf *key)
{
	*key = (struct buf){.limit = KEY_MAX_BYTES};
	return buf_add_format(key, "%s/%s@%s", repo_type_plural(type), repo, revision);
}

static enum err put(struct index *index, const char *kind, const char *revision, const struct hub_listing *listing, int64_t now_s, struct why *why)
{
	struct buf key, value = {.limit = VALUE_MAX_BYTES};
	enum err err = make_key(listing->type, listing->repo, revision, &key);

	if (!err)
		err = hub_listing_write(listing, &value);
	if (!err)
		err = index_answer_put(index, HOST, kind, buf_str(&key), "", buf_str(&value), value.len, now_s, why);
	buf_release(&key);
	buf_release(&value);
	return err;
}

static enum err get(struct index *index, const char *kind, enum repo_type type, const char *repo, const char *revision, struct hub_listing *ret_listing)
{
	struct buf key, value = {.limit = VALUE_MAX_BYTES};
	struct hub_listing listing;
	int64_t at_s = 0;
	enum err err = make_key(type, repo, revision, &key);

	if (!err)
		err = index_answer_get(index, HOST, kind, buf_str(&key), "", &value, &at_s, NULL);
	if (!err)
		err = hub_listing_read(buf_str(&value), value.len, &listing, NULL);
	if (!err) {
		listing.type = type;
		listing.at_s = at_s;
		*ret_listing = listing;
	}
	buf_release(&key);
	buf_release(&value);
	return err;
}

/* Files of the old listing that the new one does not name. The new one is in order, and stays so. */
static enum err merge(struct hub_listing *listing, const struct hub_listing *old, struct why *why)
{
	bool *is_new = calloc(old->count + 1, sizeof *is_new);
	enum err err = is_new ? ERR_OK : why_set(why, ERR_NO_MEMORY, "out of memory");

	for (size_t i = 0; !err && i < old->count; i++)
		is_new[i] = !hub_listing_find(listing, old->files[i].path);
	for (size_t i = 0; !err && i < old->count; i++)
		if (is_new[i])
			err = hub_listing_add_file(listing, old->files[i].path, old->files[i].size, &old->files[i].digest);
	free(is_new);
	return err ? err : hub_listing_sort(listing, why);
}

enum err hub_hearsay_add(struct index *index, struct hub_listing *listing, int64_t now_s, struct why *why)
{
	struct hub_listing old = {0};
	enum err err = hub_listing_sort(listing, why);

	if (!err && get(index, "listing", listing->type, listing->repo, listing->commit, &old) == ERR_OK)
		err = merge(listing, &old, why);
	hub_listing_release(&old);
	return err ? err : put(index, "listing", listing->commit, listing, now_s, why);
}

enum err hub_hearsay_add_ref(struct index *index, enum repo_type type, const char *repo, const char *revision, const char *commit, int64_t now_s, struct why *why)
{
	struct hub_listing listing = {.type = type, .repo = (char *)(uintptr_t)repo, .visibility = VISIBILITY_UNKNOWN}; /* borrowed, not written to */

	memcpy(listing.commit, commit, sizeof listing.commit);
	return put(index, "revision", revision, &listing, now_s, why);
}

static enum err keep_one(struct hub_listing *listing, const char *path)
{
	const struct hub_file *file = hub_listing_find(listing, path);
	struct hub_listing one = *listing;
	enum err err;

	if (!file)
		return ERR_NOT_FOUND;
	one.files = NULL;
	one.count = 0;
	one.repo = strdup(listing->repo);
	err = one.repo ? hub_listing_add_file(&one, file->path, file->size, &file->digest) : ERR_NO_MEMORY;
	hub_listing_release(err ? &one : listing);
	if (!err)
		*listing = one;
	return err;
}

enum err hub_hearsay_find(struct index *index, const struct hub_subject *subject, struct hub_listing *ret_listing)
{
	struct hub_listing ref = {0}, listing;
	const char *commit = subject->revision;
	enum err err = ERR_OK;

	if (!name_is_commit(commit)) {
		err = get(index, "revision", subject->type, subject->repo, subject->revision, &ref);
		commit = ref.commit;
	}
	if (!err)
		err = get(index, "listing", subject->type, subject->repo, commit, &listing);
	hub_listing_release(&ref);
	if (err)
		return err;
	listing.visibility = VISIBILITY_UNKNOWN;
	err = keep_one(&listing, subject->path);
	if (err)
		hub_listing_release(&listing);
	else
		*ret_listing = listing;
	return err;
}
