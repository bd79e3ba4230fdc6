/* gateway_blob: a held blob, opened for one answer.
 *
 * Opening it, and checking what was not checked since this node started, is done on the pool: runs of chunks, one run ahead of the reader; what was checked is read at once (checked.h). A file that others may
 * write to is read chunk by chunk into memory of ours, and checked there, each time. On the loop.
 */
#ifndef LARDER_NODE_GATEWAY_BLOB_H
#define LARDER_NODE_GATEWAY_BLOB_H

#include "base/pool.h"
#include "node/checked.h"
#include "store/blob.h"

/* What all of them share; embedded in the gateway. */
struct gateway_blobs {
	struct pool *pool;   /* set by the owner, as is the next; borrowed */
	struct store *store;
	struct checked checked;
	unsigned jobs;       /* that are out */
	uint64_t given_bytes; /* to programs: gateway_blob_count() */
	uint64_t uncounted;   /* of these, not in the index's "saved_bytes" yet */
};

void gateway_blobs_init(struct gateway_blobs *blobs);
/* All are closed; waits for workers. */
void gateway_blobs_release(struct gateway_blobs *blobs);

#define GATEWAY_RUN_CHUNKS 16 /* as many as the widest kernel checks at once */

struct gateway_chunk {
	bool is_full;
	uint64_t index;
	size_t len;
	uint8_t *data; /* CHAIN_CHUNK bytes; NULL until the first use */
};

enum { GATEWAY_BLOB_ENDED = -1 }; /* of gateway_blob_read() */

/* Embedded by the owner; fill the first part, leave the rest zero. On the heap of its own, since a worker may have it when the owner goes. */
struct gateway_blob {
	struct gateway_blobs *blobs;
	struct digest digest; /* as the hub names it: a git-sha1 is looked up */
	bool is_fresh;        /* this node made it just now: all of it was checked */
	/* Open, or not: ERR_NOT_FOUND, not held; others are the disk's. Never from within gateway_blob_open(). */
	void (*on_open)(struct gateway_blob *blob, enum err err, const struct why *why);
	void (*on_read)(struct gateway_blob *blob); /* gateway_blob_read() says something else now */
	void *owner;
	uint64_t until;       /* what is behind that byte will not be read; 0: all will */
	/* Its own. */
	struct blob *blob;
	struct stat file;
	struct gateway_chunk chunks[2];
	uint64_t wanted, count; /* the chunks that the worker has */
	int reading;          /* a chunk, into which of the two; -1: none */
	bool is_out, is_closed, has_failed;
	enum err err;
	struct why why;
	struct pool_job job;
};

/* This node has made it just now, so its chunks are checked, for whoever asks next. */
void gateway_blobs_note_made(struct gateway_blobs *blobs, const struct digest *digest);

/* NULL: out of memory. */
struct gateway_blob *gateway_blob_create(struct gateway_blobs *blobs, const struct digest *digest);
void gateway_blob_open(struct gateway_blob *blob);
/* No further callback; frees it, as soon as no worker has it. NULL is fine. */
void gateway_blob_close(struct gateway_blob *blob);

static inline uint64_t gateway_blob_size(const struct gateway_blob *blob) { return blob_size(blob->blob); }
/* So many bytes of it are given to a program. What was fetched for it just now does not count as having been held. */
void gateway_blob_count(struct gateway_blob *blob, uint64_t bytes);
/* Whether bytes first .. end - 1 may be sent straight from blob_fd(blob->blob). */
bool gateway_blob_is_checked(struct gateway_blob *blob, uint64_t first, uint64_t end);
/* Bytes from `at` on, at most `len`, of one chunk. 0: a worker reads them, on_read() follows. GATEWAY_BLOB_ENDED: damaged, or it cannot be read. */
ssize_t gateway_blob_read(struct gateway_blob *blob, uint64_t at, void *data, size_t len);

#endif
