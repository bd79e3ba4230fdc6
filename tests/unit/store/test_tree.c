#include "support/cmocka.h"

#include "store/tree.h"
#include "support/store_home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void safe_paths(void **state)
{
	static const char *const good[] = {"a", "a/b/c.txt", ".gitattributes", "...", "a b/\xc3\xa4", "-x"};
	static const char *const bad[] = {"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a\nb", "a\x7f", "a/\x01", "a\xc2\x9b"};
	char longest[TREE_PATH_MAX + 2], component[300];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(tree_path_is_safe(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(tree_path_is_safe(bad[i]));
	for (size_t i = 0; i < sizeof longest; i++)
		longest[i] = i % 2 ? '/' : 'a';
	longest[TREE_PATH_MAX + 1] = 0;
	assert_false(tree_path_is_safe(longest));
	longest[TREE_PATH_MAX - 1] = 0;
	assert_true(tree_path_is_safe(longest));
	memset(component, 'a', sizeof component);
	component[256] = 0;
	assert_false(tree_path_is_safe(component));
	component[255] = 0;
	assert_true(tree_path_is_safe(component));
}

static void tree_is_where_it_says(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 1, 1000);
	uint8_t *data = content_make(1, 1000), got[1001];
	char *dir, path[400];
	FILE *file;

	assert_int_equal(tree_link(home->store, "datasets/org/name", "abc", "deep/er/file", &digest, NULL), ERR_OK);
	assert_int_equal(tree_dir(home->store, "datasets/org/name", "abc", &dir, NULL), ERR_OK);
	snprintf(path, sizeof path, "%s/deep/er/file", dir);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fread(got, 1, sizeof got, file), 1000);
	assert_memory_equal(got, data, 1000);
	fclose(file);
	free(dir);
	free(data);
}

static void home_may_move(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 1, 10);
	char moved[128], path[200];

	assert_int_equal(tree_link(home->store, "o/r", "c", "f", &digest, NULL), ERR_OK);
	snprintf(moved, sizeof moved, "%s/moved", home->dir);
	assert_int_equal(rename(home->home, moved), 0);
	snprintf(path, sizeof path, "%s/repos/o/r/c/f", moved);
	assert_int_equal(access(path, R_OK), 0);
}

static void unsafe_names_are_refused(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 1, 10);
	struct why why = {0};
	char *dir = NULL;

	assert_int_equal(tree_dir(home->store, "../x", "c", &dir, &why), ERR_INVALID);
	assert_int_equal(tree_dir(home->store, "o/r", "a/b", &dir, &why), ERR_INVALID);
	assert_int_equal(tree_link(home->store, "o/r", "..", "f", &digest, &why), ERR_INVALID);
	assert_int_equal(tree_link(home->store, "o/r", "c", "../../f", &digest, &why), ERR_INVALID);
	assert_null(dir);
}

static void replaces_what_is_there(void **state)
{
	struct store_home *home = *state;
	struct digest one = store_home_put(home, 1, 10), two = store_home_put(home, 2, 20);
	char path[200];
	struct stat st;

	snprintf(path, sizeof path, "%s/repos/o/r/c/f", home->home);
	assert_int_equal(tree_link(home->store, "o/r", "c", "f", &one, NULL), ERR_OK);
	assert_int_equal(tree_link(home->store, "o/r", "c", "f", &one, NULL), ERR_OK);
	assert_int_equal(tree_link(home->store, "o/r", "c", "f", &two, NULL), ERR_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 20);
	/* A program wrote a file of its own over it. */
	assert_int_equal(unlink(path), 0);
	fclose(fopen(path, "w"));
	assert_int_equal(tree_link(home->store, "o/r", "c", "f", &one, NULL), ERR_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 10);
	assert_int_equal(store_home_count(home, "partial"), 0);
}

static void file_and_directory_cannot_both_be(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 1, 10);
	struct why why = {0};

	assert_int_equal(tree_link(home->store, "o/r", "c", "a", &digest, NULL), ERR_OK);
	assert_int_equal(tree_link(home->store, "o/r", "c", "a/b", &digest, &why), ERR_EXISTS);
	assert_non_null(strstr(why.text, "repos/o/r/c"));
	assert_int_equal(tree_link(home->store, "o/r", "c", "d/e", &digest, NULL), ERR_OK);
	assert_int_equal(tree_link(home->store, "o/r", "c", "d", &digest, &why), ERR_EXISTS);
	assert_int_equal(store_home_count(home, "partial"), 0);
}

static void planted_link_leads_nowhere(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 1, 10);
	char outside[128], planted[200];

	snprintf(outside, sizeof outside, "%s/outside", home->dir);
	assert_int_equal(mkdir(outside, 0700), 0);
	assert_int_equal(tree_link(home->store, "o/r", "c", "f", &digest, NULL), ERR_OK);
	snprintf(planted, sizeof planted, "%s/repos/o/r/c/sub", home->home);
	assert_int_equal(symlink(outside, planted), 0);
	assert_int_equal(tree_link(home->store, "o/r", "c", "sub/f", &digest, NULL), ERR_EXISTS);
	assert_int_equal(rmdir(outside), 0); /* empty */
}

#define WITH_HOME(test) cmocka_unit_test_setup_teardown(test, store_home_setup, store_home_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(safe_paths),
		WITH_HOME(tree_is_where_it_says),
		WITH_HOME(home_may_move),
		WITH_HOME(unsafe_names_are_refused),
		WITH_HOME(replaces_what_is_there),
		WITH_HOME(file_and_directory_cannot_both_be),
		WITH_HOME(planted_link_leads_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
