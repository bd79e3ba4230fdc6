/* liar: a hostile peer, for the nodes in lan.py's networks.
 *
 * It speaks the protocol by itself, out of transport, wire, group and identity, and has none of the code by which a node keeps the rules. What it does is a table
 * of modes (liar_mode.c); what a session does where a mode says nothing is what an honest node does (liar_session.c). What happens is printed as lines of JSON.
 */
#ifndef LARDER_TESTS_LIAR_H
#define LARDER_TESTS_LIAR_H

#include "base/list.h"
#include "net/liar_claim.h"
#include "node/transport.h"
#include "node/wire.h"

#define LIAR_DIALS_MAX 16
#define LIAR_REDIAL_MS 300
#define LIAR_DRIP_MS 3000 /* between two pieces, where it drips */

struct liar;
struct session;

struct mode {
	const char *name, *help;
	enum claim_kind claim;
	size_t tags;        /* that it claims to hold, besides the one that matters */
	bool is_dripping;   /* a piece now and then */
	bool is_mute;       /* says nothing any more once it has greeted */
	bool knows_no_group;
	/* What the session does instead of what is right; NULL: that. */
	void (*on_hello)(struct session *session, const struct wire_hello *theirs);
	void (*dial)(struct session *session);
	void (*on_ready)(struct session *session);
	void (*on_room)(struct session *session); /* something may be sent again */
	void (*on_chain)(struct session *session, const struct wire_message *message);
	void (*on_chunk)(struct session *session, const struct wire_message *message);
	void (*on_offer)(struct session *session, const struct wire_message *message); /* of a bulk connection; NULL: it is not taken up */
	/* Does not use the transport at all; returns the exit code. */
	int (*run)(struct liar *liar);
};

struct liar {
	const struct mode *mode;
	struct claim claim;
	struct tag *tags; /* in order */
	size_t tag_count;
	const char *name;
	uint64_t epoch, step; /* step: what of several things it does; grows with each */
	bool is_step_fixed;
	struct log log;
	struct loop *loop;
	struct group group;
	struct lan lan;
	struct identity *identity;
	struct transport *transport;
	struct transport_owner owner;
	struct lan_address dials[LIAR_DIALS_MAX];
	size_t dial_count;
	struct list sessions;
	struct wire_hello recorded; /* the last HELLO or WELCOME of another node */
	char recorded_text[2][WIRE_NAME_MAX + 1]; /* its name and software */
};

struct wanted_piece {
	uint64_t request, index;
	size_t offset;
};

struct session {
	struct list link;
	struct liar *liar;
	struct transport_link *connection;
	int dialed; /* which of the addresses; -1: it was taken */
	bool is_ready, is_telling;
	struct wire_hello hello; /* ours */
	size_t tags_told;
	uint32_t parts_told;
	struct wanted_piece wanted[WIRE_ASKED_MAX];
	size_t wanted_count;
	struct loop_timer timer;
};

/* --- liar_session.c */

/* Dials, listens, and never ends. */
void liar_run(struct liar *liar);
/* A line of JSON; the format gives what stands behind the event: ", \"index\": 3". */
void liar_tell(const struct session *session, const char *event, const char *format, ...) LARDER_PRINTF(3, 4);
/* What to do of several things; each call the next one. */
uint64_t liar_next_step(struct liar *liar, uint64_t count);

void session_introduce(struct session *session); /* fills in hello, but for a signature */
/* False: there is no room for it now, or no connection any more. */
bool session_send(struct session *session, const struct wire_message *message);
bool session_send_bytes(struct session *session, const void *control, size_t len);
void session_send_no(struct session *session, uint64_t request, enum wire_no no);
void session_sign(struct session *session, const struct wire_hello *theirs, struct wire_hello *welcome);
void session_send_welcome(struct session *session, const struct wire_hello *theirs);
void session_get_ready(struct session *session);

/* --- liar_mode.c */
extern const struct mode liar_modes[]; /* ended by one without a name */

/* --- liar_bulk.c: what may be done with a bulk connection. Blocks, for some seconds at most */
void liar_bulk_on_offer(struct session *session, const struct wire_message *message);

/* --- liar_frames.c: messages that no transport would send, by libzmq itself */
int liar_run_frames(struct liar *liar);

#endif
