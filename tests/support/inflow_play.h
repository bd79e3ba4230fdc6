/* inflow_play: a hub that is played, with what inflow calls of it, delivering in a time of its own; and an owner of an inflow. Asserts by cmocka. For tests that are linked with
 * inflow.c and without the real hub. */
#ifndef LARDER_TESTS_INFLOW_PLAY_H
#define LARDER_TESTS_INFLOW_PLAY_H

#include "node/inflow.h"

#define MIB ((uint64_t)1 << 20)
#define BODIES_MAX (LANES_MAX + 1)

struct playing {
	struct hub_body *body; /* NULL: free */
	uint64_t at;
	bool paused;
	int64_t from_ms; /* no byte comes before */
};

struct hub {
	struct playing each[BODIES_MAX];
	uint64_t bytes;
	int64_t now_ms;
	uint64_t line_rate, body_rate; /* bytes/s of all together, and of one; 0: no bound */
	int64_t answer_ms;             /* from question to first byte */
	size_t bodies_max;
	size_t requests, most, pauses;
	bool no_place, ignores_range;
	enum err many_err;             /* how those end that are one of many, after their first byte */
};

struct play {
	struct inflow inflow;
	struct hub hub;
	struct hub_file file;
	struct list kept;   /* taken and not given back */
	bool keeps;         /* chunks are not taken away */
	uint64_t next;      /* the chunk that must come next */
	uint64_t cancel_at; /* chunk; 0: never */
	size_t chunks, done, progress, most_in_memory;
	enum err err;
};

void play_init(struct play *play, uint64_t size);
void play_start(struct play *play, uint64_t first, uint64_t count);
/* No body may be left. */
void play_release(struct play *play);

size_t play_count_bodies(const struct hub *hub);
/* Up to `len` bytes of one body; it may be gone afterwards. */
void play_deliver(struct hub *hub, struct playing *playing, uint64_t len);
/* Until it is done, or nothing could bring more; or until so many bodies run. */
void play_run(struct play *play);
void play_run_until(struct play *play, size_t bodies);

/* Take what is queued, which must be right and in order; and give it back. */
void play_take(struct play *play);
void play_give_back(struct play *play);
void play_check_chunk(const struct chunk *chunk, uint64_t index, size_t len);
/* The whole file came, each byte once but for `twice`. */
void play_assert_whole(struct play *play, uint64_t twice);

#endif
