/* hub_recent: listings of commits that were used a moment ago, taken apart already: whoever fetches a repo asks for one file after the other.
 *
 * Bounded in number, and by files in all, the one used last first; gone when nothing was asked for HUB_RECENT_MS. One for each hub (that is, for each token). On the loop.
 */
#ifndef LARDER_NODE_HUB_RECENT_H
#define LARDER_NODE_HUB_RECENT_H

#include "node/hub.h"

#define HUB_RECENT_MAX 256
#define HUB_RECENT_FILES_MAX 100000
#define HUB_RECENT_MS 60000

struct hub_recent {
	struct loop *loop; /* set by the owner; borrowed */
	struct list all;
	size_t count, files;
	int64_t used_ms;
	struct loop_timer timer;
};

void hub_recent_init(struct hub_recent *recent);
void hub_recent_release(struct hub_recent *recent);

/* NULL: not there. Borrowed, until the next call of any of these. */
const struct hub_listing *hub_recent_find(struct hub_recent *recent, const char *key);
/* Takes the listing over, which is sorted; one that finds no room is released. */
void hub_recent_put(struct hub_recent *recent, const char *key, struct hub_listing *listing);
void hub_recent_forget(struct hub_recent *recent, const char *key);

#endif
