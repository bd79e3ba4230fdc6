/* outflow: chunks in memory on their way out, in buffers that are shared with whoever sends them, and counted.
 *
 * Chunks are taken and held on one thread; they are given back on any, since a socket's own thread is done with them last. There are never more than a
 * given number; an account counts those of one receiver. Their memory is used again.
 */
#ifndef LARDER_NODE_OUTFLOW_H
#define LARDER_NODE_OUTFLOW_H

#include "base/err.h"
#include "store/chain.h"

struct outflow;
struct outflow_account;

#define OUTFLOW_SPARE 8 /* chunks whose memory is kept for the next ones, until outflow_trim() */

struct outflow_chunk {
	uint8_t *data; /* CHAIN_CHUNK bytes */
	size_t references;
	struct outflow *outflow;
	struct outflow_account *account;
	struct outflow_chunk *next; /* of those that are spare */
};

/* At most `most` chunks at a time. ERR_NO_MEMORY. */
enum err outflow_create(size_t most, struct outflow **ret_outflow) LARDER_MUST_USE;
/* The owner is done with it; chunks that are out keep it alive. NULL is fine. */
void outflow_drop(struct outflow *outflow);
/* Free the memory of spare chunks. Returns whether there were any. */
bool outflow_trim(struct outflow *outflow);
/* Chunks that are out. */
size_t outflow_count(struct outflow *outflow);

/* For one receiver. NULL: out of memory. */
struct outflow_account *outflow_account_create(void);
/* Chunks that are out keep it alive. NULL is fine. */
void outflow_account_drop(struct outflow_account *account);
size_t outflow_account_count(const struct outflow_account *account);

/* With one reference, the caller's. NULL: there are as many as may be, or no memory. */
struct outflow_chunk *outflow_take(struct outflow *outflow, struct outflow_account *account);
void outflow_hold(struct outflow_chunk *chunk);
/* Any thread. NULL is fine. */
void outflow_give_back(struct outflow_chunk *chunk);

#endif
