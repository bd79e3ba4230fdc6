#include "node/in_use.h"

#include "node/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define IN_USE "in-use"
#define STARTING "starting"

static enum err open_file(const char *home, const char *name, int *ret_fd, struct why *why)
{
	char *path = dirs_join(home, name);
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
	enum err err = ERR_OK;

	if (!path)
		err = why_set(why, ERR_NO_MEMORY, "out of memory");
	else if (fd < 0)
		err = why_errno(why, errno, "cannot open %s", path);
	else
		*ret_fd = fd;
	free(path);
	return err;
}

static enum err lock(const char *home, const char *name, int how, int *ret_fd, struct why *why)
{
	int fd = -1;
	enum err err = open_file(home, name, &fd, why);

	if (err)
		return err;
	while (flock(fd, how) != 0) {
		if (errno == EINTR)
			continue;
		err = why_errno(why, errno, "cannot lock %s/%s", home, name);
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return ERR_OK;
}

enum err in_use_hold(const char *home, int *ret_fd, struct why *why)
{
	return lock(home, IN_USE, LOCK_SH, ret_fd, why);
}

enum err in_use_begin(const char *home, int *ret_fd, struct why *why)
{
	return lock(home, STARTING, LOCK_EX, ret_fd, why);
}

static void look(struct loop_timer *timer)
{
	struct in_use *in_use = container_of(timer, struct in_use, timer);

	/* Without memory for a timer there is no looking again: then rather end. */
	if (flock(in_use->fd, LOCK_EX | LOCK_NB) == 0 || loop_timer_start(in_use->loop, timer, IN_USE_LOOK_MS) != ERR_OK)
		in_use->on_unused(in_use);
}

enum err in_use_watch(struct in_use *in_use, struct loop *loop, const char *home, struct why *why)
{
	enum err err = open_file(home, IN_USE, &in_use->fd, why);

	if (err)
		return err;
	in_use->loop = loop;
	in_use->timer.fire = look;
	err = loop_timer_start(loop, &in_use->timer, IN_USE_LOOK_MS);
	if (!err)
		return ERR_OK;
	in_use_stop(in_use);
	return why_set(why, err, "out of memory");
}

void in_use_stop(struct in_use *in_use)
{
	if (!in_use->loop)
		return;
	loop_timer_cancel(in_use->loop, &in_use->timer);
	close(in_use->fd);
	in_use->loop = NULL;
}
