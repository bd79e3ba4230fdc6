/* agent: the thread of a discovery. It runs Avahi's poll, keeps a backend going, and does what the owner asks.
 *
 * Avahi's timers follow the wall clock. When that is set (a laptop that wakes, a small computer without a battery that gets its time from the
 * network) they fire late or all at once, and what was cached expires; the backend is made anew then. The timers here are monotonic.
 */
#include "base/clock.h"
#include "discovery/discovery_private.h"

#include <avahi-common/alternative.h>
#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINKS_SETTLE_MS 100     /* changes of interfaces come in bursts */
#define SWEEP_MS 10000          /* what a new backend has not seen after that is gone */
#define LOOK_MS 30000
#define DAEMON_RETRY_MS 250     /* while it may be just restarting ... */
#define DAEMON_WAIT_MS 4000     /* ... in AUTO, before the embedded one takes over */
#define RETRY_MS 2000           /* after anything else that failed */
#define STABLE_MS 10000         /* a backend that is lost before that does not work well */
#define LOSSES_MAX 4            /* so many such losses in a row, and in AUTO avahi-daemon is left alone */
#define CLOCK_JUMP_S 3

static int64_t now_ms(void)
{
	return clock_now_ms(clock_system());
}

static void set_alarm(struct discovery *discovery, enum alarm alarm, int64_t delay_ms)
{
	discovery->at_ms[alarm] = now_ms() + delay_ms;
}

static void clear_alarm(struct discovery *discovery, enum alarm alarm)
{
	discovery->at_ms[alarm] = INT64_MAX;
}

/* What the backend tells. */

static void on_seen(struct site *site, const struct discovery_peer *peer)
{
	struct discovery *discovery = container_of(site, struct discovery, site);

	if (!note_is_same_start(&discovery->note, &peer->note))
		discovery_put(discovery, peer);
}

static void on_gone(struct site *site, const char *name, int interface, sa_family_t family)
{
	discovery_drop(container_of(site, struct discovery, site), name, interface, family);
}

static void on_lost(struct site *site, int avahi_error)
{
	struct discovery *discovery = container_of(site, struct discovery, site);

	log_info(site->log, "discovery by multicast DNS was interrupted (%s), starting it again", avahi_strerror(avahi_error));
	discovery->losses = now_ms() - discovery->started_ms < STABLE_MS ? discovery->losses + 1 : 1;
	if (discovery->kind == DISCOVERY_DAEMON)
		discovery->daemon_lost_ms = now_ms();
	if (discovery->wanted == DISCOVERY_AUTO && discovery->kind == DISCOVERY_DAEMON &&
	    (discovery->losses >= LOSSES_MAX || avahi_error == AVAHI_ERR_NOT_PERMITTED || avahi_error == AVAHI_ERR_ACCESS_DENIED))
		discovery->daemon_refuses = true;
	discovery->backend_lost = true;
	atomic_store(&discovery->mode, DISCOVERY_NONE);
	set_alarm(discovery, ALARM_BACKEND, discovery->losses < LOSSES_MAX ? DAEMON_RETRY_MS : RETRY_MS);
}

bool site_rename_service(struct site *site)
{
	char *name = avahi_alternative_service_name(site->service);

	if (!name)
		return false;
	log_info(site->log, "another machine announces the name %s: taking %s", site->service, name);
	strncpy(site->service, name, sizeof site->service - 1);
	avahi_free(name);
	return true;
}

bool site_rename_host(struct site *site)
{
	char *name, *dot = strchr(site->host, '.');

	if (dot)
		*dot = 0;
	name = avahi_alternative_host_name(site->host);
	if (!name)
		return false;
	snprintf(site->host, sizeof site->host, "%.*s.local", (int)(sizeof site->host - sizeof ".local"), name);
	avahi_free(name);
	return true;
}

AvahiAddress site_address(const struct link_address *from)
{
	AvahiAddress address = {.proto = from->family == AF_INET ? AVAHI_PROTO_INET : AVAHI_PROTO_INET6};

	memcpy(&address.data, from->bytes, from->family == AF_INET ? 4 : 16);
	return address;
}

/* The backend. */

static bool write_txt(struct discovery *discovery)
{
	uint8_t txt[NOTE_TXT_MAX];
	size_t len = note_write(&discovery->note, txt);
	AvahiStringList *list;

	if (avahi_string_list_parse(txt, len, &list) < 0)
		return false;
	avahi_string_list_free(discovery->site.txt);
	discovery->site.txt = list;
	discovery->announced_ms = now_ms();
	clear_alarm(discovery, ALARM_ANNOUNCE);
	return true;
}

static void stop_backend(struct discovery *discovery)
{
	if (!discovery->backend)
		return;
	discovery->backend->ops->destroy(discovery->backend);
	discovery->backend = NULL;
	atomic_store(&discovery->mode, DISCOVERY_NONE);
	discovery_begin_round(discovery);
}

static bool try_backend(struct discovery *discovery, enum discovery_mode mode)
{
	int error;

	discovery->kind = mode;
	error = (mode == DISCOVERY_DAEMON ? daemon_create : embedded_create)(&discovery->site, &discovery->backend);
	if (error) {
		log_debug(discovery->site.log, "discovery: %s does not work: %s", discovery_mode_name(mode), avahi_strerror(error));
		return false;
	}
	log_info(discovery->site.log, "discovery: using multicast DNS, %s", discovery_mode_name(mode));
	atomic_store(&discovery->mode, discovery->backend_lost ? DISCOVERY_NONE : mode);
	set_alarm(discovery, ALARM_SWEEP, SWEEP_MS);
	return true;
}

/* Whether avahi-daemon was there a moment ago, and may be restarting. */
static bool awaits_daemon(const struct discovery *discovery)
{
	return !discovery->daemon_refuses && now_ms() < discovery->daemon_lost_ms + DAEMON_WAIT_MS;
}

static bool start_daemon(struct discovery *discovery)
{
	return discovery->wanted != DISCOVERY_EMBEDDED && !discovery->daemon_refuses && try_backend(discovery, DISCOVERY_DAEMON);
}

static bool start_embedded(struct discovery *discovery)
{
	return discovery->wanted != DISCOVERY_DAEMON && !awaits_daemon(discovery) && try_backend(discovery, DISCOVERY_EMBEDDED);
}

static void start_backend(struct discovery *discovery)
{
	stop_backend(discovery);
	discovery->backend_lost = false;
	discovery->started_ms = now_ms();
	clear_alarm(discovery, ALARM_BACKEND);
	if (write_txt(discovery) && (start_daemon(discovery) || start_embedded(discovery)))
		return;
	atomic_store(&discovery->mode, DISCOVERY_NONE);
	set_alarm(discovery, ALARM_BACKEND, awaits_daemon(discovery) ? DAEMON_RETRY_MS : RETRY_MS);
}

/* Whatever has become due. */

static void look_at_links(struct discovery *discovery)
{
	struct links links;

	clear_alarm(discovery, ALARM_LINKS);
	if (links_read((const char *const *)discovery->interfaces, discovery->interface_count, &links) != ERR_OK ||
	    links_are_equal(&links, &discovery->site.links))
		return;
	discovery->site.links = links;
	if (discovery->backend && !discovery->backend_lost)
		discovery->backend->ops->links_changed(discovery->backend);
}

static void announce(struct discovery *discovery)
{
	set_alarm(discovery, ALARM_ANNOUNCE, RETRY_MS);
	if (write_txt(discovery) && discovery->backend && !discovery->backend_lost)
		discovery->backend->ops->announce(discovery->backend);
}

static void sweep(struct discovery *discovery)
{
	clear_alarm(discovery, ALARM_SWEEP);
	discovery_end_round(discovery);
}

static void look(struct discovery *discovery)
{
	set_alarm(discovery, ALARM_LOOK, LOOK_MS);
	set_alarm(discovery, ALARM_LINKS, 0);
	if (discovery->wanted == DISCOVERY_AUTO && discovery->kind == DISCOVERY_EMBEDDED && !discovery->daemon_refuses &&
	    daemon_is_there(&discovery->site))
		set_alarm(discovery, ALARM_BACKEND, 0);
}

static void (*const alarm_handlers[ALARMS])(struct discovery *discovery) = {
	[ALARM_BACKEND] = start_backend, [ALARM_LINKS] = look_at_links, [ALARM_ANNOUNCE] = announce, [ALARM_SWEEP] = sweep, [ALARM_LOOK] = look};

static int64_t wall_ahead_s(void)
{
	return clock_wall_s(clock_system()) - now_ms() / 1000;
}

static void check_clock(struct discovery *discovery)
{
	int64_t ahead_s = wall_ahead_s(), jump_s = ahead_s - discovery->wall_ahead_s;

	discovery->wall_ahead_s = ahead_s;
	if (jump_s > CLOCK_JUMP_S || jump_s < -CLOCK_JUMP_S)
		set_alarm(discovery, ALARM_BACKEND, 0);
}

static void ring_alarms(struct discovery *discovery)
{
	check_clock(discovery);
	for (size_t i = 0; i < ALARMS; i++)
		if (discovery->at_ms[i] <= now_ms())
			alarm_handlers[i](discovery);
}

static int until_alarm_ms(const struct discovery *discovery)
{
	int64_t at = discovery->at_ms[0], delay;

	for (size_t i = 1; i < ALARMS; i++)
		if (discovery->at_ms[i] < at)
			at = discovery->at_ms[i];
	delay = at - now_ms();
	return delay < 0 ? 0 : delay > LOOK_MS ? LOOK_MS : (int)delay;
}

/* The owner's commands and the kernel's word on interfaces. */

static void take_note(struct discovery *discovery, const struct discovery_note *note)
{
	struct discovery_note latest = *note;
	int64_t since_ms = now_ms() - discovery->announced_ms;

	memcpy(latest.node, discovery->note.node, NOTE_TAG_LEN);
	memcpy(latest.epoch, discovery->note.epoch, NOTE_TAG_LEN);
	discovery->note = latest;
	if (discovery->at_ms[ALARM_ANNOUNCE] == INT64_MAX)
		set_alarm(discovery, ALARM_ANNOUNCE, since_ms < DISCOVERY_ANNOUNCE_MS ? DISCOVERY_ANNOUNCE_MS - since_ms : 0);
}

static void on_command(AvahiWatch *watch, int fd, AvahiWatchEvent event, void *userdata)
{
	struct discovery *discovery = userdata;
	struct commands commands;

	(void)watch, (void)fd, (void)event;
	discovery_take_commands(discovery, &commands);
	discovery->quit |= commands.quit;
	if (commands.announce)
		take_note(discovery, &commands.note);
	if (commands.refresh && discovery->backend && !discovery->backend_lost)
		discovery->backend->ops->refresh(discovery->backend);
}

static void on_links(AvahiWatch *watch, int fd, AvahiWatchEvent event, void *userdata)
{
	struct discovery *discovery = userdata;

	(void)watch, (void)event;
	links_watch_drain(fd);
	if (discovery->at_ms[ALARM_LINKS] == INT64_MAX)
		set_alarm(discovery, ALARM_LINKS, LINKS_SETTLE_MS);
}

bool agent_prepare(struct discovery *discovery)
{
	const AvahiPoll *poll = avahi_simple_poll_get(discovery->poll);

	discovery->site.poll = poll;
	discovery->site.on_seen = on_seen;
	discovery->site.on_gone = on_gone;
	discovery->site.on_lost = on_lost;
	discovery->daemon_lost_ms = INT64_MIN / 2;
	discovery->wall_ahead_s = wall_ahead_s();
	for (size_t i = 0; i < ALARMS; i++)
		clear_alarm(discovery, (enum alarm)i);
	set_alarm(discovery, ALARM_LINKS, 0);
	set_alarm(discovery, ALARM_BACKEND, 0);
	set_alarm(discovery, ALARM_LOOK, LOOK_MS);
	discovery->links_fd = links_watch_open();
	discovery->links_watch = discovery->links_fd < 0 ? NULL : poll->watch_new(poll, discovery->links_fd, AVAHI_WATCH_IN, on_links, discovery);
	discovery->command_watch = poll->watch_new(poll, discovery->command_fd, AVAHI_WATCH_IN, on_command, discovery);
	return discovery->command_watch != NULL;
}

void agent_release(struct discovery *discovery)
{
	if (discovery->command_watch)
		discovery->site.poll->watch_free(discovery->command_watch);
	if (discovery->links_watch)
		discovery->site.poll->watch_free(discovery->links_watch);
	if (discovery->links_fd >= 0)
		close(discovery->links_fd);
	avahi_string_list_free(discovery->site.txt);
}

void *agent_run(void *arg)
{
	struct discovery *discovery = arg;

	while (!discovery->quit) {
		ring_alarms(discovery);
		if (avahi_simple_poll_iterate(discovery->poll, until_alarm_ms(discovery)) != 0) {
			log_error(discovery->site.log, "discovery by multicast DNS has stopped: waiting for descriptors failed");
			break;
		}
	}
	stop_backend(discovery);
	return NULL;
}
