#include "support/hub_bench.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

#define FASTER 10

static void start_hub(struct hub_bench *bench, const char *token)
{
	struct http_options options = {.user_agent = "larder/test", .log = &bench->log};
	struct hub_options hub = {.url = http_server_url(bench->server), .token = token};
	struct why why = {0};

	store_home_open(bench->home);
	hub.store = bench->home->store;
	assert_int_equal(http_create(bench->loop, &options, &bench->http, &why), ERR_OK);
	if (hub_create(bench->loop, bench->http, &hub, &bench->hub, &why) != ERR_OK)
		fail_msg("hub_create: %s", why.text);
}

static void stop_hub(struct hub_bench *bench)
{
	hub_destroy(bench->hub);
	http_destroy(bench->http);
	store_home_close(bench->home);
}

int hub_bench_setup(void **state)
{
	struct hub_bench *bench = calloc(1, sizeof *bench);
	void *home;

	assert_non_null(bench);
	assert_int_equal(store_home_setup(&home), 0);
	bench->home = home;
	fast_clock_init(&bench->clock, FASTER);
	bench->lines = tmpfile();
	assert_non_null(bench->lines);
	bench->log = (struct log){.out = bench->lines, .level = LOG_LEVEL_INFO};
	store_home_close(bench->home);
	bench->home->options.clock = &bench->clock.clock;
	bench->home->options.log = &bench->log;
	assert_int_equal(loop_create(&bench->clock.clock, &bench->loop), ERR_OK);
	fast_clock_drive(&bench->clock, bench->loop);
	bench->server = http_server_start();
	bench->cdn = http_server_start();
	start_hub(bench, NULL);
	*state = bench;
	return 0;
}

int hub_bench_teardown(void **state)
{
	struct hub_bench *bench = *state;
	void *home = bench->home;

	stop_hub(bench);
	loop_destroy(bench->loop);
	http_server_stop(bench->server);
	http_server_stop(bench->cdn);
	fclose(bench->lines);
	free(bench);
	return store_home_teardown(&home);
}

void hub_bench_restart(struct hub_bench *bench, const char *token)
{
	stop_hub(bench);
	start_hub(bench, token);
}

struct watch {
	struct hub_bench *bench;
	struct loop_timer timer;
};

static void look_whether_there(struct loop_timer *timer)
{
	struct watch *watch = container_of(timer, struct watch, timer);

	if (!hub_is_away(watch->bench->hub))
		loop_stop(watch->bench->loop);
	else if (loop_timer_start(watch->bench->loop, timer, 1) != ERR_OK)
		abort();
}

void hub_bench_come_back(struct hub_bench *bench)
{
	struct watch watch = {bench, {.fire = look_whether_there}};

	http_server_up(bench->server);
	http_server_say(bench->server, "HEAD / ", "404 Not Found", "");
	bench->clock.ahead_ms += HUB_AWAY_MS;
	look_whether_there(&watch.timer);
	loop_run(bench->loop);
}

const char *hub_bench_logged(struct hub_bench *bench)
{
	size_t len;

	rewind(bench->lines);
	len = fread(bench->logged, 1, sizeof bench->logged - 1, bench->lines);
	bench->logged[len] = 0;
	return bench->logged;
}

/* --- looks */

static void look_done(struct hub_look *look, enum err err, const struct why *why)
{
	struct looked *looked = container_of(look, struct looked, look);

	assert_null(look->run);
	looked->done++;
	looked->err = err;
	looked->why = *why;
	loop_stop(looked->bench->loop);
}

void looked_start(struct hub_bench *bench, struct looked *looked, const char *name)
{
	struct why why = {0};

	*looked = (struct looked){.bench = bench};
	if (name_parse(name, NULL, &looked->name, &why) != ERR_OK)
		fail_msg("name_parse: %s", why.text);
	looked->look = (struct hub_look){.name = &looked->name, .on_done = look_done};
	if (hub_look_start(bench->hub, &looked->look, &why) != ERR_OK)
		fail_msg("hub_look_start: %s", why.text);
	assert_int_equal(looked->done, 0);
}

void looked_run(struct hub_bench *bench, struct looked *looked, const char *name)
{
	looked_start(bench, looked, name);
	loop_run(bench->loop);
	assert_int_equal(looked->done, 1);
}

void looked_release(struct looked *looked)
{
	name_release(&looked->name);
	hub_listing_release(&looked->look.listing);
}

void look_fails(struct hub_bench *bench, const char *name, enum err err, const char *text)
{
	struct looked looked;

	looked_run(bench, &looked, name);
	if (looked.err != err)
		fail_msg("%s: %s instead of %s: %s", name, err_name(looked.err), err_name(err), looked.why.text);
	assert_has(looked.why.text, text);
	looked_release(&looked);
}

void look_finds(struct hub_bench *bench, struct looked *looked, const char *name, const char *commit, size_t count)
{
	looked_run(bench, looked, name);
	if (looked->err != ERR_OK)
		fail_msg("%s: %s: %s", name, err_name(looked->err), looked->why.text);
	assert_string_equal(looked->look.listing.commit, commit);
	assert_int_equal(looked->look.listing.count, count);
}

void assert_file(const struct looked *looked, size_t at, const char *path, uint64_t size, const char *digest)
{
	const struct hub_file *file = &looked->look.listing.files[at];
	char text[DIGEST_TEXT_MAX];

	assert_string_equal(file->path, path);
	assert_int_equal(file->size, size);
	assert_string_equal(digest_text(&file->digest, text), digest);
}

void find_one(struct hub_bench *bench, const char *name, uint64_t size, const char *digest, enum visibility visibility)
{
	struct looked looked;

	look_finds(bench, &looked, name, COMMIT, 1);
	assert_file(&looked, 0, looked.name.path, size, digest);
	assert_int_equal(looked.look.listing.visibility, visibility);
	looked_release(&looked);
}

/* --- bodies */

static void body_bytes(struct hub_body *body, const uint8_t *data, size_t len)
{
	struct taken *taken = container_of(body, struct taken, body);

	assert_false(taken->is_paused && taken->bytes.len > taken->pause_at + (64 << 10));
	assert_int_equal(buf_add(&taken->bytes, data, len), ERR_OK);
	if (taken->cancel_at && taken->bytes.len >= taken->cancel_at) {
		hub_body_cancel(taken->bench->hub, body);
		loop_stop(taken->bench->loop);
	} else if (taken->pause_at && taken->bytes.len >= taken->pause_at) {
		hub_body_pause(body);
		taken->is_paused = true;
		taken->pause_at = 0;
		loop_stop(taken->bench->loop);
	}
}

static void body_done(struct hub_body *body, enum err err, const struct why *why)
{
	struct taken *taken = container_of(body, struct taken, body);

	assert_null(body->run);
	taken->done++;
	taken->err = err;
	taken->why = *why;
	loop_stop(taken->bench->loop);
}

static void start_body(struct hub_bench *bench, struct taken *taken, uint64_t size, const struct hub_body *body)
{
	static char path[] = "f.bin";
	struct why why = {0};

	*taken = (struct taken){.bench = bench, .file = {.path = path, .size = size}, .bytes.limit = 64 << 20, .body = *body};
	assert_true(digest_parse(SHA256, &taken->file.digest));
	taken->body.repo = "org/name";
	taken->body.commit = COMMIT;
	taken->body.file = &taken->file;
	taken->body.on_bytes = body_bytes;
	taken->body.on_done = body_done;
	if (hub_body_start(bench->hub, &taken->body, &why) != ERR_OK)
		fail_msg("hub_body_start: %s", why.text);
}

void taken_start(struct hub_bench *bench, struct taken *taken, uint64_t size, uint64_t first, uint64_t end)
{
	start_body(bench, taken, size, &(struct hub_body){.first = first, .end = end});
}

void taken_start_of_many(struct hub_bench *bench, struct taken *taken, struct hub_place *place, uint64_t first, uint64_t end)
{
	start_body(bench, taken, BODY_SIZE, &(struct hub_body){.first = first, .end = end, .place = place, .is_one_of_many = true});
}

void taken_run(struct hub_bench *bench, struct taken *taken, uint64_t size, uint64_t first, uint64_t end)
{
	taken_start(bench, taken, size, first, end);
	loop_run(bench->loop);
	assert_int_equal(taken->done, 1);
}

void taken_release(struct taken *taken)
{
	buf_release(&taken->bytes);
}

void bytes_prepare(struct hub_bench *bench, struct bytes *bytes)
{
	bytes->data = content_make(1, BODY_SIZE);
	snprintf(bytes->location, sizeof bytes->location, "302 Found\r\nLocation: %s/signed?sig=1\r\nX-Repo-Commit: " COMMIT, http_server_url(bench->cdn));
	http_server_add(bench->server, &(struct http_reply){.request = BODY_RESOLVE, .head = bytes->location, .always = true});
}

void bytes_add_whole(struct http_server *server, const char *request, const struct bytes *bytes, size_t cut_at)
{
	http_server_add(server, &(struct http_reply){.request = request, .head = "200 OK", .body = bytes->data, .body_len = BODY_SIZE, .cut_at = cut_at});
}

void bytes_add_part(struct http_server *server, const char *request, const struct bytes *bytes, size_t first, size_t end)
{
	char head[100];

	snprintf(head, sizeof head, "206 Partial Content\r\nContent-Range: bytes %zu-%zu/%zu", first, end - 1, BODY_SIZE);
	http_server_add(server, &(struct http_reply){.request = request, .head = head, .body = bytes->data + first, .body_len = end - first});
}

void assert_taken(struct taken *taken, const struct bytes *bytes, size_t first, size_t end)
{
	if (taken->err != ERR_OK)
		fail_msg("%s: %s", err_name(taken->err), taken->why.text);
	assert_int_equal(taken->bytes.len, end - first);
	if (end > first)
		assert_memory_equal(taken->bytes.data, bytes->data + first, end - first);
	taken_release(taken);
}

void assert_failed(struct taken *taken, enum err err, const char *text)
{
	if (taken->err != err)
		fail_msg("%s instead of %s: %s", err_name(taken->err), err_name(err), taken->why.text);
	assert_has(taken->why.text, text);
	taken_release(taken);
}

/* --- asserting */

void assert_request(struct http_server *server, size_t at, const char *begin)
{
	const char *request = http_server_request(server, at);

	if (strncmp(request, begin, strlen(begin)) != 0)
		fail_msg("request %zu is %.100s instead of %s", at, request, begin);
}

void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in: %s", part, text);
}

void assert_has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" in: %s", part, text);
}
