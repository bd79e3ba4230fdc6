#include "node/gateway_guard.h"

#include "base/list.h"

#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS_MAX 18

static bool is_word(const char *name, size_t len)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < len; i++) {
		char c = name[i];
		bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!is_plain && (!c || !strchr(others, c)))
			return false;
	}
	return len > 0;
}

static bool has_control(const char *value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)value[i] < 0x20 && value[i] != '\t') || value[i] == 0x7f)
			return true;
	return false;
}

void guard_add_header(struct guard_request *request, const char *name, size_t name_len, const char *value, size_t value_len)
{
	const struct {
		const char *name;
		unsigned *count;
		const char **value;
	} known[] = {
		{"Host", &request->hosts, &request->host},
		{"Content-Length", &request->lengths, &request->length},
		{"Transfer-Encoding", &request->encodings, &request->encoding},
		{"Sec-Fetch-Site", &request->sites, &request->site},
		{"Origin", &request->origins, &request->origin},
		{"Authorization", &request->authorizations, &request->authorization},
	};

	if (!is_word(name, name_len) || has_control(value, value_len))
		request->has_bad_header = true;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (name_len != strlen(known[i].name) || strncasecmp(name, known[i].name, name_len) != 0)
			continue;
		++*known[i].count;
		*known[i].value = value;
	}
}

/* --- what two readers could read differently */

static bool is_length(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= LENGTH_DIGITS_MAX && strspn(text, "0123456789") == len;
}

static unsigned check_form(const struct guard_request *request, struct why *why)
{
	const char *trouble = NULL;

	if (request->has_bad_header)
		trouble = "a header has a character that none may have";
	else if (strcmp(request->version, "HTTP/1.1") != 0 && strcmp(request->version, "HTTP/1.0") != 0)
		trouble = "it is neither HTTP/1.1 nor HTTP/1.0";
	else if (request->lengths > 1 || request->encodings > 1 || request->hosts > 1 || request->origins > 1 || request->sites > 1 || request->authorizations > 1)
		trouble = "a header that there is one of is there twice";
	else if (request->lengths && request->encodings)
		trouble = "it has both Content-Length and Transfer-Encoding";
	else if (request->length && !is_length(request->length))
		trouble = "its Content-Length is no number";
	else if (request->encoding && (strcasecmp(request->encoding, "chunked") != 0 || strcmp(request->version, "HTTP/1.1") != 0))
		trouble = "its Transfer-Encoding is not understood";
	else if (!request->host)
		trouble = "it has no Host";
	if (!trouble)
		return 0;
	why_set(why, ERR_INVALID, "this request is not answered: %s", trouble);
	return 400;
}

/* --- who asks */

static bool is_listed(const struct config_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcasecmp(list->items[i], text) == 0)
			return true;
	return false;
}

static bool is_own_host(const struct guard_rules *rules, const struct guard_request *request)
{
	struct lan_address address;
	char name[LAN_HOST_MAX];
	uint16_t port;

	if (!lan_split(request->host, 0, name, &port))
		return false;
	if (strcasecmp(name, "localhost") == 0 || is_listed(rules->hosts, name) || is_listed(rules->hosts, request->host))
		return true;
	return lan_parse(name, 0, &address) && (lan_is_loopback(&address) || lan_same_host(&address, &request->local));
}

/* Of a page of ours. */
static bool is_own_origin(const struct guard_request *request)
{
	static const char scheme[] = "http://";

	return strncasecmp(request->origin, scheme, sizeof scheme - 1) == 0 && strcasecmp(request->origin + sizeof scheme - 1, request->host) == 0;
}

bool guard_is_from_page(const struct guard_rules *rules, const struct guard_request *request)
{
	return request->origin && is_listed(rules->origins, request->origin);
}

unsigned guard_check(const struct guard_rules *rules, const struct guard_request *request, struct why *why)
{
	unsigned status = check_form(request, why);

	if (status)
		return status;
	if (!is_own_host(rules, request)) {
		why_set(why, ERR_DENIED, "this is larder, which is not called \"%.100s\": call it by its address, or set gateway_host", request->host);
		return 403;
	}
	if (guard_is_from_page(rules, request))
		return 0;
	if (request->origin && !is_own_origin(request)) {
		why_set(why, ERR_DENIED, "pages of %.100s may not use this node; gateway_origin lists those that may", request->origin);
		return 403;
	}
	if (request->site && strcasecmp(request->site, "none") != 0 && strcasecmp(request->site, "same-origin") != 0) {
		why_set(why, ERR_DENIED, "pages of other sites may not use this node; gateway_origin lists those that may");
		return 403;
	}
	return 0;
}
