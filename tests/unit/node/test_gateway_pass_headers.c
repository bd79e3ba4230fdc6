#include "node/gateway_pass_headers.h"
#include "support/cmocka.h"

#include <string.h>

#define HUB "https://huggingface.co"
#define HERE "http://127.0.0.1:5274"

static void what_goes_to_the_hub(void **state)
{
	static const char *const go[] = {"Accept", "User-Agent", "Content-Type", "X-HF-Anything", "If-None-Match", "Range"};
	static const char *const stay[] = {"connection", "Host", "Authorization", "Cookie", "TRANSFER-ENCODING", "Content-Length", "Origin", "Sec-Fetch-Site", "X-Forwarded-For", "Via"};

	(void)state;
	for (size_t i = 0; i < sizeof go / sizeof go[0]; i++)
		assert_true(pass_header_goes(go[i]));
	for (size_t i = 0; i < sizeof stay / sizeof stay[0]; i++)
		assert_false(pass_header_goes(stay[i]));
}

static void what_comes_back(void **state)
{
	static const char *const come[] = {"ETag", "Link", "X-Repo-Commit", "RateLimit", "Content-Type", "Location"};
	static const char *const stay[] = {"Set-Cookie", "x-xet-hash", "Content-Encoding", "Content-Length", "Access-Control-Allow-Origin", "Connection"};

	(void)state;
	for (size_t i = 0; i < sizeof come / sizeof come[0]; i++)
		assert_true(pass_header_comes(come[i]));
	for (size_t i = 0; i < sizeof stay / sizeof stay[0]; i++)
		assert_false(pass_header_comes(stay[i]));
}

static void assert_becomes(const char *value, const char *expected)
{
	struct buf buf = {.limit = 1000};

	assert_int_equal(pass_rewrite(value, HUB, HERE, &buf), ERR_OK);
	assert_string_equal(buf_str(&buf), expected);
	buf_release(&buf);
}

static void addresses_of_the_hub_become_ours(void **state)
{
	(void)state;
	assert_becomes("<" HUB "/api/models?cursor=x>; rel=\"next\"", "<" HERE "/api/models?cursor=x>; rel=\"next\"");
	assert_becomes(HUB "/org/new/resolve/main/a", HERE "/org/new/resolve/main/a");
	assert_becomes("<" HUB ">, <" HUB "/b>", "<" HERE ">, <" HERE "/b>");
	assert_becomes("/api/models/org/new", "/api/models/org/new");
	assert_becomes("", "");
}

static void those_of_others_stay(void **state)
{
	(void)state;
	assert_becomes(HUB "m/x", HUB "m/x");
	assert_becomes(HUB ".evil.example/x", HUB ".evil.example/x");
	assert_becomes(HUB ":8080/x", HUB ":8080/x");
	assert_becomes("https://cdn.example/x", "https://cdn.example/x");
}

static void a_value_that_is_too_long_is_none(void **state)
{
	struct buf buf = {.limit = 10};

	(void)state;
	assert_int_equal(pass_rewrite(HUB "/x", HUB, HERE, &buf), ERR_LIMIT);
	buf_release(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_to_the_hub),
		cmocka_unit_test(what_comes_back),
		cmocka_unit_test(addresses_of_the_hub_become_ours),
		cmocka_unit_test(those_of_others_stay),
		cmocka_unit_test(a_value_that_is_too_long_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
