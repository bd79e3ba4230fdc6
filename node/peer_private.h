/* peer_private: what the files of a session share. */
#ifndef LARDER_NODE_PEER_PRIVATE_H
#define LARDER_NODE_PEER_PRIVATE_H

#include "node/peer.h"

static inline int64_t peer_now_ms(const struct peer *peer) { return peer->owner->now_us(peer->owner) / 1000; }

/* --- peer_out: what goes out */

/* Send, or queue where the transport is full. Where the queue is full as well, or nothing goes out any more, the session ends. */
void peer_post(struct peer *peer, const struct wire_message *message);
/* Something waits to go out: what can wait should. */
bool peer_is_clogged(const struct peer *peer);
/* Send what is queued, as far as it is taken. */
void peer_flush(struct peer *peer);

/* --- peer_greet: HELLO and WELCOME */

/* Fill in peer->hello. */
void peer_introduce(struct peer *peer);
/* A message that came before the session is ready. */
void peer_on_greeting(struct peer *peer, const struct wire_message *message);

/* --- peer_tell: who holds what */

/* The session is ready: ask for what the other side holds, where that is not known already. */
void peer_begin_holdings(struct peer *peer);
void peer_on_holdings(struct peer *peer, const struct wire_holdings *part);
void peer_on_have(struct peer *peer, const struct wire_have *have);
void peer_on_resync(struct peer *peer);
/* Go on with what is to be told. */
void peer_go_on_telling(struct peer *peer);
/* RESYNC, if it is time for one. */
void peer_mend_holdings(struct peer *peer);
/* When peer_mend_holdings() is to be called; INT64_MAX: never. */
int64_t peer_mend_at_ms(const struct peer *peer);

/* --- peer_ask: questions to it */

/* FOUND, STATES, PIECE, NO, NAMES, REACHED. */
void peer_on_answer(struct peer *peer, const struct wire_message *message);
void peer_end_asks(struct peer *peer);

/* Something is waited for or served from now on. */
void peer_note_busy(struct peer *peer);

#endif
