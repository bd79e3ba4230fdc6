#include "support/transport_bench.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

static struct bench_node *node_of(struct transport_owner *owner)
{
	return container_of(owner, struct bench_node, owner);
}

static void on_message(struct transport_owner *owner, struct transport_link *link, const uint8_t *control, size_t control_len, const uint8_t *bulk, size_t bulk_len)
{
	struct bench_node *node = node_of(owner);

	node->messages++;
	node->link = link;
	node->control_len = control_len;
	node->bulk_len = bulk_len;
	snprintf(node->control, sizeof node->control, "%.*s", (int)(control_len < 100 ? control_len : 100), (const char *)control);
	if (bulk_len) {
		node->bulk_first = bulk[0];
		node->bulk_last = bulk[bulk_len - 1];
	}
	if (node->act)
		node->act(node, link);
}

static void on_closed(struct transport_owner *owner, struct transport_link *link, enum transport_end end)
{
	struct bench_node *node = node_of(owner);

	node->closes++;
	node->end = end;
	if (node->link == link)
		node->link = NULL;
}

static void on_writable(struct transport_owner *owner, struct transport_link *link)
{
	(void)link;
	node_of(owner)->writables++;
}

static void on_up(struct transport_owner *owner, struct transport_link *link)
{
	(void)link;
	node_of(owner)->ups++;
}

static void init_node(struct bench *bench, struct bench_node *node, size_t which)
{
	static const struct lan_address loopback = {.family = 4, .bytes = {127, 0, 0, 1}};
	char home[96];

	snprintf(home, sizeof home, "%s/%zu", bench->dir.path, which);
	assert_int_equal(mkdir(home, 0700), 0);
	assert_int_equal(identity_open(home, "/nonexistent", &bench->log, &node->identity, NULL), ERR_OK);
	assert_int_equal(loop_create(&bench->clock.clock, &node->loop), ERR_OK);
	group_init_open(&node->group);
	node->owner = (struct transport_owner){on_message, on_closed, on_writable, on_up};
	node->options = (struct transport_options){
		.loop = node->loop, .group = &node->group, .identity = node->identity, .lan = &node->lan, .log = &bench->log, .owner = &node->owner, .listen = &loopback};
}

int bench_setup(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);

	assert_non_null(bench);
	temp_dir_make(&bench->dir);
	fast_clock_init(&bench->clock, 1);
	bench->log = (struct log){.out = getenv("LARDER_TEST_LOG") ? stderr : NULL, .level = LOG_LEVEL_DEBUG};
	for (size_t i = 0; i < BENCH_NODES; i++)
		init_node(bench, &bench->nodes[i], i);
	*state = bench;
	return 0;
}

int bench_teardown(void **state)
{
	struct bench *bench = *state;

	for (size_t i = 0; i < BENCH_NODES; i++) {
		bench_close(&bench->nodes[i]);
		loop_destroy(bench->nodes[i].loop);
		identity_close(bench->nodes[i].identity);
	}
	temp_dir_remove(&bench->dir);
	free(bench);
	return 0;
}

struct bench_node *bench_open(struct bench *bench, size_t which)
{
	struct bench_node *node = &bench->nodes[which];
	struct why why = {0};

	if (transport_create(&node->options, &node->transport, &why) != ERR_OK)
		fail_msg("transport_create: %s", why.text);
	return node;
}

void bench_close(struct bench_node *node)
{
	transport_destroy(node->transport);
	node->transport = NULL;
}

struct lan_address bench_address(const struct bench_node *node)
{
	return (struct lan_address){.family = 4, .bytes = {127, 0, 0, 1}, .port = transport_port(node->transport)};
}

struct transport_link *bench_dial(struct bench_node *from, const struct bench_node *to)
{
	struct lan_address address = bench_address(to);
	struct transport_link *link;

	assert_int_equal(transport_dial(from->transport, &address, &link), ERR_OK);
	return link;
}

void bench_say(struct transport_link *link, const char *text)
{
	assert_int_equal(transport_send(link, text, strlen(text), NULL), ERR_OK);
}

void bench_turn(struct bench *bench)
{
	for (size_t i = 0; i < BENCH_NODES; i++)
		if (bench->nodes[i].transport && !bench->nodes[i].is_stalled)
			loop_turn(bench->nodes[i].loop, 1);
}

struct stranger stranger_dial(const struct lan_address *address)
{
	struct stranger stranger = {.context = zmq_ctx_new()};
	uint8_t public_key[32], secret_key[32];
	char endpoint[LAN_TEXT_MAX];
	struct group group;
	int none = 0, never = -1;

	group_init_open(&group);
	crypto_box_keypair(public_key, secret_key);
	stranger.socket = zmq_socket(stranger.context, ZMQ_DEALER);
	assert_int_equal(zmq_setsockopt(stranger.socket, ZMQ_LINGER, &none, sizeof none), 0);
	assert_int_equal(zmq_setsockopt(stranger.socket, ZMQ_RECONNECT_IVL, &never, sizeof never), 0);
	assert_int_equal(zmq_setsockopt(stranger.socket, ZMQ_SNDHWM, &none, sizeof none), 0);
	assert_int_equal(zmq_setsockopt(stranger.socket, ZMQ_CURVE_SERVERKEY, group.curve_public, 32), 0);
	assert_int_equal(zmq_setsockopt(stranger.socket, ZMQ_CURVE_PUBLICKEY, public_key, 32), 0);
	assert_int_equal(zmq_setsockopt(stranger.socket, ZMQ_CURVE_SECRETKEY, secret_key, 32), 0);
	assert_int_equal(zmq_connect(stranger.socket, lan_endpoint(address, endpoint)), 0);
	return stranger;
}

void stranger_send(struct stranger *stranger, const void *data, size_t len, bool has_more)
{
	assert_int_equal(zmq_send(stranger->socket, data, len, ZMQ_DONTWAIT | (has_more ? ZMQ_SNDMORE : 0)), len);
}

void stranger_close(struct stranger *stranger)
{
	zmq_close(stranger->socket);
	zmq_ctx_term(stranger->context);
}
