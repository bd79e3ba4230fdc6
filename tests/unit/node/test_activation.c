#include "node/activation.h"
#include "support/cmocka.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void set_number(const char *name, long number)
{
	char text[32];

	snprintf(text, sizeof text, "%ld", number);
	setenv(name, text, 1);
}

/* At descriptor `at`, as the manager puts it. */
static void put(int at, int type, bool listens)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, type, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	if (listens)
		assert_int_equal(listen(fd, 5), 0);
	if (fd == at)
		return;
	assert_int_equal(dup2(fd, at), at);
	close(fd);
}

static void hand_over(long count, const char *names)
{
	set_number("LISTEN_PID", getpid());
	set_number("LISTEN_FDS", count);
	if (names)
		setenv("LISTEN_FDNAMES", names, 1);
	else
		unsetenv("LISTEN_FDNAMES");
}

/* Descriptors from 3 on are the test program's own: each case runs in a child. */
static void in_a_child(void (*run)(void))
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

#define EXPECT(condition)                                                             \
	do {                                                                          \
		if (!(condition)) {                                                   \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition); \
			_exit(1);                                                     \
		}                                                                     \
	} while (0)

static void take_both(void)
{
	struct activation activation;

	put(3, SOCK_STREAM, true);
	put(4, SOCK_STREAM, true);
	hand_over(2, NULL);
	EXPECT(activation_take("gateway", &activation, NULL) == ERR_OK);
	EXPECT(activation.count == 2 && activation.fds[0] == 3 && activation.fds[1] == 4);
	EXPECT(fcntl(3, F_GETFD) == FD_CLOEXEC && (fcntl(3, F_GETFL) & O_NONBLOCK));
	EXPECT(!getenv("LISTEN_PID") && !getenv("LISTEN_FDS") && !getenv("LISTEN_FDNAMES"));
	activation_release(&activation);
	EXPECT(fcntl(3, F_GETFD) < 0);
	EXPECT(activation_take("gateway", &activation, NULL) == ERR_OK && activation.count == 0);
}

static void take_by_name(void)
{
	struct activation activation;

	for (int fd = 3; fd < 7; fd++)
		put(fd, SOCK_STREAM, true);
	hand_over(4, "gateway:other:unknown:larderd.socket");
	EXPECT(activation_take("gateway", &activation, NULL) == ERR_OK);
	EXPECT(activation.count == 3 && activation.fds[0] == 3 && activation.fds[1] == 5 && activation.fds[2] == 6);
	EXPECT(fcntl(4, F_GETFD) < 0);
}

static void leave_those_of_another_process(void)
{
	struct activation activation;

	put(3, SOCK_STREAM, true);
	hand_over(1, NULL);
	set_number("LISTEN_PID", getppid());
	EXPECT(activation_take("gateway", &activation, NULL) == ERR_OK && activation.count == 0);
	EXPECT(fcntl(3, F_GETFD) >= 0);
}

static void refuse_what_does_not_listen(void)
{
	struct activation activation;
	struct why why = {0};

	put(3, SOCK_DGRAM, false);
	hand_over(1, "gateway");
	EXPECT(activation_take("gateway", &activation, &why) == ERR_USAGE);
	EXPECT(strstr(why.text, "ListenStream"));
	put(3, SOCK_STREAM, false);
	hand_over(1, "gateway");
	EXPECT(activation_take("gateway", &activation, &why) == ERR_USAGE);
	EXPECT(fcntl(3, F_GETFD) < 0);
}

static void nonsense_is_nothing(void)
{
	struct activation activation;

	hand_over(1, NULL);
	setenv("LISTEN_FDS", "many", 1);
	EXPECT(activation_take("gateway", &activation, NULL) == ERR_OK && activation.count == 0);
	hand_over(-7, NULL);
	EXPECT(activation_take("gateway", &activation, NULL) == ERR_OK && activation.count == 0);
}

static void takes_what_was_handed_over(void **state) { (void)state; in_a_child(take_both); }
static void takes_its_own_by_name(void **state) { (void)state; in_a_child(take_by_name); }
static void leaves_what_is_for_another(void **state) { (void)state; in_a_child(leave_those_of_another_process); }
static void refuses_what_is_no_listener(void **state) { (void)state; in_a_child(refuse_what_does_not_listen); }
static void does_nothing_on_nonsense(void **state) { (void)state; in_a_child(nonsense_is_nothing); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_was_handed_over), cmocka_unit_test(takes_its_own_by_name),    cmocka_unit_test(leaves_what_is_for_another),
		cmocka_unit_test(refuses_what_is_no_listener), cmocka_unit_test(does_nothing_on_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
