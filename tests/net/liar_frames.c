#include "net/liar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define PATIENCE_MS 10000
#define FRAME ((size_t)64 << 10)
#define ENOUGH_BYTES ((uint64_t)1 << 30)    /* of an endless message; a node that takes in so much has failed */
#define ENOUGH_FRAMES ((uint64_t)20000000) /* of empty ones */

struct raw {
	struct liar *liar;
	void *context, *socket, *events;
	uint64_t bytes, frames;
	bool is_over;
};

/* Whether the connection has ended. */
static bool is_over(struct raw *raw)
{
	uint8_t event[6] = {0};
	uint16_t number;

	while (!raw->is_over && zmq_recv(raw->events, event, sizeof event, ZMQ_DONTWAIT) == (int)sizeof event) {
		memcpy(&number, event, sizeof number);
		raw->is_over = number == ZMQ_EVENT_DISCONNECTED;
		zmq_recv(raw->events, event, sizeof event, 0); /* the address */
	}
	return raw->is_over;
}

static bool set_int(struct raw *raw, int option, int value)
{
	return zmq_setsockopt(raw->socket, option, &value, sizeof value) == 0;
}

/* As far as its session, or false. */
static bool raw_open(struct liar *liar, struct raw *raw)
{
	struct wire_message hello = {.type = WIRE_HELLO};
	struct session session = {.liar = liar};
	uint8_t control[WIRE_CONTROL_MAX];
	char endpoint[LAN_TEXT_MAX];
	size_t len;

	*raw = (struct raw){.liar = liar, .context = zmq_ctx_new()};
	raw->socket = zmq_socket(raw->context, ZMQ_DEALER);
	raw->events = zmq_socket(raw->context, ZMQ_PAIR);
	session_introduce(&session);
	hello.hello = session.hello;
	hello.hello.port = 0;
	return set_int(raw, ZMQ_LINGER, 0) && set_int(raw, ZMQ_RECONNECT_IVL, -1) && set_int(raw, ZMQ_RCVTIMEO, PATIENCE_MS) && set_int(raw, ZMQ_SNDTIMEO, 100) &&
	       set_int(raw, ZMQ_SNDHWM, 100) && zmq_setsockopt(raw->socket, ZMQ_CURVE_SERVERKEY, liar->group.curve_public, 32) == 0 &&
	       zmq_setsockopt(raw->socket, ZMQ_CURVE_PUBLICKEY, identity_curve_public(liar->identity), 32) == 0 &&
	       zmq_setsockopt(raw->socket, ZMQ_CURVE_SECRETKEY, identity_curve_secret(liar->identity), 32) == 0 &&
	       zmq_socket_monitor(raw->socket, "inproc://events", ZMQ_EVENT_DISCONNECTED) == 0 && zmq_connect(raw->events, "inproc://events") == 0 &&
	       zmq_connect(raw->socket, lan_endpoint(&liar->dials[0], endpoint)) == 0 &&
	       wire_encode(&hello, control, sizeof control, &len, NULL) == ERR_OK && zmq_send(raw->socket, control, len, 0) == (int)len &&
	       zmq_recv(raw->socket, control, sizeof control, 0) > 0;
}

static void raw_close(struct raw *raw)
{
	zmq_socket_monitor(raw->socket, NULL, 0);
	zmq_close(raw->events);
	zmq_close(raw->socket);
	zmq_ctx_term(raw->context);
}

static bool push(struct raw *raw, const void *bytes, size_t len, bool has_more)
{
	while (!is_over(raw)) {
		if (zmq_send(raw->socket, bytes, len, has_more ? ZMQ_SNDMORE : 0) >= 0) {
			raw->bytes += len;
			raw->frames++;
			return true;
		}
		if (errno != EAGAIN)
			return false;
	}
	return false;
}

static void one_frame(struct raw *raw, size_t len)
{
	void *bytes = calloc(1, len);

	push(raw, bytes, len, false);
	free(bytes);
}

static void long_control(struct raw *raw) { one_frame(raw, WIRE_CONTROL_MAX + 1); }
static void huge_frame(struct raw *raw) { one_frame(raw, (size_t)64 << 20); }
static void empty_frame(struct raw *raw) { one_frame(raw, 0); }

static void long_bulk(struct raw *raw)
{
	push(raw, "", 1, true);
	one_frame(raw, WIRE_PIECE_MAX + 1);
}

static void three_frames(struct raw *raw)
{
	for (int i = 0; i < 3; i++)
		push(raw, "x", 1, i < 2);
}

static void endless_frames(struct raw *raw)
{
	static const uint8_t zeros[FRAME];

	while (raw->bytes < ENOUGH_BYTES && push(raw, zeros, sizeof zeros, true))
		continue;
}

static void endless_nothing(struct raw *raw)
{
	while (raw->frames < ENOUGH_FRAMES && push(raw, "", 0, true))
		continue;
}

static const struct attack {
	const char *name;
	void (*run)(struct raw *raw);
} attacks[] = {
	{"long control", long_control}, {"long bulk", long_bulk}, {"three frames", three_frames}, {"huge frame", huge_frame}, {"empty frame", empty_frame},
	{"endless frames", endless_frames}, {"endless nothing", endless_nothing},
};

static void wait_for_end(struct raw *raw)
{
	zmq_pollitem_t item = {.socket = raw->events, .events = ZMQ_POLLIN};

	while (!is_over(raw) && zmq_poll(&item, 1, PATIENCE_MS) > 0)
		continue;
}

int liar_run_frames(struct liar *liar)
{
	bool all_ended = liar->dial_count > 0;

	for (size_t i = 0; all_ended && i < sizeof attacks / sizeof attacks[0]; i++) {
		struct raw raw;
		bool is_open = raw_open(liar, &raw);
		if (is_open) {
			attacks[i].run(&raw);
			wait_for_end(&raw);
		}
		liar_tell(NULL, "attack", ", \"what\": \"%s\", \"greeted\": %s, \"bytes\": %llu, \"frames\": %llu, \"ended\": %s", attacks[i].name,
			  is_open ? "true" : "false", (unsigned long long)raw.bytes, (unsigned long long)raw.frames, raw.is_over ? "true" : "false");
		raw_close(&raw);
	}
	liar_tell(NULL, "done", "%s", "");
	return 0;
}
