#include "support/transport_bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Long enough for all that is looked at by time. */
static void let_time_pass(struct bench *bench)
{
	for (int i = 0; i < 20; i++) {
		bench->clock.ahead_ms += 1000;
		bench_turn(bench);
	}
}

static int connect_from(uint32_t host, uint16_t port)
{
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = {htonl(host)}}, to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static bool is_refused(int fd)
{
	uint8_t bytes[256];
	ssize_t len;

	while ((len = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		continue;
	return len == 0 || (len < 0 && errno == ECONNRESET);
}

static void what_is_no_zeromq_ends_its_own_connection_only(void **state)
{
	static const uint8_t noise[10000];
	static const char http[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	static const uint8_t null_mechanism[64] = {[0] = 0xff, [9] = 0x7f, [10] = 3, [11] = 1, [12] = 'N', 'U', 'L', 'L'};
	static const uint8_t huge_command[64 + 9] = {
		[0] = 0xff, [9] = 0x7f, [10] = 3, [11] = 1, [12] = 'C', 'U', 'R', 'V', 'E', [64] = 6, [65] = 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const struct {
		const void *bytes;
		size_t len;
	} openings[] = {{http, sizeof http - 1}, {null_mechanism, sizeof null_mechanism}, {huge_command, sizeof huge_command}, {noise, sizeof noise}};
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1);

	bench_say(bench_dial(a, b), "good day");
	bench_until(bench, b->messages == 1);
	for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
		int fd = connect_from(INADDR_LOOPBACK, transport_port(b->transport));
		assert_true(send(fd, openings[i].bytes, openings[i].len, MSG_NOSIGNAL | MSG_DONTWAIT) > 0);
		bench_until(bench, is_refused(fd));
		close(fd);
	}
	bench_say(b->link, "still there");
	bench_until(bench, a->messages == 1);
	assert_int_equal(a->closes + b->closes, 0);
	bench_until(bench, transport_taken_count(b->transport) == 1);
}

static void one_address_has_so_many_connections(void **state)
{
	struct bench *bench = *state;
	struct bench_node *node = bench_open(bench, 0);
	int fds[TRANSPORT_TAKEN_ADDRESS_MAX + 1], other;

	for (size_t i = 0; i < TRANSPORT_TAKEN_ADDRESS_MAX; i++)
		fds[i] = connect_from(INADDR_LOOPBACK, transport_port(node->transport));
	bench_until(bench, transport_taken_count(node->transport) == TRANSPORT_TAKEN_ADDRESS_MAX);
	fds[TRANSPORT_TAKEN_ADDRESS_MAX] = connect_from(INADDR_LOOPBACK, transport_port(node->transport));
	bench_until(bench, is_refused(fds[TRANSPORT_TAKEN_ADDRESS_MAX]));
	other = connect_from(INADDR_LOOPBACK + 1, transport_port(node->transport));
	bench_until(bench, transport_taken_count(node->transport) == TRANSPORT_TAKEN_ADDRESS_MAX + 1);
	for (size_t i = 0; i <= TRANSPORT_TAKEN_ADDRESS_MAX; i++)
		close(fds[i]);
	bench_until(bench, transport_taken_count(node->transport) == 1);
	close(other);
}

static uint16_t port_of(int fd, int (*name_of)(int fd, struct sockaddr *address, socklen_t *len))
{
	struct sockaddr_storage address;
	socklen_t len = sizeof address;
	struct lan_address found;

	return name_of(fd, (struct sockaddr *)&address, &len) == 0 && lan_from_sockaddr((struct sockaddr *)&address, &found) ? found.port : 0;
}

static bool is_patience_over(int64_t since_ms) { return clock_now_ms(clock_system()) - since_ms > BENCH_PATIENCE_MS; }

/* The descriptor of this process that is the other end of `fd`, as soon as libzmq has taken it. */
static int other_end(int fd)
{
	int64_t begun_ms = clock_now_ms(clock_system());
	uint16_t port = port_of(fd, getsockname);

	while (!is_patience_over(begun_ms))
		for (int at = 0; at < FD_SETSIZE; at++)
			if (port_of(at, getpeername) == port)
				return at;
	fail_msg("it was not taken");
	return -1;
}

/* It has ended before its beginning was told, and its descriptor is another connection's by then: one too many, were that taken for the first one. */
static void who_has_gone_already_costs_nobody_else_a_connection(void **state)
{
	struct bench *bench = *state;
	struct bench_node *node = bench_open(bench, 0);
	int fds[TRANSPORT_TAKEN_ADDRESS_MAX], listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), guest, was, client, innocent;
	int64_t begun_ms;

	for (size_t i = 0; i < TRANSPORT_TAKEN_ADDRESS_MAX; i++)
		fds[i] = connect_from(INADDR_LOOPBACK, transport_port(node->transport));
	bench_until(bench, transport_taken_count(node->transport) == TRANSPORT_TAKEN_ADDRESS_MAX);
	assert_int_equal(listen(listener, 1), 0);
	client = connect_from(INADDR_LOOPBACK, port_of(listener, getsockname));
	innocent = accept(listener, NULL, NULL);
	guest = connect_from(INADDR_LOOPBACK, transport_port(node->transport));
	was = other_end(guest);
	close(guest);
	begun_ms = clock_now_ms(clock_system());
	while (fcntl(was, F_GETFD) >= 0)
		assert_false(is_patience_over(begun_ms));
	assert_int_equal(dup2(innocent, was), was);
	for (int i = 0; i < 20; i++)
		bench_turn(bench);
	assert_false(is_refused(client));
	close(was);
	close(innocent);
	close(client);
	close(listener);
	for (size_t i = 0; i < TRANSPORT_TAKEN_ADDRESS_MAX; i++)
		close(fds[i]);
}

static void newcomers_displace_those_who_are_not_admitted(void **state)
{
	enum { CROWD = TRANSPORT_TAKEN_MAX + 40 };
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1), *c = bench_open(bench, 2);
	static int fds[CROWD];
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	bench_say(bench_dial(a, b), "good day");
	bench_until(bench, b->messages == 1);
	transport_admit(b->link);
	for (size_t i = 0; i < CROWD; i++) {
		fds[i] = connect_from(INADDR_LOOPBACK + 1 + (uint32_t)(i / TRANSPORT_TAKEN_ADDRESS_MAX), transport_port(b->transport));
		bench_turn(bench);
		assert_true(transport_taken_count(b->transport) <= TRANSPORT_TAKEN_MAX + TRANSPORT_TAKEN_ADDRESS_MAX);
	}
	bench_say(bench_dial(c, b), "is there room?");
	bench_until(bench, c->closes || b->messages == 2);
	bench_until(bench, is_refused(fds[0]));
	assert_int_equal(a->closes + b->closes + c->closes, 0);
	for (size_t i = 0; i < CROWD; i++)
		close(fds[i]);
}

static void who_is_not_admitted_in_time_is_dropped(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1), *c = bench_open(bench, 2);

	bench_say(bench_dial(a, b), "good day");
	bench_say(bench_dial(c, b), "good day");
	bench_until(bench, b->messages == 2);
	transport_admit(b->link);
	bench->clock.ahead_ms += TRANSPORT_ADMIT_MS;
	bench_until(bench, b->closes == 1 && a->closes + c->closes == 1);
	assert_int_equal(b->end, TRANSPORT_NOT_ADMITTED);
	assert_non_null(b->link);
	let_time_pass(bench);
	assert_int_equal(b->closes, 1);
}

static void who_says_nothing_is_dropped(void **state)
{
	struct bench *bench = *state;
	struct bench_node *a = bench_open(bench, 0), *b = bench_open(bench, 1);

	(void)bench_dial(a, b);
	bench_until(bench, a->ups == 1);
	assert_int_equal(transport_taken_count(b->transport), 1);
	bench->clock.ahead_ms += TRANSPORT_ADMIT_MS;
	bench_until(bench, a->closes == 1);
	assert_int_equal(b->closes, 0);
}

/* A machine of its own, whose loopback interface has a public address. */
static bool enter_network(void)
{
	int fd;
	struct ifreq request = {.ifr_name = "lo"};
	struct sockaddr_in address = {.sin_family = AF_INET};

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 && unshare(CLONE_NEWNET) != 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	request.ifr_flags = IFF_UP;
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0)
		return false;
	inet_pton(AF_INET, "203.0.113.1", &address.sin_addr);
	memcpy(&request.ifr_addr, &address, sizeof address);
	snprintf(request.ifr_name, sizeof request.ifr_name, "lo:1");
	return ioctl(fd, SIOCSIFADDR, &request) == 0;
}

static void dial_from_afar(struct bench *bench)
{
	struct bench_node *a, *b;
	struct lan_address address;
	struct transport_link *link;

	bench->nodes[1].options.listen = NULL;
	a = bench_open(bench, 0);
	b = bench_open(bench, 1);
	assert_true(lan_parse("203.0.113.1", transport_port(b->transport), &address));
	assert_int_equal(transport_dial(a->transport, &address, &link), ERR_OK);
	bench_say(link, "good day");
	bench_until(bench, a->closes == 1);
	assert_int_equal(a->end, TRANSPORT_STRANGER);
	assert_int_equal(b->messages, 0);
	assert_int_equal(lan_allow(&b->lan, "203.0.113.0/24", NULL), ERR_OK);
	assert_int_equal(transport_dial(a->transport, &address, &link), ERR_OK);
	bench_say(link, "good day");
	bench_until(bench, b->messages == 1);
}

static void who_is_not_near_is_refused(void **state)
{
	int status;
	pid_t child = fork();

	assert_int_not_equal(child, -1);
	if (child == 0) {
		if (!enter_network())
			_exit(77);
		dial_from_afar(*state);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("skipped: no network of its own to be had here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(what_is_no_zeromq_ends_its_own_connection_only),
		test(one_address_has_so_many_connections),
		test(who_has_gone_already_costs_nobody_else_a_connection),
		test(newcomers_displace_those_who_are_not_admitted),
		test(who_is_not_admitted_in_time_is_dropped),
		test(who_says_nothing_is_dropped),
		test(who_is_not_near_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
