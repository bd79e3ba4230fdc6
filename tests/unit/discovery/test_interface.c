#include "discovery/interface.h"

#include "support/cmocka.h"

static void ways_to_a_lan_are_told_from_the_rest(void **state)
{
	static const char *const used[] = {
		"eth0", "enp3s0", "eno1", "ens18", "wlan0", "wlp2s0", "wlx00c0ca", "end0", "bond0", "team0", "br0", "vmbr0", "usb0", "enx0050b6", "lan0",
		"lowpan0", "eth0.12", "vlan5", "macvlan0", "grey0", "host0", "siteA", "",
	};
	static const char *const skipped[] = {
		"lo", "lo0", "docker0", "docker_gwbridge", "br-1f2e3d4c5b6a", "veth12ab", "vethb2c@if3", "virbr0", "virbr0-nic", "wg0", "wg-home", "tailscale0",
		"ztabcdef12", "ppp0", "tun0", "tap1", "tunl0", "wwan0", "wwp0s20", "sit0", "cni0", "dummy0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof used / sizeof used[0]; i++)
		if (interface_is_skipped(used[i]))
			fail_msg("%s is skipped", used[i]);
	for (size_t i = 0; i < sizeof skipped / sizeof skipped[0]; i++)
		if (!interface_is_skipped(skipped[i]))
			fail_msg("%s is not skipped", skipped[i]);
}

static void a_list_is_the_last_word(void **state)
{
	static const char *const listed[] = {"docker0", "lo"};

	(void)state;
	assert_true(interface_is_used("docker0", listed, 2));
	assert_true(interface_is_used("lo", listed, 2));
	assert_false(interface_is_used("docker1", listed, 2));
	assert_false(interface_is_used("docker", listed, 2));
	assert_false(interface_is_used("eth0", listed, 2));
	assert_true(interface_is_used("eth0", NULL, 0));
	assert_false(interface_is_used("docker0", NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ways_to_a_lan_are_told_from_the_rest),
		cmocka_unit_test(a_list_is_the_last_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
