#include "node/gateway_connection.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX 64 /* at a time */

struct entry {
	struct list link;
	int fd; /* libmicrohttpd's */
	int64_t since_ms;
	struct gateway_request *request; /* NULL: none */
	bool has_ended;  /* the client has closed its end, which is told once */
	struct gateway_connections *connections;
	struct loop_timer timer;         /* until a client that has closed its end is taken to have left */
};

static void look_again(struct gateway_patience *patience)
{
	struct loop *loop = patience->connections->loop;
	const struct entry *first;
	int64_t wait_ms;

	if (list_is_empty(&patience->entries)) {
		loop_timer_cancel(loop, &patience->timer);
		return;
	}
	first = container_of(patience->entries.next, struct entry, link);
	wait_ms = first->since_ms + patience->ms - loop_now_ms(loop);
	/* Without memory for a timer they stay until the next one. */
	(void)!loop_timer_start(loop, &patience->timer, wait_ms > 0 ? wait_ms : 0);
}

static void move_to(struct entry *entry, struct list *list)
{
	list_remove(&entry->link);
	list_append(list, &entry->link);
}

static void wait_from_now(struct gateway_patience *patience, struct entry *entry)
{
	entry->since_ms = loop_now_ms(patience->connections->loop);
	move_to(entry, &patience->entries);
	if (!patience->timer.place)
		look_again(patience);
}

/* Shut down, not closed: that is libmicrohttpd's, which sees the end. */
static void end_waiting(struct gateway_connections *connections, struct entry *entry)
{
	(void)!shutdown(entry->fd, SHUT_RDWR);
	move_to(entry, &connections->busy);
}

static void on_time(struct loop_timer *timer)
{
	struct gateway_patience *patience = container_of(timer, struct gateway_patience, timer);
	int64_t now_ms = loop_now_ms(patience->connections->loop);

	list_each_safe(at, &patience->entries) {
		struct entry *entry = container_of(at, struct entry, link);
		if (now_ms - entry->since_ms < patience->ms)
			break;
		end_waiting(patience->connections, entry);
	}
	look_again(patience);
}

static void patience_init(struct gateway_patience *patience, int64_t ms, struct gateway_connections *connections)
{
	*patience = (struct gateway_patience){.ms = ms, .connections = connections, .timer.fire = on_time};
	list_init(&patience->entries);
}

/* --- clients that leave */

static void look_later(struct entry *entry)
{
	/* Without memory for a timer its end is seen by what times out. */
	(void)!loop_timer_start(entry->connections->loop, &entry->timer, CONNECTION_LEAVE_MS);
}

/* What was sent behind the request is another one, of a client that waits for both answers. Without a request there is a part of one at most. */
static void look_at_end(struct loop_timer *timer)
{
	struct entry *entry = container_of(timer, struct entry, timer);
	char byte;

	if (recv(entry->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		look_later(entry);
	else if (entry->request)
		entry->connections->on_leave(entry->request);
	else
		end_waiting(entry->connections, entry);
}

static void on_ends(struct loop_watch *watch, short revents)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(watch->fd, events, EVENTS_MAX, 0);

	(void)revents;
	for (int i = 0; i < count; i++) {
		struct entry *entry = events[i].data.ptr;
		entry->has_ended = true;
		if (entry->request && (events[i].events & (EPOLLERR | EPOLLHUP)))
			entry->connections->on_leave(entry->request);
		else
			look_later(entry);
	}
}

static void watch_end(struct gateway_connections *connections, struct entry *entry)
{
	struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = entry};

	/* Without it its end is seen by what times out. */
	(void)!epoll_ctl(connections->watch.fd, EPOLL_CTL_ADD, entry->fd, &event);
}

/* --- their life */

enum err gateway_connections_init(struct gateway_connections *connections, struct why *why)
{
	patience_init(&connections->waiting, CONNECTION_HEAD_MS, connections);
	patience_init(&connections->sending, CONNECTION_BODY_MS, connections);
	list_init(&connections->busy);
	connections->watch = (struct loop_watch){.fd = epoll_create1(EPOLL_CLOEXEC), .events = POLLIN, .ready = on_ends};
	if (connections->watch.fd < 0)
		return why_errno(why, errno, "no descriptor for the gateway");
	loop_watch_start(connections->loop, &connections->watch);
	return ERR_OK;
}

void gateway_connections_release(struct gateway_connections *connections)
{
	loop_timer_cancel(connections->loop, &connections->waiting.timer);
	loop_timer_cancel(connections->loop, &connections->sending.timer);
	if (connections->watch.fd < 0)
		return;
	loop_watch_cancel(connections->loop, &connections->watch);
	close(connections->watch.fd);
	connections->watch.fd = -1;
}

/* NULL: out of memory when it began; such a one is not looked after. */
static struct entry *entry_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void gone(struct gateway_connections *connections, struct entry *entry)
{
	if (!entry)
		return;
	(void)!epoll_ctl(connections->watch.fd, EPOLL_CTL_DEL, entry->fd, NULL);
	connections->count--;
	loop_timer_cancel(connections->loop, &entry->timer);
	list_remove(&entry->link);
	free(entry);
}

void gateway_connection_note(struct gateway_connections *connections, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code)
{
	struct entry *entry = *context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		gone(connections, entry);
		*context = NULL;
		return;
	}
	entry = calloc(1, sizeof *entry);
	*context = entry;
	if (!entry)
		return;
	list_init(&entry->link);
	entry->connections = connections;
	entry->timer.fire = look_at_end;
	entry->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	wait_from_now(&connections->waiting, entry);
	watch_end(connections, entry);
	if (++connections->count > connections->most && connections->waiting.entries.next != &entry->link)
		end_waiting(connections, container_of(connections->waiting.entries.next, struct entry, link));
}

void gateway_connection_begin(struct gateway_connections *connections, struct MHD_Connection *connection, struct gateway_request *request, bool has_body)
{
	struct entry *entry = entry_of(connection);

	if (!entry)
		return;
	entry->request = request;
	if (entry->has_ended)
		look_later(entry);
	if (has_body)
		wait_from_now(&connections->sending, entry);
	else
		move_to(entry, &connections->busy);
}

void gateway_connection_whole(struct gateway_connections *connections, struct MHD_Connection *connection)
{
	struct entry *entry = entry_of(connection);

	if (entry)
		move_to(entry, &connections->busy);
}

void gateway_connection_end(struct gateway_connections *connections, struct MHD_Connection *connection)
{
	struct entry *entry = entry_of(connection);

	if (!entry)
		return;
	entry->request = NULL;
	wait_from_now(&connections->waiting, entry);
}
