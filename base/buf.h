/* buf: a growing byte buffer with a ceiling.
 *
 * Always zero-terminated behind `len`, so that text in it is a C string. `limit` is a named maximum given by the owner: growth
 * beyond it fails with ERR_LIMIT before memory is taken. One thread at a time. `{.limit = X}` is an empty buffer.
 */
#ifndef LARDER_BASE_BUF_H
#define LARDER_BASE_BUF_H

#include "base/err.h"

#include <stdint.h>

struct buf {
	uint8_t *data; /* owned; NULL until something was added */
	size_t len;
	size_t room;
	size_t limit; /* most bytes it may ever hold */
};

void buf_init(struct buf *buf, size_t limit);
void buf_release(struct buf *buf);
void buf_clear(struct buf *buf); /* len 0; the memory stays */

/* All of these: ERR_LIMIT, ERR_NO_MEMORY; the buffer is unchanged after a failure. */
enum err buf_add(struct buf *buf, const void *data, size_t len) LARDER_MUST_USE;
enum err buf_add_str(struct buf *buf, const char *text) LARDER_MUST_USE;
enum err buf_add_format(struct buf *buf, const char *format, ...) LARDER_PRINTF(2, 3) LARDER_MUST_USE;
/* Make room for `len` more bytes at data + len; the caller writes there, then adds to `len` himself. */
enum err buf_reserve(struct buf *buf, size_t len) LARDER_MUST_USE;

/* The content as a C string; "" when empty. Borrowed until the next change. */
const char *buf_str(const struct buf *buf);
/* Hand the content over as a C string to be freed with free(); the buffer is empty afterwards. NULL: out of memory. */
char *buf_take_str(struct buf *buf);

#endif
