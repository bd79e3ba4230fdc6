/* gateway_connection: closes connections on which no request gets finished.
 *
 * libmicrohttpd closes those on which nothing moves. One byte every minute moves, and would hold a place for days: here a request's headers must be whole CONNECTION_HEAD_MS after the connection began, or
 * after the answer before. On the loop.
 */
#ifndef LARDER_NODE_GATEWAY_CONNECTION_H
#define LARDER_NODE_GATEWAY_CONNECTION_H

#include "node/loop.h"

#include <microhttpd.h>

#define CONNECTION_HEAD_MS 30000

struct gateway_connections {
	struct loop *loop; /* set by the owner; borrowed */
	struct list waiting; /* for a request, the longest one first */
	struct list busy;
	struct loop_timer timer;
};

void gateway_connections_init(struct gateway_connections *connections);
/* All are closed. */
void gateway_connections_release(struct gateway_connections *connections);

/* MHD_OPTION_NOTIFY_CONNECTION's part. */
void gateway_connection_note(struct gateway_connections *connections, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code);
/* A request's headers are whole; its answer has ended. */
void gateway_connection_begin(struct gateway_connections *connections, struct MHD_Connection *connection);
void gateway_connection_end(struct gateway_connections *connections, struct MHD_Connection *connection);

#endif
