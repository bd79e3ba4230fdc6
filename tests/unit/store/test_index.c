#include "support/cmocka.h"

#include "support/store_home.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void index_path(const struct store_home *home, char ret[128])
{
	snprintf(ret, 128, "%s/index.sqlite", home->home);
}

static struct digest digest_of(uint8_t byte)
{
	uint8_t bytes[32];

	memset(bytes, byte, sizeof bytes);
	return digest_of_sha256(bytes);
}

static void put(struct index *index, uint8_t byte, uint64_t size)
{
	struct blob_record record = {.digest = digest_of(byte), .size = size, .proven_at_s = 5, .inode = UINT64_MAX - byte, .mtime_ns = -7, .ctime_ns = 9};
	struct chain chain;

	assert_int_equal(chain_init(&chain, size), ERR_OK);
	for (uint64_t i = 0; i < chain.count; i++)
		memset(chain.states[i], (int)(byte + i), SHA256_LEN);
	assert_int_equal(index_blob_put(index, &record, &chain, NULL), ERR_OK);
	chain_release(&chain);
}

static void keeps_blobs_and_chains(void **state)
{
	struct store_home *home = *state;
	struct index *index = store_index(home->store);
	struct digest digest = digest_of(1);
	struct blob_record record;
	struct blob_totals totals;
	struct chain chain;
	struct why why = {0};

	assert_int_equal(index_blob_get(index, &digest, &record, &why), ERR_NOT_FOUND);
	assert_int_equal(index_blob_chain(index, &digest, &chain, &why), ERR_NOT_FOUND);
	put(index, 1, 2 * CHAIN_CHUNK + 1);
	put(index, 2, 0);
	store_home_close(home);
	store_home_open(home);
	index = store_index(home->store);
	assert_int_equal(index_blob_get(index, &digest, &record, NULL), ERR_OK);
	assert_true(digest_equal(&record.digest, &digest));
	assert_int_equal(record.size, 2 * CHAIN_CHUNK + 1);
	assert_int_equal(record.proven_at_s, 5);
	assert_true(record.inode == UINT64_MAX - 1);
	assert_int_equal(record.mtime_ns, -7);
	assert_int_equal(record.ctime_ns, 9);
	assert_false(record.pinned);
	assert_int_equal(index_blob_chain(index, &digest, &chain, NULL), ERR_OK);
	assert_int_equal(chain.count, 2);
	assert_int_equal(chain.states[1][31], 2);
	chain_release(&chain);
	assert_int_equal(index_blob_totals(index, &totals, NULL), ERR_OK);
	assert_int_equal(totals.count, 2);
	assert_int_equal(totals.bytes, 2 * CHAIN_CHUNK + 1);
	assert_int_equal(totals.own_bytes, 2 * CHAIN_CHUNK + 1);
	assert_int_equal(index_blob_remove(index, &digest, NULL), ERR_OK);
	assert_int_equal(index_blob_remove(index, &digest, NULL), ERR_OK);
	assert_int_equal(index_blob_chain(index, &digest, &chain, NULL), ERR_NOT_FOUND);
}

static void order_of(struct index *index, uint8_t first, uint8_t second, uint8_t third)
{
	const uint8_t expected[] = {first, second, third};
	struct blob_record *records;
	size_t count;

	assert_int_equal(index_blob_list(index, &records, &count, NULL), ERR_OK);
	assert_int_equal(count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(records[i].digest.bytes[0], expected[i]);
	free(records);
}

static void lists_by_last_use(void **state)
{
	struct store_home *home = *state;
	struct index *index = store_index(home->store);
	struct digest first = digest_of(1), third = digest_of(3), unknown = digest_of(9);

	put(index, 1, 1);
	put(index, 2, 1);
	put(index, 3, 1);
	order_of(index, 1, 2, 3);
	assert_int_equal(index_blob_touch(index, &first, NULL), ERR_OK);
	order_of(index, 2, 3, 1);
	assert_int_equal(index_blob_touch(index, &first, NULL), ERR_OK);
	assert_int_equal(index_blob_touch(index, &third, NULL), ERR_OK);
	order_of(index, 2, 1, 3);
	assert_int_equal(index_blob_touch(index, &unknown, NULL), ERR_OK);
}

static void pins(void **state)
{
	struct store_home *home = *state;
	struct index *index = store_index(home->store);
	struct digest digest = digest_of(1);
	struct blob_record record;

	assert_int_equal(index_blob_pin(index, &digest, true, NULL), ERR_NOT_FOUND);
	assert_int_equal(index_blob_pin(index, &digest, false, NULL), ERR_OK);
	put(index, 1, 1);
	assert_int_equal(index_blob_pin(index, &digest, true, NULL), ERR_OK);
	put(index, 1, 1);
	assert_int_equal(index_blob_get(index, &digest, &record, NULL), ERR_OK);
	assert_true(record.pinned);
	assert_int_equal(index_blob_pin(index, &digest, false, NULL), ERR_OK);
	assert_int_equal(index_blob_get(index, &digest, &record, NULL), ERR_OK);
	assert_false(record.pinned);
}

static void sees(struct index *index, const struct digest *digest, enum visibility expected)
{
	struct blob_record record;

	assert_int_equal(index_blob_get(index, digest, &record, NULL), ERR_OK);
	assert_int_equal(record.visibility, expected);
}

static void public_at_one_hub_is_public(void **state)
{
	struct store_home *home = *state;
	struct index *index = store_index(home->store);
	struct digest digest = digest_of(1);

	put(index, 1, 1);
	sees(index, &digest, VISIBILITY_UNKNOWN);
	assert_int_equal(index_visibility_put(index, &digest, "a", VISIBILITY_GATED, 1, NULL), ERR_OK);
	sees(index, &digest, VISIBILITY_GATED);
	assert_int_equal(index_visibility_put(index, &digest, "b", VISIBILITY_PRIVATE, 1, NULL), ERR_OK);
	sees(index, &digest, VISIBILITY_PRIVATE);
	assert_int_equal(index_visibility_put(index, &digest, "c", VISIBILITY_PUBLIC, 1, NULL), ERR_OK);
	sees(index, &digest, VISIBILITY_PUBLIC);
	assert_int_equal(index_visibility_put(index, &digest, "c", VISIBILITY_UNKNOWN, 1, NULL), ERR_OK);
	sees(index, &digest, VISIBILITY_PRIVATE);
	assert_string_equal(visibility_name(VISIBILITY_GATED), "gated");
	assert_string_equal(visibility_name((enum visibility)77), "unknown");
}

static void aliases(void **state)
{
	struct store_home *home = *state;
	struct index *index = store_index(home->store);
	struct digest alias = {.algorithm = DIGEST_GIT_SHA1, .bytes = {1, 2, 3}}, blob = digest_of(4), found;

	assert_int_equal(index_alias_get(index, &alias, &found, NULL), ERR_NOT_FOUND);
	assert_int_equal(index_alias_put(index, &alias, &blob, NULL), ERR_OK);
	assert_int_equal(index_alias_put(index, &alias, &blob, NULL), ERR_OK);
	assert_int_equal(index_alias_get(index, &alias, &found, NULL), ERR_OK);
	assert_true(digest_equal(&found, &blob));
}

static void put_name(struct index *index, const struct digest *digest, char *path)
{
	struct blob_name name = {.digest = *digest, .hub = (char[]){"h"}, .repo = (char[]){"o/r"}, .commit = (char[]){"c"}, .path = path};

	assert_int_equal(index_name_put(index, &name, NULL), ERR_OK);
}

static void names_newest_first(void **state)
{
	struct store_home *home = *state;
	struct index *index = store_index(home->store);
	struct digest one = digest_of(1), two = digest_of(2);
	struct blob_name *names;
	size_t count;

	assert_int_equal(index_name_list(index, NULL, &names, &count, NULL), ERR_OK);
	assert_int_equal(count, 0);
	index_names_free(names, count);
	put_name(index, &one, (char[]){"a"});
	put_name(index, &two, (char[]){"b"});
	put_name(index, &one, (char[]){"c"});
	put_name(index, &one, (char[]){"a"});
	assert_int_equal(index_name_list(index, NULL, &names, &count, NULL), ERR_OK);
	assert_int_equal(count, 3);
	assert_string_equal(names[0].path, "a");
	assert_string_equal(names[2].path, "b");
	assert_string_equal(names[0].repo, "o/r");
	index_names_free(names, count);
	/* One place, one blob: the later one counts. */
	put_name(index, &two, (char[]){"a"});
	assert_int_equal(index_name_list(index, &one, &names, &count, NULL), ERR_OK);
	assert_int_equal(count, 1);
	assert_string_equal(names[0].path, "c");
	index_names_free(names, count);
}

static void answers_by_scope(void **state)
{
	struct store_home *home = *state;
	struct index *index = store_index(home->store);
	struct buf value = {.limit = 5};
	int64_t at_s = 0;

	assert_int_equal(index_answer_get(index, "h", "tree", "k", "", &value, &at_s, NULL), ERR_NOT_FOUND);
	assert_int_equal(index_answer_put(index, "h", "tree", "k", "", "all", 3, 11, NULL), ERR_OK);
	assert_int_equal(index_answer_put(index, "h", "tree", "k", "me", "mine", 4, 12, NULL), ERR_OK);
	assert_int_equal(index_answer_put(index, "h", "tree", "e", "", NULL, 0, 13, NULL), ERR_OK);
	assert_int_equal(index_answer_get(index, "h", "tree", "k", "me", &value, &at_s, NULL), ERR_OK);
	assert_string_equal(buf_str(&value), "mine");
	assert_int_equal(at_s, 12);
	assert_int_equal(index_answer_get(index, "h", "tree", "k", "", &value, &at_s, NULL), ERR_LIMIT);
	assert_int_equal(at_s, 12);
	buf_clear(&value);
	assert_int_equal(index_answer_get(index, "h", "tree", "e", "", &value, &at_s, NULL), ERR_OK);
	assert_int_equal(value.len, 0);
	buf_release(&value);
}

static void counters(void **state)
{
	struct store_home *home = *state;
	struct index *index = store_index(home->store);
	uint64_t value = 1;

	assert_int_equal(index_counter_get(index, "hub_bytes", &value, NULL), ERR_OK);
	assert_int_equal(value, 0);
	assert_int_equal(index_counter_add(index, "hub_bytes", 40, NULL), ERR_OK);
	assert_int_equal(index_counter_add(index, "hub_bytes", 2, NULL), ERR_OK);
	assert_int_equal(index_counter_get(index, "hub_bytes", &value, NULL), ERR_OK);
	assert_int_equal(value, 42);
}

static void change_version(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* Even by one who only looks. */
static void older_one_is_migrated(void **state)
{
	static const char to_first[] = "ALTER TABLE blob DROP COLUMN ctime_ns; ALTER TABLE name DROP COLUMN visibility;"
				       " ALTER TABLE name DROP COLUMN checked_at; ALTER TABLE blob DROP COLUMN linked;"
				       " DROP INDEX adopted_digest; DROP TABLE adopted; DROP TABLE claim; PRAGMA user_version=1";
	struct store_home *home = *state;
	struct digest digest = digest_of(1);
	struct blob_record record;
	struct index *index;
	char path[128];

	put(store_index(home->store), 1, 7);
	store_home_close(home);
	index_path(home, path);
	for (unsigned flags = 0; flags <= (INDEX_READ_ONLY | INDEX_ALONE); flags++) {
		change_version(path, to_first);
		assert_int_equal(index_open(path, flags, &index, NULL), ERR_OK);
		assert_int_equal(index_blob_get(index, &digest, &record, NULL), ERR_OK);
		assert_int_equal(record.size, 7);
		assert_int_equal(record.mtime_ns, -7);
		assert_int_equal(record.ctime_ns, -1);
		index_close(index);
	}
}

static void newer_one_is_refused(void **state)
{
	struct store_home *home = *state;
	struct index *index = NULL;
	char path[128];
	struct why why = {0};

	store_home_close(home);
	index_path(home, path);
	change_version(path, "PRAGMA user_version=999");
	assert_int_equal(index_open(path, 0, &index, &why), ERR_UNSUPPORTED);
	assert_null(index);
	assert_non_null(strstr(why.text, "newer larder"));
}

static void garbage_is_told(void **state)
{
	struct store_home *home = *state;
	struct index *index;
	char path[128];
	struct why why = {0};
	uint8_t *garbage = content_make(1, 8192);
	int fd;

	store_home_close(home);
	index_path(home, path);
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, garbage, 8192), 8192);
	close(fd);
	free(garbage);
	assert_int_equal(index_open(path, 0, &index, &why), ERR_IO);
	assert_non_null(strstr(why.text, "larder gc"));
}

static void what_is_no_file_is_told(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	struct store_home *home = *state;
	char path[128], other[140];
	struct index *index = NULL;
	struct why why = {0};

	store_home_close(home);
	index_path(home, path);
	for (size_t i = 0; i < 6; i++) {
		snprintf(other, sizeof other, "%s%s", path, ends[i / 2]);
		assert_true(unlink(other) == 0 || i > 1);
		assert_int_equal(i % 2 ? mkfifo(other, 0600) : mkdir(other, 0700), 0);
		for (unsigned flags = 0; flags <= INDEX_READ_ONLY; flags++) {
			assert_int_equal(index_open(path, flags, &index, &why), ERR_IO);
			assert_non_null(strstr(why.text, other));
		}
		assert_int_equal(remove(other), 0);
		assert_int_equal(index_open(path, 0, &index, NULL), ERR_OK);
		index_close(index);
	}
}

static void read_only(void **state)
{
	struct store_home *home = *state;
	struct digest digest = digest_of(1);
	struct blob_record record;
	struct index *index;
	char path[128];

	put(store_index(home->store), 1, 1);
	index_path(home, path);
	assert_int_equal(index_open(path, INDEX_READ_ONLY, &index, NULL), ERR_OK);
	assert_int_equal(index_blob_get(index, &digest, &record, NULL), ERR_OK);
	assert_int_equal(index_blob_remove(index, &digest, NULL), ERR_PERMISSION);
	index_close(index);
	snprintf(path, sizeof path, "%s/none.sqlite", home->home);
	assert_int_equal(index_open(path, INDEX_READ_ONLY, &index, NULL), ERR_NOT_FOUND);
}

static void alone(void **state)
{
	struct store_home *home = *state;
	struct digest digest = digest_of(1);
	struct blob_record record;
	struct index *index;
	char path[128], shared[140];

	put(store_index(home->store), 1, 1);
	store_home_close(home);
	index_path(home, path);
	snprintf(shared, sizeof shared, "%s-shm", path);
	assert_int_equal(index_open(path, INDEX_READ_ONLY | INDEX_ALONE, &index, NULL), ERR_OK);
	assert_int_equal(index_blob_get(index, &digest, &record, NULL), ERR_OK);
	assert_int_equal(access(shared, F_OK), -1);
	assert_int_equal(index_blob_remove(index, &digest, NULL), ERR_PERMISSION);
	index_close(index);
	assert_int_equal(index_open(path, INDEX_ALONE, &index, NULL), ERR_OK);
	assert_int_equal(index_blob_remove(index, &digest, NULL), ERR_OK);
	assert_int_equal(access(shared, F_OK), -1);
	index_close(index);
}

#define WITH_HOME(test) cmocka_unit_test_setup_teardown(test, store_home_setup, store_home_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_HOME(keeps_blobs_and_chains),
		WITH_HOME(lists_by_last_use),
		WITH_HOME(pins),
		WITH_HOME(public_at_one_hub_is_public),
		WITH_HOME(aliases),
		WITH_HOME(names_newest_first),
		WITH_HOME(answers_by_scope),
		WITH_HOME(counters),
		WITH_HOME(older_one_is_migrated),
		WITH_HOME(newer_one_is_refused),
		WITH_HOME(garbage_is_told),
		WITH_HOME(what_is_no_file_is_told),
		WITH_HOME(read_only),
		WITH_HOME(alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
