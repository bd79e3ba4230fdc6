#include "base/pool.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct list waiting;  /* submitted, not yet taken by a worker */
	struct list finished; /* run, not yet reaped */
	struct list reaping;  /* of those, what pool_reap() is at; owner thread only */
	bool closing;
	size_t out; /* submitted and not yet reaped; owner thread only */
	int event_fd;
	unsigned threads;
	pthread_t *ids;
};

unsigned pool_cpus(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof set, &set) != 0)
		return 1;
	return CPU_COUNT(&set) > 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static struct pool_job *take(struct pool *pool)
{
	struct pool_job *job = NULL;

	pthread_mutex_lock(&pool->lock);
	while (list_is_empty(&pool->waiting) && !pool->closing)
		pthread_cond_wait(&pool->work, &pool->lock);
	if (!list_is_empty(&pool->waiting)) {
		job = container_of(pool->waiting.next, struct pool_job, link);
		list_remove(&job->link);
	}
	pthread_mutex_unlock(&pool->lock);
	return job;
}

static void finish(struct pool *pool, struct pool_job *job)
{
	uint64_t one = 1;

	pthread_mutex_lock(&pool->lock);
	list_append(&pool->finished, &job->link);
	pthread_mutex_unlock(&pool->lock);
	/* Fails only when the counter is full, and then the descriptor is readable anyway. */
	if (write(pool->event_fd, &one, sizeof one) < 0)
		return;
}

static void *worker(void *arg)
{
	struct pool *pool = arg;
	struct pool_job *job;

	while ((job = take(pool))) {
		job->run(job);
		finish(pool, job);
	}
	return NULL;
}

/* Workers take no signals: they are the main thread's business. */
static bool start_threads(struct pool *pool, unsigned threads)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (pool->threads < threads && pthread_create(&pool->ids[pool->threads], NULL, worker, pool) == 0)
		pool->threads++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return pool->threads == threads;
}

enum err pool_create(unsigned threads, struct pool **ret_pool)
{
	struct pool *pool = calloc(1, sizeof *pool);

	if (!pool)
		return ERR_NO_MEMORY;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	list_init(&pool->waiting);
	list_init(&pool->finished);
	list_init(&pool->reaping);
	if (threads == 0)
		threads = 1;
	pool->ids = calloc(threads, sizeof *pool->ids);
	pool->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!pool->ids || pool->event_fd < 0 || !start_threads(pool, threads)) {
		enum err err = pool->ids ? ERR_IO : ERR_NO_MEMORY;
		pool_destroy(pool);
		return err;
	}
	*ret_pool = pool;
	return ERR_OK;
}

void pool_destroy(struct pool *pool)
{
	if (!pool)
		return;
	while (pool->out)
		pool_wait(pool);
	pthread_mutex_lock(&pool->lock);
	pool->closing = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->threads; i++)
		pthread_join(pool->ids[i], NULL);
	if (pool->event_fd >= 0)
		close(pool->event_fd);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	free(pool->ids);
	free(pool);
}

unsigned pool_threads(const struct pool *pool)
{
	return pool->threads;
}

void pool_submit(struct pool *pool, struct pool_job *job)
{
	pool->out++;
	pthread_mutex_lock(&pool->lock);
	list_append(&pool->waiting, &job->link);
	pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

int pool_fd(const struct pool *pool)
{
	return pool->event_fd;
}

/* done() may reap too, so what is left is not kept on this stack. */
size_t pool_reap(struct pool *pool)
{
	uint64_t count;
	size_t reaped = 0;

	/* Emptied first: what finishes from here on makes it readable again. */
	if (read(pool->event_fd, &count, sizeof count) < 0)
		count = 0;
	pthread_mutex_lock(&pool->lock);
	list_append_all(&pool->reaping, &pool->finished);
	pthread_mutex_unlock(&pool->lock);
	while (!list_is_empty(&pool->reaping)) {
		struct pool_job *job = container_of(pool->reaping.next, struct pool_job, link);
		list_remove(&job->link);
		pool->out--;
		reaped++;
		job->done(job);
	}
	return reaped;
}

size_t pool_wait(struct pool *pool)
{
	size_t reaped = 0;

	while (pool->out && (reaped = pool_reap(pool)) == 0) {
		struct pollfd ready = {.fd = pool->event_fd, .events = POLLIN};
		poll(&ready, 1, -1);
	}
	return reaped;
}
