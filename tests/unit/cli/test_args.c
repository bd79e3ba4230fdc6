#include "support/cmocka.h"

#include "cli/args.h"
#include "cli/suggest.h"

#include <string.h>

static const struct args_flag get_flags[] = {{"to", 0, "DIR", ""}, {"force", 'f', NULL, ""}, {NULL}};

static const struct command get = {.name = "get", .operands = "NAME [GLOB...]", .flags = get_flags, .min_operands = 1, .max_operands = 3};
static const struct command ls = {.name = "ls", .operands = "[NAME]", .max_operands = 1};
static const struct command status = {.name = "status", .operands = ""};
static const struct command run = {.name = "run", .operands = "-- COMMAND", .min_operands = 1, .max_operands = 9, .ends_flags = true};
static const struct command *const commands[] = {&get, &ls, &status, &run, NULL};

#define WORDS(...) ((const char *const[]){"larder", __VA_ARGS__, NULL})
#define COUNT(words) ((int)(sizeof(words) / sizeof(const char *)) - 1)
#define PARSE(args, why, ...) args_parse(args, commands, COUNT(WORDS(__VA_ARGS__)), WORDS(__VA_ARGS__), why)

static void flags_stand_anywhere(void **state)
{
	struct args args;

	(void)state;
	assert_int_equal(PARSE(&args, NULL, "--json", "--to", "out", "get", "-vv", "ORG/NAME", "--home=/x y", "*.json", "-f"), ERR_OK);
	assert_string_equal(args.command->name, "get");
	assert_int_equal(args.operand_count, 2);
	assert_string_equal(args.operands[0], "ORG/NAME");
	assert_string_equal(args.operands[1], "*.json");
	assert_true(args_has(&args, "json"));
	assert_true(args_has(&args, "force"));
	assert_false(args_has(&args, "quiet"));
	assert_int_equal(args_count(&args, "verbose"), 2);
	assert_string_equal(args_value(&args, "to"), "out");
	assert_string_equal(args_value(&args, "home"), "/x y");
	assert_null(args_value(&args, "hub"));
	args_release(&args);
}

static void two_dashes_end_the_flags(void **state)
{
	struct args args;

	(void)state;
	assert_int_equal(PARSE(&args, NULL, "get", "--", "--json", "-"), ERR_OK);
	assert_int_equal(args.operand_count, 2);
	assert_string_equal(args.operands[0], "--json");
	assert_false(args_has(&args, "json"));
	args_release(&args);
}

static void flags_behind_another_program_are_its_own(void **state)
{
	struct args args;

	(void)state;
	assert_int_equal(PARSE(&args, NULL, "run", "-q", "python", "train.py", "--rate", "3", "--json", "--", "-x"), ERR_OK);
	assert_int_equal(args.operand_count, 7);
	assert_string_equal(args.operands[2], "--rate");
	assert_string_equal(args.operands[5], "--");
	assert_true(args_has(&args, "quiet"));
	assert_false(args_has(&args, "json"));
	args_release(&args);
}

static void the_last_value_counts(void **state)
{
	struct args args;

	(void)state;
	assert_int_equal(PARSE(&args, NULL, "ls", "--hub", "a", "--hub="), ERR_OK);
	assert_string_equal(args_value(&args, "hub"), "");
	args_release(&args);
}

#define REFUSES(part, ...) \
	do { \
		struct args args; \
		struct why why = {0}; \
		assert_int_equal(PARSE(&args, &why, __VA_ARGS__), ERR_USAGE); \
		if (!strstr(why.text, part)) \
			fail_msg("\"%s\" lacks \"%s\"", why.text, part); \
		args_release(&args); \
	} while (0)

static void mistakes_are_named(void **state)
{
	(void)state;
	REFUSES("did you mean larder get?", "gte", "x");
	REFUSES("there is no command \"frobnicate\"", "frobnicate");
	REFUSES("did you mean --force", "get", "x", "--froce");
	REFUSES("did you mean --json", "get", "x", "--jsno");
	REFUSES("--xyzzy", "get", "x", "--xyzzy");
	REFUSES("-x", "get", "x", "-x");
	REFUSES("--to DIR", "get", "x", "--to");
	REFUSES("takes no value", "get", "x", "--force=yes");
	REFUSES("larder get NAME [GLOB...]", "get");
	REFUSES("\"d\" is one word too many", "get", "a", "b", "c", "d");
	REFUSES("--to for larder ls", "ls", "--to", "x");
	REFUSES("--to for larder ls", "--to", "x", "ls");
	REFUSES("say what to do", "--json");
}

static void a_failure_knows_how_it_is_to_be_told(void **state)
{
	struct args args;

	(void)state;
	assert_int_equal(PARSE(&args, NULL, "--json", "get"), ERR_USAGE);
	assert_true(args_has(&args, "json"));
	args_release(&args);
	assert_int_equal(PARSE(&args, NULL, "frobnicate", "x", "--json"), ERR_USAGE);
	assert_true(args_has(&args, "json"));
	args_release(&args);
	assert_int_equal(PARSE(&args, NULL, "frobnicate", "--", "--json"), ERR_USAGE);
	assert_false(args_has(&args, "json"));
	args_release(&args);
	assert_int_equal(args_parse(&args, commands, 1, WORDS("x"), NULL), ERR_USAGE);
	args_release(&args);
}

static void help_needs_nothing_else(void **state)
{
	struct args args;

	(void)state;
	assert_int_equal(PARSE(&args, NULL, "get", "--help"), ERR_OK);
	assert_string_equal(args.command->name, "get");
	args_release(&args);
	assert_int_equal(PARSE(&args, NULL, "--version"), ERR_OK);
	assert_null(args.command);
	args_release(&args);
}

static void distances_count_slips_of_the_finger(void **state)
{
	(void)state;
	assert_int_equal(suggest_distance("verify", "verify"), 0);
	assert_int_equal(suggest_distance("verfiy", "verify"), 1);
	assert_int_equal(suggest_distance("veify", "verify"), 1);
	assert_int_equal(suggest_distance("verrify", "verify"), 1);
	assert_int_equal(suggest_distance("", "ls"), 2);
	assert_string_equal(suggest_nearer("stauts", NULL, "status"), "status");
	assert_null(suggest_nearer("x", NULL, "status"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_stand_anywhere),
		cmocka_unit_test(two_dashes_end_the_flags),
		cmocka_unit_test(flags_behind_another_program_are_its_own),
		cmocka_unit_test(the_last_value_counts),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(a_failure_knows_how_it_is_to_be_told),
		cmocka_unit_test(help_needs_nothing_else),
		cmocka_unit_test(distances_count_slips_of_the_finger),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
