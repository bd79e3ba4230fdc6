/* swarm_sim_store: what store/partial.h does with chunks that are right or false, without their bytes. */
#ifndef LARDER_TESTS_SWARM_SIM_STORE_H
#define LARDER_TESTS_SWARM_SIM_STORE_H

#include "support/swarm_sim.h"

/* Instead of a file: not known, or not here; and what no file has. */
#define SIM_NOBODY 255
#define SIM_NONSENSE 254

struct sim_store {
	uint64_t chunks;
	unsigned held[SIM_CHUNKS_MAX];       /* the file whose chunk is here */
	bool believed[SIM_CHUNKS_MAX];       /* it came from the hub */
	unsigned states[SIM_CHUNKS_MAX + 1]; /* S(i) is of that file */
	bool overruled;                      /* claims lost; cleared by whoever looks */
};

/* Nothing is here but the first `prefix` chunks, of `file`, as if from the hub. */
void sim_store_init(struct sim_store *store, uint64_t chunks, uint64_t prefix, unsigned file);

uint64_t sim_store_prefix(const struct sim_store *store);
uint64_t sim_store_first_missing(const struct sim_store *store);
uint64_t sim_store_anchored_from(const struct sim_store *store);

/* partial_put_many() with a chunk of `file` between such states; partial_put() with the right chunk; partial_suggest() with a chain of labels. */
enum partial_answer sim_store_put(struct sim_store *store, unsigned file, uint64_t index, unsigned before, unsigned after);
void sim_store_put_believed(struct sim_store *store, uint64_t index);
enum err sim_store_suggest(struct sim_store *store, const struct chain *chain, uint64_t *ret_index);

/* A state is written down as the file that it is of, and the chunk behind it. */
void sim_label(unsigned file, uint64_t index, uint8_t ret[SHA256_LEN]);
unsigned sim_label_file(const uint8_t label[SHA256_LEN]);

#endif
