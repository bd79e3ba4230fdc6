/* gateway_connection: closes connections on which no request gets finished, and tells of clients that leave before they are answered.
 *
 * libmicrohttpd closes those on which nothing moves. One byte every minute moves, and would hold a place for days: here a request's headers must be whole CONNECTION_HEAD_MS after the connection began, or
 * after the answer before, and what is sent with it CONNECTION_BODY_MS later. Where connections run short, the one that has been without a request for longest makes room. And what rests, libmicrohttpd does not look at: that a client has closed its end is
 * seen here. On the loop.
 */
#ifndef LARDER_NODE_GATEWAY_CONNECTION_H
#define LARDER_NODE_GATEWAY_CONNECTION_H

#include "node/loop.h"

#include <microhttpd.h>

#define CONNECTION_HEAD_MS 30000
#define CONNECTION_BODY_MS 120000
#define CONNECTION_LEAVE_MS 2000 /* who has closed its end may read for so long: few do, most have left */

struct gateway_request;

/* Those that may take so long. */
struct gateway_patience {
	struct list entries; /* the longest one first */
	int64_t ms;
	struct gateway_connections *connections;
	struct loop_timer timer;
};

struct gateway_connections {
	struct loop *loop; /* set by the owner; borrowed */
	unsigned most;     /* set by the owner, before there are any: with more than so many, one that waits for a request has to go */
	/* The client has left while this request of its was not answered: it has reset the connection, or closed its end CONNECTION_LEAVE_MS ago. Set by the owner. */
	void (*on_leave)(struct gateway_request *request);
	/* Its own. */
	struct gateway_patience waiting; /* for a request's headers */
	struct gateway_patience sending; /* for all that is sent with it */
	struct list busy;
	unsigned count;
	struct loop_watch watch; /* of the epoll descriptor of all connections' ends; fd -1: none */
};

/* ERR_IO. */
enum err gateway_connections_init(struct gateway_connections *connections, struct why *why) LARDER_MUST_USE;
/* All are closed. Harmless after a failed init. */
void gateway_connections_release(struct gateway_connections *connections);

/* MHD_OPTION_NOTIFY_CONNECTION's part. */
void gateway_connection_note(struct gateway_connections *connections, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code);
/* A request's headers are whole (borrowed until its end), and perhaps something more is sent with it; all of that is here; its answer has ended. */
void gateway_connection_begin(struct gateway_connections *connections, struct MHD_Connection *connection, struct gateway_request *request, bool has_body);
void gateway_connection_whole(struct gateway_connections *connections, struct MHD_Connection *connection);
void gateway_connection_end(struct gateway_connections *connections, struct MHD_Connection *connection);

#endif
