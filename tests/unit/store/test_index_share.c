#include "support/cmocka.h"

#include "support/store_home.h"

#include <stdio.h>
#include <string.h>

static struct digest digest_of(uint8_t byte)
{
	uint8_t bytes[32];

	memset(bytes, byte, sizeof bytes);
	return digest_of_sha256(bytes);
}

static void put(struct index *index, uint8_t byte)
{
	struct blob_record record = {.digest = digest_of(byte), .size = byte};
	struct chain chain = {.size = byte};

	assert_int_equal(index_blob_put(index, &record, &chain, NULL), ERR_OK);
}

static void name(struct index *index, uint8_t byte, const char *hub, const char *repo, enum visibility visibility, int64_t checked_at_s)
{
	char hub_text[20], repo_text[20], path[20];
	struct blob_name name = {
		.digest = digest_of(byte), .hub = hub_text, .repo = repo_text, .commit = (char[]){"c"}, .path = path,
		.visibility = visibility, .checked_at_s = checked_at_s,
	};

	snprintf(hub_text, sizeof hub_text, "%s", hub);
	snprintf(repo_text, sizeof repo_text, "%s", repo);
	snprintf(path, sizeof path, "file-%u", byte);
	assert_int_equal(index_name_put(index, &name, NULL), ERR_OK);
}

static void shows(struct index *index, uint8_t byte, const char *hub, enum visibility visibility, int64_t checked_at_s)
{
	struct digest digest = digest_of(byte);

	assert_int_equal(index_visibility_put(index, &digest, hub, visibility, checked_at_s, NULL), ERR_OK);
}

/* --- what is told, as a text */

struct told {
	char text[1000];
};

static void tell(struct told *told, const char *format, ...)
{
	size_t len = strlen(told->text);
	va_list args;

	va_start(args, format);
	vsnprintf(told->text + len, sizeof told->text - len, format, args);
	va_end(args);
}

static void tell_shareable(void *context, const struct index_shareable *shareable)
{
	tell(context, "%u:%d:%d ", shareable->digest.bytes[0], shareable->public_at_s == INT64_MAX ? 999 : (int)shareable->public_at_s, shareable->is_gated);
	assert_int_equal(shareable->size, shareable->digest.bytes[0]);
}

static void shareable(struct index *index, const char *expected)
{
	struct told told = {0};

	assert_int_equal(index_shareable_each(index, tell_shareable, &told, NULL), ERR_OK);
	assert_string_equal(told.text, expected);
}

static void tell_repo(void *context, const char *hub, const char *repo) { tell(context, "%s/%s ", hub, repo); }

static void doubts(struct index *index, int64_t before_s, const char *expected)
{
	struct told told = {0};

	assert_int_equal(index_doubt_each(index, before_s, 10, tell_repo, &told, NULL), ERR_OK);
	assert_string_equal(told.text, expected);
}

struct paging {
	struct told told;
	int left;
	int64_t last;
};

static bool tell_name(void *context, const struct blob_name *name, int64_t place)
{
	struct paging *paging = context;

	tell(&paging->told, "%s/%s/%s/%s:%u ", name->hub, name->repo, name->commit, name->path, name->digest.bytes[0]);
	paging->last = place;
	return --paging->left > 0;
}

static int64_t page(struct index *index, int64_t before, bool with_gated, int count, const char *expected)
{
	struct paging paging = {.left = count};

	assert_int_equal(index_name_page(index, before, with_gated, tell_name, &paging, NULL), ERR_OK);
	assert_string_equal(paging.told.text, expected);
	return paging.last;
}

static void public_and_gated_ones(void **state)
{
	struct store_home *home = *state;
	struct index *index = store_index(home->store);

	for (uint8_t byte = 1; byte <= 6; byte++)
		put(index, byte);
	shareable(index, "");
	shows(index, 1, "h", VISIBILITY_PUBLIC, 100);
	shows(index, 1, "i", VISIBILITY_PUBLIC, 50);
	shows(index, 2, "h", VISIBILITY_GATED, 100);
	shows(index, 3, "h", VISIBILITY_PRIVATE, 100);
	shows(index, 4, INDEX_OWN_WORD, VISIBILITY_PUBLIC, 100);
	shows(index, 5, "h", VISIBILITY_UNKNOWN, 100);
	shows(index, 6, "h", VISIBILITY_GATED, 100);
	shows(index, 6, "i", VISIBILITY_PUBLIC, 70);
	shows(index, 7, "h", VISIBILITY_PUBLIC, 100);
	shareable(index, "6:70:1 4:999:0 2:-1:1 1:100:0 ");
}

static void tell_alias(void *context, const struct digest *alias, const struct digest *blob)
{
	assert_int_equal(alias->algorithm, DIGEST_GIT_SHA1);
	tell(context, "%u=%u ", alias->bytes[0], blob->bytes[0]);
}

static void aliases_of_held_blobs(void **state)
{
	struct store_home *home = *state;
	struct index *index = store_index(home->store);
	struct told told = {0};

	put(index, 1);
	for (uint8_t byte = 1; byte <= 2; byte++) {
		struct digest alias = {.algorithm = DIGEST_GIT_SHA1, .bytes = {(uint8_t)(10 + byte)}}, blob = digest_of(byte);
		assert_int_equal(index_alias_put(index, &alias, &blob, NULL), ERR_OK);
	}
	assert_int_equal(index_alias_each(index, tell_alias, &told, NULL), ERR_OK);
	assert_string_equal(told.text, "11=1 ");
}

static void old_confirmations_are_in_doubt(void **state)
{
	struct store_home *home = *state;
	struct index *index = store_index(home->store);

	put(index, 1);
	put(index, 2);
	for (uint8_t byte = 1; byte <= 3; byte++) {
		shows(index, byte, "h", VISIBILITY_PUBLIC, 100);
		name(index, byte, "h", byte == 2 ? "b" : "a", VISIBILITY_PUBLIC, 100);
	}
	doubts(index, 100, "");
	doubts(index, 101, "h/a h/b ");
	assert_int_equal(index_repo_confirm(index, "h", "a", VISIBILITY_PUBLIC, 200, NULL), ERR_OK);
	doubts(index, 101, "h/b ");
	shareable(index, "2:100:0 1:200:0 ");
	assert_int_equal(index_repo_confirm(index, "h", "b", VISIBILITY_GATED, 300, NULL), ERR_OK);
	doubts(index, 1000, "h/a ");
	shareable(index, "2:-1:1 1:200:0 ");
}

static void another_repo_keeps_it_public(void **state)
{
	struct store_home *home = *state;
	struct index *index = store_index(home->store);

	put(index, 1);
	shows(index, 1, "h", VISIBILITY_PUBLIC, 150);
	name(index, 1, "h", "a", VISIBILITY_PUBLIC, 100);
	name(index, 1, "h", "b", VISIBILITY_PUBLIC, 150);
	assert_int_equal(index_repo_confirm(index, "h", "a", VISIBILITY_PRIVATE, 200, NULL), ERR_OK);
	shareable(index, "1:150:0 ");
	doubts(index, 180, "h/b ");
	assert_int_equal(index_repo_confirm(index, "h", "b", VISIBILITY_UNKNOWN, 210, NULL), ERR_OK);
	shareable(index, "");
	doubts(index, 1000, "");
	assert_int_equal(index_repo_confirm(index, "h", "a", VISIBILITY_PUBLIC, 220, NULL), ERR_OK);
	shareable(index, "1:220:0 ");
}

static void names_of_public_repos_in_pages(void **state)
{
	struct store_home *home = *state;
	struct index *index = store_index(home->store);
	int64_t last;

	name(index, 1, "h", "a", VISIBILITY_PUBLIC, 100);
	name(index, 2, "h", "b", VISIBILITY_PRIVATE, 100);
	name(index, 3, "h", "c", VISIBILITY_GATED, 100);
	name(index, 4, "h", "d", VISIBILITY_UNKNOWN, 100);
	name(index, 5, "h", "e", VISIBILITY_PUBLIC, 100);
	page(index, INT64_MAX, false, 9, "h/e/c/file-5:5 h/a/c/file-1:1 ");
	last = page(index, INT64_MAX, true, 2, "h/e/c/file-5:5 h/c/c/file-3:3 ");
	page(index, last, true, 2, "h/a/c/file-1:1 ");
	assert_int_equal(index_repo_confirm(index, "h", "e", VISIBILITY_UNKNOWN, 200, NULL), ERR_OK);
	page(index, INT64_MAX, false, 9, "h/a/c/file-1:1 ");
}

static void version_moves_with_all_writes(void **state)
{
	struct store_home *home = *state;
	struct index *index = store_index(home->store), *other;
	uint64_t first, second, third;
	char path[128];

	snprintf(path, sizeof path, "%s/index.sqlite", home->home);
	assert_int_equal(index_open(path, 0, &other, NULL), ERR_OK);
	assert_int_equal(index_version(index, &first, NULL), ERR_OK);
	assert_int_equal(index_version(index, &second, NULL), ERR_OK);
	assert_int_equal(first, second);
	put(index, 1);
	assert_int_equal(index_version(index, &second, NULL), ERR_OK);
	assert_int_not_equal(first, second);
	put(other, 2);
	assert_int_equal(index_version(index, &third, NULL), ERR_OK);
	assert_int_not_equal(second, third);
	assert_int_equal(index_version(index, &second, NULL), ERR_OK);
	assert_int_equal(second, third);
	index_close(other);
}

#define WITH_HOME(test) cmocka_unit_test_setup_teardown(test, store_home_setup, store_home_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_HOME(public_and_gated_ones),
		WITH_HOME(aliases_of_held_blobs),
		WITH_HOME(old_confirmations_are_in_doubt),
		WITH_HOME(another_repo_keeps_it_public),
		WITH_HOME(names_of_public_repos_in_pages),
		WITH_HOME(version_moves_with_all_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
