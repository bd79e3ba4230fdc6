#include "store/index_private.h"

#include <stdlib.h>
#include <string.h>

#define LIST_FIRST_ROOM 64

static const char alias_put_sql[] = "INSERT OR REPLACE INTO alias(alias_algorithm, alias, algorithm, digest) VALUES(?1, ?2, ?3, ?4)";
static const char alias_get_sql[] = "SELECT algorithm, digest FROM alias WHERE alias_algorithm = ?1 AND alias = ?2";
static const char name_put_sql[] = "INSERT OR REPLACE INTO name(hub, repo, revision, path, algorithm, digest, visibility, checked_at)"
				   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
static const char name_list_sql[] = "SELECT algorithm, digest, hub, repo, revision, path, visibility, checked_at FROM name ORDER BY seq DESC";
static const char name_list_of_sql[] = "SELECT algorithm, digest, hub, repo, revision, path, visibility, checked_at FROM name"
				       " WHERE algorithm = ?1 AND digest = ?2 ORDER BY seq DESC";
static const char visibility_put_sql[] = "INSERT OR REPLACE INTO visibility(algorithm, digest, hub, visibility, checked_at)"
					 " VALUES(?1, ?2, ?3, ?4, ?5)";

enum err index_alias_put(struct index *index, const struct digest *alias, const struct digest *blob, struct why *why)
{
	sqlite3_stmt *statement;
	enum err err = index_begin(index, alias_put_sql, &statement, why);

	if (err)
		return err;
	index_bind_digest(statement, 1, alias);
	index_bind_digest(statement, 3, blob);
	err = index_run(index, statement, why);
	index_end(index, statement);
	return err;
}

enum err index_alias_get(struct index *index, const struct digest *alias, struct digest *ret_blob, struct why *why)
{
	char text[DIGEST_TEXT_MAX];
	sqlite3_stmt *statement;
	bool row = false;
	enum err err = index_begin(index, alias_get_sql, &statement, why);

	if (err)
		return err;
	index_bind_digest(statement, 1, alias);
	err = index_row(index, statement, &row, why);
	if (!err && (!row || !index_column_digest(statement, 0, ret_blob)))
		err = why_set(why, ERR_NOT_FOUND, "nothing is known by the name %s", digest_text(alias, text));
	index_end(index, statement);
	return err;
}

enum err index_name_put(struct index *index, const struct blob_name *name, struct why *why)
{
	sqlite3_stmt *statement;
	enum err err = index_begin(index, name_put_sql, &statement, why);

	if (err)
		return err;
	index_bind_text(statement, 1, name->hub);
	index_bind_text(statement, 2, name->repo);
	index_bind_text(statement, 3, name->commit);
	index_bind_text(statement, 4, name->path);
	index_bind_digest(statement, 5, &name->digest);
	sqlite3_bind_int(statement, 7, (int)name->visibility);
	sqlite3_bind_int64(statement, 8, name->checked_at_s);
	err = index_run(index, statement, why);
	index_end(index, statement);
	return err;
}

static char *column_text(sqlite3_stmt *statement, int at)
{
	const unsigned char *text = sqlite3_column_text(statement, at);

	return strdup(text ? (const char *)text : "");
}

static void name_release(struct blob_name *name)
{
	free(name->hub);
	free(name->repo);
	free(name->commit);
	free(name->path);
}

/* False: out of memory. */
static bool read_name(sqlite3_stmt *statement, struct blob_name *ret_name)
{
	struct blob_name name = {
		.hub = column_text(statement, 2),
		.repo = column_text(statement, 3),
		.commit = column_text(statement, 4),
		.path = column_text(statement, 5),
		.visibility = (enum visibility)sqlite3_column_int(statement, 6),
		.checked_at_s = sqlite3_column_int64(statement, 7),
	};

	if (!name.hub || !name.repo || !name.commit || !name.path) {
		name_release(&name);
		return false;
	}
	(void)index_column_digest(statement, 0, &name.digest);
	*ret_name = name;
	return true;
}

struct name_list {
	struct blob_name *names;
	size_t count, room;
};

static bool add_name(struct name_list *list, sqlite3_stmt *statement)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : LIST_FIRST_ROOM;
		struct blob_name *names = room > SIZE_MAX / sizeof *names ? NULL : realloc(list->names, room * sizeof *names);
		if (!names)
			return false;
		list->names = names;
		list->room = room;
	}
	if (!read_name(statement, &list->names[list->count]))
		return false;
	list->count++;
	return true;
}

enum err index_name_list(struct index *index, const struct digest *digest, struct blob_name **ret_names, size_t *ret_count,
			 struct why *why)
{
	struct name_list list = {0};
	sqlite3_stmt *statement;
	bool row = true;
	enum err err = index_begin(index, digest ? name_list_of_sql : name_list_sql, &statement, why);

	if (err)
		return err;
	if (digest)
		index_bind_digest(statement, 1, digest);
	while (!(err = index_row(index, statement, &row, why)) && row)
		if (!add_name(&list, statement)) {
			err = why_set(why, ERR_NO_MEMORY, "out of memory while listing %zu names", list.count);
			break;
		}
	index_end(index, statement);
	if (err) {
		index_names_free(list.names, list.count);
		return err;
	}
	*ret_names = list.names;
	*ret_count = list.count;
	return ERR_OK;
}

void index_names_free(struct blob_name *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		name_release(&names[i]);
	free(names);
}

enum err index_visibility_put(struct index *index, const struct digest *digest, const char *hub, enum visibility visibility,
			      int64_t checked_at_s, struct why *why)
{
	sqlite3_stmt *statement;
	enum err err = index_begin(index, visibility_put_sql, &statement, why);

	if (err)
		return err;
	index_bind_digest(statement, 1, digest);
	index_bind_text(statement, 3, hub);
	sqlite3_bind_int(statement, 4, (int)visibility);
	sqlite3_bind_int64(statement, 5, checked_at_s);
	err = index_run(index, statement, why);
	index_end(index, statement);
	return err;
}
