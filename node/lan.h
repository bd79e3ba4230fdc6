/* lan: addresses of peers, and which of them are near: on a directly connected network, in a private range, or in one that the person allowed.
 *
 * Pure and for any thread, but for lan_read_connected(), which asks the system. IPv4 addresses mapped into IPv6 (::ffff:192.0.2.1) are IPv4 here.
 */
#ifndef LARDER_NODE_LAN_H
#define LARDER_NODE_LAN_H

#include "base/err.h"

#include <net/if.h>
#include <stdint.h>
#include <sys/socket.h>

#define LAN_CONNECTED_MAX 64  /* networks of this machine; more are ignored */
#define LAN_ALLOWED_MAX 256
#define LAN_HOST_MAX 256      /* a host name or address, with its zero */
#define LAN_TEXT_MAX (sizeof "tcp://[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%]:65535" + IF_NAMESIZE)

struct lan_address {
	uint8_t family;    /* 4, 6; 0: none */
	uint8_t bytes[16]; /* 4 of them or all, in network order; zero behind */
	uint16_t port;     /* 0: none */
	uint32_t scope;    /* index of the interface, of IPv6 link-local ones; else 0 */
};

struct lan_prefix {
	uint8_t family;
	uint8_t bytes[16];
	uint8_t length; /* bits */
};

struct lan {
	struct lan_prefix connected[LAN_CONNECTED_MAX];
	size_t connected_count;
	struct lan_prefix allowed[LAN_ALLOWED_MAX];
	size_t allowed_count;
};

/* --- near or not */

/* Loopback, private (RFC 1918), unique local, link-local, or within a prefix of `lan`. Multicast, broadcast and the unspecified address never are. */
bool lan_is_near(const struct lan *lan, const struct lan_address *address);

/* Within one that lan_allow() was told. */
bool lan_is_allowed(const struct lan *lan, const struct lan_address *address);

/* Read the machine's networks anew, of interfaces that are up and used (discovery/interface.h; `listed` NULL: all but tunnels and the like). A prefix of length 0 never counts; nor
 * does the network of a point-to-point link, unless it is listed. Failed: what was there stays. ERR_IO, ERR_NO_MEMORY. */
enum err lan_read_connected(struct lan *lan, const char *const *listed, size_t listed_count) LARDER_MUST_USE;
/* "192.0.2.0/24", "2001:db8::/32", or an address alone. Bits behind the length do not matter. ERR_INVALID; ERR_LIMIT: LAN_ALLOWED_MAX. */
enum err lan_allow(struct lan *lan, const char *text, struct why *why) LARDER_MUST_USE;
bool lan_parse_prefix(const char *text, struct lan_prefix *ret_prefix);

/* --- addresses */

/* False: neither AF_INET nor AF_INET6. */
bool lan_from_sockaddr(const struct sockaddr *address, struct lan_address *ret_address);
/* Returns its length. Family and port are those of the address. */
socklen_t lan_to_sockaddr(const struct lan_address *address, struct sockaddr_storage *ret);
/* "192.0.2.1", "192.0.2.1:5273", "[fe80::1%eth0]:5273", "2001:db8::1"; no names. `port` is taken where there is none in it. */
bool lan_parse(const char *text, uint16_t port, struct lan_address *ret_address);
/* HOST[:PORT], where HOST is a name or an address, one of IPv6 in brackets if a port follows. False: empty, too long, a port that is none. */
bool lan_split(const char *text, uint16_t port, char ret_host[LAN_HOST_MAX], uint16_t *ret_port);

bool lan_is_loopback(const struct lan_address *address);
bool lan_is_link_local(const struct lan_address *address);
/* All of it, or all but the port. */
bool lan_equal(const struct lan_address *a, const struct lan_address *b);
bool lan_same_host(const struct lan_address *a, const struct lan_address *b);

/* All return `ret`. "192.0.2.1:5273"; "192.0.2.1"; "tcp://192.0.2.1:5273". The scope is written as its interface's name, as a number where that is gone. */
const char *lan_text(const struct lan_address *address, char ret[LAN_TEXT_MAX]);
const char *lan_host_text(const struct lan_address *address, char ret[LAN_TEXT_MAX]);
const char *lan_endpoint(const struct lan_address *address, char ret[LAN_TEXT_MAX]);

#endif
