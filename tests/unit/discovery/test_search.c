/* What is found is resolved by a backend that is not there, and timers fire when the test says so. */
#include "discovery/search.h"

#include "support/cmocka.h"

#include <avahi-common/timeval.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINK 7777 /* an interface that the machine does not have */

struct AvahiTimeout {
	AvahiTimeoutCallback fire;
	void *userdata;
	bool running;
	struct timeval at;
};

struct bench {
	struct site site;
	AvahiPoll poll;
	struct search search;
	struct AvahiTimeout timeouts[4];
	size_t timeout_count;
	bool refuse; /* resolvers cannot be started */
	int started, stopped, seen, gone;
	struct finding *finding; /* of the last resolver */
	struct discovery_peer peer; /* told last */
	char gone_name[DISCOVERY_NAME_MAX];
};

static void update_timeout(AvahiTimeout *timeout, const struct timeval *at)
{
	timeout->running = at != NULL;
	if (at)
		timeout->at = *at;
}

static AvahiTimeout *new_timeout(const AvahiPoll *poll, const struct timeval *at, AvahiTimeoutCallback fire, void *userdata)
{
	struct bench *bench = poll->userdata;
	AvahiTimeout *timeout = &bench->timeouts[bench->timeout_count++];

	assert_true(bench->timeout_count <= 4);
	*timeout = (AvahiTimeout){.fire = fire, .userdata = userdata};
	update_timeout(timeout, at);
	return timeout;
}

static void free_timeout(AvahiTimeout *timeout)
{
	timeout->running = false;
	timeout->fire = NULL;
}

/* In how many seconds the first timer is due, rounded down; -1: it does not run. */
static int due_s(const struct bench *bench)
{
	struct timeval now;

	if (!bench->timeouts[0].running)
		return -1;
	gettimeofday(&now, NULL);
	return (int)((avahi_timeval_diff(&bench->timeouts[0].at, &now) + 500000) / 1000000);
}

static void fire(struct bench *bench)
{
	assert_true(bench->timeouts[0].running);
	bench->timeouts[0].fire(&bench->timeouts[0], bench->timeouts[0].userdata);
}

static void *start_resolver(void *context, int interface, AvahiProtocol protocol, const char *name, struct finding *finding)
{
	struct bench *bench = context;

	(void)interface, (void)protocol, (void)name;
	bench->started++;
	bench->finding = finding;
	return bench->refuse ? NULL : bench;
}

static void stop_resolver(void *context, void *resolver)
{
	struct bench *bench = context;

	assert_ptr_equal(resolver, bench);
	bench->stopped++;
}

static const struct search_ops ops = {start_resolver, stop_resolver};

static void on_seen(struct site *site, const struct discovery_peer *peer)
{
	struct bench *bench = container_of(site, struct bench, site);

	bench->seen++;
	bench->peer = *peer;
}

static void on_gone(struct site *site, const char *name, int interface, sa_family_t family)
{
	struct bench *bench = container_of(site, struct bench, site);

	(void)interface, (void)family;
	bench->gone++;
	snprintf(bench->gone_name, sizeof bench->gone_name, "%s", name);
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);

	assert_non_null(bench);
	bench->poll = (AvahiPoll){.userdata = bench, .timeout_new = new_timeout, .timeout_update = update_timeout, .timeout_free = free_timeout};
	bench->site = (struct site){.poll = &bench->poll, .on_seen = on_seen, .on_gone = on_gone};
	search_init(&bench->search, &bench->site, &ops, bench);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	search_release(&bench->search);
	assert_int_equal(bench->search.count, 0);
	free(bench);
	return 0;
}

static AvahiStringList *good_txt(void)
{
	return avahi_string_list_new("v=1", "g=0102030405060708", "n=1112131415161718", "e=a1a2a3a4a5a6a7a8", "h=1", "c=2", NULL);
}

static void resolve_as(struct bench *bench, const char *host, const char *address, uint16_t port, AvahiStringList *txt)
{
	AvahiAddress parsed;

	if (address)
		assert_non_null(avahi_address_parse(address, AVAHI_PROTO_UNSPEC, &parsed));
	search_on_resolved(bench->finding, host, address ? &parsed : NULL, port, txt);
	avahi_string_list_free(txt);
}

static void what_is_resolved_is_told(void **state)
{
	struct bench *bench = *state;
	const struct sockaddr_in *address = (const void *)&bench->peer.address;

	search_on_new(&bench->search, LINK, AVAHI_PROTO_INET, "a\x1b");
	search_on_new(&bench->search, LINK, AVAHI_PROTO_INET, "a\x1b"); /* known already */
	assert_int_equal(bench->started, 1);
	resolve_as(bench, "a.local", "10.0.0.7", 5273, good_txt());
	assert_int_equal(bench->seen, 1);
	assert_string_equal(bench->peer.name, "a?");
	assert_int_equal(bench->peer.interface, LINK);
	assert_int_equal(address->sin_family, AF_INET);
	assert_int_equal(ntohs(address->sin_port), 5273);
	assert_int_equal(ntohl(address->sin_addr.s_addr), 0x0a000007);
	assert_int_equal(bench->peer.note.blobs, 2);
	search_on_remove(&bench->search, LINK, AVAHI_PROTO_INET6, "a\x1b"); /* another one */
	assert_int_equal(bench->gone, 0);
	search_on_remove(&bench->search, LINK, AVAHI_PROTO_INET, "a\x1b");
	assert_int_equal(bench->gone, 1);
	assert_string_equal(bench->gone_name, "a?");
	assert_int_equal(bench->stopped, 1);
}

static void link_local_addresses_have_a_scope(void **state)
{
	struct bench *bench = *state;
	const struct sockaddr_in6 *address = (const void *)&bench->peer.address;

	search_on_new(&bench->search, LINK, AVAHI_PROTO_INET6, "a");
	resolve_as(bench, "a.local", "fe80::1", 5273, good_txt());
	assert_int_equal(address->sin6_scope_id, LINK);
	resolve_as(bench, "a.local", "fd00::1", 5273, good_txt());
	assert_int_equal(address->sin6_scope_id, 0);
	assert_int_equal(bench->seen, 2);
}

static void what_makes_no_sense_is_left_out(void **state)
{
	static const char *const addresses[] = {"127.0.0.1", "127.9.9.9", "0.0.0.0", "224.0.0.251", "255.255.255.255", "fe80::1"};
	static const char *const addresses6[] = {"::1", "::", "ff02::fb", "::ffff:10.0.0.1", "10.0.0.1"};
	struct bench *bench = *state;
	AvahiStringList *long_txt = good_txt();

	search_on_new(&bench->search, LINK, AVAHI_PROTO_INET, "a");
	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
		resolve_as(bench, "a.local", addresses[i], 5273, good_txt());
	resolve_as(bench, "a.local", NULL, 5273, good_txt());
	resolve_as(bench, "a.local", "10.0.0.7", 0, good_txt());
	resolve_as(bench, "a.local", "10.0.0.7", 5273, NULL);
	resolve_as(bench, "a.local", "10.0.0.7", 5273, avahi_string_list_new("v=1", NULL));
	for (int i = 0; i < 100; i++)
		long_txt = avahi_string_list_add(long_txt, "x=0123456789012345678901234567890123456789");
	resolve_as(bench, "a.local", "10.0.0.7", 5273, long_txt);
	search_on_new(&bench->search, LINK, AVAHI_PROTO_INET6, "a");
	for (size_t i = 0; i < sizeof addresses6 / sizeof addresses6[0]; i++)
		resolve_as(bench, "a.local", addresses6[i], 5273, good_txt());
	assert_int_equal(bench->seen, 0);
	assert_int_equal(bench->gone, 0);
	search_on_new(&bench->search, LINK, AVAHI_PROTO_UNSPEC, "b");
	search_on_new(&bench->search, LINK, AVAHI_PROTO_INET, "0123456789012345678901234567890123456789012345678901234567890123");
	assert_int_equal(bench->started, 2);
}

static void one_that_stops_to_make_sense_is_gone(void **state)
{
	struct bench *bench = *state;

	search_on_new(&bench->search, LINK, AVAHI_PROTO_INET, "a");
	resolve_as(bench, "a.local", "10.0.0.7", 5273, good_txt());
	resolve_as(bench, "a.local", "10.0.0.7", 5273, avahi_string_list_new("v=nonsense", NULL));
	assert_int_equal(bench->seen, 1);
	assert_int_equal(bench->gone, 1);
	resolve_as(bench, "a.local", "10.0.0.7", 5273, good_txt());
	assert_int_equal(bench->seen, 2);
}

static void a_failure_is_tried_again_ever_more_seldom(void **state)
{
	static const int at_least_s[] = {1, 2, 4, 8, 16, 32, 60, 60};
	struct bench *bench = *state;
	size_t tries = sizeof at_least_s / sizeof at_least_s[0];

	search_on_new(&bench->search, LINK, AVAHI_PROTO_INET, "a");
	for (size_t i = 0; i < tries; i++) {
		search_on_failure(bench->finding);
		assert_in_range(due_s(bench), at_least_s[i], at_least_s[i] + at_least_s[i] / 4 + 1);
		fire(bench);
		assert_int_equal(bench->started, i + 2);
		assert_int_equal(bench->stopped, i + 1);
		assert_int_equal(due_s(bench), -1);
	}
	resolve_as(bench, "a.local", "10.0.0.7", 5273, good_txt());
	assert_int_equal(bench->seen, 1);
	search_on_failure(bench->finding);
	assert_int_equal(bench->gone, 1);
	assert_in_range(due_s(bench), 1, 2);
}

static void a_resolver_that_does_not_start_is_a_failure(void **state)
{
	struct bench *bench = *state;

	bench->refuse = true;
	search_on_new(&bench->search, LINK, AVAHI_PROTO_INET, "a");
	assert_in_range(due_s(bench), 1, 2);
	bench->refuse = false;
	fire(bench);
	assert_int_equal(bench->started, 2);
	assert_int_equal(bench->stopped, 0);
	resolve_as(bench, "a.local", "10.0.0.7", 5273, good_txt());
	assert_int_equal(bench->seen, 1);
}

static void a_service_that_moves_is_resolved_anew(void **state)
{
	struct bench *bench = *state;
	const struct sockaddr_in *address = (const void *)&bench->peer.address;

	search_on_new(&bench->search, LINK, AVAHI_PROTO_INET, "a");
	resolve_as(bench, "a.local", "10.0.0.7", 5273, good_txt());
	resolve_as(bench, "b.local", "10.0.0.7", 5273, good_txt()); /* the address is that of a.local */
	assert_int_equal(bench->seen, 1);
	assert_int_equal(due_s(bench), 0);
	fire(bench);
	assert_int_equal(bench->started, 2);
	resolve_as(bench, "b.local", "10.0.0.8", 5273, good_txt());
	assert_int_equal(bench->seen, 2);
	assert_int_equal(ntohl(address->sin_addr.s_addr), 0x0a000008);
	assert_int_equal(bench->gone, 0);
}

static void what_was_on_a_lost_link_is_gone(void **state)
{
	struct bench *bench = *state;

	search_on_new(&bench->search, LINK, AVAHI_PROTO_INET, "a");
	resolve_as(bench, "a.local", "10.0.0.7", 5273, good_txt());
	search_on_new(&bench->search, LINK + 1, AVAHI_PROTO_INET, "a");
	resolve_as(bench, "a.local", "10.0.0.7", 5273, good_txt());
	search_leave(&bench->search, LINK);
	assert_int_equal(bench->gone, 1);
	assert_int_equal(bench->search.count, 1);
}

static void there_is_an_end_to_what_is_resolved(void **state)
{
	struct bench *bench = *state;
	char name[16];

	for (int i = 0; i < DISCOVERY_PEERS_MAX + 10; i++) {
		snprintf(name, sizeof name, "%d", i);
		search_on_new(&bench->search, LINK, AVAHI_PROTO_INET, name);
	}
	assert_int_equal(bench->started, DISCOVERY_PEERS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_resolved_is_told),
		TEST(link_local_addresses_have_a_scope),
		TEST(what_makes_no_sense_is_left_out),
		TEST(one_that_stops_to_make_sense_is_gone),
		TEST(a_failure_is_tried_again_ever_more_seldom),
		TEST(a_resolver_that_does_not_start_is_a_failure),
		TEST(a_service_that_moves_is_resolved_anew),
		TEST(what_was_on_a_lost_link_is_gone),
		TEST(there_is_an_end_to_what_is_resolved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
