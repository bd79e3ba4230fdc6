#include "node/http.h"
#include "base/buf.h"
#include "support/cmocka.h"
#include "support/fast_clock.h"
#include "support/http_server.h"

#include <stdlib.h>
#include <string.h>

struct bench {
	struct fast_clock clock;
	struct log log;
	struct loop *loop;
	struct http *http;
	struct http_server *server;
};

/* A request and all that came of it. */
struct asked {
	struct http_request request;
	struct bench *bench;
	char url[256];
	int status;
	char tag[64]; /* the X-Tag header */
	struct buf body;
	int done;
	enum err err;
	struct why why;
	/* What its handlers are to do. */
	bool cancel_at_answer, cancel_at_bytes, pause_at_bytes, stop_at_bytes;
	struct asked *then; /* started by on_done */
	struct asked *also; /* started by on_bytes, or cancelled with `cancel_also` */
	bool cancel_also;
};

static void start(struct asked *asked);

static void note_answer(struct http_request *request, const struct http_answer *answer)
{
	struct asked *asked = container_of(request, struct asked, request);
	const char *tag = http_answer_header(answer, "x-TAG");

	asked->status = answer->status;
	if (tag)
		snprintf(asked->tag, sizeof asked->tag, "%s", tag);
	if (asked->cancel_at_answer)
		http_cancel(asked->bench->http, request);
}

static void note_bytes(struct http_request *request, const uint8_t *data, size_t len)
{
	struct asked *asked = container_of(request, struct asked, request);

	assert_int_equal(buf_add(&asked->body, data, len), ERR_OK);
	if (asked->pause_at_bytes)
		http_pause(request);
	if (asked->also && asked->cancel_also)
		http_cancel(asked->bench->http, &asked->also->request);
	else if (asked->also)
		start(asked->also);
	asked->also = NULL;
	if (asked->cancel_at_bytes)
		http_cancel(asked->bench->http, request);
	if (asked->stop_at_bytes)
		loop_stop(asked->bench->loop);
}

static void note_done(struct http_request *request, enum err err, const struct why *why)
{
	struct asked *asked = container_of(request, struct asked, request);

	asked->done++;
	asked->err = err;
	asked->why = *why;
	if (asked->then)
		start(asked->then);
	else
		loop_stop(asked->bench->loop);
}

static void prepare(struct bench *bench, struct asked *asked, const char *method, const char *path)
{
	*asked = (struct asked){.bench = bench, .body.limit = 64 << 20};
	snprintf(asked->url, sizeof asked->url, "%s%s", http_server_url(bench->server), path);
	asked->request = (struct http_request){
		.method = method, .range_first = -1, .range_last = -1, .on_answer = note_answer, .on_bytes = note_bytes, .on_done = note_done,
	};
}

static void start(struct asked *asked)
{
	struct why why = {0};

	asked->request.url = asked->url;
	assert_int_equal(http_start(asked->bench->http, &asked->request, &why), ERR_OK);
	assert_int_equal(asked->done, 0);
}

static void run(struct asked *asked)
{
	start(asked);
	loop_run(asked->bench->loop);
	assert_int_equal(asked->done, 1);
}

/* A few turns in which whatever is wrongly called would be. */
static void idle(struct bench *bench)
{
	for (int i = 0; i < 5; i++)
		loop_turn(bench->loop, 2);
}

static int set_up(void **state)
{
	struct http_options options = {.user_agent = "larder/test"};
	struct bench *bench = calloc(1, sizeof *bench);

	assert_non_null(bench);
	fast_clock_init(&bench->clock, 10);
	bench->log.out = stderr;
	options.log = &bench->log;
	assert_int_equal(loop_create(&bench->clock.clock, &bench->loop), ERR_OK);
	fast_clock_drive(&bench->clock, bench->loop);
	assert_int_equal(http_create(bench->loop, &options, &bench->http, NULL), ERR_OK);
	bench->server = http_server_start();
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	http_destroy(bench->http);
	loop_destroy(bench->loop);
	http_server_stop(bench->server);
	free(bench);
	return 0;
}

static void a_get_brings_status_headers_and_body(void **state)
{
	struct bench *bench = *state;
	struct asked asked;

	http_server_say(bench->server, "GET /a?b", "404 Not Found\r\nX-Tag:   some value \t", "the body");
	prepare(bench, &asked, "GET", "/a?b");
	run(&asked);
	assert_int_equal(asked.err, ERR_OK);
	assert_int_equal(asked.status, 404);
	assert_string_equal(asked.tag, "some value");
	assert_string_equal(buf_str(&asked.body), "the body");
	buf_release(&asked.body);
}

static void a_request_says_what_it_should_and_nothing_else(void **state)
{
	static const char *const extra[] = {"X-One: 1", "Content-Type: text/plain", NULL};
	struct bench *bench = *state;
	struct asked asked;
	const char *sent;

	http_server_say(bench->server, "POST /a", "200 OK", "");
	prepare(bench, &asked, "POST", "/a");
	asked.request.body = "posted";
	asked.request.body_len = 6;
	asked.request.extra_headers = extra;
	asked.request.bearer = "hf_token";
	run(&asked);
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
	struct bench *bench = *state;
	struct asked asked;

	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .head = "206 Partial Content", .always = true});
	prepare(bench, &asked, "GET", "/");
	asked.request.range_first = 5;
	run(&asked);
	assert_non_null(strstr(http_server_request(bench->server, 0), "Range: bytes=5-\r\n"));
	prepare(bench, &asked, "GET", "/");
	asked.request.range_first = 0;
	asked.request.range_last = 9;
	run(&asked);
	assert_non_null(strstr(http_server_request(bench->server, 1), "Range: bytes=0-9\r\n"));
}

static void a_head_has_no_body(void **state)
{
	struct bench *bench = *state;
	struct asked asked;

	http_server_say(bench->server, "HEAD /", "200 OK\r\nContent-Length: 1000\r\nX-Tag: here", NULL);
	prepare(bench, &asked, "HEAD", "/");
	run(&asked);
	assert_int_equal(asked.err, ERR_OK);
	assert_string_equal(asked.tag, "here");
	assert_int_equal(asked.body.len, 0);
}

static void a_redirect_is_an_answer(void **state)
{
	struct bench *bench = *state;
	struct asked asked;

	http_server_say(bench->server, "GET /", "302 Found\r\nLocation: {url}/elsewhere", "");
	prepare(bench, &asked, "GET", "/");
	run(&asked);
	assert_int_equal(asked.status, 302);
	assert_int_equal(http_server_count(bench->server), 1);
}

static void informational_answers_are_skipped(void **state)
{
	struct bench *bench = *state;
	struct asked asked;

	http_server_say(bench->server, "GET /", "103 Early Hints\r\nX-Tag: early\r\n\r\nHTTP/1.1 200 OK\r\nX-Tag: final", "x");
	prepare(bench, &asked, "GET", "/");
	run(&asked);
	assert_int_equal(asked.status, 200);
	assert_string_equal(asked.tag, "final");
	buf_release(&asked.body);
}

static void a_cut_body_is_an_error(void **state)
{
	struct bench *bench = *state;
	struct asked asked;

	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .head = "200 OK", .body = "0123456789", .cut_at = 4});
	prepare(bench, &asked, "GET", "/?X-Amz-Signature=secret");
	run(&asked);
	assert_int_equal(asked.err, ERR_CUT);
	assert_int_equal(asked.body.len, 4);
	assert_non_null(strstr(asked.why.text, "127.0.0.1"));
	assert_null(strstr(asked.why.text, "secret"));
	buf_release(&asked.body);
}

static void who_cannot_be_reached_is_away(void **state)
{
	struct bench *bench = *state;
	struct asked asked;

	http_server_down(bench->server);
	prepare(bench, &asked, "GET", "/");
	run(&asked);
	assert_int_equal(asked.err, ERR_HUB_AWAY);
	http_server_up(bench->server);
	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .close = true});
	prepare(bench, &asked, "GET", "/");
	run(&asked);
	assert_int_equal(asked.err, ERR_HUB_AWAY);
}

static void silence_before_the_answer_is_away(void **state)
{
	struct bench *bench = *state;
	struct asked asked;

	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .hang = true});
	prepare(bench, &asked, "GET", "/");
	asked.request.answer_timeout_ms = 2000;
	run(&asked);
	assert_int_equal(asked.err, ERR_HUB_AWAY);
	assert_non_null(strstr(asked.why.text, "does not answer"));
}

static void silence_in_the_body_is_a_cut(void **state)
{
	struct bench *bench = *state;
	struct asked asked;

	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .head = "200 OK", .body = "0123456789", .cut_at = 4, .hang = true});
	prepare(bench, &asked, "GET", "/");
	asked.request.stall_timeout_ms = 2000;
	run(&asked);
	assert_int_equal(asked.err, ERR_CUT);
	assert_int_equal(asked.body.len, 4);
	buf_release(&asked.body);
}

static void too_many_headers(void **state)
{
	struct bench *bench = *state;
	char *head = malloc(HTTP_HEADERS_MAX_BYTES + 1000);
	struct asked asked;
	size_t len;

	assert_non_null(head);
	len = (size_t)sprintf(head, "200 OK");
	while (len < HTTP_HEADERS_MAX_BYTES)
		len += (size_t)sprintf(head + len, "\r\nX-Header: %0500d", 7);
	http_server_say(bench->server, "GET /", head, "x");
	prepare(bench, &asked, "GET", "/");
	run(&asked);
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
	struct bench *bench = *state;
	struct asked asked;

	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .head = "200 OK\r\nContent-Encoding: gzip", .body = zipped,
							    .body_len = sizeof zipped, .always = true});
	prepare(bench, &asked, "GET", "/");
	asked.request.decode = true;
	run(&asked);
	assert_int_equal(asked.err, ERR_OK);
	assert_string_equal(buf_str(&asked.body), "hello gzip\n");
	assert_non_null(strstr(http_server_request(bench->server, 0), "Accept-Encoding: gzip\r\n"));
	buf_release(&asked.body);
	prepare(bench, &asked, "GET", "/");
	run(&asked);
	assert_int_equal(asked.body.len, sizeof zipped);
	assert_memory_equal(asked.body.data, zipped, sizeof zipped);
	buf_release(&asked.body);
}

static void add_big(struct bench *bench, const char *request, size_t len, void **ret_data)
{
	uint8_t *data = malloc(len);

	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 31 + i / 4096);
	http_server_add(bench->server, &(struct http_reply){.request = request, .head = "200 OK", .body = data, .body_len = len, .always = true});
	*ret_data = data;
}

static void a_paused_body_waits_and_goes_on(void **state)
{
	struct bench *bench = *state;
	struct asked asked;
	size_t len = 3 << 20, paused_at;
	int pauses = 0;
	void *data;

	add_big(bench, "GET /", len, &data);
	prepare(bench, &asked, "GET", "/");
	asked.request.stall_timeout_ms = 3000;
	asked.pause_at_bytes = asked.stop_at_bytes = true;
	start(&asked);
	while (!asked.done && pauses < 5) {
		loop_run(bench->loop);
		paused_at = asked.body.len;
		idle(bench);
		/* The time-out for silence does not count now. */
		bench->clock.ahead_ms += 5000;
		idle(bench);
		assert_int_equal(asked.body.len, paused_at);
		assert_int_equal(asked.done, 0);
		pauses++;
		http_resume(&asked.request);
		http_pause(&asked.request);
		http_resume(&asked.request);
	}
	asked.pause_at_bytes = asked.stop_at_bytes = false;
	loop_run(bench->loop);
	assert_int_equal(asked.err, ERR_OK);
	assert_int_equal(asked.body.len, len);
	assert_memory_equal(asked.body.data, data, len);
	buf_release(&asked.body);
	free(data);
}

static void handlers_may_cancel(void **state)
{
	struct bench *bench = *state;
	struct asked a, b, other;
	void *data;

	add_big(bench, "GET /big", 1 << 20, &data);
	http_server_add(bench->server, &(struct http_reply){.request = "GET /hang", .hang = true, .always = true});
	prepare(bench, &a, "GET", "/big");
	a.cancel_at_answer = true;
	start(&a);
	prepare(bench, &other, "GET", "/hang");
	start(&other);
	prepare(bench, &b, "GET", "/big");
	b.also = &other;
	b.cancel_also = b.cancel_at_bytes = b.stop_at_bytes = true;
	start(&b);
	loop_run(bench->loop);
	idle(bench);
	assert_int_equal(a.status, 200);
	assert_int_equal(a.body.len, 0);
	assert_true(b.body.len > 0);
	assert_int_equal(a.done + b.done + other.done, 0);
	assert_null(a.request.transfer);
	assert_null(other.request.transfer);
	http_cancel(bench->http, &a.request);
	buf_release(&b.body);
	free(data);
}

static void handlers_may_start(void **state)
{
	struct bench *bench = *state;
	struct asked a, b, c;

	http_server_say(bench->server, "GET /a", "200 OK", "aaa");
	http_server_say(bench->server, "GET /b", "200 OK", "bbb");
	http_server_say(bench->server, "GET /c", "200 OK", "ccc");
	prepare(bench, &a, "GET", "/a");
	prepare(bench, &b, "GET", "/b");
	prepare(bench, &c, "GET", "/c");
	a.then = &b;
	b.also = &c;
	start(&a);
	while (a.done + b.done + c.done < 3)
		loop_run(bench->loop);
	assert_string_equal(buf_str(&a.body), "aaa");
	assert_string_equal(buf_str(&b.body), "bbb");
	assert_string_equal(buf_str(&c.body), "ccc");
	buf_release(&a.body);
	buf_release(&b.body);
	buf_release(&c.body);
}

static void destroy_cancels_what_runs(void **state)
{
	struct bench *bench = *state;
	struct asked asked[3];

	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .hang = true, .always = true});
	for (size_t i = 0; i < 3; i++) {
		prepare(bench, &asked[i], "GET", "/");
		start(&asked[i]);
	}
	idle(bench);
	http_destroy(bench->http);
	bench->http = NULL;
	idle(bench);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(asked[i].done, 0);
		assert_null(asked[i].request.transfer);
	}
}

static void nonsense_is_refused_at_the_start(void **state)
{
	struct bench *bench = *state;
	struct asked asked;
	struct why why = {0};

	prepare(bench, &asked, "GET", "/");
	asked.request.url = "file:///etc/passwd";
	assert_int_equal(http_start(bench->http, &asked.request, &why), ERR_INVALID);
	asked.request.url = asked.url;
	asked.request.bearer = "hf_secret\r\nX-Evil: 1";
	assert_int_equal(http_start(bench->http, &asked.request, &why), ERR_INVALID);
	assert_null(strstr(why.text, "hf_secret"));
	idle(bench);
	assert_int_equal(asked.done, 0);
	assert_int_equal(http_server_count(bench->server), 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
		test(a_paused_body_waits_and_goes_on),
		test(handlers_may_cancel),
		test(handlers_may_start),
		test(destroy_cancels_what_runs),
		test(nonsense_is_refused_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
