#include "base/log.h"
#include "base/text.h"

#include <stdarg.h>
#include <string.h>

static const char *const level_names[] = {"error", "warn", "info", "debug"};

bool log_level_parse(const char *text, enum log_level *ret_level)
{
	for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*ret_level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

void log_set_level(struct log *log, enum log_level level)
{
	__atomic_store_n(&log->level, level, __ATOMIC_RELAXED);
}

void log_line(struct log *log, enum log_level level, const char *format, ...)
{
	char line[1024];
	size_t used;
	va_list args;

	if (!log || !log->out || level > __atomic_load_n(&log->level, __ATOMIC_RELAXED))
		return;
	used = (size_t)snprintf(line, sizeof line, "%s: ", level_names[level]);
	va_start(args, format);
	vsnprintf(line + used, sizeof line - used - 1, format, args);
	va_end(args);
	text_tame(line);
	strcat(line, "\n");
	if (log->before)
		log->before(log);
	fputs(line, log->out);
	fflush(log->out);
}
