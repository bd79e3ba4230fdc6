/* lanes: how many connections a large file is worth, found out by trying: one is measured, then two, then four; more are kept only where they brought clearly more.
 *
 * Pure, with time and bytes given; any thread. While one connection is wanted it brings long segments, so that asking costs next to nothing; several bring short ones,
 * since what lies ahead of the first gap is in memory alone, and lost when the process is killed.
 */
#ifndef LARDER_NODE_LANES_H
#define LARDER_NODE_LANES_H

#include <stdbool.h>
#include <stdint.h>

#define LANES_MAX 4
#define LANES_LARGE_BYTES ((uint64_t)64 << 20)   /* less than that to come: one connection, one request */
#define LANES_PROBE_BYTES ((uint64_t)32 << 20)   /* brought by one connection before anything is decided */
#define LANES_PATIENT_BYTES ((uint64_t)256 << 20) /* and that much where one is fast already */
#define LANES_FAST_BYTES_PER_S ((uint64_t)64 << 20)
#define LANES_WORTH_S 2        /* with less to wait for, one will do */
#define LANES_SETTLE_MS 500    /* before connections that are new are measured */
#define LANES_MEASURE_MS 1000
#define LANES_SEGMENT_MIN_BYTES ((uint64_t)2 << 20) /* of one connection among several */
#define LANES_SEGMENT_MAX_BYTES ((uint64_t)5 << 20)
#define LANES_SEGMENT_MS 200   /* a segment takes about that long; the question for the next one, a round trip */
#define LANES_AGAIN_BYTES ((uint64_t)1 << 30) /* brought by one connection until several are tried again; doubles each time */

struct lanes {
	unsigned count;   /* connections wanted */
	uint64_t segment; /* bytes that each of them should be asked for next */
	/* Its own. */
	uint64_t to_come, again;
	bool gave_up, is_trying;
	unsigned best;    /* the count that brought best_rate; bytes/s */
	uint64_t best_rate;
	/* Where measuring began; with one connection the later of two such points, the earlier being the one that counts. */
	bool has_mark;
	int64_t settled_ms; /* several that are new are measured from then on */
	int64_t mark_ms, last_mark_ms;
	uint64_t mark_bytes, last_mark_bytes;
};

/* `bytes` are to come. */
void lanes_init(struct lanes *lanes, uint64_t bytes);
/* `total` bytes came by so far (from which number it counts does not matter). Count and segment may change. */
void lanes_on_bytes(struct lanes *lanes, uint64_t total, int64_t now_ms);
/* The one connection has brought its segment, at `total`, and `left` bytes are to come. `may_grow`: further connections may be opened, and nothing but the line held this one up.
 * Count and segment may change. */
void lanes_on_segment(struct lanes *lanes, uint64_t total, uint64_t left, bool may_grow, int64_t now_ms);
/* Several do not work here: one from now on. */
void lanes_give_up(struct lanes *lanes);

#endif
