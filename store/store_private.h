/* store_private: what the files of the store share about an open store, and the lock on its layout.
 */
#ifndef LARDER_STORE_STORE_PRIVATE_H
#define LARDER_STORE_STORE_PRIVATE_H

#include "store/digest.h"
#include "store/store.h"

#include <sys/stat.h>

struct store {
	struct store_options options; /* .home is `home` */
	char *home;
	int dir;
	struct index *index;
	uint8_t secret[STORE_SECRET_LEN];
};

/* Held, briefly, while files in blobs/ or links in repos/ and what the index says of them change together, by any process or
 * thread. Taken after a journal's lock, never before. Waits. Give *ret_fd back with store_unlock(). */
enum err store_lock(struct store *store, int *ret_fd, struct why *why) LARDER_MUST_USE;
void store_unlock(int fd);

/* Remove the record of a blob, and its pin when `unpin`. There is room for that even on a full disk. */
enum err store_forget(struct store *store, const struct digest *digest, bool unpin, struct why *why) LARDER_MUST_USE;

struct blob_record;

/* What tells that a file is still the one that was proven: inode, size, and the times of the last change of its bytes and of itself. The
 * latter nobody can set back. With it goes whether the file has other names. Noted when nothing is going to be done to the file any more: a new mode or name changes that time too. */
void store_note_identity(struct blob_record *record, const struct stat *st);
bool store_has_identity(const struct blob_record *record, const struct stat *st);

/* The index's record of a blob, where not having one is no failure. */
enum err store_find(struct store *store, const struct digest *digest, bool *ret_found, struct blob_record *ret_record,
		    struct why *why) LARDER_MUST_USE;

#endif
