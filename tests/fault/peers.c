#include "peers.h"

#include <string.h>

#define FALSE_INDEX 1

static enum err make_chain(const struct sha256_engine *engine, uint64_t size, const uint8_t *data, struct chain *ret_chain)
{
	struct chain chain;
	enum err err = chain_init(&chain, size);

	for (uint64_t i = 0; !err && i < chain.count; i++) {
		struct sha256_state before = chain_state_before(&chain, i);
		chain_advance(engine, size, i, &before, data + chain_chunk_offset(i), chain_chunk_len(size, i), chain.states[i]);
	}
	if (!err)
		*ret_chain = chain;
	return err;
}

/* The first chunk once more, as if it were the second. */
static void falsify(const struct sha256_engine *engine, const uint8_t *data, struct chain *chain)
{
	struct sha256_state before;

	memset(chain->states[FALSE_INDEX - 1], 0x5a, SHA256_LEN);
	before = chain_state_before(chain, FALSE_INDEX);
	chain_advance(engine, chain->size, FALSE_INDEX, &before, data, CHAIN_CHUNK, chain->states[FALSE_INDEX]);
}

static enum err put(struct partial *partial, const struct chain *chain, const struct digest *digest, uint64_t index, const uint8_t *data,
		    uint64_t *kept, struct why *why)
{
	struct partial_item item = {.index = index, .data = data};
	enum err err;

	if (index > 0)
		memcpy(item.before, chain->states[index - 1], SHA256_LEN);
	memcpy(item.after, chain_state_after(chain, digest, index), SHA256_LEN);
	err = partial_put_many(partial, &item, 1, why);
	if (!err && item.answer == PARTIAL_KEPT)
		++*kept;
	return err;
}

static enum err tell_a_story(struct partial *partial, const struct sha256_engine *engine, const struct digest *digest,
			     const uint8_t *data, struct why *why)
{
	uint64_t kept = 0;
	struct chain chain;
	enum err err = make_chain(engine, partial_size(partial), data, &chain);

	if (err)
		return why_set(why, err, "out of memory");
	falsify(engine, data, &chain);
	/* It may contradict what is here from a life before. */
	if (partial_suggest(partial, &chain, NULL, NULL) == ERR_OK)
		err = put(partial, &chain, digest, FALSE_INDEX, data, &kept, why);
	chain_release(&chain);
	return err;
}

enum err peers_put(struct partial *partial, const struct sha256_engine *engine, const struct digest *digest, const uint8_t *data,
		   uint64_t count, uint64_t *ret_put, struct why *why)
{
	uint64_t size = partial_size(partial);
	struct chain chain = {0};
	enum err err = ERR_OK;

	*ret_put = 0;
	if (partial_have_bytes(partial) == 0)
		err = tell_a_story(partial, engine, digest, data, why);
	if (!err)
		err = make_chain(engine, size, data, &chain);
	if (!err)
		err = partial_suggest(partial, &chain, NULL, why);
	for (uint64_t i = partial_chunks(partial); !err && i-- > 0 && *ret_put < count;)
		err = put(partial, &chain, digest, i, data + chain_chunk_offset(i), ret_put, why);
	chain_release(&chain);
	return err;
}
