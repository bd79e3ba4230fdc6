#include "base/err.h"

#include "support/cmocka.h"

#include <errno.h>
#include <string.h>

static void every_code_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int a = ERR_OK; a <= ERR_IO; a++) {
		assert_string_not_equal(err_name((enum err)a), "unknown error");
		for (int b = ERR_OK; b < a; b++)
			assert_string_not_equal(err_name((enum err)a), err_name((enum err)b));
	}
	assert_string_equal(err_name((enum err)(ERR_IO + 1)), "unknown error");
}

static void errno_tells_the_kind(void **state)
{
	(void)state;
	assert_int_equal(err_from_errno(ENOSPC), ERR_NO_SPACE);
	assert_int_equal(err_from_errno(EDQUOT), ERR_NO_SPACE);
	assert_int_equal(err_from_errno(EROFS), ERR_PERMISSION);
	assert_int_equal(err_from_errno(ENOENT), ERR_NOT_FOUND);
	assert_int_equal(err_from_errno(EIO), ERR_IO);
}

static void a_sentence_is_cut_and_tame(void **state)
{
	struct why why = {0};
	char longer[2 * WHY_MAX];

	(void)state;
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = 0;
	assert_int_equal(why_set(&why, ERR_LIMIT, "%s", longer), ERR_LIMIT);
	assert_int_equal(strlen(why.text), WHY_MAX - 1);
	assert_int_equal(why_set(&why, ERR_INVALID, "a\x1b[2Jb\nc"), ERR_INVALID);
	assert_string_equal(why.text, "a?[2Jb?c");
	assert_int_equal(why_set(NULL, ERR_INVALID, "nobody listens"), ERR_INVALID);
}

static void system_errors_say_their_reason(void **state)
{
	struct why why = {0};

	(void)state;
	assert_int_equal(why_errno(&why, ENOSPC, "cannot write %s", "/a b"), ERR_NO_SPACE);
	assert_string_equal(why.text, "cannot write /a b: No space left on device");
}

static void a_prefix_goes_before_what_is_there(void **state)
{
	struct why why = {0};

	(void)state;
	assert_int_equal(why_prefix(&why, ERR_BUSY, "blob"), ERR_BUSY);
	assert_string_equal(why.text, "blob: busy");
	assert_int_equal(why_prefix(&why, ERR_BUSY, "%s", "ORG/NAME"), ERR_BUSY);
	assert_string_equal(why.text, "ORG/NAME: blob: busy");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_a_name_of_its_own),
		cmocka_unit_test(errno_tells_the_kind),
		cmocka_unit_test(a_sentence_is_cut_and_tame),
		cmocka_unit_test(system_errors_say_their_reason),
		cmocka_unit_test(a_prefix_goes_before_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
