#include "support/hub_bench.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESOLVE "GET /org/name/resolve/" COMMIT "/f.bin "
#define SIZE ((size_t)1 << 20)

/* What the file is. */
static uint8_t *content(void)
{
	return content_make(1, SIZE);
}

struct bytes {
	uint8_t *data;
	char location[300]; /* head of the hub's redirect to the CDN */
};

static void prepare(struct hub_bench *bench, struct bytes *bytes)
{
	bytes->data = content();
	snprintf(bytes->location, sizeof bytes->location, "302 Found\r\nLocation: %s/signed?sig=1\r\nX-Repo-Commit: " COMMIT, http_server_url(bench->cdn));
	http_server_add(bench->server, &(struct http_reply){.request = RESOLVE, .head = bytes->location, .always = true});
}

static void add_whole(struct http_server *server, const char *request, const struct bytes *bytes, size_t cut_at)
{
	http_server_add(server, &(struct http_reply){.request = request, .head = "200 OK", .body = bytes->data, .body_len = SIZE, .cut_at = cut_at});
}

/* The rest of the file from `first` on, as it is asked for; `head` must live on. */
static void add_part(struct http_server *server, const char *request, const struct bytes *bytes, char head[100], size_t first, size_t end)
{
	snprintf(head, 100, "206 Partial Content\r\nContent-Range: bytes %zu-%zu/%zu", first, end - 1, SIZE);
	http_server_add(server, &(struct http_reply){.request = request, .head = head, .body = bytes->data + first, .body_len = end - first});
}

/* The bytes first .. end-1 have come, and nothing else. */
static void assert_taken(struct taken *taken, const struct bytes *bytes, size_t first, size_t end)
{
	if (taken->err != ERR_OK)
		fail_msg("%s: %s", err_name(taken->err), taken->why.text);
	assert_int_equal(taken->bytes.len, end - first);
	if (end > first)
		assert_memory_equal(taken->bytes.data, bytes->data + first, end - first);
	taken_release(taken);
}

static void assert_failed(struct taken *taken, enum err err, const char *text)
{
	if (taken->err != err)
		fail_msg("%s instead of %s: %s", err_name(taken->err), err_name(err), taken->why.text);
	assert_has(taken->why.text, text);
	taken_release(taken);
}

static void a_body_comes_from_where_the_hub_sends_to(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;

	hub_bench_restart(bench, "hf_secret");
	prepare(bench, &bytes);
	add_whole(bench->cdn, "GET /signed?sig=1 ", &bytes, 0);
	taken_run(bench, &taken, SIZE, 0, SIZE);
	assert_taken(&taken, &bytes, 0, SIZE);
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
	prepare(bench, &bytes);
	snprintf(back, sizeof back, "302 Found\r\nLocation: %s/back", http_server_url(bench->server));
	http_server_say(bench->cdn, "GET /signed", back, "");
	add_whole(bench->server, "GET /back ", &bytes, 0);
	taken_run(bench, &taken, SIZE, 0, SIZE);
	assert_taken(&taken, &bytes, 0, SIZE);
	assert_has_not(http_server_request(bench->server, 1), "hf_secret");
	free(bytes.data);
}

static void a_part_is_asked_for_as_a_range(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;
	char head[100];

	prepare(bench, &bytes);
	add_part(bench->cdn, "GET /signed", &bytes, head, 1000, SIZE);
	taken_run(bench, &taken, SIZE, 1000, SIZE);
	assert_taken(&taken, &bytes, 1000, SIZE);
	assert_has(http_server_request(bench->cdn, 0), "Range: bytes=1000-\r\n");
	add_part(bench->cdn, "GET /signed", &bytes, head, 0, 5);
	taken_run(bench, &taken, SIZE, 0, 5);
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
	char heads[2][100];

	prepare(bench, &bytes);
	add_whole(bench->cdn, "GET /signed", &bytes, 300000);
	snprintf(heads[0], 100, "206 Partial Content\r\nContent-Range: bytes 300000-%zu/%zu", SIZE - 1, SIZE);
	http_server_add(bench->cdn, &(struct http_reply){.request = "GET /signed", .head = heads[0], .body = bytes.data + 300000, .body_len = SIZE - 300000, .cut_at = 100000});
	add_part(bench->cdn, "GET /signed", &bytes, heads[1], 400000, SIZE);
	taken_run(bench, &taken, SIZE, 0, SIZE);
	assert_taken(&taken, &bytes, 0, SIZE);
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

	prepare(bench, &bytes);
	add_whole(bench->cdn, "GET /signed", &bytes, 300000);
	add_whole(bench->cdn, "GET /signed", &bytes, 0);
	taken_run(bench, &taken, SIZE, 0, SIZE);
	assert_taken(&taken, &bytes, 0, SIZE);
	add_whole(bench->cdn, "GET /signed", &bytes, 0);
	taken_run(bench, &taken, SIZE, 1000, 2000);
	assert_taken(&taken, &bytes, 1000, 2000);
	free(bytes.data);
}

static void an_expired_address_is_resolved_again(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;
	char head[100];

	prepare(bench, &bytes);
	add_whole(bench->cdn, "GET /signed", &bytes, 300000);
	http_server_say(bench->cdn, "GET /signed", "403 Forbidden", "<Error>expired</Error>");
	add_part(bench->cdn, "GET /signed", &bytes, head, 300000, SIZE);
	taken_run(bench, &taken, SIZE, 0, SIZE);
	assert_taken(&taken, &bytes, 0, SIZE);
	assert_int_equal(http_server_count(bench->server), 2);
	free(bytes.data);
}

static void a_place_that_always_refuses_is_given_up(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;

	prepare(bench, &bytes);
	http_server_add(bench->cdn, &(struct http_reply){.request = "GET /signed", .head = "403 Forbidden", .always = true});
	taken_run(bench, &taken, SIZE, 0, SIZE);
	assert_failed(&taken, ERR_HUB_AWAY, "answers 403");
	assert_int_equal(http_server_count(bench->cdn), 6);
	free(bytes.data);
}

static void tries_without_a_byte_end(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;

	http_server_add(bench->server, &(struct http_reply){.request = RESOLVE, .head = "500 Internal Server Error", .always = true});
	taken_run(bench, &taken, SIZE, 0, SIZE);
	assert_failed(&taken, ERR_HUB_AWAY, "5 more tries brought nothing");
	assert_int_equal(http_server_count(bench->server), 6);
}

static void tries_count_anew_after_progress(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;
	char heads[8][100];

	bytes.data = content();
	for (size_t i = 0; i < 8; i++) {
		size_t first = i * 20000;
		snprintf(heads[i], 100, "206 Partial Content\r\nContent-Range: bytes %zu-%zu/%zu", first, SIZE - 1, SIZE);
		http_server_add(bench->server, &(struct http_reply){.request = RESOLVE, .head = i ? heads[i] : "200 OK", .body = bytes.data + first,
								    .body_len = SIZE - first, .cut_at = i < 7 ? 20000 : 0});
	}
	bench->clock.factor = 50;
	taken_run(bench, &taken, SIZE, 0, SIZE);
	assert_taken(&taken, &bytes, 0, SIZE);
	free(bytes.data);
}

static void a_hub_that_comes_back_is_used(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;

	prepare(bench, &bytes);
	http_server_down(bench->server);
	taken_start(bench, &taken, SIZE, 0, SIZE);
	for (int i = 0; i < 5; i++)
		loop_turn(bench->loop, 5);
	http_server_up(bench->server);
	add_whole(bench->cdn, "GET /signed", &bytes, 0);
	loop_run(bench->loop);
	assert_taken(&taken, &bytes, 0, SIZE);
	free(bytes.data);
}

static void too_many_requests_are_waited_out(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;

	http_server_say(bench->server, RESOLVE, "429 Too Many Requests\r\nRetry-After: 1", "busy");
	prepare(bench, &bytes);
	http_server_say(bench->cdn, "GET /signed", "429 Too Many Requests\r\nRetry-After: 0", "busy");
	add_whole(bench->cdn, "GET /signed", &bytes, 0);
	taken_run(bench, &taken, SIZE, 0, SIZE);
	assert_taken(&taken, &bytes, 0, SIZE);
	free(bytes.data);
}

/* --- bodies that are not what they should be */

static void another_size_is_an_error(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;

	http_server_say(bench->server, RESOLVE, "200 OK", "0123456789");
	taken_run(bench, &taken, 9, 0, 9);
	assert_failed(&taken, ERR_INVALID, "9 bytes at 127.0.0.1");
	http_server_say(bench->server, RESOLVE, "200 OK", "0123456789");
	taken_run(bench, &taken, 11, 0, 11);
	assert_failed(&taken, ERR_INVALID, "but 10 where");
	http_server_say(bench->server, RESOLVE, "206 Partial Content\r\nContent-Range: bytes 5-9/10", "56789");
	taken_run(bench, &taken, 11, 5, 11);
	assert_failed(&taken, ERR_INVALID, "but 10 where");
	http_server_say(bench->server, RESOLVE, "416 Range Not Satisfiable\r\nContent-Range: bytes */4", "");
	taken_run(bench, &taken, 11, 5, 11);
	assert_failed(&taken, ERR_INVALID, "has no bytes from 5");
}

static void a_body_longer_than_the_file(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;

	http_server_say(bench->server, RESOLVE, "200 OK\r\nConnection: close", "0123456789");
	taken_run(bench, &taken, 9, 0, 9);
	assert_failed(&taken, ERR_INVALID, "longer than the 9 bytes");
}

static void a_body_that_ends_early_without_saying_so(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;

	http_server_say(bench->server, RESOLVE, "200 OK\r\nConnection: close", "01234");
	http_server_say(bench->server, RESOLVE, "206 Partial Content\r\nContent-Range: bytes 5-9/*", "56789");
	taken_run(bench, &taken, 10, 0, 10);
	assert_int_equal(taken.err, ERR_OK);
	assert_string_equal(buf_str(&taken.bytes), "0123456789");
	taken_release(&taken);
}

static void a_range_that_was_not_asked_for(void **state)
{
	static const char *const heads[] = {
		"206 Partial Content\r\nContent-Range: bytes 4-9/10",
		"206 Partial Content\r\nContent-Range: bytes 6-9/10",
		"206 Partial Content\r\nContent-Range: bytes 5-4/10",
		"206 Partial Content\r\nContent-Range: bytes x-9/10",
		"206 Partial Content\r\nContent-Range: bytes 5-9",
		"206 Partial Content\r\nContent-Range: 5-9/10",
		"206 Partial Content\r\nContent-Range: bytes 99999999999999999999-9/10",
		"206 Partial Content",
	};
	struct hub_bench *bench = *state;
	struct taken taken;

	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		http_server_say(bench->server, RESOLVE, heads[i], "56789");
		taken_run(bench, &taken, 10, 5, 10);
		assert_failed(&taken, ERR_INVALID, "the answer for bytes 5");
		assert_int_equal(taken.bytes.len, 0);
	}
}

/* "hello gzip\n", compressed. */
static const unsigned char zipped[] = {
	0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57,
	0x48, 0xaf, 0xca, 0x2c, 0xe0, 0x02, 0x00, 0x39, 0x7c, 0x63, 0x56, 0x0b, 0x00, 0x00, 0x00,
};

static void add_zipped(struct http_server *server, size_t cut_at)
{
	http_server_add(server, &(struct http_reply){.request = RESOLVE, .head = "200 OK\r\nContent-Encoding: gzip", .body = zipped, .body_len = sizeof zipped, .cut_at = cut_at});
}

static void a_server_that_compresses_unasked(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;

	add_zipped(bench->server, 0);
	add_zipped(bench->server, 18);
	add_zipped(bench->server, 0);
	taken_run(bench, &taken, 11, 0, 11);
	assert_int_equal(taken.err, ERR_OK);
	assert_string_equal(buf_str(&taken.bytes), "hello gzip\n");
	assert_has(http_server_request(bench->server, 1), "Accept-Encoding: gzip\r\n");
	assert_has_not(http_server_request(bench->server, 2), "Range:");
	taken_release(&taken);
	add_zipped(bench->server, 0);
	add_zipped(bench->server, 0);
	taken_run(bench, &taken, 11, 6, 8);
	assert_int_equal(taken.err, ERR_OK);
	assert_string_equal(buf_str(&taken.bytes), "gz");
	taken_release(&taken);
	add_zipped(bench->server, 0);
	add_zipped(bench->server, 0);
	taken_run(bench, &taken, 10, 0, 10);
	assert_failed(&taken, ERR_INVALID, "longer than the 10 bytes");
}

static void a_login_page_is_no_file(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;

	http_server_say(bench->server, RESOLVE, "200 OK\r\nContent-Type: text/html", "<html>log in</html>");
	taken_run(bench, &taken, SIZE, 0, SIZE);
	assert_failed(&taken, ERR_INVALID, "captive portal");
	http_server_say(bench->server, RESOLVE, "511 Network Authentication Required", "");
	taken_run(bench, &taken, SIZE, 0, SIZE);
	assert_failed(&taken, ERR_INVALID, "captive portal");
	/* A file may be a web page. */
	http_server_say(bench->server, RESOLVE, "200 OK\r\nContent-Type: text/html", "<html>");
	taken_run(bench, &taken, 6, 0, 6);
	assert_int_equal(taken.err, ERR_OK);
	taken_release(&taken);
}

static void what_the_hub_refuses(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;

	http_server_say(bench->server, RESOLVE, "403 Forbidden\r\nX-Error-Code: GatedRepo", "");
	taken_run(bench, &taken, SIZE, 0, SIZE);
	assert_failed(&taken, ERR_DENIED, "gated");
	http_server_say(bench->server, RESOLVE, "404 Not Found\r\nX-Error-Code: EntryNotFound", "");
	taken_run(bench, &taken, SIZE, 0, SIZE);
	assert_failed(&taken, ERR_NOT_FOUND, "no file f.bin");
	http_server_say(bench->server, RESOLVE, "307 Temporary Redirect\r\nLocation: /cache", "");
	http_server_say(bench->server, "GET /cache", "401 Unauthorized\r\nX-Error-Code: GatedRepo", "");
	taken_run(bench, &taken, SIZE, 0, SIZE);
	assert_failed(&taken, ERR_DENIED, "gated");
	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .head = "302 Found\r\nLocation: /again", .always = true});
	taken_run(bench, &taken, SIZE, 0, SIZE);
	assert_failed(&taken, ERR_INVALID, "without end");
}

/* --- pausing, cancelling */

static void a_paused_body_rests(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;
	size_t len;

	prepare(bench, &bytes);
	add_whole(bench->cdn, "GET /signed", &bytes, 0);
	taken_start(bench, &taken, SIZE, 0, SIZE);
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
	assert_taken(&taken, &bytes, 0, SIZE);
	hub_body_resume(&taken.body);
	hub_body_pause(&taken.body);
	free(bytes.data);
}

static void a_body_paused_from_the_start_waits_for_its_bytes(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;
	struct bytes bytes;

	prepare(bench, &bytes);
	add_whole(bench->cdn, "GET /signed", &bytes, 0);
	taken_start(bench, &taken, SIZE, 0, SIZE);
	hub_body_pause(&taken.body);
	while (http_server_count(bench->cdn) == 0)
		loop_turn(bench->loop, 1);
	for (int i = 0; i < 5; i++)
		loop_turn(bench->loop, 2);
	assert_int_equal(taken.bytes.len, 0);
	hub_body_resume(&taken.body);
	loop_run(bench->loop);
	assert_taken(&taken, &bytes, 0, SIZE);
	free(bytes.data);
}

static void a_cancelled_body_calls_nobody(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken, other;
	struct bytes bytes;

	prepare(bench, &bytes);
	add_whole(bench->cdn, "GET /signed", &bytes, 0);
	taken_start(bench, &other, SIZE, 0, SIZE);
	hub_body_cancel(bench->hub, &other.body);
	taken_start(bench, &taken, SIZE, 0, SIZE);
	taken.cancel_at = 100;
	loop_run(bench->loop);
	for (int i = 0; i < 5; i++)
		loop_turn(bench->loop, 2);
	assert_true(taken.bytes.len < SIZE);
	assert_int_equal(taken.done + other.done, 0);
	assert_null(taken.body.run);
	taken_release(&taken);
	taken_start(bench, &taken, SIZE, 0, SIZE);
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
		snprintf(heads[i], sizeof heads[i], "%s\r\nContent-Range: bytes %zu-%zu/%zu\r\nContent-Length: %zu", i ? "206 Partial Content" : "200 OK", i, SIZE - 1, SIZE, SIZE - i);
		http_server_add(server, &(struct http_reply){.request = RESOLVE, .head = heads[i], .body = &byte, .body_len = 1});
	}
	taken_run(bench, &taken, SIZE, 0, SIZE);
	assert_failed(&taken, ERR_HUB_AWAY, "stopped at 6 of");
	assert_int_equal(http_server_count(server), 6);
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
		test(another_size_is_an_error),
		test(a_body_longer_than_the_file),
		test(a_body_that_ends_early_without_saying_so),
		test(a_range_that_was_not_asked_for),
		test(a_server_that_compresses_unasked),
		test(a_login_page_is_no_file),
		test(what_the_hub_refuses),
		test(a_paused_body_rests),
		test(a_body_paused_from_the_start_waits_for_its_bytes),
		test(a_cancelled_body_calls_nobody),
		test(a_trickle_is_no_progress),
		test(bytes_that_are_not_there_are_refused_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
