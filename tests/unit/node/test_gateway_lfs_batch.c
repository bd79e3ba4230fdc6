#include "node/gateway_lfs_batch.h"
#include "node/hub_listing.h"
#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

#define OID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define COMMIT "0123456789012345678901234567890123456789"

static enum err parse(const char *text, struct lfs_batch *ret_batch)
{
	struct why why = {0};

	return lfs_batch_parse(text, strlen(text), ret_batch, &why);
}

static void only_plain_downloads_are_ours(void **state)
{
	struct lfs_batch batch = {0};

	(void)state;
	assert_int_equal(parse("{\"operation\": \"upload\", \"objects\": [{\"oid\": \"" OID_A "\", \"size\": 1}]}", &batch), ERR_UNSUPPORTED);
	assert_int_equal(parse("{\"operation\": \"download\", \"transfers\": [\"ssh\"], \"objects\": []}", &batch), ERR_UNSUPPORTED);
	assert_int_equal(parse("{\"operation\": \"download\", \"hash_algo\": \"sha512\", \"objects\": []}", &batch), ERR_UNSUPPORTED);
	assert_int_equal(parse("{\"operation\": 7}", &batch), ERR_UNSUPPORTED);
	assert_int_equal(parse("{\"operation\": \"download\", \"objects\": [{\"oid\": \"aa\", \"size\": 1}]}", &batch), ERR_INVALID);
	assert_int_equal(parse("nonsense", &batch), ERR_INVALID);
	assert_null(batch.objects);
}

static void each_object_counts_once(void **state)
{
	struct lfs_batch batch;

	(void)state;
	assert_int_equal(parse("{\"operation\": \"download\", \"ref\": {\"name\": \"refs/heads/a/b\"}, \"objects\": [{\"oid\": \"" OID_B "\", \"size\": 2}, {\"oid\": \"" OID_A
			       "\", \"size\": 1}, {\"oid\": \"" OID_B "\", \"size\": 2}]}", &batch), ERR_OK);
	assert_int_equal(batch.count, 2);
	assert_int_equal(batch.objects[0].size, 1);
	assert_string_equal(batch.revision, "a/b");
	lfs_batch_release(&batch);
}

static void files_are_below_here_and_the_rest_is_the_hubs(void **state)
{
	struct hub_listing listing = {.type = REPO_DATASET, .repo = strdup("org/set"), .commit = COMMIT};
	struct digest digest = {0};
	struct lfs_batch batch;
	json_t *hubs = json_pack("{s:[{s:s, s:s}]}", "objects", "oid", OID_B, "mark", "its own"), *answer, *objects;
	char *question;

	(void)state;
	assert_true(digest_parse_hex(DIGEST_SHA256, OID_A, &digest));
	assert_int_equal(hub_listing_add_file(&listing, "a b/c.bin", 1, &digest), ERR_OK);
	assert_int_equal(parse("{\"operation\": \"download\", \"objects\": [{\"oid\": \"" OID_A "\", \"size\": 1}, {\"oid\": \"" OID_B "\", \"size\": 2}]}", &batch), ERR_OK);
	lfs_batch_find(&batch, &listing);
	assert_int_equal(batch.missing, 1);
	question = lfs_batch_ask_missing(&batch);
	assert_non_null(strstr(question, OID_B));
	assert_null(strstr(question, OID_A));
	answer = lfs_batch_answer(&batch, &listing, "http://here", NULL, hubs);
	objects = json_object_get(answer, "objects");
	assert_string_equal(json_string_value(json_object_get(json_object_get(json_object_get(json_array_get(objects, 0), "actions"), "download"), "href")),
			    "http://here/datasets/org/set/resolve/" COMMIT "/a%20b/c.bin");
	assert_string_equal(json_string_value(json_object_get(json_array_get(objects, 1), "mark")), "its own");
	json_decref(answer);
	json_decref(hubs);
	free(question);
	lfs_batch_release(&batch);
	hub_listing_release(&listing);
}

static void another_size_is_another_file(void **state)
{
	struct hub_listing listing = {.repo = strdup("org/set"), .commit = COMMIT};
	struct digest digest = {0};
	struct lfs_batch batch;

	(void)state;
	assert_true(digest_parse_hex(DIGEST_SHA256, OID_A, &digest));
	assert_int_equal(hub_listing_add_file(&listing, "a.bin", 3, &digest), ERR_OK);
	assert_int_equal(parse("{\"operation\": \"download\", \"objects\": [{\"oid\": \"" OID_A "\", \"size\": 1}]}", &batch), ERR_OK);
	lfs_batch_find(&batch, &listing);
	assert_int_equal(batch.missing, 1);
	lfs_batch_release(&batch);
	hub_listing_release(&listing);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_plain_downloads_are_ours),
		cmocka_unit_test(each_object_counts_once),
		cmocka_unit_test(files_are_below_here_and_the_rest_is_the_hubs),
		cmocka_unit_test(another_size_is_another_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
