#include "node/loop.h"

#include <assert.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <zmq.h>

#define LOOP_FIRST_ROOM 16

struct loop {
	struct clock *clock; /* borrowed */
	struct list watches;
	size_t watch_count;
	/* What one turn waits for; `polled` says whose each is, NULL once that was cancelled. */
	struct pollfd *fds;
	short *sockets_ready; /* what a socket had before the wait */
	struct loop_watch **polled;
	size_t polled_count, polled_room;
	/* A binary heap, the earliest at its root. */
	struct loop_timer **heap;
	size_t heap_count, heap_room;
	uint64_t next_order;
	struct pool *pool; /* borrowed; may be NULL */
	struct loop_watch pool_watch;
	bool in_turn, stopping;
};

enum err loop_create(struct clock *clock, struct loop **ret_loop)
{
	struct loop *loop = calloc(1, sizeof *loop);

	if (!loop)
		return ERR_NO_MEMORY;
	loop->clock = clock;
	list_init(&loop->watches);
	loop->fds = calloc(LOOP_FIRST_ROOM, sizeof *loop->fds);
	loop->polled = calloc(LOOP_FIRST_ROOM, sizeof(struct loop_watch *));
	loop->sockets_ready = calloc(LOOP_FIRST_ROOM, sizeof *loop->sockets_ready);
	loop->polled_room = LOOP_FIRST_ROOM;
	if (!loop->fds || !loop->polled || !loop->sockets_ready) {
		loop_destroy(loop);
		return ERR_NO_MEMORY;
	}
	*ret_loop = loop;
	return ERR_OK;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	list_each_safe(at, &loop->watches)
		loop_watch_cancel(loop, container_of(at, struct loop_watch, link));
	for (size_t i = 0; i < loop->heap_count; i++)
		loop->heap[i]->place = 0;
	free(loop->heap);
	free(loop->fds);
	free(loop->polled);
	free(loop->sockets_ready);
	free(loop);
}

int64_t loop_now_ms(struct loop *loop)
{
	return clock_now_ms(loop->clock);
}

void loop_watch_start(struct loop *loop, struct loop_watch *watch)
{
	list_append(&loop->watches, &watch->link);
	loop->watch_count++;
	watch->is_touched = true;
}

void loop_watch_touch(struct loop_watch *watch)
{
	watch->is_touched = true;
}

void loop_watch_cancel(struct loop *loop, struct loop_watch *watch)
{
	if (!watch->link.next)
		return;
	list_remove(&watch->link);
	watch->link = (struct list){NULL, NULL};
	loop->watch_count--;
	for (size_t i = 0; i < loop->polled_count; i++)
		if (loop->polled[i] == watch)
			loop->polled[i] = NULL;
}

static bool is_earlier(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void heap_set(struct loop *loop, size_t place, struct loop_timer *timer)
{
	loop->heap[place] = timer;
	timer->place = place + 1;
}

/* Put `timer` where it belongs, `place` being free. */
static void heap_settle(struct loop *loop, size_t place, struct loop_timer *timer)
{
	while (place > 0 && is_earlier(timer, loop->heap[(place - 1) / 2])) {
		heap_set(loop, place, loop->heap[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	for (;;) {
		size_t child = 2 * place + 1;
		if (child + 1 < loop->heap_count && is_earlier(loop->heap[child + 1], loop->heap[child]))
			child++;
		if (child >= loop->heap_count || !is_earlier(loop->heap[child], timer))
			break;
		heap_set(loop, place, loop->heap[child]);
		place = child;
	}
	heap_set(loop, place, timer);
}

static enum err heap_make_room(struct loop *loop)
{
	size_t room = loop->heap_room ? 2 * loop->heap_room : LOOP_FIRST_ROOM;
	struct loop_timer **heap;

	if (loop->heap_count < loop->heap_room)
		return ERR_OK;
	heap = realloc(loop->heap, room * sizeof(struct loop_timer *));
	if (!heap)
		return ERR_NO_MEMORY;
	loop->heap = heap;
	loop->heap_room = room;
	return ERR_OK;
}

enum err loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_ms)
{
	int64_t now_ms = loop_now_ms(loop);
	enum err err;

	loop_timer_cancel(loop, timer);
	err = heap_make_room(loop);
	if (err)
		return err;
	if (delay_ms < 0)
		delay_ms = 0;
	timer->at_ms = delay_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + delay_ms;
	timer->order = loop->next_order++;
	loop->heap_count++;
	heap_settle(loop, loop->heap_count - 1, timer);
	return ERR_OK;
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
	size_t place = timer->place;
	struct loop_timer *last;

	if (place == 0)
		return;
	timer->place = 0;
	last = loop->heap[--loop->heap_count];
	if (last != timer)
		heap_settle(loop, place - 1, last);
}

static void reap_pool(struct loop_watch *watch, short revents)
{
	struct loop *loop = container_of(watch, struct loop, pool_watch);

	(void)revents;
	pool_reap(loop->pool);
}

void loop_attach_pool(struct loop *loop, struct pool *pool)
{
	assert(!loop->pool);
	loop->pool = pool;
	loop->pool_watch = (struct loop_watch){.fd = pool_fd(pool), .events = POLLIN, .ready = reap_pool};
	loop_watch_start(loop, &loop->pool_watch);
}

/* What is ready of what is waited for, at a socket. */
static short socket_revents(const struct loop_watch *watch)
{
	int events;
	size_t len = sizeof events;
	short revents = 0;

	if (zmq_getsockopt(watch->socket, ZMQ_EVENTS, &events, &len) != 0)
		return POLLERR;
	if (events & ZMQ_POLLIN)
		revents |= POLLIN;
	if (events & ZMQ_POLLOUT)
		revents |= POLLOUT;
	return revents & watch->events;
}

/* A socket's descriptor becomes readable when something has changed, whatever that is; any use of the socket may take note of that. So what is ready is asked when the descriptor says so, and before
 * a wait after each use. Not before each wait: that costs a microsecond a socket. */
static struct pollfd pollfd_of_socket(const struct loop_watch *watch)
{
	struct pollfd pollfd = {.fd = -1, .events = POLLIN};
	size_t len = sizeof pollfd.fd;

	(void)zmq_getsockopt(watch->socket, ZMQ_FD, &pollfd.fd, &len); /* else it is not waited for, but asked */
	return pollfd;
}

static void make_room(struct loop *loop, size_t room)
{
	struct pollfd *fds = realloc(loop->fds, room * sizeof *fds);
	struct loop_watch **polled = realloc(loop->polled, room * sizeof(struct loop_watch *));
	short *sockets_ready = realloc(loop->sockets_ready, room * sizeof *sockets_ready);

	if (fds)
		loop->fds = fds;
	if (polled)
		loop->polled = polled;
	if (sockets_ready)
		loop->sockets_ready = sockets_ready;
	if (fds && polled && sockets_ready)
		loop->polled_room = room;
}

/* Without memory for all of them some wait for a later turn: they are moved behind the others. */
static void gather(struct loop *loop)
{
	if (loop->watch_count > loop->polled_room)
		make_room(loop, 2 * loop->watch_count);
	loop->polled_count = 0;
	while (loop->polled_count < loop->polled_room && loop->polled_count < loop->watch_count) {
		struct loop_watch *watch = container_of(loop->watches.next, struct loop_watch, link);
		loop->fds[loop->polled_count] = watch->socket ? pollfd_of_socket(watch) : (struct pollfd){.fd = watch->fd, .events = watch->events};
		loop->polled[loop->polled_count++] = watch;
		list_remove(&watch->link);
		list_append(&loop->watches, &watch->link);
	}
}

static int wait_ms(struct loop *loop, int timeout_ms)
{
	int64_t until_ms;

	if (loop->heap_count == 0)
		return timeout_ms;
	until_ms = loop->heap[0]->at_ms - loop_now_ms(loop);
	if (until_ms < 0)
		until_ms = 0;
	if (until_ms > INT_MAX)
		until_ms = INT_MAX;
	return timeout_ms >= 0 && timeout_ms < until_ms ? timeout_ms : (int)until_ms;
}

/* Wait, and leave in `revents` of each descriptor what its watch is to be told. Not zmq_poll(): that takes memory each time, and makes one of error and hang-up. */
static void wait_ready(struct loop *loop, int timeout_ms)
{
	size_t count = loop->polled_count;

	for (size_t i = 0; i < count; i++) {
		struct loop_watch *watch = loop->polled[i];
		loop->sockets_ready[i] = watch->socket && watch->is_touched ? socket_revents(watch) : 0;
		watch->is_touched = false;
		if (loop->sockets_ready[i])
			timeout_ms = 0;
	}
	if (poll(loop->fds, (nfds_t)count, timeout_ms) < 0)
		for (size_t i = 0; i < count; i++)
			loop->fds[i].revents = 0;
	for (size_t i = 0; i < count; i++)
		if (loop->polled[i]->socket)
			loop->fds[i].revents = loop->fds[i].revents ? socket_revents(loop->polled[i]) : loop->sockets_ready[i];
}

static void call_ready(struct loop *loop)
{
	for (size_t i = 0; i < loop->polled_count; i++) {
		struct loop_watch *watch = loop->polled[i];
		if (!watch || !loop->fds[i].revents)
			continue;
		watch->is_touched = true;
		watch->ready(watch, loop->fds[i].revents);
	}
	loop->polled_count = 0;
}

/* A timer that a handler starts has a later order than `first_new`, so that none can keep the loop from its descriptors. */
static void call_due(struct loop *loop)
{
	uint64_t first_new = loop->next_order;
	int64_t now_ms = loop_now_ms(loop);

	while (loop->heap_count) {
		struct loop_timer *timer = loop->heap[0];
		if (timer->at_ms > now_ms || timer->order >= first_new)
			break;
		loop_timer_cancel(loop, timer);
		timer->fire(timer);
	}
}

void loop_turn(struct loop *loop, int timeout_ms)
{
	assert(!loop->in_turn);
	loop->in_turn = true;
	gather(loop);
	wait_ready(loop, wait_ms(loop, timeout_ms));
	call_ready(loop);
	call_due(loop);
	loop->in_turn = false;
}

void loop_run(struct loop *loop)
{
	while (!loop->stopping)
		loop_turn(loop, -1);
	loop->stopping = false;
}

void loop_stop(struct loop *loop)
{
	loop->stopping = true;
}
