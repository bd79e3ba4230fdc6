#include "support/cmocka.h"

#include "node/control.h"
#include "node/control_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* A home whose path is longer than a socket's address may be. */
struct world {
	char top[64], home[256];
	struct loop *loop;
	struct control *control;
};

static int enter(void **state)
{
	struct world *world = calloc(1, sizeof *world);

	strcpy(world->top, "/tmp/larder-control-XXXXXX");
	if (!mkdtemp(world->top))
		return -1;
	snprintf(world->home, sizeof world->home, "%s/%0130d", world->top, 7);
	if (mkdir(world->home, 0700) != 0 || loop_create(clock_system(), &world->loop) != ERR_OK)
		return -1;
	if (control_create(world->loop, world->home, NULL, &world->control, NULL) != ERR_OK)
		return -1;
	*state = world;
	return 0;
}

static int leave(void **state)
{
	struct world *world = *state;
	char path[300];

	control_destroy(world->control);
	loop_destroy(world->loop);
	snprintf(path, sizeof path, "%s/control.lock", world->home);
	unlink(path);
	if (rmdir(world->home) != 0 || rmdir(world->top) != 0) /* the socket is gone, too */
		return -1;
	free(world);
	return 0;
}

struct asking {
	struct control_ask ask;
	bool done;
	enum err err;
	struct why why;
};

static void on_line(struct control_ask *ask, json_t *line)
{
	(void)ask;
	(void)line;
	fail_msg("no line was to come but the last");
}

static void on_end(struct control_ask *ask, enum err err, json_t *line, const struct why *why)
{
	struct asking *asking = container_of(ask, struct asking, ask);

	(void)line;
	asking->done = true;
	asking->err = err;
	if (why)
		asking->why = *why;
}

static void a_question_nobody_knows_is_answered(void **state)
{
	struct world *world = *state;
	struct asking asking = {.ask = {.on_line = on_line, .on_end = on_end}};

	assert_int_equal(control_ask_start(world->loop, world->home, json_pack("{s:s}", "ask", "weather"), &asking.ask, NULL), ERR_OK);
	while (!asking.done)
		loop_turn(world->loop, 1000);
	assert_int_equal(asking.err, ERR_UNSUPPORTED);
	assert_non_null(strstr(asking.why.text, "version"));
	assert_null(asking.ask.link);
}

static void a_question_taken_back_leaves_nothing(void **state)
{
	struct world *world = *state;
	struct asking asking = {.ask = {.on_line = on_line, .on_end = on_end}};

	assert_int_equal(control_ask_start(world->loop, world->home, json_pack("{s:s}", "ask", "weather"), &asking.ask, NULL), ERR_OK);
	control_ask_cancel(&asking.ask);
	control_ask_cancel(&asking.ask);
	for (int i = 0; i < 4; i++)
		loop_turn(world->loop, 10);
	assert_false(asking.done);
}

static void a_node_that_goes_ends_what_was_asked(void **state)
{
	struct world *world = *state;
	struct asking asking = {.ask = {.on_line = on_line, .on_end = on_end}};

	assert_int_equal(control_ask_start(world->loop, world->home, json_pack("{s:s}", "ask", "weather"), &asking.ask, NULL), ERR_OK);
	control_destroy(world->control);
	world->control = NULL;
	while (!asking.done)
		loop_turn(world->loop, 1000);
	assert_int_equal(asking.err, ERR_CUT);
	assert_int_equal(control_ask_start(world->loop, world->home, json_object(), &asking.ask, NULL), ERR_NOT_FOUND);
}

static void a_home_has_one_node(void **state)
{
	struct world *world = *state;
	struct control *second = NULL;
	struct why why = {0};
	char pid[24];

	assert_int_equal(control_create(world->loop, world->home, NULL, &second, &why), ERR_BUSY);
	snprintf(pid, sizeof pid, "process %ld", (long)getpid());
	assert_non_null(strstr(why.text, pid));
}

static void a_home_that_was_replaced_belongs_to_the_next(void **state)
{
	struct world *world = *state;
	struct control *second = NULL;
	char path[300];

	assert_true(control_has_home(world->control));
	snprintf(path, sizeof path, "%s/control.lock", world->home);
	assert_int_equal(unlink(path), 0);
	assert_false(control_has_home(world->control));
	assert_int_equal(control_create(world->loop, world->home, NULL, &second, NULL), ERR_OK);
	assert_false(control_has_home(world->control));
	control_destroy(world->control);
	world->control = second;
	assert_true(control_has_home(second));
	snprintf(path, sizeof path, "%s/control", world->home);
	assert_int_equal(access(path, F_OK), 0);
}

/* What no program of ours sends. */
static void nonsense_ends_its_own_connection_alone(void **state)
{
	static const char *const texts[] = {"\n", "[1]\n", "{\"ask\":\n", "\xff\xfe\n", "{\"ask\":7}\n{\"ask\":7}\n"};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct control_path path;
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		assert_int_equal(control_path_open(world->home, &path, NULL), ERR_OK);
		assert_int_equal(connect(fd, (struct sockaddr *)&path.address, sizeof path.address), 0);
		assert_true(write(fd, texts[i], strlen(texts[i])) > 0);
		for (int turn = 0; turn < 4; turn++)
			loop_turn(world->loop, 10);
		close(fd);
		control_path_close(&path);
		loop_turn(world->loop, 10);
	}
	a_question_nobody_knows_is_answered(state);
}

/* Each has half a question. */
static void who_comes_when_all_places_are_taken_is_told(void **state)
{
	struct world *world = *state;
	struct asking asking = {.ask = {.on_line = on_line, .on_end = on_end}};
	struct control_path path;
	int fds[CONTROL_MAX];

	assert_int_equal(control_path_open(world->home, &path, NULL), ERR_OK);
	for (size_t i = 0; i < CONTROL_MAX; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fds[i], (struct sockaddr *)&path.address, sizeof path.address), 0);
		assert_int_equal(write(fds[i], "{", 1), 1);
		loop_turn(world->loop, 1000);
	}
	assert_int_equal(control_ask_start(world->loop, world->home, json_pack("{s:s}", "ask", "weather"), &asking.ask, NULL), ERR_OK);
	while (!asking.done)
		loop_turn(world->loop, 1000);
	assert_int_equal(asking.err, ERR_BUSY);
	assert_non_null(strstr(asking.why.text, "again"));
	for (size_t i = 0; i < CONTROL_MAX; i++)
		close(fds[i]);
	control_path_close(&path);
	for (size_t i = 0; i < CONTROL_MAX; i++)
		loop_turn(world->loop, 1);
	a_question_nobody_knows_is_answered(state);
}

static void a_line_without_an_end_is_bounded(void **state)
{
	struct world *world = *state;
	struct control_path path;
	char *many = malloc(1 << 20);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	bool ended = false;

	memset(many, 'x', 1 << 20);
	assert_int_equal(control_path_open(world->home, &path, NULL), ERR_OK);
	assert_int_equal(connect(fd, (struct sockaddr *)&path.address, sizeof path.address), 0);
	for (int i = 0; i < 100000 && !ended; i++) {
		ssize_t n = send(fd, many, 1 << 20, MSG_NOSIGNAL);
		loop_turn(world->loop, 1);
		ended = n < 0 && errno == EPIPE;
	}
	assert_true(ended);
	close(fd);
	control_path_close(&path);
	free(many);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_WORLD(a_question_nobody_knows_is_answered),
		IN_A_WORLD(a_question_taken_back_leaves_nothing),
		IN_A_WORLD(a_node_that_goes_ends_what_was_asked),
		IN_A_WORLD(a_home_has_one_node),
		IN_A_WORLD(a_home_that_was_replaced_belongs_to_the_next),
		IN_A_WORLD(nonsense_ends_its_own_connection_alone),
		IN_A_WORLD(who_comes_when_all_places_are_taken_is_told),
		IN_A_WORLD(a_line_without_an_end_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
