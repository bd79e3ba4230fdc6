/* keyfile: small text files with secrets in them, for their owner alone. Blocks on the disk; any thread, but one at a time for a file. */
#ifndef LARDER_NODE_KEYFILE_H
#define LARDER_NODE_KEYFILE_H

#include "base/err.h"

#define KEYFILE_MAX 512 /* bytes of text, with the zero */

/* Read DIR/NAME; a file that others could read is closed to them. `ret_text` is to be wiped by the caller. ERR_NOT_FOUND: there is none. ERR_INVALID: no regular file,
 * too long, or not text. ERR_PERMISSION, ERR_IO, ERR_NO_MEMORY. */
enum err keyfile_read(const char *dir, const char *name, char ret_text[KEYFILE_MAX], struct why *why) LARDER_MUST_USE;

/* Write DIR/NAME (0600) in one go: afterwards, or after a crash, it is the old one or the new one. Durable when it returns. ERR_NO_SPACE, ERR_PERMISSION, ERR_IO, ERR_NO_MEMORY. */
enum err keyfile_write(const char *dir, const char *name, const char *text, struct why *why) LARDER_MUST_USE;

/* Durable when it returns; harmless where there is none. */
enum err keyfile_remove(const char *dir, const char *name, struct why *why) LARDER_MUST_USE;

#endif
