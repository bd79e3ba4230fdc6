#include "discovery/service_name.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define SUFFIX_LEN (sizeof " (01020304)" - 1)

/* The length of the UTF-8 character at `text` (Unicode 15, table 3-7), 0 if it is none. */
static size_t character_len(const unsigned char *text)
{
	unsigned char first = text[0], low = 0x80, high = 0xbf;
	size_t len = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;

	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < len; i++, low = 0x80, high = 0xbf)
		if (text[i] < low || text[i] > high)
			return 0;
	return len;
}

static size_t add_characters(const char *name, char *text, size_t room)
{
	size_t used = 0;

	while (*name) {
		size_t len = character_len((const unsigned char *)name);
		if ((len ? len : 1) > room - used)
			break;
		if (len == 0)
			text[used] = '?';
		else
			memcpy(text + used, name, len);
		used += len ? len : 1;
		name += len ? len : 1;
	}
	text[used] = 0;
	return used;
}

void service_name_make(const char *name, const uint8_t node[NOTE_TAG_LEN], char ret_name[DISCOVERY_NAME_MAX])
{
	size_t used = add_characters(*name ? name : "larder", ret_name, DISCOVERY_NAME_MAX - 1 - SUFFIX_LEN);

	snprintf(ret_name + used, DISCOVERY_NAME_MAX - used, " (%02x%02x%02x%02x)", node[0], node[1], node[2], node[3]);
	text_tame(ret_name);
}
