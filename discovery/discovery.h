/* discovery: announces this node on the LAN, and tells of the others, by DNS-SD over multicast DNS (RFC 6762, RFC 6763).
 *
 * The service type is DISCOVERY_SERVICE_TYPE, the TXT record that of note.h. Avahi does the work: the system's avahi-daemon where it answers, else
 * an Avahi of our own in this process (DISCOVERY_AUTO; looked at anew every 30 s). All of it runs on a thread of discovery's own; the owner,
 * who must be one thread, watches discovery_fd() and calls discovery_reap(), as with base/pool.h. Nothing here blocks, except
 * discovery_create(), which starts the thread, and discovery_destroy(), which joins it. There may be several in one process.
 *
 * Seen and gone are about announcements, not about nodes: one that crashed or whose cable was pulled stays seen for up to two minutes; one that said
 * goodbye is gone at once. Whether a node lives is to be asked of itself. While avahi-daemon is restarted, or the mode changes, what was seen
 * stays seen, and goes after 10 s if it was not seen again.
 */
#ifndef LARDER_DISCOVERY_DISCOVERY_H
#define LARDER_DISCOVERY_DISCOVERY_H

#include "base/err.h"
#include "base/log.h"
#include "discovery/note.h"

#include <sys/socket.h>

#define DISCOVERY_SERVICE_TYPE "_larder._tcp"
#define DISCOVERY_NAME_MAX 64      /* bytes of a service name, with its NUL */
#define DISCOVERY_PEERS_MAX 4096   /* more than these at once are not told of */
#define DISCOVERY_INTERFACES_MAX 32 /* interfaces in use at once; more are ignored */
#define DISCOVERY_ANNOUNCE_MS 2000 /* least time between two updates of what is announced */

struct discovery;

enum discovery_mode {
	DISCOVERY_AUTO,
	DISCOVERY_DAEMON,   /* the system's avahi-daemon, over D-Bus */
	DISCOVERY_EMBEDDED, /* an Avahi of our own */
	DISCOVERY_NONE,     /* in an answer only: neither works at the moment */
	DISCOVERY_STARTING, /* in an answer only: nothing has been tried yet */
};

/* One way to a node: an announcement, as heard on one interface over one address family. A node that is reachable in several ways is several
 * of these, with the same note.node and note.epoch. */
struct discovery_peer {
	char name[DISCOVERY_NAME_MAX]; /* of the service; unique on a LAN, free text from outside, without control characters */
	int interface;                 /* index */
	struct sockaddr_storage address; /* AF_INET or AF_INET6, with port, and with a scope id where it is link-local */
	struct discovery_note note;
};

struct discovery_options {
	const char *name; /* the node's name for people; the service is called "NAME (first half of the node id)", cut to fit */
	uint16_t port;    /* where the node takes connections */
	struct discovery_note note; /* the first one; note.node and note.epoch stay for as long as this discovery lives */
	enum discovery_mode mode;   /* AUTO, DAEMON or EMBEDDED */
	/* Names of the only interfaces to use; none: all but those that interface_is_skipped() (interface.h). */
	const char *const *interfaces;
	size_t interface_count;
	struct log *log; /* borrowed; NULL is silence */

	/* Called by discovery_reap() only, with `context`. What they are given is borrowed, for the call. They may call anything here but
	 * discovery_destroy() and discovery_reap(). Neither may be NULL. */
	void *context;
	/* A peer is new, or its address or note has changed. One's own announcements are not told; those of another start with our own node id
	 * are: a machine was cloned with its key. */
	void (*on_seen)(void *context, const struct discovery_peer *peer);
	/* A peer that on_seen() told of is gone: the same name, interface and address family. */
	void (*on_gone)(void *context, const struct discovery_peer *peer);
};

/* Everything in `options` is copied, except what is said to be borrowed. Whether Avahi works shows later, in the log and in
 * discovery_mode(); it is tried again and again. ERR_NO_MEMORY, ERR_IO (no thread or descriptor). */
enum err discovery_create(const struct discovery_options *options, struct discovery **ret_discovery) LARDER_MUST_USE;

/* Say goodbye to the LAN and free everything; no callback fires any more. Waits for the thread: some milliseconds (longer only where
 * avahi-daemon hangs). NULL is fine. */
void discovery_destroy(struct discovery *discovery);

/* Becomes readable when there is something to tell; never read it yourself. */
int discovery_fd(const struct discovery *discovery);

/* Call the callbacks for what has changed since the last time: once for each peer, with its latest state; a bounded number of them (the descriptor
 * stays readable when more are left). Returns how many were called. Never blocks. */
size_t discovery_reap(struct discovery *discovery);

/* From now on announce this instead. Updates go out at least DISCOVERY_ANNOUNCE_MS apart, the last one wins. */
void discovery_announce(struct discovery *discovery, const struct discovery_note *note);

/* Ask the LAN again, as after a wake-up from sleep; changes of interfaces are noticed without. */
void discovery_refresh(struct discovery *discovery);

/* What is in use now: DAEMON, EMBEDDED, NONE, or STARTING for the first moment. Any thread. */
enum discovery_mode discovery_mode(const struct discovery *discovery);
/* "avahi-daemon", "built in", "none", "starting". */
const char *discovery_mode_name(enum discovery_mode mode);

#endif
