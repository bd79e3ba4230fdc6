#include "node/rate.h"

#include <string.h>

/* Samples are at least that long, and one that is twice as old is judged although it has not ended. */
#define SAMPLE_MS 200
/* The first may be shorter, so that one who is quick is known to be so at once. */
#define FIRST_SAMPLE_BYTES ((uint64_t)1 << 20)

static uint64_t sample(const struct rate *rate, int64_t now_ms)
{
	int64_t elapsed_ms = now_ms - rate->since_ms;

	return rate->bytes * 1000 / (uint64_t)(elapsed_ms > 0 ? elapsed_ms : 1);
}

static void fold(struct rate *rate, int64_t now_ms)
{
	rate->per_s = rate->is_known ? (2 * rate->per_s + sample(rate, now_ms)) / 3 : sample(rate, now_ms);
	rate->is_known = true;
	rate_begin(rate, now_ms);
}

void rate_begin(struct rate *rate, int64_t now_ms)
{
	rate->since_ms = now_ms;
	rate->bytes = 0;
	rate->is_on = true;
}

void rate_end(struct rate *rate, int64_t now_ms)
{
	if (rate->bytes > 0 || now_ms - rate->since_ms >= SAMPLE_MS)
		fold(rate, now_ms);
	rate->is_on = false;
}

void rate_add(struct rate *rate, uint64_t bytes, int64_t now_ms)
{
	rate->bytes += bytes;
	if (now_ms - rate->since_ms >= SAMPLE_MS || (!rate->is_known && rate->bytes >= FIRST_SAMPLE_BYTES))
		fold(rate, now_ms);
}

uint64_t rate_per_s(const struct rate *rate, int64_t now_ms)
{
	uint64_t lately = sample(rate, now_ms);

	return !rate->is_on || now_ms - rate->since_ms < 2 * SAMPLE_MS || lately > rate->per_s ? rate->per_s : lately;
}

static void move_on(struct rate_history *history, int64_t slot)
{
	if (slot - history->slot >= RATE_SLOTS)
		memset(history->bytes, 0, sizeof history->bytes);
	for (int64_t at = history->slot + 1; slot - history->slot < RATE_SLOTS && at <= slot; at++)
		history->bytes[at % RATE_SLOTS] = 0;
	if (slot > history->slot)
		history->slot = slot;
}

void rate_history_add(struct rate_history *history, uint64_t bytes, int64_t now_ms)
{
	move_on(history, now_ms / RATE_SLOT_MS);
	history->bytes[history->slot % RATE_SLOTS] += bytes;
}

uint64_t rate_history_per_s(const struct rate_history *history, int64_t now_ms)
{
	struct rate_history at_now = *history;
	uint64_t sum = 0;

	move_on(&at_now, now_ms / RATE_SLOT_MS);
	for (unsigned i = 0; i < RATE_SLOTS; i++)
		sum += at_now.bytes[i];
	return sum * 1000 / RATE_SPAN_MS;
}
