#include "node/netwatch.h"

#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURN_MESSAGES 64

/* FNV-1a, for telling one state of affairs from another. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
	return hash;
}

static uint64_t mix_interface(uint64_t hash, const struct ifaddrs *at)
{
	unsigned flags = at->ifa_flags & (IFF_UP | IFF_RUNNING);

	hash = mix(hash, at->ifa_name, strlen(at->ifa_name) + 1);
	hash = mix(hash, &flags, sizeof flags);
	if (at->ifa_addr && at->ifa_addr->sa_family == AF_INET)
		hash = mix(hash, &((struct sockaddr_in *)(void *)at->ifa_addr)->sin_addr, sizeof(struct in_addr));
	if (at->ifa_addr && at->ifa_addr->sa_family == AF_INET6)
		hash = mix(hash, &((struct sockaddr_in6 *)(void *)at->ifa_addr)->sin6_addr, sizeof(struct in6_addr));
	return hash;
}

/* Interfaces, which of them have a carrier, and addresses, as one number. */
static uint64_t look(void)
{
	struct ifaddrs *all;
	uint64_t hash = 0xcbf29ce484222325;

	if (getifaddrs(&all) != 0)
		return 0;
	for (struct ifaddrs *at = all; at; at = at->ifa_next)
		hash = mix_interface(hash, at);
	freeifaddrs(all);
	return hash;
}

static void on_ready(struct loop_watch *ready, short revents)
{
	struct netwatch *watch = container_of(ready, struct netwatch, watch);
	char message[8192];

	(void)revents;
	/* Overrun says as much as a message. */
	for (int i = 0; i < TURN_MESSAGES && recv(ready->fd, message, sizeof message, MSG_DONTWAIT) > 0; i++)
		continue;
	if (watch->timer.place == 0)
		(void)!loop_timer_start(watch->loop, &watch->timer, NETWATCH_QUIET_MS);
}

static void on_quiet(struct loop_timer *timer)
{
	struct netwatch *watch = container_of(timer, struct netwatch, timer);
	uint64_t now = look();

	if (now == watch->seen)
		return;
	watch->seen = now;
	watch->on_change(watch);
}

enum err netwatch_start(struct netwatch *watch)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return ERR_IO;
	if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		close(fd);
		return ERR_IO;
	}
	watch->watch = (struct loop_watch){.fd = fd, .events = POLLIN, .ready = on_ready};
	watch->timer = (struct loop_timer){.fire = on_quiet};
	watch->seen = look();
	loop_watch_start(watch->loop, &watch->watch);
	return ERR_OK;
}

void netwatch_stop(struct netwatch *watch)
{
	if (watch->watch.fd <= 0)
		return;
	loop_watch_cancel(watch->loop, &watch->watch);
	loop_timer_cancel(watch->loop, &watch->timer);
	close(watch->watch.fd);
	watch->watch.fd = 0;
}
