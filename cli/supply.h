/* supply: where a command gets files from: the node of this home, whichever process it runs in, else the hub alone.
 *
 * One interface over fetch.h, of this process's node, and the question "fetch" of control.h, to another's. When the other node goes away in the middle, this process becomes the node and
 * goes on, or joins who was quicker; what has arrived is in the store. Where the node cannot help (another hub, no token of the right account), or there is none, this process fetches by
 * itself from the hub. Main thread; never blocks but for that.
 */
#ifndef LARDER_CLI_SUPPLY_H
#define LARDER_CLI_SUPPLY_H

#include "cli/session.h"
#include "node/control.h"

/* Finds the node, or becomes it. ERR_USAGE, ERR_INVALID: a setting, or the group's file, makes no sense. Where there can be no node for other reasons, that is told, and the hub has to do. */
enum err supply_open(struct session *session, struct why *why) LARDER_MUST_USE;

struct supply_figures {
	uint64_t bytes_from_hub, bytes_from_peers, bytes_wasted;
};

/* One wish; embedded by the caller: set the first part, leave the rest zero. */
struct supply {
	const struct hub_listing *listing; /* as in struct fetch: borrowed, NULL where only the digest is known */
	const struct hub_file *file;
	/* The end, once, never from within supply_start(). Errors as of fetch.h. */
	void (*on_done)(struct supply *supply, enum err err, const struct why *why);
	struct digest digest; /* when done, as is the next */
	bool was_held;
	/* The supply's own. */
	struct session *session;
	struct fetch fetch;      /* figures of what the other node does are written here, too */
	struct control_ask ask;
	struct loop_timer retry;
	unsigned tries;
	bool alone;              /* the node cannot help */
	struct supply_figures before; /* of tries that were cut off */
};

/* ERR_NO_MEMORY and what keeps a fetch from beginning at all. */
enum err supply_start(struct session *session, struct supply *supply, struct why *why) LARDER_MUST_USE;
/* No callback will come. What has arrived stays in the store. Harmless when not running. */
void supply_cancel(struct supply *supply);

/* At any time: bytes of the file that are here; its size, FETCH_SIZE_UNKNOWN while that is not known; what was transferred for this wish. */
uint64_t supply_bytes_done(const struct supply *supply);
uint64_t supply_size(const struct supply *supply);
struct supply_figures supply_figures(const struct supply *supply);

#endif
