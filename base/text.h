/* text: what came from outside and is shown to people. Terminals obey control characters, of which there are more than the first 32: U+0080 to U+009F work as well
 * (U+009B begins a sequence as ESC [ does). Pure; any thread.
 */
#ifndef LARDER_BASE_TEXT_H
#define LARDER_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a control character, or a byte that may be taken for one, is among the first `len` bytes. */
bool text_has_control(const char *text, size_t len);
/* Whether these are whole characters of UTF-8 (RFC 3629: none overlong, no surrogates, none behind U+10FFFF). */
bool text_is_utf8(const char *text, size_t len);
/* Put '?' in the place of each byte of such a character. The rest of UTF-8 stays. */
void text_tame(char *text);

/* 0 to 15 for a hexadecimal digit of either case, else -1. */
int text_hex_value(char digit);

#endif
