#include "support/cmocka.h"

#include "store/journal.h"
#include "store/leftover.h"
#include "store/place.h"
#include "support/store_home.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK CHAIN_CHUNK

static struct partial *open_partial(struct store_home *home, const struct digest *digest, uint64_t size)
{
	struct partial *partial = NULL;
	struct why why = {0};

	if (partial_open(home->store, digest, size, &partial, &why) != ERR_OK)
		fail_msg("partial_open: %s", why.text);
	return partial;
}

static void commits(struct partial *partial, const struct digest *digest)
{
	struct digest found;
	struct why why = {0};

	if (partial_commit(partial, &found, &why) != ERR_OK)
		fail_msg("partial_commit: %s", why.text);
	assert_true(digest_equal(&found, digest));
}

static void sizes(void **state)
{
	static const size_t all[] = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7};
	struct store_home *home = *state;

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		struct digest digest = store_home_put(home, 100 + i, all[i]);
		char path[256];
		struct stat st;
		store_home_blob_path(home, &digest, path);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, all[i]);
		assert_int_equal(st.st_mode & 0777, 0444);
		assert_true(store_home_holds(home, &digest));
	}
	assert_int_equal(store_home_count(home, "partial"), 0);
}

static void out_of_order_waits_for_its_state(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 1, 3 * CHUNK);
	struct partial *partial = open_partial(home, &digest, 3 * CHUNK);
	uint8_t *data = content_make(1, 3 * CHUNK);
	uint64_t first, count;

	assert_true(partial_can_put(partial, 0));
	assert_false(partial_can_put(partial, 1));
	assert_int_equal(partial_put(partial, 1, data + CHUNK, CHUNK, NULL, NULL), ERR_INVALID);
	assert_int_equal(partial_put(partial, 0, data, CHUNK - 1, NULL, NULL), ERR_INVALID);
	assert_int_equal(partial_put(partial, 3, data, CHUNK, NULL, NULL), ERR_INVALID);
	partial_fill(partial, 1, 1);
	assert_true(partial_has(partial, 0));
	assert_int_equal(partial_have_bytes(partial), CHUNK);
	assert_true(partial_next_missing(partial, 0, &first, &count));
	assert_int_equal(first, 1);
	assert_int_equal(count, 2);
	/* Twice is harmless, and is not looked at. */
	assert_int_equal(partial_put(partial, 0, data + CHUNK, CHUNK, NULL, NULL), ERR_OK);
	partial_fill(partial, 1, 3);
	assert_false(partial_next_missing(partial, 0, &first, &count));
	commits(partial, &digest);
	free(data);
}

static void incomplete_is_not_committed(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 1, 2 * CHUNK), found;
	struct partial *partial = open_partial(home, &digest, 2 * CHUNK);

	partial_fill(partial, 1, 1);
	assert_int_equal(partial_commit(partial, &found, NULL), ERR_UNPROVEN);
	partial_fill(partial, 1, 2);
	commits(partial, &digest);
}

static void other_bytes_are_told_by_their_digest(void **state)
{
	struct store_home *home = *state;
	struct digest wanted = content_digest(home, 1, 2 * CHUNK), other = content_digest(home, 2, 2 * CHUNK);
	struct partial *partial = open_partial(home, &wanted, 2 * CHUNK);
	uint8_t *data = content_make(2, 2 * CHUNK);
	struct digest found = {0};
	struct why why = {0};

	partial_fill(partial, 2, 1);
	assert_int_equal(partial_put(partial, 1, data + CHUNK, CHUNK, &found, &why), ERR_UNPROVEN);
	assert_true(digest_equal(&found, &other));
	assert_false(partial_has(partial, 1));
	partial_discard(partial);
	assert_false(store_home_holds(home, &wanted));
	assert_int_equal(store_home_count(home, "partial"), 0);
	free(data);
}

static void resumes_after_close(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 3, 4 * CHUNK + 5);
	struct partial *partial = open_partial(home, &digest, 4 * CHUNK + 5);
	uint64_t first, count;

	partial_fill(partial, 3, 3);
	partial_close(partial);
	store_home_close(home);
	store_home_open(home);
	partial = open_partial(home, &digest, 4 * CHUNK + 5);
	assert_int_equal(partial_have_bytes(partial), 3 * CHUNK);
	assert_true(partial_next_missing(partial, 0, &first, &count));
	assert_int_equal(first, 3);
	partial_fill(partial, 3, 5);
	commits(partial, &digest);
	assert_true(store_home_holds(home, &digest));
}

static void another_size_begins_anew(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 3, 2 * CHUNK);
	struct partial *partial = open_partial(home, &digest, 5 * CHUNK);

	partial_fill(partial, 9, 2);
	partial_close(partial);
	partial = open_partial(home, &digest, 2 * CHUNK);
	assert_int_equal(partial_have_bytes(partial), 0);
	partial_fill(partial, 3, 2);
	commits(partial, &digest);
}

static void too_large_is_a_limit(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 3, 1);
	struct partial *partial;

	assert_int_equal(partial_open(home->store, &digest, CHAIN_MAX_BLOB + 1, &partial, NULL), ERR_LIMIT);
	assert_int_equal(store_home_count(home, "partial"), 0);
}

/* A claim is nothing: the bytes are looked at. What follows a gap stays, linked by states that are only claims now. */
static void claimed_chunk_with_other_bytes(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 4, 5 * CHUNK);
	struct partial *partial = open_partial(home, &digest, 5 * CHUNK);
	char path[256];

	partial_fill(partial, 4, 4);
	partial_close(partial);
	store_home_data_path(home, &digest, path);
	store_home_damage(home, path, 2 * CHUNK + 17, true);
	partial = open_partial(home, &digest, 5 * CHUNK);
	assert_true(partial_has(partial, 1));
	assert_false(partial_has(partial, 2));
	assert_true(partial_has(partial, 3));
	assert_int_equal(partial_prefix(partial), 2);
	assert_int_equal(partial_anchored_from(partial), 5);
	partial_fill(partial, 4, 5);
	commits(partial, &digest);
	assert_true(store_home_holds(home, &digest));
}

static void tear_journal(struct store_home *home, const struct digest *digest, off_t offset, const void *bytes, size_t len)
{
	char path[300], name[PLACE_MAX];
	int fd;

	snprintf(path, sizeof path, "%s/%s", home->home, place_journal(digest, name));
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, offset), len);
	close(fd);
}

static void torn_slot(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 4, 4 * CHUNK);
	struct partial *partial = open_partial(home, &digest, 4 * CHUNK);

	partial_fill(partial, 4, 3);
	partial_close(partial);
	tear_journal(home, &digest, 64 + 48 + 20, "torn", 4);
	partial = open_partial(home, &digest, 4 * CHUNK);
	assert_true(partial_has(partial, 0));
	assert_false(partial_has(partial, 1));
	partial_fill(partial, 4, 4);
	commits(partial, &digest);
}

static void torn_header(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 4, 2 * CHUNK);
	struct partial *partial = open_partial(home, &digest, 2 * CHUNK);

	partial_fill(partial, 4, 1);
	partial_close(partial);
	tear_journal(home, &digest, 9, "torn", 4);
	partial = open_partial(home, &digest, 2 * CHUNK);
	assert_int_equal(partial_have_bytes(partial), 0);
	partial_fill(partial, 4, 2);
	commits(partial, &digest);
}

static void data_cut_short(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 4, 3 * CHUNK);
	struct partial *partial = open_partial(home, &digest, 3 * CHUNK);
	char path[256];

	partial_fill(partial, 4, 2);
	partial_close(partial);
	store_home_data_path(home, &digest, path);
	assert_int_equal(truncate(path, CHUNK + 100), 0);
	partial = open_partial(home, &digest, 3 * CHUNK);
	assert_int_equal(partial_have_bytes(partial), CHUNK);
	partial_fill(partial, 4, 3);
	commits(partial, &digest);
}

static void two_in_one_process(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 5, CHUNK);
	struct partial *partial = open_partial(home, &digest, CHUNK), *second;
	struct why why = {0};

	assert_int_equal(partial_open(home->store, &digest, CHUNK, &second, &why), ERR_BUSY);
	assert_string_not_equal(why.text, "");
	partial_close(partial);
	second = open_partial(home, &digest, CHUNK);
	partial_discard(second);
}

static void two_processes(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 5, CHUNK);
	struct partial *partial;
	int ready[2], go[2], status;
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready) | pipe(go), 0);
	child = fork();
	if (child == 0) {
		struct store *store = NULL;
		close(go[1]); /* so that it ends with its parent */
		if (store_open(&home->options, &store, NULL) != ERR_OK || partial_open(store, &digest, CHUNK, &partial, NULL) != ERR_OK)
			_exit(1);
		if (write(ready[1], "x", 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(2);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(partial_open(home->store, &digest, CHUNK, &partial, NULL), ERR_BUSY);
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	partial_discard(open_partial(home, &digest, CHUNK));
}

static void unnamed(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 6, 2 * CHUNK + 1);
	struct partial *partial;

	assert_int_equal(partial_open_unnamed(home->store, 2 * CHUNK + 1, &partial, NULL), ERR_OK);
	partial_fill(partial, 6, 1);
	partial_close(partial);
	assert_int_equal(store_home_count(home, "partial"), 0);
	assert_int_equal(partial_open_unnamed(home->store, 2 * CHUNK + 1, &partial, NULL), ERR_OK);
	partial_fill(partial, 6, 3);
	commits(partial, &digest);
	assert_true(store_home_holds(home, &digest));
	assert_int_equal(store_home_count(home, "partial"), 0);
}

/* Whoever comes second finds it there, and the first one's file stays. */
static void committed_twice(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 7, CHUNK + 1);
	struct partial *partial;
	struct stat before, after;
	char path[256];

	assert_int_equal(partial_open_unnamed(home->store, CHUNK + 1, &partial, NULL), ERR_OK);
	partial_fill(partial, 7, 2);
	store_home_put(home, 7, CHUNK + 1);
	store_home_blob_path(home, &digest, path);
	assert_int_equal(stat(path, &before), 0);
	commits(partial, &digest);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(store_home_count(home, "partial"), 0);
}

/* As after a crash between the rename and the index: the file is there, nobody knows it. */
static void orphan_is_proven_again(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 8, 2 * CHUNK + 9);
	struct partial *partial;

	assert_int_equal(index_blob_remove(store_index(home->store), &digest, NULL), ERR_OK);
	assert_true(store_home_holds(home, &digest));
	assert_int_equal(index_blob_remove(store_index(home->store), &digest, NULL), ERR_OK);
	partial = open_partial(home, &digest, 2 * CHUNK + 9);
	assert_true(partial_is_complete(partial));
	commits(partial, &digest);
	assert_true(store_home_holds(home, &digest));
}

static void damaged_orphan_is_not(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 8, 2 * CHUNK);
	char path[256];

	assert_int_equal(index_blob_remove(store_index(home->store), &digest, NULL), ERR_OK);
	store_home_blob_path(home, &digest, path);
	store_home_damage(home, path, 5, false);
	assert_false(store_home_holds(home, &digest));
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(store_home_count(home, "partial"), 0);
}

static void progress_seen_from_outside(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 9, 3 * CHUNK + 5);
	uint64_t size = 0, have = 0;
	struct leftover *leftovers;
	struct partial *partial;
	size_t count;

	assert_int_equal(partial_open(home->store, &digest, 3 * CHUNK + 5, &partial, NULL), ERR_OK);
	assert_int_equal(leftover_list(home->store, &leftovers, &count, NULL), ERR_OK);
	assert_int_equal(count, 1);
	assert_true(leftover_progress(home->store, leftovers, &size, &have));
	assert_int_equal(size, 3 * CHUNK + 5);
	assert_int_equal(have, 0);
	partial_fill(partial, 9, 2); /* while it is open */
	assert_true(leftover_progress(home->store, leftovers, &size, &have));
	assert_int_equal(have, 2 * CHUNK);
	partial_fill(partial, 9, 4);
	assert_true(leftover_progress(home->store, leftovers, &size, &have));
	assert_int_equal(have, 3 * CHUNK + 5);
	partial_discard(partial);
	assert_false(leftover_progress(home->store, leftovers, &size, &have));
	free(leftovers);
}

/* Only a file system that can share blocks has more to say than this; the end-to-end tests make one. */
static void clone_of_another_size(void **state)
{
	struct store_home *home = *state;
	struct partial *partial = NULL;
	char path[160];
	int fd;

	snprintf(path, sizeof path, "%s/file", home->dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(partial_open_clone(home->store, fd, 101, &partial, NULL), ERR_UNSUPPORTED);
	assert_null(partial);
	assert_int_equal(store_home_count(home, "partial"), 0);
	close(fd);
}

static void taken_as_it_lies_there(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 9, 2 * CHUNK + 1), found;
	uint8_t *data = content_make(9, 2 * CHUNK + 1), *room = malloc(CHUNK);
	struct partial *partial;
	struct dirent *entry;
	char path[300];
	DIR *dir;
	int fd = -1;

	assert_int_equal(partial_open_unnamed(home->store, 2 * CHUNK + 1, &partial, NULL), ERR_OK);
	snprintf(path, sizeof path, "%s/partial", home->home);
	dir = opendir(path);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			fd = openat(dirfd(dir), entry->d_name, O_WRONLY);
	closedir(dir);
	assert_int_equal(write(fd, data, 2 * CHUNK + 1), 2 * CHUNK + 1);
	close(fd);
	assert_int_equal(partial_take(partial, 1, room, NULL), ERR_INVALID);
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(partial_take(partial, i, room, NULL), ERR_OK);
	assert_int_equal(partial_take(partial, 3, room, NULL), ERR_INVALID);
	assert_int_equal(partial_commit(partial, &found, NULL), ERR_OK);
	assert_true(digest_equal(&found, &digest));
	free(data);
	free(room);
}

#define WITH_HOME(test) cmocka_unit_test_setup_teardown(test, store_home_setup, store_home_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_HOME(sizes),
		WITH_HOME(out_of_order_waits_for_its_state),
		WITH_HOME(incomplete_is_not_committed),
		WITH_HOME(other_bytes_are_told_by_their_digest),
		WITH_HOME(resumes_after_close),
		WITH_HOME(another_size_begins_anew),
		WITH_HOME(too_large_is_a_limit),
		WITH_HOME(claimed_chunk_with_other_bytes),
		WITH_HOME(torn_slot),
		WITH_HOME(torn_header),
		WITH_HOME(data_cut_short),
		WITH_HOME(two_in_one_process),
		WITH_HOME(two_processes),
		WITH_HOME(unnamed),
		WITH_HOME(progress_seen_from_outside),
		WITH_HOME(clone_of_another_size),
		WITH_HOME(taken_as_it_lies_there),
		WITH_HOME(committed_twice),
		WITH_HOME(orphan_is_proven_again),
		WITH_HOME(damaged_orphan_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
