/* peer: one session with another node, from HELLO to the end (docs/PROTOCOL.md).
 *
 * A state machine that never calls a socket: it is told of messages, and when time has passed, and sends through its owner. Embedded by the
 * owner (peers.h). A session that has ended sends and asks nothing any more; the owner finds out with peer_has_ended() after each call, and
 * releases it when nothing of it is running up the stack. A rule that the other side breaks ends the session with BYE and a sentence, and
 * nothing else. On the loop.
 */
#ifndef LARDER_NODE_PEER_H
#define LARDER_NODE_PEER_H

#include "base/buf.h"
#include "node/holdings.h"
#include "node/peers.h"
#include "node/share.h"
#include "node/transport.h"

/* Times. */
#define PEER_HELLO_MS 10000       /* until the session must be there */
#define PEER_PING_BUSY_MS 2000    /* while something is asked or served */
#define PEER_PING_IDLE_MS 15000   /* else; whoever was dialed waits PEER_PING_LATER_MS longer, so that one of the two asks */
#define PEER_PING_LATER_MS 3000
#define PEER_GONE_BUSY_MS 5500    /* without any message */
#define PEER_GONE_IDLE_MS 30000
#define PEER_PROBE_MS 1000        /* for an answer to peer_probe() */
#define PEER_RESYNC_MS 2000       /* at least between two RESYNC */
#define PEER_SNAPSHOT_MS 60000    /* for a snapshot; then it is asked for anew */
#define PEER_SERVED_MS 4000       /* so long after its last question, or answer, something counts as being served */
/* Numbers. */
#define PEER_MESSAGES_PER_S 20000 /* that may come, over some time */
#define PEER_MESSAGES_BURST 40000
#define PEER_SNAPSHOTS 8          /* that may be asked of us in a row; one more each PEER_RESYNC_MS. Others are not answered */
#define PEER_QUEUE_BYTES ((size_t)1 << 20) /* control messages that the transport does not take yet; beyond: it does not read what it asks for */

struct peer_owner {
	/* Send a message as its frames; errors as of transport_send(). After ERR_BUSY peer_on_writable() is called. */
	enum err (*send)(struct peer_owner *owner, struct peer *peer, const uint8_t *control, size_t len, const struct transport_bulk *bulk);
	/* Who it is has been shown; peer->theirs is set. 0: it may stay (and peer->holdings is set). Else it ends with that BYE. */
	int (*on_admit)(struct peer_owner *owner, struct peer *peer);
	/* It is ready: WELCOME was sent, or came. */
	void (*on_ready)(struct peer_owner *owner, struct peer *peer);
	/* A question of those that serve.h answers. */
	void (*on_question)(struct peer_owner *owner, struct peer *peer, const struct wire_message *message);
	/* There is room again after peer_send() said ERR_BUSY. */
	void (*on_writable)(struct peer_owner *owner, struct peer *peer);
	/* It told its holdings, or more of them. */
	void (*on_holdings)(struct peer_owner *owner, struct peer *peer);
	void (*on_addresses)(struct peer_owner *owner, struct peer *peer, const struct wire_peers *addresses);
	/* It wants to know whether it can be dialed: peer_tell_reached(), now or later. */
	void (*on_reach)(struct peer_owner *owner, struct peer *peer, uint64_t request);
	/* BULK_OFFER, of one that was dialed; BULK_ACCEPT, of one that has dialed. */
	void (*on_bulk)(struct peer_owner *owner, struct peer *peer, const struct wire_message *message);
	/* The time that all of this goes by, monotonic. */
	int64_t (*now_us)(struct peer_owner *owner);
};

/* What this node says of itself; the same for all sessions. All borrowed. */
struct peer_self {
	const struct identity *identity;
	const struct group *group;
	struct share *share;
	uint64_t epoch;
	const char *name, *software;
	uint16_t port;
};

enum peer_state {
	PEER_GREETING, /* HELLO was sent, or is waited for */
	PEER_READY,
	PEER_ENDED,
};

/* What the other side says of itself in HELLO or WELCOME. */
struct peer_theirs {
	uint8_t key[WIRE_KEY_LEN];
	uint64_t epoch, generation, version;
	uint16_t port;
	char name[WIRE_NAME_MAX + 1];
	char software[WIRE_SOFTWARE_MAX + 1];
};

struct peer {
	struct peer_owner *owner; /* borrowed, as are the next two */
	const struct peer_self *self;
	struct holdings *holdings; /* the owner's, set when it is admitted */
	enum peer_state state;
	bool is_dialed;
	uint8_t client_key[WIRE_KEY_LEN]; /* of CURVE, of one that was taken */
	struct wire_hello hello;   /* ours */
	struct peer_theirs theirs;
	/* How it ended. */
	int bye_sent, bye_got;     /* enum wire_bye; 0: none */
	struct why why;            /* "": it said goodbye */
	/* Time. */
	int64_t started_ms, last_in_ms, last_ping_ms;
	int64_t busy_since_ms, served_ms;    /* since when bytes are waited for; when something was asked of us or taken last */
	int64_t probe_until_ms;              /* 0: no probe */
	int64_t ping_sent_us, round_trip_us; /* -1: none is out; not measured yet */
	uint64_t ping_number;
	int64_t bucket_ms, bucket;           /* messages that may come now */
	/* Questions to it. */
	struct list asks;
	unsigned asked;
	uint64_t next_request;
	/* Its holdings, and what it was told of ours. */
	bool is_syncing, wants_resync;
	int64_t resync_ms;       /* when RESYNC was sent last */
	int64_t snapshot_ms, snapshots; /* that may be asked of us now */
	uint64_t told_generation;
	const struct share_set *telling; /* a snapshot under way; NULL */
	size_t told_tags;
	uint32_t told_parts;
	/* Control messages that wait for the transport, each with its length before it. */
	struct buf queue;
	size_t queue_at;
	bool is_blocked;
	uint64_t bytes_in, bytes_out;
};

/* A session over a new connection. `client_key`: what one that was taken has shown; NULL: it was dialed, and HELLO is sent. */
void peer_init(struct peer *peer, struct peer_owner *owner, const struct peer_self *self, const uint8_t *client_key);
/* Ends it, if it had not ended; questions end with ERR_CUT. */
void peer_release(struct peer *peer);

void peer_on_message(struct peer *peer, const uint8_t *control, size_t control_len, const uint8_t *bulk, size_t bulk_len);
void peer_on_writable(struct peer *peer);
/* To be called when peer_deadline_ms() has come, or earlier. */
void peer_on_time(struct peer *peer);
int64_t peer_deadline_ms(const struct peer *peer);

/* End it: BYE with this reason and text, or none where `reason` is 0. The first end counts. */
void peer_end(struct peer *peer, int reason, const char *format, ...) LARDER_PRINTF(3, 4);
static inline bool peer_has_ended(const struct peer *peer) { return peer->state == PEER_ENDED; }
/* It must show within PEER_PROBE_MS that it lives. */
void peer_probe(struct peer *peer);
/* Send an answer of serve.h. Errors as of transport_send(). */
enum err peer_send(struct peer *peer, const uint8_t *control, size_t len, const struct transport_bulk *bulk) LARDER_MUST_USE;
/* Send a message of the owner's own: BULK_OFFER, BULK_ACCEPT, NO. Harmless when it has ended. */
void peer_tell(struct peer *peer, const struct wire_message *message);
/* What went or came over its bulk connection: so many bytes that were given; a message, which must be a PIECE. */
void peer_note_given(struct peer *peer, size_t len);
void peer_on_piece(struct peer *peer, const uint8_t *control, size_t control_len, const uint8_t *bytes, size_t len);
/* Tell what has changed of our share. */
void peer_tell_share(struct peer *peer);
void peer_tell_addresses(struct peer *peer, const struct wire_peers *addresses);
/* The answer to on_reach(): an enum wire_reached; 0: not now. */
void peer_tell_reached(struct peer *peer, uint64_t request, int reached);

/* Questions, as in peers.h. */
enum err peer_ask_chain(struct peer *peer, const struct digest *digest, uint64_t size, struct peer_ask *ask) LARDER_MUST_USE;
enum err peer_ask_state(struct peer *peer, const struct digest *digest, uint64_t index, struct peer_ask *ask) LARDER_MUST_USE;
enum err peer_ask_chunk(struct peer *peer, const struct digest *digest, uint64_t size, struct chunk *chunk, struct peer_ask *ask) LARDER_MUST_USE;
enum err peer_ask_find(struct peer *peer, const struct tag *tags, size_t count, struct peer_ask *ask) LARDER_MUST_USE;
enum err peer_ask_list(struct peer *peer, struct wire_bytes cursor, struct peer_ask *ask) LARDER_MUST_USE;
enum err peer_ask_reach(struct peer *peer, struct peer_ask *ask) LARDER_MUST_USE;
void peer_ask_cancel(struct peer_ask *ask);
void peer_reject(struct peer *peer, const struct digest *digest, uint64_t index);

#endif
