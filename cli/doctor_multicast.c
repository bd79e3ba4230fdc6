/* Whether multicast gets through: a question to all that speak mDNS (RFC 6762) here, and who is heard. Most LANs have somebody who answers: a printer, a telephone, another computer. */
#include "cli/doctor.h"

#include "discovery/interface.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MDNS_PORT 5353
#define MDNS_GROUP "224.0.0.251"
#define LISTEN_MS 1200
#define OTHERS_MAX 256
#define OWN_MAX 64
#define HEADER_LEN 12

struct hearing {
	int fd;
	struct in_addr own[OWN_MAX];
	size_t own_count, interfaces;
	struct in_addr others[OTHERS_MAX];
	size_t other_count;
	bool heard_own; /* what this machine sent came back: what filters packets lets it through */
};

/* Which services are there, and which larder nodes? Two questions for PTR, class IN. */
static const uint8_t question[] =
	"\0\0\0\0\0\2\0\0\0\0\0\0"
	"\x09_services\x07_dns-sd\x04_udp\x05local\0\0\x0c\0\x01"
	"\x07_larder\x04_tcp\x05local\0\0\x0c\0\x01";
#define QUESTION_LEN (sizeof question - 1)

static void note_interface(struct hearing *hearing, const struct ifaddrs *at, const struct config_list *listed)
{
	struct ip_mreqn group = {.imr_ifindex = (int)if_nametoindex(at->ifa_name)};

	if (hearing->own_count < OWN_MAX)
		hearing->own[hearing->own_count++] = ((const struct sockaddr_in *)(const void *)at->ifa_addr)->sin_addr;
	if (!(at->ifa_flags & IFF_UP) || !(at->ifa_flags & IFF_MULTICAST) || !interface_is_used(at->ifa_name, (const char *const *)listed->items, listed->count))
		return;
	inet_pton(AF_INET, MDNS_GROUP, &group.imr_multiaddr);
	(void)setsockopt(hearing->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group); /* a second address of the interface: joined already */
	hearing->interfaces++;
}

static void ask_at(const struct hearing *hearing, const struct ifaddrs *at)
{
	struct ip_mreqn way = {.imr_ifindex = (int)if_nametoindex(at->ifa_name)};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(MDNS_PORT)};

	inet_pton(AF_INET, MDNS_GROUP, &to.sin_addr);
	if (setsockopt(hearing->fd, IPPROTO_IP, IP_MULTICAST_IF, &way, sizeof way) == 0)
		(void)!sendto(hearing->fd, question, QUESTION_LEN, 0, (const struct sockaddr *)&to, sizeof to);
}

static void ask_all(struct hearing *hearing, const struct config_list *listed)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) != 0)
		return;
	for (const struct ifaddrs *at = all; at; at = at->ifa_next)
		if (at->ifa_addr && at->ifa_addr->sa_family == AF_INET)
			note_interface(hearing, at, listed);
	for (const struct ifaddrs *at = all; at; at = at->ifa_next)
		if (at->ifa_addr && at->ifa_addr->sa_family == AF_INET && (at->ifa_flags & IFF_UP) && (at->ifa_flags & IFF_MULTICAST) &&
		    interface_is_used(at->ifa_name, (const char *const *)listed->items, listed->count))
			ask_at(hearing, at);
	freeifaddrs(all);
}

static bool is_among(const struct in_addr *all, size_t count, struct in_addr address)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].s_addr == address.s_addr)
			return true;
	return false;
}

static void hear(struct hearing *hearing)
{
	uint8_t message[9000];
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	ssize_t n = recvfrom(hearing->fd, message, sizeof message, MSG_DONTWAIT, (struct sockaddr *)&from, &len);

	if (n < HEADER_LEN || from.sin_family != AF_INET)
		return;
	if (is_among(hearing->own, hearing->own_count, from.sin_addr))
		hearing->heard_own = true;
	else if (hearing->other_count < OTHERS_MAX && !is_among(hearing->others, hearing->other_count, from.sin_addr))
		hearing->others[hearing->other_count++] = from.sin_addr;
}

static void listen_for(struct hearing *hearing, int64_t ms)
{
	int64_t until = clock_now_ms(clock_system()) + ms;

	for (int64_t now = until - ms; now < until; now = clock_now_ms(clock_system())) {
		struct pollfd wait = {.fd = hearing->fd, .events = POLLIN};
		if (poll(&wait, 1, (int)(until - now)) > 0)
			hear(hearing);
	}
}

static int open_socket(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(MDNS_PORT)};
	int one = 1, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) == 0)
		return fd;
	close(fd);
	return -1;
}

static void judge(struct doctor *doctor, const struct hearing *hearing)
{
	char count[48];

	output_count(hearing->other_count, "other machine", "other machines", count);
	if (hearing->interfaces == 0)
		doctor_note(doctor, FINDING_WARNING, "multicast", "name a node instead: peer = HOST in larder.conf", "no interface in use can do it");
	else if (hearing->other_count)
		doctor_note(doctor, FINDING_OK, "multicast", NULL, "works: %s heard", count);
	else if (doctor->heard)
		doctor_note(doctor, FINDING_OK, "multicast", NULL, "no other machine is heard by it, but nodes are");
	else if (hearing->heard_own)
		doctor_note(doctor, FINDING_WARNING, "multicast", "if there are others: name one of them, peer = HOST in larder.conf",
			    "only this machine is heard: either it is alone, or the network keeps stations apart or drops multicast");
	else
		doctor_note(doctor, FINDING_WARNING, "multicast", "let it through, as in: sudo ufw allow mdns; or name a node: peer = HOST in larder.conf",
			    "not even this machine itself is heard: does a firewall drop UDP port 5353?");
}

void doctor_multicast(struct doctor *doctor)
{
	const struct config *config = &doctor->session->config;
	struct hearing hearing = {.fd = -1};

	if (config->discovery == CONFIG_DISCOVERY_OFF)
		return;
	hearing.fd = open_socket();
	if (hearing.fd < 0) {
		doctor_note(doctor, FINDING_WARNING, "multicast", NULL, "another program has UDP port 5353 for itself, so it cannot be tried");
		return;
	}
	ask_all(&hearing, &config->interfaces);
	if (hearing.interfaces)
		listen_for(&hearing, LISTEN_MS);
	close(hearing.fd);
	judge(doctor, &hearing);
}
