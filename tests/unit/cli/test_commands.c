#include "support/cmocka.h"

#include "base/version.h"
#include "cli/commands.h"
#include "support/store_home.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What one run printed. */
struct printed {
	char *out, *messages;
	size_t out_len, messages_len;
	int code;
};

static struct printed run(const char *const *words)
{
	struct printed printed = {0};
	FILE *out = open_memstream(&printed.out, &printed.out_len), *messages = open_memstream(&printed.messages, &printed.messages_len);
	int count = 0;

	while (words[count])
		count++;
	printed.code = commands_run(count, words, out, messages);
	fclose(out);
	fclose(messages);
	return printed;
}

#define RUN(...) run((const char *const[]){"larder", __VA_ARGS__, NULL})

static void printed_free(struct printed *printed)
{
	free(printed->out);
	free(printed->messages);
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" lacks \"%s\"", text, part);
}

static void the_version_is_told(void **state)
{
	struct printed printed = RUN("--version");

	(void)state;
	assert_int_equal(printed.code, 0);
	assert_string_equal(printed.out, "larder " LARDER_VERSION "\n");
	printed_free(&printed);
}

static void every_command_explains_itself(void **state)
{
	(void)state;
	for (const struct command *const *command = commands; *command; command++) {
		struct printed printed = RUN("help", (*command)->name), same = RUN((*command)->name, "--help"), all = RUN("help");
		assert_int_equal(printed.code, 0);
		has(printed.out, "Usage: larder ");
		has(printed.out, "Examples:\n  larder ");
		has(printed.out, "--json");
		has(all.out, (*command)->summary);
		if (strcmp((*command)->name, "help") != 0)
			assert_string_equal(printed.out, same.out);
		for (const char *line = printed.out; *line; line += strcspn(line, "\n") + 1)
			assert_true(strcspn(line, "\n") <= 80);
		printed_free(&printed);
		printed_free(&same);
		printed_free(&all);
	}
}

static void mistakes_end_with_2_and_a_sentence(void **state)
{
	struct printed printed = RUN("stauts");

	(void)state;
	assert_int_equal(printed.code, 2);
	assert_string_equal(printed.messages, "larder: there is no command \"stauts\": did you mean larder status?\n");
	assert_string_equal(printed.out, "");
	printed_free(&printed);
	printed = RUN("help", "nonsense");
	assert_int_equal(printed.code, 2);
	printed_free(&printed);
}

static void with_json_a_failure_is_an_object(void **state)
{
	struct printed printed = RUN("get", "--json", "ORG/NAME:a/../b");
	json_t *object = json_loads(printed.out, 0, NULL);

	(void)state;
	assert_int_equal(printed.code, 2);
	assert_int_equal(json_integer_value(json_object_get(object, "code")), 2);
	has(json_string_value(json_object_get(object, "error")), "a/../b");
	json_decref(object);
	printed_free(&printed);
}

static void looking_makes_no_store(void **state)
{
	struct store_home *home = *state;
	char none[128];
	struct printed printed;

	snprintf(none, sizeof none, "%s/none", home->dir);
	printed = RUN("ls", "--home", none, "--json");
	assert_int_equal(printed.code, 0);
	assert_string_equal(printed.out, "{\"blobs\":[],\"incomplete\":[],\"bytes\":0}\n");
	printed_free(&printed);
	printed = RUN("status", "--home", none);
	assert_int_equal(printed.code, 0);
	has(printed.out, "not made yet");
	printed_free(&printed);
	printed = RUN("ls", "ORG/NAME", "--home", none);
	assert_int_equal(printed.code, 3);
	printed_free(&printed);
	assert_int_not_equal(access(none, F_OK), 0);
}

static void a_blob_lives_and_goes(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 1, 1500);
	char text[DIGEST_TEXT_MAX];
	struct printed printed;

	digest_text(&digest, text);
	printed = RUN("ls", "--home", home->home);
	assert_int_equal(printed.code, 0);
	has(printed.out, "1.5 kB  proven  unknown");
	has(printed.out, text);
	has(printed.messages, "1 blob, 1.5 kB");
	printed_free(&printed);
	printed = RUN("pin", text, "--home", home->home, "--quiet");
	assert_int_equal(printed.code, 0);
	assert_string_equal(printed.messages, "");
	printed_free(&printed);
	printed = RUN("rm", text, "--home", home->home);
	assert_int_equal(printed.code, 1);
	has(printed.messages, "pinned");
	printed_free(&printed);
	printed = RUN("rm", text, "--home", home->home, "--pinned", "--json");
	assert_int_equal(printed.code, 0);
	assert_string_equal(printed.out, "{\"blobs\":1,\"bytes\":1500}\n");
	printed_free(&printed);
	assert_false(store_home_holds(home, &digest));
}

#define IN_A_HOME(test) cmocka_unit_test_setup_teardown(test, store_home_setup, store_home_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_version_is_told),
		cmocka_unit_test(every_command_explains_itself),
		cmocka_unit_test(mistakes_end_with_2_and_a_sentence),
		cmocka_unit_test(with_json_a_failure_is_an_object),
		IN_A_HOME(looking_makes_no_store),
		IN_A_HOME(a_blob_lives_and_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
