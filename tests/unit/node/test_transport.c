#include "support/transport_bench.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIDDLES 30

static void answer(struct bench_node *node, struct transport_link *link)
{
	(void)node;
	bench_say(link, "and to you");
}

static void a_message_and_its_answer(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1);
	struct transport_link *link = bench_dial(a, b);

	b->act = answer;
	bench_say(link, "good day");
	bench_until(bench, a->messages == 1);
	assert_int_equal(a->ups, 1);
	assert_string_equal(b->control, "good day");
	assert_string_equal(a->control, "and to you");
	assert_int_equal(a->bulk_len, 0);
	assert_ptr_equal(a->link, link);
	assert_true(transport_is_dialed(link));
	assert_false(transport_is_dialed(b->link));
	assert_int_equal(transport_taken_count(b->transport), 1);
}

static void a_taken_link_says_who_it_is(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1);
	struct transport_link *link = bench_dial(a, b);
	struct lan_address to = bench_address(b), from = {.family = 4, .bytes = {127, 0, 0, 1}};
	struct peer *peer = (struct peer *)(void *)b;

	bench_say(link, "it is me");
	bench_until(bench, b->messages == 1);
	assert_memory_equal(transport_client_key(b->link), identity_curve_public(a->identity), 32);
	assert_true(lan_same_host(transport_address(b->link), &from));
	assert_null(transport_client_key(link));
	assert_true(lan_equal(transport_address(link), &to));
	assert_null(transport_peer(b->link));
	transport_set_peer(b->link, peer);
	assert_ptr_equal(transport_peer(b->link), peer);

	assert_int_equal(identity_renew(a->identity, NULL), ERR_OK);
	bench_say(bench_dial(a, b), "me with another key");
	bench_until(bench, b->messages == 2);
	assert_memory_equal(transport_client_key(b->link), identity_curve_public(a->identity), 32);
}

static atomic_uint released;

static void count_release(void *data, void *hint)
{
	memset(data, 0, TRANSPORT_BULK_MAX);
	assert_string_equal(hint, "hint");
	atomic_fetch_add(&released, 1);
}

static void bulk_is_sent_from_where_it_lies(void **state)
{
	static uint8_t bytes[TRANSPORT_BULK_MAX];
	static char hint[] = "hint";
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1);
	struct transport_link *link = bench_dial(a, b);
	struct transport_bulk bulk = {bytes, sizeof bytes, count_release, hint};

	released = 0;
	bytes[0] = 7;
	bytes[sizeof bytes - 1] = 9;
	assert_int_equal(transport_send(link, "c", 1, &bulk), ERR_OK);
	bench_until(bench, b->messages == 1);
	assert_int_equal(b->control_len, 1);
	assert_int_equal(b->bulk_len, sizeof bytes);
	assert_int_equal(b->bulk_first, 7);
	assert_int_equal(b->bulk_last, 9);
	bench_until(bench, transport_unsent(link) == 0);
	assert_int_equal(released, 1);
}

static void bulk_without_release_is_copied(void **state)
{
	uint8_t bytes[100] = {7, [99] = 9};
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1);
	struct transport_bulk bulk = {.data = bytes, .len = sizeof bytes};

	assert_int_equal(transport_send(bench_dial(a, b), "c", 1, &bulk), ERR_OK);
	memset(bytes, 0, sizeof bytes);
	bench_until(bench, b->messages == 1);
	assert_int_equal(b->bulk_len, 100);
	assert_int_equal(b->bulk_first, 7);
	assert_int_equal(b->bulk_last, 9);
}

static void the_largest_frames_go_through(void **state)
{
	static uint8_t bytes[TRANSPORT_BULK_MAX];
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1);
	struct transport_bulk bulk = {.data = bytes, .len = sizeof bytes};

	assert_int_equal(transport_send(bench_dial(a, b), bytes, TRANSPORT_CONTROL_MAX, &bulk), ERR_OK);
	bench_until(bench, b->messages == 1);
	assert_int_equal(b->control_len, TRANSPORT_CONTROL_MAX);
	assert_int_equal(b->bulk_len, TRANSPORT_BULK_MAX);
}

/* Send until it is full; returns how many were sent. */
static unsigned fill(struct bench *bench, struct transport_link *link)
{
	static uint8_t bytes[TRANSPORT_BULK_MAX];
	static char hint[] = "hint";
	struct transport_bulk bulk = {bytes, sizeof bytes, count_release, hint};
	unsigned sent = 0;
	int64_t give_up_ms = clock_now_ms(clock_system()) + BENCH_PATIENCE_MS;

	for (;;) {
		enum err err = transport_send(link, "c", 1, &bulk);
		sent += err == ERR_OK;
		if (err == ERR_BUSY) {
			size_t unsent = transport_unsent(link);
			for (int i = 0; i < 50 && transport_unsent(link) == unsent; i++) /* the kernel takes some yet */
				bench_turn(bench);
			if (transport_unsent(link) == unsent)
				return sent;
		} else if (err)
			fail_msg("transport_send: %s", err_name(err));
		assert_true(clock_now_ms(clock_system()) < give_up_ms);
	}
}

static void stall(struct bench *bench, struct bench_node *sender, struct transport_link *link, struct bench_node *reader)
{
	unsigned sent, before = reader->messages;

	released = 0;
	reader->is_stalled = true;
	sent = fill(bench, link);
	assert_true(transport_unsent(link) >= TRANSPORT_QUEUE_BYTES);
	assert_true(transport_unsent(link) <= TRANSPORT_QUEUE_BYTES + TRANSPORT_BULK_MAX + 1);
	assert_true(released < sent);
	sender->writables = 0;
	reader->is_stalled = false;
	bench_until(bench, sender->writables == 1);
	assert_true(transport_unsent(link) <= TRANSPORT_QUEUE_BYTES / 2 + 2 * TRANSPORT_BULK_MAX);
	bench_until(bench, reader->messages == before + sent);
	bench_until(bench, transport_unsent(link) == 0);
	assert_int_equal(released, sent);
	assert_int_equal(sender->writables, 1);
}

static void a_reader_that_stands_still_makes_the_sender_wait(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1);
	struct transport_link *link = bench_dial(a, b);

	bench_say(link, "good day");
	bench_until(bench, b->messages == 1);
	transport_admit(b->link);
	stall(bench, a, link, b);
	stall(bench, b, b->link, a);
}

static void many_small_messages_are_bounded_too(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1);
	struct transport_link *link = bench_dial(a, b);
	unsigned sent = 0;

	while (transport_send(link, "x", 1, NULL) == ERR_OK)
		sent++;
	assert_true(sent >= TRANSPORT_QUEUE_MESSAGES);
	bench_until(bench, a->writables == 1);
	bench_until(bench, b->messages == sent);
}

static uint8_t plenty[TRANSPORT_BULK_MAX];

static void close_it(struct bench_node *node, struct transport_link *link)
{
	struct transport_bulk bulk = {.data = plenty, .len = sizeof plenty};

	for (int i = 0; i < 8; i++)
		assert_int_equal(transport_send(link, "much", 4, &bulk), ERR_OK);
	bench_say(link, "enough");
	transport_close(link);
	node->link = NULL;
}

static void what_was_said_before_closing_arrives(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1), *c = bench_open(bench, 2);
	struct transport_link *link = bench_dial(a, b);

	b->act = close_it;
	bench_say(link, "good day");
	bench_until(bench, a->closes == 1);
	assert_string_equal(a->control, "enough");
	assert_int_equal(a->messages, 9);
	assert_int_equal(a->end, TRANSPORT_ENDED);
	assert_int_equal(b->closes, 0);
	bench_until(bench, transport_taken_count(b->transport) == 0);

	link = bench_dial(a, c);
	bench_say(link, "good day");
	bench_say(link, "good bye");
	transport_close(link);
	bench_until(bench, c->closes == 1);
	assert_string_equal(c->control, "good bye");
	assert_int_equal(c->end, TRANSPORT_ENDED);
	assert_int_equal(transport_taken_count(c->transport), 0);
	assert_int_equal(a->closes, 1);
}

static void a_link_that_is_over_cannot_be_sent_to(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1);
	struct transport_link *link = bench_dial(a, b), *taken;

	bench_say(link, "good day");
	bench_until(bench, b->messages == 1);
	taken = b->link;
	b->is_stalled = true;
	transport_close(link);
	for (int i = 0; i < 100; i++)
		bench_turn(bench);
	while (b->closes == 0) { /* whatever it says before it knows, it does not break */
		enum err err = transport_send(taken, "x", 1, NULL);
		assert_true(err == ERR_OK || err == ERR_CUT);
		loop_turn(b->loop, 1);
	}
}

static void all_is_let_go_at_the_end(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1);
	struct transport_link *link = bench_dial(a, b);
	unsigned sent;

	bench_say(link, "good day");
	bench_until(bench, b->messages == 1);
	released = 0;
	b->is_stalled = true;
	sent = fill(bench, link);
	bench_close(a);
	assert_int_equal(released, sent);
}

static void dial_again(struct bench_node *node, struct transport_link *link)
{
	struct lan_address address = *transport_address(link);

	transport_close(link);
	if (node->messages < 3)
		assert_int_equal(transport_dial(node->transport, &address, &node->link), ERR_OK);
}

static void links_may_be_closed_and_dialed_in_handlers(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1);

	a->act = dial_again;
	b->act = answer;
	a->link = bench_dial(a, b);
	for (unsigned i = 0; i < 3; i++) {
		bench_say(a->link, "good day");
		bench_until(bench, a->messages == i + 1);
	}
	assert_int_equal(a->closes, 0);
	bench_until(bench, transport_taken_count(b->transport) == 0);
	assert_int_equal(b->closes, 3);
}

/* --- in the middle of messages, both ways: what is half there must not stay behind, which the address sanitizer tells at the end (transport_private.h) */

static bool has_greeted(const struct bench_node *node)
{
	return strcmp(node->control, "good day") == 0;
}

static void begin_talk(struct bench *bench, struct bench_node *a, struct bench_node *b)
{
	struct transport_bulk bulk = {.data = plenty, .len = sizeof plenty};
	unsigned before = a->messages;

	b->control[0] = 0;
	a->link = bench_dial(a, b);
	bench_say(a->link, "good day");
	bench_until(bench, has_greeted(b));
	for (int i = 0; i < 8; i++)
		assert_int_equal(transport_send(b->link, "much", 4, &bulk), ERR_OK);
	bench_until(bench, a->messages > before);
	for (int i = 0; i < 20; i++)
		bench_say(a->link, "listen");
}

static void links_end_in_the_middle(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1);

	for (unsigned round = 0; round < MIDDLES; round++) {
		begin_talk(bench, a, b);
		transport_close(a->link);
		bench_until(bench, transport_taken_count(b->transport) == 0);
		assert_int_equal(a->closes, 0);
	}
}

static void a_node_ends_in_the_middle(void **state)
{
	struct bench *bench = *state;
	struct bench_node *b = bench_open(bench, 1);

	for (unsigned round = 0; round < MIDDLES; round++) {
		struct bench_node *a = bench_open(bench, 0);
		begin_talk(bench, a, b);
		bench_close(a);
		bench_until(bench, transport_taken_count(b->transport) == 0);
	}
}

/* --- who does not answer */

static uint16_t listen_plainly(int *ret_fd)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof at;

	*ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(*ret_fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(getsockname(*ret_fd, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(listen(*ret_fd, 5), 0);
	return ntohs(at.sin_port);
}

static void nobody_there(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0);
	struct lan_address address = {.family = 4, .bytes = {127, 0, 0, 1}};
	struct transport_link *link;
	int fd;

	address.port = listen_plainly(&fd);
	close(fd);
	assert_int_equal(transport_dial(a->transport, &address, &link), ERR_OK);
	bench_say(link, "hello?");
	bench_until(bench, a->closes == 1);
	assert_int_equal(a->end, TRANSPORT_UNREACHABLE);
	assert_int_equal(a->ups, 0);
	assert_int_equal(transport_dial(a->transport, &(struct lan_address){.family = 4, .bytes = {127, 0, 0, 1}}, &link), ERR_INVALID);
	assert_int_equal(transport_dial(a->transport, &(struct lan_address){.port = 1}, &link), ERR_INVALID);
}

static void somebody_who_says_nothing(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a;
	struct lan_address address = {.family = 4, .bytes = {127, 0, 0, 1}};
	struct transport_link *link;
	int fd;

	fast_clock_init(&bench->clock, 20);
	a = bench_open(bench, 0);
	address.port = listen_plainly(&fd);
	assert_int_equal(transport_dial(a->transport, &address, &link), ERR_OK);
	bench_until(bench, a->closes == 1);
	assert_int_equal(a->end, TRANSPORT_STRANGER);
	close(fd);
}

static void another_group(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b;

	group_init_new(&bench->nodes[1].group);
	b = bench_open(bench, 1);
	bench_say(bench_dial(a, b), "let me in");
	bench_until(bench, a->closes == 1);
	assert_int_equal(a->end, TRANSPORT_STRANGER);
	assert_int_equal(b->messages, 0);
	bench_until(bench, transport_taken_count(b->transport) == 0);
}

/* --- where it listens */

static void a_port_that_is_taken(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1);
	struct transport *transport = NULL;
	struct why why = {0};
	char text[32];

	assert_int_not_equal(transport_port(a->transport), 0);
	assert_int_not_equal(transport_port(a->transport), transport_port(b->transport));
	bench->nodes[2].options.port = transport_port(a->transport);
	assert_int_equal(transport_create(&bench->nodes[2].options, &transport, &why), ERR_EXISTS);
	snprintf(text, sizeof text, "port %u is taken", transport_port(a->transport));
	assert_non_null(strstr(why.text, text));
	assert_null(transport);
	bench->nodes[2].options.port = 0;
	bench->nodes[2].options.listen = &(struct lan_address){.family = 4, .bytes = {192, 0, 2, 1}};
	assert_int_equal(transport_create(&bench->nodes[2].options, &transport, &why), ERR_USAGE);
	assert_non_null(strstr(why.text, "192.0.2.1"));
}

static void all_addresses(void **state)
{
	static const char *const addresses[] = {"127.0.0.1", "127.1.2.3", "::1"};
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b;
	struct lan_address address;
	struct transport_link *link;

	bench->nodes[1].options.listen = NULL;
	b = bench_open(bench, 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(lan_parse(addresses[i], transport_port(b->transport), &address));
		assert_int_equal(transport_dial(a->transport, &address, &link), ERR_OK);
		bench_say(link, addresses[i]);
		bench_until(bench, b->messages == i + 1 || a->closes);
		if (a->closes && address.family == 6) {
			print_message("not over IPv6: this machine has none\n");
			return;
		}
		assert_string_equal(b->control, addresses[i]);
		assert_int_equal(transport_address(b->link)->family, address.family);
	}
}

static void a_deaf_one_dials(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a, *b = bench_open(bench, 1);

	bench->nodes[0].options.is_deaf = true;
	a = bench_open(bench, 0);
	assert_int_equal(transport_port(a->transport), 0);
	b->act = answer;
	bench_say(bench_dial(a, b), "good day");
	bench_until(bench, a->messages == 1);
}

#define test(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_message_and_its_answer),
		test(a_taken_link_says_who_it_is),
		test(bulk_is_sent_from_where_it_lies),
		test(bulk_without_release_is_copied),
		test(the_largest_frames_go_through),
		test(a_reader_that_stands_still_makes_the_sender_wait),
		test(many_small_messages_are_bounded_too),
		test(what_was_said_before_closing_arrives),
		test(a_link_that_is_over_cannot_be_sent_to),
		test(all_is_let_go_at_the_end),
		test(links_may_be_closed_and_dialed_in_handlers),
		test(links_end_in_the_middle),
		test(a_node_ends_in_the_middle),
		test(nobody_there),
		test(somebody_who_says_nothing),
		test(another_group),
		test(a_port_that_is_taken),
		test(all_addresses),
		test(a_deaf_one_dials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
