/* discovery_pair: two nodes in one process. Each has to see the other, and the other's second note, and after the end of one the other has to miss
 * it; then the exit code is 0.
 *
 * usage: discovery_pair embedded|daemon
 */
#include "discovery/discovery.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#define WITHIN_S 20

struct node {
	struct discovery *discovery;
	struct discovery_note note;
	uint64_t heard; /* generation of the other's note */
	bool missed;
};

static void on_seen(void *context, const struct discovery_peer *peer)
{
	struct node *node = context;

	if (peer->note.generation > node->heard)
		node->heard = peer->note.generation;
}

static void on_gone(void *context, const struct discovery_peer *peer)
{
	struct node *node = context;

	(void)peer;
	node->missed = true;
}

static bool start(struct node *node, enum discovery_mode mode, uint8_t number)
{
	struct discovery_options options = {
		.name = "pair", .port = number, .mode = mode, .context = node, .on_seen = on_seen, .on_gone = on_gone};

	node->note = (struct discovery_note){.version = 1, .node = {number}, .epoch = {number}, .generation = 1};
	options.note = node->note;
	return discovery_create(&options, &node->discovery) == ERR_OK;
}

static bool both_heard(const struct node nodes[2], uint64_t generation)
{
	return nodes[0].heard >= generation && nodes[1].heard >= generation;
}

static void turn(struct node nodes[2])
{
	struct pollfd fds[2] = {{.fd = -1}, {.fd = -1}};

	for (int i = 0; i < 2; i++)
		if (nodes[i].discovery)
			fds[i] = (struct pollfd){.fd = discovery_fd(nodes[i].discovery), .events = POLLIN};
	poll(fds, 2, 100);
	for (int i = 0; i < 2; i++)
		if (fds[i].revents)
			discovery_reap(nodes[i].discovery);
}

int main(int argc, char **argv)
{
	enum discovery_mode mode = argc == 2 && strcmp(argv[1], "daemon") == 0 ? DISCOVERY_DAEMON : DISCOVERY_EMBEDDED;
	struct node nodes[2] = {0};
	time_t end = time(NULL) + WITHIN_S;

	if (!start(&nodes[0], mode, 1) || !start(&nodes[1], mode, 2))
		return 1;
	while (!both_heard(nodes, 1) && time(NULL) < end)
		turn(nodes);
	for (int i = 0; i < 2; i++) {
		nodes[i].note.generation = 2;
		discovery_announce(nodes[i].discovery, &nodes[i].note);
	}
	while (!both_heard(nodes, 2) && time(NULL) < end)
		turn(nodes);
	discovery_destroy(nodes[0].discovery);
	nodes[0].discovery = NULL;
	while (!nodes[1].missed && time(NULL) < end)
		turn(nodes);
	discovery_destroy(nodes[1].discovery);
	return both_heard(nodes, 2) && nodes[1].missed ? 0 : 1;
}
