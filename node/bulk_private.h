/* bulk_private: what the files of bulk share.
 *
 * bulk.c         the whole, and a link's life
 * bulk_listen.c  where it listens, and guests: connections that have not shown a ticket yet
 * bulk_flow.c    frames in and out, on the pool
 */
#ifndef LARDER_NODE_BULK_PRIVATE_H
#define LARDER_NODE_BULK_PRIVATE_H

#include "node/acceptor.h"
#include "node/bulk.h"

enum flow_state {
	FLOW_DONE,     /* in: all slots that there are, are full; out: nothing is left */
	FLOW_WAITING,  /* for the socket */
	FLOW_OVER,     /* the connection is */
	FLOW_BROKEN,   /* see enum bulk_end */
	FLOW_NONSENSE,
};

struct parcel {
	struct list link;
	struct transport_bulk bulk;
	size_t control_len;
	uint8_t control[];
};

/* One direction. While the job is out all of it is the worker's, but for `queue` and what counts it. */
struct bulk_in {
	struct pool_job job;
	bool is_running;
	int64_t since_ms;           /* it is */
	struct seal *seal;
	uint8_t *slots[BULK_SLOTS]; /* NULL: not there now */
	size_t got;                 /* bytes of the frame that is being read, in slots[full] */
	size_t full;
	bool has_opened;            /* a frame */
	struct seal_opened frames[BULK_SLOTS];
	enum flow_state state;
};
struct bulk_out {
	struct pool_job job;
	bool is_running;
	struct seal *seal;
	uint8_t *frame;             /* that is being sent; NULL: not there now */
	size_t len, sent;
	struct list taken;          /* struct parcel: the worker's */
	size_t taken_bytes;
	enum flow_state state;
	struct list queue;          /* the loop's */
	size_t queued_bytes;
	bool is_waited_for;         /* on_writable() is owed */
};

enum bulk_state { BULK_AWAITED, BULK_DIALING, BULK_PROVING, BULK_UP, BULK_DEAD };

struct bulk_link {
	struct list link;
	struct bulk *bulk;
	struct peer *peer;
	enum bulk_state state;
	bool is_dialed;
	uint8_t ticket[WIRE_TICKET_LEN];
	int fd;
	struct loop_watch watch;
	struct loop_timer timer;  /* to be up; then to look whether the other end is heard, and to give memory back */
	int64_t moved_ms;         /* when something did last */
	int64_t owing_ms;         /* since when the other end's kernel owes an answer, as far as was looked; 0: it does not */
	struct bulk_in in;
	struct bulk_out out;
};

/* A connection that has not shown its ticket. */
struct guest {
	struct list link;
	struct bulk *bulk;
	struct lan_address address;
	int fd;
	struct loop_watch watch;
	struct loop_timer timer;
	uint8_t opening[BULK_GREETING_LEN + WIRE_TICKET_LEN];
	size_t got;
};

struct bulk {
	struct bulk_options use;
	struct lan_address listen; /* use.listen points here */
	struct list links, guests;
	size_t guest_count;
	int fd; /* -1: does not listen */
	struct acceptor acceptor;
	uint16_t port;
	unsigned depth; /* handlers running */
	bool has_dead;
};

/* --- bulk.c */

/* Around all in which the owner may be called, or a link may end: links are freed at the last leave. */
void bulk_enter(struct bulk *bulk);
void bulk_leave(struct bulk *bulk);
/* Something moves: its memory is needed for a while. */
void link_note_move(struct bulk_link *link);

/* The connection of an awaited link. */
void link_take(struct bulk_link *link, int fd);
/* Tell the owner that it is over. */
void link_end(struct bulk_link *link, enum bulk_end end);
/* The first frame has opened. */
void link_prove(struct bulk_link *link);

/* --- bulk_listen.c */

void bulk_listen(struct bulk *bulk);
void bulk_unlisten(struct bulk *bulk);

/* --- bulk_flow.c */

void flow_init(struct bulk_link *link);
void flow_release(struct bulk_link *link);
/* Wait for the socket as far as there is something to wait for. */
void flow_watch(struct bulk_link *link);
/* Give memory back that is not needed now. */
void flow_trim(struct bulk_link *link);

#endif
