#include "node/bulk_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 64

/* --- guests */

static void guest_free(struct guest *guest)
{
	struct bulk *bulk = guest->bulk;

	loop_watch_cancel(bulk->use.loop, &guest->watch);
	loop_timer_cancel(bulk->use.loop, &guest->timer);
	list_remove(&guest->link);
	bulk->guest_count--;
	if (guest->fd >= 0)
		close(guest->fd);
	free(guest);
}

static void on_guest_time(struct loop_timer *timer) { guest_free(container_of(timer, struct guest, timer)); }

/* A ticket is good for one connection. */
static struct bulk_link *find_awaited(const struct bulk *bulk, const uint8_t ticket[WIRE_TICKET_LEN])
{
	list_each(at, &bulk->links) {
		struct bulk_link *link = container_of(at, struct bulk_link, link);
		if (link->state == BULK_AWAITED && sodium_memcmp(link->ticket, ticket, WIRE_TICKET_LEN) == 0)
			return link;
	}
	return NULL;
}

static void on_guest(struct loop_watch *watch, short revents)
{
	struct guest *guest = container_of(watch, struct guest, watch);
	ssize_t got = recv(guest->fd, guest->opening + guest->got, sizeof guest->opening - guest->got, MSG_DONTWAIT);
	struct bulk_link *link;

	(void)revents;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0)
		guest->got += (size_t)got;
	if (got > 0 && guest->got < sizeof guest->opening)
		return;
	link = got > 0 && memcmp(guest->opening, BULK_GREETING, BULK_GREETING_LEN) == 0 ? find_awaited(guest->bulk, guest->opening + BULK_GREETING_LEN) : NULL;
	if (link) {
		link_take(link, guest->fd);
		guest->fd = -1; /* the link's */
	}
	guest_free(guest);
}

static size_t count_from(const struct bulk *bulk, const struct lan_address *address)
{
	size_t count = 0;

	list_each(at, &bulk->guests)
		count += lan_same_host(&container_of(at, struct guest, link)->address, address);
	return count;
}

/* NULL: out of memory. */
static struct guest *guest_create(struct bulk *bulk, int fd, const struct lan_address *address)
{
	struct guest *guest = calloc(1, sizeof *guest);

	if (!guest)
		return NULL;
	*guest = (struct guest){.bulk = bulk, .address = *address, .fd = fd, .timer.fire = on_guest_time, .watch = {.fd = fd, .events = POLLIN, .ready = on_guest}};
	if (loop_timer_start(bulk->use.loop, &guest->timer, BULK_PROOF_MS) != ERR_OK) {
		free(guest);
		return NULL;
	}
	list_append(&bulk->guests, &guest->link);
	bulk->guest_count++;
	loop_watch_start(bulk->use.loop, &guest->watch);
	return guest;
}

/* NULL: welcome. The oldest guest makes room, so that some who only hold places keep nobody out for long. */
static const char *find_objection(struct bulk *bulk, const struct lan_address *address)
{
	if (!lan_is_near(bulk->use.lan, address))
		return "it is not near";
	if (count_from(bulk, address) >= BULK_GUESTS_ADDRESS_MAX)
		return "it has as many connections that have not shown a ticket as one address may have";
	if (bulk->guest_count >= BULK_GUESTS_MAX)
		guest_free(container_of(bulk->guests.next, struct guest, link));
	return NULL;
}

static void welcome(struct acceptor *acceptor, int fd, const struct sockaddr *from)
{
	struct bulk *bulk = container_of(acceptor, struct bulk, acceptor);
	struct lan_address address;
	const char *objection = lan_from_sockaddr(from, &address) ? find_objection(bulk, &address) : "it has no address";
	char text[LAN_TEXT_MAX];

	if (!objection && guest_create(bulk, fd, &address))
		return;
	close(fd);
	if (objection)
		log_info(bulk->use.log, "no bulk connection for %s: %s", lan_text(&address, text), objection);
}

/* --- where it listens */

/* A socket that listens there, or -1 with errno. */
static int listen_at(const struct lan_address *address, uint16_t port)
{
	struct lan_address at = *address;
	struct sockaddr_storage to;
	int on = 1, off = 0, fd;
	socklen_t len;

	at.port = port;
	len = lan_to_sockaddr(&at, &to);
	fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (to.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (bind(fd, (const struct sockaddr *)&to, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	on = errno;
	close(fd);
	errno = on;
	return -1;
}

/* All addresses are those of IPv6, which serve IPv4 too, or those of IPv4 where the machine has no other. */
static int listen_port(const struct bulk *bulk, uint16_t port)
{
	const struct lan_address all_6 = {.family = 6}, all_4 = {.family = 4};
	int fd;

	if (bulk->listen.family)
		return listen_at(&bulk->listen, port);
	fd = listen_at(&all_6, port);
	return fd >= 0 || errno == EADDRINUSE ? fd : listen_at(&all_4, port);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof at;
	struct lan_address address;

	return getsockname(fd, (struct sockaddr *)&at, &len) == 0 && lan_from_sockaddr((const struct sockaddr *)&at, &address) ? address.port : 0;
}

void bulk_listen(struct bulk *bulk)
{
	bulk->fd = listen_port(bulk, bulk->use.port ? (uint16_t)bulk->use.port : BULK_PORT);
	if (bulk->fd < 0 && errno == EADDRINUSE && bulk->use.port == 0)
		bulk->fd = listen_port(bulk, 0);
	if (bulk->fd < 0) {
		log_warn(bulk->use.log, "no bulk connections are taken, which makes giving slower: port %d: %s", bulk->use.port ? bulk->use.port : BULK_PORT, strerror(errno));
		return;
	}
	bulk->port = port_of(bulk->fd);
	bulk->acceptor.loop = bulk->use.loop;
	bulk->acceptor.on_connection = welcome;
	acceptor_start(&bulk->acceptor, bulk->fd);
}

void bulk_unlisten(struct bulk *bulk)
{
	list_each_safe(at, &bulk->guests)
		guest_free(container_of(at, struct guest, link));
	if (bulk->fd >= 0)
		acceptor_cancel(&bulk->acceptor);
	if (bulk->fd >= 0)
		close(bulk->fd);
	bulk->fd = -1;
	bulk->port = 0;
}
