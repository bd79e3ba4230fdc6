#include "support/cmocka.h"

#include "cli/exit_code.h"

static void each_kind_of_failure_has_its_code(void **state)
{
	(void)state;
	assert_int_equal(exit_code_of(ERR_OK), 0);
	assert_int_equal(exit_code_of(ERR_USAGE), 2);
	assert_int_equal(exit_code_of(ERR_NOT_FOUND), 3);
	assert_int_equal(exit_code_of(ERR_HUB_AWAY), 4);
	assert_int_equal(exit_code_of(ERR_CUT), 4);
	assert_int_equal(exit_code_of(ERR_UNPROVEN), 5);
	assert_int_equal(exit_code_of(ERR_DENIED), 6);
	assert_int_equal(exit_code_of(ERR_NO_SPACE), 7);
	assert_int_equal(exit_code_of(ERR_CANCELLED), 130);
	for (enum err err = ERR_NO_MEMORY; err <= ERR_IO; err++)
		assert_int_not_equal(exit_code_of(err), 0);
	assert_int_equal(exit_code_of(ERR_IO), 1);
	assert_int_equal(exit_code_of(ERR_INVALID), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_kind_of_failure_has_its_code)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
