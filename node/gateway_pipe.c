#include "node/gateway_pipe.h"

#include <string.h>

void gateway_pipe_init(struct gateway_pipe *pipe)
{
	*pipe = (struct gateway_pipe){0};
	buf_init(&pipe->waiting, PIPE_MOST_BYTES);
}

void gateway_pipe_release(struct gateway_pipe *pipe)
{
	buf_release(&pipe->waiting);
}

size_t gateway_pipe_len(const struct gateway_pipe *pipe)
{
	return pipe->waiting.len - pipe->taken;
}

/* What was taken goes, when it is more than what was not. */
static void close_gap(struct gateway_pipe *pipe)
{
	size_t rest = gateway_pipe_len(pipe);

	if (pipe->taken < rest || pipe->taken == 0)
		return;
	memmove(pipe->waiting.data, pipe->waiting.data + pipe->taken, rest);
	pipe->waiting.len = rest;
	pipe->taken = 0;
}

enum err gateway_pipe_add(struct gateway_pipe *pipe, const void *data, size_t len)
{
	close_gap(pipe);
	return buf_add(&pipe->waiting, data, len);
}

size_t gateway_pipe_take(struct gateway_pipe *pipe, void *data, size_t len)
{
	size_t there = gateway_pipe_len(pipe), take = len < there ? len : there;

	if (take)
		memcpy(data, pipe->waiting.data + pipe->taken, take);
	pipe->taken += take;
	return take;
}
