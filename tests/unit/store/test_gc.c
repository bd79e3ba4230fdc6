#include "support/cmocka.h"

#include "store/gc.h"
#include "store/tree.h"
#include "support/store_home.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define KB ((size_t)1000)
#define DAY INT64_C(86400)

static void reopen_with(struct store_home *home, uint64_t max_size, uint64_t min_free)
{
	store_home_close(home);
	home->options.max_size = max_size;
	home->options.min_free = min_free;
	store_home_open(home);
}

static struct gc_result run(struct store_home *home, int64_t age_s, bool dry_run)
{
	struct gc_result result;
	struct why why = {0};

	if (gc_run(home->store, age_s, dry_run, &result, &why) != ERR_OK)
		fail_msg("gc_run: %s", why.text);
	return result;
}

static void least_recently_used_goes_first(void **state)
{
	struct store_home *home = *state;
	struct digest a = store_home_put(home, 1, 100 * KB), b = store_home_put(home, 2, 100 * KB), c = store_home_put(home, 3, 100 * KB);
	struct gc_result result = {0};

	assert_true(store_home_holds(home, &a)); /* used now */
	reopen_with(home, 350 * KB, 0);
	assert_int_equal(gc_make_room(home->store, 50 * KB, &result, NULL), ERR_OK);
	assert_int_equal(result.blobs, 0);
	assert_int_equal(gc_make_room(home->store, 51 * KB, &result, NULL), ERR_OK);
	assert_int_equal(result.blobs, 1);
	assert_int_equal(result.bytes, 100 * KB);
	assert_true(store_home_holds(home, &a));
	assert_false(store_home_holds(home, &b));
	assert_true(store_home_holds(home, &c));
}

static void pinned_and_in_use_stay(void **state)
{
	struct store_home *home = *state;
	struct digest a = store_home_put(home, 1, 100 * KB), b = store_home_put(home, 2, 100 * KB), c = store_home_put(home, 3, 100 * KB);
	struct gc_result result = {0};
	struct blob *blob;

	reopen_with(home, 300 * KB, 0);
	assert_int_equal(index_blob_pin(store_index(home->store), &a, true, NULL), ERR_OK);
	assert_int_equal(blob_open(home->store, &b, &blob, NULL), ERR_OK);
	assert_int_equal(gc_make_room(home->store, 100 * KB, &result, NULL), ERR_OK);
	assert_int_equal(result.blobs, 1);
	assert_true(store_home_holds(home, &a));
	assert_false(store_home_holds(home, &c));
	blob_close(blob);
	assert_true(store_home_holds(home, &b));
}

static void nothing_goes_when_it_would_not_do(void **state)
{
	struct store_home *home = *state;
	struct digest a = store_home_put(home, 1, 100 * KB), b = store_home_put(home, 2, 100 * KB);
	struct gc_result result;
	struct why why = {0};

	reopen_with(home, 300 * KB, 0);
	assert_int_equal(index_blob_pin(store_index(home->store), &a, true, NULL), ERR_OK);
	assert_int_equal(gc_make_room(home->store, 201 * KB, &result, &why), ERR_NO_SPACE);
	assert_non_null(strstr(why.text, "201.0 kB"));
	assert_non_null(strstr(why.text, "300.0 kB (max_size)"));
	assert_non_null(strstr(why.text, "100.0 kB are pinned"));
	assert_true(store_home_holds(home, &b));
	assert_int_equal(gc_make_room(home->store, 200 * KB, &result, NULL), ERR_OK);
	assert_false(store_home_holds(home, &b));
}

static void what_comes_in_counts(void **state)
{
	struct store_home *home = *state;
	struct digest a = content_digest(home, 1, 100 * KB), b = content_digest(home, 2, 150 * KB);
	struct partial *first, *second;
	struct why why = {0};

	reopen_with(home, 200 * KB, 0);
	assert_int_equal(partial_open(home->store, &a, 100 * KB, &first, NULL), ERR_OK);
	assert_int_equal(partial_open(home->store, &b, 150 * KB, &second, &why), ERR_NO_SPACE);
	assert_int_equal(store_home_count(home, "partial"), 2);
	/* Given up, it makes room. */
	partial_close(first);
	assert_int_equal(partial_open(home->store, &b, 150 * KB, &second, &why), ERR_OK);
	assert_int_equal(store_home_count(home, "partial"), 2);
	partial_discard(second);
}

static void leaves_some_of_the_disk(void **state)
{
	struct store_home *home = *state;
	struct digest a = store_home_put(home, 1, 100 * KB);
	struct gc_result result;
	struct statvfs fs;
	struct why why = {0};

	assert_int_equal(statvfs(home->home, &fs), 0);
	reopen_with(home, 0, (uint64_t)fs.f_blocks * fs.f_frsize * 2);
	assert_int_equal(gc_make_room(home->store, 1, &result, &why), ERR_NO_SPACE);
	assert_non_null(strstr(why.text, "min_free"));
	assert_true(store_home_holds(home, &a));
}

static void old_partials_go(void **state)
{
	struct store_home *home = *state;
	struct digest a = content_digest(home, 1, 100 * KB), b = content_digest(home, 2, 100 * KB);
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	struct gc_result result;
	struct partial *partial, *held;
	char path[256], journal[260];

	assert_int_equal(partial_open(home->store, &a, 100 * KB, &partial, NULL), ERR_OK);
	partial_close(partial);
	assert_int_equal(partial_open(home->store, &b, 100 * KB, &held, NULL), ERR_OK);
	assert_int_equal(run(home, DAY, false).partials, 0);
	for (int i = 0; i < 2; i++) {
		store_home_data_path(home, i ? &b : &a, path);
		snprintf(journal, sizeof journal, "%.*s.journal", (int)(strlen(path) - strlen(".data")), path);
		assert_int_equal(utimensat(AT_FDCWD, path, old, 0) | utimensat(AT_FDCWD, journal, old, 0), 0);
	}
	result = run(home, DAY, true);
	assert_int_equal(result.partials, 1);
	assert_int_equal(store_home_count(home, "partial"), 4);
	result = run(home, DAY, false);
	assert_int_equal(result.partials, 1);
	assert_int_equal(result.partial_bytes, 100 * KB);
	assert_int_equal(store_home_count(home, "partial"), 2);
	partial_discard(held);
}

static void write_file(const struct store_home *home, const char *name, const char *text)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", home->home, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void waste_goes(void **state)
{
	struct store_home *home = *state;
	char name[128];

	snprintf(name, sizeof name, "partial/sha256-%064d.data", 1);
	write_file(home, name, "no journal");
	snprintf(name, sizeof name, "partial/sha256-%064d.journal", 2);
	write_file(home, name, "no data");
	write_file(home, "partial/unnamed-0123456789abcdef.data", "owner died");
	write_file(home, "partial/notes", "not ours");
	assert_int_equal(run(home, DAY, true).partials, 3);
	assert_int_equal(run(home, DAY, false).partials, 3);
	assert_int_equal(store_home_count(home, "partial"), 1);
}

static void lost_index_is_found_again(void **state)
{
	struct store_home *home = *state;
	struct digest good = store_home_put(home, 1, 2 * CHAIN_CHUNK + 1), bad = store_home_put(home, 2, 100);
	struct blob_record record;
	char path[256];

	store_home_blob_path(home, &bad, path);
	store_home_damage(home, path, 0, true);
	assert_int_equal(index_blob_remove(store_index(home->store), &good, NULL), ERR_OK);
	assert_int_equal(index_blob_remove(store_index(home->store), &bad, NULL), ERR_OK);
	run(home, DAY, true);
	assert_int_equal(index_blob_get(store_index(home->store), &good, &record, NULL), ERR_NOT_FOUND);
	assert_int_equal(run(home, DAY, false).partials, 1);
	assert_int_equal(index_blob_get(store_index(home->store), &good, &record, NULL), ERR_OK);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(store_home_count(home, "partial"), 0);
}

static void missing_files_are_forgotten(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 1, 100);
	struct blob_record record;
	char path[256];

	store_home_blob_path(home, &digest, path);
	assert_int_equal(unlink(path), 0);
	run(home, DAY, false);
	assert_int_equal(index_blob_get(store_index(home->store), &digest, &record, NULL), ERR_NOT_FOUND);
}

static void dangling_links_and_empty_directories_go(void **state)
{
	struct store_home *home = *state;
	struct digest here = store_home_put(home, 1, 100), gone = content_digest(home, 2, 100);
	struct gc_result result;
	char path[300];

	assert_int_equal(tree_link(home->store, "o/r", "c1", "a/b/file", &here, NULL), ERR_OK);
	assert_int_equal(tree_link(home->store, "o/r", "c1", "x/y/file", &gone, NULL), ERR_OK);
	assert_int_equal(tree_link(home->store, "o/r", "c2", "file", &gone, NULL), ERR_OK);
	assert_int_equal(run(home, DAY, true).links, 2);
	result = run(home, DAY, false);
	assert_int_equal(result.links, 2);
	assert_int_equal(store_home_count(home, "repos/o/r"), 1);
	assert_int_equal(store_home_count(home, "repos/o/r/c1"), 1);
	snprintf(path, sizeof path, "%s/repos/o/r/c1/a/b/file", home->home);
	assert_int_equal(access(path, R_OK), 0);
}

static void links_go_with_their_blob(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 1, 100), other = store_home_put(home, 2, 100);
	struct blob_name name = {digest, (char[]){"h"}, (char[]){"o/r"}, (char[]){"c"}, (char[]){"d/f"}};

	assert_int_equal(tree_link(home->store, "o/r", "c", "d/f", &digest, NULL), ERR_OK);
	assert_int_equal(tree_link(home->store, "o/r", "c", "d/g", &other, NULL), ERR_OK);
	assert_int_equal(index_name_put(store_index(home->store), &name, NULL), ERR_OK);
	assert_int_equal(blob_remove(home->store, &digest, false, NULL), ERR_OK);
	assert_int_equal(store_home_count(home, "repos/o/r/c/d"), 1);
}

#define WITH_HOME(test) cmocka_unit_test_setup_teardown(test, store_home_setup, store_home_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_HOME(least_recently_used_goes_first),
		WITH_HOME(pinned_and_in_use_stay),
		WITH_HOME(nothing_goes_when_it_would_not_do),
		WITH_HOME(what_comes_in_counts),
		WITH_HOME(leaves_some_of_the_disk),
		WITH_HOME(old_partials_go),
		WITH_HOME(waste_goes),
		WITH_HOME(lost_index_is_found_again),
		WITH_HOME(missing_files_are_forgotten),
		WITH_HOME(dangling_links_and_empty_directories_go),
		WITH_HOME(links_go_with_their_blob),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
