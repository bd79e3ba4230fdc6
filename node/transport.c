#include "node/outlet.h"
#include "node/transport_private.h"
#include "node/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SOCKETS_EACH 3 /* a DEALER, and two for its events */
#define SOCKETS_OTHER 16

_Static_assert(TRANSPORT_CONTROL_MAX == WIRE_CONTROL_MAX && TRANSPORT_BULK_MAX == WIRE_PIECE_MAX, "frames");

static void free_dead(struct transport *transport)
{
	transport->has_dead = false;
	list_each_safe(at, &transport->links) {
		struct transport_link *link = container_of(at, struct transport_link, link);
		if (link->state == LINK_DEAD)
			link_free(link);
	}
}

void transport_enter(struct transport *transport)
{
	transport->depth++;
}

void transport_leave(struct transport *transport)
{
	if (--transport->depth == 0 && transport->has_dead)
		free_dead(transport);
}

/* A frame has left somewhere where that was waited for. */
static void on_wake(struct loop_watch *watch, short revents)
{
	struct transport *transport = container_of(watch, struct transport, wake_watch);
	struct transport_owner *owner = transport->options.owner;
	uint64_t count;

	(void)revents;
	if (read(transport->wake_fd, &count, sizeof count) < 0)
		return;
	transport_enter(transport);
	list_each(at, &transport->links) {
		struct transport_link *link = container_of(at, struct transport_link, link);
		if (!link->is_waiting || (link->state != LINK_OPENING && link->state != LINK_UP) || !outlet_has_room(link->outlet))
			continue;
		link->is_waiting = false;
		if (owner->on_writable)
			owner->on_writable(owner, link);
	}
	transport_leave(transport);
}

static enum err set_up(struct transport *transport, struct why *why)
{
	transport->context = zmq_ctx_new();
	transport->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!transport->context || transport->wake_fd < 0)
		return why_errno(why, errno, "cannot set up connections to peers");
	if (zmq_ctx_set(transport->context, ZMQ_MAX_SOCKETS, SOCKETS_EACH * TRANSPORT_DIALED_MAX + SOCKETS_OTHER) != 0)
		return ERR_IO;
	transport->wake_watch = (struct loop_watch){.fd = transport->wake_fd, .events = POLLIN, .ready = on_wake};
	loop_watch_start(transport->options.loop, &transport->wake_watch);
	return transport->options.is_deaf ? ERR_OK : transport_listen(transport, why);
}

enum err transport_create(const struct transport_options *options, struct transport **ret_transport, struct why *why)
{
	struct transport *transport = calloc(1, sizeof *transport);
	enum err err;

	if (!transport)
		return ERR_NO_MEMORY;
	transport->options = *options;
	if (options->listen)
		transport->listen = *options->listen;
	transport->options.listen = &transport->listen;
	list_init(&transport->links);
	transport->wake_fd = -1;
	transport_watch_init(transport);
	err = set_up(transport, why);
	if (err) {
		transport_destroy(transport);
		return err;
	}
	*ret_transport = transport;
	return ERR_OK;
}

static bool is_sending(const struct transport *transport)
{
	list_each(at, &transport->links) {
		const struct transport_link *link = container_of(at, struct transport_link, link);
		if (link->fd >= 0 && outlet_bytes(link->outlet))
			return true;
	}
	return false;
}

/* Connections before sockets: see transport_private.h. */
static void end_connections(struct transport *transport)
{
	for (int i = 0; i < TRANSPORT_LINGER_MS && is_sending(transport); i++)
		poll(NULL, 0, 1);
	list_each(at, &transport->links)
		link_stop(container_of(at, struct transport_link, link));
}

void transport_destroy(struct transport *transport)
{
	if (!transport)
		return;
	transport_watch_release(transport);
	loop_watch_cancel(transport->options.loop, &transport->wake_watch);
	end_connections(transport);
	list_each_safe(at, &transport->links)
		link_free(container_of(at, struct transport_link, link));
	transport_unlisten(transport);
	while (transport->context && zmq_ctx_term(transport->context) != 0 && errno == EINTR)
		continue;
	if (transport->wake_fd >= 0)
		close(transport->wake_fd); /* not before: frames that are let go write to it */
	free(transport->by_fd);
	free(transport);
}

uint16_t transport_port(const struct transport *transport)
{
	return transport->port;
}

size_t transport_taken_count(const struct transport *transport)
{
	return transport->taken_count;
}
