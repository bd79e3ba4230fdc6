/* pool: worker threads that compute or block, so that the loop never does.
 *
 * A job is embedded in whatever it works for (container_of finds the way back). run() is called on a worker and may touch only
 * what the job owns until it is done; done() is called on the thread that calls pool_reap(), once for every submitted job, in the order
 * in which they finished. Threads are joined by pool_destroy(). No cancelling: a job that should end early looks at its own
 * atomic flag.
 */
#ifndef LARDER_BASE_POOL_H
#define LARDER_BASE_POOL_H

#include "base/err.h"
#include "base/list.h"

struct pool;

struct pool_job {
	void (*run)(struct pool_job *job);
	void (*done)(struct pool_job *job);
	struct list link; /* the pool's while submitted */
};

/* The number of processors this process may use; at least 1. */
unsigned pool_cpus(void);

/* `threads` workers (at least 1). ERR_NO_MEMORY, ERR_IO. */
enum err pool_create(unsigned threads, struct pool **ret_pool) LARDER_MUST_USE;

/* Waits until every submitted job has run and calls done() for those not reaped yet. NULL is fine. */
void pool_destroy(struct pool *pool);

unsigned pool_threads(const struct pool *pool);

/* Owner thread only. The job and what it points at belong to the worker until done(). */
void pool_submit(struct pool *pool, struct pool_job *job);

/* Becomes readable when a job has finished; never read it yourself. */
int pool_fd(const struct pool *pool);

/* Owner thread: call done() of every job that has finished by now. done() may submit again; what finishes meanwhile has its turn at the next call. Returns how many were called. Never blocks. */
size_t pool_reap(struct pool *pool);

/* Owner thread: the same, but first wait until at least one submitted job has finished. Returns 0 at once when none is out. */
size_t pool_wait(struct pool *pool);

#endif
