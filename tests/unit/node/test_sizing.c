#include "support/cmocka.h"

#include "node/sizing.h"

#include <string.h>

#define RIGHT ((uint64_t)5 << 20)

static void expect(struct sizing *sizing, int64_t now_ms, enum sizing_what what, uint64_t peer)
{
	struct sizing_task task;

	assert_true(sizing_next(sizing, now_ms, &task));
	assert_int_equal(task.what, what);
	assert_int_equal(task.peer, peer);
}

static void expect_nothing(struct sizing *sizing, int64_t now_ms)
{
	struct sizing_task task;

	assert_false(sizing_next(sizing, now_ms, &task));
}

static struct sizing *with_peers(uint64_t count)
{
	struct sizing *sizing = sizing_create();

	assert_non_null(sizing);
	for (uint64_t i = 0; i < count; i++)
		sizing_add(sizing, i);
	for (uint64_t i = 0; i < count; i++)
		expect(sizing, 0, SIZING_ASK_SIZE, i);
	expect_nothing(sizing, 0);
	return sizing;
}

static void one_peer_proves_it(void **state)
{
	struct sizing *sizing = with_peers(1);
	uint8_t claimed[SHA256_LEN] = {7}, before[SHA256_LEN];
	struct sizing_task task;
	uint64_t size = 0;

	(void)state;
	sizing_size(sizing, 0, RIGHT + 1);
	assert_true(sizing_next(sizing, 0, &task));
	assert_int_equal(task.what, SIZING_ASK_STATE);
	assert_int_equal(task.index, 5);
	assert_int_equal(task.size, RIGHT + 1);
	assert_false(sizing_before(sizing, 0, &size, before));
	sizing_state(sizing, 0, claimed);
	expect(sizing, 0, SIZING_ASK_CHUNK, 0);
	assert_true(sizing_before(sizing, 0, &size, before));
	assert_memory_equal(before, claimed, sizeof before);
	assert_false(sizing_is_settled(sizing, &size));
	sizing_checked(sizing, 0, true);
	assert_true(sizing_is_settled(sizing, &size));
	assert_int_equal(size, RIGHT + 1);
	assert_false(sizing_is_hopeless(sizing));
	expect_nothing(sizing, 0);
	sizing_destroy(sizing);
}

static void one_chunk_has_no_state_before_it(void **state)
{
	struct sizing *sizing = with_peers(1);

	(void)state;
	sizing_size(sizing, 0, 17);
	expect(sizing, 0, SIZING_ASK_CHUNK, 0);
	sizing_destroy(sizing);
}

/* Whoever is first to claim the right size need not be the one who can prove it. */
static void others_prove_the_same_size(void **state)
{
	struct sizing *sizing = with_peers(4);
	uint64_t size;

	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		sizing_size(sizing, i, 9);
	expect(sizing, 0, SIZING_ASK_CHUNK, 0);
	expect_nothing(sizing, 0);
	assert_true(sizing_deadline_ms(sizing) <= SIZING_AGAIN_MS);
	expect(sizing, SIZING_AGAIN_MS, SIZING_ASK_CHUNK, 1);
	expect_nothing(sizing, SIZING_WAIT_MS - 1);
	sizing_checked(sizing, 0, false);
	expect(sizing, SIZING_WAIT_MS - 1, SIZING_ASK_CHUNK, 2);
	expect_nothing(sizing, SIZING_WAIT_MS - 1);
	sizing_failed(sizing, 1);
	sizing_remove(sizing, 2);
	expect(sizing, SIZING_WAIT_MS, SIZING_ASK_CHUNK, 3);
	assert_false(sizing_is_hopeless(sizing));
	sizing_checked(sizing, 3, false);
	expect_nothing(sizing, SIZING_WAIT_MS);
	assert_true(sizing_is_hopeless(sizing));
	assert_false(sizing_is_settled(sizing, &size));
	sizing_destroy(sizing);
}

/* Liars who each tell another size do not crowd out the honest one. */
static void many_sizes(void **state)
{
	struct sizing *sizing = with_peers(SIZING_PEERS);
	struct sizing_task task;
	unsigned open = 0;
	uint64_t size = 0;

	(void)state;
	sizing_add(sizing, 99);
	expect_nothing(sizing, 0);
	for (uint64_t i = 0; i < SIZING_PEERS; i++)
		sizing_size(sizing, i, 100 + i);
	while (!sizing_is_settled(sizing, &size)) {
		uint64_t asked[SIZING_PROVING];
		for (open = 0; sizing_next(sizing, 0, &task); open++) {
			assert_int_equal(task.what, SIZING_ASK_CHUNK);
			assert_true(open < SIZING_PROVING);
			asked[open] = task.peer;
		}
		assert_int_equal(open, SIZING_PROVING);
		for (unsigned i = 0; i < open; i++)
			sizing_checked(sizing, asked[i], asked[i] == SIZING_PEERS - 1);
	}
	assert_int_equal(size, 100 + SIZING_PEERS - 1);
	sizing_destroy(sizing);
}

static void the_silent_are_not_waited_for(void **state)
{
	struct sizing *sizing = with_peers(2);
	uint8_t claimed[SHA256_LEN] = {0};

	(void)state;
	assert_int_equal(sizing_deadline_ms(sizing), SIZING_WAIT_MS);
	sizing_size(sizing, 1, RIGHT);
	expect(sizing, 100, SIZING_ASK_STATE, 1);
	expect_nothing(sizing, 100);
	expect_nothing(sizing, SIZING_WAIT_MS);
	assert_int_equal(sizing_deadline_ms(sizing), 100 + SIZING_WAIT_MS);
	/* Too late. */
	sizing_size(sizing, 0, RIGHT);
	expect_nothing(sizing, 100 + SIZING_WAIT_MS);
	assert_true(sizing_is_hopeless(sizing));
	sizing_state(sizing, 1, claimed);
	expect_nothing(sizing, 100 + SIZING_WAIT_MS);
	assert_int_equal(sizing_deadline_ms(sizing), INT64_MAX);
	sizing_destroy(sizing);
}

static void too_large_is_no_size(void **state)
{
	struct sizing *sizing = with_peers(1);

	(void)state;
	sizing_size(sizing, 0, CHAIN_MAX_BLOB + 1);
	expect_nothing(sizing, 0);
	assert_true(sizing_is_hopeless(sizing));
	sizing_destroy(sizing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_peer_proves_it),
		cmocka_unit_test(one_chunk_has_no_state_before_it),
		cmocka_unit_test(others_prove_the_same_size),
		cmocka_unit_test(many_sizes),
		cmocka_unit_test(the_silent_are_not_waited_for),
		cmocka_unit_test(too_large_is_no_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
