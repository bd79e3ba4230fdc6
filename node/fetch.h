/* fetch: brings a file that the hub lists into the store, proven.
 *
 * One fetch per digest in this process, however many ask. Bytes come from the hub (hub.h), are hashed and written chunk by chunk on a worker thread while the next ones
 * arrive, and become a blob only when they prove to be the digest that the hub published. On the loop; never blocks it.
 */
#ifndef LARDER_NODE_FETCH_H
#define LARDER_NODE_FETCH_H

#include "node/hub.h"
#include "store/blob.h"

struct fetcher;

struct fetcher_options {
	struct loop *loop; /* all borrowed */
	struct pool *pool; /* attached to the loop */
	struct hub *hub;
	struct store *store;
};

#define FETCH_BUSY_MS 200    /* how often a file that another process is fetching is looked at again */

enum err fetcher_create(const struct fetcher_options *options, struct fetcher **ret_fetcher) LARDER_MUST_USE;
/* Cancels what runs; waits for workers. */
void fetcher_destroy(struct fetcher *fetcher);

/* One wish; embedded by the caller: set the first part, leave the rest zero. */
struct fetch {
	const struct hub_listing *listing; /* borrowed until done */
	const struct hub_file *file;       /* one of its files */
	/* The end, once, never from within fetch_start(). ERR_OK: `digest` is held, its name, alias and visibility are in the index. ERR_UNPROVEN: the sentence names the file, the expected and
	 * the found digest; no byte of it is kept, only the name that lists show for what is incomplete. Others as hub_body, partial_open and the disk give them. */
	void (*on_done)(struct fetch *fetch, enum err err, const struct why *why);
	struct digest digest;    /* SHA-256 of the file, when done */
	bool was_held;           /* it was in the store already: nothing was transferred */
	uint64_t bytes_done;     /* of file->size, those that are here; may be looked at any time */
	uint64_t bytes_from_hub; /* transferred so far; of several that wait for one transfer the first alone counts them */
	struct fetch_run *run;   /* fetcher's, as is the next */
	struct list link;
};

enum err fetch_start(struct fetcher *fetcher, struct fetch *fetch, struct why *why) LARDER_MUST_USE;
/* No callback will come. What has arrived stays in the store as a partial blob. Harmless when not running. */
void fetch_cancel(struct fetch *fetch);

#endif
