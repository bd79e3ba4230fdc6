/* embedded: an Avahi of our own, for machines without avahi-daemon (or where D-Bus cannot be reached, as in a container).
 *
 * It may have to live beside another on the same machine: an avahi-daemon, a second node. Two that publish the machine's name and addresses
 * fight over the records for the way back from address to name, and rename themselves for ever. So this one publishes a host name of its own,
 * made from the epoch, without the way back; the addresses are added here, link by link. They need no probing: nobody else has the name. The
 * service is probed for, at once.
 */
#include "discovery/library.h"
#include "discovery/search.h"

#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <avahi-core/core.h>
#include <avahi-core/log.h>
#include <avahi-core/lookup.h>
#include <avahi-core/publish.h>
#include <stdlib.h>
#include <string.h>

#define SONAME "libavahi-core.so.7"
#define CALLS(CALL) \
	CALL(s_entry_group_commit) CALL(s_entry_group_free) CALL(s_entry_group_get_state) CALL(s_entry_group_new) CALL(s_entry_group_reset) \
	CALL(s_service_browser_free) CALL(s_service_browser_new) CALL(s_service_resolver_free) CALL(s_service_resolver_new) \
	CALL(server_add_address) CALL(server_add_service_strlst) CALL(server_config_free) CALL(server_config_init) CALL(server_errno) \
	CALL(server_free) CALL(server_new) CALL(server_update_service_txt_strlst) CALL(set_log_function)

struct calls {
	CALLS(LIBRARY_POINTER)
};

static const struct library_call calls_of_library[] = {CALLS(LIBRARY_CALL)};

/* What is announced on a link, and what is looked for there. */
struct outlet {
	struct embedded *embedded;
	const struct calls *avahi;
	struct link link; /* as it was when the addresses were published; index 0: a free place */
	AvahiSEntryGroup *service, *addresses;
	AvahiSServiceBrowser *browser;
};

struct embedded {
	struct backend backend;
	struct site *site;
	struct calls calls;
	const struct calls *avahi; /* those */
	AvahiServer *server;
	struct search search;
	struct outlet outlets[DISCOVERY_INTERFACES_MAX];
	bool lost;
};

static void lose(struct embedded *embedded, int error)
{
	if (embedded->lost)
		return;
	embedded->lost = true;
	embedded->site->on_lost(embedded->site, error);
}

static void on_found(AvahiSServiceResolver *resolver, AvahiIfIndex interface, AvahiProtocol protocol, AvahiResolverEvent event, const char *name,
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
	struct embedded *embedded = context;

	return embedded->avahi->s_service_resolver_new(embedded->server, interface, protocol, name, DISCOVERY_SERVICE_TYPE, NULL, protocol,
						       AVAHI_LOOKUP_USE_MULTICAST, on_found, finding);
}

static void stop_resolver(void *context, void *resolver)
{
	struct embedded *embedded = context;

	embedded->avahi->s_service_resolver_free(resolver);
}

static const struct search_ops search_ops = {start_resolver, stop_resolver};

static void on_browsed(AvahiSServiceBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol, AvahiBrowserEvent event, const char *name,
		       const char *type, const char *domain, AvahiLookupResultFlags flags, void *userdata)
{
	struct outlet *outlet = userdata;
	struct embedded *embedded = outlet->embedded;

	(void)browser, (void)type, (void)domain, (void)flags;
	if (event == AVAHI_BROWSER_NEW)
		search_on_new(&embedded->search, interface, protocol, name);
	else if (event == AVAHI_BROWSER_REMOVE)
		search_on_remove(&embedded->search, interface, protocol, name);
	else if (event == AVAHI_BROWSER_FAILURE)
		lose(embedded, embedded->avahi->server_errno(embedded->server));
}

static bool browse(struct outlet *outlet)
{
	outlet->browser = outlet->avahi->s_service_browser_new(outlet->embedded->server, outlet->link.index, AVAHI_PROTO_UNSPEC, DISCOVERY_SERVICE_TYPE,
							       NULL, AVAHI_LOOKUP_USE_MULTICAST, on_browsed, outlet);
	return outlet->browser != NULL;
}

static int publish_service(struct outlet *outlet)
{
	struct site *site = outlet->embedded->site;
	int error = outlet->avahi->server_add_service_strlst(outlet->embedded->server, outlet->service, outlet->link.index, AVAHI_PROTO_UNSPEC, 0,
							     site->service, DISCOVERY_SERVICE_TYPE, NULL, site->host, site->port, site->txt);

	return error ? error : outlet->avahi->s_entry_group_commit(outlet->service);
}

static int publish_addresses(struct outlet *outlet)
{
	AvahiServer *server = outlet->embedded->server;
	int error = 0;

	for (size_t i = 0; i < outlet->link.address_count && !error; i++) {
		AvahiAddress address = site_address(&outlet->link.addresses[i]);
		error = outlet->avahi->server_add_address(server, outlet->addresses, outlet->link.index, AVAHI_PROTO_UNSPEC,
							AVAHI_PUBLISH_NO_REVERSE | AVAHI_PUBLISH_NO_PROBE, outlet->embedded->site->host, &address);
	}
	return error || outlet->link.address_count == 0 ? error : outlet->avahi->s_entry_group_commit(outlet->addresses);
}

static void publish(struct outlet *outlet)
{
	int error;

	outlet->avahi->s_entry_group_reset(outlet->service);
	outlet->avahi->s_entry_group_reset(outlet->addresses);
	error = publish_addresses(outlet);
	if (!error)
		error = publish_service(outlet);
	if (error)
		lose(outlet->embedded, error);
}

static void publish_all(struct embedded *embedded)
{
	for (size_t i = 0; i < DISCOVERY_INTERFACES_MAX && !embedded->lost; i++)
		if (embedded->outlets[i].link.index)
			publish(&embedded->outlets[i]);
}

static void on_service(AvahiServer *server, AvahiSEntryGroup *group, AvahiEntryGroupState state, void *userdata)
{
	struct outlet *outlet = userdata;
	struct embedded *embedded = outlet->embedded;

	(void)group;
	if (state == AVAHI_ENTRY_GROUP_FAILURE || (state == AVAHI_ENTRY_GROUP_COLLISION && !site_rename_service(embedded->site)))
		lose(embedded, embedded->avahi->server_errno(server));
	else if (state == AVAHI_ENTRY_GROUP_COLLISION)
		publish_all(embedded);
}

static void on_addresses(AvahiServer *server, AvahiSEntryGroup *group, AvahiEntryGroupState state, void *userdata)
{
	struct outlet *outlet = userdata;
	struct embedded *embedded = outlet->embedded;

	(void)group;
	if (state == AVAHI_ENTRY_GROUP_FAILURE || (state == AVAHI_ENTRY_GROUP_COLLISION && !site_rename_host(embedded->site)))
		lose(embedded, embedded->avahi->server_errno(server));
	else if (state == AVAHI_ENTRY_GROUP_COLLISION)
		publish_all(embedded);
}

static void close_outlet(struct outlet *outlet)
{
	if (outlet->browser)
		outlet->avahi->s_service_browser_free(outlet->browser);
	if (outlet->service)
		outlet->avahi->s_entry_group_free(outlet->service);
	if (outlet->addresses)
		outlet->avahi->s_entry_group_free(outlet->addresses);
	*outlet = (struct outlet){0};
}

static void open_outlet(struct embedded *embedded, const struct link *link)
{
	struct outlet *outlet = embedded->outlets;

	while (outlet->link.index)
		outlet++; /* there are as many places as there can be links */
	outlet->embedded = embedded;
	outlet->avahi = embedded->avahi;
	outlet->link = *link;
	outlet->service = embedded->avahi->s_entry_group_new(embedded->server, on_service, outlet);
	outlet->addresses = embedded->avahi->s_entry_group_new(embedded->server, on_addresses, outlet);
	if (!outlet->service || !outlet->addresses || !browse(outlet))
		lose(embedded, embedded->avahi->server_errno(embedded->server));
	else
		publish(outlet);
}

static void update_outlet(struct outlet *outlet, const struct link *link)
{
	int error;

	if (link_has_same_addresses(&outlet->link, link))
		return;
	outlet->link = *link;
	outlet->avahi->s_entry_group_reset(outlet->addresses);
	error = publish_addresses(outlet);
	if (error)
		lose(outlet->embedded, error);
}

static struct outlet *outlet_of(struct embedded *embedded, int index)
{
	for (size_t i = 0; i < DISCOVERY_INTERFACES_MAX; i++)
		if (embedded->outlets[i].link.index == index)
			return &embedded->outlets[i];
	return NULL;
}

static void embedded_links_changed(struct backend *backend)
{
	struct embedded *embedded = container_of(backend, struct embedded, backend);
	const struct links *links = &embedded->site->links;

	for (size_t i = 0; i < DISCOVERY_INTERFACES_MAX; i++) {
		int index = embedded->outlets[i].link.index;
		if (index && !links_find(links, index)) {
			search_leave(&embedded->search, index);
			close_outlet(&embedded->outlets[i]);
		}
	}
	for (size_t i = 0; i < links->count && !embedded->lost; i++) {
		struct outlet *outlet = outlet_of(embedded, links->at[i].index);
		if (outlet)
			update_outlet(outlet, &links->at[i]);
		else
			open_outlet(embedded, &links->at[i]);
	}
}

static void embedded_announce(struct backend *backend)
{
	struct embedded *embedded = container_of(backend, struct embedded, backend);
	struct site *site = embedded->site;

	for (size_t i = 0; i < DISCOVERY_INTERFACES_MAX; i++) {
		struct outlet *outlet = &embedded->outlets[i];
		AvahiEntryGroupState state = outlet->service ? outlet->avahi->s_entry_group_get_state(outlet->service) : AVAHI_ENTRY_GROUP_UNCOMMITED;
		if (state != AVAHI_ENTRY_GROUP_ESTABLISHED && state != AVAHI_ENTRY_GROUP_REGISTERING)
			continue;
		if (outlet->avahi->server_update_service_txt_strlst(embedded->server, outlet->service, outlet->link.index, AVAHI_PROTO_UNSPEC, 0,
								    site->service, DISCOVERY_SERVICE_TYPE, NULL, site->txt) < 0)
			lose(embedded, embedded->avahi->server_errno(embedded->server));
	}
}

/* A new browser asks anew; it tells again of what is known, which search.h takes in its stride. */
static void embedded_refresh(struct backend *backend)
{
	struct embedded *embedded = container_of(backend, struct embedded, backend);

	for (size_t i = 0; i < DISCOVERY_INTERFACES_MAX && !embedded->lost; i++) {
		struct outlet *outlet = &embedded->outlets[i];
		AvahiSServiceBrowser *old = outlet->browser;
		if (!outlet->link.index)
			continue;
		if (!browse(outlet))
			lose(embedded, embedded->avahi->server_errno(embedded->server));
		if (old)
			embedded->avahi->s_service_browser_free(old);
	}
}

static void embedded_destroy(struct backend *backend)
{
	struct embedded *embedded = container_of(backend, struct embedded, backend);

	search_release(&embedded->search);
	for (size_t i = 0; i < DISCOVERY_INTERFACES_MAX; i++)
		close_outlet(&embedded->outlets[i]);
	if (embedded->server)
		embedded->avahi->server_free(embedded->server);
	free(embedded);
}

static const struct backend_ops ops = {embedded_announce, embedded_links_changed, embedded_refresh, embedded_destroy};

static void on_server(AvahiServer *server, AvahiServerState state, void *userdata)
{
	struct embedded *embedded = userdata;

	if (state == AVAHI_SERVER_FAILURE)
		lose(embedded, embedded->avahi->server_errno(server));
}

/* Avahi would write what it thinks worth knowing to standard error. The function is one for the whole process, whoever sets it. */
static void no_log(AvahiLogLevel level, const char *text)
{
	(void)level, (void)text;
}

static int start_server(struct embedded *embedded)
{
	AvahiServerConfig config;
	int error = AVAHI_ERR_NOT_SUPPORTED;

	embedded->avahi = &embedded->calls;
	if (!library_load(SONAME, calls_of_library, sizeof calls_of_library / sizeof calls_of_library[0], &embedded->calls))
		return error;
	embedded->avahi->set_log_function(no_log);
	embedded->avahi->server_config_init(&config);
	config.host_name = avahi_strndup(embedded->site->host, strcspn(embedded->site->host, "."));
	config.publish_hinfo = 0;
	config.publish_addresses = 0;
	config.publish_workstation = 0;
	config.publish_domain = 0;
	config.enable_wide_area = 0;
	config.use_iff_running = 1; /* forget what was heard when the cable is out */
	embedded->server = embedded->avahi->server_new(embedded->site->poll, &config, on_server, embedded, &error);
	embedded->avahi->server_config_free(&config);
	return embedded->server ? 0 : error;
}

int embedded_create(struct site *site, struct backend **ret_backend)
{
	struct embedded *embedded = calloc(1, sizeof *embedded);
	int error;

	if (!embedded)
		return AVAHI_ERR_NO_MEMORY;
	embedded->backend.ops = &ops;
	embedded->site = site;
	search_init(&embedded->search, site, &search_ops, embedded);
	error = start_server(embedded);
	if (error) {
		embedded_destroy(&embedded->backend);
		return error;
	}
	embedded_links_changed(&embedded->backend);
	*ret_backend = &embedded->backend;
	return 0;
}
