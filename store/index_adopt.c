#include "store/index_private.h"

#include <stdlib.h>
#include <string.h>

static const char adopted_put_sql[] = "INSERT OR REPLACE INTO adopted(path, algorithm, digest, size, inode, mtime_ns, ctime_ns, held_inode)"
				      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
static const char adopted_get_sql[] = "SELECT algorithm, digest, size, inode, mtime_ns, ctime_ns, held_inode FROM adopted WHERE path = ?1";
static const char adopted_as_sql[] = "SELECT algorithm, digest, size, inode, mtime_ns, ctime_ns, held_inode, path FROM adopted"
				     " WHERE algorithm = ?1 AND digest = ?2 AND held_inode = ?3 LIMIT 1";
/* Other bytes under the same name are another claim. */
static const char claim_put_sql[] = "INSERT INTO claim(repo, revision, path, algorithm, digest) SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS"
				    " (SELECT 1 FROM name WHERE repo = ?1 AND revision = ?2 AND path = ?3 AND algorithm = ?4 AND digest = ?5)"
				    " ON CONFLICT DO UPDATE SET algorithm = excluded.algorithm, digest = excluded.digest, asked_at = 0"
				    " WHERE digest <> excluded.digest";
static const char claim_next_sql[] = "SELECT c.repo, c.revision FROM claim AS c JOIN blob USING(algorithm, digest) WHERE c.asked_at < ?1"
				     " ORDER BY c.asked_at LIMIT 1";
static const char claim_each_sql[] = "SELECT path, algorithm, digest FROM claim WHERE repo = ?1 AND revision = ?2";
static const char claim_asked_sql[] = "UPDATE claim SET asked_at = ?3 WHERE repo = ?1 AND revision = ?2";
static const char claim_drop_sql[] = "DELETE FROM claim WHERE repo = ?1 AND revision = ?2 AND path = ?3";

static char *copy_text(sqlite3_stmt *statement, int at)
{
	const unsigned char *text = sqlite3_column_text(statement, at);

	return strdup(text ? (const char *)text : "");
}

enum err index_adopted_put(struct index *index, const char *path, const struct adopted *adopted, struct why *why)
{
	sqlite3_stmt *statement;
	enum err err = index_begin(index, adopted_put_sql, &statement, why);

	if (err)
		return err;
	index_bind_text(statement, 1, path);
	index_bind_digest(statement, 2, &adopted->digest);
	sqlite3_bind_int64(statement, 4, (int64_t)adopted->size);
	sqlite3_bind_int64(statement, 5, (int64_t)adopted->inode);
	sqlite3_bind_int64(statement, 6, adopted->mtime_ns);
	sqlite3_bind_int64(statement, 7, adopted->ctime_ns);
	sqlite3_bind_int64(statement, 8, (int64_t)adopted->held_inode);
	err = index_run(index, statement, why);
	index_end(index, statement);
	return err;
}

static bool read_adopted(sqlite3_stmt *statement, struct adopted *ret_adopted)
{
	struct adopted adopted = {
		.size = (uint64_t)sqlite3_column_int64(statement, 2),
		.inode = (uint64_t)sqlite3_column_int64(statement, 3),
		.mtime_ns = sqlite3_column_int64(statement, 4),
		.ctime_ns = sqlite3_column_int64(statement, 5),
		.held_inode = (uint64_t)sqlite3_column_int64(statement, 6),
	};

	if (!index_column_digest(statement, 0, &adopted.digest))
		return false;
	*ret_adopted = adopted;
	return true;
}

enum err index_adopted_get(struct index *index, const char *path, struct adopted *ret_adopted, struct why *why)
{
	sqlite3_stmt *statement;
	bool row = false;
	enum err err = index_begin(index, adopted_get_sql, &statement, why);

	if (err)
		return err;
	index_bind_text(statement, 1, path);
	err = index_row(index, statement, &row, why);
	if (!err && (!row || !read_adopted(statement, ret_adopted)))
		err = why_set(why, ERR_NOT_FOUND, "%s was not adopted", path);
	index_end(index, statement);
	return err;
}

enum err index_adopted_as(struct index *index, const struct digest *digest, uint64_t held_inode, struct adopted *ret_adopted, char **ret_path, struct why *why)
{
	char *path = NULL, text[DIGEST_TEXT_MAX];
	sqlite3_stmt *statement;
	bool row = false;
	enum err err = index_begin(index, adopted_as_sql, &statement, why);

	if (err)
		return err;
	index_bind_digest(statement, 1, digest);
	sqlite3_bind_int64(statement, 3, (int64_t)held_inode);
	err = index_row(index, statement, &row, why);
	if (!err && (!row || !read_adopted(statement, ret_adopted)))
		err = why_set(why, ERR_NOT_FOUND, "%s was not adopted", digest_text(digest, text));
	if (!err && !(path = copy_text(statement, 7)))
		err = why_set(why, ERR_NO_MEMORY, "out of memory");
	index_end(index, statement);
	if (!err)
		*ret_path = path;
	return err;
}

static enum err put_claim(struct index *index, const struct claim *claim, struct why *why)
{
	sqlite3_stmt *statement;
	enum err err = index_prepare(index, claim_put_sql, &statement, why);

	if (err)
		return err;
	index_bind_text(statement, 1, claim->repo);
	index_bind_text(statement, 2, claim->commit);
	index_bind_text(statement, 3, claim->path);
	index_bind_digest(statement, 4, &claim->digest);
	err = index_run(index, statement, why);
	sqlite3_clear_bindings(statement);
	return err;
}

enum err index_claim_put(struct index *index, const struct claim *claims, size_t count, struct why *why)
{
	enum err err;

	pthread_mutex_lock(&index->lock);
	err = index_transaction(index, why);
	if (err)
		goto out;
	for (size_t i = 0; !err && i < count; i++)
		err = put_claim(index, &claims[i], why);
	if (err)
		index_rollback(index);
	else
		err = index_commit(index, why);
out:
	pthread_mutex_unlock(&index->lock);
	return err;
}

enum err index_claim_next(struct index *index, int64_t before_s, char **ret_repo, char **ret_commit, struct why *why)
{
	char *repo = NULL, *commit = NULL;
	sqlite3_stmt *statement;
	bool row = false;
	enum err err = index_begin(index, claim_next_sql, &statement, why);

	if (err)
		return err;
	sqlite3_bind_int64(statement, 1, before_s);
	err = index_row(index, statement, &row, why);
	if (!err && !row)
		err = why_set(why, ERR_NOT_FOUND, "no claim is to be asked about");
	if (!err) {
		repo = copy_text(statement, 0);
		commit = copy_text(statement, 1);
		err = repo && commit ? ERR_OK : why_set(why, ERR_NO_MEMORY, "out of memory");
	}
	index_end(index, statement);
	if (err) {
		free(repo);
		free(commit);
		return err;
	}
	*ret_repo = repo;
	*ret_commit = commit;
	return ERR_OK;
}

enum err index_claim_each(struct index *index, const char *repo, const char *commit, void (*tell)(void *context, const char *path, const struct digest *digest),
			  void *context, struct why *why)
{
	sqlite3_stmt *statement;
	bool row = true;
	enum err err = index_begin(index, claim_each_sql, &statement, why);

	if (err)
		return err;
	index_bind_text(statement, 1, repo);
	index_bind_text(statement, 2, commit);
	while (!(err = index_row(index, statement, &row, why)) && row) {
		const char *path = (const char *)sqlite3_column_text(statement, 0);
		struct digest digest;
		if (path && index_column_digest(statement, 1, &digest))
			tell(context, path, &digest);
	}
	index_end(index, statement);
	return err;
}

enum err index_claim_asked(struct index *index, const char *repo, const char *commit, int64_t now_s, struct why *why)
{
	sqlite3_stmt *statement;
	enum err err = index_begin(index, claim_asked_sql, &statement, why);

	if (err)
		return err;
	index_bind_text(statement, 1, repo);
	index_bind_text(statement, 2, commit);
	sqlite3_bind_int64(statement, 3, now_s);
	err = index_run(index, statement, why);
	index_end(index, statement);
	return err;
}

enum err index_claim_drop(struct index *index, const char *repo, const char *commit, const char *path, struct why *why)
{
	sqlite3_stmt *statement;
	enum err err = index_begin(index, claim_drop_sql, &statement, why);

	if (err)
		return err;
	index_bind_text(statement, 1, repo);
	index_bind_text(statement, 2, commit);
	index_bind_text(statement, 3, path);
	err = index_run(index, statement, why);
	index_end(index, statement);
	return err;
}
