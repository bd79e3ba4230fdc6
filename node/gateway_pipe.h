/* gateway_pipe: bytes between a transfer that brings them and the body of an answer that gives them away, in memory. Whoever brings them pauses when it is full, and goes on when it is low. */
#ifndef LARDER_NODE_GATEWAY_PIPE_H
#define LARDER_NODE_GATEWAY_PIPE_H

#include "base/buf.h"

#define PIPE_FULL_BYTES ((size_t)512 << 10)
#define PIPE_LOW_BYTES (PIPE_FULL_BYTES / 4)
#define PIPE_MOST_BYTES ((size_t)64 << 20) /* what may come although it was said to be full */

struct gateway_pipe {
	struct buf waiting;
	size_t taken; /* of `waiting` */
};

void gateway_pipe_init(struct gateway_pipe *pipe);
void gateway_pipe_release(struct gateway_pipe *pipe);
size_t gateway_pipe_len(const struct gateway_pipe *pipe);
/* ERR_LIMIT: beyond PIPE_MOST_BYTES; ERR_NO_MEMORY. */
enum err gateway_pipe_add(struct gateway_pipe *pipe, const void *data, size_t len) LARDER_MUST_USE;
/* How many were taken, at most `len`. */
size_t gateway_pipe_take(struct gateway_pipe *pipe, void *data, size_t len);

#endif
