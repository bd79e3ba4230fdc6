#include "node/gateway_via.h"

#include "support/http_bench.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>

#define OWN "0123456789abcdef"
#define A "larder-00000000000000aa"
#define B "larder-00000000000000bb"

static void set_up(struct http_bench *bench, struct gateway_via *via)
{
	*via = (struct gateway_via){.loop = bench->loop, .http = bench->http};
	assert_int_equal(gateway_via_init(via, OWN), ERR_OK);
}

/* What the next question says. */
static void assert_told(struct http_bench *bench, const char *line)
{
	struct asked asked;

	http_server_reset(bench->server);
	http_server_say(bench->server, "GET /", "200 OK", "");
	asked_prepare(bench, &asked, "GET", "/");
	asked.request.tells_via = true;
	asked_run(&asked);
	if (!strstr(http_server_request(bench->server, 0), line))
		fail_msg("no \"%s\" in: %s", line, http_server_request(bench->server, 0));
	buf_release(&asked.body);
}

static void its_own_name_comes_back(void **state)
{
	static const char *const own[] = {"1.1 larder-" OWN, "1.1 " A ", 1.1 larder-" OWN, "1.0 proxy (squid), 1.1 larder-" OWN " (x), 1.1 " B};
	static const char *const others[] = {"", "1.1 proxy", "1.1 larder-", "1.1 larder-0123", "1.1 larder-" OWN "0", "1.1 " A ", 1.1 " B, "larder-larder-larder-"};
	struct http_bench *bench = *state;
	struct gateway_via via;

	set_up(bench, &via);
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		assert_false(gateway_via_take(&via, own[i]));
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_true(gateway_via_take(&via, others[i]));
	gateway_via_release(&via);
}

static void who_has_asked_is_named_for_a_while(void **state)
{
	struct http_bench *bench = *state;
	struct gateway_via via;

	set_up(bench, &via);
	assert_told(bench, "Via: 1.1 larder-" OWN "\r\n");
	assert_true(gateway_via_take(&via, "1.1 " A));
	assert_true(gateway_via_take(&via, "1.1 " A ", 1.1 " B));
	assert_told(bench, "Via: 1.1 " A ", 1.1 " B ", 1.1 larder-" OWN "\r\n");
	bench->clock.ahead_ms += GATEWAY_VIA_LASTS_MS;
	http_bench_idle(bench);
	assert_told(bench, "Via: 1.1 larder-" OWN "\r\n");
	gateway_via_release(&via);
}

static void the_last_ones_are_named(void **state)
{
	struct http_bench *bench = *state;
	struct gateway_via via;
	char name[64];

	set_up(bench, &via);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "1.1 larder-%016x", i);
		assert_true(gateway_via_take(&via, name));
		bench->clock.ahead_ms += 1;
	}
	assert_told(bench, name);
	assert_told(bench, ", 1.1 larder-" OWN "\r\n");
	gateway_via_release(&via);
}

#define test(name) cmocka_unit_test_setup_teardown(name, http_bench_setup, http_bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(its_own_name_comes_back),
		test(who_has_asked_is_named_for_a_while),
		test(the_last_ones_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
