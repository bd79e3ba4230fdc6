#include "node/ini_file.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHERE_MAX 1024

struct reading {
	struct ini_file *file;
	FILE *stream;
	const char *path;
	int line;
	enum err err; /* of the first bad line */
	struct why *why;
	char where[WHERE_MAX];
};

static const char *where(struct reading *reading, int line)
{
	snprintf(reading->where, sizeof reading->where, "%s:%d", reading->path, line);
	return reading->where;
}

/* Stands in for fgets(): counts lines, refuses those that inih would cut in two, and takes the space in front away, which inih would read as the
 * continuation of the line before. */
static char *next_line(char *text, int room, void *stream)
{
	struct reading *reading = stream;
	size_t len, blank;

	if (reading->err || !fgets(text, room, reading->stream))
		return NULL;
	reading->line++;
	len = strlen(text);
	if (len + 1 == (size_t)room && text[len - 1] != '\n') {
		reading->err = why_set(reading->why, ERR_USAGE, "%s: the line is too long", where(reading, reading->line));
		return NULL;
	}
	blank = strspn(text, " \t");
	memmove(text, text + blank, len - blank + 1);
	return text;
}

static int take(void *user, const char *section, const char *key, const char *value)
{
	struct reading *reading = user;

	if (reading->err)
		return 0;
	if (*section)
		reading->err = why_set(reading->why, ERR_USAGE, "%s: there are no [sections] in this file: remove the line [%s]",
				       where(reading, reading->line), section);
	else
		reading->err = reading->file->on_value(reading->file, key, value, where(reading, reading->line), reading->why);
	return reading->err ? 0 : 1;
}

enum err ini_file_read(struct ini_file *file, const char *path, struct why *why)
{
	struct reading reading = {.file = file, .path = path, .why = why};
	int bad_line;

	reading.stream = fopen(path, "re");
	if (!reading.stream)
		return why_errno(why, errno, "cannot read %s", path);
	bad_line = ini_parse_stream(next_line, &reading, take, &reading);
	if (ferror(reading.stream))
		reading.err = why_errno(why, errno, "cannot read %s", path);
	else if (bad_line < 0)
		reading.err = ERR_NO_MEMORY;
	else if (bad_line > 0 && (!reading.err || bad_line < reading.line))
		reading.err = why_set(why, ERR_USAGE, "%s: this is not a line of the form key = value", where(&reading, bad_line));
	fclose(reading.stream);
	return reading.err;
}
