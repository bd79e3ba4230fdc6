/* gateway_request: one request at the gateway, from its headers to the end of its answer, and what answers are.
 *
 * On the loop. A request is begun when its headers are here and have passed the guard; it ends when it is answered or the client is gone. In between its answer (below) may take any time: the connection
 * rests, costs nothing, and is woken by gateway_reply() (gateway_reply.h).
 */
#ifndef LARDER_NODE_GATEWAY_REQUEST_H
#define LARDER_NODE_GATEWAY_REQUEST_H

#include "node/gateway_guard.h"
#include "node/gateway_route.h"
#include "node/loop.h"

#include <microhttpd.h>

struct gateway;
struct gateway_listener;
struct gateway_request;
struct node;

/* How one kind of request is answered. */
struct gateway_answer {
	/* The request is here, but for the body of one whose `take` is set. Reply now, or keep what is under way in request->work and reply later. */
	void (*start)(struct gateway_request *request);
	/* Bytes of the body, in order; returns how many were taken. When fewer, the client is not read from until gateway_request_wake(). `len` 0: that was all. NULL: it must have no body. */
	size_t (*take)(struct gateway_request *request, const char *data, size_t len);
	/* The request ends, answered or not: take back and free what is in request->work. No reply any more. May be NULL. */
	void (*end)(struct gateway_request *request);
};

/* An answer may read all of it, and write `work`. */
struct gateway_request {
	struct gateway *gateway;
	struct gateway_listener *listener;
	struct MHD_Connection *connection;
	struct list link;
	char *target;        /* as it was sent; owned */
	const char *target_there; /* the same where the connection has it */
	const char *method;
	struct route route;
	struct guard_request guard; /* its strings are the connection's */
	bool is_head;
	bool is_from_page;   /* of a configured origin, which may read the answer */
	bool is_from_afar;   /* not of this machine: public content only, and no token */
	const struct gateway_answer *answer; /* NULL: not begun */
	void *work;          /* the answer's */
	/* gateway_request.c's own. */
	char *token;
	bool is_begun, is_whole, is_suspended, is_replied, has_left;
	struct MHD_Response *reply;
	unsigned status;
};

/* First value of a header, or NULL. Borrowed until the request ends. */
const char *gateway_request_header(const struct gateway_request *request, const char *name);
/* The client's own token, sent as such (Bearer) or in the place of a password (Basic, as git does); NULL: none. Never the node's, never to be logged. */
const char *gateway_request_token(const struct gateway_request *request);

/* From a reader of a body (MHD_ContentReaderCallback) that has nothing now: rest until gateway_request_wake(), and return 0. */
void gateway_request_rest(struct gateway_request *request);
/* Go on; harmless when it does not rest. */
void gateway_request_wake(struct gateway_request *request);
/* Before a body is ended early: read and drop what the client has sent meanwhile, or the kernel would end the connection by a reset, which clients take worse than an end. */
void gateway_request_drain(const struct gateway_request *request);
/* Whether it is a program of the user whom the node runs for, or of root. Reads the kernel's tables. */
bool gateway_request_is_owners(const struct gateway_request *request);
int gateway_request_fd(const struct gateway_request *request);

/* For gateway_reply.c: as gateway_reply(), and nothing is added. */
void gateway_request_reply(struct gateway_request *request, unsigned status, struct MHD_Response *response);

/* The client has left, or the gateway goes: readers of bodies end at once. */
bool gateway_request_is_over(const struct gateway_request *request);
struct node *gateway_node(const struct gateway *gateway);

#endif
