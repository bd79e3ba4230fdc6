/* transport_private: what the files of transport share.
 *
 * transport.c            the whole: create, destroy
 * transport_link.c       one link's life: messages in and out, its end
 * transport_listen.c     the ROUTER, and where it listens
 * transport_taken.c      the connections behind it
 * transport_zap.c        passes on which key they have shown
 * transport_dial.c       a DEALER for each connection that is dialed
 * transport_socket.c     ZeroMQ sockets: options, events, messages
 * transport_watch.c      what is looked after by time: deadlines, and bytes that become no messages
 *
 * libzmq tells nothing of the connections behind a ROUTER, but for its monitor, whose events come in order and name the descriptor; each message names it too. So a taken link is known by
 * its descriptor, and is dropped by shutting it down: the only way to be rid of one connection and no other.
 *
 * A dialed link is ended so too, before its socket is closed. A socket that is closed while its connection takes in a message and sends another leaks the frames that are there already
 * (libzmq 4.3.4, pipe_t::process_pipe_term(): no rollback() where the delimiter was read before the command came), each with the 18 KB that it was read into.
 */
#ifndef LARDER_NODE_TRANSPORT_PRIVATE_H
#define LARDER_NODE_TRANSPORT_PRIVATE_H

#include "node/transport.h"

#include <zmq.h>

#define TRANSPORT_ROUTING_ID_MAX 255
#define TRANSPORT_KEY_TEXT_MAX (2 * IDENTITY_KEY_LEN + 1)
#define TRANSPORT_WATCH_MS 250    /* between two glances */

enum link_state {
	LINK_OPENING, /* dialed: not up; taken: no message yet */
	LINK_UP,
	LINK_OVER,    /* the connection is gone; its last messages may still lie in the socket */
	LINK_LEAVING, /* closed or dropped: the connection is being ended, what comes is not looked at */
	LINK_DEAD,    /* to be freed when no handler runs */
};

/* How libzmq names a taken connection, in each of its messages. */
struct routing_id {
	uint8_t bytes[TRANSPORT_ROUTING_ID_MAX];
	size_t len; /* 0: not known yet */
};

struct transport_link {
	struct transport *transport;
	struct list link; /* of transport.links */
	enum link_state state;
	enum transport_end end;
	bool is_dialed;
	bool is_known;    /* the owner has seen it */
	bool is_closed;   /* by the owner: he hears no more of it */
	bool is_admitted;
	bool is_waiting;  /* to be told when there is room */
	struct peer *peer;
	struct lan_address address;
	struct outlet *outlet;
	int64_t deadline_ms; /* to be up, to be admitted, to be gone */

	/* the connection; fd -1: there is none, or none any more */
	int fd, old_fd; /* old: what it was */
	uint64_t cookie; /* the kernel's name of the socket: descriptors are used again, these are not */
	uint64_t delivered;  /* bytes that the messages which came out took on the wire */
	uint64_t partial;    /* bytes taken in that are none of these, at the last look */
	bool has_delivered;  /* since the last look */
	unsigned quiet_looks; /* in which nothing was delivered */

	/* taken */
	struct routing_id routing_id;
	uint8_t client_key[IDENTITY_KEY_LEN];
	/* dialed */
	void *dealer, *events;
	struct loop_watch dealer_watch, events_watch;
	bool is_connected; /* TCP; the handshake may still be going on */
};

/* Of taken links, one for each descriptor. */
struct taken_place {
	struct transport_link *link; /* NULL: none */
	struct routing_id gone;      /* of the one before */
};

struct transport {
	struct transport_options options;
	struct lan_address listen; /* options.listen points here */
	void *context;
	void *router, *router_events, *zap;
	struct loop_watch router_watch, router_events_watch, zap_watch;
	uint16_t port;
	struct list links;
	struct taken_place *by_fd;
	size_t by_fd_room;
	size_t taken_count, dialed_count, over_count; /* over: taken ones only */
	uint64_t next_name; /* of a monitor */
	int wake_fd;
	struct loop_watch wake_watch;
	struct loop_timer watch_timer;
	int memory_fd;         /* statm of this process, proc(5); -1: none */
	unsigned glances;
	uint64_t memory_then;  /* bytes resident at the last look */
	unsigned depth; /* handlers running */
	bool has_dead;
};

/* --- transport.c */
/* Around all in which the owner may be called: links are freed at the last leave. */
void transport_enter(struct transport *transport);
void transport_leave(struct transport *transport);

/* --- transport_link.c */
enum err link_create(struct transport *transport, const struct lan_address *address, struct transport_link **ret_link) LARDER_MUST_USE;
void link_free(struct transport_link *link);
/* A message came; its frames are the socket's behind the routing id. */
struct frames;
void link_deliver(struct transport_link *link, struct frames *frames);
/* End the connection; on_closed() follows, when the socket says that it is over. */
void link_drop(struct transport_link *link, enum transport_end end, const char *reason);
/* The connection is over and all its messages are handed over: tell the owner, if he is to know. */
void link_finish(struct transport_link *link);
/* Remember whose descriptor that is; false where it is not that of a connection any more. */
bool link_attach(struct transport_link *link, int fd);
/* Shut the connection down, if it is still the one that was attached. Abrupt: what lies in between is lost, and the other side, which may be stuck sending, is told at once. */
void link_shutdown(struct transport_link *link, bool is_abrupt);
/* Have libzmq end the connection: what it lets go of before (outlet.h) still leaves. */
void link_stop(struct transport_link *link);

/* --- transport_listen.c */
enum err transport_listen(struct transport *transport, struct why *why) LARDER_MUST_USE;
void transport_unlisten(struct transport *transport);

/* --- transport_taken.c */
void taken_serve(struct transport *transport); /* events and messages */
/* The first frame of a message, behind the routing id. ERR_BUSY, ERR_CUT, ERR_NO_MEMORY: nothing was sent. */
enum err taken_send(struct transport_link *link, zmq_msg_t *control, bool has_more) LARDER_MUST_USE;

/* --- transport_zap.c */
enum err zap_start(struct transport *transport) LARDER_MUST_USE;
void zap_cancel(struct transport *transport);

/* --- transport_dial.c */
void transport_hang_up(struct transport_link *link); /* close its sockets; harmless when done */

/* --- transport_socket.c */
#define FRAMES_MAX 7 /* of a request of ZAP; other messages have three at most: a routing id and two more */
struct frames {
	zmq_msg_t at[FRAMES_MAX];
	size_t count;
	bool are_too_many; /* there were more, which were thrown away */
};
/* Take one message. False: there is none (nothing to be released then). */
bool frames_receive(void *socket, size_t max, struct frames *frames);
void frames_release(struct frames *frames);
/* Sent: the frame is taken over. ERR_BUSY: the queue is full. ERR_CUT: there is no connection. */
enum err frame_send(void *socket, zmq_msg_t *frame, bool has_more) LARDER_MUST_USE;

enum err socket_create(struct transport *transport, int type, void **ret_socket) LARDER_MUST_USE; /* with the limits and times that are common to all that reach the network */
enum err socket_set_int(void *socket, int option, int value) LARDER_MUST_USE;
/* Another socket, from which the events of `socket` are read. */
enum err socket_monitor(struct transport *transport, void *socket, int events, void **ret_events) LARDER_MUST_USE;
void socket_unmonitor(void *socket, void *events); /* `events` is closed; NULL is fine */
/* The next event; false: none. `ret_value` is a descriptor, or an error's number. */
bool socket_next_event(void *events, uint16_t *ret_event, int *ret_value);

/* --- transport_watch.c */
void link_count(struct transport_link *link, struct frames *frames); /* a message came out */
void transport_watch_init(struct transport *transport);
void transport_watch_release(struct transport *transport);
void transport_watch_start(struct transport *transport); /* harmless when it runs */

#endif
