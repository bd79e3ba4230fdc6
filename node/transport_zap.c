#include "node/transport_private.h"

#include <poll.h>
#include <sodium.h>
#include <string.h>

#define ZAP_ENDPOINT "inproc://zeromq.zap.01" /* ZeroMQ RFC 27 */

/* Frames of a request. */
enum { ZAP_VERSION, ZAP_REQUEST, ZAP_DOMAIN, ZAP_ADDRESS, ZAP_ROUTING_ID, ZAP_MECHANISM, ZAP_KEY, ZAP_FRAMES };

static void answer_zap(void *zap, struct frames *request, const char *status, const char *user)
{
	const struct {
		const void *data;
		size_t len;
	} parts[] = {
		{zmq_msg_data(&request->at[ZAP_VERSION]), zmq_msg_size(&request->at[ZAP_VERSION])},
		{zmq_msg_data(&request->at[ZAP_REQUEST]), zmq_msg_size(&request->at[ZAP_REQUEST])},
		{status, 3}, {"", 0}, {user, strlen(user)}, {"", 0},
	};
	const size_t count = sizeof parts / sizeof parts[0];

	for (size_t i = 0; i < count; i++)
		if (zmq_send(zap, parts[i].data, parts[i].len, ZMQ_DONTWAIT | (i + 1 < count ? ZMQ_SNDMORE : 0)) < 0)
			break;
}

static bool is_curve(struct frames *request)
{
	zmq_msg_t *mechanism = &request->at[ZAP_MECHANISM];

	return zmq_msg_size(mechanism) == 5 && memcmp(zmq_msg_data(mechanism), "CURVE", 5) == 0 && zmq_msg_size(&request->at[ZAP_KEY]) == IDENTITY_KEY_LEN;
}

/* The key that was shown becomes the User-Id of the connection's messages. Whether it may come from where it does was asked before (transport_taken.c). */
static void on_zap(struct loop_watch *watch, short revents)
{
	struct transport *transport = container_of(watch, struct transport, zap_watch);
	struct frames request;
	char user[TRANSPORT_KEY_TEXT_MAX];

	(void)revents;
	taken_serve(transport); /* who is let in from now on may have the descriptor of another one whose messages must be read first */
	for (size_t i = 0; i < TRANSPORT_TURN_MESSAGES && frames_receive(transport->zap, ZAP_FRAMES, &request); i++) {
		if (request.count == ZAP_FRAMES && is_curve(&request))
			answer_zap(transport->zap, &request, "200", sodium_bin2hex(user, sizeof user, zmq_msg_data(&request.at[ZAP_KEY]), IDENTITY_KEY_LEN));
		else if (request.count > ZAP_REQUEST)
			answer_zap(transport->zap, &request, "400", "");
		frames_release(&request);
	}
}

enum err zap_start(struct transport *transport)
{
	transport->zap = zmq_socket(transport->context, ZMQ_REP);
	if (!transport->zap || socket_set_int(transport->zap, ZMQ_LINGER, 0) != ERR_OK || zmq_bind(transport->zap, ZAP_ENDPOINT) != 0)
		return ERR_IO;
	transport->zap_watch = (struct loop_watch){.socket = transport->zap, .events = POLLIN, .ready = on_zap};
	loop_watch_start(transport->options.loop, &transport->zap_watch);
	return ERR_OK;
}

void zap_cancel(struct transport *transport)
{
	loop_watch_cancel(transport->options.loop, &transport->zap_watch);
	if (transport->zap)
		zmq_close(transport->zap);
	transport->zap = NULL;
}
