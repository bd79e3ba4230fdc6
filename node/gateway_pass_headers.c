#include "node/gateway_pass_headers.h"

#include <string.h>
#include <strings.h>

static const char *const of_a_connection[] = {"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer",
					      "Transfer-Encoding", "Upgrade", "Content-Length", "Via", NULL};
static const char *const made_anew[] = {"Host", "Authorization", "Accept-Encoding", "Expect", "Cookie", "Origin", "Referer", "Forwarded", NULL};
static const char *const dropped[] = {"Set-Cookie", "Content-Encoding", "Alt-Svc", "Strict-Transport-Security", "Server", "Date", "Vary", NULL};
static const char *const prefixes_dropped[] = {"X-Xet-", "Access-Control-", "Cross-Origin-", NULL};

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (strcasecmp(name, *names) == 0)
			return true;
	return false;
}

static bool begins_with_one_of(const char *name, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (strncasecmp(name, *prefixes, strlen(*prefixes)) == 0)
			return true;
	return false;
}

bool pass_header_goes(const char *name)
{
	return !is_one_of(name, of_a_connection) && !is_one_of(name, made_anew) && strncasecmp(name, "Sec-", 4) != 0 && strncasecmp(name, "X-Forwarded-", 12) != 0;
}

bool pass_header_comes(const char *name)
{
	return !is_one_of(name, of_a_connection) && !is_one_of(name, dropped) && !begins_with_one_of(name, prefixes_dropped);
}

/* "https://huggingface.co" begins an address of the hub, and not one of huggingface.com. */
static bool is_end_of_origin(char next)
{
	return next == 0 || strchr("/?#>\" ", next);
}

enum err pass_rewrite(const char *value, const char *from, const char *to, struct buf *ret_value)
{
	size_t len = strlen(from);
	const char *found;
	enum err err = ERR_OK;

	while (!err && (found = strstr(value, from))) {
		err = buf_add(ret_value, value, (size_t)(found - value));
		if (!err)
			err = buf_add_str(ret_value, is_end_of_origin(found[len]) ? to : from);
		value = found + len;
	}
	return err ? err : buf_add_str(ret_value, value);
}
