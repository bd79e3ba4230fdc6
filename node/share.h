/* share: what this node lets others know of and have, out of all that its store holds (DESIGN: visibility).
 *
 * In the open group: public blobs, whose being public was confirmed within SHARE_CONFIRMED_S. In a private group, with share_gated: gated ones besides.
 * What is unknown or private is never shared. Each shared blob has a tag for its SHA-256, and one for each git-sha1 alias. The set of tags has a
 * generation, 1 at first; each change counts it up by one.
 *
 * On the loop. share_create() reads the index once and blocks; afterwards the index is read on the pool: about once a second where something has changed
 * in it (by other processes too), and after share_refresh().
 */
#ifndef LARDER_NODE_SHARE_H
#define LARDER_NODE_SHARE_H

#include "base/log.h"
#include "base/pool.h"
#include "node/group.h"
#include "node/loop.h"
#include "node/wire.h"
#include "store/index.h"

struct store;
struct share;

#define SHARE_TAGS_MAX ((size_t)1000000) /* more are not shared: no peer would take them. The most recently used come first */
#define SHARE_POLL_MS 1000               /* between two looks whether the index has changed */
#define SHARE_CONFIRMED_S 86400          /* how long the hub's word on a blob being public lasts */
#define SHARE_CONFIRM_AGAIN_S 72000      /* when it is asked again */
#define SHARE_AWAY_S (7 * 86400)         /* how long it lasts while the hub cannot be reached */
#define SHARE_ASK_AGAIN_MS 600000        /* after on_doubt() was not answered, or the hub was away */
#define SHARE_DOUBTS_MAX 4               /* repos in doubt, asked about at once */
#define SHARE_HISTORY 64                 /* changes kept for share_change_after() */
#define SHARE_DOUBTS_READ 64               /* and looked up at once */

/* At most WIRE_TAGS_MAX tags: fits a HAVE. */
struct share_change {
	uint64_t generation; /* of the set with this change */
	struct wire_tags added, removed;
};

/* Embedded by the owner. */
struct share_owner {
	/* The set is another now. Several times in a row where the difference is large. Never from within a call of the owner. May be NULL. */
	void (*on_change)(struct share_owner *owner, const struct share_change *change);
	/* That `repo` of `hub` is public was confirmed long ago: ask the hub, as nobody (without a token), and call share_confirmed() or share_hub_is_away(),
	 * at any time. Both texts are borrowed. NULL: nothing is confirmed again. */
	void (*on_doubt)(struct share_owner *owner, const char *hub, const char *repo);
};

struct share_options {
	struct loop *loop;         /* all borrowed, outlive the share */
	struct pool *pool;         /* attached to the loop */
	struct store *store;
	const struct group *group;
	struct log *log;
	struct share_owner *owner; /* NULL: nobody wants to know */
	bool serve;                /* false: nothing is shared */
	bool share_names;
	bool share_gated;          /* without meaning in the open group */
};

/* ERR_NO_MEMORY, or what the index says. */
enum err share_create(const struct share_options *options, struct share **ret_share, struct why *why) LARDER_MUST_USE;
/* Waits for what runs on the pool, whose other jobs may end meanwhile. Sets that are held stay. NULL is fine. */
void share_destroy(struct share *share);

/* Look at the index now: something was fetched, removed or found damaged. */
void share_refresh(struct share *share);

/* The answer to on_doubt(): VISIBILITY_PUBLIC: it is; any other: it is not, and what no other public repo has is withdrawn; UNKNOWN for 401 and 404.
 * Written into the index. */
void share_confirmed(struct share *share, const char *hub, const char *repo, enum visibility visibility);
/* The hub did not answer: what is in doubt lasts until SHARE_AWAY_S. */
void share_hub_is_away(struct share *share, const char *hub, const char *repo);

/* --- who may have what */

struct share_blob {
	struct digest digest; /* SHA-256 */
	uint64_t size;
};
/* What a tag stands for. False: nothing that is shared. */
bool share_find(const struct share *share, const struct tag *tag, struct share_blob *ret_blob);
/* The same for a digest of either algorithm: a git-sha1 leads to the SHA-256. */
bool share_digest_of(const struct share *share, const struct digest *digest, struct share_blob *ret_blob);
bool share_allows(const struct share *share, const struct digest *digest);

/* --- telling it */

uint64_t share_generation(const struct share *share);
/* Blobs, aliases not counted; their bytes. */
uint64_t share_blobs(const struct share *share);
uint64_t share_bytes(const struct share *share);

/* The set as it is now, for HOLDINGS: it stays as it is while it is held, whatever changes. */
struct share_set {
	uint64_t generation;
	struct wire_tags tags; /* in order */
};
const struct share_set *share_hold(struct share *share);
void share_let_go(const struct share_set *set); /* NULL is fine. Before or after share_destroy() */

/* The change that follows on a generation, for HAVE to whoever was told up to there; borrowed until the loop's next turn. NULL: there is none yet
 * (generation is share_generation()), or it is not kept any more: tell the whole set. */
const struct share_change *share_change_after(const struct share *share, uint64_t generation);

/* For discovery's note: the tags of the largest blobs, as many as a filter of `len` bytes takes, into `ret_filter` (zeroed first). Returns how many tags. */
size_t share_fill_filter(const struct share *share, uint8_t *ret_filter, size_t len);

/* --- names: one struct for each question, zero but for on_done, alive until then: there is no cancel */

#define SHARE_CURSOR_LEN 8
#define SHARE_NAMES_ROWS 20000 /* looked at for one page, which may be short then */
struct share_names {
	void (*on_done)(struct share_names *names, enum err err); /* on the loop, never from within share_names_start() */
	struct wire_page page;                   /* newest names first; only of what is shared, under names that may be known */
	uint8_t next[SHARE_CURSOR_LEN];
	size_t next_len;                         /* 0: that was the last page */
	void *asker;                             /* his word for it; only carried */
	/* The share's own. */
	struct pool_job job;
	struct share *share;
	const struct share_set *set;
	int64_t before, last;
	size_t rows;
	bool is_full;
	enum err err;
};
/* ERR_NOT_FOUND: names are not shown here (on_done does not come). A cursor that is not ours gives an empty last page. */
enum err share_names_start(struct share *share, struct wire_bytes cursor, struct share_names *names) LARDER_MUST_USE;

#endif
