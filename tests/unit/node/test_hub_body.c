#include "support/hub_bench.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void a_body_comes_from_where_the_hub_sends_to(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;

	hub_bench_restart(bench, "hf_secret");
	bytes_prepare(bench, &bytes);
	bytes_add_whole(bench->cdn, "GET /signed?sig=1 ", &bytes, 0);
	taken_run(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	assert_taken(&taken, &bytes, 0, BODY_SIZE);
	assert_has(http_server_request(bench->server, 0), "Authorization: Bearer hf_secret\r\n");
	assert_has_not(http_server_request(bench->cdn, 0), "hf_secret");
	assert_has_not(http_server_request(bench->cdn, 0), "Range:");
	assert_has(http_server_request(bench->cdn, 0), "Accept-Encoding: identity\r\n");
	free(bytes.data);
}

static void the_token_does_not_come_back_from_elsewhere(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;
	char back[300];

	hub_bench_restart(bench, "hf_secret");
	bytes_prepare(bench, &bytes);
	snprintf(back, sizeof back, "302 Found\r\nLocation: %s/back", http_server_url(bench->server));
	http_server_say(bench->cdn, "GET /signed", back, "");
	bytes_add_whole(bench->server, "GET /back ", &bytes, 0);
	taken_run(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	assert_taken(&taken, &bytes, 0, BODY_SIZE);
	assert_has_not(http_server_request(bench->server, 1), "hf_secret");
	free(bytes.data);
}

static void a_part_is_asked_for_as_a_range(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;

	bytes_prepare(bench, &bytes);
	bytes_add_part(bench->cdn, "GET /signed", &bytes, 1000, BODY_SIZE);
	taken_run(bench, &taken, BODY_SIZE, 1000, BODY_SIZE);
	assert_taken(&taken, &bytes, 1000, BODY_SIZE);
	assert_has(http_server_request(bench->cdn, 0), "Range: bytes=1000-\r\n");
	bytes_add_part(bench->cdn, "GET /signed", &bytes, 0, 5);
	taken_run(bench, &taken, BODY_SIZE, 0, 5);
	assert_taken(&taken, &bytes, 0, 5);
	assert_has(http_server_request(bench->cdn, 1), "Range: bytes=0-4\r\n");
	free(bytes.data);
}

static void nothing_is_asked_for_nothing(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;

	taken_run(bench, &taken, 0, 0, 0);
	assert_int_equal(taken.err, ERR_OK);
	taken_run(bench, &taken, 10, 5, 5);
	assert_int_equal(taken.err, ERR_OK);
	assert_int_equal(http_server_count(bench->server), 0);
}

static void a_cut_body_goes_on_where_it_stood(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;
	char head[100];

	bytes_prepare(bench, &bytes);
	bytes_add_whole(bench->cdn, "GET /signed", &bytes, 300000);
	snprintf(head, sizeof head, "206 Partial Content\r\nContent-Range: bytes 300000-%zu/%zu", BODY_SIZE - 1, BODY_SIZE);
	http_server_add(bench->cdn, &(struct http_reply){.request = "GET /signed", .head = head, .body = bytes.data + 300000, .body_len = BODY_SIZE - 300000, .cut_at = 100000});
	bytes_add_part(bench->cdn, "GET /signed", &bytes, 400000, BODY_SIZE);
	taken_run(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	assert_taken(&taken, &bytes, 0, BODY_SIZE);
	assert_has(http_server_request(bench->cdn, 1), "Range: bytes=300000-\r\n");
	assert_has(http_server_request(bench->cdn, 2), "Range: bytes=400000-\r\n");
	/* The signed address is kept. */
	assert_int_equal(http_server_count(bench->server), 1);
	free(bytes.data);
}

static void a_server_that_ignores_ranges_is_read_from_the_beginning(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;

	bytes_prepare(bench, &bytes);
	bytes_add_whole(bench->cdn, "GET /signed", &bytes, 300000);
	bytes_add_whole(bench->cdn, "GET /signed", &bytes, 0);
	taken_run(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	assert_taken(&taken, &bytes, 0, BODY_SIZE);
	bytes_add_whole(bench->cdn, "GET /signed", &bytes, 0);
	taken_run(bench, &taken, BODY_SIZE, 1000, 2000);
	assert_taken(&taken, &bytes, 1000, 2000);
	free(bytes.data);
}

static void an_expired_address_is_resolved_again(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;

	bytes_prepare(bench, &bytes);
	bytes_add_whole(bench->cdn, "GET /signed", &bytes, 300000);
	http_server_say(bench->cdn, "GET /signed", "403 Forbidden", "<Error>expired</Error>");
	bytes_add_part(bench->cdn, "GET /signed", &bytes, 300000, BODY_SIZE);
	taken_run(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	assert_taken(&taken, &bytes, 0, BODY_SIZE);
	assert_int_equal(http_server_count(bench->server), 2);
	free(bytes.data);
}

static void a_place_that_always_refuses_is_given_up(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;

	bytes_prepare(bench, &bytes);
	http_server_add(bench->cdn, &(struct http_reply){.request = "GET /signed", .head = "403 Forbidden", .always = true});
	taken_run(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	assert_failed(&taken, ERR_HUB_AWAY, "answers 403");
	assert_int_equal(http_server_count(bench->cdn), 9);
	free(bytes.data);
}

static void tries_without_a_byte_end(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;

	http_server_add(bench->server, &(struct http_reply){.request = BODY_RESOLVE, .head = "500 Internal Server Error", .always = true});
	taken_run(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	assert_failed(&taken, ERR_HUB_AWAY, "8 more tries brought nothing");
	assert_int_equal(http_server_count(bench->server), 9);
}

static void tries_count_anew_after_progress(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;
	char heads[8][100];

	bytes.data = content_make(1, BODY_SIZE);
	for (size_t i = 0; i < 8; i++) {
		size_t first = i * 20000;
		snprintf(heads[i], 100, "206 Partial Content\r\nContent-Range: bytes %zu-%zu/%zu", first, BODY_SIZE - 1, BODY_SIZE);
		http_server_add(bench->server, &(struct http_reply){.request = BODY_RESOLVE, .head = i ? heads[i] : "200 OK", .body = bytes.data + first,
								    .body_len = BODY_SIZE - first, .cut_at = i < 7 ? 20000 : 0});
	}
	bench->clock.factor = 50;
	taken_run(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	assert_taken(&taken, &bytes, 0, BODY_SIZE);
	free(bytes.data);
}

static void a_hub_that_comes_back_is_used(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;

	bytes_prepare(bench, &bytes);
	http_server_down(bench->server);
	taken_start(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	for (int i = 0; i < 5; i++)
		loop_turn(bench->loop, 5);
	http_server_up(bench->server);
	bytes_add_whole(bench->cdn, "GET /signed", &bytes, 0);
	loop_run(bench->loop);
	assert_taken(&taken, &bytes, 0, BODY_SIZE);
	free(bytes.data);
}

static void too_many_requests_are_waited_out(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;

	http_server_say(bench->server, BODY_RESOLVE, "429 Too Many Requests\r\nRetry-After: 1", "busy");
	bytes_prepare(bench, &bytes);
	http_server_say(bench->cdn, "GET /signed", "429 Too Many Requests\r\nRetry-After: 0", "busy");
	bytes_add_whole(bench->cdn, "GET /signed", &bytes, 0);
	taken_run(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	assert_taken(&taken, &bytes, 0, BODY_SIZE);
	free(bytes.data);
}

/* --- pausing, cancelling */

static void a_paused_body_rests(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;
	size_t len;

	bytes_prepare(bench, &bytes);
	bytes_add_whole(bench->cdn, "GET /signed", &bytes, 0);
	taken_start(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	taken.pause_at = 100;
	loop_run(bench->loop);
	len = taken.bytes.len;
	for (int i = 0; i < 5; i++)
		loop_turn(bench->loop, 2);
	assert_int_equal(taken.bytes.len, len);
	assert_int_equal(taken.done, 0);
	taken.is_paused = false;
	hub_body_resume(&taken.body);
	loop_run(bench->loop);
	assert_taken(&taken, &bytes, 0, BODY_SIZE);
	hub_body_resume(&taken.body);
	hub_body_pause(&taken.body);
	free(bytes.data);
}

static void a_body_paused_from_the_start_waits_for_its_bytes(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;

	bytes_prepare(bench, &bytes);
	bytes_add_whole(bench->cdn, "GET /signed", &bytes, 0);
	taken_start(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	hub_body_pause(&taken.body);
	while (http_server_count(bench->cdn) == 0)
		loop_turn(bench->loop, 1);
	for (int i = 0; i < 5; i++)
		loop_turn(bench->loop, 2);
	assert_int_equal(taken.bytes.len, 0);
	hub_body_resume(&taken.body);
	loop_run(bench->loop);
	assert_taken(&taken, &bytes, 0, BODY_SIZE);
	free(bytes.data);
}

static void a_cancelled_body_calls_nobody(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken, other;
	struct bytes bytes;

	bytes_prepare(bench, &bytes);
	bytes_add_whole(bench->cdn, "GET /signed", &bytes, 0);
	taken_start(bench, &other, BODY_SIZE, 0, BODY_SIZE);
	hub_body_cancel(bench->hub, &other.body);
	taken_start(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	taken.cancel_at = 100;
	loop_run(bench->loop);
	for (int i = 0; i < 5; i++)
		loop_turn(bench->loop, 2);
	assert_true(taken.bytes.len < BODY_SIZE);
	assert_int_equal(taken.done + other.done, 0);
	assert_null(taken.body.run);
	taken_release(&taken);
	taken_start(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	loop_turn(bench->loop, 1);
	hub_bench_restart(bench, NULL);
	assert_null(taken.body.run);
	free(bytes.data);
}

/* One byte a connection would go on for years. */
static void a_trickle_is_no_progress(void **state)
{
	struct hub_bench *bench = *state;
	struct http_server *server = bench->server;
	char heads[20][100];
	struct taken taken;
	uint8_t byte = 0;

	for (size_t i = 0; i < 20; i++) {
		snprintf(heads[i], sizeof heads[i], "%s\r\nContent-Range: bytes %zu-%zu/%zu\r\nContent-Length: %zu", i ? "206 Partial Content" : "200 OK", i, BODY_SIZE - 1, BODY_SIZE, BODY_SIZE - i);
		http_server_add(server, &(struct http_reply){.request = BODY_RESOLVE, .head = heads[i], .body = &byte, .body_len = 1, .cut_at = 1});
	}
	taken_run(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	assert_failed(&taken, ERR_HUB_AWAY, "stopped at 9 of");
	assert_int_equal(http_server_count(server), 9);
}

static void bytes_that_are_not_there_are_refused_at_the_start(void **state)
{
	struct hub_bench *bench = *state;
	char path[] = "f";
	struct hub_file file = {.path = path, .size = 10};
	struct hub_body body = {.repo = "org/name", .commit = COMMIT, .file = &file};

	body.end = 11;
	assert_int_equal(hub_body_start(bench->hub, &body, NULL), ERR_USAGE);
	body.first = 6;
	body.end = 5;
	assert_int_equal(hub_body_start(bench->hub, &body, NULL), ERR_USAGE);
	body.end = file.size = UINT64_MAX;
	assert_int_equal(hub_body_start(bench->hub, &body, NULL), ERR_USAGE);
}

#define test(name) cmocka_unit_test_setup_teardown(name, hub_bench_setup, hub_bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_body_comes_from_where_the_hub_sends_to),
		test(the_token_does_not_come_back_from_elsewhere),
		test(a_part_is_asked_for_as_a_range),
		test(nothing_is_asked_for_nothing),
		test(a_cut_body_goes_on_where_it_stood),
		test(a_server_that_ignores_ranges_is_read_from_the_beginning),
		test(an_expired_address_is_resolved_again),
		test(a_place_that_always_refuses_is_given_up),
		test(tries_without_a_byte_end),
		test(tries_count_anew_after_progress),
		test(a_hub_that_comes_back_is_used),
		test(too_many_requests_are_waited_out),
		test(a_paused_body_rests),
		test(a_body_paused_from_the_start_waits_for_its_bytes),
		test(a_cancelled_body_calls_nobody),
		test(a_trickle_is_no_progress),
		test(bytes_that_are_not_there_are_refused_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
