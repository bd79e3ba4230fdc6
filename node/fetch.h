/* fetch: brings a file into the store, proven, from peers and from the hub.
 *
 * One fetch per digest in this process, however many ask. Peers that hold it are asked first (draw.h); the hub (hub.h) is there for what they do not give. Chunks are hashed, checked and
 * written on a worker thread while the next ones arrive, and become a blob only when they prove to be the digest that the hub published. On the loop; never blocks it.
 */
#ifndef LARDER_NODE_FETCH_H
#define LARDER_NODE_FETCH_H

#include "node/config.h"
#include "node/hub.h"
#include "store/blob.h"

struct fetcher;
struct peers;

struct fetcher_options {
	struct loop *loop; /* all borrowed */
	struct pool *pool; /* attached to the loop */
	struct hub *hub;
	struct store *store;
	enum config_hub_use hub_use;
	/* A node that has just begun does not know yet who is there: before this moment the hub is not asked for content on that account. Peers come by fetcher_set_peers(). */
	int64_t settled_at_ms;
	int64_t hopeless_at_ms; /* and before this one nobody is told that no peer has it */
	/* The store holds more now; may be NULL. */
	void (*on_held)(void *context);
	void *context;
};

#define FETCH_BUSY_MS 200    /* how often a file that another process is fetching is looked at again */
#define FETCH_SIZE_UNKNOWN UINT64_MAX

enum err fetcher_create(const struct fetcher_options *options, struct fetcher **ret_fetcher) LARDER_MUST_USE;
/* Cancels what runs; waits for workers. */
void fetcher_destroy(struct fetcher *fetcher);
/* From now on these are asked; NULL: nobody. What is being fetched goes on without those that were asked before. */
void fetcher_set_peers(struct fetcher *fetcher, struct peers *peers);

/* One wish; embedded by the caller: set the first part, leave the rest zero. */
struct fetch {
	const struct hub_listing *listing; /* borrowed until done; NULL: only the digest is known, so only peers can give it */
	const struct hub_file *file;       /* one of its files; alone: a SHA-256, and size may be FETCH_SIZE_UNKNOWN */
	/* The end, once, never from within fetch_start(). ERR_OK: `digest` is held, its name, alias and visibility are in the index. ERR_UNPROVEN: the sentence names the file, the expected and
	 * the found digest, or says that no peer could prove what it promised; no byte of it is kept, only the name that lists show for what is incomplete. Others as hub_body, partial_open and
	 * the disk give them. */
	void (*on_done)(struct fetch *fetch, enum err err, const struct why *why);
	/* For a fetch whose bytes are wanted while they come; may be left zero. */
	struct hub *hub;         /* asked instead of the fetcher's, so with its own token; it may be used as long as this fetch runs */
	void (*on_more)(struct fetch *fetch); /* fetch_read() may give more now, or `is_proven` or `recalls` have changed. Nothing of the fetch may be called from it */
	bool is_proven;          /* all bytes are here, and are the file */
	unsigned recalls;        /* grows when bytes that were read may have been others than those that will be proven */
	struct digest digest;    /* SHA-256 of the file, when done */
	bool was_held;           /* it was in the store already: nothing was transferred */
	uint64_t size;           /* when known */
	uint64_t bytes_done;     /* of `size`, those that are here; may be looked at any time */
	uint64_t bytes_from_hub; /* transferred so far; of several that wait for one transfer the first alone counts them, as the next ones */
	uint64_t bytes_from_peers, bytes_wasted;
	struct fetch_run *run;   /* fetcher's, as is the next */
	struct list link;
};

enum err fetch_start(struct fetcher *fetcher, struct fetch *fetch, struct why *why) LARDER_MUST_USE;
/* No callback will come. What has arrived stays in the store as a partial blob. Harmless when not running. */
void fetch_cancel(struct fetch *fetch);

/* Bytes from `at` on that may be given away already: those that are proven or anchored, and those that this node itself had from the hub for this very file. Never blocks for long: what is read was written a moment
 * ago. Returns how many were copied; 0: none yet. Not any more when it is done. */
size_t fetch_read(struct fetch *fetch, uint64_t at, void *data, size_t len);
/* Whether the file would not go on coming in, or be asked for with another token, without this one. */
bool fetch_is_needed(const struct fetch *fetch);
/* Whether that file is on its way in. */
bool fetcher_brings(const struct fetcher *fetcher, const struct digest *digest);

/* --- for people */

struct fetch_view {
	const char *name;        /* "ORG/NAME:path", or the digest; borrowed for the call, as is the view */
	struct digest digest;    /* as asked for */
	uint64_t size;           /* FETCH_SIZE_UNKNOWN: not known yet */
	uint64_t bytes_done, bytes_from_hub, bytes_from_peers, bytes_wasted; /* of those who wait for it now */
};
/* Calls `tell` for each file on its way in; returns how many. */
size_t fetcher_each(const struct fetcher *fetcher, void (*tell)(void *context, const struct fetch_view *view), void *context);

#endif
