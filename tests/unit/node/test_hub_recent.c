#include "node/hub_recent.h"
#include "node/hub_listing.h"
#include "support/cmocka.h"
#include "support/fast_clock.h"

#include <stdio.h>

struct scene {
	struct fast_clock clock;
	struct hub_recent recent;
};

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof *scene);

	assert_non_null(scene);
	fast_clock_init(&scene->clock, 1);
	assert_int_equal(loop_create(&scene->clock.clock, &scene->recent.loop), ERR_OK);
	hub_recent_init(&scene->recent);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	hub_recent_release(&scene->recent);
	loop_destroy(scene->recent.loop);
	free(scene);
	return 0;
}

static void put(struct scene *scene, const char *key, size_t files)
{
	struct digest digest = {.algorithm = DIGEST_SHA256};
	struct hub_listing listing = {0};
	char path[32];

	for (size_t i = 0; i < files; i++) {
		snprintf(path, sizeof path, "%06zu", i);
		assert_int_equal(hub_listing_add_file(&listing, path, i, &digest), ERR_OK);
	}
	hub_recent_put(&scene->recent, key, &listing);
	assert_null(listing.files);
}

static void what_was_put_is_found(void **state)
{
	struct scene *scene = *state;

	assert_null(hub_recent_find(&scene->recent, "a"));
	put(scene, "a", 3);
	put(scene, "b", 1);
	assert_int_equal(hub_recent_find(&scene->recent, "a")->count, 3);
	put(scene, "a", 2);
	assert_int_equal(hub_recent_find(&scene->recent, "a")->count, 2);
	hub_recent_forget(&scene->recent, "a");
	hub_recent_forget(&scene->recent, "a");
	assert_null(hub_recent_find(&scene->recent, "a"));
	assert_int_equal(hub_recent_find(&scene->recent, "b")->count, 1);
}

static void the_oldest_go(void **state)
{
	struct scene *scene = *state;
	char key[32];

	put(scene, "kept", 1);
	for (int i = 0; i < HUB_RECENT_MAX; i++) {
		snprintf(key, sizeof key, "%d", i);
		put(scene, key, 1);
		assert_non_null(hub_recent_find(&scene->recent, "kept"));
	}
	assert_null(hub_recent_find(&scene->recent, "0"));
	assert_non_null(hub_recent_find(&scene->recent, "2"));
	put(scene, "large", HUB_RECENT_FILES_MAX);
	assert_int_equal(scene->recent.count, 1);
	put(scene, "too large", HUB_RECENT_FILES_MAX + 1);
	assert_null(hub_recent_find(&scene->recent, "too large"));
	assert_non_null(hub_recent_find(&scene->recent, "large"));
}

static void what_nobody_asks_for_goes(void **state)
{
	struct scene *scene = *state;

	put(scene, "a", 1);
	scene->clock.ahead_ms += HUB_RECENT_MS - 100;
	assert_non_null(hub_recent_find(&scene->recent, "a"));
	scene->clock.ahead_ms += 200;
	loop_turn(scene->recent.loop, 0);
	assert_int_equal(scene->recent.count, 1);
	scene->clock.ahead_ms += HUB_RECENT_MS;
	loop_turn(scene->recent.loop, 0);
	assert_int_equal(scene->recent.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_put_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_oldest_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_nobody_asks_for_goes, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
