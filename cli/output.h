/* output: results on standard output, as aligned tables for people or JSON for programs.
 *
 * Standard output carries results and nothing else; messages go to standard error (session.h). Writing never fails on the spot: output_close() says whether all
 * of it got out, so that a full disk or a closed pipe is an error and not silence. Main thread only.
 */
#ifndef LARDER_CLI_OUTPUT_H
#define LARDER_CLI_OUTPUT_H

#include "base/err.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

struct output {
	FILE *stream; /* borrowed */
	bool json;
	bool has_object;  /* it was printed */
	int error_number; /* of the first write that failed; 0: none */
};

void output_line(struct output *output, const char *format, ...) LARDER_PRINTF(2, 3);
/* The one object that a command prints with --json, on one line. Takes `object` over; NULL (out of memory while it was built) makes output_close() fail. */
void output_json(struct output *output, json_t *object);
/* Flush. ERR_IO when something was lost. */
enum err output_close(struct output *output, struct why *why) LARDER_MUST_USE;

/* --- a table: rows are gathered, then printed with columns aligned to their widest cell. Control characters become '?'. */
#define TABLE_COLUMNS_MAX 8

struct table {
	const char *const *titles; /* borrowed; NULL: no head */
	unsigned columns;
	unsigned right_aligned; /* a bit for each column, the first one's is 1 */
	char **cells; /* owned; rows one after the other */
	size_t rows, room;
	bool failed; /* out of memory: rows are missing */
};

/* `cells`: one text for each column, copied. */
void table_add(struct table *table, const char *const cells[]);
/* Prints and releases. */
void table_print(struct table *table, struct output *output);
void table_release(struct table *table);

/* --- what is printed the same everywhere */
#define SIZE_TEXT_MAX 16
#define TIME_TEXT_MAX 32

/* "0 B", "999 B", "1.2 kB", "90.9 MB", "1.0 TB": powers of 1000, as the hub shows them. Returns `ret`. */
const char *output_size(uint64_t bytes, char ret[SIZE_TEXT_MAX]);
/* "8 s", "2 min 5 s", "3 h 20 min", "2 d 4 h". Returns `ret`. */
const char *output_duration(uint64_t seconds, char ret[TIME_TEXT_MAX]);
/* "1 file", "2 files". `ret` has room for 48. */
const char *output_count(uint64_t count, const char *singular, const char *plural, char ret[48]);
/* How many columns of a terminal `text` takes at most: characters outside ASCII may be wide. */
size_t output_columns(const char *text);

#endif
