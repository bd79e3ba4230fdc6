#include "support/http_bench.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void a_get_brings_status_headers_and_body(void **state)
{
	struct http_bench *bench = *state;
	struct asked asked;

	http_server_say(bench->server, "GET /a?b", "404 Not Found\r\nX-Tag:   some value \t", "the body");
	asked_prepare(bench, &asked, "GET", "/a?b");
	asked_run(&asked);
	assert_int_equal(asked.err, ERR_OK);
	assert_int_equal(asked.status, 404);
	assert_string_equal(asked.tag, "some value");
	assert_string_equal(buf_str(&asked.body), "the body");
	buf_release(&asked.body);
}

static void a_request_says_what_it_should_and_nothing_else(void **state)
{
	static const char *const extra[] = {"X-One: 1", "Content-Type: text/plain", NULL};
	struct http_bench *bench = *state;
	struct asked asked;
	const char *sent;

	http_server_say(bench->server, "POST /a", "200 OK", "");
	asked_prepare(bench, &asked, "POST", "/a");
	asked.request.body = "posted";
	asked.request.body_len = 6;
	asked.request.extra_headers = extra;
	asked.request.bearer = "hf_token";
	asked_run(&asked);
	sent = http_server_request(bench->server, 0);
	assert_non_null(strstr(sent, "X-One: 1\r\n"));
	assert_non_null(strstr(sent, "Content-Type: text/plain\r\n"));
	assert_non_null(strstr(sent, "User-Agent: larder/test\r\n"));
	assert_non_null(strstr(sent, "Accept-Encoding: identity\r\n"));
	assert_non_null(strstr(sent, "Authorization: Bearer hf_token\r\n"));
	assert_non_null(strstr(sent, "\r\n\r\nposted"));
	assert_null(strstr(sent, "Expect"));
	assert_null(strstr(sent, "Range"));
	buf_release(&asked.body);
}

static void ranges(void **state)
{
	struct http_bench *bench = *state;
	struct asked asked;

	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .head = "206 Partial Content", .always = true});
	asked_prepare(bench, &asked, "GET", "/");
	asked.request.range_first = 5;
	asked_run(&asked);
	assert_non_null(strstr(http_server_request(bench->server, 0), "Range: bytes=5-\r\n"));
	asked_prepare(bench, &asked, "GET", "/");
	asked.request.range_first = 0;
	asked.request.range_last = 9;
	asked_run(&asked);
	assert_non_null(strstr(http_server_request(bench->server, 1), "Range: bytes=0-9\r\n"));
}

static void a_head_has_no_body(void **state)
{
	struct http_bench *bench = *state;
	struct asked asked;

	http_server_say(bench->server, "HEAD /", "200 OK\r\nContent-Length: 1000\r\nX-Tag: here", NULL);
	asked_prepare(bench, &asked, "HEAD", "/");
	asked_run(&asked);
	assert_int_equal(asked.err, ERR_OK);
	assert_string_equal(asked.tag, "here");
	assert_int_equal(asked.body.len, 0);
}

static void a_redirect_is_an_answer(void **state)
{
	struct http_bench *bench = *state;
	struct asked asked;

	http_server_say(bench->server, "GET /", "302 Found\r\nLocation: {url}/elsewhere", "");
	asked_prepare(bench, &asked, "GET", "/");
	asked_run(&asked);
	assert_int_equal(asked.status, 302);
	assert_int_equal(http_server_count(bench->server), 1);
}

static void informational_answers_are_skipped(void **state)
{
	struct http_bench *bench = *state;
	struct asked asked;

	http_server_say(bench->server, "GET /", "103 Early Hints\r\nX-Tag: early\r\n\r\nHTTP/1.1 200 OK\r\nX-Tag: final", "x");
	asked_prepare(bench, &asked, "GET", "/");
	asked_run(&asked);
	assert_int_equal(asked.status, 200);
	assert_string_equal(asked.tag, "final");
	buf_release(&asked.body);
}

static void a_cut_body_is_an_error(void **state)
{
	struct http_bench *bench = *state;
	struct asked asked;

	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .head = "200 OK", .body = "0123456789", .cut_at = 4});
	asked_prepare(bench, &asked, "GET", "/?X-Amz-Signature=secret");
	asked_run(&asked);
	assert_int_equal(asked.err, ERR_CUT);
	assert_int_equal(asked.body.len, 4);
	assert_non_null(strstr(asked.why.text, "127.0.0.1"));
	assert_null(strstr(asked.why.text, "secret"));
	buf_release(&asked.body);
}

static void who_cannot_be_reached_is_away(void **state)
{
	struct http_bench *bench = *state;
	struct asked asked;

	http_server_down(bench->server);
	asked_prepare(bench, &asked, "GET", "/");
	asked_run(&asked);
	assert_int_equal(asked.err, ERR_HUB_AWAY);
	http_server_up(bench->server);
	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .close = true});
	asked_prepare(bench, &asked, "GET", "/");
	asked_run(&asked);
	assert_int_equal(asked.err, ERR_HUB_AWAY);
}

static void silence_before_the_answer_is_away(void **state)
{
	struct http_bench *bench = *state;
	struct asked asked;

	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .hang = true});
	asked_prepare(bench, &asked, "GET", "/");
	asked.request.answer_timeout_ms = 2000;
	asked_run(&asked);
	assert_int_equal(asked.err, ERR_HUB_AWAY);
	assert_non_null(strstr(asked.why.text, "does not answer"));
}

static void silence_in_the_body_is_a_cut(void **state)
{
	struct http_bench *bench = *state;
	struct asked asked;

	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .head = "200 OK", .body = "0123456789", .cut_at = 4, .hang = true});
	asked_prepare(bench, &asked, "GET", "/");
	asked.request.stall_timeout_ms = 2000;
	asked_run(&asked);
	assert_int_equal(asked.err, ERR_CUT);
	assert_int_equal(asked.body.len, 4);
	buf_release(&asked.body);
}

static void too_many_headers(void **state)
{
	struct http_bench *bench = *state;
	char *head = malloc(HTTP_HEADERS_MAX_BYTES + 1000);
	struct asked asked;
	size_t len;

	assert_non_null(head);
	len = (size_t)sprintf(head, "200 OK");
	while (len < HTTP_HEADERS_MAX_BYTES)
		len += (size_t)sprintf(head + len, "\r\nX-Header: %0500d", 7);
	http_server_say(bench->server, "GET /", head, "x");
	asked_prepare(bench, &asked, "GET", "/");
	asked_run(&asked);
	assert_int_equal(asked.err, ERR_LIMIT);
	assert_int_equal(asked.status, 0);
	free(head);
}

/* "hello gzip\n", compressed. */
static const unsigned char zipped[] = {
	0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57,
	0x48, 0xaf, 0xca, 0x2c, 0xe0, 0x02, 0x00, 0x39, 0x7c, 0x63, 0x56, 0x0b, 0x00, 0x00, 0x00,
};

static void gzip_is_undone_when_asked_for(void **state)
{
	struct http_bench *bench = *state;
	struct asked asked;

	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .head = "200 OK\r\nContent-Encoding: gzip", .body = zipped,
							    .body_len = sizeof zipped, .always = true});
	asked_prepare(bench, &asked, "GET", "/");
	asked.request.decode = true;
	asked_run(&asked);
	assert_int_equal(asked.err, ERR_OK);
	assert_string_equal(buf_str(&asked.body), "hello gzip\n");
	assert_non_null(strstr(http_server_request(bench->server, 0), "Accept-Encoding: gzip\r\n"));
	buf_release(&asked.body);
	asked_prepare(bench, &asked, "GET", "/");
	asked_run(&asked);
	assert_int_equal(asked.body.len, sizeof zipped);
	assert_memory_equal(asked.body.data, zipped, sizeof zipped);
	buf_release(&asked.body);
}

#define test(name) cmocka_unit_test_setup_teardown(name, http_bench_setup, http_bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_get_brings_status_headers_and_body),
		test(a_request_says_what_it_should_and_nothing_else),
		test(ranges),
		test(a_head_has_no_body),
		test(a_redirect_is_an_answer),
		test(informational_answers_are_skipped),
		test(a_cut_body_is_an_error),
		test(who_cannot_be_reached_is_away),
		test(silence_before_the_answer_is_away),
		test(silence_in_the_body_is_a_cut),
		test(too_many_headers),
		test(gzip_is_undone_when_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
