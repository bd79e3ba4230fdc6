#include "node/content_range.h"

#include "node/number.h"

#include <string.h>
#include <strings.h>

bool content_range_parse(const char *value, uint64_t *ret_first, bool *ret_has_total, uint64_t *ret_total)
{
	const char *dash, *slash;
	uint64_t first, last, total = 0;
	bool has_total;

	if (strncasecmp(value, "bytes ", 6) != 0)
		return false;
	value += 6;
	dash = strchr(value, '-');
	slash = strchr(value, '/');
	if (!dash || !slash || slash < dash)
		return false;
	if (!number_parse(value, (size_t)(dash - value), &first) || !number_parse(dash + 1, (size_t)(slash - dash - 1), &last) || last < first)
		return false;
	has_total = strcmp(slash + 1, "*") != 0;
	if (has_total && !number_parse(slash + 1, strlen(slash + 1), &total))
		return false;
	*ret_first = first;
	*ret_has_total = has_total;
	*ret_total = total;
	return true;
}
