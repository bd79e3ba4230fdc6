/* Chunks from peers, many at once. */
#include "store/partial_private.h"

#include <stdlib.h>
#include <string.h>

#define LINKS_AT_ONCE 32

/* Links to be checked, and where they come from. Highest index first, so that what is anchored by one is known at the next. */
struct batch {
	struct partial *partial;
	struct partial_item *items[LINKS_AT_ONCE];
	struct chain_link links[LINKS_AT_ONCE];
	size_t count;
};

/* Whoever is judged has a right to a second look by another kernel than the one that most of the work was done by. */
static struct sha256_engine other_engine(const struct sha256_engine *engine)
{
	const struct sha256_kernel *const *kernels = sha256_kernels(), *other = sha256_kernel_find("portable");

	for (size_t i = 0; other == engine->wide && kernels[i]; i++)
		if (kernels[i] != engine->wide && kernels[i]->is_supported())
			other = kernels[i];
	return (struct sha256_engine){.serial = other, .narrow = other, .wide = other, .narrow_max = 1};
}

static const uint8_t *after_of(const struct partial *partial, const struct partial_item *item)
{
	return item->index + 1 == partial->chunks ? partial->digest.bytes : item->after;
}

static bool add(struct batch *batch, struct partial_item *item)
{
	if (item->index >= batch->partial->chunks) {
		item->answer = PARTIAL_UNWANTED;
	} else {
		batch->items[batch->count] = item;
		batch->links[batch->count++] = (struct chain_link){item->index, item->data, item->before, after_of(batch->partial, item), false};
	}
	return batch->count == LINKS_AT_ONCE;
}

static enum err check_again(const struct batch *batch, struct chain_link *link, struct why *why)
{
	struct sha256_engine other = other_engine(store_engine(batch->partial->store));

	chain_check(&other, batch->partial->size, link, 1);
	if (!link->holds)
		return ERR_OK;
	return why_set(why, ERR_UNSUPPORTED, "the SHA-256 kernels %s and %s disagree: this processor is not to be trusted",
		       store_engine(batch->partial->store)->wide->name, other.wide->name);
}

/* A link to an anchored state that holds is anchored itself, and so is the state before it, whatever was believed until then. */
static bool fits(const struct partial *partial, const struct partial_item *item)
{
	const uint8_t *before = partial_state(partial, item->index);

	if (!partial_knows_after(partial, item->index) ||
	    memcmp(chain_state_after(&partial->chain, &partial->digest, item->index), after_of(partial, item), SHA256_LEN) != 0)
		return false;
	return partial_is_anchored(partial, item->index + 1) || item->index == 0 || (before && memcmp(before, item->before, SHA256_LEN) == 0);
}

static enum err keep(struct partial *partial, struct partial_item *item, struct why *why)
{
	enum err err;

	if (partial_has(partial, item->index)) {
		item->answer = PARTIAL_HAD;
		return ERR_OK;
	}
	if (!fits(partial, item)) {
		item->answer = PARTIAL_UNWANTED;
		return ERR_OK;
	}
	if (item->index > 0)
		partial_change_state(partial, item->index, item->before);
	err = partial_keep(partial, item->index, item->data, chain_chunk_len(partial->size, item->index), after_of(partial, item), 0, why);
	if (!err)
		item->answer = PARTIAL_KEPT;
	return err;
}

static enum err finish(struct batch *batch, struct why *why)
{
	enum err err = ERR_OK;

	chain_check(store_engine(batch->partial->store), batch->partial->size, batch->links, batch->count);
	for (size_t i = 0; !err && i < batch->count; i++) {
		if (batch->links[i].holds) {
			err = keep(batch->partial, batch->items[i], why);
		} else {
			err = check_again(batch, &batch->links[i], why);
			if (!err)
				batch->items[i]->answer = PARTIAL_WRONG;
		}
	}
	batch->count = 0;
	return err;
}

static int by_index_descending(const void *a, const void *b)
{
	const struct partial_item *left = *(struct partial_item *const *)a, *right = *(struct partial_item *const *)b;

	return (left->index < right->index) - (left->index > right->index);
}

enum err partial_put_many(struct partial *partial, struct partial_item *items, size_t count, struct why *why)
{
	struct partial_item **order = calloc(count ? count : 1, sizeof *order);
	struct batch batch = {.partial = partial};
	enum err err = ERR_OK;

	if (!order)
		return why_set(why, ERR_NO_MEMORY, "out of memory for %zu chunks", count);
	for (size_t i = 0; i < count; i++) {
		items[i].answer = PARTIAL_NOT_LOOKED_AT;
		order[i] = &items[i];
	}
	if (partial->digest.algorithm == DIGEST_NONE)
		err = why_set(why, ERR_INVALID, "chunks can be taken from peers only for a blob with a digest");
	qsort(order, count, sizeof(struct partial_item *), by_index_descending);
	for (size_t i = 0; !err && i < count; i++)
		if (add(&batch, order[i]))
			err = finish(&batch, why);
	if (!err)
		err = finish(&batch, why);
	free(order);
	return err;
}
