/* liar_claim: what a hostile peer says of a blob, and the bytes that it gives for it. */
#ifndef LARDER_TESTS_LIAR_CLAIM_H
#define LARDER_TESTS_LIAR_CLAIM_H

#include "store/chain.h"

#define LIAR_ALL_CHUNKS UINT64_MAX

enum claim_kind {
	CLAIM_GENUINE,
	CLAIM_WRONG_CHUNK, /* the genuine chain, and a byte flipped in one chunk, or in each */
	CLAIM_OTHER,       /* the genuine chain and chunks of another file of that size */
	CLAIM_HEAD,        /* that other file in the first chunks; their states are right for it, all that follow are those of the genuine file */
	CLAIM_SIZE,        /* the genuine file, said to be a byte longer */
};

struct claim {
	struct digest digest; /* of the genuine file */
	uint64_t size;        /* as it is told */
	struct chain chain;
	uint8_t *bytes;       /* mapped, private */
	size_t mapped;
};

/* `which`: the chunk that is wrong, or how many are (HEAD). */
enum err claim_open(const char *path, enum claim_kind kind, uint64_t which, struct claim *ret_claim, struct why *why) LARDER_MUST_USE;
void claim_close(struct claim *claim);

#endif
