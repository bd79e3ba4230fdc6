/* serve: the answers to what peers ask: FIND, CHAIN, CHUNK, LIST, REJECT, CANCEL (docs/PROTOCOL.md, sections 4 to 6).
 *
 * On the loop; files are read on the pool, each chunk checked before a byte of it goes out. Fair between sessions: one chunk of each in turn. What is not
 * held and what is not shared get the same answer. Everything is bounded by the constants below. Sessions are numbers that their owner chooses (never 0,
 * never used twice); a session begins with its first message.
 */
#ifndef LARDER_NODE_SERVE_H
#define LARDER_NODE_SERVE_H

#include "node/share.h"
#include "node/transport.h"
#include "node/wire.h"

struct serve;

#define SERVE_READS 3               /* on the pool at once */
#define SERVE_WAITING_MAX 32        /* CHUNK requests of one session that are not answered; above: NO, too much */
#define SERVE_WAITING_TOTAL 4096    /* requests of all kinds and sessions; above: NO, busy */
#define SERVE_CHUNKS 64             /* chunks in memory, read or on their way out, over all sessions: 64 MiB */
#define SERVE_SESSION_CHUNKS 6      /* the same for one session; fewer where many are being served */
#define SERVE_OPEN_MAX 16           /* open blobs */
#define SERVE_IDLE_MS 5000          /* until a blob that nobody asks for is closed, and until the log tells what a peer took */
#define SERVE_RETRY_MS 20           /* between tries, where neither serve_writable() nor a reading moves things on */
#define SERVE_REJECTS_MAX 4         /* of one session that are being looked at; more are ignored */

/* Pieces of one chunk go one way, so that they come in order. */
struct serve_way {
	uint64_t request; /* of the chunk */
	uint64_t number;  /* 0 for the first piece: the sink sets it; what it means is the sink's */
};

/* Embedded by the owner; how answers go out. */
struct serve_sink {
	/* As transport_send(): ERR_OK: the bulk is taken over, and released on any thread. ERR_BUSY: nothing is taken; serve tries again after
	 * serve_writable(). ERR_NOT_FOUND: the way of a chunk is there no more, which the sink has told the asker; nothing more is sent of it. Anything else: the session is over;
	 * nothing more is sent to it, and serve_forget() is to come. Must not call serve from within. `way` is NULL of all but pieces. */
	enum err (*send)(struct serve_sink *sink, uint64_t session, const uint8_t *control, size_t control_len, const struct transport_bulk *bulk, struct serve_way *way);
	/* What to call the peer in the log; asked up to and within serve_forget(). */
	const char *(*name)(struct serve_sink *sink, uint64_t session);
};

struct serve_options {
	struct loop *loop;       /* all borrowed, outlive the serve */
	struct pool *pool;       /* attached to the loop */
	struct store *store;
	struct share *share;
	struct log *log;
	struct serve_sink *sink;
};

/* ERR_NO_MEMORY. */
enum err serve_create(const struct serve_options *options, struct serve **ret_serve) LARDER_MUST_USE;
/* Sends nothing more. Waits for what it has on the pool, whose other jobs may end meanwhile. Before share_destroy(). NULL is fine. */
void serve_destroy(struct serve *serve);

/* A message of a session that has been admitted; of other types than those above it is ignored. Borrowed. May call sink->send(). */
void serve_message(struct serve *serve, uint64_t session, const struct wire_message *message);
/* There is room again after ERR_BUSY. */
void serve_writable(struct serve *serve, uint64_t session);
/* It is over. Harmless when it never asked. */
void serve_forget(struct serve *serve, uint64_t session);

/* What a session has been given: bytes of chunks. */
uint64_t serve_bytes(const struct serve *serve, uint64_t session);

#endif
