#include "support/cmocka.h"

#include "cli/hf_scan.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA1 "ce013625030ba8dba906f756967f9e9ca394464a"

static char dir[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/larder-scan-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* With the directories above it. */
static void make(const char *path, const char *text, const char *target)
{
	char whole[512];
	FILE *file;

	snprintf(whole, sizeof whole, "%s/%s", dir, path);
	for (char *slash = strchr(whole + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(whole, 0755);
		*slash = '/';
	}
	if (target) {
		assert_int_equal(symlink(target, whole), 0);
		return;
	}
	file = fopen(whole, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static const struct hf_name *name_of(const struct hf_scan *scan, const char *path)
{
	for (size_t i = 0; i < scan->name_count; i++)
		if (strcmp(scan->names[i].path, path) == 0)
			return &scan->names[i];
	fail_msg("%s was not found", path);
	return NULL;
}

static void make_repo(const char *folder)
{
	char path[256];

	snprintf(path, sizeof path, "%s/blobs/" SHA256, folder);
	make(path, "weights", NULL);
	snprintf(path, sizeof path, "%s/blobs/" SHA1, folder);
	make(path, "hello", NULL);
	snprintf(path, sizeof path, "%s/snapshots/" COMMIT "/model.bin", folder);
	make(path, NULL, "../../blobs/" SHA256);
	snprintf(path, sizeof path, "%s/snapshots/" COMMIT "/sub/deep/config.json", folder);
	make(path, NULL, "../../../../blobs/" SHA1);
}

static void finds_files_and_their_names(void **state)
{
	struct hf_scan scan;
	const struct hf_name *name;
	char path[256];

	(void)state;
	make_repo("datasets--ORG--NAME");
	assert_int_equal(hf_scan(&scan, dir, NULL), ERR_OK);
	assert_int_equal(scan.repos, 1);
	assert_int_equal(scan.file_count, 2);
	assert_int_equal(scan.name_count, 2);
	name = name_of(&scan, "sub/deep/config.json");
	assert_string_equal(name->repo, "datasets/ORG/NAME");
	assert_string_equal(name->commit, COMMIT);
	assert_int_equal(scan.files[name->file].digest.algorithm, DIGEST_GIT_SHA1);
	assert_int_equal(scan.files[name->file].size, 5);
	name = name_of(&scan, "model.bin");
	snprintf(path, sizeof path, "%s/datasets--ORG--NAME/blobs/" SHA256, dir);
	assert_string_equal(scan.files[name->file].path, path);
	hf_scan_release(&scan);
}

static void knows_old_names_and_the_directory_above(void **state)
{
	struct hf_scan scan;

	(void)state;
	make("token", "not ours", NULL);
	make_repo("hub/models--gpt2");
	assert_int_equal(hf_scan(&scan, dir, NULL), ERR_OK);
	assert_int_equal(scan.file_count, 2);
	assert_string_equal(name_of(&scan, "model.bin")->repo, "gpt2");
	hf_scan_release(&scan);
}

static void passes_over_what_is_not_of_the_layout(void **state)
{
	struct hf_scan scan;

	(void)state;
	make_repo("models--ORG--NAME");
	make("models--ORG--NAME/blobs/" SHA256 ".12345678.incomplete", "half", NULL);
	make("models--ORG--NAME/blobs/0000000000000000000000000000000000000000", NULL, "/etc/passwd");
	make("models--ORG--NAME/blobs/README", "text", NULL);
	make("models--ORG--NAME/snapshots/" COMMIT "/plain.txt", "no link", NULL);
	make("models--ORG--NAME/snapshots/" COMMIT "/dangling", NULL, "../../blobs/1111111111111111111111111111111111111111");
	make("models--ORG--NAME/snapshots/" COMMIT "/elsewhere", NULL, "/etc/passwd");
	make("models--ORG--NAME/snapshots/main/model.bin", NULL, "../../blobs/" SHA256);
	make("models--..--NAME/blobs/" SHA1, "odd", NULL);
	make(".locks/models--ORG--NAME/" SHA256 ".lock", "", NULL);
	make("version.txt", "1", NULL);
	assert_int_equal(hf_scan(&scan, dir, NULL), ERR_OK);
	assert_int_equal(scan.repos, 1);
	assert_int_equal(scan.file_count, 2);
	assert_int_equal(scan.name_count, 2);
	hf_scan_release(&scan);
}

static void same_blob_in_two_repos(void **state)
{
	struct hf_scan scan;

	(void)state;
	make_repo("models--A--X");
	make_repo("models--B--X");
	assert_int_equal(hf_scan(&scan, dir, NULL), ERR_OK);
	assert_int_equal(scan.file_count, 4);
	for (size_t i = 0; i < scan.name_count; i++)
		assert_non_null(strstr(scan.files[scan.names[i].file].path, scan.names[i].repo[0] == 'A' ? "models--A--X" : "models--B--X"));
	assert_int_equal(scan.name_count, 4);
	hf_scan_release(&scan);
}

static void says_when_there_is_none(void **state)
{
	struct hf_scan scan;
	struct why why = {0};
	char path[128];

	(void)state;
	assert_int_equal(hf_scan(&scan, dir, &why), ERR_NOT_FOUND);
	assert_non_null(strstr(why.text, "models--ORG--NAME"));
	hf_scan_release(&scan);
	snprintf(path, sizeof path, "%s/none", dir);
	assert_int_equal(hf_scan(&scan, path, &why), ERR_NOT_FOUND);
	hf_scan_release(&scan);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(finds_files_and_their_names),
		IN_DIR(knows_old_names_and_the_directory_above),
		IN_DIR(passes_over_what_is_not_of_the_layout),
		IN_DIR(same_blob_in_two_repos),
		IN_DIR(says_when_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
