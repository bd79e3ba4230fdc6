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

/* Bytes of the character that `first` begins, and between what its second byte lies. 0: it begins none. */
static size_t begin_of(unsigned char first, unsigned char *low, unsigned char *high)
{
	*low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	*high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

bool text_is_utf8(const char *text, size_t len)
{
	for (size_t at = 0, bytes; at < len; at += bytes) {
		unsigned char low, high;
		bytes = begin_of((unsigned char)text[at], &low, &high);
		if (bytes == 0 || bytes > len - at)
			return false;
		if (bytes > 1 && ((unsigned char)text[at + 1] < low || (unsigned char)text[at + 1] > high))
			return false;
		for (size_t i = 2; i < bytes; i++)
			if (!is_continuation((unsigned char)text[at + i]))
				return false;
	}
	return true;
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
