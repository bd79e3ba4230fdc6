/* rate: how many bytes come in a second, over the last moments. In place; time is passed in. */
#ifndef LARDER_NODE_RATE_H
#define LARDER_NODE_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* Of one source, counted only while something is wanted from it. Begins as zero. */
struct rate {
	int64_t since_ms;
	uint64_t bytes;   /* since then */
	uint64_t per_s;   /* smoothed, until then */
	bool is_known, is_on;
};

/* Something is wanted from here on; nothing is any more. That nothing came is a measure too, after a moment. */
void rate_begin(struct rate *rate, int64_t now_ms);
void rate_end(struct rate *rate, int64_t now_ms);
void rate_add(struct rate *rate, uint64_t bytes, int64_t now_ms);
/* Sinks while something is wanted and nothing comes. 0 while it is not known. */
uint64_t rate_per_s(const struct rate *rate, int64_t now_ms);

#define RATE_SLOTS 10
#define RATE_SLOT_MS 500
#define RATE_SPAN_MS (RATE_SLOTS * RATE_SLOT_MS)

/* Of all together, over RATE_SPAN_MS. Begins as zero. */
struct rate_history {
	uint64_t bytes[RATE_SLOTS];
	int64_t slot; /* the last one that was written */
};

void rate_history_add(struct rate_history *history, uint64_t bytes, int64_t now_ms);
uint64_t rate_history_per_s(const struct rate_history *history, int64_t now_ms);

#endif
