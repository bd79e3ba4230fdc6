/* hub: what a Hugging Face Hub says and gives, with its ways and failures understood.
 *
 * Two operations, on the loop, never blocking: hub_look() tells which files a name stands for, with their digests; hub_body_start() streams a file's bytes.
 * Inside: redirects (the token goes to the hub's own origin only), 429 waited out by Retry-After or RateLimit, retries with growing waits, renamed repos, all pages
 * of a listing, remembered answers (index.h) when the hub is away, captive portals told from hubs. Nothing here proves bytes: fetch.h does.
 */
#ifndef LARDER_NODE_HUB_H
#define LARDER_NODE_HUB_H

#include "node/http.h"
#include "node/name.h"
#include "store/index.h"
#include "store/store.h"

#define HUB_LISTING_MAX_BYTES ((size_t)256 << 20) /* JSON of one listing, all pages */
#define HUB_FILES_MAX 1000000 /* files of one listing */
#define HUB_AWAY_MS 30000 /* how long it is left alone after it did not answer; so often it is asked for a sign of life then */
#define HUB_BODIES_MAX 6 /* bodies that run at once before one file may have a further one */
#define HUB_JUST_S 5 /* what such a program was told of a file it may be told again: it asks what the file is, and then for it */
#define HUB_OTHERS_S (15 * 60)
#define HUB_OTHERS_AWAY_S (24 * 3600) /* the same, while it is away */
#define HUB_QUICK_MS 2000 /* how long it may be silent where a remembered answer can serve instead */

struct hub;

struct hub_options {
	const char *url;     /* "https://huggingface.co"; a path prefix is fine; no trailing slash needed */
	const char *token;   /* NULL: none. Copied, wiped on destroy; never logged */
	/* Its answers go to programs that are not the owner's: what is not public is asked for again after HUB_OTHERS_S, and a day later is not believed any more. */
	bool is_for_others;
	struct store *store; /* remembers answers; secret for scopes; clock and log. Borrowed, as are loop and http */
	const struct hub *beside; /* one at the same address: whether it answers is known to both then. NULL: none */
};

enum err hub_create(struct loop *loop, struct http *http, const struct hub_options *options, struct hub **ret_hub,
		    struct why *why) LARDER_MUST_USE;
void hub_destroy(struct hub *hub);
/* "huggingface.co", "127.0.0.1:8080": host and non-default port, as kept in the index. Borrowed. */
const char *hub_host(const struct hub *hub);
/* Its address, "https://mirror.example/hf", without a slash at the end. Borrowed. */
const char *hub_base(const struct hub *hub);

/* It did not answer the last time, whoever asked: until it does, what is remembered serves at once. */
bool hub_is_away(const struct hub *hub);
/* It was away a moment ago, for less than HUB_AWAY_MS: it is not asked for what nobody remembers either. */
bool hub_is_left_alone(const struct hub *hub);
/* A question to it that was asked elsewhere was not answered. */
void hub_note_away(struct hub *hub);
/* What was asked of it last failed, and is being tried again. */
bool hub_is_failing(const struct hub *hub);

struct hub_file {
	char *path;           /* checked with tree_path_is_safe() */
	uint64_t size;
	struct digest digest; /* DIGEST_SHA256 for LFS files, DIGEST_GIT_SHA1 for all others */
};

/* The answer to a look: the files a name stands for at one commit. */
struct hub_listing {
	enum repo_type type;
	char *repo;           /* canonical, after renames */
	char commit[41];
	enum visibility visibility;
	bool remembered;      /* the hub was away: this is its answer of `at_s` */
	int64_t at_s;
	struct hub_file *files; /* by path */
	size_t count;
};
void hub_listing_release(struct hub_listing *listing);

#define HUB_MESSAGE_MAX 256

/* How the hub itself worded its last answer, where that was a refusal; for those who pass it on. */
struct hub_refusal {
	int status;                    /* 0: it said nothing, or something else went wrong */
	char code[64];                 /* X-Error-Code; "" */
	char message[HUB_MESSAGE_MAX]; /* "" */
	char commit[41];               /* which commit has no such file; "" */
};

/* One look; embedded by the caller: set name and on_done, leave the rest zero. */
struct hub_look {
	const struct name *name;  /* borrowed until done. With a path: that file alone (a HEAD; the listing has one entry); else all files */
	void (*on_done)(struct hub_look *look, enum err err, const struct why *why);
	/* Who asks is the owner of this machine's caches, and may be told what one of them says of a file, where the hub does not answer and nothing is remembered (hub_hearsay.h). Asked only when that is known. NULL: no. */
	bool (*may_hear)(struct hub_look *look);
	struct hub_listing listing; /* the answer, when ERR_OK; the caller's to release */
	struct hub_refusal refusal; /* after any other end */
	struct hub_look_run *run; /* hub's */
};

/* Errors of on_done: ERR_NOT_FOUND (no such repo, revision or file, the sentence says which; a repo that may be private says so), ERR_DENIED (gated or token refused, with the remedy), ERR_HUB_AWAY
 * (with the remedy), ERR_INVALID (not a hub: captive portal, nonsense), ERR_LIMIT. on_done is never called from within hub_look_start(). For a commit hash the remembered answer comes
 * without a request. */
enum err hub_look_start(struct hub *hub, struct hub_look *look, struct why *why) LARDER_MUST_USE;
void hub_look_cancel(struct hub *hub, struct hub_look *look);
/* It goes on later, since the hub has asked to wait (429). */
bool hub_look_is_waiting(const struct hub_look *look);

/* Where the bytes of one file are, as the hub told last: a signed address. Bodies that share it ask the hub once; whoever finds it expired renews it. Zero before the first
 * use; released after the last body. */
struct hub_place {
	char *url;        /* NULL: not known */
	unsigned version; /* grows with each change */
};
void hub_place_release(struct hub_place *place);

/* Bytes first .. end-1 of one file, in order, each once; embedded by the caller. Goes on over cut connections, expired signed addresses, servers that ignore Range, gzip, 429. */
struct hub_body {
	enum repo_type type;
	const char *repo, *commit; /* borrowed until done */
	const struct hub_file *file; /* borrowed until done; its size must be what the server says, else ERR_INVALID */
	uint64_t first, end;
	struct hub_place *place; /* borrowed until done; NULL: one of its own */
	/* Others bring other bytes of the file at the same time: it has a connection of its own, and gives up where waiting would hold them up: ERR_UNSUPPORTED where Range is ignored or
	 * what comes is compressed, ERR_HUB_AWAY for a 429 and for two tries in a row that brought next to nothing. */
	bool is_one_of_many;
	bool quick; /* others can bring them too: silence of HUB_QUICK_MS before the first byte is ERR_HUB_AWAY, without another try */
	void (*on_bytes)(struct hub_body *body, const uint8_t *data, size_t len); /* may pause or cancel, and may raise `end` while comes_whole */
	/* ERR_OK: all of them came. ERR_HUB_AWAY: nine tries in a row brought next to nothing (under 16 KiB each). ERR_DENIED, ERR_NOT_FOUND, ERR_INVALID as above. */
	void (*on_done)(struct hub_body *body, enum err err, const struct why *why);
	bool comes_whole;         /* hub's, as is the next: what comes now is the whole file, whatever was asked for; at `end` it is cut off */
	struct hub_body_run *run;
};

enum err hub_body_start(struct hub *hub, struct hub_body *body, struct why *why) LARDER_MUST_USE;
void hub_body_cancel(struct hub *hub, struct hub_body *body);
void hub_body_pause(struct hub_body *body);
void hub_body_resume(struct hub_body *body);

/* What all bodies do together, for deciding how many one file should have. */
struct hub_traffic {
	uint64_t bytes; /* that came in, ever */
	int64_t now_ms;
	size_t room;    /* further bodies that may run, of HUB_BODIES_MAX */
};
void hub_look_at_traffic(const struct hub *hub, struct hub_traffic *ret_traffic);

#endif
