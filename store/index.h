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
	enum visibility visibility; /* read only here: public where any hub says so, else the strictest known */
};

/* --- blobs. Putting one marks it as used now, whatever record->last_use says, and pins it when record->pinned; a pin that is there stays, even
 * while the blob is away, until index_blob_pin() takes it. */
enum err index_blob_put(struct index *index, const struct blob_record *record, const struct chain *chain, struct why *why) LARDER_MUST_USE;
enum err index_blob_get(struct index *index, const struct digest *digest, struct blob_record *ret_record, struct why *why) LARDER_MUST_USE;
enum err index_blob_chain(struct index *index, const struct digest *digest, struct chain *ret_chain, struct why *why) LARDER_MUST_USE;
enum err index_blob_remove(struct index *index, const struct digest *digest, struct why *why) LARDER_MUST_USE;
enum err index_blob_touch(struct index *index, const struct digest *digest, struct why *why) LARDER_MUST_USE; /* used now */
enum err index_blob_pin(struct index *index, const struct digest *digest, bool pinned, struct why *why) LARDER_MUST_USE;
/* Least recently used first. The caller frees *ret_records. */
enum err index_blob_list(struct index *index, struct blob_record **ret_records, size_t *ret_count, struct why *why) LARDER_MUST_USE;
/* Blobs held and the sum of their sizes. */
enum err index_blob_totals(struct index *index, uint64_t *ret_count, uint64_t *ret_bytes, struct why *why) LARDER_MUST_USE;

/* --- aliases and names. A name is where a hub gave it: repo is "ORG/NAME", "datasets/ORG/NAME", "spaces/ORG/NAME". */
enum err index_alias_put(struct index *index, const struct digest *alias, const struct digest *blob, struct why *why) LARDER_MUST_USE;
enum err index_alias_get(struct index *index, const struct digest *alias, struct digest *ret_blob, struct why *why) LARDER_MUST_USE;

struct blob_name {
	struct digest digest;
	char *hub, *repo, *commit, *path;
};
enum err index_name_put(struct index *index, const struct blob_name *name, struct why *why) LARDER_MUST_USE;
/* All names, or those of one blob (`digest` not NULL), newest first. Free with index_names_free(). */
enum err index_name_list(struct index *index, const struct digest *digest, struct blob_name **ret_names, size_t *ret_count,
			 struct why *why) LARDER_MUST_USE;
void index_names_free(struct blob_name *names, size_t count);

/* --- visibility, known per hub host */
enum err index_visibility_put(struct index *index, const struct digest *digest, const char *hub, enum visibility visibility,
			      int64_t checked_at_s, struct why *why) LARDER_MUST_USE;

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
