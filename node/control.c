/* The answering side of control.h: who asks, and lines; the answers themselves are in control_answer.c. */
#include "node/control.h"

#include "node/acceptor.h"
#include "node/control_answer.h"
#include "node/control_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 64

struct control {
	struct loop *loop;
	struct node *node;
	int lock; /* HOME/control.lock, locked while the node lives */
	char *home;
	int listener; /* -1: not listening */
	struct acceptor acceptor;
	struct list askers;
	size_t count;
};

/* --- the home's one node */

static enum err lock_home(struct control *control, struct why *why)
{
	char path[4096], pid[24] = "";
	ssize_t n;

	snprintf(path, sizeof path, "%s/control.lock", control->home);
	control->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (control->lock < 0)
		return why_errno(why, errno, "cannot open %s", path);
	if (flock(control->lock, LOCK_EX | LOCK_NB) != 0) {
		n = pread(control->lock, pid, sizeof pid - 1, 0);
		pid[n > 0 ? strcspn(pid, "\n") : 0] = 0;
		return why_set(why, ERR_BUSY, "a larder node runs on %s already%s%s", control->home, pid[0] ? ": process " : "", pid);
	}
	snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	if (ftruncate(control->lock, 0) != 0 || pwrite(control->lock, pid, strlen(pid), 0) < 0)
		return why_errno(why, errno, "cannot write %s", path);
	return ERR_OK;
}

bool control_has_home(const struct control *control)
{
	struct stat held, there;
	char path[4096];

	snprintf(path, sizeof path, "%s/control.lock", control->home);
	if (fstat(control->lock, &held) != 0)
		return true;
	if (stat(path, &there) != 0)
		return errno != ENOENT && errno != ENOTDIR;
	return held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

/* The lock is ours, so a socket that lies here was left by somebody who is gone. */
static enum err listen_here(struct control *control, struct why *why)
{
	struct control_path path;
	mode_t mask;
	int failed;
	enum err err = control_path_open(control->home, &path, why);

	if (err)
		return err;
	control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)unlink(path.address.sun_path);
	mask = umask(0177);
	failed = control->listener < 0 || bind(control->listener, (struct sockaddr *)&path.address, sizeof path.address) != 0 ||
		 listen(control->listener, BACKLOG) != 0;
	umask(mask);
	if (failed)
		err = why_errno(why, errno, "cannot listen at %s/control", control->home);
	control_path_close(&path);
	return err;
}

/* --- who asks */

static bool may_ask(int fd)
{
	struct ucred who;
	socklen_t len = sizeof who;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && (who.uid == geteuid() || who.uid == 0);
}

/* What is being found out for it is not wanted any more. */
static void take_back(struct control_asker *asker)
{
	if (asker->answer && asker->answer->cancel)
		asker->answer->cancel(asker);
	asker->answer = NULL;
}

static void asker_free(struct control_asker *asker)
{
	take_back(asker);
	control_line_close(&asker->line);
	list_remove(&asker->link);
	asker->control->count--;
	free(asker);
}

static void on_gone(struct control_line *line, enum err err)
{
	(void)err;
	asker_free(container_of(line, struct control_asker, line));
}

static void on_question(struct control_line *line, json_t *question)
{
	struct control_asker *asker = container_of(line, struct control_asker, line);
	const char *ask = json_string_value(json_object_get(question, "ask"));

	if (asker->answer || asker->has_ended) {
		take_back(asker);
		control_asker_end(asker, ERR_INVALID, &(struct why){"one question a connection"}, NULL);
		return;
	}
	asker->answer = ask ? control_answer_find(ask) : NULL;
	if (!asker->answer)
		control_asker_end(asker, ERR_UNSUPPORTED, &(struct why){"this node does not know that question: is it of another version?"}, NULL);
	else
		asker->answer->start(asker, question);
}

void control_asker_tell(struct control_asker *asker, json_t *line)
{
	if (asker->has_ended)
		json_decref(line);
	else if (control_line_send(&asker->line, line) != ERR_OK)
		asker->has_ended = true; /* it does not read, and is cut when it goes */
}

void control_asker_end(struct control_asker *asker, enum err err, const struct why *why, json_t *line)
{
	json_t *last = line ? line : json_object();

	asker->answer = NULL;
	if (asker->has_ended) {
		json_decref(last);
		return;
	}
	json_object_set_new(last, "end", json_integer(err));
	if (err)
		json_object_set_new(last, "why", json_string(why && why->text[0] ? why->text : err_name(err)));
	control_asker_tell(asker, last);
	asker->has_ended = true;
	/* The other end closes once it has read. */
}

/* As far as its socket takes that at once. */
static void say_full(int fd)
{
	char text[128];
	int len = snprintf(text, sizeof text, "{\"end\": %d, \"why\": \"this node is being asked by many others just now; ask again\"}\n", ERR_BUSY);

	(void)!send(fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void add_asker(struct acceptor *acceptor, int fd, const struct sockaddr *from)
{
	struct control *control = container_of(acceptor, struct control, acceptor);
	bool may = may_ask(fd);
	struct control_asker *asker = may && control->count < CONTROL_MAX ? calloc(1, sizeof *asker) : NULL;

	(void)from;
	if (!asker) {
		if (may)
			say_full(fd);
		close(fd);
		return;
	}
	asker->control = control;
	asker->node = control->node;
	asker->line = (struct control_line){.loop = control->loop, .on_line = on_question, .on_end = on_gone};
	list_append(&control->askers, &asker->link);
	control->count++;
	control_line_open(&asker->line, fd);
}

/* --- its life */

enum err control_create(struct loop *loop, const char *home, struct node *node, struct control **ret_control, struct why *why)
{
	struct control *control = calloc(1, sizeof *control);
	enum err err = control ? ERR_OK : why_set(why, ERR_NO_MEMORY, "out of memory");

	if (!control)
		return err;
	control->loop = loop;
	control->node = node;
	control->lock = -1;
	control->listener = -1;
	control->acceptor = (struct acceptor){.loop = loop, .on_connection = add_asker};
	list_init(&control->askers);
	control->home = strdup(home);
	if (!control->home)
		err = why_set(why, ERR_NO_MEMORY, "out of memory");
	if (!err)
		err = lock_home(control, why);
	if (!err)
		err = listen_here(control, why);
	if (err) {
		control_destroy(control);
		return err;
	}
	acceptor_start(&control->acceptor, control->listener);
	*ret_control = control;
	return ERR_OK;
}

void control_destroy(struct control *control)
{
	struct control_path path;

	if (!control)
		return;
	list_each_safe(at, &control->askers) {
		struct control_asker *asker = container_of(at, struct control_asker, link);
		asker_free(asker);
	}
	if (control->listener >= 0) {
		acceptor_cancel(&control->acceptor);
		close(control->listener);
		if (control_has_home(control) && control_path_open(control->home, &path, NULL) == ERR_OK) {
			(void)unlink(path.address.sun_path);
			control_path_close(&path);
		}
	}
	if (control->lock >= 0)
		close(control->lock);
	free(control->home);
	free(control);
}
