/* The way to one node: its name, its addresses, the connection, the handshake with the group's key, the port for the bytes of files; and the way back. */
#include "cli/ask.h"
#include "cli/doctor.h"

#include "node/bulk.h"
#include "node/group.h"
#include "node/identity.h"
#include "node/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ADDRESSES_MAX 8
#define CONNECT_MS 3000

struct way {
	struct lan_address address;
	int error_number; /* of the connection; 0: it stands */
	struct lan_address from; /* of this machine, as the other one sees it */
	int64_t took_ms;
};

struct search {
	struct work work;
	char host[LAN_HOST_MAX];
	uint16_t port;
	struct way ways[ADDRESSES_MAX];
	size_t count;
	const bool *stop;
};

/* --- on the worker */

static int wait_for(int fd, const bool *stop)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	int error_number = ETIMEDOUT;
	socklen_t len = sizeof error_number;

	for (int waited = 0; waited < CONNECT_MS && !__atomic_load_n(stop, __ATOMIC_RELAXED); waited += 100) {
		if (poll(&wait, 1, 100) <= 0)
			continue;
		return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error_number, &len) == 0 ? error_number : errno;
	}
	return ETIMEDOUT;
}

static void try_way(struct way *way, const struct sockaddr *to, socklen_t to_len, const bool *stop)
{
	int64_t began = clock_now_ms(clock_system());
	struct sockaddr_storage own;
	socklen_t len = sizeof own;
	int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		way->error_number = errno;
		return;
	}
	if (connect(fd, to, to_len) != 0)
		way->error_number = errno == EINPROGRESS ? wait_for(fd, stop) : errno;
	way->took_ms = clock_now_ms(clock_system()) - began;
	if (!way->error_number && getsockname(fd, (struct sockaddr *)&own, &len) == 0)
		(void)!lan_from_sockaddr((const struct sockaddr *)&own, &way->from);
	close(fd);
}

static enum err search(struct work *work, struct why *why)
{
	struct search *search = container_of(work, struct search, work);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *found = NULL;
	char port[8];
	int failed;

	snprintf(port, sizeof port, "%u", search->port);
	failed = getaddrinfo(search->host, port, &hints, &found);
	if (failed)
		return why_set(why, ERR_NOT_FOUND, "the name %s stands for no address: %s", search->host, gai_strerror(failed));
	for (const struct addrinfo *at = found; at && search->count < ADDRESSES_MAX && !*search->stop; at = at->ai_next) {
		struct way *way = &search->ways[search->count];
		if (!lan_from_sockaddr(at->ai_addr, &way->address))
			continue;
		try_way(way, at->ai_addr, at->ai_addrlen, search->stop);
		search->count++;
	}
	freeaddrinfo(found);
	return ERR_OK;
}

/* One way more, to an address that is known. */
struct knock {
	struct work work;
	struct way way;
	const bool *stop;
};

static enum err knock(struct work *work, struct why *why)
{
	struct knock *knock = container_of(work, struct knock, work);
	struct sockaddr_storage to;
	socklen_t len = lan_to_sockaddr(&knock->way.address, &to);

	(void)why;
	try_way(&knock->way, (const struct sockaddr *)&to, len, knock->stop);
	return ERR_OK;
}

/* --- the handshake, on the loop */

struct greeting {
	struct activity activity;
	struct transport_owner owner;
	struct session *session;
	bool is_up;
	enum transport_end end;
};

static void on_message(struct transport_owner *owner, struct transport_link *link, const uint8_t *control, size_t control_len, const uint8_t *bulk, size_t bulk_len)
{
	(void)owner;
	(void)link;
	(void)control;
	(void)control_len;
	(void)bulk;
	(void)bulk_len;
}

static void on_closed(struct transport_owner *owner, struct transport_link *link, enum transport_end end)
{
	struct greeting *greeting = container_of(owner, struct greeting, owner);

	(void)link;
	greeting->end = end;
	greeting->activity.done = true;
}

static void on_up(struct transport_owner *owner, struct transport_link *link)
{
	struct greeting *greeting = container_of(owner, struct greeting, owner);

	(void)link;
	greeting->is_up = true;
	greeting->activity.done = true;
}

static void stop(struct activity *activity)
{
	activity->done = true;
}

static enum err greet(struct greeting *greeting, const struct lan_address *address, const struct group *group, const struct identity *identity, struct why *why)
{
	struct session *session = greeting->session;
	struct lan lan = {0};
	struct transport_options options = {
		.loop = session->loop, .group = group, .identity = identity, .lan = &lan, .log = &session->log, .owner = &greeting->owner, .is_deaf = true,
	};
	struct transport *transport = NULL;
	struct transport_link *link;
	enum err err = transport_create(&options, &transport, why);

	if (!err)
		err = transport_dial(transport, address, &link);
	if (!err)
		session_run(session, &greeting->activity);
	transport_destroy(transport);
	return err;
}

static void judge_way_back(struct doctor *doctor, json_t *line)
{
	unsigned long long port = ask_number(line, "port");
	const char *reached = ask_text(line, "reached");

	if (strcmp(reached, "you") == 0)
		doctor_note(doctor, FINDING_OK, "way back", NULL, "from there, this machine's port %llu can be reached", port);
	else if (strcmp(reached, "stranger") == 0)
		doctor_note(doctor, FINDING_WARNING, "way back", "look for an address translation between the two, or for allow and interface in larder.conf here",
			    "from there, something answers at this machine's address and port %llu, but not as a node of the group", port);
	else
		doctor_note(doctor, FINDING_WARNING, "way back", "open that TCP port in this machine's firewall; until then it is for this node to connect, which is enough for both",
			    "from there, nobody answers at this machine's port %llu", port);
}

static void look_back(struct doctor *doctor, const struct lan_address *address)
{
	struct ask ask = {0};
	struct why why = {0};
	char text[LAN_TEXT_MAX];
	enum err err = ask_node(doctor->session, json_pack("{s:s, s:s}", "ask", "reach", "address", lan_text(address, text)), &ask, &why);

	if (!err)
		judge_way_back(doctor, ask.last);
	else if (!doctor->session->stop)
		doctor_note(doctor, FINDING_WARNING, "way back", NULL, "could not be looked at: %s", why.text);
	ask_release(&ask);
}

static void judge_greeting(struct doctor *doctor, const struct greeting *greeting, const char *address, const struct group *group)
{
	const char *whose = group->is_open ? "the open group" : "this private group";

	if (greeting->is_up)
		doctor_note(doctor, FINDING_OK, "handshake", NULL, "what answers at %s is a node of %s", address, whose);
	else if (greeting->end == TRANSPORT_STRANGER)
		doctor_note(doctor, FINDING_PROBLEM, "handshake", "compare larder status on both: the group must be the same; larder group join - enters one",
			    "what answers at %s is no node of %s, or does not take connections from here", address, whose);
	else
		doctor_note(doctor, FINDING_PROBLEM, "handshake", "try again; if it stays so, look at the log of the node there", "what listens at %s did not answer in time",
			    address);
}

/* True: it is one of us. */
static bool shake_hands(struct doctor *doctor, const struct lan_address *address)
{
	struct greeting greeting = {
		.activity = {.stop = stop},
		.owner = {.on_message = on_message, .on_closed = on_closed, .on_up = on_up},
		.session = doctor->session,
	};
	struct session *session = doctor->session;
	struct identity *identity = NULL;
	struct group group = {0};
	struct why why = {0};
	char text[LAN_TEXT_MAX];
	enum err err = session_open_store(session, &why);

	if (!err)
		err = session_open_loop(session, &why);
	if (!err)
		err = group_load(session->config.home, &group, &why);
	if (!err)
		err = identity_open(session->config.home, IDENTITY_MACHINE_ID, &session->log, &identity, &why);
	if (!err)
		err = greet(&greeting, address, &group, identity, &why);
	if (err)
		doctor_note(doctor, FINDING_PROBLEM, "handshake", NULL, "%s", why.text);
	else if (!session->stop)
		judge_greeting(doctor, &greeting, lan_text(address, text), &group);
	identity_close(identity);
	group_release(&group);
	return greeting.is_up;
}

/* --- what came of it */

static void judge_near(struct doctor *doctor, const struct lan_address *address)
{
	const struct config *config = &doctor->session->config;
	struct lan lan = {0};
	char text[LAN_TEXT_MAX];

	if (lan_read_connected(&lan, (const char *const *)config->interfaces.items, config->interfaces.count) != ERR_OK)
		return;
	for (size_t i = 0; i < config->allow.count; i++)
		if (lan_allow(&lan, config->allow.items[i], NULL) != ERR_OK)
			return;
	if (!lan_is_near(&lan, address))
		doctor_note(doctor, FINDING_WARNING, "near", "where it is welcome, set allow = ADDRESS/LENGTH on both machines", "%s is not on this LAN, and nodes talk to near ones only",
			    lan_host_text(address, text));
}

static bool judge_way(struct doctor *doctor, const struct way *way)
{
	char text[LAN_TEXT_MAX], from[LAN_TEXT_MAX];

	lan_text(&way->address, text);
	if (!way->error_number) {
		doctor_note(doctor, FINDING_OK, "connect", NULL, "%s, in %lld ms, from %s", text, (long long)way->took_ms,
			    lan_host_text(&way->from, from));
		return true;
	}
	if (way->error_number == ECONNREFUSED)
		doctor_note(doctor, FINDING_WARNING, "connect", "start larderd there; if it has another port (larder status tells), name it: HOST:PORT", "%s: nobody listens there", text);
	else if (way->error_number == ETIMEDOUT)
		doctor_note(doctor, FINDING_WARNING, "connect", "open TCP ports 5273 and 5275 in its firewall; in a wireless network, look for client isolation", "%s: no answer", text);
	else
		doctor_note(doctor, FINDING_WARNING, "connect", NULL, "%s: %s", text, strerror(way->error_number));
	return false;
}

/* Bytes go over the session where this does not stand, so it is never a problem. The node there may have another port for it, which it tells in a session only. */
static void look_at_bulk(struct doctor *doctor, const struct lan_address *address)
{
	struct knock knocking = {.work = {.run = knock}, .way = {.address = *address}, .stop = &doctor->session->stop};
	struct why why = {0};
	char text[LAN_TEXT_MAX];

	knocking.way.address.port = BULK_PORT;
	lan_text(&knocking.way.address, text);
	if (session_work(doctor->session, &knocking.work, &why) != ERR_OK || doctor->session->stop)
		return;
	if (!knocking.way.error_number)
		doctor_note(doctor, FINDING_OK, "bulk", NULL, "%s, in %lld ms: the bytes of files can take it", text, (long long)knocking.way.took_ms);
	else if (knocking.way.error_number == ECONNREFUSED)
		doctor_note(doctor, FINDING_WARNING, "bulk", "see bulk_port in the larder.conf there, and whether another program had that port first",
			    "%s: nobody listens there; unless the node has another port for them, the bytes of files take the slower way beside all else", text);
	else if (knocking.way.error_number == ETIMEDOUT)
		doctor_note(doctor, FINDING_WARNING, "bulk", "open TCP port 5275 in its firewall", "%s: no answer; the bytes of files take the slower way beside all else", text);
	else
		doctor_note(doctor, FINDING_WARNING, "bulk", NULL, "%s: %s; the bytes of files take the slower way beside all else", text, strerror(knocking.way.error_number));
}

static bool is_own_node(const struct doctor *doctor, const struct way *way)
{
	return way->address.port == doctor->port && lan_same_host(&way->address, &way->from);
}

/* --- nodes by the names that they give themselves */

struct naming {
	struct ask ask;
	const char *name;
	char address[LAN_TEXT_MAX]; /* "": none has that name */
};

static void on_peer(struct ask *ask, json_t *line)
{
	struct naming *naming = container_of(ask, struct naming, ask);

	if (!naming->address[0] && json_is_true(json_object_get(line, "here")) && strcasecmp(ask_text(line, "name"), naming->name) == 0)
		snprintf(naming->address, sizeof naming->address, "%s", ask_text(line, "address"));
}

/* What `larder peers` shows is asked for by that name, which no name server may know. */
static bool find_peer(struct doctor *doctor, struct search *looking)
{
	struct naming naming = {.ask = {.on_line = on_peer}, .name = looking->host};
	struct search found = {.work = {.run = search}, .stop = looking->stop};

	if (!doctor->has_node || ask_node(doctor->session, json_pack("{s:s}", "ask", "peers"), &naming.ask, NULL) != ERR_OK)
		return false;
	ask_release(&naming.ask);
	if (!lan_split(naming.address, CONFIG_PORT, found.host, &found.port) || session_work(doctor->session, &found.work, NULL) != ERR_OK)
		return false;
	doctor_note(doctor, FINDING_OK, "name", NULL, "%s is what the node at %s calls itself", looking->host, naming.address);
	*looking = found;
	return true;
}

static bool find_ways(struct doctor *doctor, const char *host, struct search *looking)
{
	struct why why = {0};

	if (!lan_split(host, CONFIG_PORT, looking->host, &looking->port)) {
		doctor_note(doctor, FINDING_PROBLEM, "name", "write HOST or HOST:PORT, [ADDRESS]:PORT for IPv6", "\"%s\" names no node", host);
		return false;
	}
	if (session_work(doctor->session, &looking->work, &why) == ERR_OK || find_peer(doctor, looking))
		return true;
	doctor_note(doctor, FINDING_PROBLEM, "name", "check the name; an address does as well, and larder peers shows those of the nodes that are here", "%s", why.text);
	return false;
}

void doctor_host(struct doctor *doctor, const char *host)
{
	struct search looking = {.work = {.run = search}, .stop = &doctor->session->stop};
	const struct way *good = NULL;

	if (!find_ways(doctor, host, &looking))
		return;
	for (size_t i = 0; i < looking.count; i++) {
		bool is_good = judge_way(doctor, &looking.ways[i]);
		if (is_good && !good)
			good = &looking.ways[i];
	}
	if (!good) {
		doctor_note(doctor, FINDING_PROBLEM, "host", NULL, "%s cannot be reached at port %u from here; it may still reach this machine, which is enough", looking.host,
			    looking.port);
		return;
	}
	if (is_own_node(doctor, good)) {
		doctor_note(doctor, FINDING_WARNING, "host", "name another one", "%s is this machine, and what answers is the node of this home", looking.host);
		return;
	}
	judge_near(doctor, &good->address);
	if (!shake_hands(doctor, &good->address))
		return;
	look_at_bulk(doctor, &good->address);
	if (doctor->has_node)
		look_back(doctor, &good->address);
}
