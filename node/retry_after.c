#include "node/retry_after.h"
#include "node/number.h"

#include <stdio.h>
#include <string.h>

static int64_t bounded(int64_t wait_s)
{
	if (wait_s < 0)
		return 0;
	return wait_s < RETRY_AFTER_MAX_S ? wait_s : RETRY_AFTER_MAX_S;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar; years are counted from March, so that the leap day is the last one. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t shifted = month > 2 ? month - 3 : month + 9;

	year -= month <= 2;
	return 365 * year + year / 4 - year / 100 + year / 400 + (153 * shifted + 2) / 5 + day - 1 - 719468;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool parse_date(const char *text, int64_t *ret_s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int day, year, hour, minute, second, used = 0;
	const char *found;
	char month[4];

	if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &day, month, &year, &hour, &minute, &second, &used) != 6 || !used)
		return false;
	found = strstr(months, month);
	if (strlen(month) != 3 || !found || (found - months) % 3 != 0 || day < 1 || day > 31 || year < 1970)
		return false;
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
		return false;
	*ret_s = days_of(year, (found - months) / 3 + 1, day) * 86400 + hour * 3600 + minute * 60 + second;
	return true;
}

bool retry_after_parse(const char *value, int64_t now_s, int64_t *ret_wait_s)
{
	uint64_t seconds;
	int64_t until_s;

	if (number_parse(value, strlen(value), &seconds)) {
		*ret_wait_s = bounded((int64_t)seconds);
		return true;
	}
	if (!parse_date(value, &until_s))
		return false;
	*ret_wait_s = bounded(until_s - now_s);
	return true;
}

bool rate_limit_parse(const char *value, int64_t *ret_wait_s)
{
	uint64_t left = 0, seconds = 0;
	bool has_seconds = false;

	while ((value = strchr(value, ';'))) {
		size_t len;
		value += 1 + strspn(value + 1, " ");
		len = strcspn(value, ";, ");
		if (len < 2 || value[1] != '=')
			continue;
		if (value[0] == 'r' && !number_parse(value + 2, len - 2, &left))
			return false;
		if (value[0] == 't')
			has_seconds = number_parse(value + 2, len - 2, &seconds);
	}
	if (!has_seconds || left > 0)
		return false;
	*ret_wait_s = bounded((int64_t)seconds);
	return true;
}
