#include "support/cmocka.h"
#include "support/serve_scene.h"

static void a_full_sink_is_waited_for(void **state)
{
	struct scene *scene = *state;

	scene->room = 3;
	for (uint64_t request = 1; request <= 3; request++)
		scene_chunk(scene, 7, request, &scene->digest, SIZE, request % 3);
	scene_chain(scene, 4, &scene->digest, 1, 8);
	scene_await(scene, 3);
	scene_settle(scene);
	scene->room = 2;
	serve_writable(scene->serve, 7);
	assert_int_equal(scene->count, 5);
	/* It comes back to it by itself, too. */
	scene->room = GOT_MAX;
	scene_await(scene, 4 + 4 + 2 + 1);
	scene_assert_chunk(scene, 7, 1, 1);
	scene_assert_chunk(scene, 7, 2, 2);
	scene_assert_chunk(scene, 7, 3, 0);
}

static void no_more_than_may_wait(void **state)
{
	struct scene *scene = *state;
	size_t noes = 0;

	scene->room = 0;
	for (uint64_t request = 1; request <= SERVE_WAITING_MAX + 5; request++)
		scene_chunk(scene, 7, request, &scene->digest, SIZE, 2);
	scene->room = GOT_MAX;
	scene_await(scene, SERVE_WAITING_MAX * 2 + 5);
	for (size_t i = 0; i < scene->count; i++)
		if (scene->got[i].type == WIRE_NO) {
			assert_int_equal(scene->got[i].no, WIRE_NO_TOO_MUCH);
			assert_true(scene->got[i].request > SERVE_WAITING_MAX);
			noes++;
		}
	assert_int_equal(noes, 5);
	/* Even where all that is said is no. */
	scene->room = 0;
	for (uint64_t request = 100; request < 400; request++)
		scene_chunk(scene, 7, request, &scene->digest, SIZE, 9);
	scene->room = GOT_MAX;
	serve_writable(scene->serve, 7);
	assert_int_equal(scene->count, SERVE_WAITING_MAX * 2 + 5 + WIRE_ASKED_MAX + SERVE_REJECTS_MAX);
}

/* Of bytes that the sink has not let go. */
static void memory_is_bounded(void **state)
{
	struct scene *scene = *state;

	scene->keeps_bulks = true;
	for (uint64_t request = 1; request <= 20; request++)
		scene_chunk(scene, 7, request, &scene->digest, SIZE, 0);
	scene_await(scene, 4 * SERVE_SESSION_CHUNKS);
	scene_settle(scene);
	assert_int_equal(scene->count, 4 * SERVE_SESSION_CHUNKS);
	/* Another one has not to wait for it. */
	scene_chunk(scene, 8, 1, &scene->digest, SIZE, 1);
	scene_await(scene, 4 * SERVE_SESSION_CHUNKS + 4);
	scene_assert_chunk(scene, 8, 1, 1);
	for (unsigned round = 0; round < 4; round++) {
		scene_release_kept(scene);
		scene_settle(scene);
	}
	scene_await(scene, 21 * 4);
	/* What is kept may outlive all. */
	serve_destroy(scene->serve);
	scene->serve = NULL;
}

static void sessions_take_turns(void **state)
{
	struct scene *scene = *state;
	size_t last = 0;

	for (uint64_t request = 1; request <= 30; request++)
		scene_chunk(scene, 7, request, &scene->digest, SIZE, 2);
	for (uint64_t request = 1; request <= 3; request++)
		scene_chunk(scene, 8, request, &scene->digest, SIZE, 2);
	scene_await(scene, 33 * 2);
	for (size_t i = 0; i < scene->count; i++)
		if (scene->got[i].session == 8)
			last = i;
	assert_true(last < 2 * (SERVE_READS + 3 * 2 + SERVE_READS));
}

static void what_is_taken_back_is_not_answered(void **state)
{
	struct scene *scene = *state;

	scene->room = 1;
	for (uint64_t request = 1; request <= 20; request++)
		scene_chunk(scene, 7, request, &scene->digest, SIZE, 2);
	scene_cancel(scene, 1); /* being read */
	scene_await(scene, 1);
	assert_int_not_equal(scene->got[0].request, 1);
	scene_settle(scene);
	scene_cancel(scene, scene->got[0].request); /* half of it is out */
	scene_cancel(scene, 20); /* it waits */
	scene_cancel(scene, 77);
	scene->room = GOT_MAX;
	serve_writable(scene->serve, 7);
	scene_await(scene, 1 + 17 * 2);
	scene_settle(scene);
	assert_int_equal(scene->count, 1 + 17 * 2);
}

static void ends_amid_work(void **state)
{
	struct scene *scene = *state;

	for (uint64_t session = 7; session <= 9; session++)
		for (uint64_t request = 1; request <= 10; request++)
			scene_chunk(scene, session, request, &scene->digest, SIZE, request % 3);
	serve_forget(scene->serve, 7);
	serve_forget(scene->serve, 99);
	while (scene->count == 0)
		loop_turn(scene->loop, 10);
	scene->is_over = true;
	scene_settle(scene);
	assert_true(scene->refused <= 2);
	scene->is_over = false;
	serve_writable(scene->serve, 8);
	scene_chunk(scene, 9, 11, &scene->digest, SIZE, 1);
	scene_settle(scene);
	scene_chunk(scene, 10, 1, &scene->digest, SIZE, 2);
	scene_reject(scene, 1);
	serve_destroy(scene->serve);
	scene->serve = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(a_full_sink_is_waited_for),
		SCENE(no_more_than_may_wait),
		SCENE(memory_is_bounded),
		cmocka_unit_test_setup_teardown(sessions_take_turns, scene_setup_one_worker, scene_teardown),
		SCENE(what_is_taken_back_is_not_answered),
		SCENE(ends_amid_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
