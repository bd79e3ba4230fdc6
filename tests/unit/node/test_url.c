#include "node/url.h"
#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

static void assert_origin(const char *text, bool https, const char *host, unsigned port, const char *target)
{
	struct url url;

	assert_true(url_parse(text, &url));
	assert_int_equal(url.https, https);
	assert_string_equal(url.host, host);
	assert_int_equal(url.port, port);
	assert_string_equal(url.target, target);
}

static void parse_takes_addresses_apart(void **state)
{
	(void)state;
	assert_origin("https://huggingface.co", true, "huggingface.co", 443, "");
	assert_origin("HTTP://HuggingFace.CO/a?b#c", false, "huggingface.co", 80, "/a?b#c");
	assert_origin("http://127.0.0.1:8080/a:b@c", false, "127.0.0.1", 8080, "/a:b@c");
	assert_origin("http://[::1]:99?x", false, "[::1]", 99, "?x");
	assert_origin("http://[fe80::1%25eth0]/", false, "[fe80::1%25eth0]", 80, "/");
	assert_origin("https://h:65535", true, "h", 65535, "");
}

static void parse_refuses_everything_else(void **state)
{
	static const char *const bad[] = {
		"", "http:", "http://", "http:///x", "https://:80", "ftp://h", "file:///etc/passwd", "//h/x", "/x", "huggingface.co",
		"http://user@h/", "http://user:pass@h/", "http://h:", "http://h:0", "http://h:65536", "http://h:1x", "http://h:-1",
		"http://h x/", "http://h/a b", "http://h/a\nb", "http://h/\xc3\xa9", "http://h\\x/", "http://[::1", "http://[::1]x", "http://h\x7f",
	};
	char longer[URL_MAX + 32];
	struct url url;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(url_parse(bad[i], &url));
	memset(longer, 'a', sizeof longer);
	memcpy(longer, "http://h/", 9);
	longer[sizeof longer - 1] = 0;
	assert_false(url_parse(longer, &url));
	longer[300] = 0;
	assert_true(url_parse(longer, &url));
	memcpy(longer, "http://hh", 9);
	assert_false(url_parse(longer, &url));
}

static bool same(const char *a, const char *b)
{
	struct url one, two;

	assert_true(url_parse(a, &one));
	assert_true(url_parse(b, &two));
	return url_same_origin(&one, &two);
}

static void origin_is_scheme_host_and_port(void **state)
{
	(void)state;
	assert_true(same("https://H/x", "https://h:443/y"));
	assert_false(same("https://h", "http://h"));
	assert_false(same("http://h:1", "http://h:2"));
	assert_false(same("http://h", "http://h.evil"));
	assert_false(same("https://h:80", "http://h:80"));
}

static void authority_shows_the_port_when_it_is_unusual(void **state)
{
	char text[URL_AUTHORITY_MAX];
	struct url url;

	(void)state;
	assert_true(url_parse("https://Hub:443/x", &url));
	assert_string_equal(url_authority(&url, text), "hub");
	assert_true(url_parse("http://hub:443/x", &url));
	assert_string_equal(url_authority(&url, text), "hub:443");
	assert_true(url_parse("http://[::1]:65535", &url));
	assert_string_equal(url_authority(&url, text), "[::1]:65535");
}

static void assert_resolved(const char *base, const char *reference, const char *expected)
{
	char *url = NULL;

	assert_int_equal(url_resolve(base, reference, &url), ERR_OK);
	assert_string_equal(url, expected);
	free(url);
}

static void resolve_follows_the_rfc(void **state)
{
	const char *base = "https://h:8/a/b?q=1#f";

	(void)state;
	assert_resolved(base, "http://other/x", "http://other/x");
	assert_resolved(base, "//other/x", "https://other/x");
	assert_resolved(base, "/x?y", "https://h:8/x?y");
	assert_resolved(base, "x", "https://h:8/a/x");
	assert_resolved(base, "../x", "https://h:8/a/../x");
	assert_resolved(base, "?z", "https://h:8/a/b?z");
	assert_resolved(base, "", "https://h:8/a/b?q=1");
	assert_resolved(base, "#g", "https://h:8/a/b?q=1");
	assert_resolved("http://h", "x", "http://h/x");
	assert_resolved("http://h?q", "x", "http://h/x");
	assert_resolved("http://h/a?x/y", "z", "http://h/z");
	assert_resolved(base, "/a b\xc3\xa9#f", "https://h:8/a%20b%C3%A9");
	assert_resolved(base, "/a?u=http://x", "https://h:8/a?u=http://x");
}

static void resolve_refuses(void **state)
{
	char longer[URL_MAX + 2];
	char *url = NULL;

	(void)state;
	assert_int_equal(url_resolve("http://h/", "ftp://x/", &url), ERR_INVALID);
	assert_int_equal(url_resolve("http://h/", "javascript:alert(1)", &url), ERR_INVALID);
	assert_int_equal(url_resolve("http://h/", "http://u:p@x/", &url), ERR_INVALID);
	assert_int_equal(url_resolve("http://h/", "/a\r\nX: y", &url), ERR_INVALID);
	assert_int_equal(url_resolve("nonsense", "/a", &url), ERR_INVALID);
	memset(longer, 'a', sizeof longer);
	longer[sizeof longer - 1] = 0;
	assert_int_equal(url_resolve("http://h/", longer, &url), ERR_LIMIT);
	assert_null(url);
}

static void escaping(void **state)
{
	struct buf buf = {.limit = 100};

	(void)state;
	assert_int_equal(url_add_escaped(&buf, "refs/pr/1 a+b%\xc3\xbc~-._", ""), ERR_OK);
	assert_string_equal(buf_str(&buf), "refs%2Fpr%2F1%20a%2Bb%25%C3%BC~-._");
	buf_clear(&buf);
	assert_int_equal(url_add_escaped(&buf, "dir/a?#b", "/"), ERR_OK);
	assert_string_equal(buf_str(&buf), "dir/a%3F%23b");
	buf_release(&buf);
}

static void assert_next(const char *link, const char *expected)
{
	char *target = NULL;

	assert_int_equal(url_link_next(link, &target), ERR_OK);
	if (expected)
		assert_string_equal(target, expected);
	else
		assert_null(target);
	free(target);
}

static void link_next(void **state)
{
	(void)state;
	assert_next("<https://h/x?cursor=a,b;c>; rel=\"next\"", "https://h/x?cursor=a,b;c");
	assert_next("<a>; rel=prev, <b>;rel=NEXT", "b");
	assert_next("<a>; title=\"x, <no>\"; rel=\"next\"", "a");
	assert_next("<a>; rel=\"xet-auth\", <b>; rel=\"xet-reconstruction-info\"", NULL);
	assert_next("<a>", NULL);
	assert_next("<a", NULL);
	assert_next("<a>; rel", NULL);
	assert_next("<a>; rel=", NULL);
	assert_next("<a>; rel=\"next", "a");
	assert_next("", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_takes_addresses_apart),
		cmocka_unit_test(parse_refuses_everything_else),
		cmocka_unit_test(origin_is_scheme_host_and_port),
		cmocka_unit_test(authority_shows_the_port_when_it_is_unusual),
		cmocka_unit_test(resolve_follows_the_rfc),
		cmocka_unit_test(resolve_refuses),
		cmocka_unit_test(escaping),
		cmocka_unit_test(link_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
