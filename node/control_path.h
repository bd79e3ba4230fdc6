/* control_path: the address of a home's control socket, however long the path of the home is. */
#ifndef LARDER_NODE_CONTROL_PATH_H
#define LARDER_NODE_CONTROL_PATH_H

#include "base/err.h"

#include <sys/socket.h>
#include <sys/un.h>

struct control_path {
	int dir; /* the home, open: the address goes through it */
	struct sockaddr_un address;
};

/* ERR_NOT_FOUND: there is no such home. */
enum err control_path_open(const char *home, struct control_path *ret_path, struct why *why) LARDER_MUST_USE;
void control_path_close(struct control_path *path);

#endif
