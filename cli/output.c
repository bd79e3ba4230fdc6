#include "cli/output.h"

#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void note_error(struct output *output)
{
	if (!output->error_number)
		output->error_number = errno ? errno : EIO;
}

void output_line(struct output *output, const char *format, ...)
{
	va_list args;
	int len;

	errno = 0;
	va_start(args, format);
	len = vfprintf(output->stream, format, args);
	va_end(args);
	if (len < 0 || putc('\n', output->stream) == EOF)
		note_error(output);
}

void output_json(struct output *output, json_t *object)
{
	errno = ENOMEM;
	output->has_object = true;
	if (!object || json_dumpf(object, output->stream, JSON_COMPACT) != 0 || putc('\n', output->stream) == EOF)
		note_error(output);
	json_decref(object);
}

enum err output_close(struct output *output, struct why *why)
{
	errno = 0;
	if (fflush(output->stream) != 0)
		note_error(output);
	if (!output->error_number)
		return ERR_OK;
	(void)why_errno(why, output->error_number, "the results could not be written to standard output");
	return ERR_IO; /* a full disk there is not a full store */
}

void table_add(struct table *table, const char *const cells[])
{
	size_t used = table->rows * table->columns;

	if (used + table->columns > table->room) {
		size_t room = table->room ? table->room * 2 : 64;
		char **grown = reallocarray(table->cells, room, sizeof *grown);
		if (!grown) {
			table->failed = true;
			return;
		}
		table->cells = grown;
		table->room = room;
	}
	for (unsigned i = 0; i < table->columns; i++) {
		table->cells[used + i] = strdup(cells[i]);
		if (table->cells[used + i])
			text_tame(table->cells[used + i]);
		else
			table->failed = true;
	}
	table->rows++;
}

static void print_row(const struct table *table, const char *const cells[], const size_t widths[], FILE *stream)
{
	for (unsigned i = 0; i < table->columns; i++) {
		const char *cell = cells[i] ? cells[i] : "";
		size_t columns = output_columns(cell);
		int pad = (int)(widths[i] - (columns < widths[i] ? columns : widths[i]));
		bool is_last = i + 1 == table->columns;

		if (table->right_aligned >> i & 1)
			fprintf(stream, "%*s%s%s", pad, "", cell, is_last ? "" : "  ");
		else
			fprintf(stream, "%s%*s%s", cell, is_last ? 0 : pad, "", is_last ? "" : "  ");
	}
	putc('\n', stream);
}

void table_print(struct table *table, struct output *output)
{
	size_t widths[TABLE_COLUMNS_MAX] = {0};

	errno = 0;
	for (size_t i = 0; i < table->rows * table->columns; i++) {
		size_t columns = table->cells[i] ? output_columns(table->cells[i]) : 0;
		if (columns > widths[i % table->columns])
			widths[i % table->columns] = columns;
	}
	for (unsigned i = 0; table->titles && i < table->columns; i++)
		if (strlen(table->titles[i]) > widths[i])
			widths[i] = strlen(table->titles[i]);
	if (table->titles && table->rows > 0)
		print_row(table, table->titles, widths, output->stream);
	for (size_t row = 0; row < table->rows; row++)
		print_row(table, (const char *const *)table->cells + row * table->columns, widths, output->stream);
	if (ferror(output->stream))
		note_error(output);
	if (table->failed && !output->error_number)
		output->error_number = ENOMEM;
	table_release(table);
}

void table_release(struct table *table)
{
	for (size_t i = 0; i < table->rows * table->columns; i++)
		free(table->cells[i]);
	free(table->cells);
	table->cells = NULL;
	table->rows = table->room = 0;
}

const char *output_size(uint64_t bytes, char ret[SIZE_TEXT_MAX])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	uint64_t divisor = 1;
	unsigned unit = 0;

	/* Above 999.95 of a unit it would be shown as 1000.0 of it. */
	while (unit + 1 < sizeof units / sizeof units[0] && bytes / divisor >= (unit ? 999 : 1000) &&
	       (double)bytes / (double)divisor >= (unit ? 999.95 : 1000)) {
		divisor *= 1000;
		unit++;
	}
	if (unit == 0)
		snprintf(ret, SIZE_TEXT_MAX, "%u B", (unsigned)bytes);
	else
		snprintf(ret, SIZE_TEXT_MAX, "%.1f %s", (double)bytes / (double)divisor, units[unit]);
	return ret;
}

const char *output_duration(uint64_t seconds, char ret[TIME_TEXT_MAX])
{
	static const struct {
		uint64_t seconds;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	unsigned unit = 0;

	while (unit < 3 && seconds < units[unit].seconds)
		unit++;
	if (unit < 3 && seconds % units[unit].seconds >= units[unit + 1].seconds)
		snprintf(ret, TIME_TEXT_MAX, "%u %s %u %s", (unsigned)(seconds / units[unit].seconds), units[unit].name,
			 (unsigned)(seconds % units[unit].seconds / units[unit + 1].seconds), units[unit + 1].name);
	else
		snprintf(ret, TIME_TEXT_MAX, "%u %s", (unsigned)(seconds / units[unit].seconds), units[unit].name);
	return ret;
}

const char *output_count(uint64_t count, const char *singular, const char *plural, char ret[48])
{
	snprintf(ret, 48, "%llu %s", (unsigned long long)count, count == 1 ? singular : plural);
	return ret;
}

size_t output_columns(const char *text)
{
	size_t columns = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if ((c & 0xc0) == 0x80)
			continue; /* went with its first byte */
		columns += c >= 0xe0 ? 2 : 1;
	}
	return columns;
}
