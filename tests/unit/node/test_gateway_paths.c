#include "node/gateway_paths.h"
#include "support/cmocka.h"

#include <string.h>

#define JSON "application/json; charset=utf-8"
#define FORM "application/x-www-form-urlencoded"

/* `expected` as JSON text; NULL: refused. */
static void assert_paths(const char *type, const char *body, const char *expected)
{
	json_t *paths = gateway_paths_parse(type, body, strlen(body)), *right = expected ? json_loads(expected, 0, NULL) : NULL;

	if (expected ? !json_equal(paths, right) : paths != NULL)
		fail_msg("%s is not understood", body);
	json_decref(paths);
	json_decref(right);
}

static void both_forms_are_understood(void **state)
{
	(void)state;
	assert_paths(JSON, "{\"paths\": [\"a b\", \"c/d\"], \"expand\": true}", "[\"a b\", \"c/d\"]");
	assert_paths(JSON, "{\"paths\": \"a\"}", "[\"a\"]");
	assert_paths(FORM, "paths=a+b&expand=True&paths=c%2Fd%2b%26", "[\"a b\", \"c/d+&\"]");
	assert_paths(NULL, "paths=gr%C3%B6%C3%9Fe", "[\"gr\\u00f6\\u00dfe\"]");
	assert_paths(FORM, "", "[]");
}

static void what_is_neither_is_refused(void **state)
{
	(void)state;
	assert_paths(JSON, "paths=a", NULL);
	assert_paths(JSON, "{\"paths\": [1]}", NULL);
	assert_paths(JSON, "{}", NULL);
	assert_paths(JSON, "", NULL);
	assert_paths(FORM, "paths=%ff", NULL);
}

static void there_are_not_too_many(void **state)
{
	char body[(GATEWAY_PATHS_MAX + 1) * sizeof "paths=a"] = "";
	json_t *paths;

	(void)state;
	for (size_t i = 0; i < GATEWAY_PATHS_MAX; i++)
		memcpy(body + 8 * i, "paths=a&", 8);
	paths = gateway_paths_parse(FORM, body, 8 * GATEWAY_PATHS_MAX - 1);
	assert_int_equal(json_array_size(paths), GATEWAY_PATHS_MAX);
	json_decref(paths);
	memcpy(body + 8 * GATEWAY_PATHS_MAX, "paths=a", 7);
	assert_null(gateway_paths_parse(FORM, body, 8 * GATEWAY_PATHS_MAX + 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms_are_understood),
		cmocka_unit_test(what_is_neither_is_refused),
		cmocka_unit_test(there_are_not_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
