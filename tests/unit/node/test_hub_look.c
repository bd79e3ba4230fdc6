#include "support/hub_bench.h"

#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>

static void say(struct hub_bench *bench, const char *request, const char *head, const char *body)
{
	http_server_say(bench->server, request, head, body);
}

/* --- one file */

static void an_lfs_file_is_known_from_the_redirect(void **state)
{
	struct hub_bench *bench = *state;

	say(bench, "HEAD /org/name/resolve/main/f.bin ", LFS_HEAD, "");
	find_one(bench, "org/name:f.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
	assert_int_equal(http_server_count(bench->server), 1);
}

static void a_plain_file_is_known_behind_the_redirect(void **state)
{
	struct hub_bench *bench = *state;

	say(bench, "HEAD /org/name/resolve/", "307 Temporary Redirect\r\nLocation: /api/resolve-cache/x?y=z\r\nX-Repo-Commit: " COMMIT, "");
	say(bench, "HEAD /api/resolve-cache/x?y=z ", "200 OK\r\nX-Repo-Commit: " COMMIT "\r\nETag: W/\"" GIT_SHA1 "\"\r\nContent-Length: 7", "");
	find_one(bench, "org/name:f.txt", 7, "git-sha1:" GIT_SHA1, VISIBILITY_PUBLIC);
}

static void a_redirect_is_not_the_file(void **state)
{
	struct hub_bench *bench = *state;

	say(bench, "HEAD /org/name/resolve/", "307 Temporary Redirect\r\nLocation: /cache\r\nX-Repo-Commit: " COMMIT "\r\nETag: \"" COMMIT_2 "\"\r\nContent-Length: 900", "");
	say(bench, "HEAD /cache ", PLAIN_HEAD, "");
	find_one(bench, "org/name:f.txt", 7, "git-sha1:" GIT_SHA1, VISIBILITY_PUBLIC);
}

static void names_are_quoted(void **state)
{
	struct hub_bench *bench = *state;

	say(bench, "HEAD /datasets/org/name/resolve/refs%2Fpr%2F1/a%20b/%C3%BC%3F.bin ", LFS_HEAD, "");
	find_one(bench, "datasets/org/name@refs/pr/1:a b/\xc3\xbc?.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
}

static void an_etag_of_64_digits_is_no_digest(void **state)
{
	struct hub_bench *bench = *state;

	say(bench, "HEAD /org/name/resolve/", "200 OK\r\nX-Repo-Commit: " COMMIT "\r\nETag: \"" SHA256 "\"\r\nContent-Length: 5", "");
	say(bench, "GET /org/name/raw/" COMMIT "/f.bin ", "200 OK", POINTER);
	find_one(bench, "org/name:f.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
}

static void a_redirect_elsewhere_is_not_followed_for_metadata(void **state)
{
	struct hub_bench *bench = *state;
	char head[300];

	snprintf(head, sizeof head, "302 Found\r\nLocation: %s/x\r\nX-Repo-Commit: " COMMIT, http_server_url(bench->cdn));
	say(bench, "HEAD /org/name/resolve/", head, "");
	say(bench, "GET /org/name/raw/" COMMIT "/f.bin ", "200 OK", POINTER);
	find_one(bench, "org/name:f.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
	assert_int_equal(http_server_count(bench->cdn), 0);
}

static void a_redirect_elsewhere_without_a_commit_is_a_login_page(void **state)
{
	struct hub_bench *bench = *state;
	char head[300];

	snprintf(head, sizeof head, "302 Found\r\nLocation: %s/login", http_server_url(bench->cdn));
	say(bench, "HEAD /org/name/resolve/", head, "");
	look_fails(bench, "org/name:f.bin", ERR_INVALID, "captive portal");
	assert_int_equal(http_server_count(bench->cdn), 0);
}

static void without_a_digest_paths_info_is_asked(void **state)
{
	struct hub_bench *bench = *state;

	say(bench, "HEAD /org/name/resolve/", "200 OK\r\nX-Repo-Commit: " COMMIT, "");
	say(bench, "GET /org/name/raw/", "200 OK", "this is no pointer");
	say(bench, "POST /api/models/org/name/paths-info/" COMMIT " ", "200 OK", "[" LFS("dir/f &.bin") "]");
	find_one(bench, "org/name:dir/f &.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
	assert_has(http_server_request(bench->server, 2), "\r\n\r\nexpand=false&paths=dir%2Ff%20%26.bin");
	assert_has(http_server_request(bench->server, 2), "application/x-www-form-urlencoded");
}

static void without_a_size_paths_info_is_asked(void **state)
{
	struct hub_bench *bench = *state;

	say(bench, "HEAD /org/name/resolve/", "200 OK\r\nX-Repo-Commit: " COMMIT "\r\nETag: \"" GIT_SHA1 "\"\r\nTransfer-Encoding: chunked", "");
	say(bench, "POST /api/models/org/name/paths-info/", "200 OK", "[" PLAIN("f.txt") "]");
	find_one(bench, "org/name:f.txt", 7, "git-sha1:" GIT_SHA1, VISIBILITY_PUBLIC);
}

static void a_large_file_is_not_read_for_its_pointer(void **state)
{
	static char large[100000];
	struct hub_bench *bench = *state;

	memset(large, 'x', sizeof large);
	say(bench, "HEAD /org/name/resolve/", "200 OK\r\nX-Repo-Commit: " COMMIT, "");
	http_server_add(bench->server, &(struct http_reply){.request = "GET /org/name/raw/", .head = "200 OK", .body = large, .body_len = sizeof large});
	say(bench, "POST /api/models/org/name/paths-info/", "200 OK", "[]");
	look_fails(bench, "org/name:f.txt", ERR_NOT_FOUND, "no file f.txt");
}

static void a_renamed_repo_is_called_by_its_new_name(void **state)
{
	struct hub_bench *bench = *state;
	struct looked looked;

	say(bench, "HEAD /org/name/resolve/main/f.bin ", "307 Temporary Redirect\r\nLocation: /new/name_2/resolve/main/f.bin?x", "");
	say(bench, "HEAD /new/name_2/resolve/main/f.bin?x ", LFS_HEAD, "");
	look_finds(bench, &looked, "org/name:f.bin", COMMIT, 1);
	assert_string_equal(looked.look.listing.repo, "new/name_2");
	looked_release(&looked);
	/* Remembered by both names. */
	http_server_down(bench->server);
	look_finds(bench, &looked, "new/name_2:f.bin", COMMIT, 1);
	looked_release(&looked);
	look_finds(bench, &looked, "org/name:f.bin", COMMIT, 1);
	assert_string_equal(looked.look.listing.repo, "new/name_2");
	looked_release(&looked);
}

static void another_commit_than_the_one_asked_for(void **state)
{
	struct hub_bench *bench = *state;

	say(bench, "HEAD /org/name/resolve/", LFS_HEAD, "");
	look_fails(bench, "org/name@" COMMIT_2 ":f.bin", ERR_INVALID, "another commit");
	say(bench, "GET /api/", "200 OK", INFO(""));
	look_fails(bench, "org/name@" COMMIT_2, ERR_INVALID, "another commit");
}

/* --- errors */

static void errors_are_told_apart(void **state)
{
	static const struct {
		const char *head, *body;
		enum err err;
		const char *text;
	} cases[] = {
		{"401 Unauthorized\r\nX-Error-Message: Invalid username or password.", "", ERR_NOT_FOUND, "no such repo at 127.0.0.1:"},
		{"401 Unauthorized\r\nX-Error-Code: RepoNotFound", "", ERR_NOT_FOUND, "or it is private: org/name"},
		{"404 Not Found\r\nX-Error-Code: RepoNotFound", "", ERR_NOT_FOUND, "set HF_TOKEN"},
		{"401 Unauthorized\r\nX-Error-Code: GatedRepo", "", ERR_DENIED, "accept its conditions at http://127.0.0.1:"},
		{"403 Forbidden\r\nX-Error-Code: GatedRepo", "", ERR_DENIED, "HF_TOKEN"},
		{"403 Forbidden\r\nX-Error-Message: Access to this resource is disabled.", "", ERR_DENIED, "is disabled"},
		{"403 Forbidden", "{\"error\":\"not today\"}", ERR_DENIED, "not today"},
		{"404 Not Found\r\nX-Error-Code: RevisionNotFound", "", ERR_NOT_FOUND, "org/name has no revision main"},
		{"404 Not Found", "", ERR_NOT_FOUND, "knows no org/name@main"},
		{"400 Bad Request", "{\"error\":\"odd\\u0007\"}", ERR_INVALID, "answers 400 for org/name@main: odd?"},
		{"511 Network Authentication Required", "", ERR_INVALID, "captive portal"},
		{"200 OK\r\nContent-Type: text/html; charset=utf-8", "<html>", ERR_INVALID, "captive portal"},
		{"302 Found\r\nLocation: http://login.example/", "", ERR_INVALID, "captive portal"},
		{"403 Forbidden\r\nContent-Type: text/html", "<html>", ERR_INVALID, "captive portal"},
		{"404 Not Found\r\nContent-Type: text/html", "<html>", ERR_INVALID, "captive portal"},
		{"404 Not Found\r\nContent-Type: text/html\r\nX-Request-Id: 1", "<html>", ERR_NOT_FOUND, "knows no org/name@main"},
		{"401 Unauthorized\r\nContent-Type: text/html\r\nX-Error-Message: Invalid username or password.", "", ERR_NOT_FOUND, "no such repo at 127.0.0.1:"},
		{"407 Proxy Authentication Required\r\nContent-Type: text/html", "<html>", ERR_HUB_AWAY, "the proxy on the way"},
		{"302 Found\r\nLocation: ftp://x/", "", ERR_INVALID, "no address"},
		{"200 OK", " \n<!doctype html>", ERR_INVALID, "captive portal"},
		{"200 OK", "please log in", ERR_INVALID, "whether a login page (captive portal) stands in between"},
		{"200 OK", "", ERR_INVALID, "not JSON"},
		{"204 No Content", "", ERR_INVALID, "not JSON"},
	};
	struct hub_bench *bench = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		say(bench, "GET /api/models/org/name/revision/main ", cases[i].head, cases[i].body);
		look_fails(bench, "org/name", cases[i].err, cases[i].text);
		assert_int_equal(http_server_count(bench->server), i + 1);
	}
}

/* What says no and then talks without end is not listened to. */
static void an_error_without_end_is_an_error(void **state)
{
	static char text[100000];
	struct hub_bench *bench = *state;

	memset(text, 'x', sizeof text);
	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .head = "404 Not Found\r\nContent-Length: 1000000000", .body = text, .body_len = sizeof text, .cut_at = 90000, .hang = true});
	look_fails(bench, "org/name", ERR_NOT_FOUND, "knows no org/name@main");
}

static void errors_about_a_file(void **state)
{
	struct hub_bench *bench = *state;

	say(bench, "HEAD /", "404 Not Found\r\nX-Error-Code: EntryNotFound\r\nX-Repo-Commit: " COMMIT, "");
	look_fails(bench, "org/name:f.bin", ERR_NOT_FOUND, "org/name has no file f.bin at revision main");
	say(bench, "HEAD /", "200 OK\r\nContent-Type: text/html", "");
	look_fails(bench, "org/name:f.bin", ERR_INVALID, "captive portal");
	say(bench, "HEAD /", "200 OK", "");
	look_fails(bench, "org/name:f.bin", ERR_INVALID, "captive portal");
}

static void errors_with_a_token(void **state)
{
	struct hub_bench *bench = *state;

	hub_bench_restart(bench, "hf_secret");
	say(bench, "GET /api/", "401 Unauthorized\r\nX-Error-Message: Invalid credentials in Authorization header", "");
	look_fails(bench, "org/name", ERR_DENIED, "refuses the token");
	say(bench, "GET /api/", "401 Unauthorized", "{\"error\":\"Invalid credentials in Authorization header\"}");
	look_fails(bench, "org/name", ERR_DENIED, "refuses the token");
	say(bench, "GET /api/", "403 Forbidden\r\nX-Error-Code: GatedRepo", "");
	look_fails(bench, "org/name", ERR_DENIED, "the account of your token has no access yet");
	assert_has_not(hub_bench_logged(bench), "hf_secret");
}

static void redirects_without_end(void **state)
{
	struct hub_bench *bench = *state;

	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .head = "302 Found\r\nLocation: /again", .always = true});
	look_fails(bench, "org/name", ERR_INVALID, "without end (10 times): is there a login page");
	assert_int_equal(http_server_count(bench->server), 11);
}

static void server_errors_are_tried_again(void **state)
{
	struct hub_bench *bench = *state;
	struct looked looked;

	say(bench, "HEAD /", "503 Service Unavailable", "");
	say(bench, "HEAD /", "500 Internal Server Error", "");
	say(bench, "HEAD /", LFS_HEAD, "");
	look_finds(bench, &looked, "org/name:f.bin", COMMIT, 1);
	looked_release(&looked);
	http_server_reset(bench->server);
	http_server_add(bench->server, &(struct http_reply){.request = "HEAD /", .head = "502 Bad Gateway", .always = true});
	look_fails(bench, "org/name:other", ERR_HUB_AWAY, "502");
	assert_int_equal(http_server_count(bench->server), 9);
	hub_bench_restart(bench, NULL); /* it has not seen the hub answer */
	http_server_reset(bench->server);
	http_server_add(bench->server, &(struct http_reply){.request = "HEAD /", .head = "502 Bad Gateway", .always = true});
	look_fails(bench, "org/name:other", ERR_HUB_AWAY, "502");
	assert_int_equal(http_server_count(bench->server), 3);
}

static void a_dropped_connection_is_tried_again(void **state)
{
	struct hub_bench *bench = *state;

	http_server_add(bench->server, &(struct http_reply){.request = "HEAD /", .close = true});
	say(bench, "HEAD /", LFS_HEAD, "");
	find_one(bench, "org/name:f.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
	assert_int_equal(http_server_count(bench->server), 2);
}

static void too_many_requests_are_waited_out(void **state)
{
	struct hub_bench *bench = *state;
	int64_t before_ms = clock_now_ms(&bench->clock.clock);

	say(bench, "HEAD /", "429 Too Many Requests\r\nRetry-After: 6", "");
	say(bench, "HEAD /", "429 Too Many Requests\r\nRateLimit: \"resolvers\";r=0;t=1", "");
	say(bench, "HEAD /", LFS_HEAD, "");
	find_one(bench, "org/name:f.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
	assert_true(clock_now_ms(&bench->clock.clock) - before_ms >= 7000);
	assert_has(hub_bench_logged(bench), "asks to wait 7 s");
	assert_has_not(hub_bench_logged(bench), "asks to wait 2 s");
}

static void too_long_a_wait_is_an_error(void **state)
{
	struct hub_bench *bench = *state;

	say(bench, "HEAD /", "429 Too Many Requests\r\nRetry-After: 3600", "");
	look_fails(bench, "org/name:f.bin", ERR_HUB_AWAY, "too many requests");
	assert_int_equal(http_server_count(bench->server), 1);
}

/* --- running and not */

static void a_cancelled_look_calls_nobody(void **state)
{
	struct hub_bench *bench = *state;
	struct looked a, b;

	http_server_add(bench->server, &(struct http_reply){.request = "HEAD /", .hang = true, .always = true});
	looked_start(bench, &a, "org/name:a");
	hub_look_cancel(bench->hub, &a.look);
	looked_start(bench, &b, "org/name:b");
	while (http_server_count(bench->server) == 0)
		loop_turn(bench->loop, 1);
	hub_look_cancel(bench->hub, &b.look);
	hub_look_cancel(bench->hub, &b.look);
	for (int i = 0; i < 5; i++)
		loop_turn(bench->loop, 1);
	assert_int_equal(a.done + b.done, 0);
	looked_release(&a);
	looked_release(&b);
	/* The end of the hub ends what runs. */
	looked_start(bench, &a, "org/name:a");
	loop_turn(bench->loop, 1);
	hub_bench_restart(bench, NULL);
	assert_null(a.look.run);
	looked_release(&a);
}

static void nonsense_is_refused_at_the_start(void **state)
{
	struct hub_bench *bench = *state;
	struct name name = {.type = REPO_MODEL};
	struct hub_look look = {.name = &name};
	struct why why = {0};
	char repo[] = "org/../x", good[] = "org/name", revision[] = "main", path[] = "../x";

	assert_true(digest_parse(SHA256, &name.digest));
	assert_int_equal(hub_look_start(bench->hub, &look, &why), ERR_USAGE);
	name = (struct name){.repo = repo, .revision = revision};
	assert_int_equal(hub_look_start(bench->hub, &look, &why), ERR_USAGE);
	name = (struct name){.repo = good, .revision = revision, .path = path};
	assert_int_equal(hub_look_start(bench->hub, &look, &why), ERR_USAGE);
	assert_null(look.run);
}

static void hubs_that_cannot_be(void **state)
{
	static const struct hub_options bad[] = {
		{.url = ""}, {.url = "huggingface.co"}, {.url = "ftp://x"}, {.url = "http://user:pass@x"}, {.url = "http://x/?y"},
		{.url = "http://x", .token = "a b"}, {.url = "http://x", .token = "a\n"},
	};
	struct hub_bench *bench = *state;
	struct hub *hub;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct hub_options options = bad[i];
		options.store = bench->home->store;
		assert_int_equal(hub_create(bench->loop, bench->http, &options, &hub, NULL), ERR_USAGE);
	}
}

static void a_hub_may_live_below_a_path(void **state)
{
	struct hub_bench *bench = *state;
	struct hub_options options = {.store = bench->home->store};
	struct hub *own = bench->hub;
	struct looked looked;
	char url[100];

	snprintf(url, sizeof url, "%s/mirror/hf//", http_server_url(bench->server));
	options.url = url;
	assert_int_equal(hub_create(bench->loop, bench->http, &options, &bench->hub, NULL), ERR_OK);
	say(bench, "HEAD /mirror/hf/org/name/resolve/main/f ", "307 Temporary Redirect\r\nLocation: /mirror/hf/new/n/resolve/main/f", "");
	say(bench, "HEAD /mirror/hf/new/n/resolve/main/f ", PLAIN_HEAD, "");
	look_finds(bench, &looked, "org/name:f", COMMIT, 1);
	assert_string_equal(looked.look.listing.repo, "new/n");
	looked_release(&looked);
	hub_destroy(bench->hub);
	bench->hub = own;
}

static void requests_are_counted(void **state)
{
	struct hub_bench *bench = *state;
	uint64_t count = 0;

	say(bench, "HEAD /", LFS_HEAD, "");
	find_one(bench, "org/name:f.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
	hub_bench_restart(bench, NULL);
	assert_int_equal(index_counter_get(store_index(bench->home->store), "hub_requests", &count, NULL), ERR_OK);
	assert_int_equal(count, 1);
}

#define test(name) cmocka_unit_test_setup_teardown(name, hub_bench_setup, hub_bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_lfs_file_is_known_from_the_redirect),
		test(a_plain_file_is_known_behind_the_redirect),
		test(a_redirect_is_not_the_file),
		test(names_are_quoted),
		test(an_etag_of_64_digits_is_no_digest),
		test(a_redirect_elsewhere_is_not_followed_for_metadata),
		test(a_redirect_elsewhere_without_a_commit_is_a_login_page),
		test(without_a_digest_paths_info_is_asked),
		test(without_a_size_paths_info_is_asked),
		test(a_large_file_is_not_read_for_its_pointer),
		test(a_renamed_repo_is_called_by_its_new_name),
		test(another_commit_than_the_one_asked_for),
		test(errors_are_told_apart),
		test(an_error_without_end_is_an_error),
		test(errors_about_a_file),
		test(errors_with_a_token),
		test(redirects_without_end),
		test(server_errors_are_tried_again),
		test(a_dropped_connection_is_tried_again),
		test(too_many_requests_are_waited_out),
		test(too_long_a_wait_is_an_error),
		test(a_cancelled_look_calls_nobody),
		test(nonsense_is_refused_at_the_start),
		test(hubs_that_cannot_be),
		test(a_hub_may_live_below_a_path),
		test(requests_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
