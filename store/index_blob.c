#include "store/index_private.h"

#include <stdlib.h>

#define LIST_FIRST_ROOM 64

/* Public where any hub says so, else the strictest known. */
#define VISIBILITY_OF_BLOB                                                                                                     \
	"(SELECT CASE WHEN TOTAL(v.visibility = 1) > 0 THEN 1 ELSE COALESCE(MAX(v.visibility), 0) END FROM visibility AS v"   \
	" WHERE v.algorithm = b.algorithm AND v.digest = b.digest)"
#define RECORD_COLUMNS                                                                                                          \
	"b.algorithm, b.digest, b.size, b.proven_at, b.last_use, b.inode, b.mtime_ns, b.ctime_ns,"                             \
	" EXISTS(SELECT 1 FROM pin AS p WHERE p.algorithm = b.algorithm AND p.digest = b.digest), " VISIBILITY_OF_BLOB ", b.linked"

static const char put_sql[] = "INSERT INTO blob(algorithm, digest, size, proven_at, inode, mtime_ns, ctime_ns, linked, last_use)"
			      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, (SELECT COALESCE(MAX(last_use), 0) + 1 FROM blob))"
			      " ON CONFLICT DO UPDATE SET size = excluded.size, proven_at = excluded.proven_at, inode = excluded.inode,"
			      " mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, linked = excluded.linked, last_use = excluded.last_use";
static const char put_chain_sql[] = "INSERT OR REPLACE INTO chain(algorithm, digest, states) VALUES(?1, ?2, ?3)";
static const char get_sql[] = "SELECT " RECORD_COLUMNS " FROM blob AS b WHERE b.algorithm = ?1 AND b.digest = ?2";
static const char chain_sql[] = "SELECT b.size, c.states FROM blob AS b LEFT JOIN chain AS c USING(algorithm, digest)"
				" WHERE b.algorithm = ?1 AND b.digest = ?2";
static const char remove_sql[] = "DELETE FROM blob WHERE algorithm = ?1 AND digest = ?2";
static const char remove_chain_sql[] = "DELETE FROM chain WHERE algorithm = ?1 AND digest = ?2";
static const char touch_sql[] = "UPDATE blob SET last_use = (SELECT MAX(last_use) + 1 FROM blob) WHERE algorithm = ?1 AND digest = ?2"
				" AND last_use < (SELECT MAX(last_use) FROM blob)";
static const char pin_sql[] = "INSERT OR IGNORE INTO pin(algorithm, digest) VALUES(?1, ?2)";
static const char unpin_sql[] = "DELETE FROM pin WHERE algorithm = ?1 AND digest = ?2";
static const char list_sql[] = "SELECT " RECORD_COLUMNS " FROM blob AS b ORDER BY b.last_use";
static const char totals_sql[] = "SELECT COUNT(*), COALESCE(SUM(size), 0), COALESCE(SUM(CASE WHEN linked THEN 0 ELSE size END), 0) FROM blob";

const char *visibility_name(enum visibility visibility)
{
	static const char *const names[] = {"unknown", "public", "gated", "private"};
	size_t at = (size_t)visibility;

	return at < sizeof names / sizeof names[0] ? names[at] : names[0];
}

/* One statement about one digest, within a transaction of the caller's. */
static enum err run_for(struct index *index, const char *sql, const struct digest *digest, struct why *why)
{
	sqlite3_stmt *statement;
	enum err err = index_prepare(index, sql, &statement, why);

	if (err)
		return err;
	index_bind_digest(statement, 1, digest);
	err = index_run(index, statement, why);
	sqlite3_clear_bindings(statement);
	return err;
}

static enum err put_row(struct index *index, const struct blob_record *record, struct why *why)
{
	sqlite3_stmt *statement;
	enum err err = index_prepare(index, put_sql, &statement, why);

	if (err)
		return err;
	index_bind_digest(statement, 1, &record->digest);
	sqlite3_bind_int64(statement, 3, (int64_t)record->size);
	sqlite3_bind_int64(statement, 4, record->proven_at_s);
	sqlite3_bind_int64(statement, 5, (int64_t)record->inode);
	sqlite3_bind_int64(statement, 6, record->mtime_ns);
	sqlite3_bind_int64(statement, 7, record->ctime_ns);
	sqlite3_bind_int(statement, 8, record->linked);
	err = index_run(index, statement, why);
	sqlite3_clear_bindings(statement);
	return err;
}

static enum err put_chain(struct index *index, const struct blob_record *record, const struct chain *chain, struct why *why)
{
	static const uint8_t none[1];
	sqlite3_stmt *statement;
	enum err err = index_prepare(index, put_chain_sql, &statement, why);

	if (err)
		return err;
	index_bind_digest(statement, 1, &record->digest);
	sqlite3_bind_blob64(statement, 3, chain->count ? (const void *)chain->states : none, chain->count * SHA256_LEN, SQLITE_STATIC);
	err = index_run(index, statement, why);
	sqlite3_clear_bindings(statement);
	return err;
}

enum err index_blob_put(struct index *index, const struct blob_record *record, const struct chain *chain, struct why *why)
{
	enum err err;

	pthread_mutex_lock(&index->lock);
	err = index_transaction(index, why);
	if (err)
		goto out;
	err = put_row(index, record, why);
	if (!err)
		err = put_chain(index, record, chain, why);
	if (!err && record->pinned)
		err = run_for(index, pin_sql, &record->digest, why);
	if (err)
		index_rollback(index);
	else
		err = index_commit(index, why);
out:
	pthread_mutex_unlock(&index->lock);
	return err;
}

static bool read_record(sqlite3_stmt *statement, struct blob_record *ret_record)
{
	struct blob_record record = {
		.size = (uint64_t)sqlite3_column_int64(statement, 2),
		.proven_at_s = sqlite3_column_int64(statement, 3),
		.last_use = (uint64_t)sqlite3_column_int64(statement, 4),
		.inode = (uint64_t)sqlite3_column_int64(statement, 5),
		.mtime_ns = sqlite3_column_int64(statement, 6),
		.ctime_ns = sqlite3_column_int64(statement, 7),
		.pinned = sqlite3_column_int(statement, 8) != 0,
		.visibility = (enum visibility)sqlite3_column_int(statement, 9),
		.linked = sqlite3_column_int(statement, 10) != 0,
	};

	if (!index_column_digest(statement, 0, &record.digest))
		return false;
	*ret_record = record;
	return true;
}

static enum err not_held(const struct digest *digest, struct why *why)
{
	char text[DIGEST_TEXT_MAX];

	return why_set(why, ERR_NOT_FOUND, "%s is not in the store", digest_text(digest, text));
}

enum err index_blob_get(struct index *index, const struct digest *digest, struct blob_record *ret_record, struct why *why)
{
	sqlite3_stmt *statement;
	bool row = false;
	enum err err = index_begin(index, get_sql, &statement, why);

	if (err)
		return err;
	index_bind_digest(statement, 1, digest);
	err = index_row(index, statement, &row, why);
	if (!err && (!row || !read_record(statement, ret_record)))
		err = not_held(digest, why);
	index_end(index, statement);
	return err;
}

enum err index_blob_chain(struct index *index, const struct digest *digest, struct chain *ret_chain, struct why *why)
{
	sqlite3_stmt *statement;
	bool row = false;
	enum err err = index_begin(index, chain_sql, &statement, why);

	if (err)
		return err;
	index_bind_digest(statement, 1, digest);
	err = index_row(index, statement, &row, why);
	if (!err && !row)
		err = not_held(digest, why);
	if (!err) {
		const void *states = sqlite3_column_blob(statement, 1);
		err = chain_init_bytes(ret_chain, (uint64_t)sqlite3_column_int64(statement, 0), states,
				       (size_t)sqlite3_column_bytes(statement, 1));
		if (err)
			why_set(why, err, "a chain in the index %s cannot be used", index->path);
	}
	index_end(index, statement);
	return err;
}

enum err index_blob_remove(struct index *index, const struct digest *digest, struct why *why)
{
	enum err err;

	pthread_mutex_lock(&index->lock);
	err = index_transaction(index, why);
	if (err)
		goto out;
	err = run_for(index, remove_sql, digest, why);
	if (!err)
		err = run_for(index, remove_chain_sql, digest, why);
	if (err)
		index_rollback(index);
	else
		err = index_commit(index, why);
out:
	pthread_mutex_unlock(&index->lock);
	return err;
}

enum err index_blob_touch(struct index *index, const struct digest *digest, struct why *why)
{
	enum err err;

	pthread_mutex_lock(&index->lock);
	err = run_for(index, touch_sql, digest, why);
	pthread_mutex_unlock(&index->lock);
	return err;
}

enum err index_blob_pin(struct index *index, const struct digest *digest, bool pinned, struct why *why)
{
	struct blob_record record;
	enum err err;

	if (pinned) {
		err = index_blob_get(index, digest, &record, why);
		if (err)
			return err;
	}
	pthread_mutex_lock(&index->lock);
	err = index_transaction(index, why);
	if (!err) {
		err = run_for(index, pinned ? pin_sql : unpin_sql, digest, why);
		if (err)
			index_rollback(index);
		else
			err = index_commit(index, why);
	}
	pthread_mutex_unlock(&index->lock);
	return err;
}

/* NULL: out of memory; the old array is freed then. */
static struct blob_record *grow(struct blob_record *records, size_t *room)
{
	size_t wanted = *room ? *room * 2 : LIST_FIRST_ROOM;
	struct blob_record *bigger = wanted > SIZE_MAX / sizeof *records ? NULL : realloc(records, wanted * sizeof *records);

	if (!bigger) {
		free(records);
		return NULL;
	}
	*room = wanted;
	return bigger;
}

enum err index_blob_list(struct index *index, struct blob_record **ret_records, size_t *ret_count, struct why *why)
{
	struct blob_record *records = NULL;
	size_t count = 0, room = 0;
	sqlite3_stmt *statement;
	bool row = true;
	enum err err = index_begin(index, list_sql, &statement, why);

	if (err)
		return err;
	while (!(err = index_row(index, statement, &row, why)) && row) {
		if (count == room && !(records = grow(records, &room))) {
			err = why_set(why, ERR_NO_MEMORY, "out of memory while listing %zu blobs", count);
			break;
		}
		if (read_record(statement, &records[count]))
			count++;
	}
	index_end(index, statement);
	if (err) {
		free(records);
		return err;
	}
	*ret_records = records;
	*ret_count = count;
	return ERR_OK;
}

enum err index_blob_totals(struct index *index, struct blob_totals *ret_totals, struct why *why)
{
	sqlite3_stmt *statement;
	bool row = false;
	enum err err = index_begin(index, totals_sql, &statement, why);

	if (err)
		return err;
	err = index_row(index, statement, &row, why);
	if (!err)
		*ret_totals = (struct blob_totals){
			.count = (uint64_t)sqlite3_column_int64(statement, 0),
			.bytes = (uint64_t)sqlite3_column_int64(statement, 1),
			.own_bytes = (uint64_t)sqlite3_column_int64(statement, 2),
		};
	index_end(index, statement);
	return err;
}
