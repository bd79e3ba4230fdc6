/* peers_private: what the files of peers share.
 *
 * peers.c          the whole: create, destroy, what runs later; the calls of others
 * peers_session.c  a connection and its session, from its first message or its dialing to its end
 * peers_contact.c  a node that has shown its key: which of its sessions stays, what it holds, what it did
 * peers_place.c    an address where a node may be: when to dial it
 * peers_names.c    names in `peer =`, looked up on a thread of their own
 * peers_exchange.c addresses that peers tell each other
 * peers_reach.c    the way back to one that wants to know whether it can be dialed; and the way to an address that somebody asks about
 * peers_bulk.c     the bulk connection of a session, and which way pieces go
 * peers_view.c     questions to peers, and what people see of them
 *
 * Sessions are freed by session_drop() alone, which runs under nothing but the loop: whatever runs up a session's stack only ends it, and calls peers_later().
 */
#ifndef LARDER_NODE_PEERS_PRIVATE_H
#define LARDER_NODE_PEERS_PRIVATE_H

#include "node/bulk.h"
#include "node/ledger.h"
#include "node/netwatch.h"
#include "node/peer.h"
#include "node/serve.h"
#include "node/transport.h"

/* Numbers. */
#define PEERS_DIALING_MAX 64   /* at a time */
#define PEERS_TOLD_MAX 256     /* places that are known from PEERS alone */
#define PEERS_TOLD_BY_ONE_MAX 64 /* of them, by one node, within PEERS_TOLD_MS */
#define PEERS_DAMAGED_MAX 32   /* blobs that a node is not asked for; the oldest is forgotten */
#define PEERS_REACHING_MAX 8   /* dialed at a time because they want to know whether that works */
#define PEERS_NAMES_MAX 64     /* in `peer =` that must be looked up */
#define PEERS_NAME_ADDRESSES_MAX 32 /* of one name */
/* Times. */
#define PEERS_OFFER_MS 10000   /* an offer of a bulk connection that comes sooner after another one is passed over */
#define PEERS_BULK_MS 60000    /* after a bulk connection has ended, or did not come about, before it is tried again */
#define PEERS_WAIT_MIN_MS 100  /* before dialing again; doubled each time up to */
#define PEERS_WAIT_NAMED_MS 1000 /* where discovery or a setting names it, */
#define PEERS_WAIT_LONG_MS 5000  /* the same after PEERS_PATIENCE_MS in vain, */
#define PEERS_WAIT_TOLD_MS 15000 /* and where only a peer has told it */
#define PEERS_PATIENCE_MS 120000
#define PEERS_WAIT_REFUSED_MS 30000 /* after being refused, or a broken rule */
#define PEERS_WAIT_FULL_MS 10000
#define PEERS_ATTEMPT_MS 1200  /* a first attempt; each third one has the transport's time */
#define PEERS_ATTEMPT_YOUNG_MS 300 /* one that is older is made anew when the network changes, and no longer keeps another address from being tried */
#define PEERS_REACH_MS 2000    /* between two such attempts for one node */
#define PEERS_TOLD_DELAY_MS 1000 /* discovery may find it meanwhile */
#define PEERS_TOLD_MS 300000
#define PEERS_TELL_MS 250      /* addresses that become known within it are told together */
#define PEERS_FORGET_MS 600000 /* a node that is not here, and what it held */

enum place_source {
	PLACE_SET = 1,  /* by a setting */
	PLACE_SEEN = 2, /* by discovery */
	PLACE_TOLD = 4, /* by a peer */
};

/* An address where a node may be. */
struct place {
	struct list link;
	struct peers *peers;
	struct lan_address address;
	unsigned sources;
	unsigned seen;         /* announcements that name it */
	bool has_id, is_self;
	uint8_t node[IDENTITY_ID_LEN]; /* by its announcement, or as it has shown */
	uint64_t epoch;        /* by its announcement */
	struct session *session; /* that was dialed there; NULL */
	int64_t dial_at_ms, wait_ms, failing_since_ms, told_ms;
	unsigned failures;     /* in a row */
};

/* An announcement that was seen. */
struct announced {
	struct list link;
	char name[DISCOVERY_NAME_MAX];
	int interface;
	sa_family_t family;
	struct place *place;
};

struct damage {
	struct digest digest;
};

/* A node that has shown its key. */
struct contact {
	struct list link;
	uint8_t key[WIRE_KEY_LEN];
	uint8_t node[IDENTITY_ID_LEN];
	uint64_t epoch;
	struct holdings holdings;
	struct session *session; /* the one that stays; NULL */
	uint64_t last_id;        /* of its last session */
	char name[WIRE_NAME_MAX + 1], software[WIRE_SOFTWARE_MAX + 1];
	struct lan_address address; /* where it can be dialed; port 0: nowhere */
	int64_t seen_ms;
	bool is_news;            /* its address has not been told yet */
	enum peer_verdict verdict; /* PEER_REFUTED is in the ledger */
	char reason[LEDGER_REASON_MAX];
	struct damage damaged[PEERS_DAMAGED_MAX];
	size_t damaged_count;    /* ever; the last ones are kept */
	uint64_t bytes_in, bytes_out, bytes_wasted; /* of sessions that are over, but for wasted */
	int64_t told_ms;
	unsigned told;           /* addresses that it told since */
	int64_t reach_at_ms;     /* before then it is not dialed just to see */
};

/* The bulk connection of a session, and what was given over it. */
struct session_bulk {
	struct bulk_link *link; /* NULL: there is none */
	uint64_t way;           /* its number among all there were, from 1 on */
	bool is_up;
	struct wire_bulk_offer offer; /* that was made; the port is 0 where there is none */
	int64_t again_ms;       /* when the next one may be offered */
	int64_t offered_ms;     /* when the other end made its last offer that was looked at; 0: never */
	uint64_t given[WIRE_ASKED_MAX]; /* requests that it gave pieces for; the last ones */
	size_t given_count;     /* ever */
	uint64_t bytes_in, bytes_out; /* of all there were */
};

struct session {
	struct list link;
	struct peers *peers;
	struct peer peer;
	uint64_t id;
	struct transport_link *wire; /* NULL: over */
	enum transport_end end;
	struct place *place;     /* where it was dialed; NULL */
	struct contact *contact; /* once it has shown its key */
	struct lan_address address; /* of the other end */
	struct session_bulk bulk;
	bool is_up, was_ready, knows_all;
	struct loop_timer timer;
	int64_t timer_ms, give_up_ms; /* when the timer fires; when dialing is given up */
	int64_t since_ms;
	char label[WIRE_NAME_MAX + LAN_TEXT_MAX + 8];
};

/* A name in `peer =`. */
struct peers_name {
	struct pool_job job;
	struct peers_names *names;
	bool job_out;
	char host[LAN_HOST_MAX];
	uint16_t port;
	/* The job's answer. */
	struct lan_address found[PEERS_NAME_ADDRESSES_MAX];
	size_t found_count;
	bool is_found;
	int failed; /* why not: of getaddrinfo() */
	bool is_missed; /* and it was said */
	/* Places that carry its mark. */
	struct place *places[PEERS_NAME_ADDRESSES_MAX];
	size_t place_count;
};
struct peers_names {
	struct peers *peers;
	struct peers_name *each; /* owned */
	size_t count;
	struct pool *pool;       /* one thread; NULL where there are no names */
	struct loop_watch watch;
	struct loop_timer timer;
	bool is_ending;          /* atomic */
};

struct peers {
	struct peers_options use;
	struct peer_owner peer_owner;
	struct transport_owner transport_owner;
	struct bulk_owner bulk_owner;
	struct serve_sink sink;
	struct peer_self self;
	char name[WIRE_NAME_MAX + 1];
	struct transport *transport;
	struct bulk *bulk;
	struct serve *serve;
	struct ledger *ledger;
	struct netwatch netwatch;
	struct peers_names names;
	struct holdings_budget budget;
	struct list sessions, contacts, places, announced, reaching;
	size_t session_count, dialing_count, contact_count, place_count, announced_count, reaching_count;
	uint64_t next_id;
	struct loop_timer later, dial, tell, house;
	bool is_cloned, has_told_clone, has_changed, is_ending;
};

/* --- peers.c */

static inline int64_t peers_now_ms(const struct peers *peers) { return loop_now_ms(peers->use.loop); }
/* Soon, under nothing but the loop: drop what has ended, tell the owner what has changed. */
void peers_later(struct peers *peers);
/* A session came or went, or holdings are known. */
void peers_note_change(struct peers *peers);

/* --- peers_session.c */

void session_owner_init(struct peers *peers);
struct session *session_find(const struct peers *peers, uint64_t id);
static inline struct session *session_of(struct peer *peer) { return container_of(peer, struct session, peer); }
static inline bool session_is_ready(const struct session *session) { return session->peer.state == PEER_READY; }
/* Its session goes to the place. False: it could not be dialed. */
bool session_dial(struct place *place);
/* Have its timer fire in time. */
void session_schedule(struct session *session);
void session_drop(struct session *session);
/* NULL: no memory. */
struct session *session_create(struct peers *peers);

/* --- peers_contact.c */

/* A session has shown its key: 0, or the reason for which it must end. */
int contact_admit(struct session *session);
void contact_on_ready(struct session *session);
void contact_on_drop(struct session *session);
struct contact *contact_of_node(const struct peers *peers, const uint8_t node[IDENTITY_ID_LEN]);
struct contact *contact_of_id(const struct peers *peers, uint64_t id);
bool contact_is_shunned(const struct peers *peers, const struct contact *contact);
bool contact_is_damaged(const struct contact *contact, const struct digest *digest);
/* Forget those that have been away for long. */
void contact_keep_house(struct peers *peers);
void contact_free(struct contact *contact);

/* --- peers_place.c */

/* The place of that address, made where there is none. NULL: there are as many as may be. */
struct place *place_get(struct peers *peers, const struct lan_address *address);
struct place *place_find(const struct peers *peers, const struct lan_address *address);
/* Dial it soon, whatever happened before. */
void place_hurry(struct place *place);
/* A source is gone; perhaps the place is as well. */
void place_drop_source(struct place *place, unsigned source);
/* What was dialed there has ended, or could not be dialed at all (`session` NULL). The place may be gone afterwards. */
void place_on_end(struct place *place, const struct session *session);
/* Dial what is due, and set the timer for what is not. */
void place_dial_due(struct peers *peers);
void place_keep_house(struct peers *peers);
void place_free_all(struct peers *peers);

/* --- peers_names.c */

enum err names_start(struct peers *peers, struct why *why) LARDER_MUST_USE;
void names_stop(struct peers *peers);
/* Look them up now. */
void names_look_up(struct peers *peers);

/* --- peers_exchange.c */

/* There is something to tell. */
void exchange_soon(struct peers *peers);
void exchange_tell(struct peers *peers);
void exchange_on_addresses(struct session *session, const struct wire_peers *addresses);

/* --- peers_bulk.c */

void session_bulk_owner_init(struct peers *peers);
/* Chunks are asked for, in either direction: a bulk connection would be of use. */
void session_bulk_want(struct session *session);
void session_bulk_on_message(struct session *session, const struct wire_message *message);
/* Send a piece, the way that the pieces of its chunk go (serve.h). */
enum err session_send_piece(struct session *session, const uint8_t *control, size_t len, const struct transport_bulk *bulk, struct serve_way *way) LARDER_MUST_USE;
void session_bulk_close(struct session *session);

/* --- peers_reach.c */

void reach_on_ask(struct session *session, uint64_t request);
/* Whether a link is dialed just to see. What comes over it does not matter. */
bool reach_is(const struct peers *peers, const struct transport_link *wire);
void reach_on_up(struct peers *peers, struct transport_link *wire);
void reach_on_closed(struct peers *peers, struct transport_link *wire, enum transport_end end);
/* After the transport has ended. */
void reach_free_all(struct peers *peers);

#endif
