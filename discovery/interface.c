#include "discovery/interface.h"

#include <ctype.h>
#include <string.h>

/* A name that is skipped begins with `prefix`; with `number`, digits must follow, or nothing: "lo" but not "lowpan0". */
struct pattern {
	const char *prefix;
	bool number;
};

static const struct pattern patterns[] = {
	{"lo", true},      {"dummy", true},
	{"tun", false},    {"tap", false},       {"ppp", false},   {"ipsec", false}, {"sit", true},    {"gre", true},  {"gretap", true}, {"ip6tnl", true},
	{"ip6gre", true},  {"ip_vti", true},     {"ip6_vti", true}, {"tunl", true},  {"wg", false},    {"zt", false},  {"tailscale", false},
	{"nebula", false}, {"wwan", false},      {"wwp", false},   {"wwx", false},   {"rmnet", false},
	{"docker", false}, {"br-", false},       {"veth", false},  {"virbr", false}, {"vnet", true},   {"vmnet", true}, {"vboxnet", true},
	{"lxcbr", true},   {"lxdbr", true},      {"incusbr", true}, {"podman", true}, {"cni", true},   {"cni-podman", true}, {"cali", false},
	{"flannel", false}, {"cilium", false},   {"lxc", false},   {"kube", false},  {"nerdctl", true}, {"ifb", true},
};

static bool matches(const struct pattern *pattern, const char *name)
{
	size_t len = strlen(pattern->prefix);

	if (strncmp(name, pattern->prefix, len) != 0)
		return false;
	for (name += len; pattern->number && *name; name++)
		if (!isdigit((unsigned char)*name))
			return false;
	return true;
}

bool interface_is_skipped(const char *name)
{
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
		if (matches(&patterns[i], name))
			return true;
	return false;
}

bool interface_is_used(const char *name, const char *const *listed, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(listed[i], name) == 0)
			return true;
	return count == 0 && !interface_is_skipped(name);
}
