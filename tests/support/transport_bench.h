/* transport_bench: nodes that have a transport and nothing else, each on a loop of its own, over loopback; and a client that keeps no rules. Asserts by cmocka. */
#ifndef LARDER_TESTS_TRANSPORT_BENCH_H
#define LARDER_TESTS_TRANSPORT_BENCH_H

#include "node/transport.h"
#include "support/cmocka.h"
#include "support/fast_clock.h"
#include "support/temp_dir.h"

#define BENCH_NODES 4
#define BENCH_PATIENCE_MS 20000

struct bench_node {
	struct transport_owner owner;
	struct transport_options options; /* change before bench_open() */
	struct loop *loop;
	struct lan lan;
	struct group group;
	struct identity *identity;
	struct transport *transport;
	bool is_stalled; /* its loop is not turned */

	/* What it was told; of messages the last one. */
	struct transport_link *link; /* of the last message, NULL once that was closed */
	unsigned messages, ups, closes, writables;
	enum transport_end end;
	char control[128];
	size_t control_len, bulk_len;
	uint8_t bulk_first, bulk_last;
	/* What it does in on_message; may be NULL. */
	void (*act)(struct bench_node *node, struct transport_link *link);
};

struct bench {
	struct temp_dir dir;
	struct fast_clock clock;
	struct log log; /* silent, unless LARDER_TEST_LOG is set */
	struct bench_node nodes[BENCH_NODES]; /* listening at 127.0.0.1 as soon as they are open, all in the open group */
};

int bench_setup(void **state);
int bench_teardown(void **state);

struct bench_node *bench_open(struct bench *bench, size_t which);
void bench_close(struct bench_node *node);
struct lan_address bench_address(const struct bench_node *node);
struct transport_link *bench_dial(struct bench_node *from, const struct bench_node *to);
void bench_say(struct transport_link *link, const char *text);

/* Turn the loops of all nodes that are open and not stalled. */
void bench_turn(struct bench *bench);
#define bench_until(bench, condition) \
	do { \
		int64_t give_up_ms = clock_now_ms(clock_system()) + BENCH_PATIENCE_MS; \
		while (!(condition)) { \
			bench_turn(bench); \
			if (clock_now_ms(clock_system()) > give_up_ms) \
				fail_msg("in vain: %s", #condition); \
		} \
	} while (0)

/* A DEALER of ZeroMQ's own, with a context of its own, that knows the open group's key and says what it likes. */
struct stranger {
	void *context, *socket;
};
struct stranger stranger_dial(const struct lan_address *address);
void stranger_send(struct stranger *stranger, const void *data, size_t len, bool has_more);
void stranger_close(struct stranger *stranger);

#endif
