/* Which files a repo has, page by page. */
#include "support/hub_bench.h"

#include "support/cmocka.h"

#include <stdio.h>

static void say(struct hub_bench *bench, const char *request, const char *head, const char *body)
{
	http_server_say(bench->server, request, head, body);
}

static void a_repo_is_listed_page_by_page(void **state)
{
	struct hub_bench *bench = *state;
	struct looked looked;

	say(bench, "GET /api/models/org/name/revision/main ", "200 OK", INFO(""));
	say(bench, "GET /api/models/org/name/tree/" COMMIT "?recursive=true&expand=false ", "200 OK\r\nLink: <{url}/api/p2?cursor=a>; rel=\"next\"",
	    "[" PLAIN("z.txt") ",{\"type\":\"directory\",\"path\":\"d\"}," PLAIN("../evil") "]");
	say(bench, "GET /api/p2?cursor=a ", "200 OK\r\nLink: </api/p3>; rel=next", "[" LFS("d/a.bin") "]");
	say(bench, "GET /api/p3 ", "200 OK", "[]");
	look_finds(bench, &looked, "org/name", COMMIT, 2);
	assert_file(&looked, 0, "d/a.bin", 99, "sha256:" SHA256);
	assert_file(&looked, 1, "z.txt", 7, "git-sha1:" GIT_SHA1);
	assert_int_equal(looked.look.listing.visibility, VISIBILITY_PUBLIC);
	assert_false(looked.look.listing.remembered);
	assert_has(http_server_request(bench->server, 1), "Accept-Encoding: gzip\r\n");
	assert_has(hub_bench_logged(bench), "warn: 1 paths of org/name are unsafe");
	looked_release(&looked);
}

static void pages_that_go_round_end(void **state)
{
	struct hub_bench *bench = *state;

	say(bench, "GET /api/models/org/name/revision/", "200 OK", INFO(""));
	say(bench, "GET /api/models/org/name/tree/", "200 OK\r\nLink: <{url}/api/a>; rel=\"next\"", "[]");
	http_server_add(bench->server, &(struct http_reply){.request = "GET /api/a ", .head = "200 OK\r\nLink: </api/b>; rel=next", .body = "[]", .always = true});
	http_server_add(bench->server, &(struct http_reply){.request = "GET /api/b ", .head = "200 OK\r\nLink: </api/c>; rel=next", .body = "[]", .always = true});
	http_server_add(bench->server, &(struct http_reply){.request = "GET /api/c ", .head = "200 OK\r\nLink: </api/a>; rel=next", .body = "[]", .always = true});
	look_fails(bench, "org/name", ERR_INVALID, "no end to its list");
	assert_true(http_server_count(bench->server) < 20);
}

/* Each at an address of its own. */
static void pages_that_bring_nothing_new_end(void **state)
{
	static const char *const pages[] = {"[]", "[" PLAIN("x") "," PLAIN("y") "]"};
	struct hub_bench *bench = *state;
	char requests[40][32], heads[40][64];

	for (size_t page = 0; page < 2; page++) {
		http_server_reset(bench->server);
		say(bench, "GET /api/models/org/name/revision/", "200 OK", INFO(""));
		say(bench, "GET /api/models/org/name/tree/", "200 OK\r\nLink: </api/0>; rel=next", "[" PLAIN("x") "]");
		for (int i = 0; i < 40; i++) {
			snprintf(requests[i], sizeof requests[i], "GET /api/%d ", i);
			snprintf(heads[i], sizeof heads[i], "200 OK\r\nLink: </api/%d>; rel=next", i + 1);
			say(bench, requests[i], heads[i], pages[page]);
		}
		look_fails(bench, "org/name", ERR_INVALID, "no end to its list of files: page after page");
		assert_true(http_server_count(bench->server) < 8);
	}
}

static void pages_of_directories_are_read_to_the_end(void **state)
{
	struct hub_bench *bench = *state;
	char requests[20][32], heads[20][64], bodies[20][64];
	struct looked looked;

	say(bench, "GET /api/models/org/name/revision/", "200 OK", INFO(""));
	say(bench, "GET /api/models/org/name/tree/", "200 OK\r\nLink: </api/0>; rel=next", "[{\"type\":\"directory\",\"path\":\"d\"}]");
	for (int i = 0; i < 20; i++) {
		snprintf(requests[i], sizeof requests[i], "GET /api/%d ", i);
		snprintf(heads[i], sizeof heads[i], "200 OK\r\nLink: </api/%d>; rel=next", i + 1);
		snprintf(bodies[i], sizeof bodies[i], "[{\"type\":\"directory\",\"path\":\"d%d\"}]", i);
		say(bench, requests[i], heads[i], bodies[i]);
	}
	say(bench, "GET /api/20 ", "200 OK", "[" PLAIN("z") "]");
	look_finds(bench, &looked, "org/name", COMMIT, 1);
	looked_release(&looked);
}

static void pages_stay_at_the_hub(void **state)
{
	struct hub_bench *bench = *state;
	char head[300];

	snprintf(head, sizeof head, "200 OK\r\nLink: <%s/api/a>; rel=\"next\"", http_server_url(bench->cdn));
	say(bench, "GET /api/models/org/name/revision/", "200 OK", INFO(""));
	say(bench, "GET /api/models/org/name/tree/", head, "[]");
	look_fails(bench, "org/name", ERR_INVALID, "another place");
	assert_int_equal(http_server_count(bench->cdn), 0);
}

static void json_without_sense(void **state)
{
	struct hub_bench *bench = *state;

	say(bench, "GET /api/models/org/name/revision/", "200 OK", "{\"sha\":17}");
	look_fails(bench, "org/name", ERR_INVALID, "no commit");
	say(bench, "GET /api/models/org/name/revision/", "200 OK", INFO(""));
	say(bench, "GET /api/models/org/name/tree/", "200 OK", "[{\"type\":\"file\",\"path\":\"a\",\"size\":-1,\"oid\":\"" GIT_SHA1 "\"}]");
	look_fails(bench, "org/name", ERR_INVALID, "no usable size and digest of a");
}

static void a_branch_that_did_not_move_needs_no_tree(void **state)
{
	struct hub_bench *bench = *state;
	struct looked looked;

	say(bench, "GET /api/models/org/name/revision/main ", "200 OK", INFO(""));
	say(bench, "GET /api/models/org/name/tree/", "200 OK", "[" PLAIN("a") "]");
	look_finds(bench, &looked, "org/name", COMMIT, 1);
	looked_release(&looked);
	say(bench, "GET /api/models/org/name/revision/v2 ", "200 OK", INFO(""));
	look_finds(bench, &looked, "org/name@v2", COMMIT, 1);
	assert_int_equal(http_server_count(bench->server), 3);
	assert_false(looked.look.listing.remembered);
	looked_release(&looked);
}

#define test(name) cmocka_unit_test_setup_teardown(name, hub_bench_setup, hub_bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_repo_is_listed_page_by_page),
		test(pages_that_go_round_end),
		test(pages_that_bring_nothing_new_end),
		test(pages_of_directories_are_read_to_the_end),
		test(pages_stay_at_the_hub),
		test(json_without_sense),
		test(a_branch_that_did_not_move_needs_no_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
