/* hex: bytes written as text in tests; blanks between them do not count. */
#ifndef LARDER_TESTS_HEX_H
#define LARDER_TESTS_HEX_H

#include "base/text.h"

#include <stdint.h>
#include <stdlib.h>

/* How many; ends the program where `text` is not whole bytes, or more than `room`. */
static inline size_t hex_bytes(const char *text, uint8_t *ret, size_t room)
{
	size_t digits = 0;

	for (; *text; text++) {
		int value = text_hex_value(*text);
		if (*text == ' ')
			continue;
		if (value < 0 || digits / 2 >= room)
			abort();
		ret[digits / 2] = (uint8_t)(digits % 2 ? ret[digits / 2] << 4 | value : value);
		digits++;
	}
	if (digits % 2)
		abort();
	return digits / 2;
}

#endif
