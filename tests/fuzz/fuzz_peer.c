/* One session, told by the input what comes and what happens: messages of all types and none, in any order, time that passes, a transport that is full, questions that are asked and
 * taken back. The first byte says which side it is, and whether it has been greeted. Whatever comes, each question ends once, bounds hold, and what has ended stays silent. */
#include "fuzz/fuzz.h"
#include "support/peer_side.h"
#include "support/wire_sample.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ASKS 80
#define CHUNK_LEN 700
#define TAGS_MAX 64

struct input {
	const uint8_t *at;
	size_t left;
};

struct asking {
	struct peer_ask ask;
	struct chunk *chunk;
	bool is_open;
};

struct world {
	struct group group;
	struct side side, other;
	int64_t now_us;
	struct input input;
	struct asking asks[ASKS];
	unsigned ask_count;
};

static struct log silence;
static struct tag tags[TAGS_MAX];
static const struct digest digest = {DIGEST_SHA256, {1, 2, 3}};

static unsigned take(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->at++;
}

/* --- the two keys, made once for all inputs */

static struct identity *make_identity(void)
{
	char dir[] = "/tmp/fuzz_peer_XXXXXX", path[64];
	struct identity *identity;

	must(mkdtemp(dir));
	must(identity_open(dir, "/dev/null", &silence, &identity, NULL) == ERR_OK);
	snprintf(path, sizeof path, "%s/node.key", dir);
	unlink(path);
	rmdir(dir);
	return identity;
}

static const struct identity *identity_of(unsigned which)
{
	static struct identity *identities[2];

	if (!identities[which])
		identities[which] = make_identity();
	return identities[which];
}

/* --- questions */

static void on_done(struct peer_ask *ask, enum err err)
{
	struct asking *asking = container_of(ask, struct asking, ask);

	must(asking->is_open);
	asking->is_open = false;
	must(err == ERR_OK || !ask->chain.states);
	must(!asking->chunk || err || asking->chunk->filled == asking->chunk->len);
	chain_release(&ask->chain);
}

static void on_bytes(struct peer_ask *ask, size_t len)
{
	struct asking *asking = container_of(ask, struct asking, ask);

	must(asking->is_open && len > 0 && asking->chunk->filled < asking->chunk->len);
}

static enum err put(struct world *world, struct asking *asking, unsigned kind)
{
	struct peer *peer = &world->side.peer;
	unsigned number = take(&world->input);

	switch (kind % 5) {
	case 0:
		return peer_ask_chain(peer, &digest, (uint64_t)number * CHAIN_CHUNK * 100 + 1, &asking->ask);
	case 1:
		return peer_ask_state(peer, &digest, number % 4, &asking->ask);
	case 2:
		asking->chunk = calloc(1, sizeof *asking->chunk + CHUNK_LEN);
		must(asking->chunk);
		list_init(&asking->chunk->link);
		asking->chunk->len = number % CHUNK_LEN + 1;
		return peer_ask_chunk(peer, &digest, 0, asking->chunk, &asking->ask);
	case 3:
		return peer_ask_find(peer, tags, number % TAGS_MAX + 1, &asking->ask);
	default:
		return peer_ask_list(peer, (struct wire_bytes){NULL, 0}, &asking->ask);
	}
}

static void ask(struct world *world)
{
	struct asking *asking = &world->asks[world->ask_count];

	if (world->ask_count == ASKS)
		return;
	world->ask_count++;
	*asking = (struct asking){.ask = {.on_done = on_done, .on_bytes = on_bytes}, .is_open = true};
	if (put(world, asking, take(&world->input)) != ERR_OK)
		asking->is_open = false;
}

static struct asking *some_ask(struct world *world)
{
	unsigned number = take(&world->input);

	return world->ask_count ? &world->asks[number % world->ask_count] : NULL;
}

static void cancel(struct world *world)
{
	struct asking *asking = some_ask(world);

	if (!asking)
		return;
	peer_ask_cancel(&asking->ask);
	asking->is_open = false;
}

/* --- messages */

static void tell_raw(struct world *world)
{
	static const uint8_t bulk[UINT8_MAX];
	size_t len = take(&world->input), bulk_len = take(&world->input);

	if (len > world->input.left)
		len = world->input.left;
	peer_on_message(&world->side.peer, world->input.at, len, bulk, bulk_len);
	world->input.at += len;
	world->input.left -= len;
}

/* A message as it should be, perhaps for one of our questions. */
static void tell_sample(struct world *world)
{
	struct wire_message message;
	struct asking *asking;

	wire_sample(take(&world->input) % WIRE_SAMPLES, &message);
	asking = some_ask(world);
	if (asking && message.request)
		message.request = asking->ask.request;
	side_tell(&world->side, &message);
}

static void tell_piece(struct world *world)
{
	static const uint8_t bytes[CHUNK_LEN];
	struct asking *asking = some_ask(world);
	size_t len = take(&world->input), offset = take(&world->input);

	if (!asking || !asking->chunk || len == 0)
		return;
	offset += asking->chunk->filled - (offset ? 1 : 0);
	if (offset + len > asking->chunk->len)
		len = offset < asking->chunk->len ? asking->chunk->len - offset : 1;
	if (offset + len > CHUNK_LEN)
		return;
	side_tell(&world->side, &(struct wire_message){.type = WIRE_PIECE, .request = asking->ask.request, .bulk = {bytes, len},
		.piece = {(uint32_t)offset, (uint32_t)(asking->chunk->len < offset + len ? offset + len : asking->chunk->len)}});
}

static void tell_states(struct world *world)
{
	static const uint8_t states[WIRE_STATES_MAX * SHA256_LEN];
	struct asking *asking = some_ask(world);
	uint64_t chunks, left;

	if (!asking || !asking->is_open || asking->chunk)
		return;
	chunks = asking->ask.chain.size ? chain_chunk_count(asking->ask.chain.size) : 4;
	left = chunks - 1 - (asking->ask.asked < chunks ? asking->ask.asked : chunks - 1);
	if (left > WIRE_STATES_MAX)
		left = WIRE_STATES_MAX;
	if (take(&world->input) == 1)
		left = left ? 1 : 0;
	side_tell(&world->side, &(struct wire_message){.type = WIRE_STATES, .request = asking->ask.request, .bulk = {left ? states : NULL, left * SHA256_LEN},
		.states = {asking->ask.chain.size ? asking->ask.chain.size : chunks * CHAIN_CHUNK, asking->ask.asked + 1}});
}

static void tell_holdings(struct world *world)
{
	unsigned how = take(&world->input);
	size_t first = take(&world->input) % TAGS_MAX, count = take(&world->input) % (TAGS_MAX - first + 1);
	struct wire_tags some = {count ? tags + first : NULL, count}, none = {NULL, 0};
	uint64_t generation = take(&world->input) % 8 + 1;

	if (how & 1)
		side_tell(&world->side, &(struct wire_message){.type = WIRE_HOLDINGS, .holdings = {generation, how >> 2 & 3, how & 2, some}});
	else
		side_tell(&world->side, &(struct wire_message){.type = WIRE_HAVE, .have = {generation, how & 2 ? some : none, how & 2 ? none : some}});
}

/* --- what else happens */

static void pass(struct world *world)
{
	unsigned steps = take(&world->input);

	world->now_us += (int64_t)steps * steps * 1000;
	peer_on_time(&world->side.peer);
}

static void fill_or_drain(struct world *world)
{
	unsigned how = take(&world->input);

	world->side.is_full = how & 1;
	world->side.is_cut = how == 2;
	if (!world->side.is_full)
		peer_on_writable(&world->side.peer);
}

static void change_share(struct world *world)
{
	fake_share_add(&world->side.share, &tags[world->side.share.generation % TAGS_MAX]);
	if (take(&world->input) & 1)
		peer_tell_share(&world->side.peer);
}

static void carry(struct world *world)
{
	side_carry_one(&world->side, &world->other);
	side_carry_one(&world->other, &world->side);
}

static void probe(struct world *world) { peer_probe(&world->side.peer); }

static void (*const acts[])(struct world *world) = {
	tell_raw, tell_sample, tell_piece, tell_states, tell_holdings, ask, cancel, pass, fill_or_drain, change_share, carry, probe,
};

static void check(const struct world *world)
{
	const struct peer *peer = &world->side.peer;
	unsigned open = 0;

	for (unsigned i = 0; i < world->ask_count; i++)
		open += world->asks[i].is_open;
	must(open == peer->asked && open <= WIRE_ASKED_MAX);
	must(peer->queue.len <= PEER_QUEUE_BYTES);
	must(peer->state == PEER_ENDED ? peer->why.text[0] != 0 : peer_deadline_ms(peer) < INT64_MAX);
	must(peer->is_dialed || world->side.admits <= 1);
}

static void begin(struct world *world, unsigned how)
{
	unsigned which = how & 1;

	group_init_open(&world->group);
	world->now_us = 1000000000;
	side_init(&world->side, identity_of(which), &world->group, 1, &world->now_us);
	side_init(&world->other, identity_of(!which), &world->group, 2, &world->now_us);
	world->side.share.set.tags = (struct wire_tags){tags, 2};
	if (which) {
		side_dial(&world->side);
		side_take(&world->other, &world->side);
	} else {
		side_dial(&world->other);
		side_take(&world->side, &world->other);
	}
	if (how & 2)
		side_carry(&world->side, &world->other);
	if (how & 4)
		side_forget(&world->other);
}

static void end(struct world *world)
{
	side_release(&world->side);
	side_release(&world->other);
	for (unsigned i = 0; i < world->ask_count; i++) {
		must(!world->asks[i].is_open);
		free(world->asks[i].chunk);
	}
	must(world->side.share.holds == 0);
	group_release(&world->group);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world world;

	for (size_t i = 0; i < TAGS_MAX; i++)
		tags[i] = (struct tag){{(uint8_t)(i >> 4), (uint8_t)i}};
	world = (struct world){.input = {data, size}};
	begin(&world, take(&world.input));
	while (world.input.left) {
		acts[take(&world.input) % (sizeof acts / sizeof acts[0])](&world);
		check(&world);
	}
	end(&world);
	return 0;
}
