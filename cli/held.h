/* held: what the store holds, found by name or digest without asking anybody.
 *
 * A name finds all blobs that any hub gave under it: of a repo (at every commit), of one commit, of a path. Blocks on the disk; one thread.
 */
#ifndef LARDER_CLI_HELD_H
#define LARDER_CLI_HELD_H

#include "store/index.h"

struct held {
	struct blob_record *records; /* by digest; owned, as is the next */
	size_t count;
	struct blob_name *names;
	size_t name_count;
	const struct blob_name **by_digest; /* the names: by digest, newest first; owned */
};

enum err held_load(struct held *held, struct index *index, struct why *why) LARDER_MUST_USE;
void held_release(struct held *held);

/* All names of one blob, newest first; *ret_count 0: it has none. Borrowed. */
const struct blob_name *const *held_names(const struct held *held, const struct digest *digest, size_t *ret_count);

/* One blob that was asked for. */
struct held_pick {
	const struct blob_record *record;
	const struct blob_name *name; /* the one it was found by, or its newest; NULL: it has none */
};

/* Those that `texts` name, each once, by name; all there are when `count` is 0. `hub` as in name_parse(). ERR_USAGE: not a name, or a branch or tag, which only a hub can resolve; ERR_NOT_FOUND
 * when one of them finds nothing. The caller frees *ret_picks. */
enum err held_pick(const struct held *held, struct index *index, const char *hub, const char *const *texts, size_t count, struct held_pick **ret_picks,
		   size_t *ret_count, struct why *why) LARDER_MUST_USE;

#define HELD_LABEL_MAX 2304

/* "ORG/NAME:path", or the digest of a blob without a name. Returns `ret`. */
const char *held_label(const struct held_pick *pick, char ret[HELD_LABEL_MAX]);

#endif
