#include "node/lanes.h"

/* Clearly more than what measuring the same twice would differ by. */
static bool is_clearly_more(uint64_t rate, uint64_t than)
{
	return rate > than + than / 4;
}

static void mark(struct lanes *lanes, uint64_t total, int64_t now_ms)
{
	lanes->last_mark_ms = lanes->mark_ms = now_ms;
	lanes->last_mark_bytes = lanes->mark_bytes = total;
	lanes->has_mark = true;
}

static uint64_t rate_since(uint64_t from_bytes, int64_t from_ms, uint64_t total, int64_t now_ms)
{
	int64_t took_ms = now_ms > from_ms ? now_ms - from_ms : 1;

	return (total - from_bytes) * 1000 / (uint64_t)took_ms;
}

void lanes_init(struct lanes *lanes, uint64_t bytes)
{
	*lanes = (struct lanes){.count = 1, .alone = UINT64_MAX, .to_come = bytes, .again = LANES_AGAIN_BYTES};
	if (bytes >= LANES_FIRST_BYTES + LANES_REST_BYTES)
		lanes->alone = LANES_FIRST_BYTES;
}

static uint64_t between(uint64_t low, uint64_t value, uint64_t high)
{
	return value < low ? low : value > high ? high : value;
}

/* What the one connection brings in that time, as a segment. */
static uint64_t segment_of(const struct lanes *lanes, unsigned ms)
{
	return between(LANES_SEGMENT_MIN_BYTES, lanes->rate * ms / 1000, LANES_SEGMENT_MAX_BYTES);
}

uint64_t lanes_segment(const struct lanes *lanes)
{
	if (lanes->count == 1)
		return lanes->alone;
	return between(LANES_SEGMENT_MIN_BYTES, lanes->came / LANES_SHARE / LANES_MAX, segment_of(lanes, LANES_SEGMENT_MAX_MS));
}

static void judge(struct lanes *lanes, uint64_t total, int64_t now_ms)
{
	uint64_t rate = rate_since(lanes->mark_bytes, lanes->mark_ms, total, now_ms);

	lanes->is_trying = false;
	if (is_clearly_more(rate, lanes->rate))
		return;
	lanes->count = 1;
	lanes->alone = lanes->again;
	lanes->again *= 2;
	lanes->has_mark = false;
}

void lanes_on_bytes(struct lanes *lanes, uint64_t len, uint64_t total, int64_t now_ms)
{
	lanes->came += len;
	if (!lanes->has_mark || (lanes->is_trying && now_ms <= lanes->settled_ms))
		mark(lanes, total, now_ms);
	if (now_ms - lanes->mark_ms < LANES_MEASURE_MS)
		return;
	if (lanes->is_trying) {
		judge(lanes, total, now_ms);
	} else if (lanes->count == 1) {
		lanes->last_mark_ms = lanes->mark_ms;
		lanes->last_mark_bytes = lanes->mark_bytes;
		lanes->mark_ms = now_ms;
		lanes->mark_bytes = total;
	}
}

void lanes_on_segment(struct lanes *lanes, bool may_grow, uint64_t total, int64_t now_ms)
{
	uint64_t left = lanes->to_come > lanes->came ? lanes->to_come - lanes->came : 0;
	uint64_t needed;

	lanes->rate = rate_since(lanes->last_mark_bytes, lanes->last_mark_ms, total, now_ms);
	lanes->has_mark = false;
	needed = segment_of(lanes, LANES_SEGMENT_MIN_MS) * LANES_MAX * LANES_SHARE;
	if (lanes->gave_up || left < LANES_REST_BYTES || left / LANES_REST_S < lanes->rate) {
		lanes->alone = UINT64_MAX;
	} else if (lanes->came < needed) {
		lanes->alone = between(LANES_FIRST_BYTES / 4, needed - lanes->came, needed);
	} else if (!may_grow) {
		lanes->alone = LANES_FIRST_BYTES;
	} else {
		lanes->is_trying = true;
		lanes->count = LANES_MAX;
		lanes->settled_ms = now_ms + LANES_SETTLE_MS;
	}
}

void lanes_give_up(struct lanes *lanes)
{
	lanes->gave_up = true;
	lanes->is_trying = false;
	lanes->count = 1;
	lanes->alone = UINT64_MAX;
}
