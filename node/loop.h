/* loop: one thread's wait for descriptors, ZeroMQ sockets and timers.
 *
 * Watches and timers are embedded in what they serve (container_of finds the way back). Handlers run on the loop's thread, one at a time; they may start and
 * cancel any watch or timer, themselves included. Nothing here is thread-safe; other threads reach the loop through a descriptor (pool.h).
 */
#ifndef LARDER_NODE_LOOP_H
#define LARDER_NODE_LOOP_H

#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "base/pool.h"

struct loop;

struct loop_watch {
	void *socket;  /* of ZeroMQ; NULL: fd is watched */
	int fd;
	short events;  /* of poll(2); of a socket POLLIN and POLLOUT, and POLLERR comes when it cannot be asked */
	void (*ready)(struct loop_watch *watch, short revents);
	struct list link; /* the loop's while watched */
	bool is_touched;  /* the loop's */
};

struct loop_timer {
	int64_t at_ms;
	void (*fire)(struct loop_timer *timer);
	size_t place; /* the loop's: place in its heap + 1; 0 when not running. Zero it before the first use. */
	uint64_t order; /* the loop's: timers of the same time fire in the order in which they were started */
};

/* `clock` is borrowed. */
enum err loop_create(struct clock *clock, struct loop **ret_loop) LARDER_MUST_USE;
/* What is still watched or running is forgotten, not called. */
void loop_destroy(struct loop *loop);

int64_t loop_now_ms(struct loop *loop);

/* A watch is started with fd or socket, events and ready set; `events` may be changed while it is watched. A socket's handler takes a bounded number of messages a turn. Cancel before the socket is closed. */
void loop_watch_start(struct loop *loop, struct loop_watch *watch);
void loop_watch_cancel(struct loop *loop, struct loop_watch *watch); /* harmless when not watched, if zeroed before its first use */
/* Whoever uses a watched socket outside its handler, or changes `events` of its watch, says so: what is ready is then asked anew. Without it, what came meanwhile may not be noticed: sending takes note
 * of what has come in, and leaves nothing to be seen from outside. */
void loop_watch_touch(struct loop_watch *watch);

/* (Re)start: fires once, `delay_ms` from now, never before this call returns. ERR_NO_MEMORY only when more timers run than ever before. */
enum err loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_ms) LARDER_MUST_USE;
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer); /* harmless when not running */

/* Have the jobs of `pool` reaped on this loop while it exists. At most one pool. */
void loop_attach_pool(struct loop *loop, struct pool *pool);

/* Run until loop_stop(); at once back when that was called before. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* One turn: wait for at most `timeout_ms` (-1: until something happens), call what is ready, then the timers that are due; what a handler starts has
 * its turn in the next one. Never from within a handler. */
void loop_turn(struct loop *loop, int timeout_ms);

#endif
