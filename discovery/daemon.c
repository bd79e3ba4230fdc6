/* daemon: the system's avahi-daemon, over D-Bus.
 *
 * When it goes (killed, restarted, or D-Bus with it) the backend is lost; the objects of its client are not to be used again, so another
 * backend is made when it is back.
 *
 * The machine's host name is the daemon's own business, and nothing here hangs on it. Two daemons (Avahi 0.8) that try one name at the same
 * moment, as on machines cloned from one image, both give way, each for another record, and again with the next name, once a second, for half
 * a minute and more; a service at that name would not be found meanwhile. So a host name of this node's own is published here too, link by
 * link (embedded.c tells more).
 */
#include "discovery/library.h"
#include "discovery/search.h"

#include <avahi-client/client.h>
#include <avahi-client/lookup.h>
#include <avahi-client/publish.h>
#include <avahi-common/error.h>
#include <stdlib.h>
#include <string.h>

#define SONAME "libavahi-client.so.3"
#define CALLS(CALL) \
	CALL(client_errno) CALL(client_free) CALL(client_new) CALL(entry_group_add_address) CALL(entry_group_add_service_strlst) \
	CALL(entry_group_commit) \
	CALL(entry_group_free) CALL(entry_group_get_state) CALL(entry_group_new) CALL(entry_group_reset) \
	CALL(entry_group_update_service_txt_strlst) CALL(service_browser_free) CALL(service_browser_new) CALL(service_resolver_free) \
	CALL(service_resolver_new)

struct calls {
	CALLS(LIBRARY_POINTER)
};

static const struct library_call calls_of_library[] = {CALLS(LIBRARY_CALL)};

/* What is announced on a link, and what is looked for there. */
struct outlet {
	struct daemon *daemon;
	const struct calls *avahi;
	struct link link; /* as it was when the addresses were published; index 0: a free place */
	AvahiEntryGroup *service, *addresses;
	AvahiServiceBrowser *browser;
};

struct daemon {
	struct backend backend;
	struct site *site;
	struct calls calls;
	const struct calls *avahi; /* those */
	AvahiClient *client;
	struct search search;
	struct outlet outlets[DISCOVERY_INTERFACES_MAX];
	bool lost;
};

static bool load(struct calls *calls)
{
	return library_load(SONAME, calls_of_library, sizeof calls_of_library / sizeof calls_of_library[0], calls);
}

static void lose(struct daemon *daemon)
{
	if (daemon->lost)
		return;
	daemon->lost = true;
	daemon->site->on_lost(daemon->site, daemon->avahi->client_errno(daemon->client));
}

static void on_found(AvahiServiceResolver *resolver, AvahiIfIndex interface, AvahiProtocol protocol, AvahiResolverEvent event, const char *name,
		     const char *type, const char *domain, const char *host, const AvahiAddress *address, uint16_t port, AvahiStringList *txt,
		     AvahiLookupResultFlags flags, void *userdata)
{
	(void)resolver, (void)interface, (void)protocol, (void)name, (void)type, (void)domain, (void)flags;
	if (event == AVAHI_RESOLVER_FOUND)
		search_on_resolved(userdata, host, address, port, txt);
	else
		search_on_failure(userdata);
}

static void *start_resolver(void *context, int interface, AvahiProtocol protocol, const char *name, struct finding *finding)
{
	struct daemon *daemon = context;

	return daemon->avahi->service_resolver_new(daemon->client, interface, protocol, name, DISCOVERY_SERVICE_TYPE, NULL, protocol,
						   AVAHI_LOOKUP_USE_MULTICAST, on_found, finding);
}

static void stop_resolver(void *context, void *resolver)
{
	struct daemon *daemon = context;

	if (daemon->client)
		daemon->avahi->service_resolver_free(resolver);
}

static const struct search_ops search_ops = {start_resolver, stop_resolver};

static void on_browsed(AvahiServiceBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol, AvahiBrowserEvent event, const char *name,
		       const char *type, const char *domain, AvahiLookupResultFlags flags, void *userdata)
{
	struct outlet *outlet = userdata;
	struct daemon *daemon = outlet->daemon;

	(void)browser, (void)type, (void)domain, (void)flags;
	if (event == AVAHI_BROWSER_NEW)
		search_on_new(&daemon->search, interface, protocol, name);
	else if (event == AVAHI_BROWSER_REMOVE)
		search_on_remove(&daemon->search, interface, protocol, name);
	else if (event == AVAHI_BROWSER_FAILURE)
		lose(daemon);
}

static void browse(struct outlet *outlet)
{
	outlet->browser = outlet->avahi->service_browser_new(outlet->daemon->client, outlet->link.index, AVAHI_PROTO_UNSPEC, DISCOVERY_SERVICE_TYPE, NULL,
							     AVAHI_LOOKUP_USE_MULTICAST, on_browsed, outlet);
	if (!outlet->browser)
		lose(outlet->daemon);
}

static int publish_service(struct outlet *outlet)
{
	struct site *site = outlet->daemon->site;
	int error = outlet->avahi->entry_group_add_service_strlst(outlet->service, outlet->link.index, AVAHI_PROTO_UNSPEC, 0, site->service, DISCOVERY_SERVICE_TYPE, NULL,
								  site->host, site->port, site->txt);

	return error ? error : outlet->avahi->entry_group_commit(outlet->service);
}

static int publish_addresses(struct outlet *outlet)
{
	int error = 0;

	for (size_t i = 0; i < outlet->link.address_count && !error; i++) {
		AvahiAddress address = site_address(&outlet->link.addresses[i]);
		error = outlet->avahi->entry_group_add_address(outlet->addresses, outlet->link.index, AVAHI_PROTO_UNSPEC, AVAHI_PUBLISH_NO_REVERSE | AVAHI_PUBLISH_NO_PROBE,
							       outlet->daemon->site->host, &address);
	}
	return error || outlet->link.address_count == 0 ? error : outlet->avahi->entry_group_commit(outlet->addresses);
}

static void publish(struct outlet *outlet)
{
	outlet->avahi->entry_group_reset(outlet->service);
	outlet->avahi->entry_group_reset(outlet->addresses);
	if (publish_addresses(outlet) != 0 || publish_service(outlet) != 0)
		lose(outlet->daemon);
}

static void publish_all(struct daemon *daemon)
{
	for (size_t i = 0; i < DISCOVERY_INTERFACES_MAX && !daemon->lost; i++)
		if (daemon->outlets[i].link.index)
			publish(&daemon->outlets[i]);
}

static void on_group(struct outlet *outlet, AvahiEntryGroupState state, bool (*rename)(struct site *site))
{
	struct daemon *daemon = outlet->daemon;

	if (state == AVAHI_ENTRY_GROUP_FAILURE || (state == AVAHI_ENTRY_GROUP_COLLISION && !rename(daemon->site)))
		lose(daemon);
	else if (state == AVAHI_ENTRY_GROUP_COLLISION)
		publish_all(daemon);
}

static void on_service(AvahiEntryGroup *group, AvahiEntryGroupState state, void *userdata)
{
	(void)group;
	on_group(userdata, state, site_rename_service);
}

static void on_addresses(AvahiEntryGroup *group, AvahiEntryGroupState state, void *userdata)
{
	(void)group;
	on_group(userdata, state, site_rename_host);
}

static void close_outlet(struct outlet *outlet)
{
	if (outlet->browser)
		outlet->avahi->service_browser_free(outlet->browser);
	if (outlet->service)
		outlet->avahi->entry_group_free(outlet->service);
	if (outlet->addresses)
		outlet->avahi->entry_group_free(outlet->addresses);
	*outlet = (struct outlet){0};
}

static void open_outlet(struct daemon *daemon, const struct link *link)
{
	struct outlet *outlet = daemon->outlets;

	while (outlet->link.index)
		outlet++; /* there are as many places as there can be links */
	outlet->daemon = daemon;
	outlet->avahi = daemon->avahi;
	outlet->link = *link;
	browse(outlet);
	outlet->service = daemon->avahi->entry_group_new(daemon->client, on_service, outlet);
	outlet->addresses = daemon->avahi->entry_group_new(daemon->client, on_addresses, outlet);
	if (!outlet->service || !outlet->addresses)
		lose(daemon);
	else if (!daemon->lost)
		publish(outlet);
}

static void update_outlet(struct outlet *outlet, const struct link *link)
{
	if (link_has_same_addresses(&outlet->link, link))
		return;
	outlet->link = *link;
	outlet->avahi->entry_group_reset(outlet->addresses);
	if (publish_addresses(outlet) != 0)
		lose(outlet->daemon);
}

static struct outlet *outlet_of(struct daemon *daemon, int index)
{
	for (size_t i = 0; i < DISCOVERY_INTERFACES_MAX; i++)
		if (daemon->outlets[i].link.index == index)
			return &daemon->outlets[i];
	return NULL;
}

static void daemon_links_changed(struct backend *backend)
{
	struct daemon *daemon = container_of(backend, struct daemon, backend);
	const struct links *links = &daemon->site->links;

	if (daemon->lost)
		return;
	for (size_t i = 0; i < DISCOVERY_INTERFACES_MAX; i++) {
		int index = daemon->outlets[i].link.index;
		if (index && !links_find(links, index)) {
			search_leave(&daemon->search, index);
			close_outlet(&daemon->outlets[i]);
		}
	}
	for (size_t i = 0; i < links->count && !daemon->lost; i++) {
		struct outlet *outlet = outlet_of(daemon, links->at[i].index);
		if (outlet)
			update_outlet(outlet, &links->at[i]);
		else
			open_outlet(daemon, &links->at[i]);
	}
}

static void daemon_announce(struct backend *backend)
{
	struct daemon *daemon = container_of(backend, struct daemon, backend);
	struct site *site = daemon->site;

	for (size_t i = 0; i < DISCOVERY_INTERFACES_MAX && !daemon->lost; i++) {
		struct outlet *outlet = &daemon->outlets[i];
		int state = outlet->service ? outlet->avahi->entry_group_get_state(outlet->service) : AVAHI_ENTRY_GROUP_UNCOMMITED;
		if (state != AVAHI_ENTRY_GROUP_ESTABLISHED && state != AVAHI_ENTRY_GROUP_REGISTERING)
			continue;
		if (outlet->avahi->entry_group_update_service_txt_strlst(outlet->service, outlet->link.index, AVAHI_PROTO_UNSPEC, 0, site->service,
									 DISCOVERY_SERVICE_TYPE, NULL, site->txt) < 0)
			lose(daemon);
	}
}

/* A new browser asks anew; it tells again of what is known, which search.h takes in its stride. */
static void daemon_refresh(struct backend *backend)
{
	struct daemon *daemon = container_of(backend, struct daemon, backend);

	for (size_t i = 0; i < DISCOVERY_INTERFACES_MAX && !daemon->lost; i++) {
		struct outlet *outlet = &daemon->outlets[i];
		AvahiServiceBrowser *old = outlet->browser;
		if (!outlet->link.index)
			continue;
		browse(outlet);
		if (old)
			daemon->avahi->service_browser_free(old);
	}
}

/* Closing the connection is what makes the daemon say goodbye; with it go all groups, browsers and resolvers, without a call for each. */
static void daemon_destroy(struct backend *backend)
{
	struct daemon *daemon = container_of(backend, struct daemon, backend);

	daemon->avahi->client_free(daemon->client);
	daemon->client = NULL;
	search_release(&daemon->search);
	free(daemon);
}

static const struct backend_ops ops = {daemon_announce, daemon_links_changed, daemon_refresh, daemon_destroy};

static void on_client(AvahiClient *client, AvahiClientState state, void *userdata)
{
	struct daemon *daemon = userdata;

	daemon->client = client; /* called from within avahi_client_new() already */
	if (state == AVAHI_CLIENT_FAILURE)
		lose(daemon);
}

int daemon_create(struct site *site, struct backend **ret_backend)
{
	struct daemon *daemon = calloc(1, sizeof *daemon);
	int error = AVAHI_ERR_NO_DAEMON;

	if (!daemon)
		return AVAHI_ERR_NO_MEMORY;
	daemon->backend.ops = &ops;
	daemon->site = site;
	search_init(&daemon->search, site, &search_ops, daemon);
	daemon->avahi = &daemon->calls;
	if (!load(&daemon->calls) || !daemon->avahi->client_new(site->poll, 0, on_client, daemon, &error)) {
		free(daemon);
		return error ? error : AVAHI_ERR_FAILURE;
	}
	daemon_links_changed(&daemon->backend);
	*ret_backend = &daemon->backend;
	return 0;
}

static void ignore_state(AvahiClient *client, AvahiClientState state, void *userdata)
{
	(void)client, (void)state, (void)userdata;
}

bool daemon_is_there(struct site *site)
{
	struct calls avahi;
	AvahiClient *client = load(&avahi) ? avahi.client_new(site->poll, 0, ignore_state, NULL, NULL) : NULL;

	if (client)
		avahi.client_free(client);
	return client != NULL;
}
