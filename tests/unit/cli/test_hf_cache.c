#include "support/cmocka.h"

#include "cli/hf_cache.h"
#include "support/store_home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define ETAG "89abcdef0123456789abcdef0123456789abcdef"
#define SIZE 3000

struct cached {
	struct store_home *home;
	struct hf_cache cache;
	char dir[128];
	struct blob *blob;
};

static void enter(struct cached *cached, struct store_home *home)
{
	struct digest digest = store_home_put(home, 1, SIZE);
	struct why why = {0};

	*cached = (struct cached){.home = home};
	snprintf(cached->dir, sizeof cached->dir, "%s/hf/hub", home->dir);
	if (hf_cache_open(&cached->cache, cached->dir, REPO_MODEL, "ORG/NAME", &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_int_equal(blob_open(home->store, &digest, &cached->blob, NULL), ERR_OK);
}

static void leave(struct cached *cached)
{
	blob_close(cached->blob);
	hf_cache_close(&cached->cache);
}

static void put(struct cached *cached, const char *path, const struct digest *etag)
{
	struct why why = {0};

	if (hf_cache_put(&cached->cache, cached->home->store, COMMIT, path, etag, cached->blob, NULL, NULL, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

/* The content of a file below the cache. */
static size_t read_below(const struct cached *cached, const char *path, char *text, size_t room)
{
	char whole[512];
	size_t len;
	FILE *file;

	snprintf(whole, sizeof whole, "%s/%s", cached->dir, path);
	file = fopen(whole, "r");
	if (!file)
		fail_msg("there is no %s", whole);
	len = fread(text, 1, room - 1, file);
	text[len] = 0;
	fclose(file);
	return len;
}

static void expect_link(const struct cached *cached, const char *path, const char *target)
{
	char whole[512], found[512];
	ssize_t len;

	snprintf(whole, sizeof whole, "%s/models--ORG--NAME/snapshots/" COMMIT "/%s", cached->dir, path);
	len = readlink(whole, found, sizeof found - 1);
	assert_true(len > 0);
	found[len] = 0;
	assert_string_equal(found, target);
}

static void lays_out_as_the_libraries_do(void **state)
{
	struct cached cached;
	struct digest etag;
	char text[SIZE + 100], path[512], *snapshot;
	uint8_t *content = content_make(1, SIZE);
	struct stat st;

	enter(&cached, *state);
	assert_true(digest_parse("git-sha1:" ETAG, &etag));
	put(&cached, "config.json", &etag);
	put(&cached, "a/b/c.json", &etag);
	expect_link(&cached, "config.json", "../../blobs/" ETAG);
	expect_link(&cached, "a/b/c.json", "../../../../blobs/" ETAG);
	assert_int_equal(read_below(&cached, "models--ORG--NAME/snapshots/" COMMIT "/a/b/c.json", text, sizeof text), SIZE);
	assert_memory_equal(text, content, SIZE);
	snprintf(path, sizeof path, "%s/models--ORG--NAME/blobs/" ETAG, cached.dir);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_nlink, 1);
	read_below(&cached, "CACHEDIR.TAG", text, sizeof text);
	assert_int_equal(strncmp(text, "Signature: 8a477f597d28d172789f06886806bc55", 43), 0);
	snapshot = hf_cache_snapshot(&cached.cache, COMMIT);
	snprintf(path, sizeof path, "%s/models--ORG--NAME/snapshots/" COMMIT, cached.dir);
	assert_string_equal(snapshot, path);
	free(snapshot);
	free(content);
	leave(&cached);
}

static void lfs_files_go_by_their_sha256(void **state)
{
	struct cached cached;
	char hex[DIGEST_HEX_MAX], target[128];

	enter(&cached, *state);
	put(&cached, "model.safetensors", blob_digest(cached.blob));
	snprintf(target, sizeof target, "../../blobs/%s", digest_hex(blob_digest(cached.blob), hex));
	expect_link(&cached, "model.safetensors", target);
	leave(&cached);
}

static void what_is_right_stays_and_what_is_wrong_is_replaced(void **state)
{
	struct cached cached;
	struct stat before, after;
	char hex[DIGEST_HEX_MAX], path[512];
	uint8_t *content = content_make(1, SIZE);
	FILE *file;

	enter(&cached, *state);
	put(&cached, "x", blob_digest(cached.blob));
	snprintf(path, sizeof path, "%s/models--ORG--NAME/blobs/%s", cached.dir, digest_hex(blob_digest(cached.blob), hex));
	assert_int_equal(stat(path, &before), 0);
	put(&cached, "x", blob_digest(cached.blob));
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	/* One that was cut short is made whole. */
	assert_int_equal(truncate(path, 5), 0);
	put(&cached, "x", blob_digest(cached.blob));
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_size, SIZE);
	/* One of the right length but with other bytes is replaced: nothing unproven stays under a good name. */
	file = fopen(path, "r+");
	assert_non_null(file);
	fputc(~content[0] & 0xff, file);
	fclose(file);
	put(&cached, "x", blob_digest(cached.blob));
	file = fopen(path, "r");
	assert_int_equal(fgetc(file), content[0]);
	fclose(file);
	free(content);
	leave(&cached);
}

static void refs_name_the_commit_without_a_newline(void **state)
{
	struct cached cached;
	char text[100], path[512];

	enter(&cached, *state);
	assert_int_equal(hf_cache_set_ref(&cached.cache, "main", COMMIT, NULL), ERR_OK);
	assert_int_equal(hf_cache_set_ref(&cached.cache, "refs/pr/1", COMMIT, NULL), ERR_OK);
	assert_int_equal(hf_cache_set_ref(&cached.cache, "main", COMMIT, NULL), ERR_OK);
	assert_int_equal(read_below(&cached, "models--ORG--NAME/refs/main", text, sizeof text), 40);
	assert_string_equal(text, COMMIT);
	assert_int_equal(read_below(&cached, "models--ORG--NAME/refs/refs/pr/1", text, sizeof text), 40);
	/* A commit needs no ref. */
	assert_int_equal(hf_cache_set_ref(&cached.cache, COMMIT, COMMIT, NULL), ERR_OK);
	snprintf(path, sizeof path, "%s/models--ORG--NAME/refs/" COMMIT, cached.dir);
	assert_int_not_equal(access(path, F_OK), 0);
	leave(&cached);
}

static void paths_that_lead_out_are_refused(void **state)
{
	struct cached cached;

	enter(&cached, *state);
	assert_int_equal(hf_cache_put(&cached.cache, cached.home->store, COMMIT, "../../x", blob_digest(cached.blob), cached.blob, NULL,
				       NULL, NULL), ERR_INVALID);
	assert_int_equal(hf_cache_set_ref(&cached.cache, "../x", COMMIT, NULL), ERR_INVALID);
	leave(&cached);
}

#define IN_A_HOME(test) cmocka_unit_test_setup_teardown(test, store_home_setup, store_home_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_HOME(lays_out_as_the_libraries_do),
		IN_A_HOME(lfs_files_go_by_their_sha256),
		IN_A_HOME(what_is_right_stays_and_what_is_wrong_is_replaced),
		IN_A_HOME(refs_name_the_commit_without_a_newline),
		IN_A_HOME(paths_that_lead_out_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
