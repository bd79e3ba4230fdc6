/* partial_private: what the files of the partial blob share. */
#ifndef LARDER_STORE_PARTIAL_PRIVATE_H
#define LARDER_STORE_PARTIAL_PRIVATE_H

#include "store/journal.h"
#include "store/partial.h"
#include "store/place.h"
#include "store/store_private.h"

struct partial {
	struct store *store;
	struct digest digest; /* DIGEST_NONE while it has no name yet */
	uint64_t size, chunks;
	struct journal *journal; /* NULL: unnamed; such a one is locked through its data */
	int data_fd;
	char data_path[PLACE_MAX];
	/* A chunk that is here (JOURNAL_HAVE) was checked by this process, when it was put or when the journal's claim was. States with
	 * JOURNAL_PROVEN belong to the chain of a blob that once was proven; all others follow from S(0) without a gap. */
	struct chain chain;
	uint8_t *flags;
	uint64_t have_chunks, have_bytes;
	uint64_t unsent_bytes; /* written since the kernel was last told to begin with the disk */
	bool placed;           /* commit has renamed the data into blobs/ already */
};

/* Whether S(index + 1) is known. */
static inline bool partial_knows_after(const struct partial *partial, uint64_t index)
{
	if (index + 1 == partial->chunks)
		return partial->digest.algorithm != DIGEST_NONE;
	return (partial->flags[index] & JOURNAL_STATE) != 0;
}

/* partial_open() of a file in blobs/ that the index does not know; ERR_NOT_FOUND when there is none. A journal without data may be left. */
enum err partial_open_orphan(struct store *store, const struct digest *digest, uint64_t size, struct partial **ret_partial,
			     struct why *why) LARDER_MUST_USE;
/* Count anew what is here. */
void partial_count(struct partial *partial);
/* Free the memory and close the files; what is on disk stays. */
void partial_destroy(struct partial *partial);

#endif
