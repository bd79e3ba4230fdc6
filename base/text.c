#include "base/text.h"

#include <string.h>

static bool is_continuation(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Bytes of the character at `text`, of which there are `len`. Negative: it is a control character. */
static int look_at(const char *text, size_t len)
{
	unsigned char first = (unsigned char)text[0], second = len > 1 ? (unsigned char)text[1] : 0;
	int bytes = 1, want = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;

	/* A continuation byte that continues nothing is a control character to terminals that do not speak UTF-8. */
	if (first < 0x20 || first == 0x7f || is_continuation(first))
		return -1;
	if (first == 0xc2 && second >= 0x80 && second < 0xa0)
		return -2;
	while (bytes < want && (size_t)bytes < len && is_continuation((unsigned char)text[bytes]))
		bytes++;
	return bytes;
}

bool text_has_control(const char *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		int bytes = look_at(text + at, len - at);
		if (bytes < 0)
			return true;
		at += (size_t)bytes;
	}
	return false;
}

void text_tame(char *text)
{
	size_t len = strlen(text);

	for (size_t at = 0; at < len;) {
		int bytes = look_at(text + at, len - at);
		if (bytes < 0)
			memset(text + at, '?', (size_t)-bytes);
		at += (size_t)(bytes < 0 ? -bytes : bytes);
	}
}

int text_hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}
