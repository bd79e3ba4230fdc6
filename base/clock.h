/* clock: the one time type, monotonic milliseconds, from a source that is passed in.
 *
 * Wall-clock seconds exist only for what is kept on disk or shown to people. Any thread; nothing blocks.
 */
#ifndef LARDER_BASE_CLOCK_H
#define LARDER_BASE_CLOCK_H

#include <stdint.h>

struct clock {
	int64_t (*now_ms)(struct clock *clock); /* monotonic; never goes back */
	int64_t (*wall_s)(struct clock *clock); /* seconds since 1970, UTC; may jump */
};

/* The machine's clocks. Static; never freed. */
struct clock *clock_system(void);

static inline int64_t clock_now_ms(struct clock *clock) { return clock->now_ms(clock); }
static inline int64_t clock_wall_s(struct clock *clock) { return clock->wall_s(clock); }

#endif
