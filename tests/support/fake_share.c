#include "support/fake_share.h"

#include "base/list.h"

uint64_t share_generation(const struct share *share) { return share->generation; }

const struct share_set *share_hold(struct share *share)
{
	share->holds++;
	share->set.generation = share->generation;
	return &share->set;
}

void share_let_go(const struct share_set *set)
{
	if (set)
		container_of((uintptr_t)set, struct share, set)->holds--;
}

const struct share_change *share_change_after(const struct share *share, uint64_t generation)
{
	const struct share_change *change = &share->changes[(generation + 1) % FAKE_CHANGES];

	return change->generation == generation + 1 ? change : NULL;
}

void fake_share_add(struct share *share, const struct tag *tag)
{
	share->generation++;
	share->changes[share->generation % FAKE_CHANGES] = (struct share_change){share->generation, {tag, 1}, {NULL, 0}};
}
