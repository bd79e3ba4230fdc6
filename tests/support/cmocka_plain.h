/* cmocka_plain: what the tests of the proof use of cmocka, where there is no cmocka for the architecture. The first failed assertion
 * ends the program with status 1. */
#ifndef LARDER_TESTS_CMOCKA_PLAIN_H
#define LARDER_TESTS_CMOCKA_PLAIN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*function)(void **state);
};

#define cmocka_unit_test(function) {#function, function}
#define cmocka_run_group_tests(tests, setup, teardown) plain_run(tests, sizeof(tests) / sizeof((tests)[0]))

#define assert_true(condition) plain_assert(condition, #condition, __FILE__, __LINE__)
#define assert_false(condition) assert_true(!(condition))
#define assert_null(pointer) assert_true((pointer) == NULL)
#define assert_non_null(pointer) assert_true((pointer) != NULL)
#define assert_ptr_equal(a, b) assert_true((a) == (b))
#define assert_int_equal(a, b) assert_true((uintmax_t)(a) == (uintmax_t)(b))
#define assert_in_range(value, low, high) assert_true((uintmax_t)(value) - (low) <= (uintmax_t)(high) - (low))
#define assert_string_equal(a, b) assert_true(strcmp(a, b) == 0)
#define assert_memory_equal(a, b, len) assert_true(memcmp(a, b, len) == 0)

static inline void plain_assert(int condition, const char *text, const char *file, int line)
{
	if (condition)
		return;
	fprintf(stderr, "%s:%d: failed: %s\n", file, line, text);
	exit(1);
}

static inline int plain_run(const struct CMUnitTest *tests, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		void *state = NULL;
		printf("%s\n", tests[i].name);
		fflush(stdout);
		tests[i].function(&state);
	}
	printf("%zu tests passed\n", count);
	return 0;
}

#endif
