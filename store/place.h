/* place: where the files of a digest lie below HOME, and what is done to files there. Internal to the store.
 *
 * Names are relative to store_dir(). Everything that takes a descriptor blocks on the disk. Any thread.
 */
#ifndef LARDER_STORE_PLACE_H
#define LARDER_STORE_PLACE_H

#include "store/digest.h"

#include <sys/stat.h>

#define PLACE_MAX 128 /* bytes of a name below HOME, with its zero */

#define PLACE_PARTIAL "partial"
#define PLACE_DATA_END ".data"
#define PLACE_JOURNAL_END ".journal"
#define PLACE_UNNAMED "unnamed-" /* partial/unnamed-<16 hex>.data */
#define PLACE_LINK "partial/link" /* a symbolic link on its way into a tree */

const char *place_blob(const struct digest *digest, char ret[PLACE_MAX]);     /* "blobs/sha256/ab/<hex>" */
const char *place_blob_dir(const struct digest *digest, char ret[PLACE_MAX]); /* "blobs/sha256/ab" */
const char *place_data(const struct digest *digest, char ret[PLACE_MAX]);     /* "partial/sha256-<hex>.data" */
const char *place_journal(const struct digest *digest, char ret[PLACE_MAX]);  /* "partial/sha256-<hex>.journal" */
/* The digest in "sha256-<hex>" + `end`; false for any other name. */
bool place_parse(const char *name, const char *end, struct digest *ret_digest);

/* Whether `path` below `dir` still is the open file `fd`. */
bool file_is_at(int dir, const char *path, int fd);

/* Open a file below `dir` for reading. What is there must be a file: no symbolic link, no directory, no pipe, at which opening would wait.
 * Returns 0, or an errno; ELOOP: something else than a file is there. */
int file_open(int dir, const char *path, int *ret_fd);
/* Make way for a file: whatever else is at `path` goes, but for a directory that is not empty. */
void file_make_way(int dir, const char *path);

/* flock() with LOCK_EX or LOCK_SH, LOCK_NB or not, through signals. Returns 0 or an errno; EWOULDBLOCK: held by another. */
int file_lock(int fd, int operation);
/* All of it, through signals and short writes. Return 0 or an errno; file_read_at also ENODATA when the file ends early. */
int file_write_at(int fd, const void *data, size_t len, uint64_t offset);
int file_read_at(int fd, void *data, size_t len, uint64_t offset);

/* mkdir below `dir`, durable; it may be there already. Returns 0 or an errno. */
int dir_make(int dir, const char *parent, const char *path);
/* Make what happened to names in `path` below `dir` durable. Returns 0 or an errno. */
int dir_sync(int dir, const char *path);

#endif
