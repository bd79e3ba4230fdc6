#include "support/cmocka.h"

#include "cli/held.h"
#include "support/store_home.h"

#include <stdlib.h>
#include <string.h>

#define FIRST "1111111111111111111111111111111111111111"
#define SECOND "2222222222222222222222222222222222222222"

static char hub[] = "hub.example", model[] = "ORG/NAME", data[] = "datasets/ORG/NAME", first[] = FIRST, second[] = SECOND, a[] = "a.bin", b[] = "dir/b.bin";

static void name(struct store_home *home, const struct digest *digest, char *repo, char *commit, char *path)
{
	struct blob_name name = {.digest = *digest, .hub = hub, .repo = repo, .commit = commit, .path = path};

	assert_int_equal(index_name_put(store_index(home->store), &name, NULL), ERR_OK);
}

/* Four blobs: a.bin at two commits, b.bin at both, one of a dataset as well; one without a name. */
struct shelf {
	struct digest old, new, both, unnamed;
	struct held held;
};

static struct shelf fill(struct store_home *home)
{
	struct shelf shelf = {
		.old = store_home_put(home, 1, 10),
		.new = store_home_put(home, 2, 20),
		.both = store_home_put(home, 3, 30),
		.unnamed = store_home_put(home, 4, 40),
	};

	name(home, &shelf.old, model, first, a);
	name(home, &shelf.new, model, second, a);
	name(home, &shelf.both, model, first, b);
	name(home, &shelf.both, model, second, b);
	name(home, &shelf.both, data, first, b);
	assert_int_equal(held_load(&shelf.held, store_index(home->store), NULL), ERR_OK);
	return shelf;
}

/* How many `text` finds, and that `digest` is among them. */
static size_t finds(struct store_home *home, const struct shelf *shelf, const char *text, const struct digest *digest)
{
	struct held_pick *picks = NULL;
	size_t count = 0;
	bool found = false;

	assert_int_equal(held_pick(&shelf->held, store_index(home->store), NULL, &text, 1, &picks, &count, NULL), ERR_OK);
	for (size_t i = 0; i < count; i++)
		found = found || digest_equal(&picks[i].record->digest, digest);
	assert_true(found);
	free(picks);
	return count;
}

static void names_find_blobs(void **state)
{
	struct store_home *home = *state;
	struct shelf shelf = fill(home);

	assert_int_equal(finds(home, &shelf, "ORG/NAME", &shelf.old), 3);
	assert_int_equal(finds(home, &shelf, "ORG/NAME@" SECOND, &shelf.new), 2);
	assert_int_equal(finds(home, &shelf, "ORG/NAME:a.bin", &shelf.old), 2);
	assert_int_equal(finds(home, &shelf, "ORG/NAME@" FIRST ":a.bin", &shelf.old), 1);
	assert_int_equal(finds(home, &shelf, "datasets/ORG/NAME", &shelf.both), 1);
	assert_int_equal(finds(home, &shelf, "https://huggingface.co/ORG/NAME/blob/main/a.bin", &shelf.new), 2);
	held_release(&shelf.held);
}

static void digests_find_blobs(void **state)
{
	struct store_home *home = *state;
	struct shelf shelf = fill(home);
	struct digest alias;
	char text[DIGEST_TEXT_MAX];

	assert_int_equal(finds(home, &shelf, digest_text(&shelf.unnamed, text), &shelf.unnamed), 1);
	assert_true(digest_parse("git-sha1:" FIRST, &alias));
	assert_int_equal(index_alias_put(store_index(home->store), &alias, &shelf.old, NULL), ERR_OK);
	assert_int_equal(finds(home, &shelf, "git-sha1:" FIRST, &shelf.old), 1);
	held_release(&shelf.held);
}

static void refuses(struct store_home *home, const struct shelf *shelf, const char *text, enum err expected, const char *part)
{
	struct held_pick *picks = NULL;
	size_t count = 7;
	struct why why = {0};

	assert_int_equal(held_pick(&shelf->held, store_index(home->store), NULL, &text, 1, &picks, &count, &why), expected);
	assert_null(picks);
	assert_int_equal(count, 7);
	if (!strstr(why.text, part))
		fail_msg("\"%s\" lacks \"%s\"", why.text, part);
}

static void what_is_not_held_is_named(void **state)
{
	struct store_home *home = *state;
	struct shelf shelf = fill(home);

	refuses(home, &shelf, "ORG/OTHER", ERR_NOT_FOUND, "ORG/OTHER");
	refuses(home, &shelf, "ORG/NAME:none", ERR_NOT_FOUND, "ORG/NAME:none");
	refuses(home, &shelf, "spaces/ORG/NAME", ERR_NOT_FOUND, "spaces/ORG/NAME");
	refuses(home, &shelf, "git-sha1:" SECOND, ERR_NOT_FOUND, SECOND);
	refuses(home, &shelf, "ORG/NAME@v1.0", ERR_USAGE, "commit");
	refuses(home, &shelf, "ORG/", ERR_USAGE, "ORG/");
	held_release(&shelf.held);
}

static void all_are_picked_once_and_by_name(void **state)
{
	struct store_home *home = *state;
	struct shelf shelf = fill(home);
	struct held_pick *picks = NULL;
	size_t count = 0, names = 0;
	char label[HELD_LABEL_MAX];
	const char *const twice[] = {"ORG/NAME", "datasets/ORG/NAME", "ORG/NAME:a.bin"};

	assert_int_equal(held_pick(&shelf.held, store_index(home->store), NULL, NULL, 0, &picks, &count, NULL), ERR_OK);
	assert_int_equal(count, 4);
	assert_true(digest_equal(&picks[3].record->digest, &shelf.unnamed));
	assert_int_equal(strncmp(held_label(&picks[3], label), "sha256:", 7), 0);
	free(picks);
	assert_int_equal(held_pick(&shelf.held, store_index(home->store), NULL, twice, 3, &picks, &count, NULL), ERR_OK);
	assert_int_equal(count, 3);
	assert_string_equal(held_label(&picks[0], label), "ORG/NAME:a.bin");
	free(picks);
	held_names(&shelf.held, &shelf.both, &names);
	assert_int_equal(names, 3);
	held_names(&shelf.held, &shelf.unnamed, &names);
	assert_int_equal(names, 0);
	held_release(&shelf.held);
}

#define IN_A_HOME(test) cmocka_unit_test_setup_teardown(test, store_home_setup, store_home_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_HOME(names_find_blobs),
		IN_A_HOME(digests_find_blobs),
		IN_A_HOME(what_is_not_held_is_named),
		IN_A_HOME(all_are_picked_once_and_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
