#include "discovery/search.h"
#include "base/text.h"

#include <avahi-common/timeval.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_FIRST_MS 1000U
#define RETRY_MAX_MS 60000U

struct finding {
	struct search *search;
	struct list link;
	int interface;
	AvahiProtocol protocol;
	char name[DISCOVERY_NAME_MAX];
	void *resolver; /* NULL: could not be started */
	char *host;     /* to which it was resolved by this resolver; NULL: not yet */
	AvahiTimeout *retry; /* NULL until it is used first */
	unsigned failures; /* in a row */
	bool told;
};

void search_init(struct search *search, struct site *site, const struct search_ops *ops, void *context)
{
	*search = (struct search){.site = site, .ops = ops, .context = context};
	list_init(&search->findings);
}

static sa_family_t family_of(const struct finding *finding)
{
	return finding->protocol == AVAHI_PROTO_INET ? AF_INET : AF_INET6;
}

static void tell_gone(struct finding *finding)
{
	char name[DISCOVERY_NAME_MAX];

	if (!finding->told)
		return;
	finding->told = false;
	memcpy(name, finding->name, sizeof name);
	text_tame(name);
	finding->search->site->on_gone(finding->search->site, name, finding->interface, family_of(finding));
}

static void forget(struct finding *finding, bool tell)
{
	struct search *search = finding->search;

	if (tell)
		tell_gone(finding);
	if (finding->resolver)
		search->ops->stop(search->context, finding->resolver);
	if (finding->retry)
		search->site->poll->timeout_free(finding->retry);
	list_remove(&finding->link);
	search->count--;
	free(finding->host);
	free(finding);
}

void search_release(struct search *search)
{
	list_each_safe(at, &search->findings)
		forget(container_of(at, struct finding, link), false);
}

static struct finding *find(struct search *search, int interface, AvahiProtocol protocol, const char *name)
{
	list_each(at, &search->findings) {
		struct finding *finding = container_of(at, struct finding, link);
		if (finding->interface == interface && finding->protocol == protocol && strcmp(finding->name, name) == 0)
			return finding;
	}
	return NULL;
}

static void resolve(struct finding *finding)
{
	struct search *search = finding->search;

	if (finding->resolver)
		search->ops->stop(search->context, finding->resolver);
	free(finding->host);
	finding->host = NULL;
	finding->resolver = search->ops->resolve(search->context, finding->interface, finding->protocol, finding->name, finding);
	if (!finding->resolver)
		search_on_failure(finding);
}

static void retry_is_due(AvahiTimeout *timeout, void *userdata)
{
	struct finding *finding = userdata;

	finding->search->site->poll->timeout_update(timeout, NULL);
	resolve(finding);
}

void search_on_new(struct search *search, int interface, AvahiProtocol protocol, const char *name)
{
	struct finding *finding;

	if (search->count >= DISCOVERY_PEERS_MAX || strlen(name) >= sizeof finding->name || find(search, interface, protocol, name) ||
	    (protocol != AVAHI_PROTO_INET && protocol != AVAHI_PROTO_INET6))
		return;
	finding = calloc(1, sizeof *finding);
	if (!finding)
		return;
	finding->search = search;
	finding->interface = interface;
	finding->protocol = protocol;
	strcpy(finding->name, name);
	list_append(&search->findings, &finding->link);
	search->count++;
	resolve(finding);
}

void search_on_remove(struct search *search, int interface, AvahiProtocol protocol, const char *name)
{
	struct finding *finding = find(search, interface, protocol, name);

	if (finding)
		forget(finding, true);
}

void search_leave(struct search *search, int interface)
{
	list_each_safe(at, &search->findings) {
		struct finding *finding = container_of(at, struct finding, link);
		if (finding->interface == interface)
			forget(finding, true);
	}
}

static void set_address4(struct sockaddr_storage *storage, const AvahiAddress *address, uint16_t port)
{
	struct sockaddr_in *to = (void *)storage;

	to->sin_family = AF_INET;
	to->sin_port = htons(port);
	to->sin_addr.s_addr = address->data.ipv4.address;
}

static void set_address6(struct sockaddr_storage *storage, const AvahiAddress *address, uint16_t port, int interface)
{
	struct sockaddr_in6 *to = (void *)storage;

	to->sin6_family = AF_INET6;
	to->sin6_port = htons(port);
	memcpy(&to->sin6_addr, address->data.ipv6.address, sizeof to->sin6_addr);
	if (IN6_IS_ADDR_LINKLOCAL(&to->sin6_addr))
		to->sin6_scope_id = (uint32_t)interface;
}

/* Whether it is an address of one machine, and not "this machine", which anyone might announce to have us call ourselves. */
static bool is_of_a_host(const struct sockaddr_storage *address, int interface)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	uint32_t host;
	char name[IF_NAMESIZE];

	if (if_indextoname((unsigned)interface, name) && strcmp(name, "lo") == 0)
		return true;
	if (address->ss_family == AF_INET6)
		return !IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr) && !IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) && !IN6_IS_ADDR_MULTICAST(&v6->sin6_addr) &&
		       !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
	host = ntohl(v4->sin_addr.s_addr);
	return host >> 24 != 0 && host >> 24 != 127 && host >> 28 < 14;
}

static bool read_peer(const struct finding *finding, const AvahiAddress *address, uint16_t port, AvahiStringList *txt, struct discovery_peer *peer)
{
	uint8_t bytes[NOTE_TXT_READ_MAX];
	size_t len;

	if (!address || !txt || port == 0 || address->proto != finding->protocol)
		return false;
	if (finding->protocol == AVAHI_PROTO_INET)
		set_address4(&peer->address, address, port);
	else
		set_address6(&peer->address, address, port, finding->interface);
	peer->interface = finding->interface;
	memcpy(peer->name, finding->name, sizeof peer->name);
	text_tame(peer->name);
	len = avahi_string_list_serialize(txt, NULL, 0);
	if (len > sizeof bytes || !is_of_a_host(&peer->address, finding->interface))
		return false;
	len = avahi_string_list_serialize(txt, bytes, sizeof bytes);
	return note_parse(bytes, len, &peer->note) == ERR_OK;
}

static void retry_in(struct finding *finding, unsigned delay_ms)
{
	const AvahiPoll *poll = finding->search->site->poll;
	struct timeval at;

	avahi_elapse_time(&at, delay_ms, delay_ms / 4);
	if (finding->retry)
		poll->timeout_update(finding->retry, &at);
	else
		finding->retry = poll->timeout_new(poll, &at, retry_is_due, finding);
}

/* When a service moves to another host, Avahi (0.8) goes on telling the address of the one before; a new resolver does not know that. */
static bool has_moved(struct finding *finding, const char *host)
{
	if (finding->host)
		return strcmp(finding->host, host) != 0;
	finding->host = strdup(host);
	return false;
}

void search_on_resolved(struct finding *finding, const char *host, const AvahiAddress *address, uint16_t port, AvahiStringList *txt)
{
	struct site *site = finding->search->site;
	struct discovery_peer peer = {0};

	finding->failures = 0;
	if (finding->retry)
		site->poll->timeout_update(finding->retry, NULL);
	if (has_moved(finding, host)) {
		retry_in(finding, 0);
	} else if (read_peer(finding, address, port, txt, &peer)) {
		finding->told = true;
		site->on_seen(site, &peer);
	} else {
		log_debug(site->log, "left out the announcement of %s: not in a form that this version knows", finding->name);
		tell_gone(finding);
	}
}

/* Avahi gives up after 5 s, and does not try again by itself: one lost packet, and a peer would be missing for ever. */
void search_on_failure(struct finding *finding)
{
	unsigned delay_ms = finding->failures < 6 ? RETRY_FIRST_MS << finding->failures : RETRY_MAX_MS;

	tell_gone(finding);
	finding->failures++;
	retry_in(finding, delay_ms);
}
