#include "node/socket_owner.h"
#include "support/cmocka.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair {
	int listener, client, server;
	struct lan_address local, remote; /* of the client */
};

static struct lan_address name_of(int fd, int (*get)(int, struct sockaddr *, socklen_t *))
{
	struct sockaddr_storage address;
	socklen_t len = sizeof address;
	struct lan_address found = {0};

	assert_int_equal(get(fd, (struct sockaddr *)&address, &len), 0);
	assert_true(lan_from_sockaddr((struct sockaddr *)&address, &found));
	return found;
}

/* `family` of the client; the listener has an IPv4 address. */
static void connect_pair(struct pair *pair, int family)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
	socklen_t len = sizeof at;

	pair->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(pair->listener, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(pair->listener, 1), 0);
	assert_int_equal(getsockname(pair->listener, (struct sockaddr *)&at, &len), 0);
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
	mapped.sin6_port = at.sin_port;
	pair->client = socket(family, SOCK_STREAM, 0);
	if (family == AF_INET)
		assert_int_equal(connect(pair->client, (struct sockaddr *)&at, sizeof at), 0);
	else
		assert_int_equal(connect(pair->client, (struct sockaddr *)&mapped, sizeof mapped), 0);
	pair->server = accept(pair->listener, NULL, NULL);
	assert_true(pair->server >= 0);
	pair->local = name_of(pair->server, getpeername);
	pair->remote = name_of(pair->server, getsockname);
}

static void close_pair(struct pair *pair)
{
	close(pair->server);
	close(pair->client);
	close(pair->listener);
}

static void the_other_end_is_ours(void **state)
{
	static const int families[] = {AF_INET, AF_INET6};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair pair;
		uid_t user = (uid_t)-1;
		connect_pair(&pair, families[i]);
		assert_true(socket_owner(&pair.local, &pair.remote, &user));
		assert_int_equal(user, geteuid());
		close_pair(&pair);
	}
}

static void nobody_is_there(void **state)
{
	struct pair pair;
	uid_t user = 12345;

	(void)state;
	connect_pair(&pair, AF_INET);
	pair.remote.port ^= 1;
	assert_false(socket_owner(&pair.local, &pair.remote, &user));
	assert_int_equal(user, 12345);
	close_pair(&pair);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_other_end_is_ours),
		cmocka_unit_test(nobody_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
