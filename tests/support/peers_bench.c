#include "support/peers_bench.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- serve */

enum err serve_create(const struct serve_options *options, struct serve **ret_serve)
{
	*ret_serve = calloc(1, sizeof **ret_serve);
	(*ret_serve)->use = *options;
	return ERR_OK;
}

void serve_destroy(struct serve *serve) { free(serve); }

static void answer_find(struct serve *serve, uint64_t session, const struct wire_message *message)
{
	uint8_t found[WIRE_FIND_MAX], control[1024];
	struct wire_message answer = {.type = WIRE_FOUND, .request = message->request, .found = {{found, message->find.tags.count}}};
	size_t len;

	memset(found, WIRE_FOUND_WHOLE, sizeof found);
	assert_int_equal(wire_encode(&answer, control, sizeof control, &len, NULL), ERR_OK);
	(void)!serve->use.sink->send(serve->use.sink, session, control, len, NULL, NULL);
}

void serve_message(struct serve *serve, uint64_t session, const struct wire_message *message)
{
	if (message->type == WIRE_FIND) {
		serve->finds++;
		answer_find(serve, session, message);
	} else if (message->type == WIRE_REJECT) {
		serve->rejects++;
	} else {
		serve->others++;
	}
}

void serve_writable(struct serve *serve, uint64_t session)
{
	(void)serve;
	(void)session;
}

void serve_forget(struct serve *serve, uint64_t session)
{
	assert_non_null(serve->use.sink->name(serve->use.sink, session));
	serve->forgotten++;
}

uint64_t serve_bytes(const struct serve *serve, uint64_t session)
{
	(void)serve;
	(void)session;
	return 0;
}

/* --- nodes */

static void on_change(void *context) { ((struct bench_node *)context)->changes++; }

static void on_clone(void *context)
{
	struct bench_node *node = context;

	node->clones++;
	if (!node->renews)
		return;
	assert_int_equal(identity_renew(node->identity, NULL), ERR_OK);
	peers_renew(node->peers);
}

static void prepare(struct bench *bench, struct bench_node *node)
{
	*node = (struct bench_node){.bench = bench, .share = {.generation = 1}, .renews = true};
	temp_dir_make(&node->dir);
	group_init_open(&node->group);
	node->options = (struct peers_options){
		.loop = bench->loop, .pool = bench->pool, .clock = &bench->clock.clock, .log = &bench->log, .group = &node->group, .lan = &node->lan,
		.share = &node->share, .home = node->dir.path, .name = "bench", .context = node, .on_clone = on_clone, .on_change = on_change,
	};
}

int bench_setup(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);

	fast_clock_init(&bench->clock, 1);
	bench->log = (struct log){.out = getenv("LARDER_TEST_LOG") ? stderr : NULL, .level = LOG_LEVEL_DEBUG};
	assert_int_equal(loop_create(&bench->clock.clock, &bench->loop), ERR_OK);
	assert_int_equal(pool_create(1, &bench->pool), ERR_OK);
	loop_attach_pool(bench->loop, bench->pool);
	for (size_t i = 0; i < BENCH_NODES; i++)
		prepare(bench, &bench->nodes[i]);
	*state = bench;
	return 0;
}

int bench_teardown(void **state)
{
	struct bench *bench = *state;

	for (size_t i = 0; i < BENCH_NODES; i++) {
		bench_close(&bench->nodes[i]);
		group_release(&bench->nodes[i].group);
		temp_dir_remove(&bench->nodes[i].dir);
	}
	pool_destroy(bench->pool);
	loop_destroy(bench->loop);
	free(bench);
	return 0;
}

/* Not larder's own: a node of this machine may be there, and others may dial it. */
static uint16_t free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && getsockname(fd, (struct sockaddr *)&address, &len) == 0);
	close(fd);
	return ntohs(address.sin_port);
}

struct bench_node *bench_open(struct bench *bench, size_t which, const struct bench_node *to)
{
	static const struct lan_address loopback = {.family = 4, .bytes = {127, 0, 0, 1}};
	struct bench_node *node = &bench->nodes[which];
	struct why why = {0};

	assert_int_equal(identity_open(node->dir.path, "/dev/null", &bench->log, &node->identity, NULL), ERR_OK);
	node->options.identity = node->identity;
	if (!node->options.port)
		node->options.port = free_port();
	node->options.listen = node->is_everywhere ? NULL : &loopback;
	if (to) {
		node->addresses[node->options.address_count++] = to->address;
		node->options.addresses = node->addresses;
	}
	if (peers_create(&node->options, &node->peers, &why) != ERR_OK)
		fail_msg("%s", why.text);
	snprintf(node->address, sizeof node->address, "127.0.0.1:%u", (unsigned)peers_port(node->peers));
	snprintf(node->other_address, sizeof node->other_address, "127.0.0.2:%u", (unsigned)peers_port(node->peers));
	return node;
}

void bench_close(struct bench_node *node)
{
	peers_destroy(node->peers);
	identity_close(node->identity);
	node->peers = NULL;
	node->identity = NULL;
}

static struct discovery_peer seen_as(const struct bench_node *node)
{
	struct discovery_peer seen = {.interface = 1};
	uint64_t epoch = peers_epoch(node->peers);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(peers_port(node->peers)), .sin_addr = {htonl(INADDR_LOOPBACK)}};

	memcpy(&seen.address, &address, sizeof address);
	snprintf(seen.name, sizeof seen.name, "%s", node->address);
	memcpy(seen.note.group, node->group.short_tag, sizeof seen.note.group);
	identity_id_of(identity_public_key(node->identity), seen.note.node);
	for (int i = 7; i >= 0; i--, epoch >>= 8)
		seen.note.epoch[i] = (uint8_t)epoch;
	return seen;
}

void bench_see(struct bench_node *node, const struct bench_node *to)
{
	struct discovery_peer seen = seen_as(to);

	peers_on_seen(node->peers, &seen);
}

void bench_lose(struct bench_node *node, const struct bench_node *to)
{
	struct discovery_peer seen = seen_as(to);

	peers_on_gone(node->peers, &seen);
}

struct looking {
	const char *node;
	struct peer_view view;
	unsigned found;
};

static void look(void *context, const struct peer_view *view)
{
	struct looking *looking = context;

	if (strcmp(view->node, looking->node) != 0)
		return;
	looking->view = *view;
	looking->found++;
}

bool bench_view(struct bench_node *node, const struct bench_node *other, struct peer_view *ret_view)
{
	struct looking looking = {.node = identity_text(other->identity)};

	peers_each(node->peers, look, &looking);
	assert_in_range(looking.found, 0, 1);
	if (looking.found)
		*ret_view = looking.view;
	return looking.found == 1;
}

uint64_t bench_id(struct bench_node *node, const struct bench_node *other)
{
	struct peer_view view;

	return bench_view(node, other, &view) && view.has_session ? view.id : 0;
}

bool bench_are_one(struct bench_node *a, struct bench_node *b)
{
	return bench_id(a, b) && bench_id(b, a) && a->peers->session_count == 1 && b->peers->session_count == 1;
}

struct session *bench_session(struct bench_node *node)
{
	assert_false(list_is_empty(&node->peers->sessions));
	return container_of(node->peers->sessions.next, struct session, link);
}

void bench_turn(struct bench *bench) { loop_turn(bench->loop, 5); }

void bench_pass(struct bench *bench, int64_t ms)
{
	int64_t end_ms = clock_now_ms(&bench->clock.clock) + ms;

	while (clock_now_ms(&bench->clock.clock) < end_ms) {
		bench->clock.ahead_ms += 45;
		bench_turn(bench);
	}
}

void bench_on_done(struct peer_ask *ask, enum err err)
{
	container_of(ask, struct asking, ask)->dones++;
	container_of(ask, struct asking, ask)->err = err;
}
