/* store: the home directory of a node and everything proven in it.
 *
 *   HOME/                        0700; on a local file system
 *     index.sqlite               what is held, and what is known about it (index.h)
 *     blobs/sha256/ab/<64 hex>   proven blobs, 0444
 *     partial/                   blobs being fetched, with their journals (partial.h)
 *     repos/REPO/<commit>/       trees of real names, symbolic links into blobs/ (tree.h)
 *     reserve                    room on the disk, for when there is no other (reserve.h)
 *     secret                     32 random bytes, 0600, never leave the machine
 *
 * Several processes may have one store open at a time: the index is shared through SQLite, a partial blob belongs to whoever holds
 * its lock, a blob in use is locked shared. Every function of the store blocks on the disk; all may be called from any thread, but one
 * `struct partial` or `struct blob` by one thread at a time.
 */
#ifndef LARDER_STORE_STORE_H
#define LARDER_STORE_STORE_H

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "store/sha256.h"

#include <stdint.h>

struct store;
struct index;

#define STORE_SECRET_LEN 32
#define STORE_MIN_FREE_FLOOR ((uint64_t)4 << 30)

struct store_options {
	const char *home;     /* absolute; created (with its parents) when missing */
	uint64_t max_size;    /* most bytes of blobs; 0: no limit */
	uint64_t min_free;    /* bytes to leave free on the file system; UINT64_MAX: the larger of 10 % and STORE_MIN_FREE_FLOOR */
	bool read_only;       /* look only: nothing is created, ERR_NOT_FOUND when there is no store */
	const struct sha256_engine *engine; /* borrowed, outlives the store; as are the next two */
	struct clock *clock;
	struct log *log;
};

/* Open or create. ERR_UNSUPPORTED: HOME lies on a network file system (the sentence names a local directory to use instead), or its index was
 * written by a newer larder. ERR_PERMISSION, also when HOME belongs to another user than this one or root. ERR_NO_SPACE, ERR_IO. */
enum err store_open(const struct store_options *options, struct store **ret_store, struct why *why) LARDER_MUST_USE;
void store_close(struct store *store);

/* Other limits from now on; what is held beyond them goes when room is made next. Any thread. */
void store_set_limits(struct store *store, uint64_t max_size, uint64_t min_free);

/* All borrowed, as long as the store is open. */
struct index *store_index(struct store *store);
const char *store_home(const struct store *store);
const struct sha256_engine *store_engine(const struct store *store);
struct log *store_log(const struct store *store);
struct clock *store_clock(const struct store *store);
const uint8_t *store_secret(const struct store *store); /* STORE_SECRET_LEN bytes */
int store_dir(const struct store *store); /* O_PATH descriptor of HOME */

#endif
