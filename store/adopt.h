/* adopt: takes a file that lies elsewhere, and stays in use there, into the store: proven, and where possible without a second copy.
 *
 * A store has one place for a blob, blobs/, and everything that reads, evicts, verifies and repairs relies on it; so an adopted file gets a name there, instead of
 * there being blobs "somewhere else". Three ways, the first that works:
 *   cloned   (reflink) the blocks are shared, the file is the store's own: whatever happens to the other one does not concern us;
 *   linked   (hard link) one file, two names. Nothing is taken from the disk, but whoever keeps the other name may write to the file. So what was noted of its
 *            identity tells at opening that it was touched (then all of it is proven again first), each chunk is checked after it was read (blob_is_linked()),
 *            the store never writes to it nor changes its mode (what was damaged is copied, and the copy repaired), and it neither counts for the quota nor is evicted, since that would free nothing;
 *   copied   only when asked for, as it takes as much room again.
 * A blob that the store held already gives way to a clone or link, so that one copy stays on the disk; the other file is never replaced.
 *
 * What was adopted is remembered by path and identity: doing it again costs a look at each file. Blocks on the disk; any thread.
 */
#ifndef LARDER_STORE_ADOPT_H
#define LARDER_STORE_ADOPT_H

#include "store/digest.h"
#include "store/store.h"

enum adopt_way { ADOPT_BEFORE, ADOPT_CLONED, ADOPT_LINKED, ADOPT_COPIED };
const char *adopt_way_name(enum adopt_way way); /* "before", "cloned", "linked", "copied" */

struct adopt {
	const char *path;        /* absolute; symbolic links are not followed */
	struct digest expected;  /* what the bytes must be: a SHA-256, or a git-sha1, which becomes an alias */
	bool may_copy;
	uint64_t *progress;      /* NULL, or advanced atomically by the bytes done */
	const bool *cancel;      /* NULL, or ends it with ERR_CANCELLED when true */
};

struct adopt_result {
	struct digest digest; /* SHA-256 */
	uint64_t size;
	enum adopt_way way;
};

/* Whether there is nothing to do: it was adopted as it is now, or another file of the same name was, which lies there still; and that is what is held. */
bool adopt_is_done(struct store *store, const struct adopt *adopt, struct adopt_result *ret_result);

/* ERR_UNPROVEN: the bytes are not what was expected. ERR_UNSUPPORTED: it would have to be copied, and may not be; nothing was read. ERR_IO, also when it was changed
 * meanwhile; ERR_PERMISSION, ERR_NOT_FOUND; ERR_NO_SPACE; ERR_LIMIT. After a failure the store is as it was. */
enum err adopt_file(struct store *store, const struct adopt *adopt, struct adopt_result *ret_result, struct why *why) LARDER_MUST_USE;

#endif
