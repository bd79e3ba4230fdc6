/* Who has the ports that a node, and its gateway, are expected at. */
#include "cli/doctor.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTENING 0x0a /* of a socket in /proc/net/tcp */

static bool is_taken(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool taken;

	if (fd < 0)
		return false;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	taken = bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 1) != 0;
	close(fd);
	return taken;
}

/* The inode of the socket that listens there; 0: none is seen. */
static unsigned long listener(const char *table, uint16_t port)
{
	FILE *file = fopen(table, "re");
	unsigned long found = 0;
	char line[512];

	while (file && !found && fgets(line, sizeof line, file)) {
		unsigned local, state;
		unsigned long inode;
		if (sscanf(line, "%*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %lu", &local, &state, &inode) == 3 && local == port &&
		    state == LISTENING)
			found = inode;
	}
	if (file)
		fclose(file);
	return found;
}

static bool has_socket(const char *pid, unsigned long inode)
{
	char dir[64], wanted[64], path[PATH_MAX], target[64];
	const struct dirent *at;
	bool found = false;
	DIR *fds;

	snprintf(dir, sizeof dir, "/proc/%.20s/fd", pid);
	snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
	fds = opendir(dir);
	while (fds && !found && (at = readdir(fds))) {
		ssize_t len;
		snprintf(path, sizeof path, "%s/%s", dir, at->d_name);
		len = readlink(path, target, sizeof target - 1);
		target[len > 0 ? len : 0] = 0;
		found = strcmp(target, wanted) == 0;
	}
	if (fds)
		closedir(fds);
	return found;
}

static void read_name(const char *pid, char ret[64])
{
	char path[64];
	FILE *file;

	ret[0] = 0;
	snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
	file = fopen(path, "re");
	if (file && fgets(ret, 64, file))
		ret[strcspn(ret, "\n")] = 0;
	if (file)
		fclose(file);
}

/* "process 123 (nginx)", as far as it may be seen. */
static void owner(uint16_t port, char ret[128])
{
	unsigned long inode = listener("/proc/net/tcp", port);
	const struct dirent *at;
	DIR *all;

	snprintf(ret, 128, "another program");
	if (!inode)
		inode = listener("/proc/net/tcp6", port);
	all = inode ? opendir("/proc") : NULL;
	while (all && (at = readdir(all))) {
		char name[64];
		if (!isdigit((unsigned char)at->d_name[0]) || !has_socket(at->d_name, inode))
			continue;
		read_name(at->d_name, name);
		snprintf(ret, 128, "process %.20s (%.60s)", at->d_name, name);
		break;
	}
	if (all)
		closedir(all);
}

void doctor_port(struct doctor *doctor, uint16_t port)
{
	char who[128];

	if (port == CONFIG_PORT || !is_taken(CONFIG_PORT))
		return;
	owner(CONFIG_PORT, who);
	doctor_note(doctor, FINDING_WARNING, "port", "name the port where this node is named: peer = HOST:PORT",
		    "port %u belongs to %s, so this node has %u: nodes that look for each other find it, those that only know its name do not", CONFIG_PORT, who, port);
}

void doctor_gateway(struct doctor *doctor, const char *url)
{
	char who[128];

	if (url[0]) {
		doctor_note(doctor, FINDING_OK, "gateway", NULL, "%s", url);
	} else if (doctor->session->config.gateway.count > 0 || !is_taken(CONFIG_GATEWAY_PORT)) {
		doctor_note(doctor, FINDING_OK, "gateway", NULL, "off");
	} else {
		owner(CONFIG_GATEWAY_PORT, who);
		doctor_note(doctor, FINDING_WARNING, "gateway", "set another one: gateway = 127.0.0.1:PORT in larder.conf",
			    "this node has none: port %u belongs to %s", CONFIG_GATEWAY_PORT, who);
	}
}
