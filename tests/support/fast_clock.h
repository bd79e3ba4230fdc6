/* fast_clock: the machine's clock, running faster, so that what waits for seconds can be tested for real in milliseconds. */
#ifndef LARDER_TESTS_FAST_CLOCK_H
#define LARDER_TESTS_FAST_CLOCK_H

#include "base/clock.h"

#define FAST_CLOCK_FACTOR 50

static inline int64_t fast_clock_now_ms(struct clock *clock)
{
	(void)clock;
	return clock_now_ms(clock_system()) * FAST_CLOCK_FACTOR;
}

static inline int64_t fast_clock_wall_s(struct clock *clock)
{
	(void)clock;
	return clock_wall_s(clock_system());
}

/* Use as the initialiser of a struct clock. */
#define FAST_CLOCK {fast_clock_now_ms, fast_clock_wall_s}

#endif
