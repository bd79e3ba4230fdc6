/* The asking side of control.h. */
#include "node/control_line.h"

#include "node/control_path.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct control_link {
	struct control_line line;
	struct control_ask *ask;
};

static void link_free(struct control_link *link)
{
	control_line_close(&link->line);
	free(link);
}

static void end(struct control_link *link, enum err err, json_t *line, const struct why *why)
{
	struct control_ask *ask = link->ask;

	ask->link = NULL;
	ask->on_end(ask, err, line, why);
	link_free(link);
}

static void on_end(struct control_line *line, enum err err)
{
	struct why why = {"the larder node of this home went away"};

	end(container_of(line, struct control_link, line), err == ERR_INVALID ? ERR_INVALID : ERR_CUT, NULL, &why);
}

static void on_line(struct control_line *line, json_t *object)
{
	struct control_link *link = container_of(line, struct control_link, line);
	const char *text = json_string_value(json_object_get(object, "why"));
	json_t *last = json_object_get(object, "end");
	struct why why = {0};
	enum err err;

	if (!json_is_integer(last)) {
		link->ask->on_line(link->ask, object);
		return;
	}
	err = json_integer_value(last) >= 0 && json_integer_value(last) <= ERR_IO ? (enum err)json_integer_value(last) : ERR_INVALID;
	if (err)
		(void)why_set(&why, err, "%s", text ? text : err_name(err));
	/* The line's owner is freed with it, and the caller goes on with neither. */
	end(link, err, object, &why);
}

/* ERR_NOT_FOUND: nobody listens. */
static enum err connect_to(const char *home, int *ret_fd, struct why *why)
{
	struct control_path path;
	int fd = -1;
	enum err err = control_path_open(home, &path, why);

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		err = why_errno(why, errno, "no socket could be made");
	else if (connect(fd, (struct sockaddr *)&path.address, sizeof path.address) != 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			err = why_set(why, ERR_NOT_FOUND, "no larder node runs on %s", home);
		else if (errno == EAGAIN)
			err = why_set(why, ERR_BUSY, "the larder node of %s is being asked by many others", home);
		else
			err = why_errno(why, errno, "the larder node of %s cannot be asked", home);
		close(fd);
	}
	control_path_close(&path);
	if (!err)
		*ret_fd = fd;
	return err;
}

enum err control_ask_start(struct loop *loop, const char *home, json_t *question, struct control_ask *ask, struct why *why)
{
	struct control_link *link = calloc(1, sizeof *link);
	int fd = -1;
	enum err err = link ? connect_to(home, &fd, why) : why_set(why, ERR_NO_MEMORY, "out of memory");

	if (err) {
		json_decref(question);
		free(link);
		return err;
	}
	link->ask = ask;
	link->line = (struct control_line){.loop = loop, .on_line = on_line, .on_end = on_end};
	control_line_open(&link->line, fd);
	err = control_line_send(&link->line, question);
	if (err) {
		link_free(link);
		return why_set(why, err, "the question to the node could not be written");
	}
	ask->link = link;
	return ERR_OK;
}

void control_ask_cancel(struct control_ask *ask)
{
	if (ask->link)
		link_free(ask->link);
	ask->link = NULL;
}
