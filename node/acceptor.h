/* acceptor: takes the connections of a listening socket, so many in a turn of the loop; where there is no descriptor or memory for one more it rests for a moment, since who waits would wake
 * the loop again and again. On the loop. */
#ifndef LARDER_NODE_ACCEPTOR_H
#define LARDER_NODE_ACCEPTOR_H

#include "node/loop.h"

#include <sys/socket.h>

#define ACCEPTOR_TURN 16     /* connections taken in one turn of the loop */
#define ACCEPTOR_REST_MS 200

struct acceptor {
	struct loop *loop; /* borrowed */
	/* A connection, not blocking, from there; the descriptor is its new owner's. May cancel the acceptor. */
	void (*on_connection)(struct acceptor *acceptor, int fd, const struct sockaddr *from);
	struct loop_watch watch; /* its own, as is `rest`. Zero both before the first use */
	struct loop_timer rest;
};

/* `loop` and `on_connection` are set. `fd` is non-blocking, and stays the caller's. */
void acceptor_start(struct acceptor *acceptor, int fd);
void acceptor_cancel(struct acceptor *acceptor); /* harmless when not started */

#endif
