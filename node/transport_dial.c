#include "node/transport_private.h"

#include <poll.h>

#define DIAL_EVENTS (ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED)

static void come_up(struct transport_link *link)
{
	struct transport_owner *owner = link->transport->options.owner;

	if (link->state != LINK_OPENING)
		return;
	link->state = LINK_UP;
	if (owner->on_up)
		owner->on_up(owner, link);
}

static void go_over(struct transport_link *link)
{
	if (link->state == LINK_OVER)
		return;
	if (link->state == LINK_LEAVING) {
		link_finish(link);
		return;
	}
	if (link->state == LINK_UP)
		link->end = TRANSPORT_ENDED;
	else
		link->end = link->is_connected ? TRANSPORT_STRANGER : TRANSPORT_UNREACHABLE;
	link->state = LINK_OVER;
	link->fd = -1;
}

static void see_event(struct transport_link *link, uint16_t event, int value)
{
	switch (event) {
	case ZMQ_EVENT_CONNECTED:
		link->is_connected = true;
		(void)link_attach(link, value); /* false: it ends at once, which is told next */
		break;
	case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
		come_up(link);
		break;
	case ZMQ_EVENT_CLOSED:
	case ZMQ_EVENT_DISCONNECTED:
		go_over(link);
		break;
	default:
		break;
	}
}

static bool is_alive(const struct transport_link *link)
{
	return link->state != LINK_DEAD;
}

/* The end is told after the last message. */
static void serve(struct transport_link *link)
{
	struct transport *transport = link->transport;
	struct frames frames;
	bool is_empty = false;
	uint16_t event;
	int value;

	transport_enter(transport);
	loop_watch_touch(&link->dealer_watch);
	loop_watch_touch(&link->events_watch);
	while (is_alive(link) && socket_next_event(link->events, &event, &value))
		see_event(link, event, value);
	for (size_t i = 0; i < TRANSPORT_TURN_MESSAGES && is_alive(link) && !is_empty; i++) {
		is_empty = !frames_receive(link->dealer, 2, &frames);
		if (is_empty)
			break;
		come_up(link); /* its event may be a moment behind */
		if (is_alive(link))
			link_deliver(link, &frames);
		frames_release(&frames);
	}
	if (link->state == LINK_OVER && is_empty)
		link_finish(link);
	transport_leave(transport);
}

static void on_dealer(struct loop_watch *watch, short revents)
{
	(void)revents;
	serve(container_of(watch, struct transport_link, dealer_watch));
}

static void on_events(struct loop_watch *watch, short revents)
{
	(void)revents;
	serve(container_of(watch, struct transport_link, events_watch));
}

static enum err set_keys(struct transport_link *link)
{
	const struct transport_options *options = &link->transport->options;

	if (zmq_setsockopt(link->dealer, ZMQ_CURVE_SERVERKEY, options->group->curve_public, sizeof options->group->curve_public) != 0 ||
	    zmq_setsockopt(link->dealer, ZMQ_CURVE_PUBLICKEY, identity_curve_public(options->identity), IDENTITY_KEY_LEN) != 0 ||
	    zmq_setsockopt(link->dealer, ZMQ_CURVE_SECRETKEY, identity_curve_secret(options->identity), IDENTITY_KEY_LEN) != 0)
		return ERR_IO;
	return ERR_OK;
}

static enum err open_sockets(struct transport_link *link)
{
	struct transport *transport = link->transport;
	char endpoint[LAN_TEXT_MAX];
	enum err err = socket_create(transport, ZMQ_DEALER, &link->dealer);

	if (!err)
		err = set_keys(link);
	if (!err)
		err = socket_monitor(transport, link->dealer, DIAL_EVENTS, &link->events);
	if (!err && zmq_connect(link->dealer, lan_endpoint(&link->address, endpoint)) != 0)
		err = ERR_IO;
	if (err)
		return err;
	link->dealer_watch = (struct loop_watch){.socket = link->dealer, .events = POLLIN, .ready = on_dealer};
	link->events_watch = (struct loop_watch){.socket = link->events, .events = POLLIN, .ready = on_events};
	loop_watch_start(transport->options.loop, &link->dealer_watch);
	loop_watch_start(transport->options.loop, &link->events_watch);
	return ERR_OK;
}

enum err transport_dial(struct transport *transport, const struct lan_address *address, struct transport_link **ret_link)
{
	struct transport_link *link;
	enum err err;

	if (address->family == 0 || address->port == 0)
		return ERR_INVALID;
	if (transport->dialed_count >= TRANSPORT_DIALED_MAX)
		return ERR_LIMIT;
	err = link_create(transport, address, &link);
	if (err)
		return err;
	link->is_dialed = link->is_known = link->is_admitted = true;
	link->deadline_ms = loop_now_ms(transport->options.loop) + TRANSPORT_DIAL_MS;
	err = open_sockets(link);
	if (err) {
		link_free(link);
		return err;
	}
	transport->dialed_count++;
	*ret_link = link;
	return ERR_OK;
}

void transport_hang_up(struct transport_link *link)
{
	struct loop *loop = link->transport->options.loop;

	loop_watch_cancel(loop, &link->dealer_watch);
	loop_watch_cancel(loop, &link->events_watch);
	socket_unmonitor(link->dealer, link->events);
	link->events = NULL;
	if (link->dealer)
		zmq_close(link->dealer);
	link->dealer = NULL;
	link->fd = -1;
}
