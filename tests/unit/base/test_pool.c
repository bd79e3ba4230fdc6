#include "base/pool.h"

#include "support/cmocka.h"

#include <poll.h>
#include <pthread.h>

#define JOBS 100

struct sum {
	struct pool_job job;
	int n, result;
	int *done;
	pthread_t ran_on;
	struct pool *again; /* submit once more from done() */
};

static void run(struct pool_job *job)
{
	struct sum *sum = container_of(job, struct sum, job);

	sum->ran_on = pthread_self();
	for (int i = 1; i <= sum->n; i++)
		sum->result += i;
}

static void done(struct pool_job *job)
{
	struct sum *sum = container_of(job, struct sum, job);
	struct pool *again = sum->again;

	++*sum->done;
	sum->again = NULL;
	if (again)
		pool_submit(again, job);
}

static void every_job_is_run_elsewhere_and_done_here(void **state)
{
	struct sum sums[JOBS];
	struct pool *pool = NULL;
	int reaped = 0;

	(void)state;
	assert_int_equal(pool_create(3, &pool), ERR_OK);
	for (int i = 0; i < JOBS; i++) {
		sums[i] = (struct sum){.job = {.run = run, .done = done}, .n = i, .done = &reaped};
		pool_submit(pool, &sums[i].job);
	}
	while (reaped < JOBS)
		assert_true(pool_wait(pool) > 0);
	for (int i = 0; i < JOBS; i++) {
		assert_int_equal(sums[i].result, i * (i + 1) / 2);
		assert_false(pthread_equal(sums[i].ran_on, pthread_self()));
	}
	assert_int_equal(pool_wait(pool), 0);
	pool_destroy(pool);
}

static void its_descriptor_tells_when_to_reap(void **state)
{
	struct pool *pool = NULL;
	int reaped = 0;
	struct sum sum = {.job = {.run = run, .done = done}, .n = 3, .done = &reaped};

	(void)state;
	assert_int_equal(pool_create(1, &pool), ERR_OK);
	struct pollfd ready = {.fd = pool_fd(pool), .events = POLLIN};
	assert_int_equal(poll(&ready, 1, 0), 0);
	pool_submit(pool, &sum.job);
	assert_int_equal(poll(&ready, 1, 10000), 1);
	assert_int_equal(pool_reap(pool), 1);
	assert_int_equal(reaped, 1);
	assert_int_equal(poll(&ready, 1, 0), 0);
	pool_destroy(pool);
}

struct restless {
	struct pool_job job;
	struct pool *pool;
	int left, reaped;
};

static void run_nothing(struct pool_job *job) { (void)job; }

/* Submits itself again, and has run by then. */
static void done_restless(struct pool_job *job)
{
	struct restless *restless = container_of(job, struct restless, job);
	struct pollfd ready = {.fd = pool_fd(restless->pool), .events = POLLIN};

	restless->reaped++;
	if (restless->left-- == 0)
		return;
	pool_submit(restless->pool, job);
	assert_int_equal(poll(&ready, 1, 10000), 1);
}

static void what_finishes_meanwhile_waits_for_the_next_turn(void **state)
{
	struct restless restless = {.job = {.run = run_nothing, .done = done_restless}, .left = 3};

	(void)state;
	assert_int_equal(pool_create(1, &restless.pool), ERR_OK);
	pool_submit(restless.pool, &restless.job);
	assert_int_equal(pool_wait(restless.pool), 1);
	assert_int_equal(pool_reap(restless.pool), 1);
	pool_destroy(restless.pool);
	assert_int_equal(restless.reaped, 4);
}

static void destroying_finishes_what_is_out_and_what_that_submits(void **state)
{
	struct pool *pool = NULL;
	int reaped = 0;
	struct sum sum = {.job = {.run = run, .done = done}, .n = 3, .done = &reaped};

	(void)state;
	assert_int_equal(pool_create(1, &pool), ERR_OK);
	sum.again = pool;
	pool_submit(pool, &sum.job);
	pool_destroy(pool);
	assert_int_equal(reaped, 2);
	assert_int_equal(sum.result, 12);
	pool_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_job_is_run_elsewhere_and_done_here),
		cmocka_unit_test(its_descriptor_tells_when_to_reap),
		cmocka_unit_test(what_finishes_meanwhile_waits_for_the_next_turn),
		cmocka_unit_test(destroying_finishes_what_is_out_and_what_that_submits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
