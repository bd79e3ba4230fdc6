/* Each address has a libmicrohttpd of its own without threads: its epoll descriptor is watched by the loop, and it runs when that is readable or its next timeout is due. */
#include "node/gateway_private.h"

#include "node/node.h"
#include "node/port_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096       /* on one address; more wait until one ends */
#define ONE_PART 8                 /* of them, so many may come from one address where other machines may ask */
#define SPARE_PART 8               /* of them, so many are kept free by closing idle ones */
#define DESCRIPTORS_PART 4         /* no more than a fourth of them */
#define CONNECTION_BYTES 16384     /* of each: request line and all headers must find room in it, with what is sent */
#define IDLE_S 60                 /* a connection on which nothing moves is closed */
#define BACKLOG 512

const char *gateway_url(const struct gateway *gateway)
{
	return gateway ? gateway->url : NULL;
}

uint64_t gateway_store_bytes(const struct gateway *gateway)
{
	return gateway ? gateway->blobs.given_bytes : 0;
}

struct node *gateway_node(const struct gateway *gateway)
{
	return gateway->node;
}

/* --- libmicrohttpd on the loop */

/* Where there was no room for another connection, libmicrohttpd looks for new ones again at the beginning of a run, and nothing may happen any more after the one in which the last connection ended. */
static void run(struct gateway_listener *listener)
{
	struct loop *loop = listener->gateway->loop;
	MHD_UNSIGNED_LONG_LONG wait_ms;

	listener->has_room = false;
	(void)MHD_run(listener->daemon);
	if (listener->has_room)
		gateway_listener_kick(listener);
	else if (MHD_get_timeout(listener->daemon, &wait_ms) != MHD_YES)
		loop_timer_cancel(loop, &listener->timer);
	else if (loop_timer_start(loop, &listener->timer, (int64_t)wait_ms) != ERR_OK)
		log_error(listener->gateway->log, "out of memory for a timer of the gateway"); /* the next event makes up for it */
}

static void on_ready(struct loop_watch *watch, short revents)
{
	(void)revents;
	run(container_of(watch, struct gateway_listener, watch));
}

static void on_time(struct loop_timer *timer)
{
	run(container_of(timer, struct gateway_listener, timer));
}

void gateway_listener_kick(struct gateway_listener *listener)
{
	if (loop_timer_start(listener->gateway->loop, &listener->timer, 0) != ERR_OK)
		log_error(listener->gateway->log, "out of memory for a timer of the gateway");
}

static enum MHD_Result may_connect(void *context, const struct sockaddr *address, socklen_t len)
{
	struct gateway_listener *listener = context;
	struct lan_address from;

	(void)len;
	if (!lan_from_sockaddr(address, &from))
		return MHD_NO;
	return lan_is_loopback(&from) || lan_is_allowed(&listener->gateway->lan, &from) ? MHD_YES : MHD_NO;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **context_of_connection, enum MHD_ConnectionNotificationCode code)
{
	struct gateway_listener *listener = context;

	listener->has_room |= code == MHD_CONNECTION_NOTIFY_CLOSED;
	gateway_connection_note(&listener->gateway->connections, connection, context_of_connection, code);
}

static void on_message(void *context, const char *format, va_list arguments)
{
	struct gateway_listener *listener = context;
	char text[WHY_MAX];

	vsnprintf(text, sizeof text, format, arguments);
	text[strcspn(text, "\r\n")] = 0;
	log_debug(listener->gateway->log, "libmicrohttpd: %s", text);
}

/* Escapes are undone in gateway_route.c, once. */
static size_t leave_escapes(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context;
	(void)connection;
	return strlen(text);
}

/* Peers, blobs and the hub need descriptors, too. */
static unsigned most_connections(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / DESCRIPTORS_PART > CONNECTIONS_MAX)
		return CONNECTIONS_MAX;
	return limit.rlim_cur < DESCRIPTORS_PART ? 1 : (unsigned)(limit.rlim_cur / DESCRIPTORS_PART);
}

/* From one address; 0: no limit, since all programs of this machine have the same. */
static unsigned most_of_one(const struct gateway_listener *listener)
{
	return lan_is_loopback(&listener->address) ? 0 : most_connections() / ONE_PART + 1;
}

static void spare_some(struct gateway_connections *connections, unsigned most)
{
	unsigned rest = most - most / SPARE_PART;

	if (most && (connections->most == 0 || rest < connections->most))
		connections->most = rest;
}

static enum err start_daemon(struct gateway_listener *listener, struct why *why)
{
	const union MHD_DaemonInfo *info;

	listener->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, may_connect, listener, gateway_request_on_part, listener,
					    MHD_OPTION_EXTERNAL_LOGGER, on_message, listener, MHD_OPTION_LISTEN_SOCKET, listener->fd, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
					    MHD_OPTION_CONNECTION_LIMIT, most_connections(), MHD_OPTION_PER_IP_CONNECTION_LIMIT, most_of_one(listener), MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
					    MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL,
					    MHD_OPTION_URI_LOG_CALLBACK, gateway_request_on_target, listener, MHD_OPTION_NOTIFY_COMPLETED, gateway_request_on_end, listener,
					    MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener, MHD_OPTION_END);
	if (!listener->daemon)
		return why_set(why, ERR_IO, "the gateway could not be started");
	listener->fd = -1;
	spare_some(&listener->gateway->connections, most_connections());
	spare_some(&listener->gateway->connections, most_of_one(listener));
	info = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	listener->watch = (struct loop_watch){.fd = info->listen_fd, .events = POLLIN, .ready = on_ready};
	listener->timer.fire = on_time;
	loop_watch_start(listener->gateway->loop, &listener->watch);
	return ERR_OK;
}

/* --- where it listens */

static enum err is_taken(const struct lan_address *address, struct why *why)
{
	char text[LAN_TEXT_MAX], owner[PORT_OWNER_MAX];

	port_owner(address, owner);
	return why_set(why, ERR_EXISTS, "%s is taken%s%s; choose another address with --gateway, or off", lan_text(address, text), owner[0] ? " by " : "", owner);
}

static enum err open_socket(struct gateway_listener *listener, struct why *why)
{
	struct sockaddr_storage address;
	socklen_t len = lan_to_sockaddr(&listener->address, &address);
	char text[LAN_TEXT_MAX];
	int on = 1;

	lan_text(&listener->address, text);
	listener->fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0)
		return errno == EAFNOSUPPORT ? why_set(why, ERR_UNSUPPORTED, "this machine has no addresses like %s", text) : why_errno(why, errno, "no socket for %s", text);
	(void)!setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (listener->address.family == 6)
		(void)!setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(listener->fd, (struct sockaddr *)&address, len) != 0 || listen(listener->fd, BACKLOG) != 0) {
		if (errno == EADDRINUSE)
			return is_taken(&listener->address, why);
		return errno == EADDRNOTAVAIL ? why_set(why, ERR_UNSUPPORTED, "%s is no address of this machine", text) : why_errno(why, errno, "cannot listen on %s", text);
	}
	if (getsockname(listener->fd, (struct sockaddr *)&address, &len) == 0)
		(void)lan_from_sockaddr((struct sockaddr *)&address, &listener->address);
	return ERR_OK;
}

/* One that the service manager has opened; it keeps it, so that who connects while we are away is not lost. */
static enum err take_socket(struct gateway_listener *listener, int fd, struct why *why)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof address;

	listener->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (listener->fd < 0 || getsockname(listener->fd, (struct sockaddr *)&address, &len) != 0)
		return why_errno(why, errno, "a socket of the service manager cannot be used");
	(void)lan_from_sockaddr((struct sockaddr *)&address, &listener->address);
	return ERR_OK;
}

static void listener_free(struct gateway_listener *listener)
{
	loop_watch_cancel(listener->gateway->loop, &listener->watch);
	loop_timer_cancel(listener->gateway->loop, &listener->timer);
	if (listener->daemon)
		MHD_stop_daemon(listener->daemon);
	if (listener->fd >= 0)
		close(listener->fd);
	list_remove(&listener->link);
	free(listener);
}

/* `fd` -1: a socket is opened at `address`. */
static enum err add_listener(struct gateway *gateway, const struct lan_address *address, int fd, struct why *why)
{
	struct gateway_listener *listener = calloc(1, sizeof *listener);
	char text[LAN_TEXT_MAX];
	enum err err;

	if (!listener)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	listener->gateway = gateway;
	listener->fd = -1;
	list_append(&gateway->listeners, &listener->link);
	if (address)
		listener->address = *address;
	err = fd < 0 ? open_socket(listener, why) : take_socket(listener, fd, why);
	if (!err)
		err = start_daemon(listener, why);
	if (err) {
		listener_free(listener);
		return err;
	}
	lan_text(&listener->address, text);
	if (!gateway->url[0])
		snprintf(gateway->url, sizeof gateway->url, "http://%s", text);
	if (!lan_is_loopback(&listener->address) && gateway->lan.allowed_count == 0)
		log_warn(gateway->log, "the gateway at %s takes connections from loopback addresses alone: gateway_allow names the networks that may use it", text);
	return ERR_OK;
}

static enum err add_default(struct gateway *gateway, struct why *why)
{
	struct lan_address address;
	struct why trouble = {0};
	enum err err;

	(void)!lan_parse("127.0.0.1", CONFIG_GATEWAY_PORT, &address);
	err = add_listener(gateway, &address, -1, why);
	if (err)
		return err;
	(void)!lan_parse("::1", CONFIG_GATEWAY_PORT, &address);
	if (add_listener(gateway, &address, -1, &trouble) != ERR_OK)
		log_debug(gateway->log, "the gateway is at 127.0.0.1 only: %s", trouble.text);
	return ERR_OK;
}

/* "127.0.0.1:5274", "127.0.0.1", "[::1]:0": port 0 is any free one. */
static bool parse_address(const char *text, struct lan_address *ret_address)
{
	size_t len = strlen(text);
	char host[LAN_TEXT_MAX];

	if (len < sizeof host && len > 2 && strcmp(text + len - 2, ":0") == 0) {
		snprintf(host, sizeof host, "%.*s", (int)len - 2, text);
		return lan_parse(host, 0, ret_address);
	}
	return lan_parse(text, CONFIG_GATEWAY_PORT, ret_address);
}

/* What stands before an "off" does not count. */
static size_t behind_off(const struct config_list *list)
{
	size_t first = 0;

	for (size_t i = 0; i < list->count; i++)
		if (strcasecmp(list->items[i], "off") == 0)
			first = i + 1;
	return first;
}

static enum err listen_all(struct gateway *gateway, const struct config_list *list, const struct activation *activation, struct why *why)
{
	enum err err = ERR_OK;

	for (size_t i = 0; !err && activation && i < activation->count; i++)
		err = add_listener(gateway, NULL, activation->fds[i], why);
	if (activation && activation->count)
		return err;
	if (list->count == 0)
		return add_default(gateway, why);
	for (size_t i = behind_off(list); !err && i < list->count; i++) {
		struct lan_address address;
		if (!parse_address(list->items[i], &address))
			return why_set(why, ERR_USAGE, "gateway: \"%s\" is no address of this machine: write ADDRESS:PORT, or off", list->items[i]);
		err = add_listener(gateway, &address, -1, why);
	}
	return err;
}

enum err gateway_create(struct node *node, struct gateway **ret_gateway, struct why *why)
{
	const struct node_options *use = node_options_of(node);
	const struct config *config = use->config;
	struct gateway *gateway;
	enum err err = ERR_OK;

	*ret_gateway = NULL;
	if (config->gateway.count && behind_off(&config->gateway) == config->gateway.count && !(use->activation && use->activation->count))
		return ERR_OK;
	gateway = calloc(1, sizeof *gateway);
	if (!gateway)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	gateway->node = node;
	gateway->loop = use->loop;
	gateway->log = use->log;
	gateway->rules = (struct guard_rules){&config->gateway_host, &config->gateway_origin};
	list_init(&gateway->listeners);
	list_init(&gateway->requests);
	gateway->hubs = (struct gateway_hubs){.loop = use->loop, .http = use->http, .store = use->store, .own = use->hub};
	gateway->blobs = (struct gateway_blobs){.pool = use->pool, .store = use->store};
	gateway->fills.fetcher = node_fetcher(node);
	gateway->fills.blobs = &gateway->blobs;
	gateway->connections = (struct gateway_connections){.loop = use->loop, .on_leave = gateway_request_leave};
	gateway_hubs_init(&gateway->hubs);
	gateway_blobs_init(&gateway->blobs);
	gateway_fills_init(&gateway->fills);
	gateway->via = (struct gateway_via){.loop = use->loop, .http = use->http};
	err = gateway_connections_init(&gateway->connections, why);
	if (!err)
		err = gateway_via_init(&gateway->via, node_id(node));
	for (size_t i = 0; !err && i < config->gateway_allow.count; i++)
		err = lan_allow(&gateway->lan, config->gateway_allow.items[i], why) ? why_prefix(why, ERR_USAGE, "gateway_allow") : ERR_OK;
	if (!err)
		err = listen_all(gateway, &config->gateway, use->activation, why);
	if (err)
		gateway_destroy(gateway);
	else
		*ret_gateway = gateway;
	return err;
}

void gateway_destroy(struct gateway *gateway)
{
	if (!gateway)
		return;
	gateway->is_ending = true;
	gateway_request_end_all(gateway);
	while (!list_is_empty(&gateway->listeners))
		listener_free(container_of(gateway->listeners.next, struct gateway_listener, link));
	gateway_connections_release(&gateway->connections);
	gateway_via_release(&gateway->via);
	gateway_fills_release(&gateway->fills);
	gateway_blobs_release(&gateway->blobs);
	gateway_hubs_release(&gateway->hubs);
	free(gateway);
}
