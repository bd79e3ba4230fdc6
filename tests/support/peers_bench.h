/* peers_bench: nodes that are peers and nothing else, on one loop, over real transports on loopback; what they share is fake_share.h, and what they are asked is
 * answered here: FIND with "whole", the rest is counted. Asserts by cmocka. */
#ifndef LARDER_TESTS_PEERS_BENCH_H
#define LARDER_TESTS_PEERS_BENCH_H

#include "node/peers_private.h"
#include "support/cmocka.h"
#include "support/fake_share.h"
#include "support/fast_clock.h"
#include "support/temp_dir.h"

#define BENCH_NODES 4
#define BENCH_PATIENCE_MS 20000

struct bench_node {
	struct bench *bench;
	struct temp_dir dir;
	struct group group;
	struct identity *identity;
	struct lan lan;
	struct share share;
	struct peers_options options; /* change before bench_open() */
	struct peers *peers;
	char address[32];       /* "127.0.0.1:PORT", once it is open */
	char other_address[32]; /* "127.0.0.2:PORT" */
	const char *addresses[BENCH_NODES];
	bool is_everywhere;     /* listens at all addresses of loopback, not at 127.0.0.1 alone */
	unsigned changes, clones;
	bool renews;            /* when it is told that it is cloned */
};

struct bench {
	struct fast_clock clock;
	struct loop *loop;
	struct pool *pool;
	struct log log; /* silent, unless LARDER_TEST_LOG is set */
	struct bench_node nodes[BENCH_NODES];
};

int bench_setup(void **state);
int bench_teardown(void **state);

/* In the open group, deaf to no one, listening at any port of loopback; to dial `to` (NULL: nobody). */
struct bench_node *bench_open(struct bench *bench, size_t which, const struct bench_node *to);
void bench_close(struct bench_node *node);
/* Dial `to` as if discovery had seen it; and stop. */
void bench_see(struct bench_node *node, const struct bench_node *to);
void bench_lose(struct bench_node *node, const struct bench_node *to);

/* What the peers of `node` show of `other`. False: nothing. */
bool bench_view(struct bench_node *node, const struct bench_node *other, struct peer_view *ret_view);
/* The number of `other` at `node`; 0: there is no session. */
uint64_t bench_id(struct bench_node *node, const struct bench_node *other);
bool bench_are_one(struct bench_node *a, struct bench_node *b); /* exactly one session each */
struct session *bench_session(struct bench_node *node); /* its first one */

void bench_turn(struct bench *bench);
/* Let so much time pass, of which the real part is a tenth. */
void bench_pass(struct bench *bench, int64_t ms);
#define bench_until(bench, condition) \
	do { \
		int64_t give_up_ms = clock_now_ms(clock_system()) + BENCH_PATIENCE_MS; \
		while (!(condition)) { \
			bench_turn(bench); \
			if (clock_now_ms(clock_system()) > give_up_ms) \
				fail_msg("in vain: %s", #condition); \
		} \
	} while (0)

/* What serve was asked, over all nodes. */
struct serve {
	struct serve_options use;
	unsigned finds, rejects, others, forgotten;
};

/* A question, and what became of it. */
struct asking {
	struct peer_ask ask;
	unsigned dones;
	enum err err;
};

/* Its on_done. */
void bench_on_done(struct peer_ask *ask, enum err err);

#endif
