/* fast_clock: the machine's clock, running faster, so that what waits for seconds can be tested for real in milliseconds. */
#ifndef LARDER_TESTS_FAST_CLOCK_H
#define LARDER_TESTS_FAST_CLOCK_H

#include "node/loop.h"

#include <stdlib.h>

struct fast_clock {
	struct clock clock;
	int64_t factor;
	int64_t ahead_ms; /* add to it to let time pass */
	struct loop *loop;
	struct loop_timer tick;
};

static inline int64_t fast_clock_now_ms(struct clock *clock)
{
	struct fast_clock *fast = container_of(clock, struct fast_clock, clock);

	return clock_now_ms(clock_system()) * fast->factor + fast->ahead_ms;
}

static inline int64_t fast_clock_wall_s(struct clock *clock)
{
	struct fast_clock *fast = container_of(clock, struct fast_clock, clock);

	return clock_wall_s(clock_system()) + fast->ahead_ms / 1000;
}

static inline void fast_clock_init(struct fast_clock *fast, int64_t factor)
{
	*fast = (struct fast_clock){{fast_clock_now_ms, fast_clock_wall_s}, factor, 0};
}

static inline void fast_clock_tick(struct loop_timer *timer)
{
	struct fast_clock *fast = container_of(timer, struct fast_clock, tick);

	if (loop_timer_start(fast->loop, timer, 1) != ERR_OK)
		abort();
}

/* A loop waits for as many real milliseconds as there seem to be until its next timer. Have it look at the clock more often. */
static inline void fast_clock_drive(struct fast_clock *fast, struct loop *loop)
{
	fast->loop = loop;
	fast->tick.fire = fast_clock_tick;
	fast_clock_tick(&fast->tick);
}

#endif
