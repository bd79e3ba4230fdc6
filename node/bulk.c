#include "node/bulk_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEP_IDLE_S 15
#define KEEP_BETWEEN_S 2
#define KEEP_COUNT 3

/* --- freeing: a dead link goes when no handler and no job has it any more */

static void link_free(struct bulk_link *link)
{
	list_remove(&link->link);
	flow_release(link);
	if (link->fd >= 0)
		close(link->fd);
	free(link);
}

void bulk_enter(struct bulk *bulk)
{
	bulk->depth++;
}

void bulk_leave(struct bulk *bulk)
{
	if (--bulk->depth > 0 || !bulk->has_dead)
		return;
	bulk->has_dead = false;
	list_each_safe(at, &bulk->links) {
		struct bulk_link *link = container_of(at, struct bulk_link, link);
		if (link->state == BULK_DEAD && !link->in.is_running && !link->out.is_running)
			link_free(link);
	}
}

/* Jobs that are out find the connection shut down. */
static void bury(struct bulk_link *link)
{
	struct loop *loop = link->bulk->use.loop;

	loop_watch_cancel(loop, &link->watch);
	loop_timer_cancel(loop, &link->timer);
	if (link->fd >= 0)
		shutdown(link->fd, SHUT_RDWR);
	link->state = BULK_DEAD;
	link->bulk->has_dead = true;
}

void link_end(struct bulk_link *link, enum bulk_end end)
{
	struct bulk_owner *owner = link->bulk->use.owner;

	if (link->state == BULK_DEAD)
		return;
	end = link->state == BULK_UP ? end : BULK_NOT_THERE;
	bury(link);
	owner->on_end(owner, link, end);
}

void bulk_close(struct bulk_link *link)
{
	struct bulk *bulk = link->bulk;

	bulk_enter(bulk);
	if (link->state != BULK_DEAD)
		bury(link);
	bulk_leave(bulk);
}

/* --- time */

/* Whether the other end's kernel owes an answer, and has been silent for BULK_DEAD_MS. One whose program does not read tells so again and again, which is a sign of life. */
static bool is_silent(struct bulk_link *link, bool *ret_is_owing)
{
	int64_t now_ms = loop_now_ms(link->bulk->use.loop);
	struct tcp_info info = {0};
	socklen_t len = sizeof info;

	(void)getsockopt(link->fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	*ret_is_owing = info.tcpi_unacked > 0 || info.tcpi_probes > 1;
	if (!*ret_is_owing || link->owing_ms == 0)
		link->owing_ms = *ret_is_owing ? now_ms : 0;
	return *ret_is_owing && now_ms - link->owing_ms >= BULK_DEAD_MS && info.tcpi_last_ack_recv >= BULK_DEAD_MS;
}

/* Without memory for the timer, the memory for frames is kept, and nobody looks, until another move starts it. */
static void look_later(struct bulk_link *link) { (void)!loop_timer_start(link->bulk->use.loop, &link->timer, BULK_LOOK_MS); }

static void look(struct bulk_link *link)
{
	bool is_idle = loop_now_ms(link->bulk->use.loop) - link->moved_ms >= BULK_IDLE_MS;
	bool is_owing;

	if (is_silent(link, &is_owing)) {
		link_end(link, BULK_OVER);
		return;
	}
	if (is_idle)
		flow_trim(link);
	if (!is_idle || is_owing)
		look_later(link);
}

static void on_time(struct loop_timer *timer)
{
	struct bulk_link *link = container_of(timer, struct bulk_link, timer);
	struct bulk *bulk = link->bulk;

	bulk_enter(bulk);
	if (link->state == BULK_UP)
		look(link);
	else
		link_end(link, BULK_NOT_THERE);
	bulk_leave(bulk);
}

void link_note_move(struct bulk_link *link)
{
	link->moved_ms = loop_now_ms(link->bulk->use.loop);
	if (link->state == BULK_UP && link->timer.place == 0)
		look_later(link);
}

bool bulk_is_behind(const struct bulk_link *link)
{
	return link->in.is_running && loop_now_ms(link->bulk->use.loop) - link->in.since_ms >= BULK_BEHIND_MS;
}

/* --- coming up */

static enum err link_create(struct bulk *bulk, const uint8_t ticket[WIRE_TICKET_LEN], struct peer *peer, struct bulk_link **ret_link)
{
	struct bulk_link *link = calloc(1, sizeof *link);

	if (!link)
		return ERR_NO_MEMORY;
	link->bulk = bulk;
	link->peer = peer;
	link->fd = -1;
	link->timer.fire = on_time;
	memcpy(link->ticket, ticket, sizeof link->ticket);
	flow_init(link);
	list_append(&bulk->links, &link->link);
	if (loop_timer_start(bulk->use.loop, &link->timer, BULK_PROOF_MS) != ERR_OK) {
		link_free(link);
		return ERR_NO_MEMORY;
	}
	*ret_link = link;
	return ERR_OK;
}

static enum err set_seals(struct bulk_link *link, enum wire_cipher cipher, const struct seal_keys *keys)
{
	enum err err = seal_create(cipher, link->is_dialed ? keys->to_dialer : keys->to_listener, true, &link->in.seal);

	return err ? err : seal_create(cipher, link->is_dialed ? keys->to_listener : keys->to_dialer, false, &link->out.seal);
}

/* So short that a new connection takes it in one go. False: it did not. */
static bool send_proof(struct bulk_link *link)
{
	uint8_t bytes[BULK_GREETING_LEN + WIRE_TICKET_LEN + SEAL_HEAD_LEN + SEAL_TAG_LEN];
	size_t at = link->is_dialed ? BULK_GREETING_LEN + WIRE_TICKET_LEN : 0, len;

	memcpy(bytes, BULK_GREETING, BULK_GREETING_LEN);
	memcpy(bytes + BULK_GREETING_LEN, link->ticket, WIRE_TICKET_LEN);
	if (seal_close(link->out.seal, NULL, 0, NULL, 0, bytes + at, &len) != ERR_OK)
		return false;
	return send(link->fd, bytes, at + len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)(at + len);
}

void link_prove(struct bulk_link *link)
{
	struct bulk_owner *owner = link->bulk->use.owner;

	if (!link->is_dialed && !send_proof(link)) {
		link_end(link, BULK_NOT_THERE);
		return;
	}
	loop_timer_cancel(link->bulk->use.loop, &link->timer);
	link->state = BULK_UP;
	link_note_move(link);
	owner->on_up(owner, link);
}

/* Where the kernel does not know one of these, it is done without. */
static void set_options(int fd)
{
	static const struct {
		int level, option, value;
	} settings[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},         {IPPROTO_TCP, TCP_USER_TIMEOUT, BULK_STALL_MS}, {SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S}, {IPPROTO_TCP, TCP_KEEPINTVL, KEEP_BETWEEN_S},  {IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT},
	};

	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
		(void)setsockopt(fd, settings[i].level, settings[i].option, &settings[i].value, sizeof settings[i].value);
}

void link_take(struct bulk_link *link, int fd)
{
	set_options(fd);
	link->fd = fd;
	link->state = BULK_PROVING;
	flow_watch(link);
}

enum err bulk_await(struct bulk *bulk, const uint8_t ticket[WIRE_TICKET_LEN], struct peer *peer, struct bulk_link **ret_link)
{
	return link_create(bulk, ticket, peer, ret_link);
}

enum err bulk_set_keys(struct bulk_link *link, enum wire_cipher cipher, const struct seal_keys *keys)
{
	enum err err = link->in.seal ? ERR_OK : set_seals(link, cipher, keys);

	if (!err)
		flow_watch(link);
	return err;
}

/* --- dialing */

static void on_connected(struct loop_watch *watch, short revents)
{
	struct bulk_link *link = container_of(watch, struct bulk_link, watch);
	struct bulk *bulk = link->bulk;
	int error = 0;
	socklen_t len = sizeof error;

	(void)revents;
	bulk_enter(bulk);
	loop_watch_cancel(bulk->use.loop, watch);
	if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error || !send_proof(link)) {
		link_end(link, BULK_NOT_THERE);
	} else {
		link->state = BULK_PROVING;
		flow_watch(link);
	}
	bulk_leave(bulk);
}

static enum err start_connecting(struct bulk_link *link, const struct lan_address *address)
{
	struct sockaddr_storage to;
	socklen_t len = lan_to_sockaddr(address, &to);

	link->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return err_from_errno(errno);
	set_options(link->fd);
	if (connect(link->fd, (const struct sockaddr *)&to, len) != 0 && errno != EINPROGRESS)
		return err_from_errno(errno);
	link->state = BULK_DIALING;
	link->watch = (struct loop_watch){.fd = link->fd, .events = POLLOUT, .ready = on_connected};
	loop_watch_start(link->bulk->use.loop, &link->watch);
	return ERR_OK;
}

enum err bulk_dial(struct bulk *bulk, const struct lan_address *address, const uint8_t ticket[WIRE_TICKET_LEN], enum wire_cipher cipher, const struct seal_keys *keys,
		   struct peer *peer, struct bulk_link **ret_link)
{
	struct bulk_link *link;
	enum err err = link_create(bulk, ticket, peer, &link);

	if (err)
		return err;
	link->is_dialed = true;
	err = set_seals(link, cipher, keys);
	if (!err)
		err = start_connecting(link, address);
	if (err)
		bulk_close(link);
	else
		*ret_link = link;
	return err;
}

/* --- the whole */

struct peer *bulk_peer(const struct bulk_link *link) { return link->peer; }
bool bulk_is_up(const struct bulk_link *link) { return link->state == BULK_UP; }
uint16_t bulk_port(const struct bulk *bulk) { return bulk->port; }

enum err bulk_create(const struct bulk_options *options, struct bulk **ret_bulk)
{
	struct bulk *bulk = calloc(1, sizeof *bulk);

	if (!bulk)
		return ERR_NO_MEMORY;
	bulk->use = *options;
	bulk->fd = -1;
	if (options->listen)
		bulk->listen = *options->listen;
	list_init(&bulk->links);
	list_init(&bulk->guests);
	if (options->port >= 0)
		bulk_listen(bulk);
	*ret_bulk = bulk;
	return ERR_OK;
}

void bulk_destroy(struct bulk *bulk)
{
	if (!bulk)
		return;
	bulk_unlisten(bulk);
	bulk_enter(bulk);
	list_each(at, &bulk->links) {
		struct bulk_link *link = container_of(at, struct bulk_link, link);
		if (link->state != BULK_DEAD)
			bury(link);
	}
	bulk_leave(bulk);
	while (!list_is_empty(&bulk->links))
		pool_wait(bulk->use.pool);
	free(bulk);
}
