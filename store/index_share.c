#include "store/index_private.h"

/* The owner's word does not age. */
static const char shareable_sql[] =
	"SELECT b.algorithm, b.digest, b.size, MAX(CASE WHEN v.visibility <> 1 THEN -1 WHEN v.hub = '" INDEX_OWN_WORD "' THEN 9223372036854775807 ELSE v.checked_at END),"
	" MAX(v.visibility = 2) FROM blob AS b JOIN visibility AS v USING(algorithm, digest) WHERE v.visibility IN (1, 2)"
	" GROUP BY b.algorithm, b.digest ORDER BY b.last_use DESC";
static const char aliases_sql[] = "SELECT a.alias_algorithm, a.alias, a.algorithm, a.digest FROM alias AS a JOIN blob USING(algorithm, digest)";
static const char doubts_sql[] = "SELECT DISTINCT n.hub, n.repo FROM visibility AS v JOIN blob USING(algorithm, digest)"
				 " JOIN name AS n ON n.algorithm = v.algorithm AND n.digest = v.digest AND n.hub = v.hub"
				 " WHERE v.visibility = 1 AND v.checked_at < ?1 AND n.checked_at < ?1 ORDER BY 1, 2 LIMIT ?2";
static const char confirm_names_sql[] = "UPDATE name SET visibility = ?3, checked_at = ?4 WHERE hub = ?1 AND repo = ?2";
static const char confirm_blobs_sql[] =
	"INSERT OR REPLACE INTO visibility(algorithm, digest, hub, visibility, checked_at)"
	" SELECT n.algorithm, n.digest, n.hub, CASE WHEN TOTAL(n.visibility = 1) > 0 THEN 1 ELSE ?3 END,"
	" COALESCE(MAX(CASE WHEN n.visibility = 1 THEN n.checked_at END), ?4) FROM name AS n"
	" WHERE n.hub = ?1 AND (n.algorithm, n.digest) IN (SELECT algorithm, digest FROM name WHERE hub = ?1 AND repo = ?2)"
	" GROUP BY n.algorithm, n.digest";
static const char version_sql[] = "PRAGMA data_version";
static const char page_sql[] = "SELECT algorithm, digest, hub, repo, revision, path, seq, visibility, checked_at FROM name"
			       " WHERE seq < ?1 AND (visibility = 1 OR (visibility = 2 AND ?2)) ORDER BY seq DESC";

/* Own writes do not change data_version, and the writes of others not the total of own ones. */
enum err index_version(struct index *index, uint64_t *ret_version, struct why *why)
{
	sqlite3_stmt *statement;
	bool row = false;
	enum err err = index_begin(index, version_sql, &statement, why);

	if (err)
		return err;
	err = index_row(index, statement, &row, why);
	if (!err)
		*ret_version = (uint64_t)sqlite3_column_int64(statement, 0) << 32 | (uint32_t)sqlite3_total_changes(index->db);
	index_end(index, statement);
	return err;
}

enum err index_shareable_each(struct index *index, void (*tell)(void *context, const struct index_shareable *shareable), void *context, struct why *why)
{
	sqlite3_stmt *statement;
	bool row = true;
	enum err err = index_begin(index, shareable_sql, &statement, why);

	if (err)
		return err;
	while (!(err = index_row(index, statement, &row, why)) && row) {
		struct index_shareable shareable = {
			.size = (uint64_t)sqlite3_column_int64(statement, 2),
			.public_at_s = sqlite3_column_int64(statement, 3),
			.is_gated = sqlite3_column_int(statement, 4) != 0,
		};
		if (index_column_digest(statement, 0, &shareable.digest))
			tell(context, &shareable);
	}
	index_end(index, statement);
	return err;
}

enum err index_alias_each(struct index *index, void (*tell)(void *context, const struct digest *alias, const struct digest *blob), void *context, struct why *why)
{
	struct digest alias, blob;
	sqlite3_stmt *statement;
	bool row = true;
	enum err err = index_begin(index, aliases_sql, &statement, why);

	if (err)
		return err;
	while (!(err = index_row(index, statement, &row, why)) && row)
		if (index_column_digest(statement, 0, &alias) && index_column_digest(statement, 2, &blob))
			tell(context, &alias, &blob);
	index_end(index, statement);
	return err;
}

enum err index_doubt_each(struct index *index, int64_t before_s, size_t limit, void (*tell)(void *context, const char *hub, const char *repo), void *context,
			  struct why *why)
{
	sqlite3_stmt *statement;
	bool row = true;
	enum err err = index_begin(index, doubts_sql, &statement, why);

	if (err)
		return err;
	sqlite3_bind_int64(statement, 1, before_s);
	sqlite3_bind_int64(statement, 2, (int64_t)limit);
	while (!(err = index_row(index, statement, &row, why)) && row) {
		const char *hub = (const char *)sqlite3_column_text(statement, 0), *repo = (const char *)sqlite3_column_text(statement, 1);
		if (hub && repo)
			tell(context, hub, repo);
	}
	index_end(index, statement);
	return err;
}

static enum err run_confirm(struct index *index, const char *sql, const char *hub, const char *repo, enum visibility visibility, int64_t now_s,
			    struct why *why)
{
	sqlite3_stmt *statement;
	enum err err = index_prepare(index, sql, &statement, why);

	if (err)
		return err;
	index_bind_text(statement, 1, hub);
	index_bind_text(statement, 2, repo);
	sqlite3_bind_int(statement, 3, (int)visibility);
	sqlite3_bind_int64(statement, 4, now_s);
	err = index_run(index, statement, why);
	sqlite3_clear_bindings(statement);
	return err;
}

enum err index_repo_confirm(struct index *index, const char *hub, const char *repo, enum visibility visibility, int64_t now_s, struct why *why)
{
	enum err err;

	pthread_mutex_lock(&index->lock);
	err = index_transaction(index, why);
	if (err)
		goto out;
	err = run_confirm(index, confirm_names_sql, hub, repo, visibility, now_s, why);
	if (!err)
		err = run_confirm(index, confirm_blobs_sql, hub, repo, visibility, now_s, why);
	if (err)
		index_rollback(index);
	else
		err = index_commit(index, why);
out:
	pthread_mutex_unlock(&index->lock);
	return err;
}

/* SQLite's text is not const, and is not changed. */
static char *column_text(sqlite3_stmt *statement, int at) { return (char *)(uintptr_t)sqlite3_column_text(statement, at); }

enum err index_name_page(struct index *index, int64_t before, bool with_gated, bool (*tell)(void *context, const struct blob_name *name, int64_t place), void *context,
			 struct why *why)
{
	sqlite3_stmt *statement;
	bool row = true;
	enum err err = index_begin(index, page_sql, &statement, why);

	if (err)
		return err;
	sqlite3_bind_int64(statement, 1, before);
	sqlite3_bind_int(statement, 2, with_gated);
	while (!(err = index_row(index, statement, &row, why)) && row) {
		struct blob_name name = {
			.hub = column_text(statement, 2),
			.repo = column_text(statement, 3),
			.commit = column_text(statement, 4),
			.path = column_text(statement, 5),
			.visibility = (enum visibility)sqlite3_column_int(statement, 7),
			.checked_at_s = sqlite3_column_int64(statement, 8),
		};
		if (!name.hub || !name.repo || !name.commit || !name.path || !index_column_digest(statement, 0, &name.digest))
			continue;
		if (!tell(context, &name, sqlite3_column_int64(statement, 6)))
			break;
	}
	index_end(index, statement);
	return err;
}
