/* index_private: what the files of the index share: the connection, and the way a statement is run and its failure told.
 *
 * A statement is run between index_begin() and index_end(), under the one mutex; SQL texts are string constants and stand where they are used.
 */
#ifndef LARDER_STORE_INDEX_PRIVATE_H
#define LARDER_STORE_INDEX_PRIVATE_H

#include "store/index.h"

#include <pthread.h>
#include <sqlite3.h>

#define INDEX_STATEMENTS_MAX 56

struct index {
	pthread_mutex_t lock;
	sqlite3 *db;
	char *path;
	bool read_only;
	/* Prepared once, found again by the address of their text. */
	struct {
		const char *sql;
		sqlite3_stmt *statement;
	} statements[INDEX_STATEMENTS_MAX];
	size_t statement_count;
};

/* Take the mutex and give the statement for `sql`, ready for its parameters. After a failure nothing is held. */
enum err index_begin(struct index *index, const char *sql, sqlite3_stmt **ret_statement, struct why *why) LARDER_MUST_USE;
/* Another statement while the mutex is held already. Reset it with sqlite3_reset() when done. */
enum err index_prepare(struct index *index, const char *sql, sqlite3_stmt **ret_statement, struct why *why) LARDER_MUST_USE;
/* Reset the statement and let the mutex go. `statement` may be NULL. */
void index_end(struct index *index, sqlite3_stmt *statement);

/* Step a statement that returns no rows. */
enum err index_run(struct index *index, sqlite3_stmt *statement, struct why *why) LARDER_MUST_USE;
/* Step to the next row: *ret_row is false when there is none. */
enum err index_row(struct index *index, sqlite3_stmt *statement, bool *ret_row, struct why *why) LARDER_MUST_USE;

/* Transactions that must outlive a power loss. The mutex is held. index_rollback() never fails. */
enum err index_transaction(struct index *index, struct why *why) LARDER_MUST_USE;
enum err index_commit(struct index *index, struct why *why) LARDER_MUST_USE;
void index_rollback(struct index *index);

/* The failure that SQLite's result `code` stands for, with a sentence. */
enum err index_failed(struct index *index, int code, struct why *why);

/* Bind algorithm and bytes to two parameters, `at` and the one after it; read them back from two columns. */
void index_bind_digest(sqlite3_stmt *statement, int at, const struct digest *digest);
bool index_column_digest(sqlite3_stmt *statement, int at, struct digest *ret_digest);
void index_bind_text(sqlite3_stmt *statement, int at, const char *text);

#endif
