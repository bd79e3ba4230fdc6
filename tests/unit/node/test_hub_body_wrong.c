/* Bodies that are not what they should be: hub_body must tell, and bring none of their bytes as the file's. */
#include "support/hub_bench.h"

#include "support/cmocka.h"

static void another_size_is_an_error(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;

	http_server_say(bench->server, BODY_RESOLVE, "200 OK", "0123456789");
	taken_run(bench, &taken, 9, 0, 9);
	assert_failed(&taken, ERR_INVALID, "9 bytes at 127.0.0.1");
	http_server_say(bench->server, BODY_RESOLVE, "200 OK", "0123456789");
	taken_run(bench, &taken, 11, 0, 11);
	assert_failed(&taken, ERR_INVALID, "but 10 where");
	http_server_say(bench->server, BODY_RESOLVE, "206 Partial Content\r\nContent-Range: bytes 5-9/10", "56789");
	taken_run(bench, &taken, 11, 5, 11);
	assert_failed(&taken, ERR_INVALID, "but 10 where");
	http_server_say(bench->server, BODY_RESOLVE, "416 Range Not Satisfiable\r\nContent-Range: bytes */4", "");
	taken_run(bench, &taken, 11, 5, 11);
	assert_failed(&taken, ERR_INVALID, "has no bytes from 5");
}

static void a_body_longer_than_the_file(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;

	http_server_say(bench->server, BODY_RESOLVE, "200 OK\r\nConnection: close", "0123456789");
	taken_run(bench, &taken, 9, 0, 9);
	assert_failed(&taken, ERR_INVALID, "longer than the 9 bytes");
}

static void a_body_that_ends_early_without_saying_so(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;

	http_server_say(bench->server, BODY_RESOLVE, "200 OK\r\nConnection: close", "01234");
	http_server_say(bench->server, BODY_RESOLVE, "206 Partial Content\r\nContent-Range: bytes 5-9/*", "56789");
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
		http_server_say(bench->server, BODY_RESOLVE, heads[i], "56789");
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
	http_server_add(server, &(struct http_reply){.request = BODY_RESOLVE, .head = "200 OK\r\nContent-Encoding: gzip", .body = zipped, .body_len = sizeof zipped, .cut_at = cut_at});
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

	http_server_say(bench->server, BODY_RESOLVE, "200 OK\r\nContent-Type: text/html", "<html>log in</html>");
	taken_run(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	assert_failed(&taken, ERR_INVALID, "captive portal");
	http_server_say(bench->server, BODY_RESOLVE, "511 Network Authentication Required", "");
	taken_run(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	assert_failed(&taken, ERR_INVALID, "captive portal");
	/* A file may be a web page. */
	http_server_say(bench->server, BODY_RESOLVE, "200 OK\r\nContent-Type: text/html", "<html>");
	taken_run(bench, &taken, 6, 0, 6);
	assert_int_equal(taken.err, ERR_OK);
	taken_release(&taken);
}

static void what_the_hub_refuses(void **state)
{
	struct hub_bench *bench = *state;
	struct taken taken;

	http_server_say(bench->server, BODY_RESOLVE, "403 Forbidden\r\nX-Error-Code: GatedRepo", "");
	taken_run(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	assert_failed(&taken, ERR_DENIED, "gated");
	http_server_say(bench->server, BODY_RESOLVE, "404 Not Found\r\nX-Error-Code: EntryNotFound", "");
	taken_run(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	assert_failed(&taken, ERR_NOT_FOUND, "no file f.bin");
	http_server_say(bench->server, BODY_RESOLVE, "307 Temporary Redirect\r\nLocation: /cache", "");
	http_server_say(bench->server, "GET /cache", "401 Unauthorized\r\nX-Error-Code: GatedRepo", "");
	taken_run(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	assert_failed(&taken, ERR_DENIED, "gated");
	http_server_add(bench->server, &(struct http_reply){.request = "GET /", .head = "302 Found\r\nLocation: /again", .always = true});
	taken_run(bench, &taken, BODY_SIZE, 0, BODY_SIZE);
	assert_failed(&taken, ERR_INVALID, "without end");
}

#define test(name) cmocka_unit_test_setup_teardown(name, hub_bench_setup, hub_bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(another_size_is_an_error),
		test(a_body_longer_than_the_file),
		test(a_body_that_ends_early_without_saying_so),
		test(a_range_that_was_not_asked_for),
		test(a_server_that_compresses_unasked),
		test(a_login_page_is_no_file),
		test(what_the_hub_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
