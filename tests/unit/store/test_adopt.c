#include "support/cmocka.h"

#include "store/adopt.h"
#include "store/gc.h"
#include "store/partial.h"
#include "store/journal.h"
#include "support/store_home.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK CHAIN_CHUNK
#define SIZE (2 * CHUNK + 3)

static void path_of(const struct store_home *home, const char *name, char ret[128])
{
	snprintf(ret, 128, "%s/%s", home->dir, name);
}

static void write_file(const char *path, const uint8_t *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	close(fd);
}

static void put_outside(const struct store_home *home, const char *name, uint64_t seed, char ret_path[128])
{
	uint8_t *data = content_make(seed, SIZE);

	path_of(home, name, ret_path);
	write_file(ret_path, data, SIZE);
	free(data);
}

static struct adopt_result adopt_it(struct store_home *home, const char *path, const struct digest *expected)
{
	struct adopt adopt = {.path = path, .expected = *expected};
	struct adopt_result result = {0};
	struct why why = {0};

	if (adopt_file(home->store, &adopt, &result, &why) != ERR_OK)
		fail_msg("adopt_file: %s", why.text);
	return result;
}

static bool is_done(struct store_home *home, const char *path, const struct digest *expected)
{
	struct adopt adopt = {.path = path, .expected = *expected};
	struct adopt_result result;

	return adopt_is_done(home->store, &adopt, &result);
}

static struct stat look(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st;
}

static struct stat look_at_blob(struct store_home *home, const struct digest *digest)
{
	char path[256], absolute[512];

	store_home_blob_path(home, digest, path);
	snprintf(absolute, sizeof absolute, "%s", path);
	return look(absolute);
}

static void overwrite(const char *path, off_t offset)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "other", 5, offset), 5);
	close(fd);
}

static void takes_a_file_where_it_lies(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 1, SIZE);
	struct blob_totals totals;
	struct adopt_result result;
	struct blob *blob;
	char path[128];

	put_outside(home, "weights", 1, path);
	assert_false(is_done(home, path, &digest));
	result = adopt_it(home, path, &digest);
	assert_true(digest_equal(&result.digest, &digest));
	assert_int_equal(result.size, SIZE);
	assert_int_not_equal(result.way, ADOPT_COPIED);
	assert_true(store_home_holds(home, &digest));
	assert_int_equal(store_home_count(home, "partial"), 0);
	assert_true(is_done(home, path, &digest));
	assert_int_equal(look(path).st_mode & 07777, 0644);
	assert_int_equal(blob_open(home->store, &digest, &blob, NULL), ERR_OK);
	assert_int_equal(blob_is_linked(blob), result.way == ADOPT_LINKED);
	blob_close(blob);
	assert_int_equal(index_blob_totals(store_index(home->store), &totals, NULL), ERR_OK);
	assert_int_equal(totals.bytes, SIZE);
	assert_int_equal(totals.own_bytes, result.way == ADOPT_LINKED ? 0 : SIZE);
}

static void knows_a_git_blob_by_its_id(void **state)
{
	/* printf 'hello\n' | git hash-object --stdin */
	static const char git[] = "ce013625030ba8dba906f756967f9e9ca394464a";
	struct store_home *home = *state;
	struct digest expected, found;
	char path[128];

	assert_true(digest_parse_hex(DIGEST_GIT_SHA1, git, &expected));
	path_of(home, "hello", path);
	write_file(path, (const uint8_t *)"hello\n", 6);
	adopt_it(home, path, &expected);
	assert_int_equal(index_alias_get(store_index(home->store), &expected, &found, NULL), ERR_OK);
	assert_true(store_home_holds(home, &found));
	assert_true(is_done(home, path, &expected));
}

static void refuses_what_is_not_its_name(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 1, SIZE);
	struct adopt adopt = {.expected = digest};
	struct adopt_result result;
	struct why why = {0};
	char path[128];

	put_outside(home, "weights", 2, path);
	adopt.path = path;
	assert_int_equal(adopt_file(home->store, &adopt, &result, &why), ERR_UNPROVEN);
	assert_non_null(strstr(why.text, "not what its name says"));
	assert_false(store_home_holds(home, &digest));
	assert_int_equal(store_home_count(home, "blobs/sha256"), 0);
	assert_int_equal(store_home_count(home, "partial"), 0);
	assert_int_equal(look(path).st_nlink, 1);
}

static void leaves_one_copy(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 1, SIZE);
	struct adopt_result result;
	char path[128];

	put_outside(home, "weights", 1, path);
	result = adopt_it(home, path, &digest);
	if (result.way == ADOPT_LINKED)
		assert_int_equal(look(path).st_ino, look_at_blob(home, &digest).st_ino);
	assert_true(store_home_holds(home, &digest));
	assert_int_equal(store_home_count(home, "blobs/sha256"), 1);
	assert_int_equal(store_home_count(home, "partial"), 0);
}

/* Else they would take turns for ever. */
static void the_second_of_two_equals_is_left(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 1, SIZE);
	char first[128], second[128];

	put_outside(home, "first", 1, first);
	put_outside(home, "second", 1, second);
	adopt_it(home, first, &digest);
	assert_true(is_done(home, second, &digest));
	assert_int_equal(unlink(first), 0);
	assert_false(is_done(home, second, &digest));
	adopt_it(home, second, &digest);
	assert_true(is_done(home, second, &digest));
}

/* Both ways: before opening, and between opening and reading. */
static void does_not_give_what_was_changed_later(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 1, SIZE);
	uint8_t *data = malloc(CHUNK);
	struct adopt_result result;
	struct partial *partial;
	struct blob *blob;
	size_t len = 0;
	char path[128];

	put_outside(home, "weights", 1, path);
	result = adopt_it(home, path, &digest);
	if (result.way != ADOPT_LINKED)
		skip(); /* a clone cannot be changed from outside */
	assert_int_equal(blob_open(home->store, &digest, &blob, NULL), ERR_OK);
	overwrite(path, CHUNK + 7);
	assert_int_equal(blob_read_chunk(blob, 0, data, &len, NULL), ERR_OK);
	assert_int_equal(blob_read_chunk(blob, 1, data, &len, NULL), ERR_UNPROVEN);
	assert_true(blob_is_linked(blob)); /* although it has one name again */
	blob_close(blob);
	assert_false(store_home_holds(home, &digest));
	put_outside(home, "weights", 1, path);
	adopt_it(home, path, &digest);
	overwrite(path, 7);
	assert_false(is_done(home, path, &digest));
	assert_int_equal(blob_open(home->store, &digest, &blob, NULL), ERR_NOT_FOUND);
	/* It is left as its owner made it: nothing of the store's may be written into it. */
	assert_int_equal(look(path).st_nlink, 1);
	assert_int_equal(look(path).st_mode & 07777, 0644);
	/* What is repaired is a copy. */
	assert_int_equal(store_home_count(home, "partial"), 2);
	assert_int_equal(partial_open(home->store, &digest, SIZE, &partial, NULL), ERR_OK);
	assert_int_equal(partial_have_bytes(partial), SIZE - CHUNK);
	partial_discard(partial);
	free(data);
}

static void stays_when_the_other_name_goes(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 1, SIZE);
	struct blob_totals totals;
	struct gc_result gone;
	char path[128];

	put_outside(home, "weights", 1, path);
	adopt_it(home, path, &digest);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(gc_run(home->store, 0, false, &gone, NULL), ERR_OK);
	assert_true(store_home_holds(home, &digest));
	assert_int_equal(index_blob_totals(store_index(home->store), &totals, NULL), ERR_OK);
	assert_int_equal(totals.own_bytes, SIZE);
}

static void links_are_no_burden_to_the_quota(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 1, SIZE), own;
	struct adopt_result result;
	struct gc_result gone;
	char path[128];

	store_home_close(home);
	home->options.max_size = SIZE + CHUNK;
	store_home_open(home);
	put_outside(home, "weights", 1, path);
	result = adopt_it(home, path, &digest);
	own = store_home_put(home, 2, SIZE);
	if (result.way != ADOPT_LINKED)
		skip();
	assert_true(store_home_holds(home, &digest));
	assert_int_equal(gc_make_room(home->store, SIZE, &gone, NULL), ERR_OK);
	assert_true(store_home_holds(home, &digest));
	assert_false(store_home_holds(home, &own));
}

/* With an index that was lost, a linked file must not be taken over to be written to. */
static void lost_index_leaves_the_file_alone(void **state)
{
	struct store_home *home = *state;
	struct digest digest = content_digest(home, 1, SIZE);
	struct gc_result gone;
	char path[128];

	put_outside(home, "weights", 1, path);
	if (adopt_it(home, path, &digest).way != ADOPT_LINKED)
		skip();
	assert_int_equal(index_blob_remove(store_index(home->store), &digest, NULL), ERR_OK);
	assert_int_equal(gc_run(home->store, 0, false, &gone, NULL), ERR_OK);
	assert_false(store_home_holds(home, &digest));
	assert_int_equal(look(path).st_mode & 07777, 0644);
	assert_int_equal(look(path).st_nlink, 1);
	adopt_it(home, path, &digest);
	assert_true(store_home_holds(home, &digest));
}

static void stops_when_told(void **state)
{
	struct store_home *home = *state;
	bool stop = true;
	struct adopt adopt = {.expected = content_digest(home, 1, SIZE), .cancel = &stop};
	struct adopt_result result;
	char path[128];

	put_outside(home, "weights", 1, path);
	adopt.path = path;
	assert_int_equal(adopt_file(home->store, &adopt, &result, NULL), ERR_CANCELLED);
	assert_int_equal(store_home_count(home, "partial"), 0);
	assert_int_equal(store_home_count(home, "blobs/sha256"), 0);
}

static void other_file_systems_are_copied_only_when_asked_for(void **state)
{
	struct store_home *home = *state;
	char path[] = "/dev/shm/larder-adopt-XXXXXX";
	struct adopt adopt = {.path = path, .expected = content_digest(home, 1, SIZE)};
	uint8_t *data = content_make(1, SIZE);
	uint64_t progress = 0;
	struct adopt_result result;
	int fd = mkstemp(path);

	if (fd < 0 || look(path).st_dev == look(home->home).st_dev) {
		free(data);
		skip();
	}
	close(fd);
	write_file(path, data, SIZE);
	adopt.progress = &progress;
	assert_int_equal(adopt_file(home->store, &adopt, &result, NULL), ERR_UNSUPPORTED);
	assert_int_equal(progress, 0);
	assert_int_equal(store_home_count(home, "partial"), 0);
	adopt.may_copy = true;
	assert_int_equal(adopt_file(home->store, &adopt, &result, NULL), ERR_OK);
	assert_int_equal(result.way, ADOPT_COPIED);
	assert_int_equal(progress, SIZE);
	assert_true(store_home_holds(home, &adopt.expected));
	assert_true(is_done(home, path, &adopt.expected));
	unlink(path);
	free(data);
}

static void count_path(void *context, const char *path, const struct digest *digest)
{
	(void)digest;
	assert_string_equal(path, "dir/weights");
	(*(unsigned *)context)++;
}

static void claims_wait_for_the_hubs_word(void **state)
{
	struct store_home *home = *state;
	struct index *index = store_index(home->store);
	struct claim claim = {.repo = "o/r", .commit = "c", .path = "dir/weights", .digest = content_digest(home, 1, SIZE)};
	char *repo = NULL, *commit = NULL;
	unsigned count = 0;

	assert_int_equal(index_claim_put(index, &claim, 1, NULL), ERR_OK);
	assert_int_equal(index_claim_next(index, 10, &repo, &commit, NULL), ERR_NOT_FOUND); /* it is not held */
	store_home_put(home, 1, SIZE);
	assert_int_equal(index_claim_next(index, 10, &repo, &commit, NULL), ERR_OK);
	assert_string_equal(repo, "o/r");
	assert_string_equal(commit, "c");
	free(repo);
	free(commit);
	assert_int_equal(index_claim_each(index, "o/r", "c", count_path, &count, NULL), ERR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(index_claim_asked(index, "o/r", "c", 10, NULL), ERR_OK);
	assert_int_equal(index_claim_put(index, &claim, 1, NULL), ERR_OK);
	assert_int_equal(index_claim_next(index, 10, &repo, &commit, NULL), ERR_NOT_FOUND);
	assert_int_equal(index_claim_drop(index, "o/r", "c", "dir/weights", NULL), ERR_OK);
	assert_int_equal(index_claim_next(index, 99, &repo, &commit, NULL), ERR_NOT_FOUND);
}

#define WITH_HOME(test) cmocka_unit_test_setup_teardown(test, store_home_setup, store_home_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_HOME(takes_a_file_where_it_lies),
		WITH_HOME(knows_a_git_blob_by_its_id),
		WITH_HOME(refuses_what_is_not_its_name),
		WITH_HOME(leaves_one_copy),
		WITH_HOME(the_second_of_two_equals_is_left),
		WITH_HOME(does_not_give_what_was_changed_later),
		WITH_HOME(stays_when_the_other_name_goes),
		WITH_HOME(links_are_no_burden_to_the_quota),
		WITH_HOME(lost_index_leaves_the_file_alone),
		WITH_HOME(stops_when_told),
		WITH_HOME(other_file_systems_are_copied_only_when_asked_for),
		WITH_HOME(claims_wait_for_the_hubs_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
