/* measure: finds out from peers how large a blob is whose digest alone is known; what sizing.h decides, done.
 *
 * On the loop; checks a chunk's link there (a millisecond each, a few in all). Embedded by its owner; zero before the first use.
 */
#ifndef LARDER_NODE_MEASURE_H
#define LARDER_NODE_MEASURE_H

#include "node/inflow.h"
#include "node/loop.h"
#include "node/peers.h"
#include "node/sizing.h"

struct measure {
	struct loop *loop;   /* set by the owner before measure_start(), as are all up to on_end */
	struct peers *peers;
	const struct sha256_engine *engine;
	int64_t hopeless_at_ms; /* before that nobody being there means nothing */
	/* ERR_OK: proven to be `size` bytes. ERR_NOT_FOUND: nobody holds it. ERR_UNPROVEN: some said so, and none could prove it. */
	void (*on_end)(struct measure *measure, enum err err, uint64_t size);
	/* Its own. */
	struct sizing *sizing; /* NULL: not running */
	struct digest digest;
	struct list asks;
	struct loop_timer timer;
	size_t asked; /* peers that said they hold it */
};

enum err measure_start(struct measure *measure, const struct digest *digest) LARDER_MUST_USE;
/* No callback will come. Harmless when not running. */
void measure_stop(struct measure *measure);

#endif
