#include "node/intake.h"

#include "store/blob.h"
#include "support/cmocka.h"
#include "support/store_home.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 7

static struct hub_file lfs_file(struct store_home *home, size_t size)
{
	static char path[] = "m";

	return (struct hub_file){.path = path, .size = size, .digest = content_digest(home, SEED, size)};
}

static struct digest git_id(const uint8_t *data, size_t size)
{
	struct digest digest = {.algorithm = DIGEST_GIT_SHA1};
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char bytes[EVP_MAX_MD_SIZE];
	char header[32];
	int len = snprintf(header, sizeof header, "blob %zu", size);

	EVP_DigestInit_ex(context, EVP_sha1(), NULL);
	EVP_DigestUpdate(context, header, (size_t)len + 1);
	EVP_DigestUpdate(context, data, size);
	EVP_DigestFinal_ex(context, bytes, NULL);
	EVP_MD_CTX_free(context);
	memcpy(digest.bytes, bytes, 20);
	return digest;
}

/* Put chunks from the first missing one on; returns the first error. */
static enum err put_all(struct intake *intake, const struct hub_file *file, const uint8_t *data, struct why *why)
{
	uint64_t chunks = chain_chunk_count(file->size), first = 0, count = 0;
	enum err err = ERR_OK;

	if (!partial_next_missing(intake_partial(intake), 0, &first, &count))
		return ERR_OK;
	for (uint64_t i = first; i < chunks && !err; i++)
		err = intake_put(intake, i, data + chain_chunk_offset(i), chain_chunk_len(file->size, i), why);
	return err;
}

static void a_file_of_lfs_comes_in_and_is_held(void **state)
{
	struct store_home *home = *state;
	size_t size = 2 * CHAIN_CHUNK + 77;
	struct hub_file file = lfs_file(home, size);
	uint8_t *data = content_make(SEED, size);
	struct intake *intake = intake_create(home->store, &file, "ORG/NAME");

	assert_int_equal(intake_open(intake, NULL), ERR_OK);
	assert_false(intake_is_held(intake));
	assert_int_equal(put_all(intake, &file, data, NULL), ERR_OK);
	assert_int_equal(intake_commit(intake, NULL), ERR_OK);
	assert_true(digest_equal(intake_digest(intake), &file.digest));
	intake_destroy(intake);
	intake = intake_create(home->store, &file, "ORG/NAME");
	assert_int_equal(intake_open(intake, NULL), ERR_OK);
	assert_true(intake_is_held(intake));
	intake_destroy(intake);
	free(data);
}

static void what_came_before_a_break_is_not_asked_for_again(void **state)
{
	struct store_home *home = *state;
	size_t size = 3 * CHAIN_CHUNK;
	struct hub_file file = lfs_file(home, size);
	uint8_t *data = content_make(SEED, size);
	struct intake *intake = intake_create(home->store, &file, "ORG/NAME");
	uint64_t first = 0, count = 0;

	assert_int_equal(intake_open(intake, NULL), ERR_OK);
	assert_int_equal(intake_put(intake, 0, data, CHAIN_CHUNK, NULL), ERR_OK);
	intake_destroy(intake);
	intake = intake_create(home->store, &file, "ORG/NAME");
	assert_int_equal(intake_open(intake, NULL), ERR_OK);
	assert_true(partial_next_missing(intake_partial(intake), 0, &first, &count));
	assert_int_equal(first, 1);
	assert_int_equal(count, 2);
	assert_int_equal(put_all(intake, &file, data, NULL), ERR_OK);
	assert_int_equal(intake_commit(intake, NULL), ERR_OK);
	intake_destroy(intake);
	free(data);
}

static void wrong_bytes_leave_nothing_and_name_both_digests(void **state)
{
	struct store_home *home = *state;
	size_t size = CHAIN_CHUNK + 5;
	struct hub_file file = lfs_file(home, size);
	uint8_t *data = content_make(SEED, size), found[SHA256_LEN];
	char expected_text[DIGEST_TEXT_MAX], found_text[DIGEST_TEXT_MAX], path[256];
	struct intake *intake = intake_create(home->store, &file, "ORG/NAME");
	struct digest found_digest;
	struct why why = {0};

	data[9] ^= 1;
	sha256_digest(&home->engine, data, size, found);
	found_digest = digest_of_sha256(found);
	assert_int_equal(intake_open(intake, NULL), ERR_OK);
	assert_int_equal(put_all(intake, &file, data, &why), ERR_UNPROVEN);
	assert_non_null(strstr(why.text, "m in ORG/NAME"));
	assert_non_null(strstr(why.text, digest_text(&file.digest, expected_text)));
	assert_non_null(strstr(why.text, digest_text(&found_digest, found_text)));
	intake_destroy(intake);
	assert_false(store_home_holds(home, &file.digest));
	store_home_data_path(home, &file.digest, path);
	assert_null(fopen(path, "r"));
	free(data);
}

static void a_file_outside_lfs_is_kept_under_its_sha256(void **state)
{
	struct store_home *home = *state;
	size_t size = CHAIN_CHUNK + 1;
	uint8_t *data = content_make(SEED, size);
	struct hub_file file = {.path = (char[]){"c"}, .size = size, .digest = git_id(data, size)};
	struct digest expected = content_digest(home, SEED, size);
	struct intake *intake = intake_create(home->store, &file, "ORG/NAME");

	assert_int_equal(intake_open(intake, NULL), ERR_OK);
	assert_int_equal(put_all(intake, &file, data, NULL), ERR_OK);
	assert_int_equal(intake_commit(intake, NULL), ERR_OK);
	assert_true(digest_equal(intake_digest(intake), &expected));
	intake_destroy(intake);
	intake = intake_create(home->store, &file, "ORG/OTHER");
	assert_int_equal(intake_open(intake, NULL), ERR_OK);
	assert_true(intake_is_held(intake));
	intake_destroy(intake);
	free(data);
}

static void a_wrong_file_outside_lfs_is_not_kept(void **state)
{
	struct store_home *home = *state;
	size_t size = 100;
	uint8_t *data = content_make(SEED, size);
	struct hub_file file = {.path = (char[]){"c"}, .size = size, .digest = git_id(data, size)};
	struct digest wrong;
	struct intake *intake = intake_create(home->store, &file, "ORG/NAME");
	uint8_t bytes[SHA256_LEN];

	data[99] ^= 0x80;
	sha256_digest(&home->engine, data, size, bytes);
	wrong = digest_of_sha256(bytes);
	assert_int_equal(intake_open(intake, NULL), ERR_OK);
	assert_int_equal(put_all(intake, &file, data, NULL), ERR_OK);
	assert_int_equal(intake_commit(intake, NULL), ERR_UNPROVEN);
	intake_destroy(intake);
	assert_false(store_home_holds(home, &wrong));
	free(data);
}

static void a_size_that_the_digest_contradicts_is_refused(void **state)
{
	struct store_home *home = *state;
	struct hub_file file = lfs_file(home, 1000);
	struct intake *intake;
	struct why why = {0};

	store_home_put(home, SEED, 1000);
	file.size = 1001;
	intake = intake_create(home->store, &file, "ORG/NAME");
	assert_int_equal(intake_open(intake, &why), ERR_INVALID);
	assert_non_null(strstr(why.text, "1001"));
	intake_destroy(intake);
}

#define in_store(test) cmocka_unit_test_setup_teardown(test, store_home_setup, store_home_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_store(a_file_of_lfs_comes_in_and_is_held),
		in_store(what_came_before_a_break_is_not_asked_for_again),
		in_store(wrong_bytes_leave_nothing_and_name_both_digests),
		in_store(a_file_outside_lfs_is_kept_under_its_sha256),
		in_store(a_wrong_file_outside_lfs_is_not_kept),
		in_store(a_size_that_the_digest_contradicts_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
