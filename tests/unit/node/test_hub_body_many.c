/* Several bodies of one file. */
#include "support/hub_bench.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HALF (BODY_SIZE / 2)

static void run_both(struct hub_bench *bench, struct taken *first, struct taken *second)
{
	while (!first->done || !second->done)
		loop_run(bench->loop);
}

/* One body that must fail, and whatever the server has more to say is not asked for. */
static void fails(struct hub_bench *bench, enum err err, const char *text)
{
	struct hub_place place = {0};
	struct taken taken;

	taken_start_of_many(bench, &taken, &place, HALF, BODY_SIZE);
	loop_run(bench->loop);
	assert_int_equal(taken.bytes.len, 0);
	assert_failed(&taken, err, text);
	hub_place_release(&place);
}

static void the_hub_is_asked_once_for_all(void **state)
{
	struct hub_bench *bench = *state;
	struct hub_place place = {0};
	struct hub_traffic traffic;
	struct taken one, other;
	struct bytes bytes;

	bytes_prepare(bench, &bytes);
	bytes_add_part(bench->cdn, "GET /signed?sig=1 ", &bytes, 0, 1000);
	bytes_add_part(bench->cdn, "GET /signed?sig=1 ", &bytes, 1000, HALF);
	taken_start_of_many(bench, &one, &place, 0, 1000);
	hub_look_at_traffic(bench->hub, &traffic);
	assert_int_equal(traffic.room, HUB_BODIES_MAX - 1);
	loop_run(bench->loop);
	taken_start_of_many(bench, &other, &place, 1000, HALF);
	loop_run(bench->loop);
	assert_taken(&one, &bytes, 0, 1000);
	assert_taken(&other, &bytes, 1000, HALF);
	assert_int_equal(http_server_count(bench->server), 1);
	hub_look_at_traffic(bench->hub, &traffic);
	assert_int_equal(traffic.room, HUB_BODIES_MAX);
	assert_int_equal(traffic.bytes, HALF);
	hub_place_release(&place);
	free(bytes.data);
}

/* An address was known, and two find it expired; whoever is second uses what the first was told, or asks too, but once. */
static void an_expired_address_is_renewed_for_all(void **state)
{
	struct hub_bench *bench = *state;
	struct hub_place place = {0};
	struct taken one, other;
	struct bytes bytes;

	bytes_prepare(bench, &bytes);
	bytes_add_part(bench->cdn, "GET /signed", &bytes, 0, 10);
	taken_start_of_many(bench, &one, &place, 0, 10);
	loop_run(bench->loop);
	assert_taken(&one, &bytes, 0, 10);
	for (int i = 0; i < 2; i++)
		http_server_say(bench->cdn, "GET /signed", "403 Forbidden", "<Error>expired</Error>");
	bytes_add_part(bench->cdn, "GET /signed", &bytes, 10, 20);
	bytes_add_part(bench->cdn, "GET /signed", &bytes, 10, 20);
	taken_start_of_many(bench, &one, &place, 10, 20);
	taken_start_of_many(bench, &other, &place, 10, 20);
	run_both(bench, &one, &other);
	assert_taken(&one, &bytes, 10, 20);
	assert_taken(&other, &bytes, 10, 20);
	assert_in_range(http_server_count(bench->server), 2, 3);
	bytes_add_part(bench->cdn, "GET /signed", &bytes, 20, 30);
	http_server_down(bench->server);
	taken_start_of_many(bench, &one, &place, 20, 30);
	loop_run(bench->loop);
	assert_taken(&one, &bytes, 20, 30);
	http_server_up(bench->server);
	hub_place_release(&place);
	free(bytes.data);
}

static void what_was_renewed_meanwhile_is_not_forgotten(void **state)
{
	struct hub_bench *bench = *state;
	struct hub_place place = {0};
	struct taken taken;
	struct bytes bytes;
	char url[300];

	bytes_prepare(bench, &bytes);
	snprintf(url, sizeof url, "%s/signed?sig=old", http_server_url(bench->cdn));
	place.url = strdup(url);
	http_server_say(bench->cdn, "GET /signed?sig=old ", "403 Forbidden", "<Error>expired</Error>");
	bytes_add_part(bench->cdn, "GET /signed?sig=new ", &bytes, 0, 10);
	taken_start_of_many(bench, &taken, &place, 0, 10);
	loop_turn(bench->loop, 10); /* the old address is asked */
	hub_place_release(&place);
	snprintf(url, sizeof url, "%s/signed?sig=new", http_server_url(bench->cdn));
	place.url = strdup(url);
	while (!taken.done)
		loop_turn(bench->loop, 10);
	assert_taken(&taken, &bytes, 0, 10);
	assert_request(bench->cdn, 0, "GET /signed?sig=old ");
	assert_int_equal(http_server_count(bench->server), 0);
	hub_place_release(&place);
	free(bytes.data);
}

static void a_whole_file_is_refused(void **state)
{
	struct hub_bench *bench = *state;
	struct bytes bytes;

	bytes_prepare(bench, &bytes);
	bytes_add_whole(bench->cdn, "GET /signed", &bytes, 0);
	fails(bench, ERR_UNSUPPORTED, "comes whole");
	assert_int_equal(http_server_count(bench->cdn), 1);
	free(bytes.data);
}

static void what_is_compressed_is_refused(void **state)
{
	struct hub_bench *bench = *state;
	struct bytes bytes;

	bytes_prepare(bench, &bytes);
	http_server_say(bench->cdn, "GET /signed", "206 Partial Content\r\nContent-Range: bytes 524288-1048575/1048576\r\nContent-Encoding: gzip", "zipped");
	fails(bench, ERR_UNSUPPORTED, "compressed");
	free(bytes.data);
}

static void too_many_requests_are_not_waited_out(void **state)
{
	struct hub_bench *bench = *state;
	struct bytes bytes;

	bytes_prepare(bench, &bytes);
	http_server_say(bench->cdn, "GET /signed", "429 Too Many Requests\r\nRetry-After: 1", "busy");
	fails(bench, ERR_HUB_AWAY, "too many requests");
	assert_int_equal(http_server_count(bench->cdn), 1);
	free(bytes.data);
}

/* And the hub does not count as away afterwards. */
static void what_does_not_come_is_tried_twice(void **state)
{
	struct hub_bench *bench = *state;
	struct bytes bytes;

	bytes_prepare(bench, &bytes);
	for (int i = 0; i < 2; i++)
		http_server_add(bench->cdn, &(struct http_reply){.request = "GET /signed", .close = true});
	fails(bench, ERR_HUB_AWAY, "1 more tries");
	assert_int_equal(http_server_count(bench->cdn), 2);
	http_server_reset(bench->server);
	look_fails(bench, "org/name:x", ERR_HUB_AWAY, "599");
	free(bytes.data);
}

#define test(name) cmocka_unit_test_setup_teardown(name, hub_bench_setup, hub_bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(the_hub_is_asked_once_for_all),
		test(an_expired_address_is_renewed_for_all),
		test(what_was_renewed_meanwhile_is_not_forgotten),
		test(a_whole_file_is_refused),
		test(what_is_compressed_is_refused),
		test(too_many_requests_are_not_waited_out),
		test(what_does_not_come_is_tried_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
