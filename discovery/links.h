/* links: the network interfaces that lead to a LAN at the moment, and word of their changes (rtnetlink(7)). Any thread; nothing blocks. */
#ifndef LARDER_DISCOVERY_LINKS_H
#define LARDER_DISCOVERY_LINKS_H

#include "discovery/discovery.h"

#include <net/if.h>

#define LINK_ADDRESSES_MAX 8 /* of one interface; more are ignored */

struct link_address {
	int family; /* AF_INET, AF_INET6 */
	uint8_t bytes[16]; /* 4 of them, or 16 */
};

struct link {
	int index;
	char name[IF_NAMESIZE];
	size_t address_count;
	struct link_address addresses[LINK_ADDRESSES_MAX];
};

struct links {
	size_t count;
	struct link at[DISCOVERY_INTERFACES_MAX];
};

/* The interfaces that are up, have a carrier, can do multicast (or are loopback), and are used (interface.h). Of an interface's addresses those to be
 * announced: link-local ones only where a family has no other. */
enum err links_read(const char *const *listed, size_t count, struct links *ret_links) LARDER_MUST_USE;

/* NULL if there is none of this index. */
const struct link *links_find(const struct links *links, int index);
bool link_has_same_addresses(const struct link *a, const struct link *b);
bool links_are_equal(const struct links *a, const struct links *b);

/* A descriptor that becomes readable when something may have changed; close() it. -1: none to be had. */
int links_watch_open(void);
void links_watch_drain(int fd);

#endif
