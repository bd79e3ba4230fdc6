/* search: the services that a backend found, each being resolved, and resolved again where that failed. Private to discovery; on its thread only.
 *
 * Both backends find and resolve in the same way through different functions of Avahi, which `struct search_ops` holds. A service that Avahi has seen
 * (browsed) is told to the site when it is resolved, and again when its note or address changed; what breaks the rules of note.h is left out.
 */
#ifndef LARDER_DISCOVERY_SEARCH_H
#define LARDER_DISCOVERY_SEARCH_H

#include "base/list.h"
#include "discovery/backend.h"

#include <avahi-common/address.h>
#include <avahi-common/defs.h>

struct finding;

struct search_ops {
	/* Start to resolve; results go to search_on_resolved() with `finding`, for as long as it runs. NULL: failed. */
	void *(*resolve)(void *context, int interface, AvahiProtocol protocol, const char *name, struct finding *finding);
	void (*stop)(void *context, void *resolver);
};

struct search {
	struct site *site;
	const struct search_ops *ops;
	void *context; /* for ops */
	struct list findings;
	size_t count;
};

void search_init(struct search *search, struct site *site, const struct search_ops *ops, void *context);
/* Stops all resolving; tells nothing. */
void search_release(struct search *search);

void search_on_new(struct search *search, int interface, AvahiProtocol protocol, const char *name);
void search_on_remove(struct search *search, int interface, AvahiProtocol protocol, const char *name);
/* `address` and `txt` may be NULL. */
void search_on_resolved(struct finding *finding, const char *host, const AvahiAddress *address, uint16_t port, AvahiStringList *txt);
void search_on_failure(struct finding *finding);

/* The interface is no longer in use: what was found there is gone. */
void search_leave(struct search *search, int interface);

#endif
