/* progress: how far something is, shown while it runs.
 *
 * On a terminal one line that is redrawn, at most ten times a second; elsewhere a plain line every few seconds, so that a log stays readable. What is shown is a pure
 * function of the state and the width (progress_text). Main thread only, but for progress_wipe().
 */
#ifndef LARDER_CLI_PROGRESS_H
#define LARDER_CLI_PROGRESS_H

#include "base/err.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#define PROGRESS_DRAW_MS 100
#define PROGRESS_LINE_MS 5000
#define PROGRESS_TEXT_MAX 512
#define PROGRESS_WIDTH_MIN 20

struct progress_state {
	const char *name; /* what is worked at now; NULL: nothing in particular. Borrowed */
	uint64_t bytes_done, bytes_total;
	uint64_t files_done, files_total; /* files_total 0: not shown */
	uint64_t rate; /* bytes a second; 0: not known */
};

/* One line that takes at most `width` columns, which is at least PROGRESS_WIDTH_MIN: percent first, then as many of bytes, rate, time left and files as fit; the
 * name gets what remains, shortened in its middle. Returns `ret`. */
const char *progress_text(const struct progress_state *state, size_t width, char ret[PROGRESS_TEXT_MAX]);

/* A rate over about the last three seconds, from samples of a growing count. */
struct progress_rate {
	double per_s;
	uint64_t last_count;
	int64_t last_ms;
	bool has_sample;
};
uint64_t progress_rate_sample(struct progress_rate *rate, uint64_t count, int64_t now_ms);

struct progress {
	FILE *stream;     /* borrowed; NULL: show nothing */
	bool is_terminal; /* else plain lines */
	struct progress_rate rate;
	int64_t next_ms; /* not before that */
	atomic_bool drawn; /* a line stands there without its end */
};

/* For standard error: a terminal if it is one that understands control sequences. */
void progress_init(struct progress *progress, FILE *stream);
/* Show it, if it is time to. `moved`: bytes that really came by, for the rate; bytes that were there before are done, but did not move. */
void progress_show(struct progress *progress, struct progress_state *state, uint64_t moved, int64_t now_ms);
/* Take the line away, so that another can be written. Any thread. */
void progress_wipe(struct progress *progress);

#endif
