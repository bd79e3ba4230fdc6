#include "support/hub_bench.h"

#include "support/cmocka.h"

#include <string.h>

static void say(struct hub_bench *bench, const char *request, const char *head, const char *body)
{
	http_server_say(bench->server, request, head, body);
}

/* --- token and visibility */

static void with_a_token_visibility_is_asked_without_it(void **state)
{
	struct hub_bench *bench = *state;

	hub_bench_restart(bench, "hf_secret");
	say(bench, "HEAD /org/name/", LFS_HEAD, "");
	say(bench, "GET /api/models/org/name/revision/" COMMIT " ", "200 OK", INFO(""));
	find_one(bench, "org/name:f.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
	assert_has(http_server_request(bench->server, 0), "Authorization: Bearer hf_secret\r\n");
	assert_has_not(http_server_request(bench->server, 1), "Authorization");
}

static void what_only_the_token_may_see_is_not_public(void **state)
{
	static const struct {
		const char *head, *body;
		enum visibility visibility;
	} cases[] = {
		{"401 Unauthorized", "", VISIBILITY_PRIVATE},
		{"401 Unauthorized\r\nX-Error-Code: GatedRepo", "", VISIBILITY_GATED},
		{"404 Not Found", "", VISIBILITY_PRIVATE},
		{"400 Bad Request", "", VISIBILITY_UNKNOWN},
		{"200 OK", INFO(",\"gated\":\"auto\""), VISIBILITY_GATED},
		{"200 OK", INFO(",\"private\":true"), VISIBILITY_PRIVATE},
		{"200 OK", "nonsense", VISIBILITY_UNKNOWN},
	};
	struct hub_bench *bench = *state;

	hub_bench_restart(bench, "hf_secret");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		say(bench, "HEAD /", LFS_HEAD, "");
		say(bench, "GET /api/", cases[i].head, cases[i].body);
		find_one(bench, "org/name:f.bin", 99, "sha256:" SHA256, cases[i].visibility);
	}
}

static void the_repo_info_says_what_is_not_public(void **state)
{
	struct hub_bench *bench = *state;
	struct looked looked;

	say(bench, "GET /api/models/org/name/revision/", "200 OK", INFO(",\"gated\":\"manual\""));
	say(bench, "GET /api/models/org/name/tree/", "200 OK", "[]");
	look_finds(bench, &looked, "org/name", COMMIT, 0);
	assert_int_equal(looked.look.listing.visibility, VISIBILITY_GATED);
	looked_release(&looked);
}

static void what_one_token_was_told_another_is_not(void **state)
{
	struct hub_bench *bench = *state;

	hub_bench_restart(bench, "hf_secret");
	say(bench, "HEAD /", LFS_HEAD, "");
	say(bench, "GET /api/", "401 Unauthorized", "");
	find_one(bench, "org/name:f.bin", 99, "sha256:" SHA256, VISIBILITY_PRIVATE);
	http_server_down(bench->server);
	find_one(bench, "org/name:f.bin", 99, "sha256:" SHA256, VISIBILITY_PRIVATE);
	find_one(bench, "org/name@" COMMIT ":f.bin", 99, "sha256:" SHA256, VISIBILITY_PRIVATE);
	hub_bench_restart(bench, "hf_other");
	look_fails(bench, "org/name:f.bin", ERR_HUB_AWAY, "cannot be reached");
	hub_bench_restart(bench, NULL);
	look_fails(bench, "org/name@" COMMIT ":f.bin", ERR_HUB_AWAY, "cannot be reached");
}

static void the_latest_answer_counts(void **state)
{
	static const char private_head[] = "302 Found\r\nLocation: http://127.0.0.1:9/x\r\nX-Repo-Commit: " COMMIT_2 "\r\nX-Linked-Size: 99\r\nX-Linked-Etag: \"" SHA256 "\"";
	struct hub_bench *bench = *state;
	struct looked looked;

	hub_bench_restart(bench, "hf_secret");
	say(bench, "HEAD /", LFS_HEAD, "");
	say(bench, "GET /api/", "200 OK", INFO(""));
	find_one(bench, "org/name:f.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
	bench->clock.ahead_ms += 5000;
	say(bench, "HEAD /", private_head, "");
	say(bench, "GET /api/", "401 Unauthorized", "");
	look_finds(bench, &looked, "org/name:f.bin", COMMIT_2, 1);
	looked_release(&looked);
	http_server_down(bench->server);
	look_finds(bench, &looked, "org/name:f.bin", COMMIT_2, 1);
	assert_int_equal(looked.look.listing.visibility, VISIBILITY_PRIVATE);
	looked_release(&looked);
	hub_bench_come_back(bench);
	say(bench, "HEAD /", LFS_HEAD, "");
	say(bench, "GET /api/", "200 OK", INFO(""));
	find_one(bench, "org/name:f.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
	http_server_down(bench->server);
	find_one(bench, "org/name:f.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
}

/* --- remembering */

static void remember_f(struct hub_bench *bench)
{
	say(bench, "HEAD /", LFS_HEAD, "");
	find_one(bench, "org/name:f.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
	http_server_reset(bench->server);
}

static void a_commit_is_asked_for_once(void **state)
{
	struct hub_bench *bench = *state;
	struct looked looked;

	remember_f(bench);
	look_finds(bench, &looked, "org/name@" COMMIT ":f.bin", COMMIT, 1);
	assert_file(&looked, 0, "f.bin", 99, "sha256:" SHA256);
	assert_false(looked.look.listing.remembered);
	looked_release(&looked);
	say(bench, "GET /api/models/org/name/revision/" COMMIT " ", "200 OK", INFO(""));
	say(bench, "GET /api/models/org/name/tree/", "200 OK", "[" PLAIN("a") "," LFS("b") "]");
	look_finds(bench, &looked, "org/name@" COMMIT, COMMIT, 2);
	looked_release(&looked);
	look_finds(bench, &looked, "org/name@" COMMIT, COMMIT, 2);
	looked_release(&looked);
	/* The listing knows its files one by one, too. */
	look_finds(bench, &looked, "org/name@" COMMIT ":b", COMMIT, 1);
	assert_file(&looked, 0, "b", 99, "sha256:" SHA256);
	looked_release(&looked);
	assert_int_equal(http_server_count(bench->server), 2);
}

static void a_branch_is_asked_for_each_time(void **state)
{
	struct hub_bench *bench = *state;
	struct looked looked;

	remember_f(bench);
	say(bench, "HEAD /", "200 OK\r\nX-Repo-Commit: " COMMIT_2 "\r\nX-Linked-Etag: " SHA256 "\r\nX-Linked-Size: 5", "");
	look_finds(bench, &looked, "org/name:f.bin", COMMIT_2, 1);
	looked_release(&looked);
	assert_int_equal(http_server_count(bench->server), 1);
	http_server_down(bench->server);
	look_finds(bench, &looked, "org/name:f.bin", COMMIT_2, 1);
	assert_true(looked.look.listing.remembered);
	looked_release(&looked);
}

static void when_the_hub_is_away_memory_answers(void **state)
{
	struct hub_bench *bench = *state;
	struct looked looked;
	const char *said;

	remember_f(bench);
	http_server_down(bench->server);
	for (int i = 0; i < 3; i++) {
		look_finds(bench, &looked, "org/name:f.bin", COMMIT, 1);
		assert_true(looked.look.listing.remembered);
		assert_true(looked.look.listing.at_s > 0);
		looked_release(&looked);
	}
	/* Said once. */
	said = strstr(hub_bench_logged(bench), "does not answer; using what it said on 20");
	assert_non_null(said);
	assert_null(strstr(said + 1, "does not answer; using"));
	look_fails(bench, "org/name:other", ERR_HUB_AWAY, "did not answer a moment ago");
	look_fails(bench, "org/name@v2:f.bin", ERR_HUB_AWAY, "did not answer a moment ago");
}

static void a_hub_that_answers_anything_is_not_away(void **state)
{
	struct hub_bench *bench = *state;
	struct looked looked;
	struct taken taken;

	bench->clock.factor = 1;
	remember_f(bench);
	http_server_down(bench->server);
	look_finds(bench, &looked, "org/name:f.bin", COMMIT, 1);
	looked_release(&looked);
	http_server_up(bench->server);
	say(bench, "GET /", "200 OK", "xyz");
	taken_run(bench, &taken, 3, 0, 3);
	assert_int_equal(taken.err, ERR_OK);
	taken_release(&taken);
	say(bench, "HEAD /", LFS_HEAD, "");
	look_finds(bench, &looked, "org/name:f.bin", COMMIT, 1);
	assert_false(looked.look.listing.remembered);
	looked_release(&looked);
}

static void one_try_is_enough_when_memory_can_answer(void **state)
{
	struct hub_bench *bench = *state;
	struct looked looked;

	remember_f(bench);
	hub_bench_restart(bench, NULL); /* with a new connection, since on an old one libcurl tries twice by itself */
	http_server_add(bench->server, &(struct http_reply){.request = "HEAD /", .close = true, .always = true});
	look_finds(bench, &looked, "org/name:f.bin", COMMIT, 1);
	assert_true(looked.look.listing.remembered);
	looked_release(&looked);
	assert_int_equal(http_server_count(bench->server), 1);
}

static void a_silent_hub_is_not_waited_for_when_memory_can_answer(void **state)
{
	struct hub_bench *bench = *state;
	int64_t before_ms;
	struct looked looked;

	remember_f(bench);
	http_server_add(bench->server, &(struct http_reply){.request = "HEAD /", .hang = true, .always = true});
	before_ms = clock_now_ms(&bench->clock.clock);
	look_finds(bench, &looked, "org/name:f.bin", COMMIT, 1);
	assert_true(clock_now_ms(&bench->clock.clock) - before_ms >= HUB_QUICK_MS);
	assert_true(looked.look.listing.remembered);
	assert_int_equal(http_server_count(bench->server), 1);
	looked_release(&looked);
}

static void server_errors_and_login_pages_count_as_away(void **state)
{
	static const char *const heads[] = {"503 Service Unavailable", "302 Found\r\nLocation: http://login.example/", "200 OK\r\nContent-Type: text/html"};
	struct hub_bench *bench = *state;
	struct looked looked;

	remember_f(bench);
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		http_server_reset(bench->server);
		http_server_add(bench->server, &(struct http_reply){.request = "HEAD /", .head = heads[i], .always = true});
		look_finds(bench, &looked, "org/name:f.bin", COMMIT, 1);
		assert_true(looked.look.listing.remembered);
		looked_release(&looked);
	}
}

static void it_is_said_when_something_else_than_the_hub_answers(void **state)
{
	struct hub_bench *bench = *state;
	struct looked looked;

	remember_f(bench);
	http_server_reset(bench->server);
	say(bench, "HEAD /", "403 Forbidden\r\nContent-Type: text/html", "");
	look_finds(bench, &looked, "org/name:f.bin", COMMIT, 1);
	assert_true(looked.look.listing.remembered);
	assert_has(hub_bench_logged(bench), "(a login page?); using what the hub said on 20");
	assert_has_not(hub_bench_logged(bench), "does not answer");
	looked_release(&looked);
}

static void what_the_hub_takes_back_is_gone(void **state)
{
	struct hub_bench *bench = *state;

	remember_f(bench);
	say(bench, "HEAD /", "404 Not Found\r\nX-Error-Code: EntryNotFound", "");
	look_fails(bench, "org/name:f.bin", ERR_NOT_FOUND, "no file");
	say(bench, "HEAD /", "401 Unauthorized\r\nX-Error-Code: GatedRepo", "");
	look_fails(bench, "org/name:f.bin", ERR_DENIED, "gated");
}

#define test(name) cmocka_unit_test_setup_teardown(name, hub_bench_setup, hub_bench_teardown)

/* --- for those who pass it on */

static void a_path_that_a_known_commit_lacks_is_not_asked_for(void **state)
{
	struct hub_bench *bench = *state;
	struct looked looked;

	say(bench, "GET /api/models/org/name/revision/", "200 OK", INFO(""));
	say(bench, "GET /api/models/org/name/tree/", "200 OK", "[" PLAIN("a") "," LFS("b") "]");
	look_finds(bench, &looked, "org/name", COMMIT, 2);
	looked_release(&looked);
	http_server_down(bench->server);
	look_finds(bench, &looked, "org/name@" COMMIT ":b", COMMIT, 1);
	assert_file(&looked, 0, "b", 99, "sha256:" SHA256);
	looked_release(&looked);
	looked_run(bench, &looked, "org/name@" COMMIT ":c");
	assert_int_equal(looked.err, ERR_NOT_FOUND);
	assert_string_equal(looked.look.refusal.commit, COMMIT);
	assert_int_equal(looked.look.refusal.status, 0);
	looked_release(&looked);
	/* Of another commit nothing is known. */
	look_fails(bench, "org/name@" COMMIT_2 ":c", ERR_HUB_AWAY, "cannot be reached");
}

static void a_refusal_is_told_in_the_hubs_words(void **state)
{
	struct hub_bench *bench = *state;
	struct looked looked;

	say(bench, "HEAD /", "404 Not Found\r\nX-Error-Code: EntryNotFound\r\nX-Error-Message: Entry not found\r\nX-Repo-Commit: " COMMIT, "");
	looked_run(bench, &looked, "org/name:c");
	assert_int_equal(looked.err, ERR_NOT_FOUND);
	assert_int_equal(looked.look.refusal.status, 404);
	assert_string_equal(looked.look.refusal.code, "EntryNotFound");
	assert_string_equal(looked.look.refusal.message, "Entry not found");
	assert_string_equal(looked.look.refusal.commit, COMMIT);
	looked_release(&looked);
}

/* What a token may see may change: it is asked again after a while, and while the hub is away it is believed for a day. */
static void what_others_may_see_is_asked_again(void **state)
{
	struct hub_bench *bench = *state;
	struct hub_options options = {.url = http_server_url(bench->server), .token = "hf_secret", .is_for_others = true, .store = bench->home->store};

	hub_destroy(bench->hub);
	assert_int_equal(hub_create(bench->loop, bench->http, &options, &bench->hub, NULL), ERR_OK);
	say(bench, "HEAD /", LFS_HEAD, "");
	say(bench, "GET /api/", "401 Unauthorized", "");
	find_one(bench, "org/name@" COMMIT ":f.bin", 99, "sha256:" SHA256, VISIBILITY_PRIVATE);
	bench->clock.ahead_ms += (HUB_OTHERS_S - 60) * 1000;
	find_one(bench, "org/name@" COMMIT ":f.bin", 99, "sha256:" SHA256, VISIBILITY_PRIVATE);
	bench->clock.ahead_ms += 61 * 1000;
	say(bench, "HEAD /", "401 Unauthorized", "");
	look_fails(bench, "org/name@" COMMIT ":f.bin", ERR_NOT_FOUND, "private");
	http_server_down(bench->server);
	look_fails(bench, "org/name@" COMMIT ":f.bin", ERR_HUB_AWAY, "cannot be reached");
}

static void what_others_could_see_is_believed_for_a_day(void **state)
{
	struct hub_bench *bench = *state;
	struct hub_options options = {.url = http_server_url(bench->server), .token = "hf_secret", .is_for_others = true, .store = bench->home->store};

	hub_destroy(bench->hub);
	assert_int_equal(hub_create(bench->loop, bench->http, &options, &bench->hub, NULL), ERR_OK);
	say(bench, "HEAD /", LFS_HEAD, "");
	say(bench, "GET /api/", "401 Unauthorized", "");
	find_one(bench, "org/name@" COMMIT ":f.bin", 99, "sha256:" SHA256, VISIBILITY_PRIVATE);
	http_server_down(bench->server);
	bench->clock.ahead_ms += (HUB_OTHERS_AWAY_S - 60) * 1000;
	find_one(bench, "org/name@" COMMIT ":f.bin", 99, "sha256:" SHA256, VISIBILITY_PRIVATE);
	bench->clock.ahead_ms += 61 * 1000;
	look_fails(bench, "org/name@" COMMIT ":f.bin", ERR_HUB_AWAY, "");
}

/* HEAD and GET of the same file: one question. */
static void others_may_be_told_twice(void **state)
{
	struct hub_bench *bench = *state;
	struct hub_options options = {.url = http_server_url(bench->server), .is_for_others = true, .store = bench->home->store};

	hub_destroy(bench->hub);
	assert_int_equal(hub_create(bench->loop, bench->http, &options, &bench->hub, NULL), ERR_OK);
	for (int i = 0; i < 3; i++)
		say(bench, "HEAD /", LFS_HEAD, "");
	find_one(bench, "org/name:f.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
	find_one(bench, "org/name:f.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
	assert_int_equal(http_server_count(bench->server), 1);
	find_one(bench, "org/name@v1:f.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
	assert_int_equal(http_server_count(bench->server), 2);
	bench->clock.ahead_ms += (HUB_JUST_S + 2) * 1000;
	find_one(bench, "org/name:f.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
	assert_int_equal(http_server_count(bench->server), 3);
}

static void what_is_public_stays(void **state)
{
	struct hub_bench *bench = *state;
	struct hub_options options = {.url = http_server_url(bench->server), .is_for_others = true, .store = bench->home->store};

	hub_destroy(bench->hub);
	assert_int_equal(hub_create(bench->loop, bench->http, &options, &bench->hub, NULL), ERR_OK);
	say(bench, "HEAD /", LFS_HEAD, "");
	find_one(bench, "org/name@" COMMIT ":f.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
	http_server_down(bench->server);
	bench->clock.ahead_ms += (int64_t)HUB_OTHERS_AWAY_S * 2000;
	find_one(bench, "org/name@" COMMIT ":f.bin", 99, "sha256:" SHA256, VISIBILITY_PUBLIC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(with_a_token_visibility_is_asked_without_it),
		test(what_only_the_token_may_see_is_not_public),
		test(the_repo_info_says_what_is_not_public),
		test(what_one_token_was_told_another_is_not),
		test(the_latest_answer_counts),
		test(a_commit_is_asked_for_once),
		test(a_branch_is_asked_for_each_time),
		test(when_the_hub_is_away_memory_answers),
		test(a_hub_that_answers_anything_is_not_away),
		test(one_try_is_enough_when_memory_can_answer),
		test(a_silent_hub_is_not_waited_for_when_memory_can_answer),
		test(server_errors_and_login_pages_count_as_away),
		test(it_is_said_when_something_else_than_the_hub_answers),
		test(what_the_hub_takes_back_is_gone),
		test(a_path_that_a_known_commit_lacks_is_not_asked_for),
		test(a_refusal_is_told_in_the_hubs_words),
		test(what_others_may_see_is_asked_again),
		test(what_others_could_see_is_believed_for_a_day),
		test(others_may_be_told_twice),
		test(what_is_public_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
