/* endpoint: the gateway of a node on this machine, as programs see it: over HTTP, whoever's node it is. Blocks; opens no store and touches no signals, so that a command may
 * become another program afterwards.
 */
#ifndef LARDER_CLI_ENDPOINT_H
#define LARDER_CLI_ENDPOINT_H

#include "cli/session.h"

#define ENDPOINT_URL_MAX 128
#define ENDPOINT_NODE_MAX 64

struct endpoint {
	char url[ENDPOINT_URL_MAX]; /* "http://127.0.0.1:5274", also when it does not answer */
	char node[ENDPOINT_NODE_MAX], version[ENDPOINT_NODE_MAX]; /* as it says */
};

/* Where it is to be, and ask it there. ERR_HUB_AWAY: nobody listens, or it does not answer in time. ERR_INVALID: somebody else than a larder answers. ERR_UNSUPPORTED: the gateway is set to off. */
enum err endpoint_find(const struct session *session, struct endpoint *ret_endpoint, struct why *why) LARDER_MUST_USE;

/* The same, but where nobody listens, a node of this home is started, which lasts as long as somebody holds *ret_held (in_use.h). Where one is there already, what is held is harmless. */
enum err endpoint_provide(struct session *session, struct endpoint *ret_endpoint, int *ret_held, struct why *why) LARDER_MUST_USE;

#endif
