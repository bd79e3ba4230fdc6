/* gateway_wait: keeps a client alive that waits for the first byte of a body.
 *
 * Clients give up after 10 s without a byte, and no byte of the body may be sent before it is proven; interim answers (1xx) break some of them. What all of them take is a header that comes in slowly: so the status
 * line is sent, and then a header, X-Larder-Wait, that gets one byte longer every few seconds (docs/GATEWAY.md). When the body is there, libmicrohttpd writes its own status line and headers: that status line becomes the end of
 * the header's value, and what follows is what it always is:
 *
 *   HTTP/1.1 200 OK
 *   X-Larder-Wait: .....HTTP/1.1 200 OK
 *   ETag: ...
 *
 * This file and gateway_send.c alone write to a connection past libmicrohttpd, and only while the connection rests. On the loop.
 */
#ifndef LARDER_NODE_GATEWAY_WAIT_H
#define LARDER_NODE_GATEWAY_WAIT_H

#include "node/gateway_reply.h"

#define GATEWAY_WAIT_FIRST_MS 4000
#define GATEWAY_WAIT_MS 4000

/* Embedded by the owner, who sets may_begin; the rest zero before the first use. */
struct gateway_wait {
	struct gateway_request *request;
	struct loop *loop;
	struct loop_timer timer;
	unsigned status;
	/* It is about to begin. False: the owner has replied, or it is asked once more GATEWAY_WAIT_MS later. */
	bool (*may_begin)(struct gateway_wait *wait);
	bool is_last;   /* it would be too late a further time */
	bool has_begun; /* the status line is out: the answer must have this status now */
};

/* The request rests from now on until it is replied to; with this status, 200 or 206. Whoever has gone is found out, and the request ended. Harmless when it runs already. */
void gateway_wait_start(struct gateway_wait *wait, struct loop *loop, struct gateway_request *request, unsigned status);
/* What was waited for is here, and more may be: begins anew, unless something was sent already. */
void gateway_wait_rest(struct gateway_wait *wait);
/* The reply: as gateway_reply() and gateway_reply_refusal(), after gateway_wait_stop(). One that cannot follow on what was sent, since another status was promised, becomes a body that is broken off, for who asks again (a HEAD
 * has none: the connection ends). */
void gateway_wait_reply(struct gateway_wait *wait, struct gateway_request *request, unsigned status, struct MHD_Response *response);
void gateway_wait_refuse(struct gateway_wait *wait, struct gateway_request *request, enum err err, const struct hub_refusal *refusal, const struct why *why);
/* Before the reply, and before the request ends. Harmless when it does not run. */
void gateway_wait_stop(struct gateway_wait *wait);

#endif
