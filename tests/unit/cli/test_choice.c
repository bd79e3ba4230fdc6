#include "support/cmocka.h"

#include "cli/choice.h"

#include <stdlib.h>
#include <string.h>

static char repo[] = "ORG/NAME";
static char paths[][24] = {"README.md", "config.json", "model.safetensors", "onnx/model.onnx", "onnx/x.json", "z"};

struct choice {
	struct hub_file files[6];
	struct hub_listing listing;
	const struct hub_file **chosen;
	size_t count;
	const char *idle;
	struct why why;
};

static struct choice six_files(void)
{
	struct choice choice = {.listing = {.type = REPO_DATASET, .repo = repo, .count = 6}};

	for (size_t i = 0; i < 6; i++)
		choice.files[i].path = paths[i];
	return choice;
}

static enum err choose(struct choice *choice, const char *const *globs, size_t count)
{
	choice->listing.files = choice->files;
	return choice_make(&choice->listing, globs, count, &choice->chosen, &choice->count, &choice->idle, &choice->why);
}

static void without_patterns_all_are_chosen(void **state)
{
	struct choice choice = six_files();

	(void)state;
	assert_int_equal(choose(&choice, NULL, 0), ERR_OK);
	assert_int_equal(choice.count, 6);
	assert_null(choice.idle);
	free(choice.chosen);
}

static void any_pattern_is_enough_and_the_order_stays(void **state)
{
	struct choice choice = six_files();

	(void)state;
	assert_int_equal(choose(&choice, (const char *const[]){"onnx/", "*.json"}, 2), ERR_OK);
	assert_int_equal(choice.count, 3);
	assert_string_equal(choice.chosen[0]->path, "config.json");
	assert_string_equal(choice.chosen[1]->path, "onnx/model.onnx");
	assert_string_equal(choice.chosen[2]->path, "onnx/x.json");
	assert_null(choice.idle);
	free(choice.chosen);
}

static void a_pattern_that_finds_nothing_beside_others_is_told(void **state)
{
	struct choice choice = six_files();

	(void)state;
	assert_int_equal(choose(&choice, (const char *const[]){"z", "*.gguf", "*.bin"}, 3), ERR_OK);
	assert_int_equal(choice.count, 1);
	assert_string_equal(choice.idle, "*.gguf");
	free(choice.chosen);
}

static void no_match_names_the_patterns_and_what_there_is(void **state)
{
	struct choice choice = six_files();

	(void)state;
	assert_int_equal(choose(&choice, (const char *const[]){"*.gguf", "x/"}, 2), ERR_NOT_FOUND);
	assert_string_equal(choice.why.text, "no file of datasets/ORG/NAME matches \"*.gguf\" or \"x/\"; there are README.md, config.json, model.safetensors, "
					     "onnx/model.onnx and 2 more");
}

static void a_repo_without_files_is_told(void **state)
{
	struct choice choice = six_files();

	(void)state;
	choice.listing.count = 0;
	assert_int_equal(choose(&choice, NULL, 0), ERR_NOT_FOUND);
	assert_non_null(strstr(choice.why.text, "no files"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_patterns_all_are_chosen),
		cmocka_unit_test(any_pattern_is_enough_and_the_order_stays),
		cmocka_unit_test(a_pattern_that_finds_nothing_beside_others_is_told),
		cmocka_unit_test(no_match_names_the_patterns_and_what_there_is),
		cmocka_unit_test(a_repo_without_files_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
