#include "store/index_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 10000
#define WAL_TRIES 500
#define WAL_PAUSE_MS 20
#define WAL_KEEP_BYTES "4194304"

/* Text n brings an index from version n to n + 1. Never changed once released: only added to.
 * Digests are algorithm and bytes. Chains lie apart, so that lists of blobs need not step over them. Pins and names outlive their blob: it may be
 * repaired, or fetched again. */
static const char *const migrations[] = {
	"CREATE TABLE blob(algorithm INTEGER NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL, proven_at INTEGER NOT NULL,"
	" last_use INTEGER NOT NULL, inode INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, PRIMARY KEY(algorithm, digest)) WITHOUT ROWID;"
	"CREATE INDEX blob_use ON blob(last_use);"
	"CREATE TABLE chain(algorithm INTEGER NOT NULL, digest BLOB NOT NULL, states BLOB NOT NULL, PRIMARY KEY(algorithm, digest));"
	"CREATE TABLE pin(algorithm INTEGER NOT NULL, digest BLOB NOT NULL, PRIMARY KEY(algorithm, digest)) WITHOUT ROWID;"
	"CREATE TABLE alias(alias_algorithm INTEGER NOT NULL, alias BLOB NOT NULL, algorithm INTEGER NOT NULL, digest BLOB NOT NULL,"
	" PRIMARY KEY(alias_algorithm, alias)) WITHOUT ROWID;"
	"CREATE TABLE name(seq INTEGER PRIMARY KEY AUTOINCREMENT, hub TEXT NOT NULL, repo TEXT NOT NULL, revision TEXT NOT NULL, path TEXT NOT NULL,"
	" algorithm INTEGER NOT NULL, digest BLOB NOT NULL, UNIQUE(hub, repo, revision, path));"
	"CREATE INDEX name_digest ON name(algorithm, digest);"
	"CREATE TABLE visibility(algorithm INTEGER NOT NULL, digest BLOB NOT NULL, hub TEXT NOT NULL, visibility INTEGER NOT NULL,"
	" checked_at INTEGER NOT NULL, PRIMARY KEY(algorithm, digest, hub)) WITHOUT ROWID;"
	"CREATE TABLE answer(hub TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, scope TEXT NOT NULL, at INTEGER NOT NULL, value BLOB NOT NULL,"
	" PRIMARY KEY(hub, kind, key, scope));"
	"CREATE TABLE counter(name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;",
	/* No file has this time, so each is checked once more. */
	"ALTER TABLE blob ADD COLUMN ctime_ns INTEGER NOT NULL DEFAULT -1;",
	/* A blob may be public in one repo, and another that has it must not be named. */
	"ALTER TABLE name ADD COLUMN visibility INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE name ADD COLUMN checked_at INTEGER NOT NULL DEFAULT 0;",
	/* Files that were taken in where they lie, and the names that they have there, for which there is nobody's word yet. */
	"ALTER TABLE blob ADD COLUMN linked INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE adopted(path TEXT NOT NULL PRIMARY KEY, algorithm INTEGER NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL,"
	" inode INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, held_inode INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX adopted_digest ON adopted(algorithm, digest);"
	"CREATE TABLE claim(repo TEXT NOT NULL, revision TEXT NOT NULL, path TEXT NOT NULL, algorithm INTEGER NOT NULL, digest BLOB NOT NULL,"
	" asked_at INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(repo, revision, path)) WITHOUT ROWID;"
	"CREATE INDEX claim_asked ON claim(asked_at);",
};
#define NEWEST_VERSION ((int)(sizeof migrations / sizeof migrations[0]))

static enum err damaged(struct index *index, struct why *why)
{
	return why_set(why, ERR_IO,
		       "the index %s is damaged (%s): move it and the files %s-wal and %s-shm away; `larder gc` then proves the blobs again",
		       index->path, sqlite3_errmsg(index->db), index->path, index->path);
}

/* SQLite tries again in other ways when it cannot create a file beside the index, and tells what the last of them failed with. Ask anew. */
static int why_not_created(const struct index *index)
{
	char path[PATH_MAX];
	int fd, failed;

	if ((index->read_only && access(index->path, F_OK) != 0) || snprintf(path, sizeof path, "%s-probe", index->path) >= (int)sizeof path)
		return ENOENT;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	failed = fd < 0 ? errno : EIO;
	if (fd >= 0)
		close(fd);
	unlink(path);
	return failed;
}

/* Codes that say nothing by themselves may carry an errno from below. */
static enum err failed_below(struct index *index, int code, struct why *why)
{
	int error_number = sqlite3_system_errno(index->db);

	if ((code & 0xff) == SQLITE_CANTOPEN && error_number == ENOENT)
		error_number = why_not_created(index);
	if (error_number == 0)
		return why_set(why, ERR_IO, "the index %s: %s", index->path, sqlite3_errmsg(index->db));
	return why_errno(why, error_number, "the index %s: %s", index->path, sqlite3_errmsg(index->db));
}

enum err index_failed(struct index *index, int code, struct why *why)
{
	switch (code & 0xff) {
	case SQLITE_NOMEM:
		return why_set(why, ERR_NO_MEMORY, "out of memory at the index %s", index->path);
	case SQLITE_FULL:
		return why_set(why, ERR_NO_SPACE, "no space left for the index %s: free some, or set max_size or min_free", index->path);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return why_set(why, ERR_BUSY, "the index %s was locked by another process for %d s", index->path, BUSY_TIMEOUT_MS / 1000);
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return why_set(why, ERR_PERMISSION, "the index %s cannot be written: %s", index->path, sqlite3_errmsg(index->db));
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return damaged(index, why);
	case SQLITE_TOOBIG:
		return why_set(why, ERR_LIMIT, "too large for the index %s", index->path);
	default:
		return failed_below(index, code, why);
	}
}

enum err index_prepare(struct index *index, const char *sql, sqlite3_stmt **ret_statement, struct why *why)
{
	size_t at = index->statement_count;
	int code;

	for (size_t i = 0; i < index->statement_count; i++)
		if (index->statements[i].sql == sql) {
			*ret_statement = index->statements[i].statement;
			return ERR_OK;
		}
	if (at == INDEX_STATEMENTS_MAX)
		return why_set(why, ERR_LIMIT, "too many statements for the index %s", index->path);
	code = sqlite3_prepare_v3(index->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &index->statements[at].statement, NULL);
	if (code != SQLITE_OK)
		return index_failed(index, code, why);
	index->statements[at].sql = sql;
	index->statement_count++;
	*ret_statement = index->statements[at].statement;
	return ERR_OK;
}

enum err index_begin(struct index *index, const char *sql, sqlite3_stmt **ret_statement, struct why *why)
{
	enum err err;

	pthread_mutex_lock(&index->lock);
	err = index_prepare(index, sql, ret_statement, why);
	if (err)
		pthread_mutex_unlock(&index->lock);
	return err;
}

void index_end(struct index *index, sqlite3_stmt *statement)
{
	if (statement) {
		sqlite3_reset(statement);
		sqlite3_clear_bindings(statement);
	}
	pthread_mutex_unlock(&index->lock);
}

enum err index_run(struct index *index, sqlite3_stmt *statement, struct why *why)
{
	int code = sqlite3_step(statement);
	enum err err = code == SQLITE_DONE || code == SQLITE_ROW ? ERR_OK : index_failed(index, code, why);

	sqlite3_reset(statement);
	return err;
}

enum err index_row(struct index *index, sqlite3_stmt *statement, bool *ret_row, struct why *why)
{
	int code = sqlite3_step(statement);

	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return index_failed(index, code, why);
	*ret_row = code == SQLITE_ROW;
	return ERR_OK;
}

static enum err execute(struct index *index, const char *sql, struct why *why)
{
	int code = sqlite3_exec(index->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? ERR_OK : index_failed(index, code, why);
}

/* What is not about blobs may be lost with the power: then the hub is asked again. */
static void relax(struct index *index)
{
	sqlite3_exec(index->db, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
}

enum err index_transaction(struct index *index, struct why *why)
{
	enum err err = execute(index, "PRAGMA synchronous=FULL", why);

	if (!err)
		err = execute(index, "BEGIN IMMEDIATE", why);
	if (err)
		relax(index);
	return err;
}

enum err index_commit(struct index *index, struct why *why)
{
	enum err err = execute(index, "COMMIT", why);

	if (err)
		index_rollback(index);
	else
		relax(index);
	return err;
}

void index_rollback(struct index *index)
{
	/* Fails when SQLite has rolled back by itself, which is as well. */
	sqlite3_exec(index->db, "ROLLBACK", NULL, NULL, NULL);
	relax(index);
}

void index_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

void index_bind_digest(sqlite3_stmt *statement, int at, const struct digest *digest)
{
	sqlite3_bind_int(statement, at, (int)digest->algorithm);
	sqlite3_bind_blob(statement, at + 1, digest->bytes, (int)digest_len(digest->algorithm), SQLITE_STATIC);
}

bool index_column_digest(sqlite3_stmt *statement, int at, struct digest *ret_digest)
{
	struct digest digest = {.algorithm = (enum digest_algorithm)sqlite3_column_int(statement, at)};
	size_t len = digest_len(digest.algorithm);

	if (len == 0 || (size_t)sqlite3_column_bytes(statement, at + 1) != len)
		return false;
	memcpy(digest.bytes, sqlite3_column_blob(statement, at + 1), len);
	*ret_digest = digest;
	return true;
}

static enum err read_version(struct index *index, int *ret_version, struct why *why)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(index->db, "PRAGMA user_version", -1, &statement, NULL);
	enum err err = ERR_OK;

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret_version = sqlite3_column_int(statement, 0);
	else
		err = index_failed(index, code, why);
	sqlite3_finalize(statement);
	return err;
}

/* In one transaction, so that an index is never between two versions, and two processes do not both do it. */
static enum err migrate(struct index *index, struct why *why)
{
	char pragma[64];
	int version = 0;
	enum err err;

	err = index_transaction(index, why);
	if (err)
		return err;
	err = read_version(index, &version, why);
	for (int at = version; !err && at < NEWEST_VERSION; at++)
		err = execute(index, migrations[at], why);
	sqlite3_snprintf(sizeof pragma, pragma, "PRAGMA user_version=%d", NEWEST_VERSION);
	if (!err)
		err = execute(index, pragma, why);
	if (err) {
		index_rollback(index);
		return err;
	}
	return index_commit(index, why);
}

/* SQLite does not call its busy handler for this switch. */
static enum err enter_wal(struct index *index, struct why *why)
{
	int code = SQLITE_BUSY;

	for (int tries = 0; tries < WAL_TRIES; tries++) {
		code = sqlite3_exec(index->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
		if ((code & 0xff) != SQLITE_BUSY)
			break;
		sqlite3_sleep(WAL_PAUSE_MS);
	}
	return code == SQLITE_OK ? ERR_OK : index_failed(index, code, why);
}

/* Who only looks still wants to see what an older version has put there. */
static enum err set_up_to_read(struct index *index, unsigned flags, int version, struct why *why)
{
	struct index *writer;
	enum err err;

	if (version == 0)
		return why_set(why, ERR_NOT_FOUND, "the index %s has not been set up yet", index->path);
	if (version < NEWEST_VERSION) {
		err = index_open(index->path, flags & ~(unsigned)INDEX_READ_ONLY, &writer, why);
		if (err)
			return err;
		index_close(writer);
	}
	return execute(index, "PRAGMA query_only=1", why);
}

static enum err set_up(struct index *index, unsigned flags, struct why *why)
{
	int version = 0;
	enum err err;

	err = read_version(index, &version, why);
	if (err)
		return err;
	if (version < 0 || version > NEWEST_VERSION)
		return why_set(why, ERR_UNSUPPORTED,
			       "the index %s was written by a newer larder (its version is %d, this program knows %d): use that one, or another --home",
			       index->path, version, NEWEST_VERSION);
	if (index->read_only)
		return set_up_to_read(index, flags, version, why);
	err = enter_wal(index, why);
	if (!err)
		err = execute(index, "PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=" WAL_KEEP_BYTES, why);
	if (!err && version < NEWEST_VERSION)
		err = migrate(index, why);
	return err;
}

/* At a pipe SQLite would wait for ever, and of a directory it has nothing to say that helps. */
static enum err check_files(const struct index *index, struct why *why)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char path[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		if (snprintf(path, sizeof path, "%s%s", index->path, ends[i]) >= (int)sizeof path)
			return why_set(why, ERR_INVALID, "the path of the index is too long: %.80s...", index->path);
		if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
			return why_set(why, ERR_IO, "%s is not a regular file, as the index has to be: move it away; `larder gc` then proves the blobs again",
				       path);
	}
	return ERR_OK;
}

/* SQLite's shared memory is a file, and "unix-excl" does without by locking all others out, for which a file must be open to be written. */
static int open_file(struct index *index, unsigned flags)
{
	bool alone = (flags & INDEX_ALONE) != 0;
	int how = index->read_only && !alone ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;

	if (!index->read_only)
		how |= SQLITE_OPEN_CREATE;
	return sqlite3_open_v2(index->path, &index->db, SQLITE_OPEN_NOMUTEX | how, alone ? "unix-excl" : NULL);
}

enum err index_open(const char *path, unsigned flags, struct index **ret_index, struct why *why)
{
	struct index *index = calloc(1, sizeof *index);
	enum err err;
	int code;

	if (!index)
		return why_set(why, ERR_NO_MEMORY, "out of memory at the index %s", path);
	pthread_mutex_init(&index->lock, NULL);
	index->read_only = (flags & INDEX_READ_ONLY) != 0;
	index->path = strdup(path);
	if (!index->path) {
		err = why_set(why, ERR_NO_MEMORY, "out of memory at the index %s", path);
		goto out;
	}
	err = check_files(index, why);
	if (err)
		goto out;
	code = open_file(index, flags);
	if (code != SQLITE_OK) {
		err = index->db ? index_failed(index, code, why) : why_set(why, ERR_NO_MEMORY, "out of memory at the index %s", path);
		goto out;
	}
	sqlite3_extended_result_codes(index->db, 1);
	sqlite3_busy_timeout(index->db, BUSY_TIMEOUT_MS);
	err = set_up(index, flags, why);
out:
	if (err)
		index_close(index);
	else
		*ret_index = index;
	return err;
}

void index_close(struct index *index)
{
	if (!index)
		return;
	for (size_t i = 0; i < index->statement_count; i++)
		sqlite3_finalize(index->statements[i].statement);
	sqlite3_close(index->db);
	pthread_mutex_destroy(&index->lock);
	free(index->path);
	free(index);
}
