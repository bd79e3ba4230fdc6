#include "cli/glob.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The character at *text, which moves behind it. A byte that does not belong to valid UTF-8 counts as a character of its own. */
static uint32_t next_char(const char **text)
{
	static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	const unsigned char *at = (const unsigned char *)*text;
	int len = at[0] < 0x80 ? 1 : at[0] >= 0xf0 && at[0] < 0xf8 ? 4 : at[0] >= 0xe0 && at[0] < 0xf0 ? 3 : at[0] >= 0xc0 && at[0] < 0xe0 ? 2 : 0;
	uint32_t value;

	if (len) {
		value = at[0] & masks[len];
		for (int i = 1; i < len; i++) {
			if ((at[i] & 0xc0) != 0x80) {
				len = 0;
				break;
			}
			value = value << 6 | (at[i] & 0x3f);
		}
	}
	if (!len) {
		*text += 1;
		return 0x110000 + at[0]; /* beside every real character */
	}
	*text += len;
	return value;
}

/* Where the set that begins behind a [ ends: at its ], or NULL. A ] that comes first belongs to the set. */
static const char *set_end(const char *set)
{
	if (*set == '!')
		set++;
	if (*set == ']')
		set++;
	return strchr(set, ']');
}

static bool set_has(const char *set, const char *end, uint32_t c)
{
	bool inverted = *set == '!', found = false;

	if (inverted)
		set++;
	while (set < end) {
		uint32_t first = next_char(&set), last = first;
		if (*set == '-' && set + 1 < end) {
			set++;
			last = next_char(&set);
		}
		found = found || (c >= first && c <= last);
	}
	return found != inverted;
}

/* Match one character of `path` against one element of the pattern; both move on. */
static bool match_one(const char **pattern, const char **path)
{
	const char *end;
	uint32_t c = next_char(path);

	if (**pattern == '?') {
		*pattern += 1;
		return true;
	}
	if (**pattern == '[' && (end = set_end(*pattern + 1))) {
		bool has = set_has(*pattern + 1, end, c);
		*pattern = end + 1;
		return has;
	}
	return next_char(pattern) == c;
}

/* Only the last star needs to be gone back to: an earlier one that took more could not reach anything that this one cannot. */
bool glob_match(const char *pattern, const char *path)
{
	const char *star = NULL, *star_path = NULL;
	size_t len = strlen(pattern);
	bool is_dir = len > 0 && pattern[len - 1] == '/';

	while (*path) {
		if (is_dir && !*pattern)
			return true;
		if (*pattern == '*') {
			star = ++pattern;
			star_path = path;
			continue;
		}
		if (*pattern && match_one(&pattern, &path))
			continue;
		if (!star)
			return false;
		next_char(&star_path);
		pattern = star;
		path = star_path;
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}
