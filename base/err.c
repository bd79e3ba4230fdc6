#include "base/err.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
	[ERR_OK] = "ok",
	[ERR_NO_MEMORY] = "out of memory",
	[ERR_USAGE] = "usage",
	[ERR_INVALID] = "invalid data",
	[ERR_LIMIT] = "limit exceeded",
	[ERR_NOT_FOUND] = "not found",
	[ERR_EXISTS] = "already exists",
	[ERR_HUB_AWAY] = "hub unreachable",
	[ERR_CUT] = "ended early",
	[ERR_UNPROVEN] = "verification failed",
	[ERR_DENIED] = "not authorised",
	[ERR_NO_SPACE] = "no space",
	[ERR_PERMISSION] = "permission denied",
	[ERR_BUSY] = "busy",
	[ERR_CANCELLED] = "cancelled",
	[ERR_UNSUPPORTED] = "not supported",
	[ERR_IO] = "input/output error",
};

const char *err_name(enum err code)
{
	size_t at = (size_t)code;
	return at < sizeof names / sizeof names[0] ? names[at] : "unknown error";
}

enum err err_from_errno(int error_number)
{
	switch (error_number) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_NO_SPACE;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_PERMISSION;
	case ENOENT:
		return ERR_NOT_FOUND;
	case EEXIST:
		return ERR_EXISTS;
	case ENOMEM:
		return ERR_NO_MEMORY;
	default:
		return ERR_IO;
	}
}

enum err why_set(struct why *why, enum err code, const char *format, ...)
{
	va_list args;

	if (!why)
		return code;
	va_start(args, format);
	vsnprintf(why->text, sizeof why->text, format, args);
	va_end(args);
	text_tame(why->text);
	return code;
}

enum err why_errno(struct why *why, int error_number, const char *format, ...)
{
	enum err code = err_from_errno(error_number);
	char space[128];
	const char *text;
	va_list args;
	size_t used;

	if (!why)
		return code;
	va_start(args, format);
	vsnprintf(why->text, sizeof why->text, format, args);
	va_end(args);
	text = strerror_r(error_number, space, sizeof space); /* the GNU one: may or may not use the space */
	used = strlen(why->text);
	snprintf(why->text + used, sizeof why->text - used, ": %s", text);
	text_tame(why->text);
	return code;
}

enum err why_prefix(struct why *why, enum err code, const char *format, ...)
{
	char prefix[WHY_MAX], old[WHY_MAX];
	va_list args;

	if (!why)
		return code;
	va_start(args, format);
	vsnprintf(prefix, sizeof prefix, format, args);
	va_end(args);
	snprintf(old, sizeof old, "%s", why->text[0] ? why->text : err_name(code));
	return why_set(why, code, "%s: %s", prefix, old);
}
