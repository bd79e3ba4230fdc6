/* Partial blobs whose chunks come from peers, in any order, between states that these claim. */
#include "support/cmocka.h"

#include "support/store_home.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK CHAIN_CHUNK
#define SIZE (6 * CHUNK + 100)
#define CHUNKS 7
#define RIGHT 1 /* the file that is fetched */
#define FALSE 2 /* another one of the same size */

struct file {
	uint8_t *data;
	struct chain chain;
	struct digest digest;
};

static struct file make_file(const struct store_home *home, uint64_t seed)
{
	struct file file = {.data = content_make(seed, SIZE)};
	uint8_t after[SHA256_LEN];

	assert_int_equal(chain_init(&file.chain, SIZE), ERR_OK);
	for (uint64_t i = 0; i < CHUNKS; i++) {
		struct sha256_state before = chain_state_before(&file.chain, i);
		chain_advance(&home->engine, SIZE, i, &before, file.data + chain_chunk_offset(i), chain_chunk_len(SIZE, i), after);
		if (i < file.chain.count)
			memcpy(file.chain.states[i], after, sizeof after);
	}
	file.digest = digest_of_sha256(after);
	return file;
}

static void free_file(struct file *file)
{
	free(file->data);
	chain_release(&file->chain);
}

struct both {
	struct store_home *home;
	struct file right, wrong;
	struct partial *partial;
};

static int setup(void **state)
{
	struct both *both = calloc(1, sizeof *both);
	void *home;

	store_home_setup(&home);
	both->home = home;
	both->right = make_file(home, RIGHT);
	both->wrong = make_file(home, FALSE);
	assert_int_equal(partial_open(both->home->store, &both->right.digest, SIZE, &both->partial, NULL), ERR_OK);
	*state = both;
	return 0;
}

static int teardown(void **state)
{
	struct both *both = *state;
	void *home = both->home;

	partial_close(both->partial);
	free_file(&both->right);
	free_file(&both->wrong);
	free(both);
	return store_home_teardown(&home);
}

static struct partial_item item_of(const struct file *file, uint64_t index)
{
	struct partial_item item = {.index = index, .data = file->data + chain_chunk_offset(index)};

	sha256_write_state(&(struct sha256_state){{0}}, item.before);
	if (index > 0)
		memcpy(item.before, file->chain.states[index - 1], SHA256_LEN);
	memcpy(item.after, chain_state_after(&file->chain, &file->digest, index), SHA256_LEN);
	return item;
}

static enum partial_answer put(struct both *both, const struct file *file, uint64_t index)
{
	struct partial_item item = item_of(file, index);
	struct why why = {0};

	if (partial_put_many(both->partial, &item, 1, &why) != ERR_OK)
		fail_msg("partial_put_many: %s", why.text);
	return item.answer;
}

static enum err put_believed(struct both *both, const struct file *file, uint64_t index)
{
	return partial_put(both->partial, index, file->data + chain_chunk_offset(index), chain_chunk_len(SIZE, index), NULL, NULL);
}

static void suggest(struct both *both, const struct chain *chain)
{
	struct why why = {0};

	if (partial_suggest(both->partial, chain, NULL, &why) != ERR_OK)
		fail_msg("partial_suggest: %s", why.text);
}

/* The right chain, but for S(first) .. S(last), which are of the other file. */
static struct chain mixed(const struct both *both, uint64_t first, uint64_t last)
{
	struct chain chain;

	assert_int_equal(chain_init(&chain, SIZE), ERR_OK);
	memcpy(chain.states, both->right.chain.states, chain.count * SHA256_LEN);
	for (uint64_t i = first; i <= last; i++)
		memcpy(chain.states[i - 1], both->wrong.chain.states[i - 1], SHA256_LEN);
	return chain;
}

static void suggest_mixed(struct both *both, uint64_t first, uint64_t last)
{
	struct chain chain = mixed(both, first, last);

	suggest(both, &chain);
	chain_release(&chain);
}

static void expect_here(const struct both *both, const char *chunks)
{
	char here[CHUNKS + 1] = "";

	for (uint64_t i = 0; i < CHUNKS; i++)
		here[i] = partial_has(both->partial, i) ? '1' : '-';
	assert_string_equal(here, chunks);
}

static void reopen(struct both *both)
{
	partial_close(both->partial);
	store_home_close(both->home);
	store_home_open(both->home);
	assert_int_equal(partial_open(both->home->store, &both->right.digest, SIZE, &both->partial, NULL), ERR_OK);
}

static void commits(struct both *both)
{
	struct digest found;
	struct why why = {0};

	assert_true(partial_is_complete(both->partial));
	assert_int_equal(partial_anchored_from(both->partial), 0);
	if (partial_commit(both->partial, &found, &why) != ERR_OK)
		fail_msg("partial_commit: %s", why.text);
	both->partial = NULL;
	assert_true(digest_equal(&found, &both->right.digest));
	assert_true(store_home_holds(both->home, &found));
}

static void from_the_tail(void **state)
{
	struct both *both = *state;

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
	struct both *both = *state;

	for (uint64_t i = CHUNKS; i-- > 0;)
		assert_int_equal(put(both, &both->right, i), PARTIAL_KEPT);
	commits(both);
}

static void many_at_once(void **state)
{
	static const uint64_t order[] = {3, 0, 6, 2, 9, 5, 1, 3, 4};
	struct both *both = *state;
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
	struct both *both = *state;

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
	struct both *both = *state;
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
	struct both *both = *state;
	struct chain chain = mixed(both, 2, 5);
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
	struct both *both = *state;

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
	struct both *both = *state;

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
	struct both *both = *state;

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
	struct both *both = *state;

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
	struct both *both = *state;
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
	struct both *both = *state;

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

static void closing_keeps_what_is_linked(void **state)
{
	struct both *both = *state;

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
	struct both *both = *state;

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
	struct both *both = *state;
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
	struct both *both = *state;
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

static void do_something(struct both *both, uint64_t *random)
{
	uint64_t index = draw(random, CHUNKS), other = draw(random, CHUNKS - 1) + 1;
	struct chain chain = mixed(both, index < other ? index + (index == 0) : other, index < other ? other : index);
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
	struct both *both = *state;
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
	struct both *both = *state;
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
	struct both *both = *state;
	struct partial_item item = item_of(&both->right, 0);

	partial_close(both->partial);
	assert_int_equal(partial_open_unnamed(both->home->store, SIZE, &both->partial, NULL), ERR_OK);
	assert_int_equal(partial_put_many(both->partial, &item, 1, NULL), ERR_INVALID);
	for (uint64_t i = 0; i < CHUNKS; i++)
		assert_int_equal(put_believed(both, &both->right, i), ERR_OK);
	commits(both);
}

#define WITH_BOTH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

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
		WITH_BOTH(closing_keeps_what_is_linked),
		WITH_BOTH(false_story_after_a_crash),
		WITH_BOTH(bytes_lost_by_a_crash),
		WITH_BOTH(a_damaged_blob_is_repaired_from_peers),
		WITH_BOTH(whatever_happens),
		WITH_BOTH(kernels_that_disagree),
		WITH_BOTH(without_a_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
