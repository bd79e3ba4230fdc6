/* peer_pair: two sides of a session that share one clock, and a question of which the answer is kept; for the tests of peer. */
#ifndef LARDER_TESTS_PEER_PAIR_H
#define LARDER_TESTS_PEER_PAIR_H

#include "support/peer_side.h"
#include "support/temp_dir.h"

struct pair {
	struct temp_dir dirs[2];
	struct identity *identities[2];
	struct group group;
	int64_t now_us;
	struct side dialer, listener; /* dialer dials */
};

/* For cmocka; `*state` is the pair. */
int pair_setup(void **state);
int pair_teardown(void **state);

#define test(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

/* The greeting, both ways. */
void pair_meet(struct pair *pair);
/* So much time goes by, and both sides look at it. */
void pair_pass(struct pair *pair, int64_t ms);

/* A question, and what became of it. */
struct asking {
	struct peer_ask ask;
	struct chunk *chunk; /* for the test to use */
	size_t bytes;
	unsigned dones;
	enum err err;
	uint32_t names;
};

struct asking asking_make(void);

/* So many tags, in order; for free(). */
struct tag *tags_make(size_t count);

#endif
