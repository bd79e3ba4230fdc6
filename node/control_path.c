#include "node/control_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum err control_path_open(const char *home, struct control_path *ret_path, struct why *why)
{
	int dir = open(home, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return why_errno(why, errno, "cannot open %s", home);
	*ret_path = (struct control_path){.dir = dir, .address = {.sun_family = AF_UNIX}};
	snprintf(ret_path->address.sun_path, sizeof ret_path->address.sun_path, "/proc/self/fd/%d/control", dir);
	return ERR_OK;
}

void control_path_close(struct control_path *path)
{
	close(path->dir);
}
