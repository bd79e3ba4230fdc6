/* number: decimal numbers as they stand in headers and pointers: digits alone, no sign, no blank. Pure; any thread. */
#ifndef LARDER_NODE_NUMBER_H
#define LARDER_NODE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBER_MAX ((uint64_t)INT64_MAX) /* so that it also fits JSON and off_t */

/* The number in exactly `len` bytes. False, with *ret_number untouched, for anything else and above NUMBER_MAX. */
static inline bool number_parse(const char *text, size_t len, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned char)text[i] - (unsigned)'0';
		if (digit > 9 || number > (NUMBER_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return true;
}

#endif
