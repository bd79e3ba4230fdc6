/* Three kinds, all in the form of hub_listing_write():
 *   revision  models/ORG/NAME@REV           its commit; no files
 *   listing   models/ORG/NAME@COMMIT        all files
 *   file      models/ORG/NAME@COMMIT:PATH   that file
 * and one in the hub's own words:
 *   refs      models/ORG/NAME@              its branches and tags
 */
#include "node/hub_answer.h"
#include "node/hub_listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX_BYTES 8192

static enum err make_key(const struct hub_subject *subject, const char *revision, const char *path, struct buf *key)
{
	*key = (struct buf){.limit = KEY_MAX_BYTES};
	return buf_add_format(key, "%s/%s@%s%s%s", repo_type_plural(subject->type), subject->repo, revision, path ? ":" : "", path ? path : "");
}

/* --- keeping */

static enum err keep(struct hub *hub, const char *kind, const struct hub_subject *subject, const char *revision, const char *path,
		     const struct hub_listing *listing, struct why *why)
{
	const char *scope = listing->visibility == VISIBILITY_PUBLIC ? "" : hub->scope;
	struct buf value = {.limit = HUB_REMEMBER_MAX_BYTES};
	struct buf key;
	enum err err;

	err = make_key(subject, revision, path, &key);
	if (!err)
		hub_recent_forget(&hub->recent, buf_str(&key));
	if (!err)
		err = hub_listing_write(listing, &value);
	if (!err)
		err = index_answer_put(store_index(hub->store), hub->host, kind, buf_str(&key), scope, buf_str(&value), value.len, listing->at_s, why);
	buf_release(&key);
	buf_release(&value);
	return err;
}

static enum err keep_all(struct hub *hub, const struct hub_subject *subject, const struct hub_listing *listing, bool files, struct why *why)
{
	struct hub_listing commit = *listing;
	enum err err = ERR_OK;

	commit.files = NULL;
	commit.count = 0;
	if (!name_is_commit(subject->revision))
		err = keep(hub, "revision", subject, subject->revision, NULL, &commit, why);
	if (!err && files)
		err = keep(hub, subject->path ? "file" : "listing", subject, listing->commit, subject->path, listing, why);
	return err;
}

void hub_remember(struct hub *hub, const struct hub_subject *asked, const struct hub_listing *listing, bool files)
{
	struct hub_subject canonical = *asked;
	struct why why = {0};
	enum err err;

	err = keep_all(hub, asked, listing, files, &why);
	canonical.repo = listing->repo;
	if (!err && strcmp(asked->repo, listing->repo) != 0)
		err = keep_all(hub, &canonical, listing, files, &why);
	if (err)
		log_debug(store_log(hub->store), "the answer of %s about %s is not remembered: %s", hub->host, asked->repo, why.text[0] ? why.text : err_name(err));
}

/* An empty answer is none, and newer than what was there. */
static void blank(struct hub *hub, const char *kind, const struct hub_subject *subject, const char *revision, const char *path)
{
	struct buf key;

	if (make_key(subject, revision, path, &key) == ERR_OK) {
		hub_recent_forget(&hub->recent, buf_str(&key));
		(void)!index_answer_put(store_index(hub->store), hub->host, kind, buf_str(&key), hub->scope, "", 0, clock_wall_s(store_clock(hub->store)), NULL);
	}
	buf_release(&key);
}

void hub_forget(struct hub *hub, const struct hub_subject *subject, const char *commit)
{
	if (!name_is_commit(subject->revision))
		blank(hub, "revision", subject, subject->revision, NULL);
	if (subject->path)
		blank(hub, "file", subject, commit, subject->path);
	blank(hub, "listing", subject, commit, NULL);
}

/* --- finding */

/* The later one of what everybody may know and what this token was told. */
static enum err get_latest(struct hub *hub, const char *kind, const char *key, struct buf *value, int64_t *ret_at_s)
{
	const char *const scopes[] = {"", hub->scope};
	enum err err = ERR_NOT_FOUND;

	for (size_t i = 0; i < 2; i++) {
		struct buf found = {.limit = HUB_REMEMBER_MAX_BYTES};
		int64_t at_s;
		enum err failed = index_answer_get(store_index(hub->store), hub->host, kind, key, scopes[i], &found, &at_s, NULL);
		if (!failed && (err || at_s > *ret_at_s)) {
			buf_release(value);
			*value = found;
			found = (struct buf){0};
			*ret_at_s = at_s;
			err = ERR_OK;
		}
		buf_release(&found);
	}
	return err;
}

static enum err find(struct hub *hub, const char *kind, const struct hub_subject *subject, const char *revision, const char *path,
		     struct hub_listing *ret_listing)
{
	struct buf key, value = {0};
	struct hub_listing listing;
	int64_t at_s = 0;
	enum err err;

	err = make_key(subject, revision, path, &key);
	if (!err)
		err = get_latest(hub, kind, buf_str(&key), &value, &at_s);
	if (!err)
		err = hub_listing_read(buf_str(&value), value.len, &listing, NULL);
	if (!err) {
		listing.type = subject->type;
		listing.at_s = at_s;
		*ret_listing = listing;
	}
	buf_release(&key);
	buf_release(&value);
	return err;
}

/* A listing with the one file at `path`. */
static enum err copy_file(const struct hub_listing *from, const char *path, struct hub_listing *ret_copy)
{
	const struct hub_file *file = hub_listing_find(from, path);
	struct hub_listing copy = *from;
	enum err err;

	if (!file)
		return ERR_NOT_FOUND;
	copy.files = NULL;
	copy.count = 0;
	copy.repo = strdup(from->repo);
	err = copy.repo ? hub_listing_add_file(&copy, file->path, file->size, &file->digest) : ERR_NO_MEMORY;
	if (err)
		hub_listing_release(&copy);
	else
		*ret_copy = copy;
	return err;
}

/* The commit's whole listing, borrowed; NULL: not remembered, or too large to be kept at hand. */
static const struct hub_listing *have_listing(struct hub *hub, const struct hub_subject *subject, const char *commit)
{
	const struct hub_listing *have = NULL;
	struct hub_listing listing;
	struct buf key;

	if (make_key(subject, commit, NULL, &key) == ERR_OK) {
		have = hub_recent_find(&hub->recent, buf_str(&key));
		if (!have && find(hub, "listing", subject, commit, NULL, &listing) == ERR_OK) {
			hub_recent_put(&hub->recent, buf_str(&key), &listing);
			have = hub_recent_find(&hub->recent, buf_str(&key));
		}
	}
	buf_release(&key);
	return have;
}

static enum err find_file(struct hub *hub, const struct hub_subject *subject, const char *commit, struct hub_listing *ret_listing)
{
	const struct hub_listing *have;
	struct hub_listing one;
	struct buf key;
	enum err err = make_key(subject, commit, subject->path, &key);

	have = err ? NULL : hub_recent_find(&hub->recent, buf_str(&key));
	if (!err && !have && find(hub, "file", subject, commit, subject->path, &one) == ERR_OK) {
		hub_recent_put(&hub->recent, buf_str(&key), &one);
		have = hub_recent_find(&hub->recent, buf_str(&key));
	}
	if (!err && !have) {
		have = have_listing(hub, subject, commit);
		/* Of gated repos everybody may read the list: it says nothing about who may have the files. */
		if (have && hub->is_for_others && have->visibility != VISIBILITY_PUBLIC)
			have = NULL;
	}
	if (!err)
		err = have ? copy_file(have, subject->path, ret_listing) : ERR_NOT_FOUND;
	buf_release(&key);
	return err;
}

static enum err find_commit(struct hub *hub, const struct hub_subject *subject, const char *commit, struct hub_listing *ret_listing)
{
	return subject->path ? find_file(hub, subject, commit, ret_listing) : find(hub, "listing", subject, commit, NULL, ret_listing);
}

bool hub_recall_lacks(struct hub *hub, const struct hub_subject *subject)
{
	const struct hub_listing *have = subject->path && name_is_commit(subject->revision) ? have_listing(hub, subject, subject->revision) : NULL;

	return have && !hub_listing_find(have, subject->path);
}

/* No revision of a hub begins so. */
static enum err make_just_key(const struct hub_subject *subject, struct buf *key)
{
	char revision[512];

	snprintf(revision, sizeof revision, "/%s", subject->revision);
	return make_key(subject, revision, subject->path, key);
}

bool hub_recall_just(struct hub *hub, const struct hub_subject *subject, struct hub_listing *ret_listing)
{
	const struct hub_listing *just = NULL;
	struct buf key;
	int64_t age_s;
	bool found = false;

	if (make_just_key(subject, &key) == ERR_OK)
		just = hub_recent_find(&hub->recent, buf_str(&key));
	age_s = just ? clock_wall_s(store_clock(hub->store)) - just->at_s : 0;
	if (just && age_s >= 0 && age_s <= HUB_JUST_S)
		found = copy_file(just, subject->path, ret_listing) == ERR_OK;
	buf_release(&key);
	return found;
}

void hub_note_just(struct hub *hub, const struct hub_subject *subject, const struct hub_listing *listing)
{
	struct hub_listing copy;
	struct buf key;

	if (make_just_key(subject, &key) == ERR_OK && copy_file(listing, subject->path, &copy) == ERR_OK)
		hub_recent_put(&hub->recent, buf_str(&key), &copy);
	buf_release(&key);
}

enum err hub_recall(struct hub *hub, const struct hub_subject *subject, struct hub_listing *ret_listing)
{
	struct hub_listing revision;
	enum err err;

	if (name_is_commit(subject->revision))
		return find_commit(hub, subject, subject->revision, ret_listing);
	err = find(hub, "revision", subject, subject->revision, NULL, &revision);
	if (err)
		return err;
	err = find_commit(hub, subject, revision.commit, ret_listing);
	/* The commit's files may have been asked for under another name, earlier; the word on the revision is what counts. */
	if (!err) {
		ret_listing->at_s = revision.at_s;
		ret_listing->visibility = revision.visibility;
	}
	hub_listing_release(&revision);
	return err;
}

/* --- branches and tags */

void hub_remember_refs(struct hub *hub, enum repo_type type, const char *repo, const char *json, size_t len)
{
	const struct hub_subject subject = {.type = type, .repo = repo};
	struct buf key;

	/* What nobody had to show a token for is for everybody. */
	if (len <= HUB_REMEMBER_MAX_BYTES && make_key(&subject, "", NULL, &key) == ERR_OK) {
		(void)!index_answer_put(store_index(hub->store), hub->host, "refs", buf_str(&key), hub->token ? hub->scope : "", json, len, clock_wall_s(store_clock(hub->store)), NULL);
		buf_release(&key);
	}
}

static bool is_too_old(const struct hub *hub, int64_t at_s)
{
	return hub->is_for_others && clock_wall_s(store_clock(hub->store)) - at_s >= HUB_OTHERS_AWAY_S;
}

enum err hub_recall_refs(struct hub *hub, enum repo_type type, const char *repo, struct buf *ret_json)
{
	const struct hub_subject subject = {.type = type, .repo = repo};
	struct buf key, value = {0};
	int64_t at_s = 0;
	enum err err = make_key(&subject, "", NULL, &key);

	if (!err)
		err = get_latest(hub, "refs", buf_str(&key), &value, &at_s);
	if (!err && hub->token && is_too_old(hub, at_s))
		err = ERR_NOT_FOUND;
	if (!err)
		err = buf_add(ret_json, value.data, value.len);
	buf_release(&key);
	buf_release(&value);
	return err;
}

enum err hub_recall_commit(struct hub *hub, const struct hub_subject *subject, char ret_commit[41])
{
	struct hub_listing listing;
	enum err err = find(hub, "revision", subject, subject->revision, NULL, &listing);

	if (err)
		return err;
	if (listing.visibility != VISIBILITY_PUBLIC && is_too_old(hub, listing.at_s))
		err = ERR_NOT_FOUND;
	else
		memcpy(ret_commit, listing.commit, sizeof listing.commit);
	hub_listing_release(&listing);
	return err;
}
