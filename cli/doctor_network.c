#include "cli/doctor.h"

#include "discovery/interface.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

#define NAMES_MAX 400

/* Names, each once, with ", " between. */
static void add_name(char names[NAMES_MAX], const char *name)
{
	size_t len = strlen(name);

	for (const char *at = names; (at = strstr(at, name)); at += len)
		if ((at == names || at[-1] == ' ') && (at[len] == 0 || at[len] == ','))
			return;
	if (strlen(names) + len + 3 < NAMES_MAX) {
		strcat(names, *names ? ", " : "");
		strcat(names, name);
	}
}

void doctor_network(struct doctor *doctor)
{
	const struct config_list *listed = &doctor->session->config.interfaces;
	char used[NAMES_MAX] = "", skipped[NAMES_MAX] = "";
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) != 0) {
		doctor_note(doctor, FINDING_WARNING, "network", NULL, "the machine's networks cannot be read");
		return;
	}
	for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
		bool has_address = at->ifa_addr && (at->ifa_addr->sa_family == AF_INET || at->ifa_addr->sa_family == AF_INET6);
		if (!has_address || !(at->ifa_flags & IFF_UP) || (at->ifa_flags & IFF_LOOPBACK))
			continue;
		add_name(interface_is_used(at->ifa_name, (const char *const *)listed->items, listed->count) ? used : skipped, at->ifa_name);
	}
	freeifaddrs(all);
	if (*used)
		doctor_note(doctor, FINDING_OK, "network", NULL, "in use: %s%s%s", used, *skipped ? "; left out: " : "", skipped);
	else
		doctor_note(doctor, FINDING_WARNING, "network", *skipped ? "name the one that leads to the LAN: interface = NAME in larder.conf" : NULL,
			    "no interface leads to a LAN%s%s", *skipped ? "; left out: " : "", skipped);
}
