#include "node/sizing.h"

#include <stdlib.h>
#include <string.h>

enum step { STEP_NEW, STEP_SIZE, STEP_CLAIMS, STEP_STATE, STEP_HAS_STATE, STEP_CHUNK, STEP_OUT };

struct teller {
	uint64_t id;
	bool is_used;
	enum step step;
	int64_t asked_ms;
	uint64_t size; /* once it has told it */
	uint8_t state[SHA256_LEN];
};

struct sizing {
	struct teller tellers[SIZING_PEERS];
	int64_t deadline_ms;
	bool is_settled;
	uint64_t size;
};

struct sizing *sizing_create(void)
{
	struct sizing *sizing = calloc(1, sizeof *sizing);

	if (sizing)
		sizing->deadline_ms = INT64_MAX;
	return sizing;
}

void sizing_destroy(struct sizing *sizing)
{
	free(sizing);
}

static struct teller *find(struct sizing *sizing, uint64_t id)
{
	for (size_t i = 0; i < SIZING_PEERS; i++)
		if (sizing->tellers[i].is_used && sizing->tellers[i].id == id)
			return &sizing->tellers[i];
	return NULL;
}

void sizing_add(struct sizing *sizing, uint64_t id)
{
	if (find(sizing, id))
		return;
	for (size_t i = 0; i < SIZING_PEERS; i++)
		if (!sizing->tellers[i].is_used) {
			sizing->tellers[i] = (struct teller){.id = id, .is_used = true};
			return;
		}
}

void sizing_remove(struct sizing *sizing, uint64_t id)
{
	sizing_failed(sizing, id);
}

/* --- answers */

void sizing_size(struct sizing *sizing, uint64_t id, uint64_t size)
{
	struct teller *teller = find(sizing, id);

	if (!teller || teller->step != STEP_SIZE)
		return;
	teller->size = size;
	teller->step = size <= CHAIN_MAX_BLOB ? STEP_CLAIMS : STEP_OUT;
}

void sizing_state(struct sizing *sizing, uint64_t id, const uint8_t state[SHA256_LEN])
{
	struct teller *teller = find(sizing, id);

	if (!teller || teller->step != STEP_STATE)
		return;
	memcpy(teller->state, state, SHA256_LEN);
	teller->step = STEP_HAS_STATE;
}

void sizing_checked(struct sizing *sizing, uint64_t id, bool holds)
{
	struct teller *teller = find(sizing, id);

	if (!teller || teller->step != STEP_CHUNK)
		return;
	teller->step = STEP_OUT;
	if (!holds)
		return;
	sizing->is_settled = true;
	sizing->size = teller->size;
}

void sizing_failed(struct sizing *sizing, uint64_t id)
{
	struct teller *teller = find(sizing, id);

	if (teller)
		teller->step = STEP_OUT;
}

bool sizing_before(const struct sizing *sizing, uint64_t id, uint64_t *ret_size, uint8_t ret_before[SHA256_LEN])
{
	for (size_t i = 0; i < SIZING_PEERS; i++) {
		const struct teller *teller = &sizing->tellers[i];
		if (!teller->is_used || teller->id != id || teller->step != STEP_CHUNK)
			continue;
		*ret_size = teller->size;
		memcpy(ret_before, teller->state, SHA256_LEN);
		return true;
	}
	return false;
}

/* --- what to do */

static bool waits(const struct teller *teller)
{
	return teller->is_used && (teller->step == STEP_SIZE || teller->step == STEP_STATE || teller->step == STEP_CHUNK);
}

static int64_t deadline_of(const struct teller *teller, int64_t now_ms)
{
	if (waits(teller))
		return teller->asked_ms + SIZING_WAIT_MS;
	return teller->is_used && teller->step == STEP_CLAIMS ? now_ms + SIZING_AGAIN_MS / 4 : INT64_MAX;
}

static void drop_late(struct sizing *sizing, int64_t now_ms)
{
	for (size_t i = 0; i < SIZING_PEERS; i++)
		if (waits(&sizing->tellers[i]) && now_ms - sizing->tellers[i].asked_ms >= SIZING_WAIT_MS)
			sizing->tellers[i].step = STEP_OUT;
}

static bool is_proving(const struct teller *teller)
{
	return teller->is_used && (teller->step == STEP_STATE || teller->step == STEP_HAS_STATE || teller->step == STEP_CHUNK);
}

/* A second peer proves the same size when the first takes long: it may be lying, or just slow. */
static bool may_prove(const struct sizing *sizing, const struct teller *teller, int64_t now_ms)
{
	unsigned proving = 0, same = 0;

	for (size_t i = 0; i < SIZING_PEERS; i++) {
		const struct teller *other = &sizing->tellers[i];
		if (!is_proving(other))
			continue;
		proving++;
		same += other->size == teller->size;
		if (other->size == teller->size && now_ms - other->asked_ms < SIZING_AGAIN_MS)
			return false;
	}
	return same < SIZING_ASKED && proving < SIZING_PROVING;
}

static bool ask(struct teller *teller, enum step step, enum sizing_what what, int64_t now_ms, struct sizing_task *ret_task)
{
	teller->step = step;
	teller->asked_ms = now_ms;
	*ret_task = (struct sizing_task){.what = what, .peer = teller->id};
	if (what != SIZING_ASK_SIZE) {
		ret_task->size = teller->size;
		ret_task->index = chain_chunk_count(teller->size) - 1;
	}
	return true;
}

static bool next_of(struct sizing *sizing, struct teller *teller, int64_t now_ms, struct sizing_task *ret_task)
{
	if (teller->step == STEP_NEW)
		return ask(teller, STEP_SIZE, SIZING_ASK_SIZE, now_ms, ret_task);
	if (teller->step == STEP_HAS_STATE)
		return ask(teller, STEP_CHUNK, SIZING_ASK_CHUNK, now_ms, ret_task);
	if (teller->step != STEP_CLAIMS || !may_prove(sizing, teller, now_ms))
		return false;
	if (chain_chunk_count(teller->size) == 1)
		return ask(teller, STEP_CHUNK, SIZING_ASK_CHUNK, now_ms, ret_task);
	return ask(teller, STEP_STATE, SIZING_ASK_STATE, now_ms, ret_task);
}

bool sizing_next(struct sizing *sizing, int64_t now_ms, struct sizing_task *ret_task)
{
	drop_late(sizing, now_ms);
	sizing->deadline_ms = INT64_MAX;
	for (size_t i = 0; i < SIZING_PEERS && !sizing->is_settled; i++) {
		struct teller *teller = &sizing->tellers[i];
		if (teller->is_used && next_of(sizing, teller, now_ms, ret_task))
			return true;
		if (deadline_of(teller, now_ms) < sizing->deadline_ms)
			sizing->deadline_ms = deadline_of(teller, now_ms);
	}
	return false;
}

int64_t sizing_deadline_ms(const struct sizing *sizing)
{
	return sizing->deadline_ms;
}

bool sizing_is_settled(const struct sizing *sizing, uint64_t *ret_size)
{
	if (sizing->is_settled)
		*ret_size = sizing->size;
	return sizing->is_settled;
}

bool sizing_is_hopeless(const struct sizing *sizing)
{
	if (sizing->is_settled)
		return false;
	for (size_t i = 0; i < SIZING_PEERS; i++)
		if (sizing->tellers[i].is_used && sizing->tellers[i].step != STEP_OUT)
			return false;
	return true;
}
