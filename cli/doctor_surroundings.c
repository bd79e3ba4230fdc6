#include "cli/doctor.h"
#include "cli/endpoint_settings.h"

#include "node/dirs.h"
#include "node/lan.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* --- HF_ENDPOINT */

static bool answers(const struct lan_address *address)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(address->port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected;

	memcpy(&to.sin_addr, address->bytes, sizeof to.sin_addr);
	connected = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0; /* on this machine: at once, or not */
	if (fd >= 0)
		close(fd);
	return connected;
}

/* One that leads to this machine stops every program that obeys it when nobody listens there. */
static void look_at_endpoint(struct doctor *doctor)
{
	const char *endpoint = variable("HF_ENDPOINT");
	const char *host = endpoint ? strstr(endpoint, "://") : NULL;
	struct lan_address address;
	char authority[128];

	if (!host)
		return;
	host += 3;
	snprintf(authority, sizeof authority, "%.*s", (int)strcspn(host, "/?#"), host);
	if (strncasecmp(authority, "localhost", 9) == 0)
		snprintf(authority, sizeof authority, "127.0.0.1%.*s", (int)strcspn(host + 9, "/?#"), host + 9);
	if (!lan_parse(authority, 80, &address) || !lan_is_loopback(&address) || address.family != 4)
		return;
	if (answers(&address))
		doctor_note(doctor, FINDING_OK, "endpoint", NULL, "HF_ENDPOINT is %s, and somebody listens there", endpoint);
	else
		doctor_note(doctor, FINDING_PROBLEM, "endpoint", "unset HF_ENDPOINT, or start what is to listen there",
			    "HF_ENDPOINT is %s, and nobody listens there: programs that use the Hugging Face libraries cannot fetch anything", endpoint);
}

/* --- proxies */

static void look_at_proxy(struct doctor *doctor)
{
	static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"};
	const char *set = NULL;

	for (size_t i = 0; !set && i < sizeof names / sizeof names[0]; i++)
		set = variable(names[i]) ? names[i] : NULL;
	if (!set)
		doctor_note(doctor, FINDING_OK, "proxy", NULL, "none is set");
	else if (endpoint_is_left_to_us(variable("no_proxy")) || endpoint_is_left_to_us(variable("NO_PROXY")))
		doctor_note(doctor, FINDING_OK, "proxy", NULL, "%s is set, and this machine is left out of it", set);
	else
		doctor_note(doctor, FINDING_WARNING, "proxy", "export no_proxy=127.0.0.1,localhost",
			    "%s is set, and no_proxy does not name this machine: programs would ask the proxy for what listens here", set);
}

/* --- Xet */

/* The libraries' newer way to fetch has a cache of its own, and asks servers that are not the hub. */
static void look_at_xet(struct doctor *doctor)
{
	const char *off = variable("HF_HUB_DISABLE_XET");
	char *dir = NULL, *hf_home = NULL;
	struct stat st;

	if (off && (strcmp(off, "1") == 0 || strcasecmp(off, "true") == 0 || strcasecmp(off, "yes") == 0 || strcasecmp(off, "on") == 0))
		return;
	if (variable("HF_XET_CACHE"))
		dir = strdup(variable("HF_XET_CACHE"));
	else if (dirs_hf_home(&hf_home, NULL) == ERR_OK)
		dir = dirs_join(hf_home, "xet");
	if (dir && stat(dir, &st) == 0)
		doctor_note(doctor, FINDING_WARNING, "xet", "export HF_HUB_DISABLE_XET=1 for programs that are to share what larder holds",
			    "the Hugging Face libraries here fetch through Xet, with a cache in %s that no node shares", dir);
	free(hf_home);
	free(dir);
}

void doctor_surroundings(struct doctor *doctor)
{
	const struct config *config = &doctor->session->config;

	if (config->note.text[0])
		doctor_note(doctor, FINDING_WARNING, "settings", NULL, "%s", config->note.text);
	look_at_endpoint(doctor);
	look_at_proxy(doctor);
	look_at_xet(doctor);
}
