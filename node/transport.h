/* transport: messages of one or two frames between nodes, over ZeroMQ with CURVE: a listener for all who dial us, and links that we dial.
 *
 * On the loop's thread; nothing blocks but transport_destroy(). Several may live in one process; each has a ZeroMQ context of its own.
 *
 * A link is one connection, dialed or taken. It is never mended: when it ends, on_closed() tells, and whoever wants it back dials anew. A link that was taken begins to be known
 * with its first message; what is behind it has shown nothing but a key for CURVE (of the group, so it knows the group's key; transport_client_key() is its own) and must be
 * admitted by the owner in time. Everything is bounded: connections in all and by address, bytes on their way out of a link, bytes taken in which no message accounts for
 * (libzmq would gather an endless message of many frames without a bound: whose bytes do not turn into messages is dropped).
 */
#ifndef LARDER_NODE_TRANSPORT_H
#define LARDER_NODE_TRANSPORT_H

#include "base/log.h"
#include "node/group.h"
#include "node/identity.h"
#include "node/lan.h"
#include "node/loop.h"

#define TRANSPORT_PORT 5273

/* Sizes. */
#define TRANSPORT_CONTROL_MAX ((size_t)64 << 10) /* the first frame */
#define TRANSPORT_BULK_MAX ((size_t)256 << 10)   /* the second frame */
#define TRANSPORT_QUEUE_BYTES ((size_t)4 << 20)  /* on their way out of one link; above: ERR_BUSY */
#define TRANSPORT_QUEUE_MESSAGES 64              /* the same, counted */
#define TRANSPORT_RECEIVE_MESSAGES 16            /* taken in from one link and not handed over yet, besides what the kernel holds */
#define TRANSPORT_PARTIAL_BYTES ((uint64_t)8 << 20)        /* taken in from one link without becoming a message; above: dropped */
#define TRANSPORT_PARTIAL_TOTAL_BYTES ((uint64_t)64 << 20) /* the same over all links; above: the one with most is dropped */
/* Numbers. */
#define TRANSPORT_TAKEN_MAX 256      /* connections taken */
#define TRANSPORT_TAKEN_ADDRESS_MAX 16 /* of them from one address */
#define TRANSPORT_DIALED_MAX 256
#define TRANSPORT_TURN_MESSAGES 64   /* handed over in one turn of the loop, of each socket */
/* Times. */
#define TRANSPORT_DIAL_MS 3000       /* until a dialed link must be up */
#define TRANSPORT_ADMIT_MS 10000     /* until a taken link must be admitted */
#define TRANSPORT_LINGER_MS 200      /* for what was sent before a link is closed */

struct transport;
struct transport_link;
struct peer; /* the owner's word for what is behind a link; the transport only carries the pointer */

enum transport_end {
	TRANSPORT_UNREACHABLE, /* dialed; nobody answered, or not in time */
	TRANSPORT_STRANGER,    /* dialed; what answered does not know the group's key, or is no node, or did not want us */
	TRANSPORT_ENDED,       /* the connection is over: the other side closed it, or the network broke */
	TRANSPORT_BROKE_RULES, /* too many frames, frames too large, too many bytes without a message */
	TRANSPORT_NOT_ADMITTED, /* taken; TRANSPORT_ADMIT_MS are over, or its place was needed */
};

/* Embedded by the owner; container_of finds the way back. The handlers may call anything here but transport_destroy(). */
struct transport_owner {
	/* A message. `bulk` is NULL when there was one frame only. Both are borrowed for the call. */
	void (*on_message)(struct transport_owner *owner, struct transport_link *link, const uint8_t *control, size_t control_len, const uint8_t *bulk, size_t bulk_len);
	/* The link is over, after its last message was handed over; it is freed when this returns. Not called for links that the owner closed, nor for taken ones of which
	 * he never had a message. */
	void (*on_closed)(struct transport_owner *owner, struct transport_link *link, enum transport_end end);
	/* There is room again after transport_send() said ERR_BUSY; once for each time. May be NULL. */
	void (*on_writable)(struct transport_owner *owner, struct transport_link *link);
	/* A dialed link is up: the other side knows the group's key. May be NULL; messages may be sent before. */
	void (*on_up)(struct transport_owner *owner, struct transport_link *link);
};

struct transport_options {
	struct loop *loop;               /* all borrowed; outlive the transport */
	const struct group *group;
	const struct identity *identity; /* its CURVE key is read at each dial */
	const struct lan *lan;           /* whom to take connections from; its owner may change it */
	struct log *log;
	struct transport_owner *owner;
	const struct lan_address *listen; /* this address only; NULL, or family 0: all, IPv4 and IPv6. Its port does not matter. Copied */
	uint16_t port;                   /* to listen at; 0: TRANSPORT_PORT, or any free one where that is taken */
	bool is_deaf;                    /* do not listen at all */
};

/* ERR_EXISTS: `port` was asked for and is taken; the sentence names it. ERR_USAGE: `listen` is no address of this machine. ERR_IO, ERR_NO_MEMORY. */
enum err transport_create(const struct transport_options *options, struct transport **ret_transport, struct why *why) LARDER_MUST_USE;
/* Ends all links without calling the owner. Waits up to TRANSPORT_LINGER_MS for what was sent. NULL is fine. */
void transport_destroy(struct transport *transport);

/* Where connections are taken; 0: nowhere. */
uint16_t transport_port(const struct transport *transport);
/* Links taken that are there now, admitted or not. */
size_t transport_taken_count(const struct transport *transport);

/* Dial; what happens, happens later: on_up() or on_closed(). Messages may be sent at once. ERR_LIMIT: TRANSPORT_DIALED_MAX. ERR_INVALID: no address or port. ERR_IO, ERR_NO_MEMORY. */
enum err transport_dial(struct transport *transport, const struct lan_address *address, struct transport_link **ret_link) LARDER_MUST_USE;

/* A second frame that is sent from where it lies. */
struct transport_bulk {
	const void *data;
	size_t len; /* 1 .. TRANSPORT_BULK_MAX */
	/* Called once, when it is sent or will never be, and on ANY thread; until then `data` must stay as it is. NULL: the bytes are copied. */
	void (*release)(void *data, void *hint);
	void *hint;
};

/* Send a message; `bulk` may be NULL. ERR_OK: on its way, which is no promise that it arrives; the bulk is taken over. Else nothing of it is sent and the bulk stays the caller's.
 * ERR_BUSY: there is as much on its way out as may be; on_writable() tells when to go on. ERR_CUT: the link is over; on_closed() comes, or came. ERR_NO_MEMORY. */
enum err transport_send(struct transport_link *link, const void *control, size_t control_len, const struct transport_bulk *bulk) LARDER_MUST_USE;
/* Bytes that were sent and have not left yet. */
size_t transport_unsent(const struct transport_link *link);

/* The owner is done with it: what was sent has TRANSPORT_LINGER_MS to go out, nothing is handed over any more, the link is gone for him. */
void transport_close(struct transport_link *link);

/* A taken link has shown that it may stay: it is not dropped by time, nor to make room for new ones. */
void transport_admit(struct transport_link *link);

/* Both NULL at first. */
void transport_set_peer(struct transport_link *link, struct peer *peer);
struct peer *transport_peer(const struct transport_link *link);

bool transport_is_dialed(const struct transport_link *link);
/* Borrowed. The address that was dialed, or from where it came (with a port of no use to others). */
const struct lan_address *transport_address(const struct transport_link *link);
/* The CURVE key that a taken link has shown, 32 bytes, borrowed; NULL of a dialed one, where it is the group's. */
const uint8_t *transport_client_key(const struct transport_link *link);

#endif
