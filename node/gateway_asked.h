/* gateway_asked: how much of which files was asked for by parts, to tell a look at a file's header from a download in pieces.
 *
 * The GATEWAY_ASKED_MAX files asked for last. Pure, but for the clock of the caller; one thread.
 */
#ifndef LARDER_NODE_GATEWAY_ASKED_H
#define LARDER_NODE_GATEWAY_ASKED_H

#include "store/digest.h"

#define GATEWAY_ASKED_MAX 128
#define GATEWAY_ASKED_PART 4 /* who has asked for more than a fourth of a file wants all of it */

struct gateway_asked {
	struct {
		struct digest digest;
		uint64_t bytes, used; /* asked for; `turn` of the last time */
	} files[GATEWAY_ASKED_MAX];
	uint64_t turn;
};

/* So many bytes more are asked for. Whether all of it is wanted by now. */
bool gateway_asked_add(struct gateway_asked *asked, const struct digest *digest, uint64_t size, uint64_t bytes);

#endif
