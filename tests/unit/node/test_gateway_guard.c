#include "node/gateway_guard.h"
#include "support/cmocka.h"

#include <string.h>

static char own_host[] = "larder.lan", page[] = "https://page.example", local_page[] = "http://localhost:8000";
static char *hosts[] = {own_host}, *origins[] = {page, local_page};
static const struct config_list host_list = {hosts, 1}, origin_list = {origins, 2};
static const struct guard_rules rules = {&host_list, &origin_list};

/* Headers as "Name: value" in pairs, NULL at the end. */
static struct guard_request request_of(const char *const *lines)
{
	struct guard_request request = {.version = "HTTP/1.1"};

	assert_true(lan_parse("192.0.2.7", 5274, &request.local));
	for (; *lines; lines++) {
		const char *colon = strstr(*lines, ": ");
		guard_add_header(&request, *lines, (size_t)(colon - *lines), colon + 2, strlen(colon + 2));
	}
	return request;
}

#define STATUS_OF(...) status_of((const char *const[]){__VA_ARGS__, NULL})

static unsigned status_of(const char *const *lines)
{
	struct guard_request request = request_of(lines);
	struct why why = {0};
	unsigned status = guard_check(&rules, &request, &why);

	assert_true((status != 0) == (why.text[0] != 0));
	return status;
}

static void own_hosts_are_welcome(void **state)
{
	static const char *const good[] = {"Host: 127.0.0.1:5274", "Host: 127.0.0.1", "host: localhost:5274", "HOST: LocalHost", "Host: [::1]:5274", "Host: 127.9.9.9", "Host: larder.lan",
					   "Host: larder.lan:5274", "Host: 192.0.2.7:5274", "Host: 192.0.2.7"};
	static const char *const bad[] = {"Host: evil.example", "Host: localhost.evil.example", "Host: 127.0.0.1.evil.example", "Host: 192.0.2.8", "Host: ", "Host: 127.0.0.1:x", "Host: [::1",
					  "Host: 127.0.0.1@evil.example", "Host: larder.lan.evil", "Host: 127.1", "Host: 2130706433", "Host: [::2]"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		if (STATUS_OF(good[i]) != 0)
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (STATUS_OF(bad[i]) != 403)
			fail_msg("%s", bad[i]);
}

#define HOST "Host: 127.0.0.1:5274"

static void pages_are_refused_unless_listed(void **state)
{
	(void)state;
	assert_int_equal(STATUS_OF(HOST, "Origin: https://evil.example"), 403);
	assert_int_equal(STATUS_OF(HOST, "Origin: null"), 403);
	assert_int_equal(STATUS_OF(HOST, "Origin: https://page.example.evil"), 403);
	assert_int_equal(STATUS_OF(HOST, "Origin: http://page.example"), 403);
	assert_int_equal(STATUS_OF(HOST, "Origin: http://127.0.0.1:80"), 403);
	assert_int_equal(STATUS_OF(HOST, "Sec-Fetch-Site: cross-site"), 403);
	assert_int_equal(STATUS_OF(HOST, "Sec-Fetch-Site: same-site"), 403);
	assert_int_equal(STATUS_OF(HOST, "Sec-Fetch-Site: nonsense"), 403);
	assert_int_equal(STATUS_OF(HOST, "Sec-Fetch-Site: none"), 0);
	assert_int_equal(STATUS_OF(HOST, "Sec-Fetch-Site: same-origin", "Origin: http://127.0.0.1:5274"), 0);
	assert_int_equal(STATUS_OF(HOST, "Origin: https://page.example", "Sec-Fetch-Site: cross-site"), 0);
	assert_int_equal(STATUS_OF("Host: evil.example", "Origin: https://page.example"), 403);
}

static void a_page_is_told_from_others(void **state)
{
	struct guard_request listed = request_of((const char *const[]){HOST, "Origin: https://page.example", NULL});
	struct guard_request other = request_of((const char *const[]){HOST, "Origin: https://other.example", NULL});
	struct guard_request none = request_of((const char *const[]){HOST, NULL});

	(void)state;
	assert_true(guard_is_from_page(&rules, &listed));
	assert_false(guard_is_from_page(&rules, &other));
	assert_false(guard_is_from_page(&rules, &none));
}

static void what_is_ambiguous_is_refused(void **state)
{
	(void)state;
	assert_int_equal(STATUS_OF("Accept: */*"), 400);
	assert_int_equal(STATUS_OF(HOST, HOST), 400);
	assert_int_equal(STATUS_OF(HOST, "Content-Length: 3", "Content-Length: 3"), 400);
	assert_int_equal(STATUS_OF(HOST, "Content-Length: 3", "Transfer-Encoding: chunked"), 400);
	assert_int_equal(STATUS_OF(HOST, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400);
	assert_int_equal(STATUS_OF(HOST, "Transfer-Encoding: gzip, chunked"), 400);
	assert_int_equal(STATUS_OF(HOST, "Transfer-Encoding: chunked"), 0);
	assert_int_equal(STATUS_OF(HOST, "Content-Length: +3"), 400);
	assert_int_equal(STATUS_OF(HOST, "Content-Length: 3 "), 400);
	assert_int_equal(STATUS_OF(HOST, "Content-Length: 3,3"), 400);
	assert_int_equal(STATUS_OF(HOST, "Content-Length: 0x3"), 400);
	assert_int_equal(STATUS_OF(HOST, "Content-Length: 1234567890123456789"), 400);
	assert_int_equal(STATUS_OF(HOST, "Content-Length: 123456789012345678"), 0);
	assert_int_equal(STATUS_OF(HOST, "X Y: 3"), 400);
	assert_int_equal(STATUS_OF(HOST, "X\x01: 3"), 400);
	assert_int_equal(STATUS_OF(HOST, "X: a\rb"), 400);
	assert_int_equal(STATUS_OF(HOST, "X: a\nb"), 400);
	assert_int_equal(STATUS_OF(HOST, "X: a\tb \xc3\xa9"), 0);
	assert_int_equal(STATUS_OF(HOST, "Origin: https://page.example", "Origin: https://page.example"), 400);
	assert_int_equal(STATUS_OF(HOST, "Authorization: Bearer a", "Authorization: Bearer b"), 400);
}

static void other_versions_are_refused(void **state)
{
	struct guard_request request = request_of((const char *const[]){HOST, "Transfer-Encoding: chunked", NULL});

	(void)state;
	request.version = "HTTP/1.0";
	assert_int_equal(guard_check(&rules, &request, NULL), 400);
	request = request_of((const char *const[]){HOST, NULL});
	request.version = "";
	assert_int_equal(guard_check(&rules, &request, NULL), 400);
	request.version = "HTTP/1.0";
	assert_int_equal(guard_check(&rules, &request, NULL), 0);
}

static void a_zero_in_a_header_is_seen(void **state)
{
	struct guard_request request = request_of((const char *const[]){HOST, NULL});

	(void)state;
	guard_add_header(&request, "X", 1, "a\0b", 3);
	assert_int_equal(guard_check(&rules, &request, NULL), 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_hosts_are_welcome),
		cmocka_unit_test(pages_are_refused_unless_listed),
		cmocka_unit_test(a_page_is_told_from_others),
		cmocka_unit_test(what_is_ambiguous_is_refused),
		cmocka_unit_test(other_versions_are_refused),
		cmocka_unit_test(a_zero_in_a_header_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
