#include "node/hub_listing.h"
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define GIT "0123456789abcdef0123456789abcdef01234567"
#define COMMIT "abcdefabcdefabcdefabcdefabcdefabcdefabcd"

static enum err add(struct hub_listing *listing, const char *json, struct hub_left_out *left_out)
{
	return hub_listing_add_page(listing, json, strlen(json), left_out, NULL);
}

static void a_page_has_files_of_both_kinds(void **state)
{
	struct hub_listing listing = {0};
	char text[DIGEST_TEXT_MAX];
	struct hub_left_out left_out = {0};

	(void)state;
	assert_int_equal(add(&listing,
			     "[{\"type\":\"file\",\"path\":\"z.bin\",\"size\":130,\"oid\":\"" GIT "\",\"lfs\":{\"oid\":\"" OID "\",\"size\":5000000000,\"pointerSize\":130},\"xetHash\":\"x\"},"
			     "{\"type\":\"directory\",\"path\":\"dir\",\"size\":0,\"oid\":\"" GIT "\"},"
			     "{\"type\":\"file\",\"path\":\"dir/\\u00fc.txt\",\"size\":0,\"oid\":\"" GIT "\",\"lfs\":null}]",
			     &left_out),
			 ERR_OK);
	assert_int_equal(hub_listing_sort(&listing, NULL), ERR_OK);
	assert_int_equal(listing.count, 2);
	assert_string_equal(listing.files[0].path, "dir/\xc3\xbc.txt");
	assert_int_equal(listing.files[0].size, 0);
	assert_string_equal(digest_text(&listing.files[0].digest, text), "git-sha1:" GIT);
	assert_string_equal(listing.files[1].path, "z.bin");
	assert_true(listing.files[1].size == 5000000000);
	assert_string_equal(digest_text(&listing.files[1].digest, text), "sha256:" OID);
	assert_int_equal(left_out.unsafe, 0);
	hub_listing_release(&listing);
}

#define FILE_WITH(path, fields) "[{\"type\":\"file\",\"path\":\"" path "\"," fields "}]"
#define PLAIN "\"size\":1,\"oid\":\"" GIT "\""

static void nonsense_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"nonsense",
		"<!doctype html>",
		"{}",
		"{\"error\":\"x\"}",
		"null",
		"[null]",
		"[1]",
		"[[]]",
		"[{}]",
		"[{\"type\":\"file\"}]",
		"[{\"path\":\"a\"," PLAIN "}]",
		"[{\"type\":1,\"path\":\"a\"," PLAIN "}]",
		"[{\"type\":\"file\",\"path\":1," PLAIN "}]",
		FILE_WITH("a", "\"size\":1"),
		FILE_WITH("a", "\"oid\":\"" GIT "\""),
		FILE_WITH("a", "\"size\":-1,\"oid\":\"" GIT "\""),
		FILE_WITH("a", "\"size\":1.0,\"oid\":\"" GIT "\""),
		FILE_WITH("a", "\"size\":\"1\",\"oid\":\"" GIT "\""),
		FILE_WITH("a", "\"size\":9223372036854775808,\"oid\":\"" GIT "\""),
		FILE_WITH("a", "\"size\":1e400,\"oid\":\"" GIT "\""),
		FILE_WITH("a", "\"size\":1,\"oid\":\"" OID "\""),
		FILE_WITH("a", "\"size\":1,\"oid\":\"g123456789abcdef0123456789abcdef01234567\""),
		FILE_WITH("a", PLAIN ",\"lfs\":{}"),
		FILE_WITH("a", PLAIN ",\"lfs\":true"),
		FILE_WITH("a", PLAIN ",\"lfs\":{\"oid\":\"" GIT "\",\"size\":1}"),
		FILE_WITH("a", PLAIN ",\"lfs\":{\"oid\":\"" OID "\",\"size\":-1}"),
		FILE_WITH("a", PLAIN ",\"lfs\":{\"oid\":\"" OID "\\u0000\",\"size\":1}"),
		"[" "{\"type\":\"file\",\"path\":\"a\"," PLAIN "}",
		"[{\"type\":\"file\",\"path\":\"\xff\"," PLAIN "}]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct hub_listing listing = {0};
		struct why why = {0};
		struct hub_left_out left_out = {0};
		enum err err = hub_listing_add_page(&listing, bad[i], strlen(bad[i]), &left_out, &why);
		if (err != ERR_INVALID || !why.text[0])
			fail_msg("%s: %s \"%s\"", bad[i], err_name(err), why.text);
		hub_listing_release(&listing);
	}
}

static void deep_nesting_is_refused(void **state)
{
	struct hub_listing listing = {0};
	struct hub_left_out left_out = {0};
	size_t len = 1 << 20;
	char *deep = malloc(len);

	(void)state;
	assert_non_null(deep);
	memset(deep, '[', len);
	assert_int_equal(hub_listing_add_page(&listing, deep, len, &left_out, NULL), ERR_INVALID);
	free(deep);
}

static void unsafe_paths_are_left_out_and_counted(void **state)
{
	static const char *const paths[] = {"../a", "/a", "a/../b", "a//b", "", ".", "a\\u0000b", "a\\nb", "a/"};
	struct hub_listing listing = {0};
	struct hub_left_out left_out = {0};

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		char json[200];
		snprintf(json, sizeof json, "[{\"type\":\"file\",\"path\":\"%s\",%s},{\"type\":\"file\",\"path\":\"good%zu\",%s}]", paths[i], PLAIN, i, PLAIN);
		assert_int_equal(add(&listing, json, &left_out), ERR_OK);
		assert_int_equal(left_out.unsafe, i + 1);
		assert_int_equal(listing.count, i + 1);
	}
	hub_listing_release(&listing);
}

static void a_file_listed_twice_is_kept_once(void **state)
{
	struct hub_listing listing = {0};
	struct hub_left_out left_out = {0};

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(add(&listing, FILE_WITH("b", PLAIN), &left_out), ERR_OK);
		assert_int_equal(add(&listing, FILE_WITH("a", PLAIN), &left_out), ERR_OK);
	}
	assert_int_equal(hub_listing_sort(&listing, NULL), ERR_OK);
	assert_int_equal(listing.count, 2);
	assert_string_equal(listing.files[0].path, "a");
	assert_int_equal(add(&listing, FILE_WITH("b", "\"size\":2,\"oid\":\"" GIT "\""), &left_out), ERR_OK);
	assert_int_equal(hub_listing_sort(&listing, NULL), ERR_INVALID);
	hub_listing_release(&listing);
}

static void finding(void **state)
{
	struct hub_listing listing = {0};
	struct digest digest = {.algorithm = DIGEST_GIT_SHA1};
	char path[16];

	(void)state;
	assert_null(hub_listing_find(&listing, "a"));
	for (unsigned i = 0; i < 100; i++) {
		snprintf(path, sizeof path, "f%u", i * 37 % 100);
		assert_int_equal(hub_listing_add_file(&listing, path, i, &digest), ERR_OK);
	}
	assert_int_equal(hub_listing_sort(&listing, NULL), ERR_OK);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(path, sizeof path, "f%u", i * 37 % 100);
		assert_non_null(hub_listing_find(&listing, path));
		assert_int_equal(hub_listing_find(&listing, path)->size, i);
	}
	assert_null(hub_listing_find(&listing, "f"));
	assert_null(hub_listing_find(&listing, "f100"));
	assert_null(hub_listing_find(&listing, "g"));
	hub_listing_release(&listing);
}

static void what_is_written_reads_the_same(void **state)
{
	static char repo[] = "org/name";
	struct hub_listing listing = {.repo = repo, .commit = COMMIT, .visibility = VISIBILITY_GATED}, again;
	struct buf out = {.limit = 10000};
	struct digest digest;

	(void)state;
	assert_true(digest_parse("sha256:" OID, &digest));
	assert_int_equal(hub_listing_add_file(&listing, "a \"b\" \\ \xc3\xbc", INT64_MAX, &digest), ERR_OK);
	assert_true(digest_parse("git-sha1:" GIT, &digest));
	assert_int_equal(hub_listing_add_file(&listing, "dir/x", 0, &digest), ERR_OK);
	assert_int_equal(hub_listing_write(&listing, &out), ERR_OK);
	assert_int_equal(hub_listing_read(buf_str(&out), out.len, &again, NULL), ERR_OK);
	assert_string_equal(again.repo, "org/name");
	assert_string_equal(again.commit, COMMIT);
	assert_int_equal(again.visibility, VISIBILITY_GATED);
	assert_int_equal(again.count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(again.files[i].path, listing.files[i].path);
		assert_true(again.files[i].size == listing.files[i].size);
		assert_true(digest_equal(&again.files[i].digest, &listing.files[i].digest));
	}
	listing.repo = NULL;
	hub_listing_release(&listing);
	hub_listing_release(&again);
	buf_release(&out);
}

static void damaged_memory_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{\"commit\":\"" COMMIT "\",\"files\":[]}",
		"{\"repo\":\"org/name\",\"files\":[]}",
		"{\"repo\":\"org/name\",\"commit\":\"main\",\"files\":[]}",
		"{\"repo\":\"../name\",\"commit\":\"" COMMIT "\",\"files\":[]}",
		"{\"repo\":\"org/name\",\"commit\":\"" COMMIT "\"}",
		"{\"repo\":\"org/name\",\"commit\":\"" COMMIT "\",\"files\":[{}]}",
	};
	struct hub_listing listing;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(hub_listing_read(bad[i], strlen(bad[i]), &listing, NULL), ERR_INVALID);
}

static enum visibility visibility_of(const char *fields)
{
	struct hub_info info;
	char json[300];

	snprintf(json, sizeof json, "{\"id\":\"org/name\",\"sha\":\"" COMMIT "\"%s}", fields);
	assert_int_equal(hub_info_parse(json, strlen(json), &info, NULL), ERR_OK);
	assert_string_equal(info.commit, COMMIT);
	assert_string_equal(info.repo, "org/name");
	return info.visibility;
}

static void visibility_in_the_repo_info(void **state)
{
	(void)state;
	assert_int_equal(visibility_of(",\"private\":false,\"gated\":false"), VISIBILITY_PUBLIC);
	assert_int_equal(visibility_of(",\"private\":false"), VISIBILITY_PUBLIC);
	assert_int_equal(visibility_of(""), VISIBILITY_UNKNOWN);
	assert_int_equal(visibility_of(",\"gated\":false"), VISIBILITY_UNKNOWN);
	assert_int_equal(visibility_of(",\"private\":true,\"gated\":false"), VISIBILITY_PRIVATE);
	assert_int_equal(visibility_of(",\"private\":\"no\""), VISIBILITY_PRIVATE);
	assert_int_equal(visibility_of(",\"private\":null"), VISIBILITY_PRIVATE);
	assert_int_equal(visibility_of(",\"private\":false,\"gated\":\"auto\""), VISIBILITY_GATED);
	assert_int_equal(visibility_of(",\"private\":false,\"gated\":true"), VISIBILITY_GATED);
}

static void repo_info_without_sense(void **state)
{
	static const char *const bad[] = {
		"", "[]", "{}", "{\"sha\":1}", "{\"sha\":\"main\"}", "{\"sha\":\"" COMMIT "0\"}", "{\"sha\":\"ABCDEFabcdefabcdefabcdefabcdefabcdefabcd\"}",
		"{\"sha\":\"" COMMIT "\",\"id\":\"a/b/c\"}", "{\"sha\":\"" COMMIT "\",\"id\":\"../x\"}", "{\"sha\":\"" COMMIT "\\u0000\"}",
	};
	struct hub_info info;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(hub_info_parse(bad[i], strlen(bad[i]), &info, NULL), ERR_INVALID);
}

static void repo_names(void **state)
{
	static const char *const good[] = {"gpt2", "org/name", "a-b_c.d/e.f-G", "0/1", "a..b/c"};
	static const char *const bad[] = {"", "/", "a/", "/a", "a/b/c", ".", "..", "../a", "a/..", "a/.", "a b", "a/b?c", "a%2f", "\xc3\xbc", "a\n"};
	char longer[HUB_REPO_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(hub_repo_is_valid(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(hub_repo_is_valid(bad[i]));
	memset(longer, 'a', sizeof longer);
	longer[HUB_REPO_MAX + 1] = 0;
	assert_false(hub_repo_is_valid(longer));
	longer[HUB_REPO_MAX] = 0;
	assert_true(hub_repo_is_valid(longer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_has_files_of_both_kinds),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(unsafe_paths_are_left_out_and_counted),
		cmocka_unit_test(a_file_listed_twice_is_kept_once),
		cmocka_unit_test(finding),
		cmocka_unit_test(what_is_written_reads_the_same),
		cmocka_unit_test(damaged_memory_is_refused),
		cmocka_unit_test(visibility_in_the_repo_info),
		cmocka_unit_test(repo_info_without_sense),
		cmocka_unit_test(repo_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
