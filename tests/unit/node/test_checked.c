#include "node/checked.h"
#include "store/chain.h"
#include "support/cmocka.h"

#define SIZE (9 * (off_t)CHAIN_CHUNK + 5) /* ten chunks */

static struct checked checked;

static struct digest digest_number(unsigned number)
{
	uint8_t bytes[32] = {(uint8_t)number, (uint8_t)(number >> 8)};

	return digest_of_sha256(bytes);
}

static int set_up(void **state)
{
	(void)state;
	checked_init(&checked);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	checked_release(&checked);
	return 0;
}

static void chunks_are_remembered(void **state)
{
	struct stat file = {.st_ino = 7, .st_size = SIZE};
	struct digest digest = digest_number(1), other = digest_number(2);

	(void)state;
	assert_false(checked_has(&checked, &digest, &file, 0, 1));
	checked_add(&checked, &digest, &file, 0, 1);
	checked_add(&checked, &digest, &file, 8, 10);
	assert_true(checked_has(&checked, &digest, &file, 0, 1));
	assert_true(checked_has(&checked, &digest, &file, 8, 10));
	assert_false(checked_has(&checked, &digest, &file, 7, 9));
	assert_false(checked_has(&checked, &digest, &file, 0, 11));
	assert_false(checked_has(&checked, &other, &file, 0, 1));
	for (uint64_t i = 0; i < 10; i++)
		checked_add(&checked, &digest, &file, i, i + 1);
	assert_true(checked_has(&checked, &digest, &file, 0, 10));
	assert_false(checked_has(&checked, &digest, &file, 0, 11));
}

static void another_file_of_that_name_is_unchecked(void **state)
{
	struct stat file = {.st_ino = 7, .st_size = SIZE, .st_mtim = {5, 6}, .st_ctim = {7, 8}};
	struct stat others[] = {file, file, file, file};
	struct digest digest = digest_number(1);

	(void)state;
	others[0].st_ino = 8;
	others[1].st_mtim.tv_nsec = 7;
	others[2].st_ctim.tv_sec = 8;
	others[3].st_size = (off_t)CHAIN_CHUNK;
	for (size_t i = 0; i < 4; i++) {
		checked_add(&checked, &digest, &file, 0, 10);
		assert_true(checked_has(&checked, &digest, &file, 0, 10));
		assert_false(checked_has(&checked, &digest, &others[i], 0, 1));
		assert_false(checked_has(&checked, &digest, &file, 0, 1));
	}
}

static void the_oldest_are_forgotten(void **state)
{
	struct stat file = {.st_ino = 7, .st_size = SIZE};
	struct digest kept = digest_number(10000), lost = digest_number(10001);

	(void)state;
	checked_add(&checked, &kept, &file, 0, 10);
	checked_add(&checked, &lost, &file, 0, 10);
	for (unsigned i = 0; i < CHECKED_MAX; i++) {
		struct digest digest = digest_number(i);
		checked_add(&checked, &digest, &file, 0, 1);
		assert_true(checked_has(&checked, &kept, &file, 0, 10));
	}
	assert_false(checked_has(&checked, &lost, &file, 0, 1));
	assert_int_equal(checked.count, CHECKED_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(chunks_are_remembered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_file_of_that_name_is_unchecked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_oldest_are_forgotten, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
