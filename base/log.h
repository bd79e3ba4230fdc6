/* log: lines for whoever looks after the program, on standard error or into a given stream.
 *
 * Whoever decides (drop, fail, retry) logs, once, with nouns; everything below returns. A log is passed to those who
 * decide; there is no global one. Lines look like `warn: hub does not answer, using what is remembered`; control
 * characters in them become '?'. Any thread: a line is one write. Secrets are never passed in here.
 */
#ifndef LARDER_BASE_LOG_H
#define LARDER_BASE_LOG_H

#include "base/err.h"

#include <stdio.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log {
	FILE *out; /* borrowed; NULL is silence */
	enum log_level level; /* lines above it are dropped; log_set_level() once there are threads */
	/* Called before a line is written, so that a progress line on the same terminal can be wiped; may be NULL. */
	void (*before)(struct log *log);
};

/* "error", "warn", "info", "debug"; false for anything else. */
bool log_level_parse(const char *text, enum log_level *ret_level);

void log_set_level(struct log *log, enum log_level level);

void log_line(struct log *log, enum log_level level, const char *format, ...) LARDER_PRINTF(3, 4);

#define log_error(log, ...) log_line(log, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(log, ...) log_line(log, LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(log, ...) log_line(log, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(log, ...) log_line(log, LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
