#include "store/index_private.h"

static const char put_sql[] = "INSERT OR REPLACE INTO answer(hub, kind, key, scope, at, value) VALUES(?1, ?2, ?3, ?4, ?5, ?6)";
static const char get_sql[] = "SELECT at, value FROM answer WHERE hub = ?1 AND kind = ?2 AND key = ?3 AND scope = ?4";
static const char add_sql[] = "INSERT INTO counter(name, value) VALUES(?1, ?2) ON CONFLICT DO UPDATE SET value = value + excluded.value";
static const char counter_sql[] = "SELECT value FROM counter WHERE name = ?1";

static void bind_key(sqlite3_stmt *statement, const char *hub, const char *kind, const char *key, const char *scope)
{
	index_bind_text(statement, 1, hub);
	index_bind_text(statement, 2, kind);
	index_bind_text(statement, 3, key);
	index_bind_text(statement, 4, scope);
}

enum err index_answer_put(struct index *index, const char *hub, const char *kind, const char *key, const char *scope, const void *value,
			  size_t len, int64_t at_s, struct why *why)
{
	sqlite3_stmt *statement;
	enum err err = index_begin(index, put_sql, &statement, why);

	if (err)
		return err;
	bind_key(statement, hub, kind, key, scope);
	sqlite3_bind_int64(statement, 5, at_s);
	sqlite3_bind_blob64(statement, 6, len ? value : "", len, SQLITE_STATIC);
	err = index_run(index, statement, why);
	index_end(index, statement);
	return err;
}

enum err index_answer_get(struct index *index, const char *hub, const char *kind, const char *key, const char *scope, struct buf *ret_value,
			  int64_t *ret_at_s, struct why *why)
{
	sqlite3_stmt *statement;
	bool row = false;
	enum err err = index_begin(index, get_sql, &statement, why);

	if (err)
		return err;
	bind_key(statement, hub, kind, key, scope);
	err = index_row(index, statement, &row, why);
	if (!err && !row)
		err = why_set(why, ERR_NOT_FOUND, "no answer of %s is remembered for %s %s", hub, kind, key);
	if (!err) {
		const void *value = sqlite3_column_blob(statement, 1);
		err = buf_add(ret_value, value, (size_t)sqlite3_column_bytes(statement, 1));
		if (err)
			why_set(why, err, "the remembered answer for %s %s is too large", kind, key);
	}
	if (!err)
		*ret_at_s = sqlite3_column_int64(statement, 0);
	index_end(index, statement);
	return err;
}

enum err index_counter_add(struct index *index, const char *counter, uint64_t amount, struct why *why)
{
	sqlite3_stmt *statement;
	enum err err = index_begin(index, add_sql, &statement, why);

	if (err)
		return err;
	index_bind_text(statement, 1, counter);
	sqlite3_bind_int64(statement, 2, (int64_t)amount);
	err = index_run(index, statement, why);
	index_end(index, statement);
	return err;
}

enum err index_counter_get(struct index *index, const char *counter, uint64_t *ret_value, struct why *why)
{
	sqlite3_stmt *statement;
	bool row = false;
	enum err err = index_begin(index, counter_sql, &statement, why);

	if (err)
		return err;
	index_bind_text(statement, 1, counter);
	err = index_row(index, statement, &row, why);
	if (!err)
		*ret_value = row ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
	index_end(index, statement);
	return err;
}
