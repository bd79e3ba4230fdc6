/* backend: one way to speak multicast DNS. Private to discovery; on its thread only.
 *
 * There are two, daemon.c and embedded.c. Each announces `site->service` on every link of `site->links`, looks for others there, and tells of
 * them through search.h. While it lives it calls back from within Avahi's poll; it is destroyed from outside of that only.
 */
#ifndef LARDER_DISCOVERY_BACKEND_H
#define LARDER_DISCOVERY_BACKEND_H

#include "discovery/links.h"

#include <avahi-common/address.h>
#include <avahi-common/strlst.h>
#include <avahi-common/watch.h>

#define HOST_NAME_LEN 64

/* What a backend announces and whom it tells. Kept by the thread across backends. */
struct site {
	const AvahiPoll *poll;
	struct log *log;
	char service[DISCOVERY_NAME_MAX]; /* a backend takes another name on a conflict */
	char host[HOST_NAME_LEN];         /* of this node's own: this, or another on a conflict */
	uint16_t port;
	AvahiStringList *txt;
	struct links links;

	void (*on_seen)(struct site *site, const struct discovery_peer *peer);
	void (*on_gone)(struct site *site, const char *name, int interface, sa_family_t family);
	/* The backend cannot go on, because of this error of Avahi's; nothing more comes from it. It is to be destroyed soon. */
	void (*on_lost)(struct site *site, int avahi_error);
};

struct backend {
	const struct backend_ops *ops;
};

struct backend_ops {
	void (*announce)(struct backend *backend);      /* site->txt has changed */
	void (*links_changed)(struct backend *backend); /* site->links has changed */
	void (*refresh)(struct backend *backend);       /* ask for all services anew */
	void (*destroy)(struct backend *backend);       /* says goodbye */
};

/* These return an error of Avahi's (0: none). on_lost() may be called before they return. `site` is borrowed. */
int daemon_create(struct site *site, struct backend **ret_backend) LARDER_MUST_USE;
int embedded_create(struct site *site, struct backend **ret_backend) LARDER_MUST_USE;

/* Whether avahi-daemon answers. */
bool daemon_is_there(struct site *site);

/* Take another service name: "NAME #2" after "NAME"; another host name. False: no memory. */
bool site_rename_service(struct site *site);
bool site_rename_host(struct site *site);
/* As Avahi has it. */
AvahiAddress site_address(const struct link_address *from);

#endif
