#include "node/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* The one that this process belongs to. */
static bool terminal_is_there(void)
{
	int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static void on_signal(struct loop_watch *watch, short revents)
{
	struct signals *signals = container_of(watch, struct signals, watch);
	struct signalfd_siginfo info;

	(void)revents;
	if (read(watch->fd, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	if (info.ssi_signo == SIGHUP && !(signals->has_terminal && !terminal_is_there())) {
		signals->on_reload(signals);
		return;
	}
	signals->caught = (int)info.ssi_signo;
	loop_watch_cancel(signals->loop, watch);
	sigprocmask(SIG_SETMASK, &signals->before, NULL);
	signals->on_stop(signals);
}

enum err signals_start(struct signals *signals, struct loop *loop, struct why *why)
{
	sigset_t heard;
	int fd;

	sigemptyset(&heard);
	sigaddset(&heard, SIGINT);
	sigaddset(&heard, SIGTERM);
	if (signals->on_reload)
		sigaddset(&heard, SIGHUP);
	signals->has_terminal = terminal_is_there();
	fd = signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return why_errno(why, errno, "cannot listen for signals");
	sigprocmask(SIG_BLOCK, &heard, &signals->before);
	signals->loop = loop;
	signals->watch = (struct loop_watch){.fd = fd, .events = POLLIN, .ready = on_signal};
	loop_watch_start(loop, &signals->watch);
	return ERR_OK;
}

void signals_stop(struct signals *signals)
{
	if (!signals->loop)
		return;
	loop_watch_cancel(signals->loop, &signals->watch);
	close(signals->watch.fd);
	sigprocmask(SIG_SETMASK, &signals->before, NULL);
	signals->loop = NULL;
}
