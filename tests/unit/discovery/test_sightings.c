#include "discovery/sightings.h"

#include "support/cmocka.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static struct discovery_peer peer_of(const char *name, int interface, sa_family_t family, uint64_t generation)
{
	struct discovery_peer peer = {.interface = interface, .note = {.version = 1, .generation = generation}};

	snprintf(peer.name, sizeof peer.name, "%s", name);
	peer.address.ss_family = family;
	return peer;
}

static void put(struct sightings *sightings, const char *name, uint64_t generation)
{
	struct discovery_peer peer = peer_of(name, 1, AF_INET, generation);

	assert_true(sightings_put(sightings, &peer));
}

static void drop(struct sightings *sightings, const char *name)
{
	sightings_drop(sightings, name, 1, AF_INET);
}

static void expect(struct sightings *sightings, enum sighting_news news, const char *name, uint64_t generation)
{
	struct discovery_peer peer;

	assert_int_equal(sightings_next(sightings, &peer), news);
	assert_string_equal(peer.name, name);
	assert_int_equal(peer.note.generation, generation);
}

static void expect_nothing(struct sightings *sightings)
{
	struct discovery_peer peer;

	assert_false(sightings_has_news(sightings));
	assert_int_equal(sightings_next(sightings, &peer), SIGHTING_NONE);
}

static int set_up(void **state)
{
	static struct sightings sightings;

	sightings_init(&sightings);
	*state = &sightings;
	return 0;
}

static int tear_down(void **state)
{
	sightings_release(*state);
	return 0;
}

static void each_change_is_told_once(void **state)
{
	struct sightings *sightings = *state;

	expect_nothing(sightings);
	put(sightings, "a", 1);
	expect(sightings, SIGHTING_SEEN, "a", 1);
	put(sightings, "a", 1);
	expect_nothing(sightings);
	put(sightings, "a", 2);
	expect(sightings, SIGHTING_SEEN, "a", 2);
	drop(sightings, "a");
	drop(sightings, "a");
	expect(sightings, SIGHTING_GONE, "a", 2);
	expect_nothing(sightings);
	drop(sightings, "a");
	expect_nothing(sightings);
	assert_int_equal(sightings->count, 0);
}

static void an_owner_who_is_late_hears_the_last_state(void **state)
{
	struct sightings *sightings = *state;

	put(sightings, "a", 1);
	put(sightings, "b", 1);
	put(sightings, "a", 2);
	put(sightings, "c", 1);
	drop(sightings, "c"); /* he never heard of it */
	expect(sightings, SIGHTING_SEEN, "b", 1);
	expect(sightings, SIGHTING_SEEN, "a", 2);
	expect_nothing(sightings);
	drop(sightings, "a");
	put(sightings, "a", 2); /* gone and back: it may have been started again */
	expect(sightings, SIGHTING_SEEN, "a", 2);
	expect_nothing(sightings);
}

static void interface_and_family_tell_peers_apart(void **state)
{
	struct sightings *sightings = *state;
	struct discovery_peer other = peer_of("a", 2, AF_INET, 1), sixth = peer_of("a", 1, AF_INET6, 1), peer;

	put(sightings, "a", 1);
	assert_true(sightings_put(sightings, &other));
	assert_true(sightings_put(sightings, &sixth));
	for (int i = 0; i < 3; i++)
		expect(sightings, SIGHTING_SEEN, "a", 1);
	sightings_drop(sightings, "a", 1, AF_INET6);
	assert_int_equal(sightings_next(sightings, &peer), SIGHTING_GONE);
	assert_int_equal(peer.address.ss_family, AF_INET6);
	expect_nothing(sightings);
	assert_int_equal(sightings->count, 2);
}

static void a_changed_address_is_told(void **state)
{
	struct sightings *sightings = *state;
	struct discovery_peer peer = peer_of("a", 1, AF_INET, 1), sixth = peer_of("a", 1, AF_INET6, 1);
	struct sockaddr_in *address = (void *)&peer.address;
	struct sockaddr_in6 *address6 = (void *)&sixth.address;

	assert_true(sightings_put(sightings, &peer) && sightings_put(sightings, &sixth));
	expect(sightings, SIGHTING_SEEN, "a", 1);
	expect(sightings, SIGHTING_SEEN, "a", 1);
	address->sin_addr.s_addr = 77;
	assert_true(sightings_put(sightings, &peer));
	expect(sightings, SIGHTING_SEEN, "a", 1);
	address->sin_port = 77;
	assert_true(sightings_put(sightings, &peer));
	expect(sightings, SIGHTING_SEEN, "a", 1);
	address6->sin6_scope_id = 7;
	assert_true(sightings_put(sightings, &sixth));
	expect(sightings, SIGHTING_SEEN, "a", 1);
	address6->sin6_addr.s6_addr[15] = 7;
	assert_true(sightings_put(sightings, &sixth));
	expect(sightings, SIGHTING_SEEN, "a", 1);
	assert_true(sightings_put(sightings, &peer) && sightings_put(sightings, &sixth));
	expect_nothing(sightings);
}

static void what_a_new_round_does_not_see_is_gone(void **state)
{
	struct sightings *sightings = *state;

	put(sightings, "a", 1);
	put(sightings, "b", 1);
	expect(sightings, SIGHTING_SEEN, "a", 1);
	expect(sightings, SIGHTING_SEEN, "b", 1);
	sightings_begin_round(sightings);
	put(sightings, "c", 1);
	expect(sightings, SIGHTING_SEEN, "c", 1);
	put(sightings, "b", 1);
	expect_nothing(sightings);
	sightings_end_round(sightings);
	expect(sightings, SIGHTING_GONE, "a", 1);
	expect_nothing(sightings);
	sightings_end_round(sightings);
	expect_nothing(sightings);
}

static void there_is_an_end_to_what_is_kept(void **state)
{
	struct sightings *sightings = *state;
	struct discovery_peer peer = peer_of("a", 0, AF_INET, 1);

	for (int i = 0; i < DISCOVERY_PEERS_MAX; i++) {
		peer.interface = i;
		assert_true(sightings_put(sightings, &peer));
	}
	peer.interface = DISCOVERY_PEERS_MAX;
	assert_false(sightings_put(sightings, &peer));
	peer.interface = 0;
	assert_true(sightings_put(sightings, &peer));
	sightings_drop(sightings, "a", 0, AF_INET);
	peer.interface = DISCOVERY_PEERS_MAX;
	assert_true(sightings_put(sightings, &peer));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_change_is_told_once),
		TEST(an_owner_who_is_late_hears_the_last_state),
		TEST(interface_and_family_tell_peers_apart),
		TEST(a_changed_address_is_told),
		TEST(what_a_new_round_does_not_see_is_gone),
		TEST(there_is_an_end_to_what_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
