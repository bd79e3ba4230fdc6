#include "discovery/discovery_private.h"
#include "discovery/service_name.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define REAP_MAX 256 /* callbacks a turn */

static void poke(int fd)
{
	uint64_t one = 1;

	/* Fails only when the counter is full, and then the descriptor is readable anyway. */
	if (write(fd, &one, sizeof one) < 0)
		return;
}

static void unpoke(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof count) < 0)
		return;
}

static bool copy_interfaces(struct discovery *discovery, const struct discovery_options *options)
{
	if (options->interface_count == 0)
		return true;
	discovery->interfaces = calloc(options->interface_count, sizeof *discovery->interfaces);
	if (!discovery->interfaces)
		return false;
	for (; discovery->interface_count < options->interface_count; discovery->interface_count++) {
		size_t i = discovery->interface_count;
		discovery->interfaces[i] = strdup(options->interfaces[i]);
		if (!discovery->interfaces[i])
			return false;
	}
	return true;
}

static void name_site(struct site *site, const struct discovery_options *options)
{
	const uint8_t *e = options->note.epoch;

	service_name_make(options->name, options->note.node, site->service);
	snprintf(site->host, sizeof site->host, "larder-%02x%02x%02x%02x%02x%02x%02x%02x.local", e[0], e[1], e[2], e[3], e[4], e[5], e[6], e[7]);
}

/* The thread takes no signals: they are the main thread's business. */
static bool start_thread(struct discovery *discovery)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	discovery->running = pthread_create(&discovery->thread, NULL, agent_run, discovery) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return discovery->running;
}

static struct discovery *allocate(const struct discovery_options *options)
{
	struct discovery *discovery = calloc(1, sizeof *discovery);

	if (!discovery)
		return NULL;
	pthread_mutex_init(&discovery->lock, NULL);
	sightings_init(&discovery->sightings);
	atomic_init(&discovery->mode, DISCOVERY_STARTING);
	discovery->event_fd = discovery->command_fd = discovery->links_fd = -1;
	discovery->wanted = options->mode;
	discovery->note = options->note;
	discovery->context = options->context;
	discovery->on_seen = options->on_seen;
	discovery->on_gone = options->on_gone;
	discovery->site.log = options->log;
	discovery->site.port = options->port;
	name_site(&discovery->site, options);
	return discovery;
}

enum err discovery_create(const struct discovery_options *options, struct discovery **ret_discovery)
{
	struct discovery *discovery = allocate(options);
	enum err err = ERR_NO_MEMORY;

	if (!discovery || !copy_interfaces(discovery, options) || !(discovery->poll = avahi_simple_poll_new()))
		goto fail;
	err = ERR_IO;
	discovery->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	discovery->command_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (discovery->event_fd < 0 || discovery->command_fd < 0 || !agent_prepare(discovery) || !start_thread(discovery))
		goto fail;
	*ret_discovery = discovery;
	return ERR_OK;
fail:
	discovery_destroy(discovery);
	return err;
}

static void stop_thread(struct discovery *discovery)
{
	pthread_mutex_lock(&discovery->lock);
	discovery->commands.quit = true;
	pthread_mutex_unlock(&discovery->lock);
	poke(discovery->command_fd);
	pthread_join(discovery->thread, NULL);
}

void discovery_destroy(struct discovery *discovery)
{
	if (!discovery)
		return;
	if (discovery->running)
		stop_thread(discovery);
	agent_release(discovery);
	if (discovery->poll)
		avahi_simple_poll_free(discovery->poll);
	if (discovery->event_fd >= 0)
		close(discovery->event_fd);
	if (discovery->command_fd >= 0)
		close(discovery->command_fd);
	for (size_t i = 0; i < discovery->interface_count; i++)
		free(discovery->interfaces[i]);
	free(discovery->interfaces);
	sightings_release(&discovery->sightings);
	pthread_mutex_destroy(&discovery->lock);
	free(discovery);
}

int discovery_fd(const struct discovery *discovery)
{
	return discovery->event_fd;
}

static enum sighting_news next_news(struct discovery *discovery, struct discovery_peer *ret_peer)
{
	enum sighting_news news;

	pthread_mutex_lock(&discovery->lock);
	news = sightings_next(&discovery->sightings, ret_peer);
	pthread_mutex_unlock(&discovery->lock);
	return news;
}

size_t discovery_reap(struct discovery *discovery)
{
	struct discovery_peer peer;
	size_t reaped = 0;

	/* Emptied first: what is put from here on makes it readable again. */
	unpoke(discovery->event_fd);
	for (; reaped < REAP_MAX; reaped++) {
		enum sighting_news news = next_news(discovery, &peer);
		if (news == SIGHTING_NONE)
			return reaped;
		if (news == SIGHTING_SEEN)
			discovery->on_seen(discovery->context, &peer);
		else
			discovery->on_gone(discovery->context, &peer);
	}
	poke(discovery->event_fd);
	return reaped;
}

void discovery_announce(struct discovery *discovery, const struct discovery_note *note)
{
	pthread_mutex_lock(&discovery->lock);
	discovery->commands.announce = true;
	discovery->commands.note = *note;
	pthread_mutex_unlock(&discovery->lock);
	poke(discovery->command_fd);
}

void discovery_refresh(struct discovery *discovery)
{
	pthread_mutex_lock(&discovery->lock);
	discovery->commands.refresh = true;
	pthread_mutex_unlock(&discovery->lock);
	poke(discovery->command_fd);
}

enum discovery_mode discovery_mode(const struct discovery *discovery)
{
	return (enum discovery_mode)atomic_load(&discovery->mode);
}

const char *discovery_mode_name(enum discovery_mode mode)
{
	switch (mode) {
	case DISCOVERY_DAEMON:
		return "avahi-daemon";
	case DISCOVERY_EMBEDDED:
		return "built in";
	case DISCOVERY_STARTING:
		return "starting";
	default:
		return "none";
	}
}

void discovery_take_commands(struct discovery *discovery, struct commands *ret_commands)
{
	unpoke(discovery->command_fd);
	pthread_mutex_lock(&discovery->lock);
	*ret_commands = discovery->commands;
	discovery->commands = (struct commands){0};
	pthread_mutex_unlock(&discovery->lock);
}

static void unlock_and_wake(struct discovery *discovery)
{
	bool news = sightings_has_news(&discovery->sightings);

	pthread_mutex_unlock(&discovery->lock);
	if (news)
		poke(discovery->event_fd);
}

void discovery_put(struct discovery *discovery, const struct discovery_peer *peer)
{
	bool kept;

	pthread_mutex_lock(&discovery->lock);
	kept = sightings_put(&discovery->sightings, peer);
	unlock_and_wake(discovery);
	if (!kept)
		log_debug(discovery->site.log, "more announcements than can be kept: left out that of %s", peer->name);
}

void discovery_drop(struct discovery *discovery, const char *name, int interface, sa_family_t family)
{
	pthread_mutex_lock(&discovery->lock);
	sightings_drop(&discovery->sightings, name, interface, family);
	unlock_and_wake(discovery);
}

void discovery_begin_round(struct discovery *discovery)
{
	pthread_mutex_lock(&discovery->lock);
	sightings_begin_round(&discovery->sightings);
	pthread_mutex_unlock(&discovery->lock);
}

void discovery_end_round(struct discovery *discovery)
{
	pthread_mutex_lock(&discovery->lock);
	sightings_end_round(&discovery->sightings);
	unlock_and_wake(discovery);
}
