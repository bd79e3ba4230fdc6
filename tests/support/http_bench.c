#include "support/http_bench.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <stdio.h>

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
		asked_start(asked->also);
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
		asked_start(asked->then);
	else
		loop_stop(asked->bench->loop);
}

void asked_prepare(struct http_bench *bench, struct asked *asked, const char *method, const char *path)
{
	*asked = (struct asked){.bench = bench, .body.limit = 64 << 20};
	snprintf(asked->url, sizeof asked->url, "%s%s", http_server_url(bench->server), path);
	asked->request = (struct http_request){
		.method = method, .range_first = -1, .range_last = -1, .on_answer = note_answer, .on_bytes = note_bytes, .on_done = note_done,
	};
}

void asked_start(struct asked *asked)
{
	struct why why = {0};

	asked->request.url = asked->url;
	assert_int_equal(http_start(asked->bench->http, &asked->request, &why), ERR_OK);
	assert_int_equal(asked->done, 0);
}

void asked_run(struct asked *asked)
{
	asked_start(asked);
	loop_run(asked->bench->loop);
	assert_int_equal(asked->done, 1);
}

void http_bench_idle(struct http_bench *bench)
{
	for (int i = 0; i < 5; i++)
		loop_turn(bench->loop, 2);
}

int http_bench_setup(void **state)
{
	struct http_options options = {.user_agent = "larder/test"};
	struct http_bench *bench = calloc(1, sizeof *bench);

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

int http_bench_teardown(void **state)
{
	struct http_bench *bench = *state;

	http_destroy(bench->http);
	loop_destroy(bench->loop);
	http_server_stop(bench->server);
	free(bench);
	return 0;
}
