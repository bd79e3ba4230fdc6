/* fake_peers: peers.h as far as a fetch needs it, played by the test: in the place of node/peers*.c, which must not be linked beside it. Answers come on the loop. */
#ifndef LARDER_TESTS_FAKE_PEERS_H
#define LARDER_TESTS_FAKE_PEERS_H

#include "node/loop.h"
#include "node/peers.h"

enum fake_way {
	FAKE_HONEST,
	FAKE_NOT_HELD,    /* says so when asked */
	FAKE_WRONG_CHUNK, /* sends each chunk with a byte flipped */
	FAKE_OTHER_FILE,  /* a genuine chain and the chunks of another file of that size */
	FAKE_SILENT,      /* answers for the chain only */
	FAKE_DRIPS,       /* a byte of each chunk now and then, and no end of it */
	FAKE_GOES,        /* is gone after its second chunk */
};

struct fake_peer {
	enum fake_way way;
	const uint8_t *data;  /* what it holds: borrowed */
	size_t size;
	struct digest digest; /* what it says it holds, of either algorithm */
	unsigned chunks_sent, chains_sent;
	enum peer_verdict verdict;
	uint64_t good_bytes;
	bool is_gone;
};

#define FAKE_PEERS_MAX 8
struct fake_peers {
	struct loop *loop;                    /* set by the test, as are the next three */
	const struct sha256_engine *engine;
	struct fake_peer each[FAKE_PEERS_MAX]; /* with the ids 1 .. count */
	size_t count;
	struct list answers;                  /* its own */
	struct loop_timer timer;
};

void fake_peers_init(struct fake_peers *fake);
void fake_peers_release(struct fake_peers *fake); /* after the fetcher */
/* What is to be given to fetcher_set_peers(). */
struct peers *fake_peers_as_peers(struct fake_peers *fake);

#endif
