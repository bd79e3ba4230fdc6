/* blob_private: what the files of the blob share. */
#ifndef LARDER_STORE_BLOB_PRIVATE_H
#define LARDER_STORE_BLOB_PRIVATE_H

#include "store/blob.h"
#include "store/index.h"
#include "store/place.h"
#include "store/store_private.h"

struct blob {
	struct store *store;
	struct blob_record record;
	struct chain chain;
	int fd; /* locked shared */
	bool is_linked; /* when it was opened */
	char name[PLACE_MAX]; /* below HOME */
	char *path;
};

/* blob_open() without a look at the file's identity, and without marking it as used. */
enum err blob_open_unchecked(struct store *store, const struct digest *digest, struct blob **ret_blob, struct why *why) LARDER_MUST_USE;

/* Check every chunk, and the file's length; on the threads of `pool`, or here (NULL). `bad` may be above 0: nothing was done about it.
 * ERR_CANCELLED, ERR_NO_MEMORY. */
enum err blob_check_all(struct blob *blob, struct pool *pool, uint64_t *progress, const bool *cancel, struct blob_check *ret_check,
			struct why *why) LARDER_MUST_USE;
/* False where the index had none that fits. */
static inline bool blob_has_chain(const struct blob *blob)
{
	return blob->chain.count + 1 == chain_chunk_count(blob->record.size) && blob->chain.size == blob->record.size;
}

/* Whether the file still has the identity with which it was proven; and which it has now. */
bool blob_is_unchanged(const struct blob *blob, struct stat *ret_now);
/* The file was checked and is good: note the identity that it had `before` the check. */
enum err blob_renew(struct blob *blob, const struct stat *before, struct why *why) LARDER_MUST_USE;

/* Links do not hold. Where that may be the chain's fault (one wrong state breaks two links), the file is hashed as a whole; ERR_OK: it is
 * good, the chain was made anew and is in the index. ERR_UNPROVEN: it is not held any more, but a partial blob with its chain, whose next opening finds out which chunks are
 * bad. ERR_NO_MEMORY: nothing was done. The log is told. */
enum err blob_settle(struct blob *blob, bool chain_is_doubtful, struct why *why) LARDER_MUST_USE;

/* A file of that name is in blobs/ and the index does not know it: prove it and take it into the index, or remove it. ERR_NOT_FOUND
 * when there is none, or it was not worth its name; ERR_BUSY. */
enum err blob_recover(struct store *store, const struct digest *digest, struct why *why) LARDER_MUST_USE;

/* blob_remove(), telling how many links of trees went with it. */
enum err blob_remove_counted(struct store *store, const struct digest *digest, bool even_pinned, uint64_t *ret_links,
			     struct why *why) LARDER_MUST_USE;

static inline void blob_add_progress(uint64_t *progress, uint64_t bytes)
{
	if (progress)
		__atomic_fetch_add(progress, bytes, __ATOMIC_RELAXED);
}

static inline bool blob_is_cancelled(const bool *cancel)
{
	return cancel && __atomic_load_n(cancel, __ATOMIC_RELAXED);
}

#endif
