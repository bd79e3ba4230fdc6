/* gateway: the hub's read API over HTTP, for programs of this machine that know nothing of larder (HF_ENDPOINT=http://127.0.0.1:5274).
 *
 * Listens where the configuration says (default: loopback, port 5274). Everything runs on the node's loop, libmicrohttpd included (gateway.c is the only file that polls it); what blocks is on the pool.
 * A request is looked at by gateway_guard.h, read by gateway_route.h, and answered by one of the answers in gateway_request.c's table.
 */
#ifndef LARDER_NODE_GATEWAY_H
#define LARDER_NODE_GATEWAY_H

#include "base/err.h"

#include <stdint.h>

struct gateway;
struct node;

/* The first address that cannot be had is the failure: ERR_EXISTS, a port that is taken, the sentence naming whose it is where that can be found; ERR_USAGE, a setting makes no sense; ERR_IO. With `off` *ret_gateway is NULL.
 * Where no address was configured and this machine has no IPv6, 127.0.0.1 alone is enough. */
enum err gateway_create(struct node *node, struct gateway **ret_gateway, struct why *why) LARDER_MUST_USE;
/* Closes all connections. NULL is fine. Before the node's fetcher goes. */
void gateway_destroy(struct gateway *gateway);
/* Bytes that programs got from what was held. 0 without a gateway. */
uint64_t gateway_store_bytes(const struct gateway *gateway);
/* "http://127.0.0.1:5274", the first one; NULL without a gateway. Borrowed. */
const char *gateway_url(const struct gateway *gateway);

#endif
