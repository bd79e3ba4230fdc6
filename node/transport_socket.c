#include "node/transport_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CURVE_ROOM 64           /* what CURVE adds to a frame, and some */
#define QUEUE_MESSAGES_MARK (4 * TRANSPORT_QUEUE_MESSAGES) /* above what outlet.h lets through, also while a pipe's counters lag by half: it is never reached */
#define HANDSHAKE_MS 2000
#define CONNECT_MS 1000

/* A signal in the middle of a message must not leave the rest of it for the next one. */
static bool receive(void *socket, zmq_msg_t *frame)
{
	int received;

	do {
		received = zmq_msg_recv(frame, socket, ZMQ_DONTWAIT);
	} while (received < 0 && errno == EINTR);
	return received >= 0;
}

enum err frame_send(void *socket, zmq_msg_t *frame, bool has_more)
{
	int sent;

	do {
		sent = zmq_msg_send(frame, socket, ZMQ_DONTWAIT | (has_more ? ZMQ_SNDMORE : 0));
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return ERR_OK;
	return errno == EAGAIN ? ERR_BUSY : ERR_CUT;
}

bool frames_receive(void *socket, size_t max, struct frames *frames)
{
	bool has_more = true;

	frames->count = 0;
	frames->are_too_many = false;
	while (has_more) {
		zmq_msg_t spare, *frame = frames->count < max ? &frames->at[frames->count] : &spare;
		zmq_msg_init(frame);
		if (!receive(socket, frame)) {
			zmq_msg_close(frame);
			frames_release(frames);
			return false;
		}
		has_more = zmq_msg_more(frame);
		if (frame == &spare) {
			frames->are_too_many = true;
			zmq_msg_close(&spare);
		} else
			frames->count++;
	}
	return true;
}

void frames_release(struct frames *frames)
{
	while (frames->count)
		zmq_msg_close(&frames->at[--frames->count]);
}

enum err socket_set_int(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof value) == 0 ? ERR_OK : ERR_IO;
}

static enum err set_common(void *socket)
{
	static const struct {
		int option, value;
	} settings[] = {
		{ZMQ_IPV6, 1},
		{ZMQ_LINGER, TRANSPORT_LINGER_MS},
		{ZMQ_SNDHWM, QUEUE_MESSAGES_MARK},
		{ZMQ_RCVHWM, TRANSPORT_RECEIVE_MESSAGES},
		{ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
		{ZMQ_CONNECT_TIMEOUT, CONNECT_MS},
		{ZMQ_RECONNECT_IVL, -1}, /* a link is one connection */
	};
	int64_t largest = TRANSPORT_BULK_MAX + CURVE_ROOM;

	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
		enum err err = socket_set_int(socket, settings[i].option, settings[i].value);
		if (err)
			return err;
	}
	return zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest) == 0 ? ERR_OK : ERR_IO;
}

enum err socket_create(struct transport *transport, int type, void **ret_socket)
{
	void *socket = zmq_socket(transport->context, type);
	enum err err;

	if (!socket)
		return ERR_IO;
	err = set_common(socket);
	if (err) {
		zmq_close(socket);
		return err;
	}
	*ret_socket = socket;
	return ERR_OK;
}

/* The queue of events has no mark: at one, libzmq's own thread would stand still. An event is small, and comes at the pace of connections. */
static enum err connect_events(struct transport *transport, const char *endpoint, void **ret_events)
{
	void *events = zmq_socket(transport->context, ZMQ_PAIR);
	enum err err;

	if (!events)
		return ERR_IO;
	err = socket_set_int(events, ZMQ_RCVHWM, 0);
	if (!err)
		err = socket_set_int(events, ZMQ_LINGER, 0);
	if (!err && zmq_connect(events, endpoint) != 0)
		err = ERR_IO;
	if (err) {
		zmq_close(events);
		return err;
	}
	*ret_events = events;
	return ERR_OK;
}

enum err socket_monitor(struct transport *transport, void *socket, int events, void **ret_events)
{
	char endpoint[64];
	enum err err;

	snprintf(endpoint, sizeof endpoint, "inproc://events-%" PRIu64, transport->next_name++);
	if (zmq_socket_monitor(socket, endpoint, events) != 0)
		return ERR_IO;
	err = connect_events(transport, endpoint, ret_events);
	if (err)
		(void)zmq_socket_monitor(socket, NULL, 0);
	return err;
}

void socket_unmonitor(void *socket, void *events)
{
	if (!events)
		return;
	(void)zmq_socket_monitor(socket, NULL, 0);
	zmq_close(events);
}

bool socket_next_event(void *events, uint16_t *ret_event, int *ret_value)
{
	struct frames frames;
	const uint8_t *data;
	bool is_event;

	if (!frames_receive(events, 2, &frames))
		return false;
	data = zmq_msg_data(&frames.at[0]);
	is_event = zmq_msg_size(&frames.at[0]) == sizeof *ret_event + sizeof(uint32_t);
	if (is_event) {
		memcpy(ret_event, data, sizeof *ret_event);
		memcpy(ret_value, data + sizeof *ret_event, sizeof *ret_value);
	} else
		*ret_event = 0;
	frames_release(&frames);
	return true;
}
