#include "support/cmocka.h"

#include "node/acceptor.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define CALLERS (ACCEPTOR_TURN + 3)

struct world {
	struct loop *loop;
	struct acceptor acceptor;
	int listener, callers[CALLERS];
	struct sockaddr_in at;
	int taken;
	bool is_enough; /* one is */
};

static void on_connection(struct acceptor *acceptor, int fd, const struct sockaddr *from)
{
	struct world *world = container_of(acceptor, struct world, acceptor);

	assert_int_equal(from->sa_family, AF_INET);
	close(fd);
	world->taken++;
	if (world->is_enough)
		acceptor_cancel(acceptor);
}

static int enter(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	socklen_t len = sizeof world->at;

	world->at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	assert_int_equal(loop_create(clock_system(), &world->loop), ERR_OK);
	world->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(world->listener, (struct sockaddr *)&world->at, len), 0);
	assert_int_equal(getsockname(world->listener, (struct sockaddr *)&world->at, &len), 0);
	assert_int_equal(listen(world->listener, CALLERS), 0);
	world->acceptor = (struct acceptor){.loop = world->loop, .on_connection = on_connection};
	acceptor_start(&world->acceptor, world->listener);
	for (int i = 0; i < CALLERS; i++)
		world->callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*state = world;
	return 0;
}

static int leave(void **state)
{
	struct world *world = *state;

	acceptor_cancel(&world->acceptor);
	for (int i = 0; i < CALLERS; i++)
		close(world->callers[i]);
	close(world->listener);
	loop_destroy(world->loop);
	free(world);
	return 0;
}

static void call(struct world *world, int count)
{
	for (int i = 0; i < count; i++)
		assert_int_equal(connect(world->callers[i], (struct sockaddr *)&world->at, sizeof world->at), 0);
}

static void so_many_in_a_turn(void **state)
{
	struct world *world = *state;

	call(world, CALLERS);
	loop_turn(world->loop, -1);
	assert_int_equal(world->taken, ACCEPTOR_TURN);
	loop_turn(world->loop, -1);
	assert_int_equal(world->taken, CALLERS);
}

static void it_may_be_cancelled_meanwhile(void **state)
{
	struct world *world = *state;

	world->is_enough = true;
	call(world, 2);
	loop_turn(world->loop, -1);
	loop_turn(world->loop, 0);
	assert_int_equal(world->taken, 1);
}

/* The turn after that waits for the end of the rest, and is not called again and again before. */
static void without_a_descriptor_it_rests(void **state)
{
	struct world *world = *state;
	struct rlimit limit, none;
	int64_t begun_ms;

	call(world, 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)world->callers[0], .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	begun_ms = loop_now_ms(world->loop);
	loop_turn(world->loop, -1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(world->taken, 0);
	loop_turn(world->loop, -1);
	assert_true(loop_now_ms(world->loop) - begun_ms >= ACCEPTOR_REST_MS);
	assert_int_equal(world->taken, 0);
	loop_turn(world->loop, -1);
	assert_int_equal(world->taken, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(so_many_in_a_turn, enter, leave),
		cmocka_unit_test_setup_teardown(it_may_be_cancelled_meanwhile, enter, leave),
		cmocka_unit_test_setup_teardown(without_a_descriptor_it_rests, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
