/* gateway_guard: who may ask at the gateway, told by the headers of a request, before any work is done for it.
 *
 * A web page, whatever its site, can make the browser of this machine send requests here; another name for 127.0.0.1 can be made by anybody who has a domain (DNS rebinding). So the
 * host must be an address, or one that was configured, and what comes from a page must be from a configured one (Fetch Metadata, https://www.w3.org/TR/fetch-metadata/).
 * And where two readers of a request could see two requests in it (RFC 9112, section 11.2), it is refused. Pure; any thread.
 */
#ifndef LARDER_NODE_GATEWAY_GUARD_H
#define LARDER_NODE_GATEWAY_GUARD_H

#include "node/config.h"
#include "node/lan.h"

struct guard_rules {
	const struct config_list *hosts, *origins; /* borrowed */
};

/* What of a request matters here. Zero, then all headers with guard_add_header(), then the rest. */
struct guard_request {
	unsigned hosts, lengths, encodings, sites, origins, authorizations; /* how many there are */
	const char *host, *length, *encoding, *site, *origin, *authorization; /* the last one of each; borrowed */
	bool has_bad_header; /* a name that is none, or a control character */
	const char *version;      /* "HTTP/1.1" */
	struct lan_address local; /* where it came in */
};

void guard_add_header(struct guard_request *request, const char *name, size_t name_len, const char *value, size_t value_len);

/* 0: welcome. Else the status of the refusal, with its sentence. */
unsigned guard_check(const struct guard_rules *rules, const struct guard_request *request, struct why *why);
/* Whether it comes from a page that may read the answer. */
bool guard_is_from_page(const struct guard_rules *rules, const struct guard_request *request);

#endif
