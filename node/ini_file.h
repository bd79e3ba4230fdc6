/* ini_file: lines of `key = value`, read with inih. The only file that calls it.
 *
 * Comments begin with # or ;. There are no [sections] and no continued lines. Blocks on the disk.
 */
#ifndef LARDER_NODE_INI_FILE_H
#define LARDER_NODE_INI_FILE_H

#include "base/err.h"

struct ini_file {
	/* One line: `where` is "FILE:LINE". A failure ends the reading and is handed on. */
	enum err (*on_value)(struct ini_file *file, const char *key, const char *value, const char *where, struct why *why);
};

/* ERR_NOT_FOUND: no such file. ERR_USAGE: a line that is none, with FILE:LINE. Others as opening and on_value() give them. */
enum err ini_file_read(struct ini_file *file, const char *path, struct why *why) LARDER_MUST_USE;

#endif
