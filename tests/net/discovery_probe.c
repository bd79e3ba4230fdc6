/* discovery_probe: a node that does nothing but announce itself and look for others. What happens is printed as lines of JSON, with the time of
 * CLOCK_MONOTONIC in seconds, which all processes of a machine share; lines on standard input are commands:
 *
 *   announce GENERATION BLOBS | refresh | mode | quit
 *
 * usage: discovery_probe NAME NODE EPOCH [--mode auto|daemon|embedded] [--port PORT] [--interface NAME]...   (NODE, EPOCH: 16 hexadecimal digits)
 */
#include "base/text.h"
#include "discovery/discovery.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INTERFACES_MAX 8

struct probe {
	struct discovery *discovery;
	struct discovery_note note;
	enum discovery_mode mode; /* printed last */
	bool quit;
	char line[256]; /* what came of a command so far */
	size_t line_len;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_hex(const char *key, const uint8_t *bytes)
{
	printf(", \"%s\": \"", key);
	for (size_t i = 0; i < NOTE_TAG_LEN; i++)
		printf("%02x", bytes[i]);
	printf("\"");
}

static void print_text(const char *key, const char *text)
{
	printf(", \"%s\": \"", key);
	for (; *text; text++)
		printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	printf("\"");
}

static void print_peer(const char *event, const struct discovery_peer *peer)
{
	char interface[IF_NAMESIZE] = "?", host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";

	if_indextoname((unsigned)peer->interface, interface);
	getnameinfo((const struct sockaddr *)&peer->address, sizeof peer->address, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
	printf("{\"event\": \"%s\", \"t\": %.4f", event, now());
	print_text("name", peer->name);
	print_text("interface", interface);
	print_text("family", peer->address.ss_family == AF_INET ? "inet" : "inet6");
	print_text("host", host);
	print_hex("node", peer->note.node);
	print_hex("epoch", peer->note.epoch);
	printf(", \"port\": %s, \"generation\": %" PRIu64 ", \"blobs\": %" PRIu64 ", \"filter\": %zu}\n", port, peer->note.generation, peer->note.blobs,
	       peer->note.filter_len);
}

static void on_seen(void *context, const struct discovery_peer *peer)
{
	(void)context;
	print_peer("seen", peer);
}

static void on_gone(void *context, const struct discovery_peer *peer)
{
	(void)context;
	print_peer("gone", peer);
}

static void print_mode(struct probe *probe, bool always)
{
	enum discovery_mode mode = discovery_mode(probe->discovery);

	if (mode != probe->mode || always)
		printf("{\"event\": \"mode\", \"t\": %.4f, \"mode\": \"%s\"}\n", now(), discovery_mode_name(mode));
	probe->mode = mode;
}

static void do_command(struct probe *probe, const char *line)
{
	if (sscanf(line, "announce %" SCNu64 " %" SCNu64, &probe->note.generation, &probe->note.blobs) == 2)
		discovery_announce(probe->discovery, &probe->note);
	else if (strcmp(line, "refresh") == 0)
		discovery_refresh(probe->discovery);
	else if (strcmp(line, "mode") == 0)
		print_mode(probe, true);
	else if (strcmp(line, "quit") == 0)
		probe->quit = true;
	else
		fprintf(stderr, "no such command: %s\n", line);
}

static void read_commands(struct probe *probe)
{
	ssize_t got = read(0, probe->line + probe->line_len, sizeof probe->line - 1 - probe->line_len);
	char *end;

	if (got <= 0) {
		probe->quit = true;
		return;
	}
	probe->line_len += (size_t)got;
	probe->line[probe->line_len] = 0;
	while ((end = strchr(probe->line, '\n'))) {
		*end++ = 0;
		do_command(probe, probe->line);
		probe->line_len -= (size_t)(end - probe->line);
		memmove(probe->line, end, probe->line_len + 1);
	}
}

static void run(struct probe *probe)
{
	struct pollfd fds[] = {{.fd = 0, .events = POLLIN}, {.fd = discovery_fd(probe->discovery), .events = POLLIN}};

	while (!probe->quit) {
		poll(fds, 2, 100);
		print_mode(probe, false);
		if (fds[1].revents)
			discovery_reap(probe->discovery);
		if (fds[0].revents)
			read_commands(probe);
	}
}

static bool read_tag(const char *text, uint8_t tag[NOTE_TAG_LEN])
{
	for (size_t i = 0; i < NOTE_TAG_LEN; i++) {
		int high = text_hex_value(text[2 * i]), low = high < 0 ? -1 : text_hex_value(text[2 * i + 1]);
		if (low < 0)
			return false;
		tag[i] = (uint8_t)(high << 4 | low);
	}
	return text[2 * NOTE_TAG_LEN] == 0;
}

static bool read_mode(const char *text, enum discovery_mode *ret_mode)
{
	static const char *const names[] = {[DISCOVERY_AUTO] = "auto", [DISCOVERY_DAEMON] = "daemon", [DISCOVERY_EMBEDDED] = "embedded"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret_mode = (enum discovery_mode)i;
			return true;
		}
	}
	return false;
}

static bool read_arguments(int argc, char **argv, struct discovery_options *options, const char *interfaces[INTERFACES_MAX])
{
	if (argc < 4 || argc % 2 != 0 || !read_tag(argv[2], options->note.node) || !read_tag(argv[3], options->note.epoch))
		return false;
	options->name = argv[1];
	for (int i = 4; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--port") == 0)
			options->port = (uint16_t)atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--interface") == 0 && options->interface_count < INTERFACES_MAX)
			interfaces[options->interface_count++] = argv[i + 1];
		else if (strcmp(argv[i], "--mode") != 0 || !read_mode(argv[i + 1], &options->mode))
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct log log = {.out = stderr, .level = LOG_LEVEL_DEBUG};
	const char *interfaces[INTERFACES_MAX];
	struct probe probe = {.mode = DISCOVERY_STARTING};
	struct discovery_options options = {
		.port = 5273, .note = {.version = 1, .filter_len = NOTE_FILTER_MAX}, .interfaces = interfaces, .log = &log, .on_seen = on_seen, .on_gone = on_gone};

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	if (!read_arguments(argc, argv, &options, interfaces)) {
		fprintf(stderr, "usage: discovery_probe NAME NODE EPOCH [--mode auto|daemon|embedded] [--port PORT] [--interface NAME]...\n");
		return 2;
	}
	memset(options.note.filter, 0x11, sizeof options.note.filter);
	options.context = &probe;
	probe.note = options.note;
	printf("{\"event\": \"start\", \"t\": %.4f}\n", now());
	if (discovery_create(&options, &probe.discovery) != ERR_OK)
		return 1;
	run(&probe);
	discovery_destroy(probe.discovery);
	printf("{\"event\": \"end\", \"t\": %.4f}\n", now());
	return 0;
}
