#include "node/loop.h"
#include "support/cmocka.h"

#include <poll.h>
#include <unistd.h>
#include <zmq.h>

struct hands {
	struct clock clock;
	int64_t now_ms;
};

static int64_t hands_now_ms(struct clock *clock)
{
	return container_of(clock, struct hands, clock)->now_ms;
}

struct bench {
	struct hands hands;
	struct loop *loop;
	struct loop_timer timers[8];
	struct loop_watch watches[3];
	int pipes[3][2];
	int calls[16]; /* which timer or watch, in order */
	size_t count;
	int other; /* what the handler under test cancels */
};

static struct bench *bench; /* handlers have nothing else to find their test by */

static int set_up(void **state)
{
	static struct bench fresh;

	fresh = (struct bench){.hands = {.clock = {.now_ms = hands_now_ms}, .now_ms = 1000}};
	bench = &fresh;
	assert_int_equal(loop_create(&bench->hands.clock, &bench->loop), ERR_OK);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pipe(bench->pipes[i]), 0);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	loop_destroy(bench->loop);
	for (size_t i = 0; i < 3; i++) {
		close(bench->pipes[i][0]);
		close(bench->pipes[i][1]);
	}
	return 0;
}

static void note_timer(struct loop_timer *timer)
{
	bench->calls[bench->count++] = (int)(timer - bench->timers);
}

static void note_watch(struct loop_watch *watch, short revents)
{
	assert_true(revents & POLLIN);
	bench->calls[bench->count++] = (int)(watch - bench->watches);
}

static void start(int which, int64_t delay_ms, void (*fire)(struct loop_timer *timer))
{
	bench->timers[which].fire = fire;
	assert_int_equal(loop_timer_start(bench->loop, &bench->timers[which], delay_ms), ERR_OK);
}

static void watch(int which, void (*ready)(struct loop_watch *watch, short revents))
{
	bench->watches[which] = (struct loop_watch){.fd = bench->pipes[which][0], .events = POLLIN, .ready = ready};
	loop_watch_start(bench->loop, &bench->watches[which]);
	assert_int_equal(write(bench->pipes[which][1], "", 1), 1);
}

static void assert_calls(size_t count, const int *calls)
{
	assert_int_equal(bench->count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(bench->calls[i], calls[i]);
}

static void timers_fire_by_time_then_by_start(void **state)
{
	(void)state;
	start(0, 30, note_timer);
	start(1, 10, note_timer);
	start(2, 20, note_timer);
	start(3, 10, note_timer);
	start(4, 50, note_timer);
	bench->hands.now_ms += 30;
	loop_turn(bench->loop, 0);
	assert_calls(4, (int[]){1, 3, 2, 0});
	bench->hands.now_ms += 20;
	loop_turn(bench->loop, 0);
	assert_calls(5, (int[]){1, 3, 2, 0, 4});
}

static void many_timers_keep_their_order(void **state)
{
	struct loop_timer timers[200] = {0};

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		timers[i].fire = note_timer;
		assert_int_equal(loop_timer_start(bench->loop, &timers[i], (int64_t)(i * 7919 % 200)), ERR_OK);
	}
	for (size_t i = 0; i < 200; i++)
		if (i * 7919 % 200 != 17)
			loop_timer_cancel(bench->loop, &timers[i]);
	bench->hands.now_ms += 16;
	loop_turn(bench->loop, 0);
	assert_int_equal(bench->count, 0);
	bench->hands.now_ms += 1;
	loop_turn(bench->loop, 0);
	assert_int_equal(bench->count, 1);
}

static void a_restarted_timer_fires_once(void **state)
{
	(void)state;
	start(0, 10, note_timer);
	start(0, 40, note_timer);
	bench->hands.now_ms += 20;
	loop_turn(bench->loop, 0);
	assert_calls(0, NULL);
	bench->hands.now_ms += 20;
	loop_turn(bench->loop, 0);
	loop_turn(bench->loop, 0);
	assert_calls(1, (int[]){0});
}

static void start_again(struct loop_timer *timer)
{
	note_timer(timer);
	start(0, 0, start_again);
}

static void a_timer_that_starts_itself_lets_others_go_on(void **state)
{
	(void)state;
	start(0, 0, start_again);
	loop_turn(bench->loop, 0);
	assert_calls(1, (int[]){0});
	loop_turn(bench->loop, 0);
	assert_calls(2, (int[]){0, 0});
}

static void cancel_timer(struct loop_timer *timer)
{
	note_timer(timer);
	loop_timer_cancel(bench->loop, &bench->timers[bench->other]);
}

static void a_handler_cancels_a_due_timer(void **state)
{
	(void)state;
	bench->other = 1;
	start(0, 10, cancel_timer);
	start(1, 10, note_timer);
	start(2, 10, note_timer);
	bench->hands.now_ms += 10;
	loop_turn(bench->loop, 0);
	assert_calls(2, (int[]){0, 2});
	loop_timer_cancel(bench->loop, &bench->timers[1]);
}

static void no_handler_runs_before_start_returns(void **state)
{
	(void)state;
	start(0, -5, note_timer);
	assert_calls(0, NULL);
	loop_turn(bench->loop, -1);
	assert_calls(1, (int[]){0});
}

static void cancel_watch(struct loop_watch *watch, short revents)
{
	note_watch(watch, revents);
	loop_watch_cancel(bench->loop, &bench->watches[bench->other]);
}

static void a_handler_cancels_a_ready_watch(void **state)
{
	(void)state;
	bench->other = 1;
	watch(0, cancel_watch);
	watch(1, note_watch);
	watch(2, note_watch);
	loop_turn(bench->loop, 0);
	assert_calls(2, (int[]){0, 2});
}

static void a_handler_cancels_itself(void **state)
{
	(void)state;
	bench->other = 0;
	watch(0, cancel_watch);
	loop_turn(bench->loop, 0);
	loop_turn(bench->loop, 0);
	assert_calls(1, (int[]){0});
	loop_watch_cancel(bench->loop, &bench->watches[0]);
}

static void replace_watch(struct loop_watch *watch, short revents)
{
	note_watch(watch, revents);
	loop_watch_cancel(bench->loop, &bench->watches[1]);
	loop_watch_start(bench->loop, &bench->watches[1]);
}

static void a_watch_started_anew_waits_for_its_turn(void **state)
{
	(void)state;
	watch(0, replace_watch);
	watch(1, note_watch);
	loop_turn(bench->loop, 0);
	assert_calls(1, (int[]){0});
	loop_watch_cancel(bench->loop, &bench->watches[0]);
	loop_turn(bench->loop, 0);
	assert_calls(2, (int[]){0, 1});
}

static void events_of_a_watch_may_change(void **state)
{
	(void)state;
	watch(0, note_watch);
	bench->watches[0].events = 0;
	loop_turn(bench->loop, 0);
	assert_calls(0, NULL);
	bench->watches[0].events = POLLIN;
	loop_turn(bench->loop, 0);
	assert_calls(1, (int[]){0});
}

static void stop(struct loop_timer *timer)
{
	note_timer(timer);
	loop_stop(bench->loop);
}

static void run_ends_when_stopped(void **state)
{
	(void)state;
	start(0, 0, stop);
	loop_run(bench->loop);
	assert_calls(1, (int[]){0});
}

static void nothing(struct pool_job *job)
{
	(void)job;
}

static void stop_when_done(struct pool_job *job)
{
	(void)job;
	bench->calls[bench->count++] = 7;
	loop_stop(bench->loop);
}

static void jobs_of_the_pool_are_reaped(void **state)
{
	struct pool_job job = {.run = nothing, .done = stop_when_done};
	struct pool *pool;

	(void)state;
	assert_int_equal(pool_create(1, &pool), ERR_OK);
	loop_attach_pool(bench->loop, pool);
	pool_submit(pool, &job);
	loop_run(bench->loop);
	assert_calls(1, (int[]){7});
	loop_destroy(bench->loop);
	pool_destroy(pool);
	assert_int_equal(loop_create(&bench->hands.clock, &bench->loop), ERR_OK);
}

/* A pair of sockets, the first of them watched as number 0. */
struct sockets {
	void *context, *ends[2];
};

static struct sockets watch_sockets(short events, void (*ready)(struct loop_watch *watch, short revents))
{
	struct sockets sockets = {.context = zmq_ctx_new()};
	int limit = 1;

	for (size_t i = 0; i < 2; i++) {
		sockets.ends[i] = zmq_socket(sockets.context, ZMQ_PAIR);
		assert_non_null(sockets.ends[i]);
		assert_int_equal(zmq_setsockopt(sockets.ends[i], ZMQ_SNDHWM, &limit, sizeof limit), 0);
		assert_int_equal(zmq_setsockopt(sockets.ends[i], ZMQ_RCVHWM, &limit, sizeof limit), 0);
		assert_int_equal(i == 0 ? zmq_bind(sockets.ends[i], "inproc://pair") : zmq_connect(sockets.ends[i], "inproc://pair"), 0);
	}
	bench->watches[0] = (struct loop_watch){.socket = sockets.ends[0], .fd = -1, .events = events, .ready = ready};
	loop_watch_start(bench->loop, &bench->watches[0]);
	return sockets;
}

static void close_sockets(struct sockets *sockets)
{
	loop_watch_cancel(bench->loop, &bench->watches[0]);
	for (size_t i = 0; i < 2; i++)
		zmq_close(sockets->ends[i]);
	zmq_ctx_term(sockets->context);
}

static void take_one(struct loop_watch *watch, short revents)
{
	char byte;

	note_watch(watch, revents);
	assert_int_equal(zmq_recv(watch->socket, &byte, 1, ZMQ_DONTWAIT), 1);
}

static void a_socket_is_ready_until_it_is_empty(void **state)
{
	struct sockets sockets = watch_sockets(POLLIN, take_one);

	(void)state;
	loop_turn(bench->loop, 0);
	assert_calls(0, NULL);
	assert_int_equal(zmq_send(sockets.ends[1], "a", 1, ZMQ_DONTWAIT), 1);
	assert_int_equal(zmq_send(sockets.ends[1], "b", 1, ZMQ_DONTWAIT), 1);
	loop_turn(bench->loop, -1);
	loop_turn(bench->loop, -1);
	assert_calls(2, (int[]){0, 0});
	loop_turn(bench->loop, 0);
	assert_calls(2, (int[]){0, 0});
	close_sockets(&sockets);
}

/* Any use of the socket takes note of what came, and leaves nothing to be seen at its descriptor. */
static void a_socket_that_was_used_is_asked(void **state)
{
	struct sockets sockets = watch_sockets(POLLIN, take_one);
	int events;
	size_t len = sizeof events;

	(void)state;
	loop_turn(bench->loop, 0);
	assert_int_equal(zmq_send(sockets.ends[1], "a", 1, ZMQ_DONTWAIT), 1);
	assert_int_equal(zmq_getsockopt(sockets.ends[0], ZMQ_EVENTS, &events, &len), 0);
	loop_watch_touch(&bench->watches[0]);
	loop_turn(bench->loop, -1);
	assert_calls(1, (int[]){0});
	close_sockets(&sockets);
}

static void note_room(struct loop_watch *watch, short revents)
{
	assert_int_equal(revents, POLLOUT);
	bench->calls[bench->count++] = (int)(watch - bench->watches);
}

static void a_socket_is_writable_while_it_has_room(void **state)
{
	struct sockets sockets = watch_sockets(POLLOUT, note_room);
	char byte;

	(void)state;
	loop_turn(bench->loop, -1);
	assert_calls(1, (int[]){0});
	while (zmq_send(sockets.ends[0], "a", 1, ZMQ_DONTWAIT) == 1)
		continue;
	loop_turn(bench->loop, 0);
	assert_calls(1, (int[]){0});
	while (zmq_recv(sockets.ends[1], &byte, 1, ZMQ_DONTWAIT) == 1)
		continue;
	loop_turn(bench->loop, -1);
	assert_calls(2, (int[]){0, 0});
	close_sockets(&sockets);
}

static void many_watches(void **state)
{
	struct loop_watch watches[100] = {0};

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		watches[i] = (struct loop_watch){.fd = bench->pipes[i % 3][0], .events = POLLIN, .ready = cancel_watch};
		loop_watch_start(bench->loop, &watches[i]);
	}
	for (size_t i = 0; i < 99; i++)
		loop_watch_cancel(bench->loop, &watches[i]);
	watches[99].ready = note_watch;
	assert_int_equal(write(bench->pipes[99 % 3][1], "", 1), 1);
	loop_turn(bench->loop, 0);
	assert_int_equal(bench->count, 1);
	loop_watch_cancel(bench->loop, &watches[99]);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(timers_fire_by_time_then_by_start),
		test(many_timers_keep_their_order),
		test(a_restarted_timer_fires_once),
		test(a_timer_that_starts_itself_lets_others_go_on),
		test(a_handler_cancels_a_due_timer),
		test(no_handler_runs_before_start_returns),
		test(a_handler_cancels_a_ready_watch),
		test(a_handler_cancels_itself),
		test(a_watch_started_anew_waits_for_its_turn),
		test(events_of_a_watch_may_change),
		test(run_ends_when_stopped),
		test(jobs_of_the_pool_are_reaped),
		test(a_socket_is_ready_until_it_is_empty),
		test(a_socket_that_was_used_is_asked),
		test(a_socket_is_writable_while_it_has_room),
		test(many_watches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
