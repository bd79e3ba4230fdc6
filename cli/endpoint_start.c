#include "cli/endpoint_start.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS 30000
#define WORDS_MAX 16
#define SAID_MAX 4096

struct start {
	const char *words[WORDS_MAX];
	size_t count;
	char beside[PATH_MAX]; /* larderd in our own directory */
};

static void add(struct start *start, const char *flag, const char *value)
{
	if (!value)
		return;
	start->words[start->count++] = flag;
	start->words[start->count++] = value;
}

/* What was given here holds there too; environment and files it reads itself. */
static void gather(struct start *start, const struct session *session)
{
	static const char *const passed[][2] = {{"max-size", "--max-size"}, {"min-free", "--min-free"}, {"log-level", "--log-level"}, {"config", "--config"}};
	ssize_t len = readlink("/proc/self/exe", start->beside, sizeof start->beside - sizeof "/larderd");
	char *slash;

	start->beside[len > 0 ? len : 0] = 0;
	slash = strrchr(start->beside, '/');
	if (slash)
		strcpy(slash, "/larderd");
	start->words[start->count++] = "larderd";
	start->words[start->count++] = "--while-used";
	add(start, "--home", session->config.home);
	add(start, "--hub", session->config.hub);
	for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++)
		add(start, passed[i][1], args_value(session->args, passed[i][0]));
	start->words[start->count] = NULL;
}

/* The grandchild: in a session of its own, so that Ctrl-C at the terminal is not for it. */
static void become_larderd(const struct start *start, int out)
{
	char *const *words = (char *const *)(uintptr_t)start->words;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
		_exit(1);
	execv(start->beside, words);
	if (errno == ENOENT)
		execvp("larderd", words);
	dprintf(STDERR_FILENO, "larderd cannot be started: %s\n", strerrordesc_np(errno));
	_exit(1);
}

/* Nobody's child, so that the program that we become never has to wait for it. */
static enum err fork_twice(const struct start *start, int out, struct why *why)
{
	pid_t child = fork();

	if (child == 0) {
		setsid();
		if (fork() == 0)
			become_larderd(start, out);
		_exit(0);
	}
	if (child < 0)
		return why_errno(why, errno, "no process could be started");
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return ERR_OK;
}

static const char *last_line(char *said)
{
	size_t len = strlen(said);
	char *line;

	while (len > 0 && said[len - 1] == '\n')
		said[--len] = 0;
	line = strrchr(said, '\n');
	return line ? line + 1 : said;
}

/* Read what it says until it is ready. The end of it without that: it has ended. */
static enum err wait_ready(int from, struct why *why)
{
	int64_t end_ms = clock_now_ms(clock_system()) + READY_MS;
	char said[SAID_MAX] = "";
	size_t len = 0;

	for (;;) {
		int64_t left_ms = end_ms - clock_now_ms(clock_system());
		struct pollfd ready = {.fd = from, .events = POLLIN};
		ssize_t got;
		if (left_ms <= 0)
			return why_set(why, ERR_IO, "a node was started, and is not ready after %d s", READY_MS / 1000);
		if (poll(&ready, 1, (int)left_ms) <= 0)
			continue;
		if (len == sizeof said - 1)
			len = 0;
		got = read(from, said + len, sizeof said - 1 - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return why_set(why, ERR_IO, "no node answers, and none could be started: %s", *said ? last_line(said) : "larderd ended at once");
		len += (size_t)got;
		said[len] = 0;
		if (strstr(said, " is ready: "))
			return ERR_OK;
	}
}

enum err endpoint_start(struct session *session, struct why *why)
{
	struct start start = {0};
	int ends[2];
	enum err err;

	gather(&start, session);
	if (pipe2(ends, O_CLOEXEC) != 0)
		return why_errno(why, errno, "no pipe could be made");
	err = fork_twice(&start, ends[1], why);
	close(ends[1]);
	if (!err)
		err = wait_ready(ends[0], why);
	close(ends[0]);
	return err;
}
