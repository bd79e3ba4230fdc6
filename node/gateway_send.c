#include "node/gateway_send.h"

#include "node/gateway_private.h"
#include "node/gateway_reply.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define STEP_BYTES ((size_t)1 << 20) /* then others have their turn */
#define BLOCK_BYTES ((size_t)1024) /* libmicrohttpd wants one */

static void rest_no_more(struct gateway_send *send)
{
	loop_watch_cancel(send->loop, &send->watch);
	loop_timer_cancel(send->loop, &send->timer);
	gateway_request_wake(send->request);
}

static void fail(struct gateway_send *send)
{
	send->has_failed = true;
	rest_no_more(send);
}

static void on_ready(struct loop_watch *watch, short revents)
{
	struct gateway_send *send = container_of(watch, struct gateway_send, watch);
	off_t at = (off_t)send->at;
	ssize_t sent = sendfile(watch->fd, send->fd, &at, send->left < STEP_BYTES ? (size_t)send->left : STEP_BYTES);

	(void)revents;
	if (sent > 0) {
		send->moved_ms = loop_now_ms(send->loop);
		send->at += (uint64_t)sent;
		send->left -= (uint64_t)sent;
	} else
		send->has_failed = sent == 0 || (errno != EAGAIN && errno != EINTR); /* the file has become shorter; nobody is there any more */
	if (send->has_failed || send->left == 0)
		rest_no_more(send);
}

static void on_time(struct loop_timer *timer)
{
	struct gateway_send *send = container_of(timer, struct gateway_send, timer);
	int64_t still_ms = loop_now_ms(send->loop) - send->moved_ms;

	if (still_ms >= GATEWAY_SEND_STALL_MS || loop_timer_start(send->loop, timer, GATEWAY_SEND_STALL_MS - still_ms) != ERR_OK)
		fail(send);
}

static void begin(struct gateway_send *send)
{
	send->watch = (struct loop_watch){.fd = gateway_request_fd(send->request), .events = POLLOUT, .ready = on_ready};
	send->timer.fire = on_time;
	send->moved_ms = loop_now_ms(send->loop);
	if (loop_timer_start(send->loop, &send->timer, GATEWAY_SEND_STALL_MS) != ERR_OK) {
		send->has_failed = true;
		return;
	}
	loop_watch_start(send->loop, &send->watch);
}

/* libmicrohttpd asks for the next byte: at first, and when there is none. */
static ssize_t on_read(void *context, uint64_t at, char *data, size_t len)
{
	struct gateway_send *send = context;

	(void)at;
	(void)data;
	(void)len;
	if (send->left && !send->has_failed && !send->timer.place && !send->request->gateway->is_ending)
		begin(send);
	if (send->left && !send->has_failed && !send->request->gateway->is_ending) {
		gateway_request_rest(send->request);
		return 0;
	}
	gateway_request_drain(send->request);
	return send->left ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
}

struct MHD_Response *gateway_send_start(struct gateway_send *send, struct gateway_request *request, int fd, uint64_t first, uint64_t len)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct MHD_Response *response;

	if (copy < 0)
		return NULL;
	if (len < GATEWAY_SEND_MIN) {
		response = MHD_create_response_from_fd_at_offset64(len, copy, first);
		if (!response)
			close(copy);
		return response;
	}
	*send = (struct gateway_send){.request = request, .loop = request->gateway->loop, .fd = copy, .at = first, .left = len, .is_open = true};
	response = MHD_create_response_from_callback(len, BLOCK_BYTES, on_read, send, NULL);
	gateway_reply_header(response, "Connection", "close");
	return response;
}

void gateway_send_stop(struct gateway_send *send)
{
	if (!send->is_open)
		return;
	loop_watch_cancel(send->loop, &send->watch);
	loop_timer_cancel(send->loop, &send->timer);
	close(send->fd);
	send->is_open = false;
}
