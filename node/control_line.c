#include "node/control_line.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_STEP 16384

static void want(struct control_line *line)
{
	line->watch.events = control_line_is_drained(line) ? POLLIN : POLLIN | POLLOUT;
}

void control_line_flush(struct control_line *line)
{
	while (line->sent < line->out.len) {
		ssize_t n = send(line->watch.fd, line->out.data + line->sent, line->out.len - line->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n <= 0)
			break; /* an end shows on the reading side */
		line->sent += (size_t)n;
	}
	if (line->sent == line->out.len) {
		buf_clear(&line->out);
		line->sent = 0;
	}
	want(line);
}

/* One line's text. Returns whether the line is still open. */
static bool hand_over(struct control_line *line, const uint8_t *text, size_t len)
{
	json_t *object = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
	bool closed = false;

	line->closed = &closed;
	if (json_is_object(object))
		line->on_line(line, object);
	else
		line->on_end(line, ERR_INVALID);
	json_decref(object);
	if (!closed)
		line->closed = NULL;
	return !closed;
}

static void hand_over_all(struct control_line *line)
{
	size_t from = 0;

	for (;;) {
		const uint8_t *text = line->in.data + from, *end = memchr(text, '\n', line->in.len - from);
		if (!end)
			break;
		from += (size_t)(end - text) + 1;
		if (!hand_over(line, text, (size_t)(end - text)))
			return;
	}
	memmove(line->in.data, line->in.data + from, line->in.len - from);
	line->in.len -= from;
}

static void receive(struct control_line *line)
{
	ssize_t n;

	if (buf_reserve(&line->in, READ_STEP) != ERR_OK) {
		line->on_end(line, ERR_LIMIT);
		return;
	}
	n = recv(line->watch.fd, line->in.data + line->in.len, READ_STEP, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		line->on_end(line, ERR_CUT);
		return;
	}
	line->in.len += (size_t)n;
	hand_over_all(line);
}

static void on_ready(struct loop_watch *watch, short revents)
{
	struct control_line *line = container_of(watch, struct control_line, watch);

	if (revents & POLLOUT)
		control_line_flush(line);
	if (revents & (POLLIN | POLLHUP | POLLERR))
		receive(line);
}

void control_line_open(struct control_line *line, int fd)
{
	line->watch = (struct loop_watch){.fd = fd, .events = POLLIN, .ready = on_ready};
	buf_init(&line->in, CONTROL_LINE_MAX + READ_STEP);
	buf_init(&line->out, CONTROL_UNSENT_MAX);
	line->sent = 0;
	loop_watch_start(line->loop, &line->watch);
}

void control_line_close(struct control_line *line)
{
	if (!control_line_is_open(line))
		return;
	if (line->closed)
		*line->closed = true;
	line->closed = NULL;
	loop_watch_cancel(line->loop, &line->watch);
	close(line->watch.fd);
	line->watch.fd = 0;
	buf_release(&line->in);
	buf_release(&line->out);
}

bool control_line_is_drained(const struct control_line *line)
{
	return line->sent == line->out.len;
}

enum err control_line_send(struct control_line *line, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	enum err err = text ? buf_add_str(&line->out, text) : ERR_NO_MEMORY;

	if (!err)
		err = buf_add_str(&line->out, "\n");
	free(text);
	json_decref(object);
	if (!err)
		control_line_flush(line);
	return err;
}
