/* Partial blobs with chunks from peers that are closed, lost in part, damaged, and gone on with. */
#include "support/cmocka.h"

#include "support/two_files.h"

#include <string.h>

static void closing_keeps_what_is_linked(void **state)
{
	struct two_files *both = *state;

	suggest(both, &both->right.chain);
	assert_int_equal(put_believed(both, &both->right, 0), ERR_OK);
	assert_int_equal(put(both, &both->right, 3), PARTIAL_KEPT);
	assert_int_equal(put(both, &both->right, 6), PARTIAL_KEPT);
	assert_int_equal(put(both, &both->right, 5), PARTIAL_KEPT);
	reopen(both);
	expect_here(both, "1--1-11");
	assert_int_equal(partial_prefix(both->partial), 1);
	assert_int_equal(partial_anchored_from(both->partial), 5);
	/* States with no chunk beside them were claims, and are gone. */
	assert_null(partial_state(both->partial, 2));
	assert_memory_equal(partial_state(both->partial, 3), both->right.chain.states[2], SHA256_LEN);
	suggest(both, &both->right.chain);
	expect_here(both, "1--1-11");
	for (uint64_t i = CHUNKS; i-- > 0;)
		assert_int_equal(put(both, &both->right, i), partial_has(both->partial, i) ? PARTIAL_HAD : PARTIAL_KEPT);
	commits(both);
}

/* A false story that was linked before a crash does not stand in the way of the hub. */
static void false_story_after_a_crash(void **state)
{
	struct two_files *both = *state;

	suggest_mixed(both, 2, 5);
	for (uint64_t i = 2; i < 5; i++)
		assert_int_equal(put(both, &both->wrong, i), PARTIAL_KEPT);
	reopen(both);
	expect_here(both, "--111--");
	assert_int_equal(partial_anchored_from(both->partial), CHUNKS);
	for (uint64_t i = 0; i < CHUNKS; i++)
		assert_int_equal(put_believed(both, &both->right, i), ERR_OK);
	commits(both);
}

static void bytes_lost_by_a_crash(void **state)
{
	struct two_files *both = *state;
	char path[256];

	for (uint64_t i = CHUNKS; i-- > 2;)
		assert_int_equal(put(both, &both->right, i), PARTIAL_KEPT);
	store_home_data_path(both->home, &both->right.digest, path);
	partial_close(both->partial);
	store_home_damage(both->home, path, 4 * CHUNK + 9, true);
	both->partial = NULL;
	reopen(both);
	expect_here(both, "--11-11");
	assert_int_equal(partial_anchored_from(both->partial), 5);
	for (uint64_t i = CHUNKS; i-- > 0;)
		assert_int_equal(put(both, &both->right, i), partial_has(both->partial, i) ? PARTIAL_HAD : PARTIAL_KEPT);
	commits(both);
}

static void a_damaged_blob_is_repaired_from_peers(void **state)
{
	struct two_files *both = *state;
	struct blob_check check;
	char path[256];
	uint64_t index = 0;

	suggest(both, &both->right.chain);
	for (uint64_t i = 0; i < CHUNKS; i++)
		assert_int_equal(put(both, &both->right, i), PARTIAL_KEPT);
	commits(both);
	store_home_blob_path(both->home, &both->right.digest, path);
	store_home_damage(both->home, path, 3 * CHUNK, true);
	assert_int_equal(blob_verify(both->home->store, &both->right.digest, NULL, NULL, NULL, &check, NULL), ERR_UNPROVEN);
	reopen(both);
	expect_here(both, "111-111");
	assert_int_equal(put(both, &both->wrong, 3), PARTIAL_UNWANTED);
	assert_int_equal(partial_suggest(both->partial, &both->wrong.chain, &index, NULL), ERR_UNPROVEN);
	assert_int_equal(index, 6);
	assert_int_equal(put_believed(both, &both->wrong, 3), ERR_UNPROVEN);
	expect_here(both, "111-111");
	assert_int_equal(put(both, &both->right, 3), PARTIAL_KEPT);
	commits(both);
}

static unsigned draw(uint64_t *state, unsigned bound)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (unsigned)(*state >> 33) % bound;
}

static void do_something(struct two_files *both, uint64_t *random)
{
	uint64_t index = draw(random, CHUNKS), other = draw(random, CHUNKS - 1) + 1;
	struct chain chain = mixed_chain(both, index < other ? index + (index == 0) : other, index < other ? other : index);
	struct partial_item item = item_of(draw(random, 2) ? &both->right : &both->wrong, index);

	switch (draw(random, 8)) {
	case 0:
		(void)!partial_suggest(both->partial, draw(random, 2) ? &both->right.chain : &chain, NULL, NULL);
		break;
	case 1:
		if (partial_can_put(both->partial, index))
			(void)!put_believed(both, &both->right, index);
		break;
	case 2:
		(void)!put_believed(both, &both->right, partial_prefix(both->partial));
		break;
	case 3:
		reopen(both);
		break;
	default:
		/* With the states of a chain that is neither. */
		if (index > 0 && draw(random, 4) == 0)
			memcpy(item.before, chain.states[index - 1], SHA256_LEN);
		assert_int_equal(partial_put_many(both->partial, &item, 1, NULL), ERR_OK);
		break;
	}
	chain_release(&chain);
}

/* Whatever happens in whatever order: what is complete is right, and whoever has the right chunks gets there. */
static void whatever_happens(void **state)
{
	struct two_files *both = *state;
	uint64_t random = 88172645463325252ULL;

	for (unsigned round = 0; round < 12; round++) {
		bool by_hub = draw(&random, 2) == 0;
		for (unsigned i = 0; i < 40 && !partial_is_complete(both->partial); i++)
			do_something(both, &random);
		for (unsigned i = 0; i < CHUNKS * 3 && !partial_is_complete(both->partial); i++) {
			uint64_t first = 0, count = 0, last = partial_anchored_from(both->partial);
			assert_true(partial_next_missing(both->partial, 0, &first, &count));
			if (by_hub)
				(void)!put_believed(both, &both->right, first);
			else
				assert_int_equal(put(both, &both->right, last - 1), PARTIAL_KEPT);
		}
		commits(both);
		assert_int_equal(blob_remove(both->home->store, &both->right.digest, false, NULL), ERR_OK);
		assert_int_equal(partial_open(both->home->store, &both->right.digest, SIZE, &both->partial, NULL), ERR_OK);
		assert_int_equal(partial_have_bytes(both->partial), 0);
	}
}

#define WITH_BOTH(test) cmocka_unit_test_setup_teardown(test, two_files_setup, two_files_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BOTH(closing_keeps_what_is_linked),
		WITH_BOTH(false_story_after_a_crash),
		WITH_BOTH(bytes_lost_by_a_crash),
		WITH_BOTH(a_damaged_blob_is_repaired_from_peers),
		WITH_BOTH(whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
