/* Partial blobs whose chunks come from peers, in any order, between states that these claim. */
#include "support/cmocka.h"

#include "support/two_files.h"

#include <string.h>

static void from_the_tail(void **state)
{
	struct two_files *both = *state;

	assert_int_equal(put(both, &both->right, 3), PARTIAL_UNWANTED);
	suggest(both, &both->right.chain);
	for (uint64_t i = CHUNKS; i-- > 0;) {
		assert_int_equal(partial_anchored_from(both->partial), i + 1);
		assert_int_equal(put(both, &both->right, i), PARTIAL_KEPT);
		assert_int_equal(put(both, &both->right, i), PARTIAL_HAD);
		assert_int_equal(put(both, &both->wrong, i), i + 1 == CHUNKS ? PARTIAL_WRONG : PARTIAL_HAD);
		assert_int_equal(partial_prefix(both->partial), 0);
	}
	commits(both);
}

/* Nobody needs to have suggested what links to H. */
static void the_tail_needs_no_suggestion(void **state)
{
	struct two_files *both = *state;

	for (uint64_t i = CHUNKS; i-- > 0;)
		assert_int_equal(put(both, &both->right, i), PARTIAL_KEPT);
	commits(both);
}

static void many_at_once(void **state)
{
	static const uint64_t order[] = {3, 0, 6, 2, 9, 5, 1, 3, 4};
	struct two_files *both = *state;
	struct partial_item items[sizeof order / sizeof order[0]];
	size_t count = sizeof order / sizeof order[0];

	suggest(both, &both->right.chain);
	for (size_t i = 0; i < count; i++)
		items[i] = order[i] == 9 ? (struct partial_item){.index = 9} : item_of(&both->right, order[i]);
	items[5].data = both->wrong.data;
	assert_int_equal(partial_put_many(both->partial, items, count, NULL), ERR_OK);
	for (size_t i = 0; i < count; i++) {
		enum partial_answer expected = i == 4 ? PARTIAL_UNWANTED : i == 5 ? PARTIAL_WRONG : i == 7 ? PARTIAL_HAD : PARTIAL_KEPT;
		if (order[i] == 3)
			assert_true(items[i].answer == PARTIAL_KEPT || items[i].answer == PARTIAL_HAD);
		else
			assert_int_equal(items[i].answer, expected);
	}
	expect_here(both, "11111-1");
	assert_int_equal(partial_anchored_from(both->partial), 6);
	assert_int_equal(put(both, &both->right, 5), PARTIAL_KEPT);
	commits(both);
}

static void front_and_tail_meet(void **state)
{
	struct two_files *both = *state;

	suggest(both, &both->right.chain);
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(put(both, &both->right, CHUNKS - 1 - i), PARTIAL_KEPT);
		assert_int_equal(put_believed(both, &both->right, i), ERR_OK);
	}
	assert_int_equal(partial_prefix(both->partial), 3);
	assert_int_equal(partial_anchored_from(both->partial), 4);
	assert_int_equal(put_believed(both, &both->right, 3), ERR_OK);
	commits(both);
}

/* A story that is consistent in itself is linked, and never more than that. */
static void linked_is_forgotten_with_its_states(void **state)
{
	struct two_files *both = *state;
	struct digest found;

	suggest_mixed(both, 2, 5);
	assert_int_equal(put(both, &both->wrong, 3), PARTIAL_KEPT);
	assert_int_equal(put(both, &both->wrong, 2), PARTIAL_KEPT);
	assert_int_equal(put(both, &both->right, 6), PARTIAL_KEPT);
	assert_int_equal(put(both, &both->right, 0), PARTIAL_KEPT);
	assert_int_equal(put(both, &both->wrong, 5), PARTIAL_UNWANTED);
	assert_int_equal(put(both, &both->right, 4), PARTIAL_UNWANTED);
	expect_here(both, "1-11--1");
	assert_int_equal(partial_commit(both->partial, &found, NULL), ERR_UNPROVEN);
	suggest(both, &both->right.chain);
	expect_here(both, "1-----1");
	for (uint64_t i = 1; i < 6; i++)
		assert_int_equal(put(both, &both->right, i), PARTIAL_KEPT);
	commits(both);
}

static void suggestion_against_what_is_anchored(void **state)
{
	struct two_files *both = *state;
	struct chain chain = mixed_chain(both, 2, 5);
	uint64_t index = 77;

	for (uint64_t i = CHUNKS - 1; i >= 4; i--)
		assert_int_equal(put(both, &both->right, i), PARTIAL_KEPT);
	assert_int_equal(partial_suggest(both->partial, &chain, &index, NULL), ERR_UNPROVEN);
	assert_int_equal(index, 5);
	assert_null(partial_state(both->partial, 2));
	chain_release(&chain);
	suggest_mixed(both, 2, 3);
	assert_memory_equal(partial_state(both->partial, 3), both->wrong.chain.states[2], SHA256_LEN);
	assert_memory_equal(partial_state(both->partial, 4), both->right.chain.states[3], SHA256_LEN);
	assert_int_equal(chain_init(&chain, SIZE + CHUNK), ERR_OK);
	assert_int_equal(partial_suggest(both->partial, &chain, &index, NULL), ERR_INVALID);
	chain_release(&chain);
}

/* One honest peer is enough, whatever chain the others made us believe. */
static void anchored_wins_over_claims(void **state)
{
	struct two_files *both = *state;

	suggest_mixed(both, 1, 5);
	assert_int_equal(put(both, &both->wrong, 4), PARTIAL_KEPT);
	assert_int_equal(put(both, &both->wrong, 3), PARTIAL_KEPT);
	assert_int_equal(put(both, &both->right, 6), PARTIAL_KEPT);
	assert_int_equal(put(both, &both->right, 5), PARTIAL_KEPT);
	expect_here(both, "---1-11");
	assert_memory_equal(partial_state(both->partial, 5), both->right.chain.states[4], SHA256_LEN);
	for (uint64_t i = 5; i-- > 0;)
		assert_int_equal(put(both, &both->right, i), PARTIAL_KEPT);
	commits(both);
}

static void believed_wins_over_claims(void **state)
{
	struct two_files *both = *state;

	suggest_mixed(both, 2, 4);
	assert_false(partial_is_overruled(both->partial));
	assert_int_equal(put(both, &both->right, 6), PARTIAL_KEPT);
	assert_int_equal(put(both, &both->right, 5), PARTIAL_KEPT);
	assert_int_equal(put(both, &both->wrong, 2), PARTIAL_KEPT);
	assert_int_equal(put_believed(both, &both->right, 0), ERR_OK);
	expect_here(both, "1-1--11");
	assert_int_equal(put_believed(both, &both->right, 1), ERR_OK);
	expect_here(both, "11---11");
	assert_true(partial_is_overruled(both->partial));
	assert_int_equal(partial_forgotten(both->partial), 1);
	assert_null(partial_state(both->partial, 3));
	assert_false(partial_can_put(both->partial, 4));
	for (uint64_t i = 2; i < 5; i++)
		assert_int_equal(put_believed(both, &both->right, i), ERR_OK);
	commits(both);
}

/* Where the state before is a claim itself the chunk cannot be kept, but tells as much. */
static void believed_wins_over_claims_before_it(void **state)
{
	struct two_files *both = *state;

	suggest_mixed(both, 1, 4);
	assert_int_equal(put(both, &both->wrong, 0), PARTIAL_KEPT);
	assert_int_equal(put(both, &both->wrong, 1), PARTIAL_KEPT);
	assert_int_equal(put(both, &both->right, 6), PARTIAL_KEPT);
	assert_int_equal(partial_prefix(both->partial), 0);
	assert_int_equal(put_believed(both, &both->right, 2), ERR_UNPROVEN);
	assert_true(partial_is_overruled(both->partial));
	expect_here(both, "------1");
	for (uint64_t i = 0; i < 6; i++)
		assert_int_equal(put_believed(both, &both->right, i), ERR_OK);
	commits(both);
}

/* What a liar put at the front, computed from S(0) like anything, is no prefix: an honest chain replaces it. */
static void a_liar_has_no_prefix(void **state)
{
	struct two_files *both = *state;

	suggest_mixed(both, 1, 5);
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(put(both, &both->wrong, i), PARTIAL_KEPT);
	reopen(both);
	expect_here(both, "111----");
	assert_int_equal(partial_prefix(both->partial), 0);
	suggest(both, &both->right.chain);
	expect_here(both, "-------");
	assert_int_equal(put_believed(both, &both->right, 0), ERR_OK);
	reopen(both);
	assert_int_equal(partial_prefix(both->partial), 1);
	suggest(both, &both->right.chain);
	expect_here(both, "1------");
	for (uint64_t i = 1; i < CHUNKS; i++)
		assert_int_equal(put(both, &both->right, i), PARTIAL_KEPT);
	commits(both);
}

static void believed_does_not_win_over_anchored(void **state)
{
	struct two_files *both = *state;
	struct digest found = both->right.digest;

	for (uint64_t i = CHUNKS - 1; i >= 3; i--)
		assert_int_equal(put(both, &both->right, i), PARTIAL_KEPT);
	assert_int_equal(put_believed(both, &both->right, 0), ERR_OK);
	assert_int_equal(put_believed(both, &both->wrong, 1), ERR_OK);
	assert_int_equal(partial_put(both->partial, 2, both->right.data + 2 * CHUNK, CHUNK, &found, NULL), ERR_UNPROVEN);
	assert_int_equal(found.algorithm, DIGEST_NONE);
	/* It cannot be told which one was wrong. */
	expect_here(both, "---1111");
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(put_believed(both, &both->right, i), ERR_OK);
	commits(both);
}

static void prefix_loses_against_anchored(void **state)
{
	struct two_files *both = *state;

	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(put_believed(both, i == 0 ? &both->right : &both->wrong, i), ERR_OK);
	suggest(both, &both->right.chain);
	expect_here(both, "111----");
	/* What only claims to lead on from there changes nothing yet. */
	assert_int_equal(put(both, &both->right, 3), PARTIAL_UNWANTED);
	for (uint64_t i = CHUNKS - 1; i >= 4; i--)
		assert_int_equal(put(both, &both->right, i), PARTIAL_KEPT);
	assert_int_equal(put(both, &both->right, 3), PARTIAL_KEPT);
	expect_here(both, "11-1111");
	assert_int_equal(put(both, &both->right, 2), PARTIAL_KEPT);
	expect_here(both, "1-11111");
	assert_int_equal(put(both, &both->right, 1), PARTIAL_KEPT);
	commits(both);
}

/* A processor that computes wrong must not judge peers. */
static void advance_badly(struct sha256_state *const states[], const uint8_t *const data[], unsigned count, size_t blocks)
{
	sha256_kernel_find("portable")->advance(states, data, count, blocks);
	states[0]->h[3] ^= blocks > 0;
}

static bool is_always(void) { return true; }

static void kernels_that_disagree(void **state)
{
	static const struct sha256_kernel bad = {"bad", 1, is_always, advance_badly};
	struct two_files *both = *state;
	struct sha256_engine good = both->home->engine;
	struct partial_item item = item_of(&both->right, 4);
	struct why why = {0};

	suggest(both, &both->right.chain);
	both->home->engine = (struct sha256_engine){.serial = &bad, .narrow = &bad, .wide = &bad, .narrow_max = 1};
	assert_int_equal(partial_put_many(both->partial, &item, 1, &why), ERR_UNSUPPORTED);
	assert_int_equal(item.answer, PARTIAL_NOT_LOOKED_AT);
	both->home->engine = good;
	expect_here(both, "-------");
}

static void without_a_digest(void **state)
{
	struct two_files *both = *state;
	struct partial_item item = item_of(&both->right, 0);

	partial_close(both->partial);
	assert_int_equal(partial_open_unnamed(both->home->store, SIZE, &both->partial, NULL), ERR_OK);
	assert_int_equal(partial_put_many(both->partial, &item, 1, NULL), ERR_INVALID);
	for (uint64_t i = 0; i < CHUNKS; i++)
		assert_int_equal(put_believed(both, &both->right, i), ERR_OK);
	commits(both);
}

#define WITH_BOTH(test) cmocka_unit_test_setup_teardown(test, two_files_setup, two_files_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BOTH(from_the_tail),
		WITH_BOTH(the_tail_needs_no_suggestion),
		WITH_BOTH(many_at_once),
		WITH_BOTH(front_and_tail_meet),
		WITH_BOTH(linked_is_forgotten_with_its_states),
		WITH_BOTH(suggestion_against_what_is_anchored),
		WITH_BOTH(anchored_wins_over_claims),
		WITH_BOTH(believed_wins_over_claims),
		WITH_BOTH(believed_wins_over_claims_before_it),
		WITH_BOTH(a_liar_has_no_prefix),
		WITH_BOTH(believed_does_not_win_over_anchored),
		WITH_BOTH(prefix_loses_against_anchored),
		WITH_BOTH(kernels_that_disagree),
		WITH_BOTH(without_a_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
