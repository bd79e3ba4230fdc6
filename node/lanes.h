/* lanes: whether a large file is worth several connections, found out by trying: one is measured, then LANES_MAX, and they are kept where they bring clearly more.
 *
 * Pure, with time and bytes given; any thread. While one connection is wanted it brings long segments, so that asking costs next to nothing. Several bring short ones, since
 * what lies ahead of the first gap is in memory alone and lost when the process is killed: their segments together are a small share of what this run has brought, so
 * that being killed costs little, however often and at any rate. Before that share allows segments that are worth a round trip each, there is one connection.
 */
#ifndef LARDER_NODE_LANES_H
#define LARDER_NODE_LANES_H

#include <stdbool.h>
#include <stdint.h>

#define LANES_MAX 4
#define LANES_SHARE 32         /* segments of several together, to what has come: one to that many */
#define LANES_SEGMENT_MIN_BYTES ((uint64_t)1 << 20) /* of one connection among several */
#define LANES_SEGMENT_MAX_BYTES ((uint64_t)4 << 20)
#define LANES_SEGMENT_MIN_MS 50  /* it takes at least about that long, */
#define LANES_SEGMENT_MAX_MS 200 /* and need not take longer */
#define LANES_FIRST_BYTES (LANES_MAX * LANES_SHARE * LANES_SEGMENT_MIN_BYTES) /* brought by one connection before anything is decided */
#define LANES_REST_BYTES ((uint64_t)64 << 20) /* with less to come, */
#define LANES_REST_S 2                        /* or so soon to be here, one will do */
#define LANES_SETTLE_MS 500    /* before connections that are new are measured */
#define LANES_MEASURE_MS 1000
#define LANES_AGAIN_BYTES ((uint64_t)1 << 30) /* brought by one connection until several are tried again; doubles each time */

struct lanes {
	unsigned count;   /* connections wanted: 1 or LANES_MAX */
	/* Its own. */
	uint64_t came, to_come;
	uint64_t alone;   /* segment of one connection */
	uint64_t again;
	uint64_t rate;    /* of one connection, bytes/s */
	bool gave_up, is_trying;
	/* Where measuring began; with one connection the later of two such points, the earlier being the one that counts. */
	bool has_mark;
	int64_t settled_ms; /* several that are new are measured from then on */
	int64_t mark_ms, last_mark_ms;
	uint64_t mark_bytes, last_mark_bytes;
};

/* `bytes` are to come. */
void lanes_init(struct lanes *lanes, uint64_t bytes);
/* What a connection should be asked for next. */
uint64_t lanes_segment(const struct lanes *lanes);
/* `len` bytes came, the last of `total` for all files (from which number it counts does not matter). Several may turn out to bring no more than one. */
void lanes_on_bytes(struct lanes *lanes, uint64_t len, uint64_t total, int64_t now_ms);
/* The one connection has brought its segment; `total` as above. `may_grow`: further connections may be opened. The count may change. */
void lanes_on_segment(struct lanes *lanes, bool may_grow, uint64_t total, int64_t now_ms);
/* Several do not work here: one from now on. */
void lanes_give_up(struct lanes *lanes);

#endif
