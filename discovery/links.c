#include "discovery/links.h"
#include "discovery/interface.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define DRAIN_MAX 64 /* messages taken at a time */

static bool can_multicast(unsigned flags)
{
	return (flags & IFF_UP) && (flags & IFF_RUNNING) && (flags & (IFF_MULTICAST | IFF_LOOPBACK)) && !(flags & IFF_POINTOPOINT);
}

/* An address may go by the name of an alias, eth0:1. */
static void real_name(const struct ifaddrs *entry, char ret_name[IF_NAMESIZE])
{
	size_t len = strcspn(entry->ifa_name, ":");

	if (len >= IF_NAMESIZE)
		len = IF_NAMESIZE - 1;
	memcpy(ret_name, entry->ifa_name, len);
	ret_name[len] = 0;
}

static bool is_link_local(const struct link_address *address)
{
	if (address->family == AF_INET)
		return address->bytes[0] == 169 && address->bytes[1] == 254;
	return address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

static struct link *get_link(struct links *links, const char *name)
{
	struct link *link;
	unsigned index;

	for (size_t i = 0; i < links->count; i++)
		if (strcmp(links->at[i].name, name) == 0)
			return &links->at[i];
	index = if_nametoindex(name);
	if (links->count == DISCOVERY_INTERFACES_MAX || index == 0)
		return NULL;
	link = &links->at[links->count++];
	link->index = (int)index;
	memcpy(link->name, name, strlen(name) + 1);
	return link;
}

static void add_address(struct link *link, const struct sockaddr *from)
{
	struct link_address *address;

	if (link->address_count == LINK_ADDRESSES_MAX || (from->sa_family != AF_INET && from->sa_family != AF_INET6))
		return;
	address = &link->addresses[link->address_count++];
	address->family = from->sa_family;
	if (from->sa_family == AF_INET)
		memcpy(address->bytes, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
	else
		memcpy(address->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
}

static bool has_better(const struct link *link, int family)
{
	for (size_t i = 0; i < link->address_count; i++)
		if (link->addresses[i].family == family && !is_link_local(&link->addresses[i]))
			return true;
	return false;
}

static void leave_out_link_local(struct link *link)
{
	bool better4 = has_better(link, AF_INET), better6 = has_better(link, AF_INET6);
	size_t kept = 0;

	for (size_t i = 0; i < link->address_count; i++) {
		struct link_address address = link->addresses[i];
		if (!is_link_local(&address) || !(address.family == AF_INET ? better4 : better6))
			link->addresses[kept++] = address;
	}
	memset(link->addresses + kept, 0, (link->address_count - kept) * sizeof link->addresses[0]);
	link->address_count = kept;
}

enum err links_read(const char *const *listed, size_t count, struct links *ret_links)
{
	struct links links = {0};
	struct ifaddrs *entries;

	if (getifaddrs(&entries) != 0)
		return err_from_errno(errno);
	for (const struct ifaddrs *entry = entries; entry; entry = entry->ifa_next) {
		char name[IF_NAMESIZE];
		struct link *link = NULL;
		real_name(entry, name);
		if (can_multicast(entry->ifa_flags) && interface_is_used(name, listed, count))
			link = get_link(&links, name);
		if (link && entry->ifa_addr)
			add_address(link, entry->ifa_addr);
	}
	freeifaddrs(entries);
	for (size_t i = 0; i < links.count; i++)
		leave_out_link_local(&links.at[i]);
	*ret_links = links;
	return ERR_OK;
}

const struct link *links_find(const struct links *links, int index)
{
	for (size_t i = 0; i < links->count; i++)
		if (links->at[i].index == index)
			return &links->at[i];
	return NULL;
}

bool link_has_same_addresses(const struct link *a, const struct link *b)
{
	return a->address_count == b->address_count && memcmp(a->addresses, b->addresses, a->address_count * sizeof a->addresses[0]) == 0;
}

bool links_are_equal(const struct links *a, const struct links *b)
{
	bool equal = a->count == b->count;

	for (size_t i = 0; i < a->count && equal; i++)
		equal = a->at[i].index == b->at[i].index && strcmp(a->at[i].name, b->at[i].name) == 0 && link_has_same_addresses(&a->at[i], &b->at[i]);
	return equal;
}

int links_watch_open(void)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* What the messages say does not matter, nor whether some were lost (ENOBUFS): all is read anew. */
void links_watch_drain(int fd)
{
	char scrap[16];

	for (size_t i = 0; i < DRAIN_MAX; i++)
		if (recv(fd, scrap, sizeof scrap, MSG_DONTWAIT) < 0 && errno != ENOBUFS && errno != EINTR)
			return;
}
