#include "support/cmocka.h"

#include "base/pool.h"
#include "support/store_home.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

/* What is missing of a withdrawn blob, and put it right. */
static void repair(struct store_home *home, const struct digest *digest, uint64_t seed, uint64_t size, uint64_t bad)
{
	struct partial *partial;
	struct digest found;
	uint64_t first, count;
	struct why why = {0};
	uint8_t *data = content_make(seed, size);

	if (partial_open(home->store, digest, size, &partial, &why) != ERR_OK)
		fail_msg("partial_open: %s", why.text);
	assert_true(partial_next_missing(partial, 0, &first, &count));
	assert_int_equal(first, bad);
	assert_int_equal(count, 1);
	assert_false(partial_next_missing(partial, first + 1, &first, &count));
	/* With the chain known, only this chunk can be wrong. */
	data[chain_chunk_offset(bad)] ^= 1;
	found.algorithm = DIGEST_SHA256;
	assert_int_equal(partial_put(partial, bad, data + chain_chunk_offset(bad), chain_chunk_len(size, bad), &found, NULL), ERR_UNPROVEN);
	assert_int_equal(found.algorithm, DIGEST_NONE);
	data[chain_chunk_offset(bad)] ^= 1;
	assert_int_equal(partial_put(partial, bad, data + chain_chunk_offset(bad), chain_chunk_len(size, bad), NULL, NULL), ERR_OK);
	assert_true(partial_is_complete(partial));
	assert_int_equal(partial_commit(partial, &found, NULL), ERR_OK);
	assert_true(digest_equal(&found, digest));
	assert_true(store_home_holds(home, digest));
	free(data);
}

static void reads_what_was_put(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 1, 2 * CHUNK + 3);
	uint8_t *data = content_make(1, 2 * CHUNK + 3), *got = malloc(CHUNK);
	struct blob *blob = open_blob(home, &digest);
	size_t len = 0;

	assert_int_equal(blob_size(blob), 2 * CHUNK + 3);
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(blob_read_chunk(blob, i, got, &len, NULL), ERR_OK);
		assert_int_equal(len, chain_chunk_len(2 * CHUNK + 3, i));
		assert_memory_equal(got, data + chain_chunk_offset(i), len);
	}
	assert_int_equal(blob_read_chunk(blob, 3, got, &len, NULL), ERR_INVALID);
	blob_close(blob);
	free(data);
	free(got);
}

static void unknown_is_not_found(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 1, 10);
	struct blob *blob;
	struct why why = {0};

	assert_int_equal(blob_open(home->store, &digest, &blob, &why), ERR_NOT_FOUND);
	assert_non_null(strstr(why.text, "sha256:"));
}

static void empty_is_always_held(void **state)
{
	struct store_home *home = *state;
	struct digest empty = content_digest(home, 0, 0);
	struct blob *blob = open_blob(home, &empty);
	char path[256];
	size_t len = 1;
	uint8_t byte;

	snprintf(path, sizeof path, "%s/out", home->dir);
	assert_int_equal(blob_size(blob), 0);
	assert_int_equal(blob_read_chunk(blob, 0, &byte, &len, NULL), ERR_OK);
	assert_int_equal(len, 0);
	assert_int_equal(blob_export(blob, path, NULL, NULL, NULL), ERR_OK);
	assert_int_equal(access(path, F_OK), 0);
	blob_close(blob);
}

static void damaged_chunk_is_withdrawn_and_repaired(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 2, 5 * CHUNK);
	struct blob *blob;
	char path[256];
	uint8_t *data = malloc(CHUNK);
	size_t len = 77;

	store_home_blob_path(home, &digest, path);
	store_home_damage(home, path, 3 * CHUNK + 5, true);
	blob = open_blob(home, &digest);
	assert_int_equal(blob_read_chunk(blob, 2, data, &len, NULL), ERR_OK);
	assert_int_equal(blob_read_chunk(blob, 3, data, &len, NULL), ERR_UNPROVEN);
	blob_close(blob);
	assert_false(store_home_holds(home, &digest));
	repair(home, &digest, 2, 5 * CHUNK, 3);
	free(data);
}

/* A state that was torn in the journal must not refuse the right chunk for ever. */
static void withdrawn_with_a_torn_journal(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 2, 4 * CHUNK), found;
	struct partial *partial;
	struct blob_check check;
	char path[256], journal[256];
	int fd;

	store_home_blob_path(home, &digest, path);
	store_home_damage(home, path, 0, true);
	assert_int_equal(blob_verify(home->store, &digest, NULL, NULL, NULL, &check, NULL), ERR_UNPROVEN);
	store_home_data_path(home, &digest, path);
	snprintf(journal, sizeof journal, "%.*s.journal", (int)(strlen(path) - strlen(".data")), path);
	fd = open(journal, O_WRONLY);
	assert_int_equal(pwrite(fd, "torn", 4, 64 + 48 + 20), 4);
	close(fd);
	assert_int_equal(partial_open(home->store, &digest, 4 * CHUNK, &partial, NULL), ERR_OK);
	assert_true(partial_has(partial, 3));
	assert_false(partial_has(partial, 1));
	partial_fill(partial, 2, 4);
	assert_int_equal(partial_commit(partial, &found, NULL), ERR_OK);
	assert_true(store_home_holds(home, &digest));
}

static void touched_file_is_proven_again(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 2, 3 * CHUNK);
	struct blob_record record;
	struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	char path[256];

	store_home_blob_path(home, &digest, path);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_true(store_home_holds(home, &digest));
	assert_int_equal(index_blob_get(store_index(home->store), &digest, &record, NULL), ERR_OK);
	assert_int_equal(record.mtime_ns, 1000 * INT64_C(1000000000));
	store_home_damage(home, path, 0, false);
	assert_false(store_home_holds(home, &digest));
	repair(home, &digest, 2, 3 * CHUNK, 0);
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Whoever writes into a blob may set its time back, and its mode, but not the time of that. */
static void time_set_back_is_noticed(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 2, 3 * CHUNK);
	struct timespec times[2];
	struct stat before, after;
	char path[256];

	store_home_blob_path(home, &digest, path);
	assert_int_equal(stat(path, &before), 0);
	store_home_damage(home, path, CHUNK, false);
	times[0] = before.st_atim;
	times[1] = before.st_mtim;
	do { /* the clock of files may stand still for milliseconds */
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0) | chmod(path, 0444), 0);
		assert_int_equal(stat(path, &after), 0);
	} while (is_same_time(&before.st_ctim, &after.st_ctim));
	assert_true(is_same_time(&before.st_mtim, &after.st_mtim));
	assert_false(store_home_holds(home, &digest));
	repair(home, &digest, 2, 3 * CHUNK, 1);
}

static void new_mode_is_no_damage(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 2, 3 * CHUNK);
	struct blob_record before, after;
	char path[256];

	store_home_blob_path(home, &digest, path);
	assert_int_equal(index_blob_get(store_index(home->store), &digest, &before, NULL), ERR_OK);
	do {
		assert_int_equal(chmod(path, 0400), 0);
		assert_true(store_home_holds(home, &digest));
		assert_int_equal(index_blob_get(store_index(home->store), &digest, &after, NULL), ERR_OK);
	} while (before.ctime_ns == after.ctime_ns);
	assert_int_equal(before.mtime_ns, after.mtime_ns);
}

static void longer_or_shorter_is_damage(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 2, 2 * CHUNK + 1);
	struct partial *partial;
	struct digest found;
	char path[256];

	store_home_blob_path(home, &digest, path);
	assert_int_equal(chmod(path, 0600) | truncate(path, 2 * CHUNK + 2), 0);
	assert_false(store_home_holds(home, &digest));
	assert_int_equal(partial_open(home->store, &digest, 2 * CHUNK + 1, &partial, NULL), ERR_OK);
	assert_true(partial_is_complete(partial));
	assert_int_equal(partial_commit(partial, &found, NULL), ERR_OK);
	assert_int_equal(chmod(path, 0600) | truncate(path, 2 * CHUNK), 0);
	assert_false(store_home_holds(home, &digest));
	repair(home, &digest, 2, 2 * CHUNK + 1, 2);
}

static void missing_file_is_forgotten(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 2, 10);
	struct blob_record record;
	char path[256];

	store_home_blob_path(home, &digest, path);
	assert_int_equal(unlink(path), 0);
	assert_false(store_home_holds(home, &digest));
	assert_int_equal(index_blob_get(store_index(home->store), &digest, &record, NULL), ERR_NOT_FOUND);
}

/* A pipe would keep whoever opens it waiting for ever; a link may lead anywhere. */
static void something_else_in_its_place_is_not_held(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 3, 100);
	struct blob *blob;
	char path[256];

	store_home_blob_path(home, &digest, path);
	for (int kind = 0; kind < 3; kind++) {
		assert_int_equal(unlink(path), 0);
		assert_int_equal(kind == 0 ? mkfifo(path, 0600) : kind == 1 ? symlink("/etc/passwd", path) : mkdir(path, 0700), 0);
		assert_int_equal(blob_open(home->store, &digest, &blob, NULL), ERR_NOT_FOUND);
		store_home_put(home, 3, 100);
		assert_true(store_home_holds(home, &digest));
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(blob_remove(home->store, &digest, false, NULL), ERR_OK);
}

static void verify_finds_and_counts(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 3, 40 * CHUNK);
	struct blob_check check = {0};
	uint64_t progress = 0;
	struct pool *pool;
	struct why why = {0};
	bool cancel = true;
	char path[256];

	assert_int_equal(pool_create(2, &pool), ERR_OK);
	assert_int_equal(blob_verify(home->store, &digest, pool, &progress, NULL, &check, &why), ERR_OK);
	assert_int_equal(check.chunks, 40);
	assert_int_equal(check.bad, 0);
	assert_int_equal(progress, 40 * CHUNK);
	assert_int_equal(blob_verify(home->store, &digest, pool, NULL, &cancel, &check, &why), ERR_CANCELLED);
	store_home_blob_path(home, &digest, path);
	store_home_damage(home, path, 0, true);
	store_home_damage(home, path, 39 * CHUNK, true);
	assert_int_equal(blob_verify(home->store, &digest, pool, NULL, NULL, &check, &why), ERR_UNPROVEN);
	assert_int_equal(check.bad, 2);
	assert_non_null(strstr(why.text, "2 of 40"));
	assert_int_equal(blob_verify(home->store, &digest, NULL, NULL, NULL, &check, &why), ERR_NOT_FOUND);
	digest = store_home_put(home, 4, 3 * CHUNK);
	store_home_blob_path(home, &digest, path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(blob_verify(home->store, &digest, pool, NULL, NULL, &check, &why), ERR_UNPROVEN);
	assert_int_equal(check.bad, 3);
	pool_destroy(pool);
}

static void damaged_while_being_fetched_by_another(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 3, CHUNK), found;
	struct blob_check check;
	struct partial *partial;
	char path[256];

	store_home_blob_path(home, &digest, path);
	assert_int_equal(partial_open(home->store, &digest, CHUNK, &partial, NULL), ERR_OK);
	store_home_damage(home, path, 0, true);
	assert_int_equal(blob_verify(home->store, &digest, NULL, NULL, NULL, &check, NULL), ERR_UNPROVEN);
	assert_int_equal(access(path, F_OK), -1);
	partial_fill(partial, 3, 1);
	assert_int_equal(partial_commit(partial, &found, NULL), ERR_OK);
	assert_true(store_home_holds(home, &digest));
}

static void exports(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 4, 18 * CHUNK + 100);
	uint8_t *data = content_make(4, 18 * CHUNK + 100), *got = malloc(18 * CHUNK + 101);
	struct blob *blob = open_blob(home, &digest);
	uint64_t progress = 0;
	struct stat st;
	char path[256];
	int fd;

	snprintf(path, sizeof path, "%s/out", home->dir);
	umask(022);
	assert_int_equal(blob_export(blob, path, &progress, NULL, NULL), ERR_OK);
	assert_int_equal(progress, 18 * CHUNK + 100);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, got, 18 * CHUNK + 101), 18 * CHUNK + 100);
	assert_memory_equal(got, data, 18 * CHUNK + 100);
	close(fd);
	assert_int_equal(blob_export(blob, path, NULL, NULL, NULL), ERR_OK);
	blob_close(blob);
	free(data);
	free(got);
}

static void failed_export_leaves_nothing(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 4, 20 * CHUNK);
	struct blob *blob = open_blob(home, &digest);
	struct why why = {0};
	bool cancel = true;
	char dir[80], path[100], blob_file[256];

	snprintf(dir, sizeof dir, "%s/out", home->dir);
	snprintf(path, sizeof path, "%s/file", dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(blob_export(blob, path, NULL, &cancel, &why), ERR_CANCELLED);
	store_home_blob_path(home, &digest, blob_file);
	store_home_damage(home, blob_file, 19 * CHUNK, true);
	assert_int_equal(blob_export(blob, path, NULL, NULL, &why), ERR_UNPROVEN);
	blob_close(blob);
	assert_int_equal(rmdir(dir), 0); /* empty */
	assert_false(store_home_holds(home, &digest));
}

static void export_where_there_is_no_directory(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 4, 10);
	struct blob *blob = open_blob(home, &digest);
	struct why why = {0};
	char path[256];

	snprintf(path, sizeof path, "%s/no/such/file", home->dir);
	assert_int_equal(blob_export(blob, path, NULL, NULL, &why), ERR_NOT_FOUND);
	assert_non_null(strstr(why.text, path));
	blob_close(blob);
}

static void removed_unless_in_use_or_pinned(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 5, 10);
	struct blob *blob = open_blob(home, &digest);
	char path[256];

	store_home_blob_path(home, &digest, path);
	assert_int_equal(blob_remove(home->store, &digest, true, NULL), ERR_BUSY);
	blob_close(blob);
	assert_int_equal(index_blob_pin(store_index(home->store), &digest, true, NULL), ERR_OK);
	assert_int_equal(blob_remove(home->store, &digest, false, NULL), ERR_BUSY);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(blob_remove(home->store, &digest, true, NULL), ERR_OK);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(blob_remove(home->store, &digest, true, NULL), ERR_NOT_FOUND);
	store_home_put(home, 5, 10);
	assert_int_equal(blob_remove(home->store, &digest, false, NULL), ERR_OK);
}

static void in_use_by_another_process(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 5, 10);
	int ready[2], go[2], status;
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready) | pipe(go), 0);
	child = fork();
	if (child == 0) {
		struct store *store = NULL;
		close(go[1]); /* so that it ends with its parent */
		struct blob *blob;
		if (store_open(&home->options, &store, NULL) != ERR_OK || blob_open(store, &digest, &blob, NULL) != ERR_OK)
			_exit(1);
		_exit(write(ready[1], "x", 1) == 1 && read(go[0], &byte, 1) == 1 ? 0 : 2);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(blob_remove(home->store, &digest, false, NULL), ERR_BUSY);
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(blob_remove(home->store, &digest, false, NULL), ERR_OK);
}

/* A pin, a name: what the person said of it outlives the damage. */
static void pin_survives_repair(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 6, 2 * CHUNK);
	struct blob_record record;
	struct blob_check check;
	char path[256];

	assert_int_equal(index_blob_pin(store_index(home->store), &digest, true, NULL), ERR_OK);
	store_home_blob_path(home, &digest, path);
	store_home_damage(home, path, 0, true);
	assert_int_equal(blob_verify(home->store, &digest, NULL, NULL, NULL, &check, NULL), ERR_UNPROVEN);
	repair(home, &digest, 6, 2 * CHUNK, 0);
	assert_int_equal(index_blob_get(store_index(home->store), &digest, &record, NULL), ERR_OK);
	assert_true(record.pinned);
}

#define WITH_HOME(test) cmocka_unit_test_setup_teardown(test, store_home_setup, store_home_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_HOME(reads_what_was_put),
		WITH_HOME(unknown_is_not_found),
		WITH_HOME(empty_is_always_held),
		WITH_HOME(damaged_chunk_is_withdrawn_and_repaired),
		WITH_HOME(withdrawn_with_a_torn_journal),
		WITH_HOME(touched_file_is_proven_again),
		WITH_HOME(time_set_back_is_noticed),
		WITH_HOME(new_mode_is_no_damage),
		WITH_HOME(longer_or_shorter_is_damage),
		WITH_HOME(missing_file_is_forgotten),
		WITH_HOME(something_else_in_its_place_is_not_held),
		WITH_HOME(verify_finds_and_counts),
		WITH_HOME(damaged_while_being_fetched_by_another),
		WITH_HOME(exports),
		WITH_HOME(failed_export_leaves_nothing),
		WITH_HOME(export_where_there_is_no_directory),
		WITH_HOME(removed_unless_in_use_or_pinned),
		WITH_HOME(in_use_by_another_process),
		WITH_HOME(pin_survives_repair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
