#include "discovery/library.h"

#include "support/cmocka.h"

#include <avahi-client/publish.h>
#include <avahi-core/core.h>

#define CALLS(CALL) CALL(entry_group_free) CALL(entry_group_new)

struct calls {
	CALLS(LIBRARY_POINTER)
};

static const struct library_call client_calls[] = {CALLS(LIBRARY_CALL)};

/* The one name that both of Avahi's libraries have. */
static const struct library_call shared_call[] = {{"avahi_entry_group_free", 0}};

static void both_libraries_are_there_side_by_side(void **state)
{
	void (*client)(void) = NULL, (*core)(void) = NULL;

	(void)state;
	assert_true(library_load("libavahi-client.so.3", shared_call, 1, &client));
	assert_true(library_load("libavahi-core.so.7", shared_call, 1, &core));
	assert_non_null(client);
	assert_non_null(core);
	assert_true(client != core);
}

static void what_is_missing_is_said(void **state)
{
	static const struct library_call unknown[] = {{"avahi_no_such_function", 0}};
	struct calls calls;

	(void)state;
	assert_true(library_load("libavahi-client.so.3", client_calls, 2, &calls));
	assert_false(library_load("libavahi-client.so.3", unknown, 1, &calls));
	assert_false(library_load("libno-such-library.so.1", client_calls, 2, &calls));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_libraries_are_there_side_by_side),
		cmocka_unit_test(what_is_missing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
