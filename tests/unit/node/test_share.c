#include "node/share.h"
#include "discovery/bloom.h"
#include "node/holdings.h"
#include "support/cmocka.h"
#include "support/store_home.h"

#include <stdio.h>
#include <stdlib.h>

#define HOUR_S 3600
#define PATIENCE_TURNS 2000

struct scene {
	struct store_home *home;
	struct clock clock;
	int64_t ahead_ms;        /* of the machine's clocks */
	struct loop *loop;
	struct pool *pool;
	struct group group;
	struct share_options options;
	struct share_owner owner;
	struct share *share;
	/* A peer that was told everything. */
	struct holdings_budget budget;
	struct holdings told;
	unsigned changes;
	char doubts[200];
};

/* Workers ask too. */
static int64_t ahead_ms(struct clock *clock) { return __atomic_load_n(&container_of(clock, struct scene, clock)->ahead_ms, __ATOMIC_RELAXED); }
static int64_t now_ms(struct clock *clock) { return clock_now_ms(clock_system()) + ahead_ms(clock); }
static int64_t wall_s(struct clock *clock) { return clock_wall_s(clock_system()) + ahead_ms(clock) / 1000; }

static void on_change(struct share_owner *owner, const struct share_change *change)
{
	struct scene *scene = container_of(owner, struct scene, owner);
	struct wire_have have = {change->generation, change->added, change->removed};

	assert_true(change->added.count + change->removed.count <= WIRE_TAGS_MAX);
	assert_int_equal(holdings_have(&scene->told, &have), ERR_OK);
	assert_true(holdings_is_at(&scene->told, change->generation));
	assert_ptr_equal(share_change_after(scene->share, change->generation - 1), change);
	scene->changes++;
}

static void on_doubt(struct share_owner *owner, const char *hub, const char *repo)
{
	struct scene *scene = container_of(owner, struct scene, owner);
	size_t len = strlen(scene->doubts);

	snprintf(scene->doubts + len, sizeof scene->doubts - len, "%s/%s ", hub, repo);
}

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof *scene);
	void *home = NULL;

	assert_int_equal(store_home_setup(&home), 0);
	scene->home = home;
	scene->clock = (struct clock){now_ms, wall_s};
	store_home_close(scene->home);
	scene->home->options.clock = &scene->clock;
	store_home_open(scene->home);
	assert_int_equal(loop_create(&scene->clock, &scene->loop), ERR_OK);
	assert_int_equal(pool_create(1, &scene->pool), ERR_OK);
	loop_attach_pool(scene->loop, scene->pool);
	group_init_open(&scene->group);
	scene->budget.limit_bytes = HOLDINGS_BUDGET_BYTES;
	holdings_init(&scene->told, &scene->budget);
	scene->owner = (struct share_owner){on_change, on_doubt};
	scene->options = (struct share_options){
		.loop = scene->loop, .pool = scene->pool, .store = scene->home->store, .group = &scene->group, .log = &scene->home->log,
		.owner = &scene->owner, .serve = true, .share_names = true,
	};
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;
	void *home = scene->home;

	share_destroy(scene->share);
	holdings_release(&scene->told);
	loop_destroy(scene->loop);
	pool_destroy(scene->pool);
	group_release(&scene->group);
	store_home_teardown(&home);
	free(scene);
	return 0;
}

static struct index *index_of(struct scene *scene) { return store_index(scene->home->store); }

static void start(struct scene *scene)
{
	const struct share_set *set;
	struct wire_holdings part;

	assert_int_equal(share_create(&scene->options, &scene->share, NULL), ERR_OK);
	assert_int_equal(share_generation(scene->share), 1);
	set = share_hold(scene->share);
	part = (struct wire_holdings){set->generation, 0, true, set->tags};
	assert_int_equal(holdings_part(&scene->told, &part), ERR_OK);
	share_let_go(set);
}

/* What a peer was told is what is shared. */
static void assert_told(struct scene *scene)
{
	const struct share_set *set = share_hold(scene->share);

	assert_int_equal(holdings_count(&scene->told), set->tags.count);
	for (size_t i = 0; i < set->tags.count; i++)
		assert_true(holdings_has(&scene->told, &set->tags.at[i]));
	share_let_go(set);
}

static bool await_changes(struct scene *scene, unsigned changes)
{
	for (int turns = 0; turns < PATIENCE_TURNS && scene->changes < changes; turns++)
		loop_turn(scene->loop, 10);
	assert_told(scene);
	return scene->changes == changes;
}

static bool await_doubts(struct scene *scene, const char *expected)
{
	for (int turns = 0; turns < PATIENCE_TURNS && strcmp(scene->doubts, expected) != 0; turns++)
		loop_turn(scene->loop, 10);
	return strcmp(scene->doubts, expected) == 0;
}

/* Look at the index until everything that was written is seen. */
static void settle(struct scene *scene)
{
	unsigned changes = scene->changes;

	share_refresh(scene->share);
	pool_wait(scene->pool);
	share_refresh(scene->share);
	pool_wait(scene->pool);
	assert_told(scene);
	assert_int_equal(scene->changes, changes);
}

/* Never under a reading that is timed by this clock: it would be taken for one of many hours. */
static void let_pass(struct scene *scene, int64_t ms)
{
	while (pool_wait(scene->pool) > 0)
		;
	__atomic_add_fetch(&scene->ahead_ms, ms, __ATOMIC_RELAXED);
}

static struct digest put(struct scene *scene, uint64_t seed, size_t size, enum visibility visibility, int64_t hours_ago)
{
	struct digest digest = store_home_put(scene->home, seed, size);
	char repo[20], path[20];
	struct blob_name name = {
		.digest = digest, .hub = (char[]){"h"}, .repo = repo, .commit = (char[]){"c"}, .path = path, .visibility = visibility,
		.checked_at_s = wall_s(&scene->clock) - hours_ago * HOUR_S,
	};

	snprintf(repo, sizeof repo, "r%u", (unsigned)seed);
	snprintf(path, sizeof path, "f%u", (unsigned)seed);
	assert_int_equal(index_name_put(index_of(scene), &name, NULL), ERR_OK);
	assert_int_equal(index_visibility_put(index_of(scene), &digest, "h", visibility, name.checked_at_s, NULL), ERR_OK);
	return digest;
}

static struct digest alias_of(uint32_t number)
{
	return (struct digest){.algorithm = DIGEST_GIT_SHA1, .bytes = {1, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}};
}

static void what_is_public_is_shared(void **state)
{
	struct scene *scene = *state;
	struct digest public = put(scene, 1, 100, VISIBILITY_PUBLIC, 0), gated = put(scene, 2, 100, VISIBILITY_GATED, 0);
	struct digest private = put(scene, 3, 100, VISIBILITY_PRIVATE, 0), unknown = put(scene, 4, 100, VISIBILITY_UNKNOWN, 0);
	struct digest expired = put(scene, 5, 100, VISIBILITY_PUBLIC, 25), own = store_home_put(scene->home, 6, 50), nameless = alias_of(2), alias = alias_of(1);
	struct share_blob blob;
	struct tag tag;

	assert_int_equal(index_alias_put(index_of(scene), &alias, &public, NULL), ERR_OK);
	assert_int_equal(index_alias_put(index_of(scene), &nameless, &gated, NULL), ERR_OK);
	assert_int_equal(index_visibility_put(index_of(scene), &own, INDEX_OWN_WORD, VISIBILITY_PUBLIC, 0, NULL), ERR_OK);
	scene->options.share_gated = true; /* not in the open group */
	start(scene);
	assert_int_equal(share_blobs(scene->share), 2);
	assert_int_equal(share_bytes(scene->share), 150);
	assert_int_equal(holdings_count(&scene->told), 3);
	assert_true(share_allows(scene->share, &public) && share_allows(scene->share, &own));
	assert_false(share_allows(scene->share, &gated) || share_allows(scene->share, &private) || share_allows(scene->share, &unknown));
	assert_false(share_allows(scene->share, &expired) || share_allows(scene->share, &nameless));
	assert_true(share_digest_of(scene->share, &alias, &blob));
	assert_true(digest_equal(&blob.digest, &public));
	assert_int_equal(blob.size, 100);
	group_tag(&scene->group, &alias, &tag);
	assert_true(share_find(scene->share, &tag, &blob));
	assert_true(digest_equal(&blob.digest, &public));
}

static void nothing_where_it_does_not_serve(void **state)
{
	struct scene *scene = *state;
	struct share_names names = {0};
	struct digest digest = put(scene, 1, 100, VISIBILITY_PUBLIC, 30);

	scene->options.serve = false;
	start(scene);
	assert_int_equal(share_blobs(scene->share), 0);
	assert_false(share_allows(scene->share, &digest));
	assert_int_equal(share_names_start(scene->share, (struct wire_bytes){0}, &names), ERR_NOT_FOUND);
	settle(scene);
	assert_string_equal(scene->doubts, "");
}

static void gated_ones_within_a_private_group(void **state)
{
	struct scene *scene = *state;
	struct digest gated = put(scene, 1, 100, VISIBILITY_GATED, 1000), private = put(scene, 2, 100, VISIBILITY_PRIVATE, 0);
	struct digest public = put(scene, 3, 100, VISIBILITY_PUBLIC, 0);

	group_release(&scene->group);
	group_init_new(&scene->group);
	start(scene);
	assert_true(share_allows(scene->share, &public));
	assert_false(share_allows(scene->share, &gated));
	share_destroy(scene->share);
	scene->options.share_gated = true;
	start(scene);
	assert_true(share_allows(scene->share, &public) && share_allows(scene->share, &gated));
	assert_false(share_allows(scene->share, &private));
}

static void changes_are_told(void **state)
{
	struct scene *scene = *state;
	struct digest first, second;
	const struct share_set *before;

	start(scene);
	before = share_hold(scene->share);
	first = put(scene, 1, 100, VISIBILITY_PUBLIC, 0);
	share_refresh(scene->share);
	assert_true(await_changes(scene, 1));
	assert_true(share_allows(scene->share, &first));
	second = put(scene, 2, 100, VISIBILITY_PUBLIC, 0);
	assert_int_equal(blob_remove(scene->home->store, &first, false, NULL), ERR_OK);
	share_refresh(scene->share);
	assert_true(await_changes(scene, 2));
	assert_true(share_allows(scene->share, &second));
	assert_false(share_allows(scene->share, &first));
	assert_int_equal(share_generation(scene->share), 3);
	assert_int_equal(before->tags.count, 0);
	assert_int_equal(before->generation, 1);
	share_let_go(before);
	assert_null(share_change_after(scene->share, 3));
	assert_null(share_change_after(scene->share, 0));
	assert_null(share_change_after(scene->share, UINT64_MAX));
	assert_int_equal(share_change_after(scene->share, 1)->generation, 2);
	settle(scene);
}

/* Without being told. */
static void another_process_writes(void **state)
{
	struct scene *scene = *state;
	struct index *other = NULL;
	struct digest digest;
	char path[128];

	digest = put(scene, 1, 100, VISIBILITY_PRIVATE, 0);
	start(scene);
	snprintf(path, sizeof path, "%s/index.sqlite", scene->home->home);
	assert_int_equal(index_open(path, 0, &other, NULL), ERR_OK);
	assert_int_equal(index_visibility_put(other, &digest, "h", VISIBILITY_PUBLIC, wall_s(&scene->clock), NULL), ERR_OK);
	index_close(other);
	assert_true(await_changes(scene, 1));
	assert_true(share_allows(scene->share, &digest));
}

static void large_changes_are_told_in_steps(void **state)
{
	struct scene *scene = *state;
	struct digest first = put(scene, 1, 100, VISIBILITY_PUBLIC, 0), second = put(scene, 2, 100, VISIBILITY_PRIVATE, 0), alias;

	start(scene);
	for (uint32_t i = 0; i < 9000; i++) {
		alias = alias_of(i);
		assert_int_equal(index_alias_put(index_of(scene), &alias, &first, NULL), ERR_OK);
	}
	share_refresh(scene->share);
	assert_true(await_changes(scene, 3));
	assert_int_equal(share_generation(scene->share), 4);
	assert_int_equal(holdings_count(&scene->told), 9001);
	assert_int_equal(share_blobs(scene->share), 1);
	for (uint32_t i = 0; i < 5000; i++) {
		alias = alias_of(i);
		assert_int_equal(index_alias_put(index_of(scene), &alias, &second, NULL), ERR_OK);
	}
	share_refresh(scene->share);
	assert_true(await_changes(scene, 5));
	assert_int_equal(holdings_count(&scene->told), 4001);
}

static void old_confirmations_are_renewed(void **state)
{
	struct scene *scene = *state;
	struct digest recent = put(scene, 1, 100, VISIBILITY_PUBLIC, 10), old = put(scene, 2, 100, VISIBILITY_PUBLIC, 23), gone = put(scene, 3, 100, VISIBILITY_PUBLIC, 23);

	start(scene);
	assert_string_equal(scene->doubts, "");
	assert_true(await_doubts(scene, "h/r2 h/r3 "));
	assert_true(share_allows(scene->share, &old) && share_allows(scene->share, &gone));
	share_confirmed(scene->share, "h", "r3", VISIBILITY_UNKNOWN);
	assert_true(await_changes(scene, 1));
	assert_false(share_allows(scene->share, &gone));
	share_confirmed(scene->share, "h", "r2", VISIBILITY_PUBLIC);
	pool_wait(scene->pool);
	settle(scene);
	/* Two hours later the one is renewed, and another four the other has not been. */
	let_pass(scene, 2 * HOUR_S * 1000);
	settle(scene);
	assert_true(share_allows(scene->share, &recent) && share_allows(scene->share, &old));
	let_pass(scene, 13 * HOUR_S * 1000);
	assert_true(await_changes(scene, 2));
	assert_true(share_allows(scene->share, &old));
	assert_false(share_allows(scene->share, &recent));
	assert_true(await_doubts(scene, "h/r2 h/r3 h/r1 "));
	share_confirmed(scene->share, "h", "r1", VISIBILITY_PUBLIC);
	assert_true(await_changes(scene, 3));
	assert_true(share_allows(scene->share, &recent));
}

static void a_hub_that_is_away_says_nothing(void **state)
{
	struct scene *scene = *state;
	struct digest expired = put(scene, 1, 100, VISIBILITY_PUBLIC, 48), ancient = put(scene, 2, 100, VISIBILITY_PUBLIC, 8 * 24);

	start(scene);
	assert_true(await_doubts(scene, "h/r1 h/r2 "));
	assert_false(share_allows(scene->share, &expired));
	share_hub_is_away(scene->share, "h", "r1");
	assert_true(await_changes(scene, 1));
	assert_true(share_allows(scene->share, &expired));
	assert_false(share_allows(scene->share, &ancient));
	let_pass(scene, SHARE_ASK_AGAIN_MS);
	assert_true(await_doubts(scene, "h/r1 h/r2 h/r1 h/r2 "));
	share_confirmed(scene->share, "h", "r1", VISIBILITY_PUBLIC);
	share_confirmed(scene->share, "h", "r2", VISIBILITY_PRIVATE);
	pool_wait(scene->pool);
	settle(scene);
	assert_true(share_allows(scene->share, &expired));
}

static void few_repos_are_asked_about_at_once(void **state)
{
	struct scene *scene = *state;

	for (uint64_t seed = 1; seed <= SHARE_DOUBTS_MAX + 1; seed++)
		put(scene, seed, 100, VISIBILITY_PUBLIC, 23);
	start(scene);
	assert_true(await_doubts(scene, "h/r1 h/r2 h/r3 h/r4 "));
	settle(scene);
	assert_string_equal(scene->doubts, "h/r1 h/r2 h/r3 h/r4 ");
	share_confirmed(scene->share, "h", "r2", VISIBILITY_PUBLIC);
	assert_true(await_doubts(scene, "h/r1 h/r2 h/r3 h/r4 h/r5 "));
}

/* --- names */

struct asking {
	struct share_names names;
	int done;
	enum err err;
};

static void on_names(struct share_names *names, enum err err)
{
	struct asking *asking = container_of(names, struct asking, names);

	asking->done++;
	asking->err = err;
}

static void ask(struct scene *scene, struct wire_bytes cursor, struct asking *asking)
{
	*asking = (struct asking){.names.on_done = on_names};
	assert_int_equal(share_names_start(scene->share, cursor, &asking->names), ERR_OK);
	assert_int_equal(asking->done, 0);
	while (asking->done == 0)
		pool_wait(scene->pool);
	assert_int_equal(asking->err, ERR_OK);
}

static void names_of_what_is_shared(void **state)
{
	struct scene *scene = *state;
	struct digest public = put(scene, 1, 100, VISIBILITY_PUBLIC, 0);
	struct blob_name secret = {public, (char[]){"h"}, (char[]){"me/secret"}, (char[]){"c"}, (char[]){"f"}, VISIBILITY_PRIVATE, 1};
	struct asking asking;
	struct wire_bytes rest;
	struct wire_entry entry;

	put(scene, 2, 100, VISIBILITY_GATED, 0);
	put(scene, 3, 100, VISIBILITY_PUBLIC, 25);
	assert_int_equal(index_name_put(index_of(scene), &secret, NULL), ERR_OK);
	start(scene);
	ask(scene, (struct wire_bytes){0}, &asking);
	assert_int_equal(asking.names.page.count, 1);
	assert_int_equal(asking.names.next_len, 0);
	rest = (struct wire_bytes){asking.names.page.bytes, asking.names.page.len};
	assert_true(wire_entry_next(&rest, &entry));
	assert_memory_equal(entry.repo.at, "r1", 2);
	assert_memory_equal(entry.path.at, "f1", 2);
	assert_int_equal(entry.size, 100);
	assert_true(digest_equal(&entry.digest, &public));
	ask(scene, (struct wire_bytes){(const uint8_t *)"\0\0\0\0\0\0\0\1", 8}, &asking);
	assert_int_equal(asking.names.page.count, 0);
	ask(scene, (struct wire_bytes){(const uint8_t *)"\377\377\377\377\377\377\377\377", 8}, &asking);
	assert_int_equal(asking.names.page.count, 0);
	ask(scene, (struct wire_bytes){(const uint8_t *)"what?", 5}, &asking);
	assert_int_equal(asking.names.page.count, 0);
	assert_int_equal(asking.names.next_len, 0);
}

static void names_come_in_pages(void **state)
{
	enum { NAMES = 1300 };
	struct scene *scene = *state;
	struct digest digest = put(scene, 1, 100, VISIBILITY_PUBLIC, 0);
	struct wire_bytes cursor = {0};
	static struct asking asking[2];
	uint32_t count = 0, pages = 0;
	char path[20];

	for (unsigned i = 1; i < NAMES; i++) {
		struct blob_name name = {digest, (char[]){"h"}, (char[]){"r"}, (char[]){"c"}, path, VISIBILITY_PUBLIC, 1};
		snprintf(path, sizeof path, "%u", i);
		assert_int_equal(index_name_put(index_of(scene), &name, NULL), ERR_OK);
	}
	start(scene);
	do {
		struct asking *now = &asking[pages++ % 2];
		ask(scene, cursor, now);
		count += now->names.page.count;
		cursor = (struct wire_bytes){now->names.next, now->names.next_len};
	} while (cursor.len > 0);
	assert_int_equal(count, NAMES);
	assert_int_equal(pages, 3);
	scene->options.share_names = false;
	share_destroy(scene->share);
	start(scene);
	assert_int_equal(share_names_start(scene->share, cursor, &asking[0].names), ERR_NOT_FOUND);
}

static void the_largest_are_in_the_filter(void **state)
{
	struct scene *scene = *state;
	struct digest large, alias;
	uint8_t filter[64];
	struct tag tag;
	size_t count;

	for (uint32_t i = 0; i < 300; i++) {
		large = put(scene, 1, 5, VISIBILITY_PUBLIC, 0);
		alias = alias_of(i);
		assert_int_equal(index_alias_put(index_of(scene), &alias, &large, NULL), ERR_OK);
	}
	large = put(scene, 2, 100, VISIBILITY_PUBLIC, 0);
	start(scene);
	memset(filter, 0xff, sizeof filter);
	count = share_fill_filter(scene->share, filter, sizeof filter);
	assert_in_range(count, 50, 120);
	assert_false(bloom_is_overfull(filter, sizeof filter));
	group_tag(&scene->group, &large, &tag);
	assert_true(bloom_may_hold(filter, sizeof filter, tag.bytes));
	assert_int_equal(share_fill_filter(scene->share, filter, 0), 0);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(what_is_public_is_shared),
		SCENE(nothing_where_it_does_not_serve),
		SCENE(gated_ones_within_a_private_group),
		SCENE(changes_are_told),
		SCENE(another_process_writes),
		SCENE(large_changes_are_told_in_steps),
		SCENE(old_confirmations_are_renewed),
		SCENE(a_hub_that_is_away_says_nothing),
		SCENE(few_repos_are_asked_about_at_once),
		SCENE(names_of_what_is_shared),
		SCENE(names_come_in_pages),
		SCENE(the_largest_are_in_the_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
