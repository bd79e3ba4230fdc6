#include "node/gateway_connection.h"

#include <stdlib.h>
#include <sys/socket.h>

struct entry {
	struct list link;
	int fd; /* libmicrohttpd's */
	int64_t since_ms;
};

static void look_again(struct gateway_connections *connections)
{
	const struct entry *first;
	int64_t wait_ms;

	if (list_is_empty(&connections->waiting)) {
		loop_timer_cancel(connections->loop, &connections->timer);
		return;
	}
	first = container_of(connections->waiting.next, struct entry, link);
	wait_ms = first->since_ms + CONNECTION_HEAD_MS - loop_now_ms(connections->loop);
	/* Without memory for a timer they stay until the next one. */
	(void)!loop_timer_start(connections->loop, &connections->timer, wait_ms > 0 ? wait_ms : 0);
}

static void wait_from_now(struct gateway_connections *connections, struct entry *entry)
{
	entry->since_ms = loop_now_ms(connections->loop);
	list_remove(&entry->link);
	list_append(&connections->waiting, &entry->link);
	if (!connections->timer.place)
		look_again(connections);
}

/* Shut down, not closed: that is libmicrohttpd's, which sees the end. */
static void on_time(struct loop_timer *timer)
{
	struct gateway_connections *connections = container_of(timer, struct gateway_connections, timer);
	int64_t now_ms = loop_now_ms(connections->loop);

	list_each_safe(at, &connections->waiting) {
		struct entry *entry = container_of(at, struct entry, link);
		if (now_ms - entry->since_ms < CONNECTION_HEAD_MS)
			break;
		(void)!shutdown(entry->fd, SHUT_RDWR);
		list_remove(&entry->link);
		list_append(&connections->busy, &entry->link);
	}
	look_again(connections);
}

void gateway_connections_init(struct gateway_connections *connections)
{
	list_init(&connections->waiting);
	list_init(&connections->busy);
	connections->timer.fire = on_time;
}

void gateway_connections_release(struct gateway_connections *connections)
{
	loop_timer_cancel(connections->loop, &connections->timer);
}

/* NULL: out of memory when it began; such a one is not looked after. */
static struct entry *entry_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void gateway_connection_note(struct gateway_connections *connections, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code)
{
	struct entry *entry = *context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (entry)
			list_remove(&entry->link);
		free(entry);
		*context = NULL;
		return;
	}
	entry = calloc(1, sizeof *entry);
	*context = entry;
	if (!entry)
		return;
	list_init(&entry->link);
	entry->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	wait_from_now(connections, entry);
}

void gateway_connection_begin(struct gateway_connections *connections, struct MHD_Connection *connection)
{
	struct entry *entry = entry_of(connection);

	if (!entry)
		return;
	list_remove(&entry->link);
	list_append(&connections->busy, &entry->link);
}

void gateway_connection_end(struct gateway_connections *connections, struct MHD_Connection *connection)
{
	struct entry *entry = entry_of(connection);

	if (entry)
		wait_from_now(connections, entry);
}
