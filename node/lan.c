#include "node/lan.h"

#include "discovery/interface.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BITS_4 32
#define BITS_6 128

/* --- near or not */

static const struct lan_prefix always_near[] = {
	{4, {127}, 8},       {4, {10}, 8}, {4, {172, 16}, 12}, {4, {192, 168}, 16}, {4, {169, 254}, 16},
	{6, {[15] = 1}, 128}, {6, {0xfc}, 7}, {6, {0xfe, 0x80}, 10},
};

/* Nobody connects from there. */
static const struct lan_prefix never_near[] = {
	{4, {0}, 8}, {4, {224}, 4}, {4, {240}, 4}, {6, {0}, 128}, {6, {0xff}, 8},
};

static bool is_within(const struct lan_prefix *prefix, const struct lan_address *address)
{
	size_t whole = prefix->length / 8;
	unsigned rest = prefix->length % 8;

	if (prefix->family != address->family || memcmp(prefix->bytes, address->bytes, whole) != 0)
		return false;
	return rest == 0 || ((prefix->bytes[whole] ^ address->bytes[whole]) >> (8 - rest)) == 0;
}

static bool is_within_any(const struct lan_prefix *prefixes, size_t count, const struct lan_address *address)
{
	for (size_t i = 0; i < count; i++)
		if (is_within(&prefixes[i], address))
			return true;
	return false;
}

bool lan_is_near(const struct lan *lan, const struct lan_address *address)
{
	if (is_within_any(never_near, sizeof never_near / sizeof never_near[0], address))
		return false;
	return is_within_any(always_near, sizeof always_near / sizeof always_near[0], address) || is_within_any(lan->connected, lan->connected_count, address) ||
	       is_within_any(lan->allowed, lan->allowed_count, address);
}

bool lan_is_allowed(const struct lan *lan, const struct lan_address *address)
{
	return is_within_any(lan->allowed, lan->allowed_count, address);
}

static uint8_t mask_length(const struct lan_address *mask)
{
	uint8_t length = 0;

	while (length < (mask->family == 4 ? BITS_4 : BITS_6) && mask->bytes[length / 8] & 0x80 >> length % 8)
		length++;
	return length;
}

/* The network of one of the machine's addresses; false where it is none that counts. */
static bool network_of(const struct ifaddrs *at, const char *const *listed, size_t listed_count, struct lan_prefix *ret_prefix)
{
	struct lan_address address, mask;

	if (!at->ifa_addr || !at->ifa_netmask || !(at->ifa_flags & IFF_UP) || !interface_is_used(at->ifa_name, listed, listed_count))
		return false;
	if ((at->ifa_flags & IFF_POINTOPOINT) && listed_count == 0)
		return false;
	if (!lan_from_sockaddr(at->ifa_addr, &address) || !lan_from_sockaddr(at->ifa_netmask, &mask) || mask.family != address.family)
		return false;
	*ret_prefix = (struct lan_prefix){.family = address.family, .length = mask_length(&mask)};
	memcpy(ret_prefix->bytes, address.bytes, sizeof address.bytes);
	return ret_prefix->length > 0;
}

enum err lan_read_connected(struct lan *lan, const char *const *listed, size_t listed_count)
{
	struct ifaddrs *all;
	size_t count = 0;

	if (getifaddrs(&all) != 0)
		return ERR_IO;
	for (struct ifaddrs *at = all; at && count < LAN_CONNECTED_MAX; at = at->ifa_next)
		if (network_of(at, listed, listed_count, &lan->connected[count]))
			count++;
	freeifaddrs(all);
	lan->connected_count = count;
	return ERR_OK;
}

/* --- addresses */

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* ::ffff:0:0/96, RFC 4291 */

static void set_bytes_6(struct lan_address *address, const uint8_t bytes[16])
{
	address->family = 6;
	memcpy(address->bytes, bytes, 16);
	if (memcmp(bytes, mapped, sizeof mapped) == 0) {
		address->family = 4;
		memset(address->bytes, 0, sizeof address->bytes);
		memcpy(address->bytes, bytes + sizeof mapped, 4);
	}
}

bool lan_from_sockaddr(const struct sockaddr *address, struct lan_address *ret_address)
{
	struct lan_address found = {0};
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (address->sa_family == AF_INET) {
		memcpy(&in, address, sizeof in);
		found.family = 4;
		found.port = ntohs(in.sin_port);
		memcpy(found.bytes, &in.sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		memcpy(&in6, address, sizeof in6);
		set_bytes_6(&found, in6.sin6_addr.s6_addr);
		found.port = ntohs(in6.sin6_port);
		found.scope = lan_is_link_local(&found) && found.family == 6 ? in6.sin6_scope_id : 0;
	} else
		return false;
	*ret_address = found;
	return true;
}

socklen_t lan_to_sockaddr(const struct lan_address *address, struct sockaddr_storage *ret)
{
	struct sockaddr_in *four = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof *ret);
	if (address->family == 4) {
		four->sin_family = AF_INET;
		four->sin_port = htons(address->port);
		memcpy(&four->sin_addr, address->bytes, sizeof four->sin_addr);
		return sizeof *four;
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(address->port);
	six->sin6_scope_id = address->scope;
	memcpy(&six->sin6_addr, address->bytes, sizeof six->sin6_addr);
	return sizeof *six;
}

static bool parse_number(const char *text, unsigned long max, unsigned long *ret)
{
	unsigned long value;
	char *end;

	if (text[0] < '0' || text[0] > '9' || strlen(text) > 10)
		return false;
	value = strtoul(text, &end, 10);
	if (*end || value > max)
		return false;
	*ret = value;
	return true;
}

static bool parse_scope(const char *text, uint32_t *ret_scope)
{
	unsigned long number;

	*ret_scope = if_nametoindex(text);
	if (*ret_scope)
		return true;
	if (!parse_number(text, INT32_MAX, &number))
		return false;
	*ret_scope = (uint32_t)number;
	return true;
}

/* An address alone, which may have a scope. */
static bool parse_host(const char *host, struct lan_address *address)
{
	char text[LAN_HOST_MAX], *percent;
	uint8_t bytes[16];

	if (inet_pton(AF_INET, host, address->bytes) == 1) {
		address->family = 4;
		return true;
	}
	if (strlen(host) >= sizeof text)
		return false;
	memcpy(text, host, strlen(host) + 1);
	percent = strchr(text, '%');
	if (percent)
		*percent++ = 0;
	if (inet_pton(AF_INET6, text, bytes) != 1)
		return false;
	set_bytes_6(address, bytes);
	return !percent || (address->family == 6 && lan_is_link_local(address) && parse_scope(percent, &address->scope));
}

bool lan_parse(const char *text, uint16_t port, struct lan_address *ret_address)
{
	struct lan_address found = {0};
	char host[LAN_HOST_MAX];

	if (!lan_split(text, port, host, &found.port) || !parse_host(host, &found))
		return false;
	*ret_address = found;
	return true;
}

/* What is behind the host: nothing, or ":PORT". */
static bool parse_port(const char *text, uint16_t port, uint16_t *ret_port)
{
	unsigned long number = port;

	if (*text && (*text != ':' || !parse_number(text + 1, UINT16_MAX, &number) || number == 0))
		return false;
	*ret_port = (uint16_t)number;
	return true;
}

bool lan_split(const char *text, uint16_t port, char ret_host[LAN_HOST_MAX], uint16_t *ret_port)
{
	const char *host = text, *end = strchr(text, ':'), *rest;

	if (text[0] == '[') {
		host = text + 1;
		end = strchr(host, ']');
		if (!end)
			return false;
		rest = end + 1;
	} else {
		if (!end || strchr(end + 1, ':')) /* no port; of the many colons of a bare IPv6 address none is for a port */
			end = text + strlen(text);
		rest = end;
	}
	if (end == host || end - host >= LAN_HOST_MAX || !parse_port(rest, port, ret_port))
		return false;
	memcpy(ret_host, host, (size_t)(end - host));
	ret_host[end - host] = 0;
	return true;
}

bool lan_parse_prefix(const char *text, struct lan_prefix *ret_prefix)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	bool is_6 = memchr(text, ':', len) != NULL;
	unsigned long most = is_6 ? BITS_6 : BITS_4, length = most;
	struct lan_address address = {0};
	char host[LAN_HOST_MAX];

	if (len >= sizeof host || (slash && !parse_number(slash + 1, most, &length)))
		return false;
	memcpy(host, text, len);
	host[len] = 0;
	if (strchr(host, '%') || !parse_host(host, &address))
		return false;
	if (is_6 && address.family == 4) { /* mapped */
		if (length < BITS_6 - BITS_4)
			return false;
		length -= BITS_6 - BITS_4;
	}
	*ret_prefix = (struct lan_prefix){.family = address.family, .length = (uint8_t)length};
	memcpy(ret_prefix->bytes, address.bytes, sizeof address.bytes);
	return true;
}

enum err lan_allow(struct lan *lan, const char *text, struct why *why)
{
	struct lan_prefix prefix;

	if (!lan_parse_prefix(text, &prefix))
		return why_set(why, ERR_INVALID, "\"%s\" is no network: write it as 192.0.2.0/24 or 2001:db8::/32", text);
	if (lan->allowed_count == LAN_ALLOWED_MAX)
		return why_set(why, ERR_LIMIT, "more than %d networks are allowed", LAN_ALLOWED_MAX);
	lan->allowed[lan->allowed_count++] = prefix;
	return ERR_OK;
}

bool lan_is_loopback(const struct lan_address *address)
{
	return is_within(&(struct lan_prefix){4, {127}, 8}, address) || is_within(&(struct lan_prefix){6, {[15] = 1}, 128}, address);
}

bool lan_is_link_local(const struct lan_address *address)
{
	return is_within(&(struct lan_prefix){4, {169, 254}, 16}, address) || is_within(&(struct lan_prefix){6, {0xfe, 0x80}, 10}, address);
}

bool lan_same_host(const struct lan_address *a, const struct lan_address *b)
{
	return a->family == b->family && a->scope == b->scope && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool lan_equal(const struct lan_address *a, const struct lan_address *b)
{
	return a->port == b->port && lan_same_host(a, b);
}

const char *lan_host_text(const struct lan_address *address, char ret[LAN_TEXT_MAX])
{
	char interface[IF_NAMESIZE];
	size_t len;

	if (!inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->bytes, ret, LAN_TEXT_MAX))
		ret[0] = 0; /* cannot be: there is room */
	len = strlen(ret);
	if (address->scope && if_indextoname(address->scope, interface))
		snprintf(ret + len, LAN_TEXT_MAX - len, "%%%s", interface);
	else if (address->scope)
		snprintf(ret + len, LAN_TEXT_MAX - len, "%%%u", (unsigned)address->scope);
	return ret;
}

/* SCHEME HOST:PORT */
static const char *write_address(const struct lan_address *address, const char *scheme, char ret[LAN_TEXT_MAX])
{
	char host[LAN_TEXT_MAX];

	lan_host_text(address, host);
	snprintf(ret, LAN_TEXT_MAX, address->family == 6 ? "%s[%s]:%u" : "%s%s:%u", scheme, host, (unsigned)address->port);
	return ret;
}

const char *lan_text(const struct lan_address *address, char ret[LAN_TEXT_MAX])
{
	return write_address(address, "", ret);
}

const char *lan_endpoint(const struct lan_address *address, char ret[LAN_TEXT_MAX])
{
	return write_address(address, "tcp://", ret);
}
