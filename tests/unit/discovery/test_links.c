#include "discovery/links.h"

#include "support/cmocka.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

static struct links some_links(void)
{
	struct links links = {.count = 2, .at = {{.index = 2, .name = "eth0", .address_count = 1}, {.index = 5, .name = "wlan0"}}};

	links.at[0].addresses[0] = (struct link_address){.family = AF_INET, .bytes = {10, 0, 0, 1}};
	return links;
}

static void any_difference_is_seen(void **state)
{
	struct links a = some_links(), b = a;

	(void)state;
	assert_true(links_are_equal(&a, &b));
	b.at[0].addresses[0].bytes[3] = 2;
	assert_false(links_are_equal(&a, &b) || link_has_same_addresses(&a.at[0], &b.at[0]));
	b = a;
	b.at[0].address_count = 0;
	assert_false(links_are_equal(&a, &b) || link_has_same_addresses(&a.at[0], &b.at[0]));
	b = a;
	b.at[1].index = 6;
	assert_false(links_are_equal(&a, &b));
	b = a;
	strcpy(b.at[1].name, "wlan1");
	assert_false(links_are_equal(&a, &b));
	b = a;
	b.count = 1;
	assert_false(links_are_equal(&a, &b) || links_are_equal(&b, &a));
}

static void links_are_found_by_index(void **state)
{
	struct links links = some_links();

	(void)state;
	assert_ptr_equal(links_find(&links, 5), &links.at[1]);
	assert_null(links_find(&links, 3));
	assert_null(links_find(&links, 0));
}

/* What there is on the machine is not known; that it is read the same twice, and without what is skipped, is. */
static void the_machine_is_read(void **state)
{
	static const char *const none[] = {"no-such-link"};
	struct links a, b;

	(void)state;
	assert_int_equal(links_read(NULL, 0, &a), ERR_OK);
	assert_int_equal(links_read(NULL, 0, &b), ERR_OK);
	assert_true(links_are_equal(&a, &b));
	for (size_t i = 0; i < a.count; i++)
		assert_string_not_equal(a.at[i].name, "lo");
	assert_int_equal(links_read(none, 1, &a), ERR_OK);
	assert_int_equal(a.count, 0);
}

static void a_watch_is_quiet_when_nothing_happens(void **state)
{
	int fd = links_watch_open();
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	(void)state;
	assert_true(fd >= 0);
	links_watch_drain(fd);
	assert_true(poll(&ready, 1, 0) >= 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_difference_is_seen),
		cmocka_unit_test(links_are_found_by_index),
		cmocka_unit_test(the_machine_is_read),
		cmocka_unit_test(a_watch_is_quiet_when_nothing_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
