/* The input is BASE, a line end, and a reference to be resolved against it. What comes out is an address of the same meaning. */
#include "fuzz/fuzz.h"
#include "node/url.h"

#include <string.h>

static void check_resolve(const char *base, const char *reference)
{
	struct url from, to, again;
	char *url = NULL, *twice = NULL;

	if (url_resolve(base, reference, &url) != ERR_OK) {
		must(!url);
		return;
	}
	must(url_parse(base, &from) && url_parse(url, &to));
	must(strlen(url) <= URL_MAX && !strchr(url, '#'));
	/* A path cannot lead to another origin. */
	if (reference[0] == '/' && reference[1] != '/')
		must(url_same_origin(&from, &to));
	must(url_resolve(base, url, &twice) == ERR_OK);
	must(strcmp(url, twice) == 0 && url_parse(twice, &again) && url_same_origin(&to, &again));
	free(url);
	free(twice);
}

static void check_origin(const char *text)
{
	char authority[URL_AUTHORITY_MAX], whole[URL_AUTHORITY_MAX + 16] = "https://";
	struct url url, again;

	if (!url_parse(text, &url))
		return;
	strcpy(whole, url.https ? "https://" : "http://");
	strcat(whole, url_authority(&url, authority));
	must(url_parse(whole, &again) && url_same_origin(&url, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest, *target = NULL;
	struct buf buf = {.limit = 4 * size + 16};

	must(text);
	memcpy(text, data, size);
	text[size] = 0;
	if (url_link_next(text, &target) == ERR_OK && target)
		must(!strchr(target, '>'));
	free(target);
	must(url_add_escaped(&buf, text, "/") == ERR_OK);
	for (const char *c = buf_str(&buf); *c; c++)
		must(*c > 0x20 && *c < 0x7f);
	buf_release(&buf);
	rest = strchr(text, '\n');
	if (rest)
		*rest++ = 0;
	check_origin(text);
	if (rest)
		check_resolve(text, rest);
	free(text);
	return 0;
}
