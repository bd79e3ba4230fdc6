#include "support/cmocka.h"

#include "cli/glob.h"

#include <string.h>

struct case_of {
	const char *pattern, *path;
};

static const struct case_of yes[] = {
	{"", ""}, {"*", ""}, {"*", "a/b/c"}, {"*.safetensors", "model.safetensors"}, {"*.safetensors", "onnx/model.safetensors"}, {"onnx/*", "onnx/a/b"},
	{"onnx/", "onnx/a"}, {"onnx/", "onnx/a/b"}, {"onnx/", "onnx/"}, {"*/", "a/b"}, {"model-????" "?-of-00002.bin", "model-00001-of-00002.bin"},
	{"[abc].txt", "b.txt"}, {"[a-c]x", "bx"}, {"[!a-c]x", "dx"}, {"[]]", "]"}, {"[]a]", "a"}, {"[!]a]", "b"}, {"[a", "[a"}, {"[", "["}, {"[!", "[!"},
	{"[a-]", "-"}, {"[-a]", "-"}, {"a*b*c", "a--b--b--c"}, {"*a*a*a", "aaaa"}, {"**", "x"}, {"?", "\xc3\xa4"}, {"[\xc3\xa4\xc3\xb6]", "\xc3\xb6"},
	{"?", "\xff"}, {"a\\b", "a\\b"}, {"*.bin", ".bin"}, {"a/*/b", "a/x/y/b"},
};

static const struct case_of no[] = {
	{"", "a"}, {"a", ""}, {"?", ""}, {"*.bin", "model.bin.index"}, {"*.BIN", "model.bin"}, {"onnx/*", "onnx"}, {"onnx/", "onnx"}, {"onnx/", "xonnx/a"},
	{"[abc]", "d"}, {"[!abc]", "a"}, {"[a-c]", "A"}, {"[z-a]", "m"}, {"[]]", "a"}, {"?", "\xc3\xa4\xc3\xa4"}, {"a*b", "a"}, {"a?c", "ac"}, {"config", "config.json"},
};

static void patterns_match_as_fnmatch_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		if (!glob_match(yes[i].pattern, yes[i].path))
			fail_msg("\"%s\" does not match \"%s\"", yes[i].pattern, yes[i].path);
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		if (glob_match(no[i].pattern, no[i].path))
			fail_msg("\"%s\" matches \"%s\"", no[i].pattern, no[i].path);
}

/* Going back to every star would take longer than the machine lives. */
static void many_stars_end(void **state)
{
	char path[1001];

	(void)state;
	memset(path, 'a', sizeof path - 1);
	path[sizeof path - 1] = 0;
	assert_false(glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_as_fnmatch_does),
		cmocka_unit_test(many_stars_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
