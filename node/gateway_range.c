#include "node/gateway_range.h"

#include <string.h>
#include <strings.h>

#define BLANKS " \t"

static const char unit[] = "bytes=";

/* Digits; a number that finds no room is the largest one. False: there are none. */
static bool take_number(const char **text, uint64_t *ret_number)
{
	const char *at = *text;
	uint64_t number = 0;

	for (; *at >= '0' && *at <= '9'; at++) {
		unsigned digit = (unsigned)(*at - '0');
		number = number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : number * 10 + digit;
	}
	if (at == *text)
		return false;
	*text = at;
	*ret_number = number;
	return true;
}

/* "a-b", "a-", "-n". False: none of these. */
static bool parse_one(const char *text, uint64_t size, struct gateway_range *range)
{
	uint64_t first = 0, last = UINT64_MAX, count;

	text += strspn(text, BLANKS);
	if (*text == '-') {
		text++;
		if (!take_number(&text, &count))
			return false;
		first = count < size ? size - count : 0;
		last = count == 0 ? 0 : UINT64_MAX;
		if (count == 0)
			first = UINT64_MAX; /* no byte */
	} else {
		if (!take_number(&text, &first) || *text++ != '-')
			return false;
		if (*text >= '0' && *text <= '9' && (!take_number(&text, &last) || last < first))
			return false;
	}
	if (text[strspn(text, BLANKS)])
		return false;
	if (first >= size)
		*range = (struct gateway_range){.kind = RANGE_BEYOND};
	else
		*range = (struct gateway_range){RANGE_PART, first, last < size ? last + 1 : size};
	return true;
}

struct gateway_range gateway_range_parse(const char *value, const char *if_range, const char *etag, uint64_t size)
{
	struct gateway_range range = {RANGE_WHOLE, 0, size};

	if (!value || strncasecmp(value, unit, sizeof unit - 1) != 0)
		return range;
	if (if_range && strcmp(if_range, etag) != 0)
		return range;
	(void)!parse_one(value + sizeof unit - 1, size, &range);
	return range;
}

bool gateway_etag_is_known(const char *if_none_match, const char *etag)
{
	size_t len = strlen(etag);

	if (!if_none_match)
		return false;
	for (const char *at = if_none_match; *at;) {
		size_t one;
		at += strspn(at, BLANKS ",");
		if (*at == '*')
			return true;
		if (strncmp(at, "W/", 2) == 0)
			at += 2;
		one = strcspn(at, BLANKS ",");
		if (one == len && strncmp(at, etag, len) == 0)
			return true;
		at += one;
	}
	return false;
}
