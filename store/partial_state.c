/* The states between the chunks of a partial blob: what they rest on, and how they change. */
#include "store/partial_private.h"

#include <string.h>

uint64_t partial_prefix(const struct partial *partial) { return partial->prefix; }
uint64_t partial_anchored_from(const struct partial *partial) { return partial->anchored_from; }
uint64_t partial_forgotten(const struct partial *partial) { return partial->forgotten; }
bool partial_is_overruled(const struct partial *partial) { return partial->overruled; }
const struct chain *partial_chain(const struct partial *partial) { return &partial->chain; }

const uint8_t *partial_state(const struct partial *partial, uint64_t index)
{
	if (index == 0 || index >= partial->chunks || !(partial->flags[index - 1] & JOURNAL_STATE))
		return NULL;
	return partial->chain.states[index - 1];
}

bool partial_is_founded(const struct partial *partial, uint64_t index)
{
	while (index > partial->prefix && !partial_is_proven(partial, index)) {
		if (!partial_believes(partial, index - 1))
			return false;
		index--;
	}
	return true;
}

void partial_forget_chunk(struct partial *partial, uint64_t index)
{
	if (!partial_has(partial, index))
		return;
	partial->flags[index] &= (uint8_t)~(JOURNAL_HAVE | JOURNAL_BELIEVED);
	partial->have_chunks--;
	partial->forgotten++;
	partial->have_bytes -= chain_chunk_len(partial->size, index);
	if (partial->prefix > index)
		partial->prefix = index;
	if (partial->anchored_from <= index)
		partial->anchored_from = index + 1;
}

void partial_change_state(struct partial *partial, uint64_t index, const uint8_t *state)
{
	const uint8_t *known = partial_state(partial, index);

	if ((!known && !state) || (known && state && memcmp(known, state, SHA256_LEN) == 0))
		return;
	partial_forget_chunk(partial, index - 1);
	partial_forget_chunk(partial, index);
	partial->flags[index - 1] = state ? JOURNAL_STATE : 0;
	if (state)
		memcpy(partial->chain.states[index - 1], state, SHA256_LEN);
}

enum err partial_suggest(struct partial *partial, const struct chain *chain, uint64_t *ret_index, struct why *why)
{
	bool founded = true;

	if (chain->size != partial->size)
		return why_set(why, ERR_INVALID, "a chain for %llu bytes does not fit a blob of %llu bytes", (unsigned long long)chain->size,
			       (unsigned long long)partial->size);
	for (uint64_t i = partial->chunks - 1; i > 0; i--)
		if (partial_is_firm(partial, i) && memcmp(partial->chain.states[i - 1], chain->states[i - 1], SHA256_LEN) != 0) {
			if (ret_index)
				*ret_index = i;
			return why_set(why, ERR_UNPROVEN, "a chain contradicts what is known of it at chunk %llu", (unsigned long long)i);
		}
	for (uint64_t i = 1; i < partial->chunks && i < partial->anchored_from; i++) {
		founded = partial_is_proven(partial, i) || (founded && partial_believes(partial, i - 1));
		if (!founded)
			partial_change_state(partial, i, chain->states[i - 1]);
	}
	partial->overruled = false;
	return ERR_OK;
}
