#include "node/gateway_wait.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define LINES_MAX 256

/* Python's library logs this once: people see why nothing moves. */
static const char *note_for(const struct gateway_request *request)
{
	const char *agent = gateway_request_header(request, "User-Agent");

	return agent && strstr(agent, "hf_hub/") ? "X-HF-Warning: larder; waiting for a file that is shown once it is proven\r\n" : "";
}

/* False: nobody is there any more. */
static bool send_text(struct gateway_wait *wait, const char *text)
{
	size_t len = strlen(text);
	ssize_t sent = send(gateway_request_fd(wait->request), text, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return !wait->has_begun ? false : true; /* so little finds room in any socket that is read from */
	return sent == (ssize_t)len;
}

static bool drip(struct gateway_wait *wait)
{
	char lines[LINES_MAX];

	if (wait->has_begun)
		return send_text(wait, ".");
	snprintf(lines, sizeof lines, "HTTP/1.1 %u %s\r\n%sX-Larder-Wait: .", wait->status, wait->status == 206 ? "Partial Content" : "OK", note_for(wait->request));
	if (!send_text(wait, lines))
		return false;
	wait->has_begun = true;
	return true;
}

static void on_time(struct loop_timer *timer)
{
	struct gateway_wait *wait = container_of(timer, struct gateway_wait, timer);
	bool is_early = !wait->has_begun && !wait->may_begin(wait);

	if (wait->request->is_replied)
		return;
	wait->is_last = true;
	if ((is_early || drip(wait)) && loop_timer_start(wait->loop, timer, GATEWAY_WAIT_MS) == ERR_OK)
		return;
	gateway_request_reply(wait->request, 0, NULL);
}

void gateway_wait_start(struct gateway_wait *wait, struct loop *loop, struct gateway_request *request, unsigned status)
{
	if (wait->timer.place)
		return;
	wait->request = request;
	wait->loop = loop;
	wait->timer.fire = on_time;
	wait->status = status;
	if (loop_timer_start(loop, &wait->timer, GATEWAY_WAIT_FIRST_MS) != ERR_OK)
		gateway_request_reply(request, 0, NULL);
}

void gateway_wait_rest(struct gateway_wait *wait)
{
	if (wait->has_begun)
		return;
	gateway_wait_stop(wait);
	wait->is_last = false;
}

static ssize_t break_off(void *context, uint64_t at, char *data, size_t len)
{
	(void)at;
	(void)data;
	(void)len;
	gateway_request_drain(context);
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* Headers that just ended would be taken for those of an empty body. */
static void reply_broken(struct gateway_wait *wait, struct gateway_request *request)
{
	if (request->is_head)
		gateway_request_reply(request, 0, NULL);
	else
		gateway_reply(request, wait->status, MHD_create_response_from_callback(1, 1, break_off, request, NULL));
}

void gateway_wait_reply(struct gateway_wait *wait, struct gateway_request *request, unsigned status, struct MHD_Response *response)
{
	gateway_wait_stop(wait);
	if (!wait->has_begun || wait->status == status) {
		gateway_reply(request, status, response);
		return;
	}
	if (response)
		MHD_destroy_response(response);
	reply_broken(wait, request);
}

void gateway_wait_refuse(struct gateway_wait *wait, struct gateway_request *request, enum err err, const struct hub_refusal *refusal, const struct why *why)
{
	gateway_wait_stop(wait);
	if (wait->has_begun)
		reply_broken(wait, request);
	else
		gateway_reply_refusal(request, err, refusal, why);
}

void gateway_wait_stop(struct gateway_wait *wait)
{
	if (wait->loop)
		loop_timer_cancel(wait->loop, &wait->timer);
}
