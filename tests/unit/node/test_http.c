#include "support/http_bench.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

static void add_big(struct http_bench *bench, const char *request, size_t len, void **ret_data)
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
	struct http_bench *bench = *state;
	struct asked asked;
	size_t len = 3 << 20, paused_at;
	int pauses = 0;
	void *data;

	add_big(bench, "GET /", len, &data);
	asked_prepare(bench, &asked, "GET", "/");
	asked.request.stall_timeout_ms = 3000;
	asked.pause_at_bytes = asked.stop_at_bytes = true;
	asked_start(&asked);
	while (!asked.done && pauses < 5) {
		loop_run(bench->loop);
		paused_at = asked.body.len;
		http_bench_idle(bench);
		/* The time-out for silence does not count now. */
		bench->clock.ahead_ms += 5000;
		http_bench_idle(bench);
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
	struct http_bench *bench = *state;
	struct asked a, b, other;
	void *data;

	add_big(bench, "GET /big", 1 << 20, &data);
	http_server_add(bench->server, &(struct http_reply){.request = "GET /hang", .hang = true, .always = true});
	asked_prepare(bench, &a, "GET", "/big");
	a.cancel_at_answer = true;
	asked_start(&a);
	asked_prepare(bench, &other, "GET", "/hang");
	asked_start(&other);
	asked_prepare(bench, &b, "GET", "/big");
	b.also = &other;
	b.cancel_also = b.cancel_at_bytes = b.stop_at_bytes = true;
	asked_start(&b);
	loop_run(bench->loop);
	http_bench_idle(bench);
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
	struct http_bench *bench = *state;
	struct asked a, b, c;

	http_server_say(bench->server, "GET /a", "200 OK", "aaa");
	http_server_say(bench->server, "GET /b", "200 OK", "bbb");
	http_server_say(bench->server, "GET /c", "200 OK", "ccc");
	asked_prepare(bench, &a, "GET", "/a");
	asked_prepare(bench, &b, "GET", "/b");
	asked_prepare(bench, &c, "GET", "/c");
	a.then = &b;
	b.also = &c;
	asked_start(&a);
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
	struct http_bench *bench = *state;
	struct asked asked[3];

	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .hang = true, .always = true});
	for (size_t i = 0; i < 3; i++) {
		asked_prepare(bench, &asked[i], "GET", "/");
		asked_start(&asked[i]);
	}
	http_bench_idle(bench);
	http_destroy(bench->http);
	bench->http = NULL;
	http_bench_idle(bench);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(asked[i].done, 0);
		assert_null(asked[i].request.transfer);
	}
}

static void nonsense_is_refused_at_the_start(void **state)
{
	struct http_bench *bench = *state;
	struct asked asked;
	struct why why = {0};

	asked_prepare(bench, &asked, "GET", "/");
	asked.request.url = "file:///etc/passwd";
	assert_int_equal(http_start(bench->http, &asked.request, &why), ERR_INVALID);
	asked.request.url = asked.url;
	asked.request.bearer = "hf_secret\r\nX-Evil: 1";
	assert_int_equal(http_start(bench->http, &asked.request, &why), ERR_INVALID);
	assert_null(strstr(why.text, "hf_secret"));
	http_bench_idle(bench);
	assert_int_equal(asked.done, 0);
	assert_int_equal(http_server_count(bench->server), 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, http_bench_setup, http_bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_paused_body_waits_and_goes_on),
		test(handlers_may_cancel),
		test(handlers_may_start),
		test(destroy_cancels_what_runs),
		test(nonsense_is_refused_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
