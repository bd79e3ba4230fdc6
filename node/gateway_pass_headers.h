/* gateway_pass_headers: which headers go from a client through the gateway to the hub and back, and how. Pure; any thread. */
#ifndef LARDER_NODE_GATEWAY_PASS_HEADERS_H
#define LARDER_NODE_GATEWAY_PASS_HEADERS_H

#include "base/buf.h"

/* Whether a client's header is for the hub. Not those of one connection (RFC 9110, section 7.6.1), nor what is made anew on the way, nor what a browser tells of its user. */
bool pass_header_goes(const char *name);
/* Whether a header of the hub is for the client. Not cookies, which would be this address's then, nor what leads clients to Xet and so past this node. */
bool pass_header_comes(const char *name);

/* The value with all addresses below `from` ("https://huggingface.co") turned into ones below `to`: in Link and Location. ERR_LIMIT, ERR_NO_MEMORY. */
enum err pass_rewrite(const char *value, const char *from, const char *to, struct buf *ret_value) LARDER_MUST_USE;

#endif
