#include "node/outlet.h"
#include "node/transport_private.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUIET_LOOKS 2 /* a loop that stood still is no peer's fault: after so many the messages that were there have been handed over */
#define GLANCES_MAX 8 /* without a look */
#define GROWTH_BYTES ((uint64_t)4 << 20) /* of the process; then it is looked */
#define LEFTOVER_BYTES ((uint64_t)64 << 10)

/* --- the connection behind a link */

static uint64_t read_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof cookie;

	(void)getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len); /* where the kernel has none, all are the same */
	return cookie;
}

/* Bytes that libzmq has taken from the kernel. False: cannot be told. */
static bool read_received(int fd, uint64_t *ret_bytes)
{
	struct tcp_info info;
	socklen_t len = sizeof info;
	int waiting;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 || len < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
		return false;
	if (ioctl(fd, SIOCINQ, &waiting) != 0 || waiting < 0 || (uint64_t)waiting > info.tcpi_bytes_received)
		waiting = 0;
	*ret_bytes = info.tcpi_bytes_received - (uint64_t)waiting;
	return true;
}

bool link_attach(struct transport_link *link, int fd)
{
	uint64_t received;

	link->fd = fd;
	link->cookie = read_cookie(fd);
	return read_received(fd, &received);
}

void link_shutdown(struct transport_link *link, bool is_abrupt)
{
	struct linger none = {.l_onoff = 1};

	if (link->fd < 0 || read_cookie(link->fd) != link->cookie)
		return;
	if (is_abrupt)
		(void)setsockopt(link->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	(void)shutdown(link->fd, SHUT_RDWR);
}

/* libzmq reads the end after it has written what it was just at. */
void link_stop(struct transport_link *link)
{
	if (link->fd >= 0 && read_cookie(link->fd) == link->cookie)
		(void)shutdown(link->fd, SHUT_RD);
}

/* --- bytes that become no messages */

/* What a frame takes on the wire (ZMTP 3.1, CURVE). */
static uint64_t wire_size(zmq_msg_t *frame)
{
	uint64_t body = sizeof "_MESSAGE" - 1 + 8 + 16 + 1 + zmq_msg_size(frame); /* nonce, MAC, flags */

	return body + (body > UINT8_MAX ? 9 : 2);
}

void link_count(struct transport_link *link, struct frames *frames)
{
	for (size_t i = link->is_dialed ? 0 : 1; i < frames->count; i++)
		link->delivered += wire_size(&frames->at[i]);
	link->has_delivered = true;
}

/* A message that came out is a proof that what came before it is out too, or was no message (the handshake, a heartbeat of ZMTP). So little leftovers are forgotten then; but little
 * ones only, since who began an endless message right after a good one is not to hide it so. */
static void count_partial(struct transport_link *link)
{
	uint64_t received;

	if (link->fd < 0 || !read_received(link->fd, &received))
		return;
	if (received < link->delivered || (link->has_delivered && received - link->delivered < LEFTOVER_BYTES))
		link->delivered = received;
	link->quiet_looks = link->has_delivered ? 0 : link->quiet_looks + 1;
	link->has_delivered = false;
	link->partial = received - link->delivered;
}

static bool is_hoarding(const struct transport_link *link)
{
	return link->fd >= 0 && (link->state == LINK_OPENING || link->state == LINK_UP) && link->quiet_looks >= QUIET_LOOKS;
}

/* Each may be within its limit, and all of them together too much: the greediest goes first. */
static void bound_total(struct transport *transport)
{
	for (;;) {
		struct transport_link *most = NULL;
		uint64_t total = 0;
		list_each(at, &transport->links) {
			struct transport_link *link = container_of(at, struct transport_link, link);
			if (!is_hoarding(link))
				continue;
			total += link->partial;
			if (!most || link->partial > most->partial)
				most = link;
		}
		if (!most || total <= TRANSPORT_PARTIAL_TOTAL_BYTES)
			return;
		link_drop(most, TRANSPORT_BROKE_RULES, "bytes without end, and no message");
		most->partial = 0;
	}
}

/* --- time, and when to look */

static bool read_memory(int fd, uint64_t *ret_bytes)
{
	char text[64];
	ssize_t len = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
	unsigned long pages;

	if (len <= 0)
		return false;
	text[len] = 0;
	if (sscanf(text, "%*u %lu", &pages) != 1)
		return false;
	*ret_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

static bool is_late(const struct transport_link *link, int64_t now_ms)
{
	return now_ms >= link->deadline_ms;
}

static void leave(struct transport_link *link)
{
	if (link->fd < 0)
		link_finish(link);
	else
		link_shutdown(link, false);
}

static void look_at_time(struct transport_link *link, int64_t now_ms)
{
	if (link->is_dialed && link->state == LINK_OPENING && is_late(link, now_ms)) {
		link->end = link->is_connected ? TRANSPORT_STRANGER : TRANSPORT_UNREACHABLE;
		link_finish(link);
	} else if (!link->is_admitted && (link->state == LINK_OPENING || link->state == LINK_UP) && is_late(link, now_ms))
		link_drop(link, TRANSPORT_NOT_ADMITTED, "it did not introduce itself in time");
	else if (link->state == LINK_LEAVING && is_late(link, now_ms))
		leave(link);
}

/* Room is told of by the outlet; should ZeroMQ have refused a message for another reason, it is tried again from here. */
static void look_at_waiting(struct transport_link *link)
{
	if (link->is_waiting)
		outlet_wait(link->outlet);
}

/* To ask for each connection costs some microseconds, which is too much for all of many idle ones four times a second. So that is done when the process has grown, and every so often. */
static bool is_to_look(struct transport *transport)
{
	uint64_t memory = 0;
	bool is_known = read_memory(transport->memory_fd, &memory);

	if (is_known && memory < transport->memory_then + GROWTH_BYTES && transport->glances++ % GLANCES_MAX != 0) {
		if (memory < transport->memory_then)
			transport->memory_then = memory;
		return false;
	}
	transport->memory_then = memory;
	return true;
}

static void look_at(struct transport_link *link, bool is_close, int64_t now_ms)
{
	if (is_close)
		count_partial(link);
	if (link->partial > TRANSPORT_PARTIAL_BYTES && link->state != LINK_LEAVING)
		link_drop(link, TRANSPORT_BROKE_RULES, "too many bytes, and no message");
	else
		look_at_time(link, now_ms);
	look_at_waiting(link);
}

static void watch(struct loop_timer *timer)
{
	struct transport *transport = container_of(timer, struct transport, watch_timer);
	int64_t now_ms = loop_now_ms(transport->options.loop);
	bool is_close = is_to_look(transport);

	transport_enter(transport);
	list_each(at, &transport->links) {
		struct transport_link *link = container_of(at, struct transport_link, link);
		if (link->state != LINK_DEAD)
			look_at(link, is_close, now_ms);
	}
	bound_total(transport);
	transport_leave(transport);
	if (!list_is_empty(&transport->links))
		transport_watch_start(transport);
}

void transport_watch_init(struct transport *transport)
{
	transport->memory_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	transport->watch_timer.fire = watch;
}

void transport_watch_release(struct transport *transport)
{
	loop_timer_cancel(transport->options.loop, &transport->watch_timer);
	if (transport->memory_fd >= 0)
		close(transport->memory_fd);
}

void transport_watch_start(struct transport *transport)
{
	if (transport->watch_timer.place == 0 && loop_timer_start(transport->options.loop, &transport->watch_timer, TRANSPORT_WATCH_MS) != ERR_OK)
		log_error(transport->options.log, "connections are not looked after: out of memory");
}
