/* control_line: lines of JSON over a local stream socket, both ways, without blocking.
 *
 * What both ends of control.h share. On the loop's thread. Embedded by its owner.
 */
#ifndef LARDER_NODE_CONTROL_LINE_H
#define LARDER_NODE_CONTROL_LINE_H

#include "base/buf.h"
#include "node/control.h"
#include "node/loop.h"

#define CONTROL_UNSENT_MAX ((size_t)8 << 20) /* what the other end has not taken yet; beyond it the connection ends */

struct control_line {
	struct loop *loop;   /* set by the owner, as are the next two */
	/* A line came; borrowed. May close. */
	void (*on_line)(struct control_line *line, json_t *object);
	/* The other end is gone or talks nonsense: nothing more will come. The owner closes. */
	void (*on_end)(struct control_line *line, enum err err);
	struct loop_watch watch; /* its own, as are all below */
	struct buf in, out;
	size_t sent; /* of out */
	bool *closed; /* tells a handler's caller that the line was closed, and perhaps freed, meanwhile */
};

/* Takes over `fd`, which does not block. */
void control_line_open(struct control_line *line, int fd);
/* Harmless when closed, if zeroed before. */
void control_line_close(struct control_line *line);
static inline bool control_line_is_open(const struct control_line *line) { return line->watch.fd > 0; }

/* Queue one object as a line; `object` is taken over, NULL means out of memory. ERR_LIMIT: the other end does not read; ERR_NO_MEMORY. */
enum err control_line_send(struct control_line *line, json_t *object) LARDER_MUST_USE;
/* Whether all of it was taken by the system. */
bool control_line_is_drained(const struct control_line *line);
/* For a last line: send what the socket takes now, without waiting. */
void control_line_flush(struct control_line *line);

#endif
