/* index: what the store holds and what it knows, in one SQLite file (WAL), migrated from its first version on.
 *
 * Blobs with their chains; aliases (git-sha1 -> sha256); names under which the hub gave blobs; visibility; the hub's answers as remembered; counters. The index
 * never makes a blob proven by itself: blob.h and partial.h are its only writers for blobs. Any thread; calls are serialised
 * inside; other processes may have it open (waits up to 10 s for their locks). All functions block.
 */
#ifndef LARDER_STORE_INDEX_H
#define LARDER_STORE_INDEX_H

#include "base/buf.h"
#include "store/chain.h"

struct index;

enum visibility { VISIBILITY_UNKNOWN = 0, VISIBILITY_PUBLIC = 1, VISIBILITY_GATED = 2, VISIBILITY_PRIVATE = 3 };
const char *visibility_name(enum visibility visibility); /* "unknown", "public", "gated", "private" */

enum index_open_flags {
	INDEX_READ_ONLY = 1,
	INDEX_ALONE = 2, /* keep all others out until it is closed: then reading takes no room on the disk, for when it is full */
};
/* `path` is created when missing unless INDEX_READ_ONLY; one of an older version is migrated in any case. ERR_UNSUPPORTED: written by a newer
 * larder. Damaged, or no regular file: ERR_IO, with what to do.
 * ERR_NO_SPACE: not even the memory that those who have it open share (32 KiB of a file beside it) finds room; INDEX_ALONE needs none. */
enum err index_open(const char *path, unsigned flags, struct index **ret_index, struct why *why) LARDER_MUST_USE;
void index_close(struct index *index);

struct blob_record {
	struct digest digest;
	uint64_t size;
	bool pinned;
	int64_t proven_at_s;  /* wall clock */
	uint64_t last_use;    /* a counter; higher is later */
	uint64_t inode;       /* identity of the file when proven */
	int64_t mtime_ns, ctime_ns; /* change of its bytes, and of anything about it */
	bool linked;          /* the file has names elsewhere too (adopt.h): it takes no room of the store's, and others may write to it */
	enum visibility visibility; /* read only here: public where any hub says so, else the strictest known */
};

/* --- blobs. Putting one marks it as used now, whatever record->last_use says, and pins it when record->pinned; a pin that is there stays, even
 * while the blob is away, until index_blob_pin() takes it. */
enum err index_blob_put(struct index *index, const struct blob_record *record, const struct chain *chain, struct why *why) LARDER_MUST_USE;
enum err index_blob_get(struct index *index, const struct digest *digest, struct blob_record *ret_record, struct why *why) LARDER_MUST_USE;
/* ERR_INVALID, ERR_LIMIT: what is there is no chain for its size. */
enum err index_blob_chain(struct index *index, const struct digest *digest, struct chain *ret_chain, struct why *why) LARDER_MUST_USE;
enum err index_blob_remove(struct index *index, const struct digest *digest, struct why *why) LARDER_MUST_USE;
enum err index_blob_touch(struct index *index, const struct digest *digest, struct why *why) LARDER_MUST_USE; /* used now */
enum err index_blob_pin(struct index *index, const struct digest *digest, bool pinned, struct why *why) LARDER_MUST_USE;
/* Least recently used first. The caller frees *ret_records. */
enum err index_blob_list(struct index *index, struct blob_record **ret_records, size_t *ret_count, struct why *why) LARDER_MUST_USE;
struct blob_totals {
	uint64_t count, bytes;
	uint64_t own_bytes; /* of those whose files are the store's alone */
};
enum err index_blob_totals(struct index *index, struct blob_totals *ret_totals, struct why *why) LARDER_MUST_USE;

/* --- aliases and names. A name is where a hub gave it: repo is "ORG/NAME", "datasets/ORG/NAME", "spaces/ORG/NAME". */
enum err index_alias_put(struct index *index, const struct digest *alias, const struct digest *blob, struct why *why) LARDER_MUST_USE;
enum err index_alias_get(struct index *index, const struct digest *alias, struct digest *ret_blob, struct why *why) LARDER_MUST_USE;

struct blob_name {
	struct digest digest;
	char *hub, *repo, *commit, *path;
	enum visibility visibility; /* of this repo, when it was last asked about */
	int64_t checked_at_s;       /* when that was; 0: it was not */
};
enum err index_name_put(struct index *index, const struct blob_name *name, struct why *why) LARDER_MUST_USE;
/* All names, or those of one blob (`digest` not NULL), newest first. Free with index_names_free(). */
enum err index_name_list(struct index *index, const struct digest *digest, struct blob_name **ret_names, size_t *ret_count,
			 struct why *why) LARDER_MUST_USE;
void index_names_free(struct blob_name *names, size_t count);

/* --- files that lie elsewhere and were taken in (adopt.h), by absolute path, with the identity that they had then */
struct adopted {
	struct digest digest; /* SHA-256 */
	uint64_t size, inode;
	int64_t mtime_ns, ctime_ns;
	uint64_t held_inode; /* of the file in blobs/ that came of it */
};
enum err index_adopted_put(struct index *index, const char *path, const struct adopted *adopted, struct why *why) LARDER_MUST_USE;
enum err index_adopted_get(struct index *index, const char *path, struct adopted *ret_adopted, struct why *why) LARDER_MUST_USE;
/* The one that a file in blobs/ came of, and its path, to be freed. ERR_NOT_FOUND: of none. */
enum err index_adopted_as(struct index *index, const struct digest *digest, uint64_t held_inode, struct adopted *ret_adopted, char **ret_path,
			  struct why *why) LARDER_MUST_USE;

/* --- claims: the names that such files have where they lie. They count for nothing, and nobody is told of them, until a hub has given the same name to the same
 * bytes: then they become names as above. One that is there already stays as it is. */
struct claim {
	const char *repo, *commit, *path; /* as in struct blob_name; borrowed */
	struct digest digest;             /* SHA-256 */
};
/* In one transaction. */
enum err index_claim_put(struct index *index, const struct claim *claims, size_t count, struct why *why) LARDER_MUST_USE;
/* A repo at a commit that has claims for held blobs, and was asked about longest ago; before `before_s`. ERR_NOT_FOUND. The caller frees both texts. */
enum err index_claim_next(struct index *index, int64_t before_s, char **ret_repo, char **ret_commit, struct why *why) LARDER_MUST_USE;
/* Of one repo at a commit. `tell` runs under the index's lock, and must not call it. */
enum err index_claim_each(struct index *index, const char *repo, const char *commit, void (*tell)(void *context, const char *path, const struct digest *digest),
			  void *context, struct why *why) LARDER_MUST_USE;
/* The repo was asked about at that commit. */
enum err index_claim_asked(struct index *index, const char *repo, const char *commit, int64_t now_s, struct why *why) LARDER_MUST_USE;
/* It has become a name. */
enum err index_claim_drop(struct index *index, const char *repo, const char *commit, const char *path, struct why *why) LARDER_MUST_USE;

/* --- visibility, known per hub host. The host INDEX_OWN_WORD stands for the owner of the store himself. */
#define INDEX_OWN_WORD ""
enum err index_visibility_put(struct index *index, const struct digest *digest, const char *hub, enum visibility visibility,
			      int64_t checked_at_s, struct why *why) LARDER_MUST_USE;

/* --- what others may know of (node/share.h). What is told to the callbacks is borrowed; they run under the index's lock, and must not call it. */

/* Another number whenever anybody has written anything; the same in between. */
enum err index_version(struct index *index, uint64_t *ret_version, struct why *why) LARDER_MUST_USE;

struct index_shareable {
	struct digest digest;
	uint64_t size;
	int64_t public_at_s; /* when a hub said so last; INT64_MAX: the owner did; -1: nobody */
	bool is_gated;       /* at some hub */
};
/* All held blobs that are public or gated somewhere, the most recently used first. */
enum err index_shareable_each(struct index *index, void (*tell)(void *context, const struct index_shareable *shareable), void *context,
			      struct why *why) LARDER_MUST_USE;
/* All aliases of held blobs. */
enum err index_alias_each(struct index *index, void (*tell)(void *context, const struct digest *alias, const struct digest *blob), void *context,
			  struct why *why) LARDER_MUST_USE;

/* Repos, at most `limit`, that gave held blobs whose being public was confirmed before `before_s`, and that were not asked about since. */
enum err index_doubt_each(struct index *index, int64_t before_s, size_t limit, void (*tell)(void *context, const char *hub, const char *repo), void *context,
			  struct why *why) LARDER_MUST_USE;
/* What a hub says of a repo now: goes to its names, and to the blobs that it gave: public where any repo of that hub is known to be, else `visibility`. */
enum err index_repo_confirm(struct index *index, const char *hub, const char *repo, enum visibility visibility, int64_t now_s,
			    struct why *why) LARDER_MUST_USE;

/* Names from public repos (and gated ones), newest first, those before `before` (INT64_MAX: all), each with its place; until `tell` says false. */
enum err index_name_page(struct index *index, int64_t before, bool with_gated, bool (*tell)(void *context, const struct blob_name *name, int64_t place),
			 void *context, struct why *why) LARDER_MUST_USE;

/* --- the hub's answers as remembered: `kind` and `key` are the caller's; `scope` is "" for what everybody may know, else a keyed hash of the token. */
enum err index_answer_put(struct index *index, const char *hub, const char *kind, const char *key, const char *scope, const void *value,
			  size_t len, int64_t at_s, struct why *why) LARDER_MUST_USE;
/* ERR_NOT_FOUND. Adds to *ret_value (its limit counts). */
enum err index_answer_get(struct index *index, const char *hub, const char *kind, const char *key, const char *scope, struct buf *ret_value,
			  int64_t *ret_at_s, struct why *why) LARDER_MUST_USE;

/* --- counters: "hub_bytes", "hub_requests", "saved_bytes", ... A counter never seen is 0. */
enum err index_counter_add(struct index *index, const char *counter, uint64_t amount, struct why *why) LARDER_MUST_USE;
enum err index_counter_get(struct index *index, const char *counter, uint64_t *ret_value, struct why *why) LARDER_MUST_USE;

#endif
