/* fake_share: a share that the test fills in, in place of the one that reads an index. Defines those calls of share.h that sessions make. */
#ifndef LARDER_TESTS_FAKE_SHARE_H
#define LARDER_TESTS_FAKE_SHARE_H

#include "node/share.h"

#define FAKE_CHANGES 4

struct share {
	uint64_t generation;
	struct share_set set;
	struct share_change changes[FAKE_CHANGES]; /* those kept, at generation % FAKE_CHANGES; generation 0: none */
	unsigned holds;
};

/* The next generation has this tag besides. Borrowed. */
void fake_share_add(struct share *share, const struct tag *tag);

#endif
