#include "base/clock.h"

#include <time.h>

static int64_t system_now_ms(struct clock *clock)
{
	struct timespec t;

	(void)clock;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t system_wall_s(struct clock *clock)
{
	struct timespec t;

	(void)clock;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec;
}

struct clock *clock_system(void)
{
	static struct clock system = {system_now_ms, system_wall_s};

	return &system;
}
