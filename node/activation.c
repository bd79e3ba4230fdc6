#include "node/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */
#define FDS_MAX 1024

static long number_of(const char *variable)
{
	const char *text = getenv(variable);
	char *end = NULL;
	long number;

	if (!text || !*text)
		return -1;
	errno = 0;
	number = strtol(text, &end, 10);
	return errno || *end ? -1 : number;
}

/* "a:b:c": the `at`th. A unit of one name only has nothing to tell apart. */
static bool is_named(const char *names, size_t at, const char *name)
{
	size_t len;

	for (; names && at > 0; at--) {
		names = strchr(names, ':');
		names = names ? names + 1 : NULL;
	}
	if (!names)
		return true;
	len = strcspn(names, ":");
	return (len == strlen(name) && strncmp(names, name, len) == 0) || (len == 7 && strncmp(names, "unknown", len) == 0) ||
	       (len > 7 && strncmp(names + len - 7, ".socket", 7) == 0);
}

static bool is_tcp_listener(int fd)
{
	int type = 0, family = 0, listens = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 &&
	       (family == AF_INET || family == AF_INET6) && getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens;
}

static enum err take(struct activation *activation, int fd, const char *name, struct why *why)
{
	if (!is_tcp_listener(fd))
		return why_set(why, ERR_USAGE, "the service manager hands over something for \"%s\" that is no listening TCP socket: ListenStream=127.0.0.1:PORT, and Accept=no", name);
	if (activation->count == ACTIVATION_MAX)
		return why_set(why, ERR_USAGE, "the service manager hands over more than %d sockets for \"%s\"", ACTIVATION_MAX, name);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
		return why_errno(why, errno, "a socket of the service manager cannot be used");
	activation->fds[activation->count++] = fd;
	return ERR_OK;
}

static enum err take_all(struct activation *activation, long count, const char *name, struct why *why)
{
	const char *names = getenv("LISTEN_FDNAMES");
	enum err err = ERR_OK;

	for (long i = 0; i < count && i < FDS_MAX; i++) {
		int fd = FIRST_FD + (int)i;
		bool is_ours = !err && is_named(names, (size_t)i, name);
		if (is_ours)
			err = take(activation, fd, name, why);
		if (!is_ours || err)
			close(fd);
	}
	return err;
}

enum err activation_take(const char *name, struct activation *ret_activation, struct why *why)
{
	struct activation activation = {0};
	enum err err = ERR_OK;

	if (number_of("LISTEN_PID") == (long)getpid())
		err = take_all(&activation, number_of("LISTEN_FDS"), name, why);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (err)
		activation_release(&activation);
	else
		*ret_activation = activation;
	return err;
}

void activation_release(struct activation *activation)
{
	for (size_t i = 0; i < activation->count; i++)
		close(activation->fds[i]);
	activation->count = 0;
}
