#include "node/lan.h"
#include "support/cmocka.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static struct lan_address address(const char *text)
{
	struct lan_address found;

	if (!lan_parse(text, 5273, &found))
		fail_msg("\"%s\" is an address", text);
	return found;
}

static bool is_near(const struct lan *lan, const char *text)
{
	struct lan_address found = address(text);

	return lan_is_near(lan, &found);
}

static void private_addresses_are_near(void **state)
{
	static const char *const near[] = {
		"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "169.254.3.4", "127.0.0.1", "127.5.6.7",
		"::1", "fd00::1", "fc12::1", "fe80::1", "febf::1", "::ffff:192.168.0.1", "::ffff:10.1.2.3",
	};
	static const char *const far[] = {
		"8.8.8.8", "11.0.0.1", "9.255.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "169.253.0.1", "128.0.0.1", "100.64.0.1",
		"::2", "::", "2001:db8::1", "fe00::1", "fec0::1", "fb00::1", "fe00::", "::ffff:8.8.8.8", "64:ff9b::a00:1",
	};
	struct lan lan = {0};

	(void)state;
	for (size_t i = 0; i < sizeof near / sizeof near[0]; i++)
		if (!is_near(&lan, near[i]))
			fail_msg("%s is near", near[i]);
	for (size_t i = 0; i < sizeof far / sizeof far[0]; i++)
		if (is_near(&lan, far[i]))
			fail_msg("%s is not near", far[i]);
}

static void allowed_and_connected_networks_are_near(void **state)
{
	struct lan lan = {.connected_count = 1};

	(void)state;
	assert_true(lan_parse_prefix("203.0.113.64/26", &lan.connected[0]));
	assert_int_equal(lan_allow(&lan, "198.51.100.7", NULL), ERR_OK);
	assert_int_equal(lan_allow(&lan, "2001:db8:8000::/33", NULL), ERR_OK);
	assert_int_equal(lan_allow(&lan, "::ffff:192.0.2.0/120", NULL), ERR_OK);
	assert_true(is_near(&lan, "203.0.113.64"));
	assert_true(is_near(&lan, "203.0.113.127"));
	assert_false(is_near(&lan, "203.0.113.63"));
	assert_false(is_near(&lan, "203.0.113.128"));
	assert_true(is_near(&lan, "198.51.100.7"));
	assert_false(is_near(&lan, "198.51.100.6"));
	assert_true(is_near(&lan, "2001:db8:8000::1"));
	assert_true(is_near(&lan, "2001:db8:ffff::1"));
	assert_false(is_near(&lan, "2001:db8:7fff::1"));
	assert_true(is_near(&lan, "192.0.2.200"));
	assert_false(is_near(&lan, "192.0.3.1"));
}

static void nobody_connects_from_multicast_or_nowhere(void **state)
{
	struct lan lan = {0};

	(void)state;
	assert_int_equal(lan_allow(&lan, "0.0.0.0/0", NULL), ERR_OK);
	assert_int_equal(lan_allow(&lan, "::/0", NULL), ERR_OK);
	assert_true(is_near(&lan, "8.8.8.8"));
	assert_true(is_near(&lan, "2001:db8::1"));
	assert_false(is_near(&lan, "0.0.0.0"));
	assert_false(is_near(&lan, "224.0.0.251"));
	assert_false(is_near(&lan, "255.255.255.255"));
	assert_false(is_near(&lan, "::"));
	assert_false(is_near(&lan, "ff02::fb"));
	assert_false(lan_is_near(&lan, &(struct lan_address){0}));
}

static void networks_that_are_none_are_refused(void **state)
{
	static const char *const texts[] = {
		"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/ 8", "10.0.0.0/8x", "10.0.0/8", "10.0.0.0/8/8", "::/129", "fe80::%lo/10",
		"::ffff:10.0.0.0/95", "example.org", "10.0.0.0/00000000008",
	};
	struct lan lan = {0};
	struct lan_prefix prefix = {0};
	struct why why = {0};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (lan_parse_prefix(texts[i], &prefix) || lan_allow(&lan, texts[i], &why) != ERR_INVALID)
			fail_msg("\"%s\" is no network", texts[i]);
	assert_string_equal(why.text, "\"10.0.0.0/00000000008\" is no network: write it as 192.0.2.0/24 or 2001:db8::/32");
	assert_int_equal(lan.allowed_count, 0);
	for (size_t i = 0; i < LAN_ALLOWED_MAX; i++)
		assert_int_equal(lan_allow(&lan, "10.0.0.0/8", NULL), ERR_OK);
	assert_int_equal(lan_allow(&lan, "10.0.0.0/8", NULL), ERR_LIMIT);
}

static void addresses_are_read_and_written(void **state)
{
	static const struct {
		const char *in, *out;
	} pairs[] = {
		{"192.0.2.1", "192.0.2.1:5273"},
		{"192.0.2.1:80", "192.0.2.1:80"},
		{"2001:DB8::0:1", "[2001:db8::1]:5273"},
		{"[2001:db8::1]", "[2001:db8::1]:5273"},
		{"[2001:db8::1]:65535", "[2001:db8::1]:65535"},
		{"[fe80::1%lo]:5274", "[fe80::1%lo]:5274"},
		{"fe80::1%lo", "[fe80::1%lo]:5273"},
		{"fe80::1%999999", "[fe80::1%999999]:5273"},
		{"::ffff:192.0.2.1", "192.0.2.1:5273"},
		{"[::ffff:192.0.2.1]:81", "192.0.2.1:81"},
	};
	char text[LAN_TEXT_MAX], expected[LAN_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		struct lan_address found = address(pairs[i].in), again;
		assert_string_equal(lan_text(&found, text), pairs[i].out);
		assert_true(lan_parse(text, 1, &again));
		assert_true(lan_equal(&found, &again));
		snprintf(expected, sizeof expected, "tcp://%s", pairs[i].out);
		assert_string_equal(lan_endpoint(&found, text), expected);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const texts[] = {
		"", ":", ":80", "[]", "[]:80", "[::1", "[::1]80", "[::1]:", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1:80x", "192.0.2.1: 80", "192.0.2",
		"example.org", "example.org:80", "fe80::1%", "fe80::1%no-such-interface", "fe80::1%-1", "2001:db8::1%lo", "::ffff:10.0.0.1%lo", "1:2:3", "192.0.2.1%lo",
		"[192.0.2.1]:80:80", "fe80::1%99999999999",
	};
	struct lan_address found = {.port = 7};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (lan_parse(texts[i], 5273, &found))
			fail_msg("\"%s\" is no address", texts[i]);
	assert_int_equal(found.port, 7);
}

static void a_host_is_split_from_its_port(void **state)
{
	char host[LAN_HOST_MAX], longest[2 * LAN_HOST_MAX];
	uint16_t port;

	(void)state;
	assert_true(lan_split("box.example", 5273, host, &port));
	assert_string_equal(host, "box.example");
	assert_int_equal(port, 5273);
	assert_true(lan_split("box.example:80", 5273, host, &port));
	assert_string_equal(host, "box.example");
	assert_int_equal(port, 80);
	assert_true(lan_split("[fe80::1%eth0]:81", 5273, host, &port));
	assert_string_equal(host, "fe80::1%eth0");
	assert_int_equal(port, 81);
	assert_true(lan_split("fe80::1", 5273, host, &port));
	assert_string_equal(host, "fe80::1");
	assert_int_equal(port, 5273);
	memset(longest, 'a', sizeof longest);
	longest[LAN_HOST_MAX] = 0;
	assert_false(lan_split(longest, 5273, host, &port));
	longest[LAN_HOST_MAX - 1] = 0;
	assert_true(lan_split(longest, 5273, host, &port));
}

static void socket_addresses_are_understood(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(1234)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(1235), .sin6_scope_id = 3};
	struct sockaddr other = {.sa_family = AF_UNIX};
	struct lan_address found, expected = address("192.0.2.1:1234");

	(void)state;
	inet_pton(AF_INET, "192.0.2.1", &in.sin_addr);
	assert_true(lan_from_sockaddr((struct sockaddr *)&in, &found));
	assert_true(lan_equal(&found, &expected));
	inet_pton(AF_INET6, "::ffff:192.0.2.1", &in6.sin6_addr);
	assert_true(lan_from_sockaddr((struct sockaddr *)&in6, &found));
	assert_true(lan_same_host(&found, &expected));
	assert_false(lan_equal(&found, &expected));
	inet_pton(AF_INET6, "fe80::1", &in6.sin6_addr);
	assert_true(lan_from_sockaddr((struct sockaddr *)&in6, &found));
	assert_int_equal(found.scope, 3);
	inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr);
	assert_true(lan_from_sockaddr((struct sockaddr *)&in6, &found));
	assert_int_equal(found.scope, 0);
	assert_false(lan_from_sockaddr(&other, &found));
}

static void the_machine_is_asked(void **state)
{
	static const char *const loopback[] = {"lo"};
	struct lan lan = {.connected_count = LAN_CONNECTED_MAX + 1};
	bool found = false;

	(void)state;
	assert_int_equal(lan_read_connected(&lan, loopback, 1), ERR_OK);
	for (size_t i = 0; i < lan.connected_count; i++)
		found = found || (lan.connected[i].family == 4 && lan.connected[i].length == 8 && lan.connected[i].bytes[0] == 127);
	assert_true(found);
	assert_int_equal(lan_read_connected(&lan, NULL, 0), ERR_OK);
	for (size_t i = 0; i < lan.connected_count; i++) {
		assert_true(lan.connected[i].length > 0);
		assert_int_not_equal(lan.connected[i].bytes[0], 127);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(private_addresses_are_near),
		cmocka_unit_test(allowed_and_connected_networks_are_near),
		cmocka_unit_test(nobody_connects_from_multicast_or_nowhere),
		cmocka_unit_test(networks_that_are_none_are_refused),
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(a_host_is_split_from_its_port),
		cmocka_unit_test(socket_addresses_are_understood),
		cmocka_unit_test(the_machine_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
