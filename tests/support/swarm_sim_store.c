#include "support/swarm_sim_store.h"

#include <string.h>

void sim_label(unsigned file, uint64_t index, uint8_t ret[SHA256_LEN])
{
	memset(ret, 0, SHA256_LEN);
	memcpy(ret, &index, sizeof index);
	ret[SHA256_LEN - 1] = (uint8_t)file;
}

unsigned sim_label_file(const uint8_t label[SHA256_LEN])
{
	return label[SHA256_LEN - 1];
}

void sim_store_init(struct sim_store *store, uint64_t chunks, uint64_t prefix, unsigned file)
{
	*store = (struct sim_store){.chunks = chunks};
	for (uint64_t i = 0; i <= chunks; i++)
		store->states[i] = SIM_NOBODY;
	for (uint64_t i = 0; i < chunks; i++)
		store->held[i] = SIM_NOBODY;
	for (uint64_t i = 0; i < prefix; i++) {
		store->held[i] = file;
		store->believed[i] = true;
		store->states[i + 1] = file;
	}
}

uint64_t sim_store_prefix(const struct sim_store *store)
{
	uint64_t i = 0;

	while (i < store->chunks && store->held[i] != SIM_NOBODY && store->believed[i])
		i++;
	return i;
}

uint64_t sim_store_first_missing(const struct sim_store *store)
{
	uint64_t i = 0;

	while (i < store->chunks && store->held[i] != SIM_NOBODY)
		i++;
	return i;
}

uint64_t sim_store_anchored_from(const struct sim_store *store)
{
	uint64_t i = store->chunks;

	while (i > 0 && store->held[i - 1] != SIM_NOBODY)
		i--;
	return i;
}

/* Chunk `index` of `file` leads from S(index) of that file to S(index + 1) of it; S(0) is the same for all, H is the right one's. */
static bool leads(const struct sim_store *store, unsigned file, uint64_t index, unsigned before, unsigned after)
{
	return (index == 0 || before == file) && (index + 1 == store->chunks ? file == SIM_RIGHT : after == file);
}

static void change_state(struct sim_store *store, uint64_t index, unsigned file)
{
	if (store->states[index] == file)
		return;
	store->states[index] = file;
	store->held[index] = SIM_NOBODY;
	store->held[index - 1] = SIM_NOBODY;
}

enum partial_answer sim_store_put(struct sim_store *store, unsigned file, uint64_t index, unsigned before, unsigned after)
{
	uint64_t anchored = sim_store_anchored_from(store);

	if (!leads(store, file, index, before, after))
		return PARTIAL_WRONG;
	if (store->held[index] != SIM_NOBODY)
		return PARTIAL_HAD;
	if (index + 1 < store->chunks && store->states[index + 1] != after)
		return PARTIAL_UNWANTED;
	if (index > 0 && store->states[index] != before && index + 1 != anchored)
		return PARTIAL_UNWANTED;
	if (index > 0)
		change_state(store, index, before);
	store->held[index] = file;
	store->believed[index] = false;
	return PARTIAL_KEPT;
}

static void forget_claims(struct sim_store *store)
{
	uint64_t anchored = sim_store_anchored_from(store);

	for (uint64_t i = sim_store_prefix(store) + 1; i < anchored; i++)
		change_state(store, i, SIM_NOBODY);
	store->overruled = true;
}

/* From the hub: what it is computed on from may be false, and then so is the state after it. */
void sim_store_put_believed(struct sim_store *store, uint64_t index)
{
	uint64_t anchored = sim_store_anchored_from(store), known = sim_store_prefix(store);
	unsigned before = index == 0 ? SIM_RIGHT : store->states[index], after = before == SIM_RIGHT ? SIM_RIGHT : SIM_NONSENSE;
	bool is_last = index + 1 == store->chunks, holds;

	if (store->held[index] != SIM_NOBODY || before == SIM_NOBODY)
		return;
	holds = is_last ? after == SIM_RIGHT : store->states[index + 1] == SIM_NOBODY || store->states[index + 1] == after;
	if (!holds && index + 1 >= anchored && index == known) {
		for (uint64_t i = 1; i <= index; i++)
			change_state(store, i, SIM_NOBODY);
		return;
	}
	if (!holds)
		forget_claims(store);
	if (!holds && index != known)
		return;
	store->held[index] = SIM_RIGHT;
	store->believed[index] = true;
	if (!is_last)
		store->states[index + 1] = after;
}

enum err sim_store_suggest(struct sim_store *store, const struct chain *chain, uint64_t *ret_index)
{
	uint64_t anchored = sim_store_anchored_from(store), known = sim_store_prefix(store);

	for (uint64_t i = store->chunks - 1; i > 0 && i >= anchored; i--)
		if (sim_label_file(chain->states[i - 1]) != store->states[i]) {
			*ret_index = i;
			return ERR_UNPROVEN;
		}
	for (uint64_t i = known + 1; i < anchored; i++)
		change_state(store, i, sim_label_file(chain->states[i - 1]));
	store->overruled = false;
	return ERR_OK;
}
