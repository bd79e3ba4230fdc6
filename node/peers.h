/* peers: the other nodes that this one knows, and asks.
 *
 * Finds them (discovery/, `peer =` settings, what other peers say), keeps one session with each, knows what each holds, and carries questions. What a peer says is believed by nobody here:
 * fetch.h proves bytes. On the loop; never blocks. Peers are numbers (`id`, never 0, never used twice) to those who ask; a question to one that is gone ends with ERR_CUT.
 */
#ifndef LARDER_NODE_PEERS_H
#define LARDER_NODE_PEERS_H

#include "base/log.h"
#include "discovery/discovery.h"
#include "node/group.h"
#include "node/identity.h"
#include "node/inflow.h"
#include "node/lan.h"
#include "node/loop.h"
#include "node/tag.h"
#include "node/wire.h"

struct peers;
struct share;
struct store;

#define PEERS_KNOWN_MAX 512   /* addresses and nodes known at a time */
#define PEERS_SESSIONS_MAX 256
#define PEERS_SHUN_S (30 * 86400) /* how long a refuted key is not asked */
#define PEERS_NO_BULK (-1)        /* no bulk connections are taken */
#define PEERS_RESOLVE_MS 30000    /* how often the names in `peer =` are looked up again */

struct peers_options {
	struct loop *loop; /* all borrowed, and outlive the peers */
	struct pool *pool; /* attached to the loop */
	struct clock *clock;
	struct log *log;
	const struct group *group;
	const struct identity *identity;
	struct lan *lan;   /* read anew when the machine's networks change */
	struct share *share; /* what it is told of, and may take (serve.h) */
	struct store *store;
	const char *home;  /* what is remembered of peers lies in HOME/peers */
	const char *name;  /* of this node, for people; cut to WIRE_NAME_MAX */
	const char *const *interfaces; /* those to use; none: see lan_read_connected() */
	size_t interface_count;
	const char *const *addresses;  /* HOST[:PORT], to be dialed whatever discovery says */
	size_t address_count;
	const struct lan_address *listen; /* as in transport.h, as are the next two */
	uint16_t port;
	bool is_deaf;
	int bulk_port;     /* as the port in bulk.h */
	void *context; /* of the calls below, which may be NULL, and come from the loop */
	/* Another machine has our key, and it is for us to make a new one: identity_renew(), peers_renew(), and announce anew. Called once; again after peers_renew() only. */
	void (*on_clone)(void *context);
	/* A session came or went, or one has told what it holds. At most once a turn of the loop. */
	void (*on_change)(void *context);
};

/* Begins to listen and to dial. Reads HOME/peers. Errors of transport_create(); ERR_USAGE: one of `addresses` is none (the sentence names it). */
enum err peers_create(const struct peers_options *options, struct peers **ret_peers, struct why *why) LARDER_MUST_USE;
/* Takes leave of all, ends questions with ERR_CUT, writes what is to be remembered. Blocks for that and for transport_destroy(). NULL is fine. */
void peers_destroy(struct peers *peers);

/* Where connections are taken; 0: nowhere. */
uint16_t peers_port(const struct peers *peers);
/* Random, anew with each peers_create() and peers_renew(). For the note: big-endian there. */
uint64_t peers_epoch(const struct peers *peers);

/* What discovery tells (discovery_options.on_seen and on_gone). Notes of other groups are ignored. */
void peers_on_seen(struct peers *peers, const struct discovery_peer *seen);
void peers_on_gone(struct peers *peers, const struct discovery_peer *gone);
/* What is shared has changed (share_owner.on_change). */
void peers_on_share(struct peers *peers);
/* The machine's networks have changed, or it woke up. Called by itself where the system tells so; sessions must show within a second that they live. */
void peers_on_network(struct peers *peers);
/* The identity has another key now: all sessions end and are made anew with it, under another epoch. */
void peers_renew(struct peers *peers);

/* The session with the node at that address, under whatever address it is known; 0: there is none, and then it is dialed, if it is near, as if a peer had told it. */
uint64_t peers_visit(struct peers *peers, const struct lan_address *address);

/* --- who holds what, as far as they have told */

/* Up to `room` sessions that hold this digest (of either algorithm), those not shunned; best round trip first. Returns how many. */
size_t peers_holders(struct peers *peers, const struct digest *digest, uint64_t *ret_ids, size_t room);
/* How many sessions there are; how many of them have not told their holdings yet. */
size_t peers_count(const struct peers *peers);
size_t peers_unsynced(const struct peers *peers);
/* Whether what it sent may lie here unread (bulk_is_behind()). */
bool peers_is_behind(const struct peers *peers, uint64_t id);
/* Whether it has delivered a proven blob before, in this run or one that is remembered. */
bool peers_has_record(const struct peers *peers, uint64_t id);

/* --- questions. One struct for each, embedded by who asks, zero but for `on_done` and what the call says. on_done comes once, never from within the call that asks; none after a cancel. */

struct peer_ask {
	/* ERR_OK; ERR_NOT_FOUND: not held or not allowed; ERR_BUSY: later, please; ERR_LIMIT: fewer at once; ERR_UNPROVEN: found damaged over there; ERR_INVALID: nonsense came; ERR_CUT: it is gone. */
	void (*on_done)(struct peer_ask *ask, enum err err);
	void (*on_bytes)(struct peer_ask *ask, size_t len); /* of a chunk: so many more came; not for the last ones, which come with on_done. May be NULL */
	/* The answers. */
	struct chain chain;      /* peers_ask_chain(): the asker's, to be released */
	uint64_t size;           /* peers_ask_state(): of the blob, as claimed */
	uint8_t state[SHA256_LEN];
	uint8_t found[WIRE_FIND_MAX]; /* peers_ask_find(): an enum wire_found each */
	const struct wire_names *names; /* peers_ask_list(): borrowed for on_done */
	enum wire_reached reached; /* peers_ask_reach() */
	/* The peers' own. */
	struct list link;
	uint64_t request;
	int kind;
	struct peer *peer; /* NULL: not running */
	struct chunk *chunk;
	struct digest digest;
	uint64_t asked, wanted; /* states: asked for so far, of all */
};

/* All of these: ERR_CUT: it is gone, or shunned; ERR_LIMIT: as many questions to it are open as may be (WIRE_ASKED_MAX); ERR_NO_MEMORY; ERR_INVALID: no such thing can be asked. */

/* All states of a blob of that size. */
enum err peers_ask_chain(struct peers *peers, uint64_t id, const struct digest *digest, uint64_t size, struct peer_ask *ask) LARDER_MUST_USE;
/* The size, and if index > 0, S(index). */
enum err peers_ask_state(struct peers *peers, uint64_t id, const struct digest *digest, uint64_t index, struct peer_ask *ask) LARDER_MUST_USE;
/* One chunk, into `chunk` (index and len are set; filled grows), which must live as long as the question. `size` 0: not known. */
enum err peers_ask_chunk(struct peers *peers, uint64_t id, const struct digest *digest, uint64_t size, struct chunk *chunk, struct peer_ask *ask) LARDER_MUST_USE;
/* Which of `tags` (at most WIRE_FIND_MAX) it holds, whole or in part. */
enum err peers_ask_find(struct peers *peers, uint64_t id, const struct tag *tags, size_t count, struct peer_ask *ask) LARDER_MUST_USE;
/* A page of the names it shows; `cursor` is empty for the first. */
enum err peers_ask_list(struct peers *peers, uint64_t id, struct wire_bytes cursor, struct peer_ask *ask) LARDER_MUST_USE;
/* Whether it can dial this node, at the address that it sees it at and the port of peers_port(). ERR_BUSY: it was asked a moment ago. */
enum err peers_ask_reach(struct peers *peers, uint64_t id, struct peer_ask *ask) LARDER_MUST_USE;
/* Harmless when not running. */
void peers_ask_cancel(struct peer_ask *ask);

/* --- judgement */

enum peer_verdict { PEER_GOOD, PEER_DAMAGED, PEER_REFUTED, PEER_UNPROVEN };
const char *peer_verdict_name(enum peer_verdict verdict); /* "", "damaged", "refuted", "unproven" */

/* What a fetch found out. DAMAGED: not asked for this blob any more in this run, and told so (REJECT of `index`). REFUTED: shunned for PEERS_SHUN_S, kept on disk. UNPROVEN: shown only.
 * `reason`: for people; copied. */
void peers_judge(struct peers *peers, uint64_t id, enum peer_verdict verdict, const struct digest *digest, uint64_t index, const char *reason);
/* It delivered this much of a blob that is proven now; and so much that was of no use. */
void peers_credit(struct peers *peers, uint64_t id, uint64_t good_bytes, uint64_t wasted_bytes);

/* --- for people */

struct peer_view {
	uint64_t id;
	char node[17];           /* 16 hex digits */
	char name[WIRE_NAME_MAX + 1];
	char software[WIRE_SOFTWARE_MAX + 1];
	char address[80];        /* "192.168.1.7:5273", "[fe80::1%eth0]:5273" */
	int64_t round_trip_us;   /* -1: not measured yet */
	uint64_t digests;        /* that it tells of: a file outside LFS has two, a git-sha1 beside its SHA-256 */
	uint64_t bytes_in, bytes_out, bytes_wasted;
	uint64_t bulk_bytes_in, bulk_bytes_out; /* of those, what went over bulk connections of this session */
	int64_t since_ms;        /* of the session */
	enum peer_verdict verdict;
	char reason[128];
	bool has_session;        /* false: shunned or tried, and not here now */
};
/* Calls `tell` for each; returns how many. */
size_t peers_each(struct peers *peers, void (*tell)(void *context, const struct peer_view *view), void *context);

#endif
