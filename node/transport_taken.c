#include "node/transport_private.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define EVENTS_MAX 1024 /* read in a turn */

/* --- connections, as the events tell of them */

static struct transport_link *find_by_fd(struct transport *transport, int fd)
{
	return fd >= 0 && (size_t)fd < transport->by_fd_room ? transport->by_fd[fd].link : NULL;
}

static enum err make_fd_room(struct transport *transport, int fd)
{
	size_t room = transport->by_fd_room ? transport->by_fd_room : 64;
	struct taken_place *by_fd;

	while (room <= (size_t)fd)
		room *= 2;
	if (room == transport->by_fd_room)
		return ERR_OK;
	by_fd = realloc(transport->by_fd, room * sizeof *by_fd);
	if (!by_fd)
		return ERR_NO_MEMORY;
	for (size_t i = transport->by_fd_room; i < room; i++)
		by_fd[i] = (struct taken_place){0};
	transport->by_fd = by_fd;
	transport->by_fd_room = room;
	return ERR_OK;
}

/* The oldest of those who have not shown that they may stay; NULL if there is none. Links are in the order of their coming. */
static struct transport_link *find_doubtful(struct transport *transport)
{
	list_each(at, &transport->links) {
		struct transport_link *link = container_of(at, struct transport_link, link);
		if (!link->is_dialed && !link->is_admitted && (link->state == LINK_OPENING || link->state == LINK_UP))
			return link;
	}
	return NULL;
}

static size_t count_from(const struct transport *transport, const struct lan_address *address)
{
	size_t count = 0;

	list_each(at, &transport->links) {
		struct transport_link *link = container_of(at, struct transport_link, link);
		count += !link->is_dialed && link->state != LINK_DEAD && lan_same_host(&link->address, address);
	}
	return count;
}

/* NULL: welcome; else why not. */
static const char *find_objection(struct transport *transport, const struct lan_address *address)
{
	struct transport_link *doubtful;

	if (!lan_is_near(transport->options.lan, address))
		return "it is not near";
	if (count_from(transport, address) >= TRANSPORT_TAKEN_ADDRESS_MAX)
		return "it has as many connections as one address may have";
	if (transport->taken_count < TRANSPORT_TAKEN_MAX)
		return NULL;
	doubtful = find_doubtful(transport);
	if (doubtful)
		link_drop(doubtful, TRANSPORT_NOT_ADMITTED, "its place is needed");
	/* Those who are being dropped still count, but only so many. */
	return doubtful && transport->taken_count < TRANSPORT_TAKEN_MAX + TRANSPORT_TAKEN_ADDRESS_MAX ? NULL : "there are as many connections as there may be";
}

/* False: it is gone already, and its descriptor may be that of another connection of this node's. */
static bool find_ends(const struct transport *transport, int fd, struct lan_address *ret_from)
{
	struct sockaddr_storage from, to;
	socklen_t from_len = sizeof from, to_len = sizeof to;
	struct lan_address here;

	return getpeername(fd, (struct sockaddr *)&from, &from_len) == 0 && lan_from_sockaddr((struct sockaddr *)&from, ret_from) &&
	       getsockname(fd, (struct sockaddr *)&to, &to_len) == 0 && lan_from_sockaddr((struct sockaddr *)&to, &here) && here.port == transport->port;
}

/* Whose connection is not kept here has no link; its messages, if any, are not looked at. */
static void on_accepted(struct transport *transport, int fd)
{
	struct lan_address address;
	struct transport_link *link;
	const char *objection;
	char text[LAN_TEXT_MAX];

	if (!find_ends(transport, fd, &address))
		return;
	objection = find_objection(transport, &address);
	if (!objection && (make_fd_room(transport, fd) != ERR_OK || link_create(transport, &address, &link) != ERR_OK))
		objection = "out of memory";
	if (objection) {
		log_info(transport->options.log, "no connection for %s: %s", lan_text(&address, text), objection);
		shutdown(fd, SHUT_RDWR);
		return;
	}
	link->deadline_ms = loop_now_ms(transport->options.loop) + TRANSPORT_ADMIT_MS;
	transport->taken_count++;
	transport->by_fd[fd].link = link;
	(void)link_attach(link, fd);
}

static void on_disconnected(struct transport *transport, int fd)
{
	struct transport_link *link = find_by_fd(transport, fd);

	if (!link)
		return;
	transport->by_fd[fd] = (struct taken_place){.gone = link->routing_id};
	link->fd = -1;
	link->old_fd = fd;
	if (link->state == LINK_LEAVING) {
		link_finish(link);
		return;
	}
	link->end = TRANSPORT_ENDED;
	link->state = LINK_OVER;
	transport->over_count++;
}

static void read_events(struct transport *transport)
{
	uint16_t event;
	int value;

	for (size_t i = 0; i < EVENTS_MAX && socket_next_event(transport->router_events, &event, &value); i++) {
		if (event == ZMQ_EVENT_ACCEPTED)
			on_accepted(transport, value);
		else if (event == ZMQ_EVENT_DISCONNECTED)
			on_disconnected(transport, value);
	}
}

/* --- messages */

static bool is_id(const struct routing_id *id, const zmq_msg_t *frame)
{
	zmq_msg_t *read = (zmq_msg_t *)(uintptr_t)frame; /* it is only read */

	return id->len && zmq_msg_size(read) == id->len && memcmp(zmq_msg_data(read), id->bytes, id->len) == 0;
}

/* The first message of a link tells how it is answered, and which key it has shown. */
static bool introduce(struct transport_link *link, zmq_msg_t *id, zmq_msg_t *control)
{
	const char *key = zmq_msg_gets(control, "User-Id");
	size_t len;

	if (!key || zmq_msg_size(id) == 0 || zmq_msg_size(id) > sizeof link->routing_id.bytes || strlen(key) != TRANSPORT_KEY_TEXT_MAX - 1)
		return false;
	if (sodium_hex2bin(link->client_key, sizeof link->client_key, key, TRANSPORT_KEY_TEXT_MAX - 1, NULL, &len, NULL) != 0 || len != sizeof link->client_key)
		return false;
	link->routing_id.len = zmq_msg_size(id);
	memcpy(link->routing_id.bytes, zmq_msg_data(id), link->routing_id.len);
	if (link->state == LINK_OPENING)
		link->state = LINK_UP;
	return true;
}

/* Whose connection is gone already. */
static struct transport_link *find_over(struct transport *transport, int fd, const zmq_msg_t *id)
{
	if (transport->over_count == 0)
		return NULL;
	list_each(at, &transport->links) {
		struct transport_link *link = container_of(at, struct transport_link, link);
		if (!link->is_dialed && link->state == LINK_OVER && (link->routing_id.len ? is_id(&link->routing_id, id) : link->old_fd == fd))
			return link;
	}
	return NULL;
}

/* Where a descriptor was used again, most of the old connection's messages were read before the new one could get through its handshake (transport_zap.c). What libzmq hands out later
 * is known by its id, and of no use any more. If no message had told that id before, the new one may be taken for the old one; that is noticed, and costs the new one its connection. */
static struct transport_link *find_link(struct transport *transport, int fd, const zmq_msg_t *id)
{
	struct transport_link *link = find_by_fd(transport, fd), *over;

	if (link && is_id(&link->routing_id, id))
		return link;
	over = find_over(transport, fd, id);
	if (over)
		return over;
	read_events(transport); /* a connection is told of before its messages */
	link = find_by_fd(transport, fd);
	if (!link)
		return find_over(transport, fd, id);
	return is_id(&transport->by_fd[fd].gone, id) ? NULL : link;
}

static struct transport_link *find_sender(struct transport *transport, struct frames *frames)
{
	zmq_msg_t *id = &frames->at[0], *last = &frames->at[frames->count - 1];
	struct transport_link *link = find_link(transport, zmq_msg_get(last, ZMQ_SRCFD), id);

	if (link && link->state != LINK_LEAVING && link->routing_id.len == 0 && !introduce(link, id, last))
		link_drop(link, TRANSPORT_BROKE_RULES, "a message without a key");
	else if (link && link->state == LINK_UP && !is_id(&link->routing_id, id))
		link_drop(link, TRANSPORT_ENDED, "it was mistaken for another connection");
	return link;
}

static void take_message(struct transport *transport, struct frames *frames)
{
	struct transport_link *link = frames->count > 1 ? find_sender(transport, frames) : NULL;

	if (link && (link->state == LINK_UP || link->state == LINK_OVER))
		link_deliver(link, frames);
	else if (link)
		link_count(link, frames);
}

static void finish_those_over(struct transport *transport)
{
	transport->over_count = 0;
	list_each(at, &transport->links) {
		struct transport_link *link = container_of(at, struct transport_link, link);
		if (!link->is_dialed && link->state == LINK_OVER)
			link_finish(link);
	}
}

void taken_serve(struct transport *transport)
{
	struct frames frames;
	bool is_empty = false;

	transport_enter(transport);
	loop_watch_touch(&transport->router_watch);
	loop_watch_touch(&transport->router_events_watch);
	read_events(transport);
	for (size_t i = 0; i < TRANSPORT_TURN_MESSAGES && !is_empty; i++) {
		is_empty = !frames_receive(transport->router, 3, &frames);
		if (is_empty)
			break;
		take_message(transport, &frames);
		frames_release(&frames);
	}
	if (is_empty && transport->over_count)
		finish_those_over(transport);
	transport_leave(transport);
}

enum err taken_send(struct transport_link *link, zmq_msg_t *control, bool has_more)
{
	zmq_msg_t id;
	enum err err;

	if (zmq_msg_init_size(&id, link->routing_id.len) != 0)
		return ERR_NO_MEMORY;
	memcpy(zmq_msg_data(&id), link->routing_id.bytes, link->routing_id.len);
	err = frame_send(link->transport->router, &id, true);
	if (err) {
		zmq_msg_close(&id);
		return err;
	}
	return frame_send(link->transport->router, control, has_more);
}
