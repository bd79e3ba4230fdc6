#include "support/curve_client.h"
#include "support/transport_bench.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

/* --- an attacker in a process of its own, which begins when it is told the port, and ends when it is killed */

struct attacker {
	pid_t pid;
	int pipe;
};

static struct attacker attacker_start(void (*attack)(uint16_t port))
{
	struct attacker attacker;
	uint16_t port;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	attacker.pid = fork();
	assert_int_not_equal(attacker.pid, -1);
	if (attacker.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (read(ends[0], &port, sizeof port) == sizeof port)
			attack(port);
		pause();
		_exit(0);
	}
	close(ends[0]);
	attacker.pipe = ends[1];
	return attacker;
}

static void attacker_tell(struct attacker *attacker, const struct bench_node *node)
{
	uint16_t port = transport_port(node->transport);

	assert_int_equal(write(attacker->pipe, &port, sizeof port), sizeof port);
}

static void attacker_end(struct attacker *attacker)
{
	close(attacker->pipe);
	kill(attacker->pid, SIGKILL);
	waitpid(attacker->pid, NULL, 0);
}

/* What the log says, to see that somebody was dropped who was never known. */
struct listener {
	char *text;
	size_t len;
};

static void listen_to_log(struct bench *bench, struct listener *listener)
{
	bench->log = (struct log){.out = open_memstream(&listener->text, &listener->len), .level = LOG_LEVEL_INFO};
}

static unsigned count_in_log(struct bench *bench, struct listener *listener, const char *words)
{
	unsigned count = 0;

	fflush(bench->log.out);
	for (const char *at = listener->text; (at = strstr(at, words)); at++)
		count++;
	return count;
}

static void end_log(struct bench *bench, struct listener *listener)
{
	fclose(bench->log.out);
	bench->log.out = NULL;
	free(listener->text);
}

static size_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long size, resident;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu %lu", &size, &resident), 2);
	fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static bool note_growth(size_t before, size_t *most)
{
	size_t now = resident_bytes();

	if (now > before + *most)
		*most = now - before;
	return true;
}

/* Long enough for all that is looked at by time. */
static void let_time_pass(struct bench *bench)
{
	for (int i = 0; i < 20; i++) {
		bench->clock.ahead_ms += 1000;
		bench_turn(bench);
	}
}

/* --- messages that break the rules */

static void assert_dropped(struct bench *bench, struct bench_node *node, enum transport_end end)
{
	bench_until(bench, node->closes == 1);
	assert_int_equal(node->end, end);
	assert_int_equal(node->messages, 1);
	assert_int_equal(transport_taken_count(node->transport), 0);
}

static struct stranger introduced(struct bench *bench, struct bench_node *node)
{
	struct lan_address address = bench_address(node);
	struct stranger stranger = stranger_dial(&address);

	stranger_send(&stranger, "hello", 5, false);
	bench_until(bench, node->messages == 1);
	transport_admit(node->link);
	return stranger;
}

static void three_frames(void **state)
{
	struct bench *bench = *state;
	struct bench_node *node = bench_open(bench, 0);
	struct stranger stranger = introduced(bench, node);

	stranger_send(&stranger, "a", 1, true);
	stranger_send(&stranger, "b", 1, true);
	stranger_send(&stranger, "c", 1, false);
	stranger_send(&stranger, "good", 4, false);
	assert_dropped(bench, node, TRANSPORT_BROKE_RULES);
	stranger_close(&stranger);
}

static uint8_t large[TRANSPORT_BULK_MAX + 1000];

static void a_control_frame_that_is_too_large(void **state)
{
	struct bench *bench = *state;
	struct bench_node *node = bench_open(bench, 0);
	struct stranger stranger = introduced(bench, node);

	stranger_send(&stranger, large, TRANSPORT_CONTROL_MAX + 1, false);
	assert_dropped(bench, node, TRANSPORT_BROKE_RULES);
	stranger_close(&stranger);
}

static void a_bulk_frame_that_is_too_large(void **state)
{
	struct bench *bench = *state;
	struct bench_node *node = bench_open(bench, 0);
	struct stranger stranger = introduced(bench, node);

	stranger_send(&stranger, "a", 1, true);
	stranger_send(&stranger, large, TRANSPORT_BULK_MAX + 1, false);
	assert_dropped(bench, node, TRANSPORT_BROKE_RULES);
	stranger_close(&stranger);
}

static void a_frame_that_is_far_too_large(void **state)
{
	struct bench *bench = *state;
	struct bench_node *node = bench_open(bench, 0);
	struct stranger stranger = introduced(bench, node);

	stranger_send(&stranger, large, sizeof large, false);
	assert_dropped(bench, node, TRANSPORT_ENDED);
	stranger_close(&stranger);
}

static void empty_frames_are_messages(void **state)
{
	struct bench *bench = *state;
	struct bench_node *node = bench_open(bench, 0);
	struct stranger stranger = introduced(bench, node);

	stranger_send(&stranger, "", 0, true);
	stranger_send(&stranger, "", 0, false);
	bench_until(bench, node->messages == 2);
	assert_int_equal(node->control_len + node->bulk_len, 0);
	stranger_close(&stranger);
}

static void break_rules_at_once(void **state)
{
	struct bench *bench = *state;
	struct bench_node *node = bench_open(bench, 0);
	struct lan_address address = bench_address(node);
	struct stranger stranger = stranger_dial(&address);
	struct listener listener;

	listen_to_log(bench, &listener);
	for (int i = 0; i < 5; i++)
		stranger_send(&stranger, "x", 1, i < 4);
	bench_until(bench, count_in_log(bench, &listener, "more than two frames") == 1);
	bench_until(bench, transport_taken_count(node->transport) == 0);
	assert_int_equal(node->messages + node->closes, 0);
	stranger_close(&stranger);
	end_log(bench, &listener);
}

/* --- bytes that become no messages */

/* What comes in within a look or two, at the pace of CURVE; without bounds it is gigabytes. AddressSanitizer keeps what was freed. */
static void assert_bounded(size_t most)
{
	print_message("at most %zu MB more\n", most >> 20);
#ifndef __SANITIZE_ADDRESS__
	assert_true(most < (size_t)400 << 20);
#endif
}

static void send_without_end(uint16_t port)
{
	static uint8_t bytes[256 << 10];
	struct curve_client client;
	struct group group;

	group_init_open(&group);
	for (;;) {
		if (curve_client_connect(&client, port) && curve_client_handshake(&client, group.curve_public))
			while (curve_client_send(&client, bytes, sizeof bytes, true))
				continue;
		curve_client_close(&client);
	}
}

/* Answer what is asked; whoever asks goes on as long as he is answered. */
static void talk(struct bench_node *node, struct transport_link *link)
{
	(void)node;
	bench_say(link, "and then?");
}

static void an_endless_message_is_cut_and_others_talk_on(void **state)
{
	struct attacker attacker = attacker_start(send_without_end);
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1);
	struct listener listener;
	size_t before, most = 0;
	unsigned talked;

	a->act = b->act = talk;
	bench_say(bench_dial(a, b), "so");
	bench_until(bench, a->messages > 10);
	transport_admit(b->link);
	before = resident_bytes();
	listen_to_log(bench, &listener);
	attacker_tell(&attacker, b);
	for (unsigned drops = 1; drops <= 4; drops++) {
		talked = a->messages;
		bench_until(bench, note_growth(before, &most) && count_in_log(bench, &listener, "and no message") >= drops);
		bench_until(bench, a->messages > talked + 10);
	}
	assert_bounded(most);
	assert_int_equal(a->closes + b->closes, 0);
	attacker_end(&attacker);
	end_log(bench, &listener);
}

#define HOARDERS 12

static void hoard_a_little(uint16_t port)
{
	static uint8_t bytes[64 << 10];
	struct curve_client clients[HOARDERS];
	struct group group;

	group_init_open(&group);
	for (size_t i = 0; i < HOARDERS; i++)
		if (!curve_client_connect(&clients[i], port) || !curve_client_handshake(&clients[i], group.curve_public))
			_exit(1);
	for (size_t i = 0; i < HOARDERS; i++)
		curve_client_send(&clients[i], "hello", 5, false);
	for (size_t sent = 0; sent < ((size_t)7 << 20); sent += sizeof bytes)
		for (size_t i = 0; i < HOARDERS; i++)
			curve_client_send(&clients[i], bytes, sizeof bytes, true);
}

static void admit(struct bench_node *node, struct transport_link *link)
{
	(void)node;
	transport_admit(link);
}

/* 12 times 7 MiB, each within what one may have. */
static void those_who_hoard_together_are_bounded_together(void **state)
{
	struct attacker attacker = attacker_start(hoard_a_little);
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1);

	b->act = admit;
	bench_say(bench_dial(a, b), "good day");
	bench_until(bench, b->messages == 1);
	attacker_tell(&attacker, b);
	bench_until(bench, b->messages == 1 + HOARDERS);
	bench_until(bench, b->closes == HOARDERS - 9);
	assert_int_equal(b->end, TRANSPORT_BROKE_RULES);
	let_time_pass(bench);
	assert_int_equal(b->closes, HOARDERS - 9);
	assert_int_equal(a->closes, 0);
	attacker_end(&attacker);
}

/* A message of 256 GB, all of it the same 256 KiB. It is libzmq's, which gives none of it away before it has the whole. */
static void answer_without_end(uint16_t (*tell)(void *router))
{
	enum { FRAMES = 1000000 };
	void *context = zmq_ctx_new(), *router = zmq_socket(context, ZMQ_ROUTER);
	uint8_t id[256];
	struct group group;
	int yes = 1, len;
	zmq_msg_t frame;

	group_init_open(&group);
	zmq_setsockopt(router, ZMQ_CURVE_SERVER, &yes, sizeof yes);
	zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, group.curve_secret, 32);
	if (zmq_bind(router, "tcp://127.0.0.1:*") != 0 || tell(router) == 0)
		_exit(1);
	len = zmq_recv(router, id, sizeof id, 0);
	zmq_send(router, id, (size_t)len, ZMQ_SNDMORE);
	for (int i = 0; i < FRAMES; i++) {
		zmq_msg_init_data(&frame, large, TRANSPORT_BULK_MAX, NULL, NULL);
		zmq_msg_send(&frame, router, i + 1 < FRAMES ? ZMQ_SNDMORE : 0);
	}
	pause();
}

static int told[2];

static uint16_t tell_port(void *router)
{
	char endpoint[LAN_TEXT_MAX];
	size_t len = sizeof endpoint;
	struct lan_address address;

	if (zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &len) != 0 || !lan_parse(endpoint + 6, 0, &address))
		return 0;
	return write(told[1], &address.port, sizeof address.port) == sizeof address.port ? address.port : 0;
}

static void answer_without_end_once_told(uint16_t port)
{
	(void)port;
	answer_without_end(tell_port);
}

/* A node that is dialed may be the hostile one. */
static void a_listener_that_sends_without_end_is_cut(void **state)
{
	struct bench *bench = *state;
	struct lan_address address = {.family = 4, .bytes = {127, 0, 0, 1}};
	struct transport_link *link;
	struct attacker attacker;
	struct bench_node *node;
	size_t before, most = 0;

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	attacker = attacker_start(answer_without_end_once_told);
	node = bench_open(bench, 0);
	attacker_tell(&attacker, node);
	assert_int_equal(read(told[0], &address.port, sizeof address.port), sizeof address.port);
	before = resident_bytes();
	assert_int_equal(transport_dial(node->transport, &address, &link), ERR_OK);
	bench_say(link, "good day");
	bench_until(bench, note_growth(before, &most) && node->closes == 1);
	assert_int_equal(node->end, TRANSPORT_BROKE_RULES);
	assert_int_equal(node->messages, 0);
	assert_bounded(most);
	attacker_end(&attacker);
	close(told[0]);
	close(told[1]);
}

#define test(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(three_frames),
		test(a_control_frame_that_is_too_large),
		test(a_bulk_frame_that_is_too_large),
		test(a_frame_that_is_far_too_large),
		test(empty_frames_are_messages),
		test(break_rules_at_once),
		test(an_endless_message_is_cut_and_others_talk_on),
		test(those_who_hoard_together_are_bounded_together),
		test(a_listener_that_sends_without_end_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
