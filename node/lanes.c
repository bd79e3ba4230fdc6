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
	*lanes = (struct lanes){.count = 1, .best = 1, .segment = UINT64_MAX, .to_come = bytes, .again = LANES_AGAIN_BYTES};
	if (bytes >= LANES_LARGE_BYTES)
		lanes->segment = LANES_PROBE_BYTES;
}

static void use(struct lanes *lanes, unsigned count, uint64_t rate)
{
	uint64_t segment = rate / count * LANES_SEGMENT_MS / 1000;

	if (segment < LANES_SEGMENT_MIN_BYTES)
		segment = LANES_SEGMENT_MIN_BYTES;
	if (segment > LANES_SEGMENT_MAX_BYTES)
		segment = LANES_SEGMENT_MAX_BYTES;
	lanes->count = count;
	lanes->segment = segment;
}

static void try(struct lanes *lanes, unsigned count, uint64_t total, int64_t now_ms)
{
	lanes->is_trying = true;
	use(lanes, count, lanes->best_rate / lanes->best * count);
	mark(lanes, total, now_ms);
	lanes->settled_ms = now_ms + LANES_SETTLE_MS;
}

static void settle(struct lanes *lanes)
{
	lanes->is_trying = false;
	lanes->has_mark = false;
	use(lanes, lanes->best, lanes->best_rate);
	if (lanes->best > 1)
		return;
	lanes->segment = lanes->again;
	lanes->again *= 2;
}

static void judge(struct lanes *lanes, uint64_t total, int64_t now_ms)
{
	uint64_t rate = rate_since(lanes->mark_bytes, lanes->mark_ms, total, now_ms);

	if (!is_clearly_more(rate, lanes->best_rate)) {
		settle(lanes);
		return;
	}
	lanes->best = lanes->count;
	lanes->best_rate = rate;
	if (lanes->best < LANES_MAX)
		try(lanes, lanes->best * 2, total, now_ms);
	else
		settle(lanes);
}

void lanes_on_bytes(struct lanes *lanes, uint64_t total, int64_t now_ms)
{
	if (!lanes->has_mark)
		mark(lanes, total, now_ms);
	if (lanes->is_trying) {
		if (now_ms <= lanes->settled_ms)
			mark(lanes, total, now_ms);
		else if (now_ms - lanes->mark_ms >= LANES_MEASURE_MS)
			judge(lanes, total, now_ms);
	} else if (now_ms - lanes->mark_ms >= LANES_MEASURE_MS) {
		lanes->last_mark_ms = lanes->mark_ms;
		lanes->last_mark_bytes = lanes->mark_bytes;
		lanes->mark_ms = now_ms;
		lanes->mark_bytes = total;
	}
}

void lanes_on_segment(struct lanes *lanes, uint64_t total, uint64_t left, bool may_grow, int64_t now_ms)
{
	uint64_t came = lanes->to_come - left;
	uint64_t rate = rate_since(lanes->last_mark_bytes, lanes->last_mark_ms, total, now_ms);

	lanes->has_mark = false;
	if (lanes->gave_up || left < LANES_LARGE_BYTES || left / LANES_WORTH_S < rate) {
		lanes->segment = UINT64_MAX;
	} else if (!may_grow) {
		lanes->segment = LANES_PATIENT_BYTES;
	} else if (rate >= LANES_FAST_BYTES_PER_S && came < LANES_PATIENT_BYTES) {
		lanes->segment = LANES_PATIENT_BYTES - came;
	} else {
		lanes->best = 1;
		lanes->best_rate = rate;
		try(lanes, 2, total, now_ms);
	}
}

void lanes_give_up(struct lanes *lanes)
{
	lanes->gave_up = true;
	lanes->is_trying = false;
	lanes->best = lanes->count = 1;
	lanes->segment = UINT64_MAX;
}
