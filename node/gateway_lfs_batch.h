/* gateway_lfs_batch: what git-lfs asks for in one go, and the answer to it (git-lfs, docs/api/batch.md).
 *
 * Pure, except that it allocates; one thread. What is parsed comes from outside.
 */
#ifndef LARDER_NODE_GATEWAY_LFS_BATCH_H
#define LARDER_NODE_GATEWAY_LFS_BATCH_H

#include "node/hub.h"

#include <jansson.h>

#define LFS_TYPE "application/vnd.git-lfs+json"
#define LFS_OBJECTS_MAX 10000 /* in one batch; git-lfs asks for 100 at a time */
#define LFS_EXPIRES_S 3600

struct lfs_object {
	struct digest digest;        /* a SHA-256 */
	uint64_t size;
	const struct hub_file *file; /* of the listing; NULL: not among its files */
};

struct lfs_batch {
	struct lfs_object *objects; /* by digest, each once */
	size_t count, missing;      /* `missing`: those without a file, of lfs_batch_find() */
	char revision[256];         /* the branch for which they are wanted; "": none was named */
};

/* ERR_UNSUPPORTED: not a download by the plain way (`basic`), which is the hub's to answer. ERR_INVALID, ERR_LIMIT, ERR_NO_MEMORY with a sentence. Release it after ERR_OK. */
enum err lfs_batch_parse(const char *json, size_t len, struct lfs_batch *ret_batch, struct why *why) LARDER_MUST_USE;
void lfs_batch_release(struct lfs_batch *batch); /* harmless when zero */

/* Which of its files they are; the listing outlives the batch's use. */
void lfs_batch_find(struct lfs_batch *batch, const struct hub_listing *listing);
/* The same question about those that are missing, to be freed with free(). NULL: out of memory. */
char *lfs_batch_ask_missing(const struct lfs_batch *batch);

/* The answer, for json_decref(): files are below `here` ("http://127.0.0.1:5274"), to be asked for with `authorization` (NULL: without); what is missing as `hubs` has it (the hub's own answer to
 * lfs_batch_ask_missing(); NULL: there is none), else an error. NULL: out of memory. */
json_t *lfs_batch_answer(const struct lfs_batch *batch, const struct hub_listing *listing, const char *here, const char *authorization, const json_t *hubs);

#endif
