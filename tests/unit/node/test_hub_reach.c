#include "support/hub_bench.h"

#include "support/cmocka.h"

#include <string.h>

#define FILE_NAME "org/name:f.bin"

static void remember(struct hub_bench *bench)
{
	http_server_say(bench->server, "HEAD /", LFS_HEAD, "");
	find_one(bench, FILE_NAME, 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
}

/* That which is remembered, or what the hub says now. */
static void finds(struct hub_bench *bench, bool remembered)
{
	struct looked looked;

	look_finds(bench, &looked, FILE_NAME, COMMIT, 1);
	assert_int_equal(looked.look.listing.remembered, remembered);
	looked_release(&looked);
}

static size_t signs(struct hub_bench *bench)
{
	size_t count = 0;

	for (size_t i = 0; i < http_server_count(bench->server); i++)
		count += strncmp(http_server_request(bench->server, i), "HEAD / ", 7) == 0;
	return count;
}

static void until_asked(struct hub_bench *bench, size_t count)
{
	while (signs(bench) < count) {
		bench->clock.ahead_ms += 1000;
		finds(bench, true);
	}
}

static void one_that_is_away_is_left_alone_for_a_while(void **state)
{
	struct hub_bench *bench = *state;

	bench->clock.factor = 1; /* the while is real: it does not end by itself */
	remember(bench);
	http_server_down(bench->server);
	finds(bench, true);
	assert_true(hub_is_away(bench->hub));
	http_server_up(bench->server);
	http_server_reset(bench->server);
	finds(bench, true);
	assert_int_equal(http_server_count(bench->server), 0);
	look_fails(bench, "org/name:other", ERR_HUB_AWAY, "did not answer a moment ago");
}

static void it_comes_back_by_itself(void **state)
{
	struct hub_bench *bench = *state;

	bench->clock.factor = 1;
	remember(bench);
	http_server_down(bench->server);
	finds(bench, true);
	hub_bench_come_back(bench);
	assert_int_equal(signs(bench), 1);
	http_server_say(bench->server, "HEAD /", LFS_HEAD, "");
	finds(bench, false);
}

/* A black hole: while it is asked whether it lives, again and again, nobody is kept waiting. */
static void nobody_waits_for_its_sign_of_life(void **state)
{
	struct hub_bench *bench = *state;

	bench->clock.factor = 1;
	remember(bench);
	http_server_reset(bench->server);
	http_server_add(bench->server, &(struct http_reply){.request = "HEAD /", .hang = true, .always = true});
	hub_note_away(bench->hub);
	until_asked(bench, 3);
	assert_int_equal(http_server_count(bench->server), signs(bench));
}

static void one_in_trouble_does_not_live(void **state)
{
	struct hub_bench *bench = *state;

	bench->clock.factor = 1;
	remember(bench);
	http_server_reset(bench->server);
	http_server_add(bench->server, &(struct http_reply){.request = "HEAD /", .head = "502 Bad Gateway", .always = true});
	hub_note_away(bench->hub);
	until_asked(bench, 3);
	assert_true(hub_is_away(bench->hub));
}

/* That is tried at once, as what nobody waited for before. */
static void what_is_not_remembered_is_asked_for_after_a_while(void **state)
{
	struct hub_bench *bench = *state;
	struct looked looked;

	bench->clock.factor = 1;
	hub_note_away(bench->hub);
	look_fails(bench, FILE_NAME, ERR_HUB_AWAY, "did not answer a moment ago");
	bench->clock.ahead_ms += HUB_AWAY_MS;
	http_server_add(bench->server, &(struct http_reply){.request = "HEAD / ", .hang = true, .always = true});
	http_server_say(bench->server, "HEAD /org", LFS_HEAD, "");
	look_finds(bench, &looked, FILE_NAME, COMMIT, 1);
	looked_release(&looked);
	assert_false(hub_is_away(bench->hub));
}

static void all_tokens_know_of_it(void **state)
{
	struct hub_bench *bench = *state;
	struct hub_options options = {.url = http_server_url(bench->server), .token = "hf_secret", .store = bench->home->store, .beside = bench->hub};
	struct hub *other = NULL;

	assert_int_equal(hub_create(bench->loop, bench->http, &options, &other, NULL), ERR_OK);
	hub_note_away(other);
	assert_true(hub_is_away(bench->hub));
	hub_bench_come_back(bench);
	assert_false(hub_is_away(other));
	assert_has_not(http_server_request(bench->server, 0), "hf_secret");
	hub_note_away(bench->hub);
	assert_true(hub_is_left_alone(other));
	hub_destroy(other);
	assert_true(hub_is_left_alone(bench->hub));
}

#define test(name) cmocka_unit_test_setup_teardown(name, hub_bench_setup, hub_bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(one_that_is_away_is_left_alone_for_a_while),
		test(it_comes_back_by_itself),
		test(nobody_waits_for_its_sign_of_life),
		test(one_in_trouble_does_not_live),
		test(what_is_not_remembered_is_asked_for_after_a_while),
		test(all_tokens_know_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
