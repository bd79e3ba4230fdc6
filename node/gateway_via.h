/* gateway_via: by which gateways a question has come to this node, and how its own questions to the hub name them (`Via`: RFC 9110, section 7.6.3).
 *
 * What many clients ask here becomes one question to the hub, so each question is taken to be asked for all gateways that have asked lately. When two have each other for a hub, the first to be asked
 * gets its own name back, and says so instead of asking on and on. On the loop.
 */
#ifndef LARDER_NODE_GATEWAY_VIA_H
#define LARDER_NODE_GATEWAY_VIA_H

#include "node/http.h"

#define GATEWAY_VIA_NAME_MAX 24    /* "larder-0123456789abcdef" */
#define GATEWAY_VIA_OTHERS_MAX 8   /* that are remembered; the one that asked longest ago makes room */
#define GATEWAY_VIA_LASTS_MS 60000 /* since it asked last */

struct gateway_via_other {
	char name[GATEWAY_VIA_NAME_MAX]; /* "": none */
	int64_t at_ms;
};

struct gateway_via {
	struct loop *loop; /* set by the owner; borrowed, as is the next */
	struct http *http;
	/* Its own. */
	char own[GATEWAY_VIA_NAME_MAX];
	struct gateway_via_other others[GATEWAY_VIA_OTHERS_MAX];
	struct loop_timer timer;
};

/* From now on questions tell this node's id. ERR_NO_MEMORY. */
enum err gateway_via_init(struct gateway_via *via, const char *node_id) LARDER_MUST_USE;
void gateway_via_release(struct gateway_via *via);

/* One `Via` of a question that has come in. False: it is this node's own, come back to it. */
bool gateway_via_take(struct gateway_via *via, const char *value);

#endif
