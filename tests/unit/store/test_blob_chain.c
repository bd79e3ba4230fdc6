/* Blobs whose chain in the index is damaged, with and without their files. */
#include "support/cmocka.h"

#include "support/store_home.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK CHAIN_CHUNK

static struct blob *open_blob(struct store_home *home, const struct digest *digest)
{
	struct blob *blob = NULL;
	struct why why = {0};

	if (blob_open(home->store, digest, &blob, &why) != ERR_OK)
		fail_msg("blob_open: %s", why.text);
	return blob;
}

static void change_index(struct store_home *home, const char *sql)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof path, "%s/index.sqlite", home->home);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* S(index) in the index is not what it should be. */
static void break_state(struct store_home *home, const struct digest *digest, uint64_t index)
{
	struct blob_record record;
	struct chain chain;

	assert_int_equal(index_blob_get(store_index(home->store), digest, &record, NULL), ERR_OK);
	assert_int_equal(index_blob_chain(store_index(home->store), digest, &chain, NULL), ERR_OK);
	chain.states[index - 1][7] ^= 1;
	assert_int_equal(index_blob_put(store_index(home->store), &record, &chain, NULL), ERR_OK);
	chain_release(&chain);
}

static void check_chain(struct store_home *home, const struct digest *digest)
{
	struct blob *blob = open_blob(home, digest);
	uint8_t holds[8] = {0};

	assert_int_equal(chain_check_file(&home->engine, blob_fd(blob), blob_chain(blob), digest, 0, blob_chain(blob)->count + 1, holds, NULL), ERR_OK);
	assert_null(memchr(holds, 0, (size_t)blob_chain(blob)->count + 1));
	blob_close(blob);
}

static void unusable_chain_is_made_anew(void **state)
{
	static const char *const broken[] = {
		"UPDATE chain SET states = x'00'", "UPDATE chain SET states = x''", "DELETE FROM chain", "UPDATE blob SET size = 2097152",
		"UPDATE blob SET size = -1",
	};
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 2, 4 * CHUNK + 5);
	struct chain chain;
	struct blob_check check;

	for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
		change_index(home, broken[i]);
		check_chain(home, &digest);
		assert_int_equal(index_blob_chain(store_index(home->store), &digest, &chain, NULL), ERR_OK);
		assert_int_equal(chain.count, 4);
		chain_release(&chain);
		change_index(home, broken[i]);
		assert_int_equal(blob_verify(home->store, &digest, NULL, NULL, NULL, &check, NULL), ERR_OK);
		assert_int_equal(check.chunks, 5);
		assert_int_equal(check.bad, 0);
	}
}

static void unusable_chain_of_a_damaged_file(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 2, 3 * CHUNK);
	struct blob_check check;
	char path[256];

	store_home_blob_path(home, &digest, path);
	store_home_damage(home, path, 0, true);
	change_index(home, "DELETE FROM chain");
	assert_int_equal(blob_verify(home->store, &digest, NULL, NULL, NULL, &check, NULL), ERR_UNPROVEN);
	assert_int_equal(check.bad, 3);
	assert_false(store_home_holds(home, &digest));
	assert_int_equal(access(path, F_OK), -1);
	store_home_put(home, 2, 3 * CHUNK);
	assert_true(store_home_holds(home, &digest));
}

static void wrong_state_is_no_damage(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 2, 4 * CHUNK);
	struct blob_check check;
	struct blob *blob;
	uint8_t *data = malloc(CHUNK);
	uint64_t progress = 0;
	char path[256];
	size_t len;

	snprintf(path, sizeof path, "%s/out", home->dir);
	break_state(home, &digest, 2);
	assert_int_equal(blob_verify(home->store, &digest, NULL, NULL, NULL, &check, NULL), ERR_OK);
	assert_int_equal(check.bad, 0);
	check_chain(home, &digest);
	break_state(home, &digest, 1);
	blob = open_blob(home, &digest);
	assert_int_equal(blob_export(blob, path, &progress, NULL, NULL), ERR_OK);
	assert_int_equal(progress, 4 * CHUNK);
	blob_close(blob);
	check_chain(home, &digest);
	break_state(home, &digest, 3);
	blob = open_blob(home, &digest);
	assert_int_equal(blob_read_chunk(blob, 3, data, &len, NULL), ERR_OK);
	blob_close(blob);
	check_chain(home, &digest);
	free(data);
}

static void wrong_state_is_no_damage_to_who_only_looks(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 2, 4 * CHUNK);

	change_index(home, "UPDATE chain SET states = x'00'");
	store_home_close(home);
	home->options.read_only = true;
	store_home_open(home);
	check_chain(home, &digest);
	check_chain(home, &digest);
}

/* The journal that a withdrawn blob goes on with must not hold on to a state that is wrong. */
static void wrong_state_of_a_damaged_file(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 2, 6 * CHUNK), found;
	uint8_t *data = content_make(2, 6 * CHUNK);
	struct partial *partial;
	struct blob_check check;
	char path[256];

	store_home_blob_path(home, &digest, path);
	store_home_damage(home, path, 4 * CHUNK + 1, true);
	break_state(home, &digest, 2);
	assert_int_equal(blob_verify(home->store, &digest, NULL, NULL, NULL, &check, NULL), ERR_UNPROVEN);
	assert_int_equal(check.bad, 3);
	assert_int_equal(partial_open(home->store, &digest, 6 * CHUNK, &partial, NULL), ERR_OK);
	assert_int_equal(partial_have_bytes(partial), 3 * CHUNK);
	/* What leads to no known state is taken, and let go again when the next one tells that it was wrong. */
	data[CHUNK] ^= 1;
	assert_int_equal(partial_put(partial, 1, data + CHUNK, CHUNK, NULL, NULL), ERR_OK);
	assert_int_equal(partial_put(partial, 2, data + 2 * CHUNK, CHUNK, &found, NULL), ERR_UNPROVEN);
	assert_int_equal(found.algorithm, DIGEST_NONE);
	assert_false(partial_has(partial, 1));
	assert_true(partial_has(partial, 0));
	partial_close(partial);
	assert_int_equal(partial_open(home->store, &digest, 6 * CHUNK, &partial, NULL), ERR_OK);
	assert_int_equal(partial_have_bytes(partial), 3 * CHUNK);
	partial_fill(partial, 2, 6);
	assert_int_equal(partial_commit(partial, &found, NULL), ERR_OK);
	assert_true(store_home_holds(home, &digest));
	free(data);
}

#define WITH_HOME(test) cmocka_unit_test_setup_teardown(test, store_home_setup, store_home_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_HOME(unusable_chain_is_made_anew),
		WITH_HOME(unusable_chain_of_a_damaged_file),
		WITH_HOME(wrong_state_is_no_damage),
		WITH_HOME(wrong_state_is_no_damage_to_who_only_looks),
		WITH_HOME(wrong_state_of_a_damaged_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
