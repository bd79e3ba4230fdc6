/* discovery_private: what the owner's side (discovery.c) and the thread (agent.c) of a discovery share. Private to discovery. */
#ifndef LARDER_DISCOVERY_PRIVATE_H
#define LARDER_DISCOVERY_PRIVATE_H

#include "discovery/backend.h"
#include "discovery/sightings.h"

#include <avahi-common/simple-watch.h>
#include <pthread.h>
#include <stdatomic.h>

/* What the owner asks of the thread; the latest note wins. */
struct commands {
	bool quit;
	bool refresh;
	bool announce;
	struct discovery_note note; /* where announce is set */
};

/* What the thread has to do at some time. */
enum alarm {
	ALARM_LINKS,    /* look at the interfaces; before anything is announced there */
	ALARM_BACKEND,  /* (re)start the backend */
	ALARM_ANNOUNCE, /* announce the latest note */
	ALARM_SWEEP,    /* drop what the new backend has not seen */
	ALARM_LOOK,     /* see whether avahi-daemon has come, and for anything missed */
	ALARMS
};

struct discovery {
	/* Set before the thread starts, then read only. */
	enum discovery_mode wanted;
	char **interfaces; /* owned */
	size_t interface_count;
	void *context;
	void (*on_seen)(void *context, const struct discovery_peer *peer);
	void (*on_gone)(void *context, const struct discovery_peer *peer);
	pthread_t thread;
	bool running;
	int event_fd;   /* there is news for the owner */
	int command_fd; /* there are commands for the thread */

	pthread_mutex_t lock; /* of these two */
	struct commands commands;
	struct sightings sightings;

	atomic_int mode; /* in use; written by the thread */

	/* The thread's own. */
	AvahiSimplePoll *poll;
	struct site site;
	struct discovery_note note; /* the latest */
	struct backend *backend;    /* NULL: none at the moment */
	enum discovery_mode kind;   /* of that, or of the one tried last */
	bool backend_lost;          /* by what it says itself */
	bool daemon_refuses;        /* avahi-daemon does not let us publish: leave it alone */
	bool quit;
	AvahiWatch *command_watch, *links_watch;
	int links_fd;             /* -1: none to be had; then ALARM_LOOK has to do */
	int64_t at_ms[ALARMS];    /* when each is due; INT64_MAX: not at all */
	int64_t announced_ms;     /* when something was announced last */
	int64_t started_ms;       /* when a backend was started last */
	unsigned losses;          /* of backends that were lost soon, in a row */
	int64_t daemon_lost_ms;   /* when avahi-daemon was lost last */
	int64_t wall_ahead_s;     /* wall clock minus monotonic clock */
};

/* Before the thread starts: false when there is no memory. Afterwards, or when it never started: agent_release(). */
bool agent_prepare(struct discovery *discovery) LARDER_MUST_USE;
void agent_release(struct discovery *discovery);

/* The thread; `arg` is the struct discovery. */
void *agent_run(void *arg);

/* Take the commands out of the mailbox. */
void discovery_take_commands(struct discovery *discovery, struct commands *ret_commands);
/* Apply a change to the sightings under the lock, and wake the owner if there is news. */
void discovery_put(struct discovery *discovery, const struct discovery_peer *peer);
void discovery_drop(struct discovery *discovery, const char *name, int interface, sa_family_t family);
void discovery_begin_round(struct discovery *discovery);
void discovery_end_round(struct discovery *discovery);

#endif
