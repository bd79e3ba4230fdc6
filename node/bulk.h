/* bulk: connections beside sessions, that carry pieces of chunks and nothing else, sealed by seal.h (docs/PROTOCOL.md, section 5).
 *
 * On the loop. Reading and opening, closing and sending run on the pool, one job at a time for each direction of a connection; memory for frames is there while something moves. A link is one
 * connection, awaited or dialed; it is never mended. Nobody is known by a connection alone: it is of a session because it shows that session's ticket, and is believed once a frame
 * that was sealed with that session's key has come over it. Connections that have not got so far are bounded in number and time.
 */
#ifndef LARDER_NODE_BULK_H
#define LARDER_NODE_BULK_H

#include "base/log.h"
#include "node/lan.h"
#include "node/loop.h"
#include "node/seal.h"
#include "node/transport.h"

#define BULK_PORT 5275
#define BULK_GREETING "larder-b" /* in front of the ticket, so that nobody else chooses what a node says first to the address where it dials */
#define BULK_GREETING_LEN (sizeof BULK_GREETING - 1)

/* Sizes. */
#define BULK_QUEUE_BYTES ((size_t)4 << 20) /* that wait to be sealed and sent, of one link; above: ERR_BUSY */
#define BULK_SLOTS 4                       /* frames that are read at once, each in SEAL_FRAME_MAX bytes */
/* Numbers. */
#define BULK_GUESTS_MAX 32         /* connections that have not shown a ticket */
#define BULK_GUESTS_ADDRESS_MAX 4  /* of them from one address */
/* Times. */
#define BULK_PROOF_MS 5000         /* for an awaited link to come, for a dialed one to be up, and for either to prove itself */
#define BULK_IDLE_MS 5000          /* until the memory for frames is given back */
#define BULK_LOOK_MS 1000          /* between two glances at whether the other end is still heard */
#define BULK_DEAD_MS 3000          /* without a sign of life while something is on its way: it is over, and goes on over the session */
#define BULK_STALL_MS 30000        /* the other end's kernel answers, but its program reads nothing: over as well */
#define BULK_BEHIND_MS 250         /* that a read waits for the pool; then what has come lies here unread */

struct bulk;
struct bulk_link;
struct peer;

enum bulk_end {
	BULK_NOT_THERE, /* it did not come about */
	BULK_OVER,      /* the other side closed it, or the network broke */
	BULK_BROKEN,    /* something came over it that the other side has not sealed */
	BULK_NONSENSE,  /* the other side has sealed what is no frame of this protocol */
};

/* Embedded by the owner. The handlers may call anything here but bulk_destroy(). */
struct bulk_owner {
	/* The frame of a link that is up. Borrowed for the call. */
	void (*on_frame)(struct bulk_owner *owner, struct bulk_link *link, const struct seal_opened *frame);
	/* The other side has shown its key: frames may be sent. */
	void (*on_up)(struct bulk_owner *owner, struct bulk_link *link);
	/* It is over, after its last frame; the link is not to be used any more. Not called for links that the owner closed. */
	void (*on_end)(struct bulk_owner *owner, struct bulk_link *link, enum bulk_end end);
	/* There is room again after bulk_send() said ERR_BUSY; once for each time. */
	void (*on_writable)(struct bulk_owner *owner, struct bulk_link *link);
};

struct bulk_options {
	struct loop *loop; /* all borrowed; outlive the bulk */
	struct pool *pool; /* attached to the loop */
	const struct lan *lan;
	struct log *log;
	struct bulk_owner *owner;
	const struct lan_address *listen; /* as in transport.h; its port does not matter. Copied */
	int port;          /* to listen at; 0: BULK_PORT, or any free one where that is taken; -1: nowhere */
};

/* Where it cannot listen, it takes no connections, and the log says so. ERR_NO_MEMORY. */
enum err bulk_create(const struct bulk_options *options, struct bulk **ret_bulk) LARDER_MUST_USE;
/* Ends all links without calling the owner. Waits for what is on the pool, whose other jobs may end meanwhile. NULL is fine. */
void bulk_destroy(struct bulk *bulk);
/* Where connections are taken; 0: nowhere. */
uint16_t bulk_port(const struct bulk *bulk);

/* Await the connection that shows this ticket; bulk_set_keys() is to follow. ERR_NO_MEMORY. */
enum err bulk_await(struct bulk *bulk, const uint8_t ticket[WIRE_TICKET_LEN], struct peer *peer, struct bulk_link **ret_link) LARDER_MUST_USE;
/* Of an awaited link, once. ERR_NO_MEMORY, ERR_UNSUPPORTED: the owner should close it. */
enum err bulk_set_keys(struct bulk_link *link, enum wire_cipher cipher, const struct seal_keys *keys) LARDER_MUST_USE;
/* Dial, and show the ticket. ERR_NO_MEMORY, ERR_UNSUPPORTED, ERR_IO. */
enum err bulk_dial(struct bulk *bulk, const struct lan_address *address, const uint8_t ticket[WIRE_TICKET_LEN], enum wire_cipher cipher, const struct seal_keys *keys,
		   struct peer *peer, struct bulk_link **ret_link) LARDER_MUST_USE;

struct peer *bulk_peer(const struct bulk_link *link);
bool bulk_is_up(const struct bulk_link *link);
/* Whether what has come over it may lie here unread, because the pool is busy: silence is no fault of the other end then. */
bool bulk_is_behind(const struct bulk_link *link);
/* Send a frame with these two parts, the first of at most SEAL_CONTROL_MAX bytes. `bulk` as in transport_send(), always with a release; as are the errors. */
enum err bulk_send(struct bulk_link *link, const void *control, size_t control_len, const struct transport_bulk *bulk) LARDER_MUST_USE;
/* The owner is done with it. What was not sent yet is not sent any more. */
void bulk_close(struct bulk_link *link);

#endif
