#include "node/acceptor.h"

#include <errno.h>
#include <poll.h>

static void on_rested(struct loop_timer *timer)
{
	struct acceptor *acceptor = container_of(timer, struct acceptor, rest);

	loop_watch_start(acceptor->loop, &acceptor->watch);
}

static void rest(struct acceptor *acceptor)
{
	if (loop_timer_start(acceptor->loop, &acceptor->rest, ACCEPTOR_REST_MS) == ERR_OK)
		loop_watch_cancel(acceptor->loop, &acceptor->watch);
}

static void on_ready(struct loop_watch *watch, short revents)
{
	struct acceptor *acceptor = container_of(watch, struct acceptor, watch);

	(void)revents;
	for (int i = 0; i < ACCEPTOR_TURN && watch->fd >= 0; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof from;
		int fd = accept4(watch->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (fd < 0) {
			if (errno != EAGAIN)
				rest(acceptor);
			return;
		}
		acceptor->on_connection(acceptor, fd, (const struct sockaddr *)&from);
	}
}

void acceptor_start(struct acceptor *acceptor, int fd)
{
	acceptor->watch = (struct loop_watch){.fd = fd, .events = POLLIN, .ready = on_ready};
	acceptor->rest.fire = on_rested;
	loop_watch_start(acceptor->loop, &acceptor->watch);
}

void acceptor_cancel(struct acceptor *acceptor)
{
	loop_watch_cancel(acceptor->loop, &acceptor->watch);
	loop_timer_cancel(acceptor->loop, &acceptor->rest);
	acceptor->watch.fd = -1;
}
