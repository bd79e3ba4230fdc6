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
	/* A chunk that is here (JOURNAL_HAVE) was checked by this process between the states that are beside it now, when it was put or when the journal's
	 * claim was; who changes a state lets go of both chunks. States with JOURNAL_PROVEN belong to the chain of a blob that once was proven. */
	struct chain chain;
	uint8_t *flags;
	uint64_t have_chunks, have_bytes;
	uint64_t prefix, anchored_from;
	uint64_t forgotten;
	uint64_t unsent_bytes; /* written since the kernel was last told to begin with the disk */
	bool overruled;        /* claims lost since they were made */
	bool replaces;         /* commit puts it into the place of a blob that is held already */
	bool placed;           /* commit has renamed the data into blobs/ already */
};

/* Whether S(index + 1) is known. */
static inline bool partial_knows_after(const struct partial *partial, uint64_t index)
{
	if (index + 1 == partial->chunks)
		return partial->digest.algorithm != DIGEST_NONE;
	return (partial->flags[index] & JOURNAL_STATE) != 0;
}

/* Whether the chunk is here, and from a source that is believed. */
static inline bool partial_believes(const struct partial *partial, uint64_t index)
{
	return (partial->flags[index] & JOURNAL_HAVE) && (partial->flags[index] & JOURNAL_BELIEVED);
}

/* Whether S(index), 1 .. chunks, cannot be wrong: there is a way from it to H, or it was on one. */
static inline bool partial_is_anchored(const struct partial *partial, uint64_t index)
{
	return index >= partial->anchored_from && partial->digest.algorithm != DIGEST_NONE;
}
static inline bool partial_is_proven(const struct partial *partial, uint64_t index)
{
	return index > 0 && index < partial->chunks && (partial->flags[index - 1] & JOURNAL_PROVEN);
}
static inline bool partial_is_firm(const struct partial *partial, uint64_t index)
{
	return partial_is_anchored(partial, index) || partial_is_proven(partial, index);
}
/* Whether S(index) was computed from S(0), or from a proven state, over chunks that are believed. */
bool partial_is_founded(const struct partial *partial, uint64_t index);

/* S(index), 1 .. chunks - 1, becomes this one, or is not known any more (NULL). Chunks beside it go, unless it is the same. In memory only: what the journal says is checked anyway. */
void partial_change_state(struct partial *partial, uint64_t index, const uint8_t *state);
/* Chunk `index` goes. */
void partial_forget_chunk(struct partial *partial, uint64_t index);
/* Write a chunk whose link holds from the S(index) that is known here to `after`, and note it. `origin`: JOURNAL_BELIEVED or 0. */
enum err partial_keep(struct partial *partial, uint64_t index, const uint8_t *data, size_t len, const uint8_t after[SHA256_LEN],
		      uint8_t origin, struct why *why) LARDER_MUST_USE;

/* partial_open() of a file in blobs/ that the index does not know; ERR_NOT_FOUND when there is none. A journal without data may be left. */
enum err partial_open_orphan(struct store *store, const struct digest *digest, uint64_t size, struct partial **ret_partial,
			     struct why *why) LARDER_MUST_USE;
/* Count anew what is here. */
void partial_count(struct partial *partial);
/* Free the memory and close the files; what is on disk stays. */
void partial_destroy(struct partial *partial);

#endif
