#include "node/port_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTENS 0x0a /* TCP_LISTEN, as /proc/net/tcp has it */
#define LINE_MAX_BYTES 512
#define LINK_MAX_BYTES 64

/* The inode of a listening socket with that port; 0: none. Which address it has does not matter: what takes the port takes it from us. */
static unsigned long find_socket(const char *table, uint16_t port)
{
	FILE *file = fopen(table, "re");
	char line[LINE_MAX_BYTES];
	unsigned long found = 0;

	if (!file)
		return 0;
	while (!found && fgets(line, sizeof line, file)) {
		unsigned number, state;
		unsigned long inode;
		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %lu", &number, &state, &inode) == 3 && number == port && state == LISTENS)
			found = inode;
	}
	fclose(file);
	return found;
}

static bool has_socket(const char *pid, unsigned long inode)
{
	char path[64 + LINK_MAX_BYTES], target[LINK_MAX_BYTES], wanted[LINK_MAX_BYTES];
	bool found = false;
	DIR *dir;

	snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
	snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	for (const struct dirent *entry = readdir(dir); entry && !found; entry = readdir(dir)) {
		ssize_t len;
		snprintf(path, sizeof path, "/proc/%.20s/fd/%.20s", pid, entry->d_name);
		len = readlink(path, target, sizeof target - 1);
		target[len > 0 ? len : 0] = 0;
		found = strcmp(target, wanted) == 0;
	}
	closedir(dir);
	return found;
}

static void name_process(const char *pid, char ret[PORT_OWNER_MAX])
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
	file = fopen(path, "re");
	if (file && fgets(name, sizeof name, file))
		name[strcspn(name, "\n")] = 0;
	if (file)
		fclose(file);
	snprintf(ret, PORT_OWNER_MAX, "process %.20s%s%s%s", pid, name[0] ? " (" : "", name, name[0] ? ")" : "");
}

const char *port_owner(const struct lan_address *address, char ret[PORT_OWNER_MAX])
{
	unsigned long inode = find_socket(address->family == 4 ? "/proc/net/tcp" : "/proc/net/tcp6", address->port);
	DIR *dir = inode || (inode = find_socket("/proc/net/tcp6", address->port)) ? opendir("/proc") : NULL;

	ret[0] = 0;
	if (!dir)
		return ret;
	for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		if (!isdigit((unsigned char)entry->d_name[0]) || !has_socket(entry->d_name, inode))
			continue;
		name_process(entry->d_name, ret);
		break;
	}
	closedir(dir);
	return ret;
}
