#include "node/url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_letter_or_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *skip_scheme(const char *text, bool *ret_https)
{
	if (strncasecmp(text, "https://", 8) == 0) {
		*ret_https = true;
		return text + 8;
	}
	*ret_https = false;
	return strncasecmp(text, "http://", 7) == 0 ? text + 7 : NULL;
}

/* Name or IPv4 address, or [IPv6]. Returns what follows it, NULL if it is none. */
static const char *parse_host(const char *text, char ret[URL_HOST_MAX])
{
	bool bracket = *text == '[';
	const char *allowed = bracket ? ":.%[]" : "-._";
	size_t len = bracket ? strcspn(text, "]/?#") + 1 : strcspn(text, ":/?#");

	if (len == 0 || len >= URL_HOST_MAX || (bracket && text[len - 1] != ']'))
		return NULL;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (!is_letter_or_digit(c) && !strchr(allowed, c))
			return NULL;
		ret[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	ret[len] = 0;
	return text + len;
}

/* ":8080" or nothing. */
static const char *parse_port(const char *text, uint16_t *port)
{
	unsigned value = 0;

	if (*text != ':')
		return text;
	text++;
	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		value = value * 10 + (unsigned)(*text - '0');
		if (value > UINT16_MAX)
			return NULL;
	}
	*port = (uint16_t)value;
	return value ? text : NULL;
}

bool url_parse(const char *text, struct url *ret_url)
{
	struct url url = {0};
	const char *at = skip_scheme(text, &url.https);

	if (!at || strlen(text) > URL_MAX)
		return false;
	at = parse_host(at, url.host);
	url.port = url.https ? 443 : 80;
	if (at)
		at = parse_port(at, &url.port);
	if (!at || (*at && !strchr("/?#", *at)))
		return false;
	for (const char *c = at; *c; c++)
		if (*c < 0x21 || *c > 0x7e)
			return false;
	url.target = at;
	*ret_url = url;
	return true;
}

bool url_same_origin(const struct url *a, const struct url *b)
{
	return a->https == b->https && a->port == b->port && strcmp(a->host, b->host) == 0;
}

const char *url_authority(const struct url *url, char ret[URL_AUTHORITY_MAX])
{
	size_t len = strlen(url->host);
	char digits[6];
	size_t at = sizeof digits;

	memcpy(ret, url->host, len + 1);
	if (url->port == (url->https ? 443 : 80))
		return ret;
	digits[--at] = 0;
	for (unsigned port = url->port; port; port /= 10)
		digits[--at] = (char)('0' + port % 10);
	ret[len++] = ':';
	memcpy(ret + len, digits + at, sizeof digits - at);
	return ret;
}

enum err url_add_escaped(struct buf *buf, const char *text, const char *keep)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		char coded[3] = {'%', hex[c >> 4], hex[c & 15]};
		bool plain = is_letter_or_digit(*text) || strchr("-._~", c) || strchr(keep, c);
		enum err err = plain ? buf_add(buf, text, 1) : buf_add(buf, coded, 3);
		if (err)
			return err;
	}
	return ERR_OK;
}

/* How much of the base's target stays in front of a relative reference. */
static size_t kept_of_target(const char *target, const char *reference)
{
	size_t path_len = strcspn(target, "?#");

	if (*reference == '/')
		return 0;
	if (*reference == '?')
		return path_len;
	if (*reference == 0 || *reference == '#')
		return strcspn(target, "#");
	while (path_len > 0 && target[path_len - 1] != '/')
		path_len--;
	return path_len;
}

static bool has_scheme(const char *reference)
{
	size_t len = strcspn(reference, ":/?#");

	return len > 0 && reference[len] == ':';
}

/* What stands before the reference in the resulting address. */
static enum err add_base(struct buf *out, const char *base, const char *reference)
{
	struct url url;
	size_t kept;
	enum err err;

	if (!url_parse(base, &url))
		return ERR_INVALID;
	if (has_scheme(reference))
		return ERR_OK;
	if (strncmp(reference, "//", 2) == 0)
		return buf_add_str(out, url.https ? "https:" : "http:");
	kept = kept_of_target(url.target, reference);
	err = buf_add(out, base, (size_t)(url.target - base) + kept);
	if (!err && kept == 0 && *reference && !strchr("/?#", *reference))
		err = buf_add_str(out, "/");
	return err;
}

static enum err add_reference(struct buf *out, const char *reference, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char one[2] = {reference[i], 0};
		unsigned char c = (unsigned char)one[0];
		enum err err;
		if (c < 0x20 || c == 0x7f)
			return ERR_INVALID;
		err = c == ' ' || c > 0x7e ? url_add_escaped(out, one, "") : buf_add(out, one, 1);
		if (err)
			return err;
	}
	return ERR_OK;
}

enum err url_resolve(const char *base, const char *reference, char **ret_url)
{
	struct buf out = {.limit = URL_MAX};
	struct url url;
	enum err err;

	err = add_base(&out, base, reference);
	if (!err)
		err = add_reference(&out, reference, strcspn(reference, "#"));
	if (!err && !url_parse(buf_str(&out), &url))
		err = ERR_INVALID;
	if (!err) {
		*ret_url = buf_take_str(&out);
		err = *ret_url ? ERR_OK : ERR_NO_MEMORY;
	}
	buf_release(&out);
	return err;
}

/* Past one ";name=value" of a link, telling whether it was rel=next. */
static const char *parse_link_param(const char *at, bool *ret_next)
{
	const char *value;
	size_t len;

	at += strspn(at, "; \t");
	len = strcspn(at, "=;,");
	*ret_next = len == 3 && strncasecmp(at, "rel", 3) == 0;
	at += len;
	if (*at != '=') {
		*ret_next = false;
		return at;
	}
	at++;
	value = at + (*at == '"');
	len = strcspn(value, *at == '"' ? "\"" : ";, \t");
	at = value + len + (value[-1] == '"' && value[len] == '"');
	*ret_next = *ret_next && len == 4 && strncasecmp(value, "next", 4) == 0;
	return at + strspn(at, " \t");
}

enum err url_link_next(const char *link, char **ret_target)
{
	char *found = NULL;

	while (!found && (link = strchr(link, '<'))) {
		const char *target = link + 1;
		size_t len = strcspn(target, ">");
		bool next = false;
		if (!target[len])
			break;
		link = target + len + 1;
		link += strspn(link, " \t");
		while (*link == ';' && !next)
			link = parse_link_param(link, &next);
		if (!next)
			continue;
		found = strndup(target, len);
		if (!found)
			return ERR_NO_MEMORY;
	}
	*ret_target = found;
	return ERR_OK;
}
