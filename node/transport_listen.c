#include "node/transport_private.h"

#include <errno.h>
#include <poll.h>

#define LISTEN_EVENTS (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED)
#define ZAP_DOMAIN_NAME "larder" /* without one, ZAP would not be asked */

static enum err open_router(struct transport *transport)
{
	const struct group *group = transport->options.group;
	enum err err = socket_create(transport, ZMQ_ROUTER, &transport->router);

	if (!err)
		err = socket_set_int(transport->router, ZMQ_ROUTER_MANDATORY, 1);
	if (!err)
		err = socket_set_int(transport->router, ZMQ_CURVE_SERVER, 1);
	if (!err && (zmq_setsockopt(transport->router, ZMQ_CURVE_SECRETKEY, group->curve_secret, sizeof group->curve_secret) != 0 ||
		     zmq_setsockopt(transport->router, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN_NAME, sizeof ZAP_DOMAIN_NAME - 1) != 0))
		err = ERR_IO;
	if (!err)
		err = socket_monitor(transport, transport->router, LISTEN_EVENTS, &transport->router_events);
	return err;
}

/* 0, or an errno. Port 0: any that is free. */
static int bind_at(struct transport *transport, const struct lan_address *address, uint16_t port)
{
	struct lan_address at = *address;
	char endpoint[LAN_TEXT_MAX];

	at.port = port;
	return zmq_bind(transport->router, lan_endpoint(&at, endpoint)) == 0 ? 0 : errno;
}

/* All addresses are those of IPv6, which serve IPv4 too, or those of IPv4 where the machine has no other. */
static int bind_port(struct transport *transport, uint16_t port)
{
	const struct lan_address all_6 = {.family = 6}, all_4 = {.family = 4};
	int error;

	if (transport->listen.family)
		return bind_at(transport, &transport->listen, port);
	error = bind_at(transport, &all_6, port);
	if (error == 0 || error == EADDRINUSE)
		return error;
	if (socket_set_int(transport->router, ZMQ_IPV6, 0) != ERR_OK)
		return error;
	return bind_at(transport, &all_4, port);
}

static enum err bind_router(struct transport *transport, struct why *why)
{
	uint16_t wanted = transport->options.port;
	int error = bind_port(transport, wanted ? wanted : TRANSPORT_PORT);
	char text[LAN_TEXT_MAX];

	if (error == EADDRINUSE && !wanted)
		error = bind_port(transport, 0);
	if (error == EADDRINUSE)
		return why_set(why, ERR_EXISTS, "port %u is taken by another program: choose another one with --listen", (unsigned)wanted);
	if (error == EADDRNOTAVAIL || error == ENODEV)
		return why_set(why, ERR_USAGE, "%s is no address of this machine: choose another one with --listen", lan_host_text(&transport->listen, text));
	if (error)
		return why_set(why, ERR_IO, "cannot take connections from peers: %s", zmq_strerror(error));
	return ERR_OK;
}

static enum err read_port(struct transport *transport)
{
	char endpoint[LAN_TEXT_MAX];
	size_t len = sizeof endpoint;
	struct lan_address bound;

	if (zmq_getsockopt(transport->router, ZMQ_LAST_ENDPOINT, endpoint, &len) != 0 || !lan_parse(endpoint + sizeof "tcp://" - 1, 0, &bound))
		return ERR_IO;
	transport->port = bound.port;
	return ERR_OK;
}

static void on_router(struct loop_watch *watch, short revents)
{
	(void)revents;
	taken_serve(container_of(watch, struct transport, router_watch));
}

static void on_router_events(struct loop_watch *watch, short revents)
{
	(void)revents;
	taken_serve(container_of(watch, struct transport, router_events_watch));
}

enum err transport_listen(struct transport *transport, struct why *why)
{
	struct loop *loop = transport->options.loop;
	enum err err = zap_start(transport);

	if (!err)
		err = open_router(transport);
	if (err)
		return why_set(why, err, "cannot set up connections from peers: %s", zmq_strerror(errno));
	err = bind_router(transport, why);
	if (!err)
		err = read_port(transport);
	if (err)
		return err;
	transport->router_watch = (struct loop_watch){.socket = transport->router, .events = POLLIN, .ready = on_router};
	transport->router_events_watch = (struct loop_watch){.socket = transport->router_events, .events = POLLIN, .ready = on_router_events};
	loop_watch_start(loop, &transport->router_watch);
	loop_watch_start(loop, &transport->router_events_watch);
	return ERR_OK;
}

void transport_unlisten(struct transport *transport)
{
	struct loop *loop = transport->options.loop;

	loop_watch_cancel(loop, &transport->router_watch);
	loop_watch_cancel(loop, &transport->router_events_watch);
	socket_unmonitor(transport->router, transport->router_events);
	transport->router_events = NULL;
	if (transport->router)
		zmq_close(transport->router);
	transport->router = NULL;
	zap_cancel(transport);
}
