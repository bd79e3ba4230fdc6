#include "support/cmocka.h"

#include "cli/export.h"
#include "support/store_home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE (CHAIN_CHUNK + 7)

struct exported {
	struct store_home *home;
	struct blob *blob;
	char dir[128], path[256];
};

static void enter(struct exported *exported, struct store_home *home)
{
	struct digest digest = store_home_put(home, 1, SIZE);

	*exported = (struct exported){.home = home};
	snprintf(exported->dir, sizeof exported->dir, "%s/out dir", home->dir);
	snprintf(exported->path, sizeof exported->path, "%s/a/b.bin", exported->dir);
	assert_int_equal(blob_open(home->store, &digest, &exported->blob, NULL), ERR_OK);
}

static enum err put(struct exported *exported, bool force, uint64_t *progress, struct why *why)
{
	return export_file(exported->home->store, exported->blob, exported->dir, "a/b.bin", force, progress, NULL, why);
}

static struct stat look(const struct exported *exported)
{
	struct stat st;

	assert_int_equal(lstat(exported->path, &st), 0);
	return st;
}

static void change(const struct exported *exported, long offset)
{
	FILE *file = fopen(exported->path, "r+");

	assert_non_null(file);
	fseek(file, offset, SEEK_SET);
	fputc('!', file);
	fclose(file);
}

static void expect_content(const struct exported *exported)
{
	uint8_t *content = content_make(1, SIZE), *got = malloc(SIZE + 1);
	FILE *file = fopen(exported->path, "r");

	assert_non_null(file);
	assert_int_equal(fread(got, 1, SIZE + 1, file), SIZE);
	assert_memory_equal(got, content, SIZE);
	fclose(file);
	free(content);
	free(got);
}

static void makes_directories_and_a_file_of_its_own(void **state)
{
	struct exported exported;
	uint64_t progress = 0;

	enter(&exported, *state);
	assert_int_equal(put(&exported, false, &progress, NULL), ERR_OK);
	assert_int_equal(progress, SIZE);
	expect_content(&exported);
	assert_int_equal(look(&exported).st_nlink, 1);
	assert_true(look(&exported).st_mode & S_IWUSR);
	blob_close(exported.blob);
}

static void the_same_content_is_left_alone(void **state)
{
	struct exported exported;
	uint64_t progress = 0;
	ino_t inode;

	enter(&exported, *state);
	assert_int_equal(put(&exported, false, NULL, NULL), ERR_OK);
	inode = look(&exported).st_ino;
	assert_int_equal(put(&exported, true, &progress, NULL), ERR_OK);
	assert_int_equal(look(&exported).st_ino, inode);
	assert_int_equal(progress, SIZE);
	blob_close(exported.blob);
}

static void other_content_is_replaced_only_with_force(void **state)
{
	struct exported exported;
	struct why why = {0};

	enter(&exported, *state);
	assert_int_equal(put(&exported, false, NULL, NULL), ERR_OK);
	change(&exported, SIZE - 1);
	assert_int_equal(put(&exported, false, NULL, &why), ERR_EXISTS);
	assert_non_null(strstr(why.text, exported.path));
	assert_non_null(strstr(why.text, "--force"));
	assert_int_equal(put(&exported, true, NULL, NULL), ERR_OK);
	expect_content(&exported);
	change(&exported, SIZE); /* longer by one */
	assert_int_equal(put(&exported, false, NULL, NULL), ERR_EXISTS);
	blob_close(exported.blob);
}

static void a_directory_is_never_replaced(void **state)
{
	struct exported exported;

	enter(&exported, *state);
	assert_int_equal(export_make_parents(exported.path, NULL), ERR_OK);
	assert_int_equal(mkdir(exported.path, 0700), 0);
	assert_int_equal(put(&exported, true, NULL, NULL), ERR_EXISTS);
	blob_close(exported.blob);
}

static void paths_that_lead_out_are_refused(void **state)
{
	struct exported exported;

	enter(&exported, *state);
	assert_int_equal(export_file(exported.home->store, exported.blob, exported.dir, "../x", true, NULL, NULL, NULL), ERR_INVALID);
	blob_close(exported.blob);
}

static void nothing_is_written_through_a_link(void **state)
{
	struct exported exported;
	struct why why = {0};
	char other[128], link[256], inside[256];

	enter(&exported, *state);
	snprintf(other, sizeof other, "%s/other", exported.home->dir);
	snprintf(link, sizeof link, "%s/a", exported.dir);
	snprintf(inside, sizeof inside, "%s/b.bin", other);
	assert_int_equal(mkdir(other, 0700) | mkdir(exported.dir, 0700) | symlink(other, link), 0);
	for (int force = 0; force < 2; force++) {
		assert_int_equal(put(&exported, force, NULL, &why), ERR_EXISTS);
		assert_non_null(strstr(why.text, link));
		assert_non_null(strstr(why.text, "symbolic link"));
		assert_int_equal(access(inside, F_OK), -1);
	}
	assert_int_equal(export_check_way(exported.dir, "a/b.bin", NULL), ERR_EXISTS);
	assert_int_equal(export_check_way(exported.dir, "x/a/b.bin", NULL), ERR_OK);
	assert_int_equal(export_check_way(exported.dir, "a", NULL), ERR_OK);
	blob_close(exported.blob);
}

static void the_directory_itself_may_be_a_link(void **state)
{
	struct exported exported;
	char other[128];

	enter(&exported, *state);
	snprintf(other, sizeof other, "%s/other", exported.home->dir);
	assert_int_equal(mkdir(other, 0700) | symlink(other, exported.dir), 0);
	assert_int_equal(export_check_way(exported.dir, "a/b.bin", NULL), ERR_OK);
	assert_int_equal(put(&exported, false, NULL, NULL), ERR_OK);
	expect_content(&exported);
	blob_close(exported.blob);
}

/* A link in the file's own place is never followed to write; one that leads nowhere is something else, too. */
static void a_link_in_its_place_is_replaced_only_with_force(void **state)
{
	struct exported exported;
	char outside[128];

	enter(&exported, *state);
	snprintf(outside, sizeof outside, "%s/outside", exported.home->dir);
	assert_int_equal(export_make_parents(exported.path, NULL), ERR_OK);
	assert_int_equal(symlink(outside, exported.path), 0);
	assert_int_equal(put(&exported, false, NULL, NULL), ERR_EXISTS);
	assert_int_equal(put(&exported, true, NULL, NULL), ERR_OK);
	assert_true(S_ISREG(look(&exported).st_mode));
	assert_int_equal(access(outside, F_OK), -1);
	expect_content(&exported);
	blob_close(exported.blob);
}

#define IN_A_HOME(test) cmocka_unit_test_setup_teardown(test, store_home_setup, store_home_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_HOME(makes_directories_and_a_file_of_its_own),
		IN_A_HOME(the_same_content_is_left_alone),
		IN_A_HOME(other_content_is_replaced_only_with_force),
		IN_A_HOME(a_directory_is_never_replaced),
		IN_A_HOME(nothing_is_written_through_a_link),
		IN_A_HOME(the_directory_itself_may_be_a_link),
		IN_A_HOME(a_link_in_its_place_is_replaced_only_with_force),
		IN_A_HOME(paths_that_lead_out_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
