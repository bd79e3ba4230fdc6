#include "node/holdings.h"
#include "support/cmocka.h"

#include <stdlib.h>

struct scene {
	struct holdings_budget budget;
	struct holdings holdings;
};

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof *scene);

	scene->budget.limit_bytes = HOLDINGS_BUDGET_BYTES;
	holdings_init(&scene->holdings, &scene->budget);
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	holdings_release(&scene->holdings);
	assert_int_equal(scene->budget.used_bytes, 0);
	free(scene);
	return 0;
}

/* Tag n; in order of n. */
static struct tag tag_of(uint32_t n)
{
	return (struct tag){.bytes = {0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, 7}};
}

static enum err part(struct scene *scene, uint64_t generation, uint32_t number, bool is_last, uint32_t first, uint32_t count)
{
	struct tag *tags = calloc(count + 1, sizeof *tags);
	struct wire_holdings message = {generation, number, is_last, {tags, count}};
	enum err err;

	for (uint32_t i = 0; i < count; i++)
		tags[i] = tag_of(first + i);
	err = holdings_part(&scene->holdings, &message);
	free(tags);
	return err;
}

/* Tags from `first` on, shuffled. */
static void fill(struct tag *tags, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		tags[i] = tag_of(first + i * 7919U % count);
}

static enum err have(struct scene *scene, uint64_t generation, uint32_t added, uint32_t added_count, uint32_t removed, uint32_t removed_count)
{
	struct tag *tags = calloc(added_count + removed_count + 1, sizeof *tags);
	struct wire_have message = {generation, {tags, added_count}, {tags + added_count, removed_count}};
	enum err err;

	fill(tags, added, added_count);
	fill(tags + added_count, removed, removed_count);
	err = holdings_have(&scene->holdings, &message);
	free(tags);
	return err;
}

static bool has(const struct scene *scene, uint32_t n)
{
	struct tag tag = tag_of(n);

	return holdings_has(&scene->holdings, &tag);
}

static void takes_effect_at_the_last_part(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(part(scene, 4, 0, true, 100, 4), ERR_OK);
	assert_int_equal(have(scene, 5, 200, 1, 12, 1), ERR_OK);
	assert_int_equal(have(scene, 6, 0, 0, 103, 1), ERR_OK);
	assert_true(holdings_is_at(&scene->holdings, 6));
	assert_int_equal(part(scene, 9, 0, false, 10, 3), ERR_OK);
	assert_int_equal(part(scene, 9, 1, false, 13, 2), ERR_OK);
	assert_true(has(scene, 100));
	assert_false(has(scene, 10));
	assert_int_equal(part(scene, 9, 2, true, 0, 0), ERR_OK);
	assert_false(has(scene, 100));
	assert_true(has(scene, 10) && has(scene, 12) && has(scene, 14));
	assert_false(has(scene, 200));
	assert_false(has(scene, 9) || has(scene, 15));
	assert_int_equal(holdings_count(&scene->holdings), 5);
	assert_true(holdings_is_at(&scene->holdings, 9));
	assert_false(holdings_is_at(&scene->holdings, 6));
}

static void an_empty_set_is_a_set(void **state)
{
	struct scene *scene = *state;

	assert_false(holdings_is_current(&scene->holdings));
	assert_int_equal(part(scene, 1, 0, true, 0, 0), ERR_OK);
	assert_true(holdings_is_current(&scene->holdings));
	assert_int_equal(have(scene, 2, 4, 1, 0, 0), ERR_OK);
	assert_true(has(scene, 4));
}

static void parts_out_of_order_break_a_rule(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(part(scene, 1, 1, true, 0, 1), ERR_INVALID);
	assert_int_equal(part(scene, 1, 0, false, 0, 1), ERR_OK);
	assert_int_equal(part(scene, 2, 1, true, 1, 1), ERR_INVALID);
	assert_int_equal(part(scene, 1, 0, false, 0, 1), ERR_OK);
	assert_int_equal(part(scene, 1, 2, true, 1, 1), ERR_INVALID);
	assert_int_equal(part(scene, 1, 0, false, 5, 1), ERR_OK);
	assert_int_equal(part(scene, 1, 1, true, 5, 1), ERR_INVALID);
	assert_int_equal(part(scene, 1, 0, false, 5, 1), ERR_OK);
	assert_int_equal(have(scene, 2, 1, 1, 0, 0), ERR_INVALID);
	assert_int_equal(part(scene, 1, 0, true, 7, 1), ERR_OK);
	assert_true(has(scene, 7));
	assert_int_equal(holdings_count(&scene->holdings), 1);
}

static void changes_follow_each_other(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(have(scene, 4, 1, 1, 0, 0), ERR_OK);
	assert_int_equal(holdings_count(&scene->holdings), 0);
	assert_int_equal(part(scene, 3, 0, true, 10, 10), ERR_OK);
	assert_int_equal(have(scene, 4, 30, 2, 12, 1), ERR_OK);
	assert_true(has(scene, 30) && has(scene, 31) && has(scene, 11));
	assert_false(has(scene, 12));
	assert_int_equal(holdings_count(&scene->holdings), 11);
	assert_int_equal(have(scene, 5, 12, 1, 30, 1), ERR_OK);
	assert_true(has(scene, 12));
	assert_false(has(scene, 30));
	assert_int_equal(have(scene, 6, 12, 1, 55, 1), ERR_OK);
	assert_int_equal(holdings_count(&scene->holdings), 11);
	assert_true(holdings_is_at(&scene->holdings, 6));
}

static void a_gap_is_said_once(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(part(scene, 3, 0, true, 10, 1), ERR_OK);
	assert_int_equal(have(scene, 5, 20, 1, 0, 0), ERR_CUT);
	assert_false(holdings_is_current(&scene->holdings));
	assert_false(holdings_is_at(&scene->holdings, 3));
	assert_int_equal(have(scene, 6, 21, 1, 0, 0), ERR_OK);
	assert_true(has(scene, 10));
	assert_false(has(scene, 20) || has(scene, 21));
	assert_int_equal(part(scene, 6, 0, true, 20, 2), ERR_OK);
	assert_int_equal(have(scene, 7, 22, 1, 20, 1), ERR_OK);
	assert_true(has(scene, 22));
	assert_false(has(scene, 10));
}

/* Against a plain array of what should be there. */
static void any_changes_come_out_right(void **state)
{
	enum { TAGS = 3000 };
	struct scene *scene = *state;
	static bool expected[2 * TAGS];
	uint32_t random = 1;
	size_t count = TAGS;

	assert_int_equal(part(scene, 1, 0, true, 0, TAGS), ERR_OK);
	for (uint32_t n = 0; n < 2 * TAGS; n++)
		expected[n] = n < TAGS;
	for (uint64_t generation = 2; generation < 600; generation++) {
		uint32_t counts = generation % 50 == 0 ? 1000 : 5, added, removed;

		random = random * 1664525 + 1013904223;
		added = (random >> 8) % (2 * TAGS - counts);
		random = random * 1664525 + 1013904223;
		removed = (random >> 8) % (2 * TAGS - counts);
		assert_int_equal(have(scene, generation, added, counts, removed, counts), ERR_OK);
		for (uint32_t i = 0; i < counts; i++)
			expected[added + i] = true;
		for (uint32_t i = 0; i < counts; i++)
			expected[removed + i] = false;
	}
	count = 0;
	for (uint32_t n = 0; n < 2 * TAGS; n++) {
		assert_int_equal(has(scene, n), expected[n]);
		count += expected[n];
	}
	assert_int_equal(holdings_count(&scene->holdings), count);
}

static void the_budget_holds(void **state)
{
	struct scene *scene = *state;

	scene->budget.limit_bytes = 1000 * sizeof(struct tag);
	assert_int_equal(part(scene, 1, 0, true, 0, 300), ERR_OK);
	assert_int_equal(part(scene, 2, 0, false, 0, 300), ERR_OK);
	assert_int_equal(part(scene, 2, 1, false, 300, 500), ERR_LIMIT);
	assert_false(holdings_is_current(&scene->holdings));
	assert_int_equal(part(scene, 2, 2, true, 800, 500), ERR_OK);
	assert_false(holdings_is_current(&scene->holdings));
	assert_int_equal(have(scene, 3, 900, 1, 0, 0), ERR_OK);
	assert_true(has(scene, 299));
	assert_false(has(scene, 300));
	assert_true(scene->budget.used_bytes <= scene->budget.limit_bytes);
	assert_int_equal(part(scene, 4, 0, true, 0, 600), ERR_OK);
	assert_int_equal(have(scene, 5, 600, 700, 0, 0), ERR_LIMIT);
	assert_false(holdings_is_current(&scene->holdings));
	assert_true(scene->budget.used_bytes <= scene->budget.limit_bytes);
}

static void one_peer_has_a_limit_of_its_own(void **state)
{
	struct scene *scene = *state;
	uint32_t number = 0, first = 0;
	enum err err = ERR_OK;

	for (; !err && first < 2 * HOLDINGS_TAGS_MAX; first += WIRE_TAGS_MAX)
		err = part(scene, 1, number++, false, first, WIRE_TAGS_MAX);
	assert_int_equal(err, ERR_LIMIT);
	assert_int_equal(first, HOLDINGS_TAGS_MAX + WIRE_TAGS_MAX);
	assert_int_equal(scene->budget.used_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(takes_effect_at_the_last_part, setup, teardown),
		cmocka_unit_test_setup_teardown(an_empty_set_is_a_set, setup, teardown),
		cmocka_unit_test_setup_teardown(parts_out_of_order_break_a_rule, setup, teardown),
		cmocka_unit_test_setup_teardown(changes_follow_each_other, setup, teardown),
		cmocka_unit_test_setup_teardown(a_gap_is_said_once, setup, teardown),
		cmocka_unit_test_setup_teardown(any_changes_come_out_right, setup, teardown),
		cmocka_unit_test_setup_teardown(the_budget_holds, setup, teardown),
		cmocka_unit_test_setup_teardown(one_peer_has_a_limit_of_its_own, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
