/* http_bench: an http with all it stands on, a scripted server for it to talk to, and requests that note all that comes of them. Asserts by cmocka. */
#ifndef LARDER_TESTS_HTTP_BENCH_H
#define LARDER_TESTS_HTTP_BENCH_H

#include "base/buf.h"
#include "node/http.h"
#include "support/fast_clock.h"
#include "support/http_server.h"

struct http_bench {
	struct fast_clock clock;
	struct log log;
	struct loop *loop;
	struct http *http;
	struct http_server *server;
};

/* A request and all that came of it. */
struct asked {
	struct http_request request;
	struct http_bench *bench;
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

/* For cmocka_unit_test_setup_teardown: *state becomes a struct http_bench. */
int http_bench_setup(void **state);
int http_bench_teardown(void **state);
/* A few turns in which whatever is wrongly called would be. */
void http_bench_idle(struct http_bench *bench);

void asked_prepare(struct http_bench *bench, struct asked *asked, const char *method, const char *path);
void asked_start(struct asked *asked);
/* Start, and wait for the end. */
void asked_run(struct asked *asked);

#endif
