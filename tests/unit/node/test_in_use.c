#include "node/in_use.h"
#include "support/cmocka.h"
#include "support/temp_dir.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct scene {
	struct in_use in_use;
	struct loop *loop;
	int64_t ahead_ms;
	struct clock clock;
	unsigned ended;
	struct temp_dir dir;
};

static int64_t now_ms(struct clock *clock) { return container_of(clock, struct scene, clock)->ahead_ms; }
static int64_t wall_s(struct clock *clock) { return now_ms(clock) / 1000; }

static void on_unused(struct in_use *in_use)
{
	container_of(in_use, struct scene, in_use)->ended++;
}

static void later(struct scene *scene)
{
	scene->ahead_ms += IN_USE_LOOK_MS;
	loop_turn(scene->loop, 0);
}

static void lasts_as_long_as_anybody_uses_it(void **state)
{
	struct scene scene = {.in_use.on_unused = on_unused, .clock = {now_ms, wall_s}};
	int first, second;

	(void)state;
	temp_dir_make(&scene.dir);
	assert_int_equal(loop_create(&scene.clock, &scene.loop), ERR_OK);
	assert_int_equal(in_use_hold(scene.dir.path, &first, NULL), ERR_OK);
	assert_int_equal(in_use_watch(&scene.in_use, scene.loop, scene.dir.path, NULL), ERR_OK);
	later(&scene);
	assert_int_equal(in_use_hold(scene.dir.path, &second, NULL), ERR_OK);
	close(first);
	later(&scene);
	later(&scene);
	assert_int_equal(scene.ended, 0);
	close(second);
	later(&scene);
	assert_int_equal(scene.ended, 1);
	later(&scene);
	assert_int_equal(scene.ended, 1);
	in_use_stop(&scene.in_use);
	in_use_stop(&scene.in_use);
	/* The next one does not wait for it any more. */
	assert_int_equal(in_use_hold(scene.dir.path, &first, NULL), ERR_OK);
	close(first);
	loop_destroy(scene.loop);
	temp_dir_remove(&scene.dir);
}

static void needs_a_home(void **state)
{
	struct why why = {0};
	int fd;

	(void)state;
	assert_int_equal(in_use_hold("/nonexistent", &fd, &why), ERR_NOT_FOUND);
	assert_non_null(strstr(why.text, "/nonexistent/in-use"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lasts_as_long_as_anybody_uses_it),
		cmocka_unit_test(needs_a_home),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
