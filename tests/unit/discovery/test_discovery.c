/* The life of a discovery that has no interface to use. How nodes find each other is tried in tests/net. */
#include "discovery/discovery.h"

#include "support/cmocka.h"

#include <poll.h>

static void on_peer(void *context, const struct discovery_peer *peer)
{
	(void)context, (void)peer;
	fail();
}

static struct discovery *create(enum discovery_mode mode)
{
	static const char *const interfaces[] = {"no-such-link"};
	struct discovery_options options = {.name = "test", .port = 1, .note = {.version = 1}, .mode = mode, .interfaces = interfaces, .interface_count = 1,
					    .on_seen = on_peer, .on_gone = on_peer};
	struct discovery *discovery = NULL;

	assert_int_equal(discovery_create(&options, &discovery), ERR_OK);
	return discovery;
}

static void it_ends_at_any_time(void **state)
{
	static const enum discovery_mode modes[] = {DISCOVERY_AUTO, DISCOVERY_DAEMON, DISCOVERY_EMBEDDED};

	(void)state;
	discovery_destroy(NULL);
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
		discovery_destroy(create(modes[i]));
}

static void commands_may_come_in_any_state(void **state)
{
	struct discovery_note note = {.version = 1, .filter_len = NOTE_FILTER_MAX};
	struct discovery *discovery = create(DISCOVERY_EMBEDDED), *other = create(DISCOVERY_EMBEDDED);

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		note.generation = i;
		discovery_announce(discovery, &note);
		discovery_refresh(discovery);
		discovery_announce(other, &note);
		assert_int_equal(discovery_reap(discovery), 0);
		assert_non_null(discovery_mode_name(discovery_mode(discovery)));
	}
	discovery_destroy(discovery);
	discovery_destroy(other);
}

static void the_descriptor_is_quiet_when_nothing_is_seen(void **state)
{
	struct discovery *discovery = create(DISCOVERY_AUTO);
	struct pollfd ready = {.fd = discovery_fd(discovery), .events = POLLIN};

	(void)state;
	assert_int_equal(poll(&ready, 1, 0), 0);
	discovery_destroy(discovery);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_ends_at_any_time),
		cmocka_unit_test(commands_may_come_in_any_state),
		cmocka_unit_test(the_descriptor_is_quiet_when_nothing_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
