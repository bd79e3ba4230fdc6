/* swarm_sim: one fetch from several peers and a hub, in virtual time, without a byte: a chunk is a pair (file, index), and a state is a label.
 *
 * The part of the caller of swarm.h is played by the book; the store is a small model of store/partial.h. Peers behave well or badly; each has a rate, a latency and
 * an order in which it answers. Nothing is random but what the test sets. */
#ifndef LARDER_TESTS_SWARM_SIM_H
#define LARDER_TESTS_SWARM_SIM_H

#include "node/swarm.h"

#define SIM_PEERS_MAX SWARM_PEERS
#define SIM_CHUNKS_MAX 512
#define SIM_RIGHT 0 /* the file that is fetched; all others are false */

enum sim_behaviour {
	SIM_HONEST,
	SIM_WRONG_CHUNKS, /* the right chain, and bytes that are none */
	SIM_ROTTEN,       /* one chunk, at `index`, is not what it was */
	SIM_OTHER_FILE,   /* chain and chunks of another file of that size */
	SIM_FALSE_HEAD,   /* chain and chunks right above `index`, of another file up to it */
	SIM_SILENT_HEAD,  /* the same, but for chunk `index` itself it never answers */
	SIM_WRONG_SIZE,
	SIM_HAS_NOTHING,  /* but a chain */
	SIM_LACKS,        /* chunk `index` */
	SIM_SILENT,       /* from the first chunk on */
	SIM_MUTE,         /* from the chain on */
	SIM_DRIPS,
	SIM_DIES,         /* at `dies_ms` */
	SIM_BUSY,         /* every other time */
	SIM_BEHAVIOURS,
};

struct sim_peer {
	enum sim_behaviour behaviour;
	uint64_t rate_bytes_per_s;
	int64_t latency_ms, found_ms, dies_ms;
	uint64_t index;
	unsigned file;        /* of the false ones */
	bool has_record;
	/* what was seen */
	bool is_here, was_asked_chain, sent_chain, has_verdict, was_refuted, was_damaged, was_unproven;
	unsigned asked, delivered, most_outstanding, outstanding, judged_good;
	uint64_t bytes;
	int64_t free_ms;      /* when its line is free again */
};

struct sim {
	uint64_t chunks;
	struct sim_peer peers[SIM_PEERS_MAX];
	size_t peer_count;
	bool hub_is_there, hub_is_fast; /* fast: it is asked from the beginning, whatever the peers give */
	uint64_t hub_rate_bytes_per_s;
	uint64_t prefix_before;   /* chunks that are here when it begins; by a file of `prefix_file` */
	unsigned prefix_file;
	bool is_told;             /* print what is done */
	/* what was seen */
	int64_t now_ms;
	bool is_complete, is_right, had_hub;
	unsigned hub_chunks;
	uint64_t wasted_bytes, most_in_flight, suggestions;
	char failure[160];        /* a rule that was broken; else empty */
};

/* Until it is complete, nothing can happen any more, or `limit_ms` have passed. */
void sim_run(struct sim *sim, int64_t limit_ms);

#endif
