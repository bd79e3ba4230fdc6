#include "support/fake_peers.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

/* An answer that comes with the next turn of the loop. */
struct answer {
	struct list link;
	struct peer_ask *ask;
	enum err err;
	bool is_drip; /* a byte, and another one later */
};

static struct fake_peers *of(const struct peers *peers) { return (struct fake_peers *)(uintptr_t)peers; }
struct peers *fake_peers_as_peers(struct fake_peers *fake) { return (struct peers *)(void *)fake; }

static struct fake_peer *find(const struct peers *peers, uint64_t id)
{
	return id >= 1 && id <= of(peers)->count ? &of(peers)->each[id - 1] : NULL;
}

/* False: it is not wanted any more. */
static bool drip(struct fake_peers *fake, struct answer *answer)
{
	if (!answer->ask)
		return false;
	list_append(&fake->answers, &answer->link);
	answer->ask->on_bytes(answer->ask, 1);
	(void)!loop_timer_start(fake->loop, &fake->timer, 1);
	return true;
}

static void on_timer(struct loop_timer *timer)
{
	struct fake_peers *fake = container_of(timer, struct fake_peers, timer);
	struct list now;

	list_init(&now);
	list_each_safe(at, &fake->answers) {
		list_remove(at);
		list_append(&now, at);
	}
	while (!list_is_empty(&now)) {
		struct answer *answer = container_of(now.next, struct answer, link);
		struct peer_ask *ask = answer->ask;
		list_remove(&answer->link);
		if (answer->is_drip && drip(fake, answer))
			continue;
		if (ask) {
			if (ask->asked && ask->on_bytes)
				ask->on_bytes(ask, ask->asked);
			ask->peer = NULL;
			ask->on_done(ask, answer->err);
		}
		free(answer);
	}
}

void fake_peers_init(struct fake_peers *fake)
{
	list_init(&fake->answers);
	fake->timer = (struct loop_timer){.fire = on_timer};
}

void fake_peers_release(struct fake_peers *fake)
{
	loop_timer_cancel(fake->loop, &fake->timer);
	list_each_safe(at, &fake->answers)
		free(container_of(at, struct answer, link));
}

static enum err answer_later(struct peers *peers, struct peer_ask *ask, enum err err)
{
	struct answer *answer = calloc(1, sizeof *answer);

	answer->ask = ask;
	answer->err = err;
	ask->peer = (void *)answer; /* so that it can be taken back */
	list_append(&of(peers)->answers, &answer->link);
	return loop_timer_start(of(peers)->loop, &of(peers)->timer, 1);
}

static enum err drip_later(struct peers *peers, struct peer_ask *ask)
{
	enum err err = answer_later(peers, ask, ERR_OK);

	container_of(of(peers)->answers.prev, struct answer, link)->is_drip = true;
	return err;
}

size_t peers_holders(struct peers *peers, const struct digest *digest, uint64_t *ret_ids, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < of(peers)->count && count < room; i++)
		if (digest_equal(&of(peers)->each[i].digest, digest) && !of(peers)->each[i].is_gone)
			ret_ids[count++] = i + 1;
	return count;
}

bool peers_is_behind(const struct peers *peers, uint64_t id)
{
	(void)peers, (void)id;
	return false;
}

bool peers_has_record(const struct peers *peers, uint64_t id)
{
	return find(peers, id)->good_bytes > 0;
}

static void chain_of(const struct fake_peers *fake, const struct fake_peer *peer, struct chain *ret_chain)
{
	struct sha256_state before;

	assert_int_equal(chain_init(ret_chain, peer->size), ERR_OK);
	for (uint64_t i = 0; i < ret_chain->count; i++) {
		before = chain_state_before(ret_chain, i);
		chain_advance(fake->engine, peer->size, i, &before, peer->data + i * CHAIN_CHUNK, CHAIN_CHUNK, ret_chain->states[i]);
	}
}

enum err peers_ask_chain(struct peers *peers, uint64_t id, const struct digest *digest, uint64_t size, struct peer_ask *ask)
{
	struct fake_peer *peer = find(peers, id);

	(void)digest;
	(void)size;
	if (peer->is_gone)
		return ERR_CUT;
	if (peer->way == FAKE_NOT_HELD)
		return answer_later(peers, ask, ERR_NOT_FOUND);
	peer->chains_sent++;
	chain_of(of(peers), peer, &ask->chain);
	return answer_later(peers, ask, ERR_OK);
}

enum err peers_ask_state(struct peers *peers, uint64_t id, const struct digest *digest, uint64_t index, struct peer_ask *ask)
{
	struct fake_peer *peer = find(peers, id);
	struct chain chain;

	(void)digest;
	if (peer->way == FAKE_NOT_HELD)
		return answer_later(peers, ask, ERR_NOT_FOUND);
	ask->size = peer->size;
	chain_of(of(peers), peer, &chain);
	if (index > 0 && index <= chain.count)
		memcpy(ask->state, chain.states[index - 1], SHA256_LEN);
	chain_release(&chain);
	return answer_later(peers, ask, ERR_OK);
}

enum err peers_ask_chunk(struct peers *peers, uint64_t id, const struct digest *digest, uint64_t size, struct chunk *chunk, struct peer_ask *ask)
{
	struct fake_peer *peer = find(peers, id);

	(void)digest;
	(void)size;
	if (peer->way == FAKE_GOES && peer->chunks_sent >= 2)
		peer->is_gone = true;
	if (peer->is_gone)
		return ERR_CUT;
	if (peer->way == FAKE_SILENT)
		return ERR_OK;
	if (peer->way == FAKE_NOT_HELD)
		return answer_later(peers, ask, ERR_NOT_FOUND);
	if (peer->way == FAKE_DRIPS)
		return drip_later(peers, ask);
	peer->chunks_sent++;
	memcpy(chunk->data, peer->data + chunk->index * CHAIN_CHUNK, chunk->len);
	if (peer->way == FAKE_WRONG_CHUNK && chunk->len)
		chunk->data[0] ^= 1;
	chunk->filled = chunk->len;
	ask->asked = (chunk->len - (chunk->len > 0)) / WIRE_PIECE_MAX * WIRE_PIECE_MAX; /* of the pieces before the last one */
	return answer_later(peers, ask, ERR_OK);
}

void peers_ask_cancel(struct peer_ask *ask)
{
	struct answer *answer = (void *)ask->peer;

	if (answer)
		answer->ask = NULL;
	ask->peer = NULL;
}

void peers_judge(struct peers *peers, uint64_t id, enum peer_verdict verdict, const struct digest *digest, uint64_t index, const char *reason)
{
	(void)digest;
	(void)index;
	assert_non_null(reason);
	find(peers, id)->verdict = verdict;
}

void peers_credit(struct peers *peers, uint64_t id, uint64_t good_bytes, uint64_t wasted_bytes)
{
	(void)wasted_bytes;
	find(peers, id)->good_bytes += good_bytes;
}
