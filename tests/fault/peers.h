/* peers: a blob as peers bring it: a story that is consistent and false, then the right chunks, from the tail. */
#ifndef LARDER_TESTS_FAULT_PEERS_H
#define LARDER_TESTS_FAULT_PEERS_H

#include "store/partial.h"

/* Put up to `count` missing chunks of `data`, which is the whole blob. `ret_put`: how many were kept, also after a failure. */
enum err peers_put(struct partial *partial, const struct sha256_engine *engine, const struct digest *digest, const uint8_t *data,
		   uint64_t count, uint64_t *ret_put, struct why *why);

#endif
