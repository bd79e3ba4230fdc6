/* gateway_send: the body of an answer straight from a file, by the kernel.
 *
 * libmicrohttpd sends a file in pieces of 128 KiB, each with a look at all its connections before it, which a server that does nothing else need not do.
 * So of a large body it writes the headers alone; when it asks for the first byte it is told to rest, and all of the body is sent here, as much at a
 * time as the socket takes. Nothing can tell it then that the body is complete but an end of the stream, behind which it closes the connection: the
 * headers say so ("Connection: close"), and next to so many bytes a new connection is nothing. A client that takes nothing for GATEWAY_SEND_STALL_MS is
 * given up, as libmicrohttpd does with those that do not rest.
 * On the loop.
 */
#ifndef LARDER_NODE_GATEWAY_SEND_H
#define LARDER_NODE_GATEWAY_SEND_H

#include "node/gateway_request.h"

#define GATEWAY_SEND_MIN ((uint64_t)8 << 20) /* smaller bodies are libmicrohttpd's alone */
#define GATEWAY_SEND_STALL_MS 60000

/* Embedded by the answer, zero before its use. */
struct gateway_send {
	struct gateway_request *request;
	struct loop *loop;
	struct loop_watch watch; /* of the connection, while it rests */
	struct loop_timer timer; /* for the stall */
	int fd;                  /* of the file */
	uint64_t at, left;       /* what is still to be sent */
	int64_t moved_ms;
	bool is_open, has_failed;
};

/* The response with the bytes first .. first + len - 1 of the file, whose headers are still to be added; `fd` is duplicated, and read at offsets. NULL: out of
 * memory or descriptors. */
struct MHD_Response *gateway_send_start(struct gateway_send *send, struct gateway_request *request, int fd, uint64_t first, uint64_t len) LARDER_MUST_USE;
/* The request ends. Harmless when zero. */
void gateway_send_stop(struct gateway_send *send);

#endif
