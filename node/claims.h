/* claims: asks the hub whether files that were adopted (store/adopt.h) are what their cache says, one repo at a commit after the other.
 *
 * A cache does not know from which hub, or with whose token, its files came: the same name may be another repo here. So a claim becomes a name, with the visibility that the hub tells,
 * only where the hub lists the very digest under that path at that commit; until then nothing of it is shared. What was not confirmed is asked about again after CLAIMS_AGAIN_S.
 * On the loop; blocks nowhere.
 */
#ifndef LARDER_NODE_CLAIMS_H
#define LARDER_NODE_CLAIMS_H

#include "base/pool.h"
#include "node/hub.h"

struct claims;

#define CLAIMS_POLL_MS 5000       /* between two looks for new ones */
#define CLAIMS_PAUSE_MS 1000      /* between two questions: others need the hub's quota too */
#define CLAIMS_AWAY_MS 600000     /* while the hub is away */
#define CLAIMS_AGAIN_S 86400

struct claims_options {
	struct loop *loop; /* all borrowed, outlive it */
	struct pool *pool; /* attached to the loop */
	struct hub *hub;
	const char *hub_url;
	struct store *store;
	struct log *log;
};

/* ERR_NO_MEMORY. */
enum err claims_create(const struct claims_options *options, struct claims **ret_claims) LARDER_MUST_USE;
/* Waits for what runs on the pool, whose other jobs may end meanwhile. NULL is fine. */
void claims_destroy(struct claims *claims);

#endif
