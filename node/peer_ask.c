#include "node/peer_private.h"

#include <string.h>

enum kind { KIND_CHAIN, KIND_STATE, KIND_CHUNK, KIND_FIND, KIND_LIST, KIND_REACH };

/* Give it a number and a place in the list. */
static enum err open_ask(struct peer *peer, struct peer_ask *ask, enum kind kind)
{
	if (peer->state != PEER_READY)
		return ERR_CUT;
	if (peer->asked >= WIRE_ASKED_MAX)
		return ERR_LIMIT;
	peer_note_busy(peer);
	ask->kind = (int)kind;
	ask->peer = peer;
	ask->request = peer->next_request++;
	list_append(&peer->asks, &ask->link);
	peer->asked++;
	return ERR_OK;
}

static void close_ask(struct peer_ask *ask)
{
	list_remove(&ask->link);
	ask->peer->asked--;
	ask->peer = NULL;
}

static void finish(struct peer_ask *ask, enum err err)
{
	close_ask(ask);
	if (err)
		chain_release(&ask->chain);
	ask->on_done(ask, err);
}

static void send_cancel(struct peer *peer, uint64_t request)
{
	peer_post(peer, &(struct wire_message){.type = WIRE_CANCEL, .request = request});
}

/* What came makes no sense, and more of it may be on its way. */
static void give_up(struct peer_ask *ask)
{
	send_cancel(ask->peer, ask->request);
	finish(ask, ERR_INVALID);
}

void peer_ask_cancel(struct peer_ask *ask)
{
	struct peer *peer = ask->peer;

	if (!peer)
		return;
	close_ask(ask);
	chain_release(&ask->chain);
	if (peer->state == PEER_READY)
		send_cancel(peer, ask->request);
}

void peer_end_asks(struct peer *peer)
{
	while (!list_is_empty(&peer->asks))
		finish(container_of(peer->asks.next, struct peer_ask, link), ERR_CUT);
}

/* --- asking */

/* The states from ask->asked on, of which there are ask->wanted in all. */
static void ask_states(struct peer_ask *ask)
{
	uint64_t left = ask->wanted - ask->asked;
	struct wire_message message = {.type = WIRE_CHAIN, .request = ask->request, .chain = {
		.digest = ask->digest,
		.from = ask->asked + 1,
		.count = (uint32_t)(left < WIRE_STATES_MAX ? left : WIRE_STATES_MAX),
	}};

	peer_post(ask->peer, &message);
}

enum err peer_ask_chain(struct peer *peer, const struct digest *digest, uint64_t size, struct peer_ask *ask)
{
	struct chain chain;
	enum err err = chain_init(&chain, size);

	if (err)
		return err == ERR_LIMIT ? ERR_INVALID : err;
	err = open_ask(peer, ask, KIND_CHAIN);
	if (err) {
		chain_release(&chain);
		return err;
	}
	ask->chain = chain;
	ask->digest = *digest;
	ask->asked = 0;
	ask->wanted = chain.count;
	ask_states(ask);
	return ERR_OK;
}

enum err peer_ask_state(struct peer *peer, const struct digest *digest, uint64_t index, struct peer_ask *ask)
{
	enum err err;

	if (index >= WIRE_CHUNKS_MAX)
		return ERR_INVALID;
	err = open_ask(peer, ask, KIND_STATE);
	if (err)
		return err;
	ask->digest = *digest;
	ask->asked = index ? index - 1 : 0;
	ask->wanted = index;
	ask_states(ask);
	return ERR_OK;
}

enum err peer_ask_chunk(struct peer *peer, const struct digest *digest, uint64_t size, struct chunk *chunk, struct peer_ask *ask)
{
	struct wire_message message = {.type = WIRE_CHUNK, .chunk = {*digest, size, chunk->index}};
	enum err err;

	if (size > CHAIN_MAX_BLOB || chunk->len == 0 || (size && chunk->len != chain_chunk_len(size, chunk->index)))
		return ERR_INVALID;
	err = open_ask(peer, ask, KIND_CHUNK);
	if (err)
		return err;
	ask->chunk = chunk;
	chunk->filled = 0;
	message.request = ask->request;
	peer_post(peer, &message);
	return ERR_OK;
}

enum err peer_ask_find(struct peer *peer, const struct tag *tags, size_t count, struct peer_ask *ask)
{
	struct wire_message message = {.type = WIRE_FIND, .find = {{tags, count}}};
	enum err err;

	if (count == 0 || count > WIRE_FIND_MAX)
		return ERR_INVALID;
	err = open_ask(peer, ask, KIND_FIND);
	if (err)
		return err;
	ask->wanted = count;
	message.request = ask->request;
	peer_post(peer, &message);
	return ERR_OK;
}

enum err peer_ask_list(struct peer *peer, struct wire_bytes cursor, struct peer_ask *ask)
{
	struct wire_message message = {.type = WIRE_LIST, .list = {cursor}};
	enum err err;

	if (cursor.len > WIRE_CURSOR_MAX)
		return ERR_INVALID;
	err = open_ask(peer, ask, KIND_LIST);
	if (err)
		return err;
	message.request = ask->request;
	peer_post(peer, &message);
	return ERR_OK;
}

enum err peer_ask_reach(struct peer *peer, struct peer_ask *ask)
{
	enum err err = open_ask(peer, ask, KIND_REACH);

	if (!err)
		peer_post(peer, &(struct wire_message){.type = WIRE_REACH, .request = ask->request});
	return err;
}

void peer_reject(struct peer *peer, const struct digest *digest, uint64_t index)
{
	if (peer->state == PEER_READY && index < WIRE_CHUNKS_MAX)
		peer_post(peer, &(struct wire_message){.type = WIRE_REJECT, .reject = {*digest, index}});
}

/* --- answers */

/* The next part of a chain gets a number of its own: an answer is for one question. */
static void on_chain_part(struct peer_ask *ask, const struct wire_states *states, struct wire_bytes bulk)
{
	uint64_t left = ask->wanted - ask->asked, count = left < WIRE_STATES_MAX ? left : WIRE_STATES_MAX;

	if (states->size != ask->chain.size || states->from != ask->asked + 1 || bulk.len != count * SHA256_LEN) {
		finish(ask, ERR_INVALID);
		return;
	}
	if (count)
		memcpy(ask->chain.states + ask->asked, bulk.at, bulk.len);
	ask->asked += count;
	if (ask->asked == ask->wanted) {
		finish(ask, ERR_OK);
		return;
	}
	ask->request = ask->peer->next_request++;
	ask_states(ask);
}

static void on_one_state(struct peer_ask *ask, const struct wire_states *states, struct wire_bytes bulk)
{
	size_t len = ask->wanted ? SHA256_LEN : 0;

	if (bulk.len != len || (len && states->from != ask->wanted)) {
		finish(ask, ERR_INVALID);
		return;
	}
	if (len)
		memcpy(ask->state, bulk.at, len);
	ask->size = states->size;
	finish(ask, ERR_OK);
}

static void on_states(struct peer_ask *ask, const struct wire_message *message)
{
	if (ask->kind == KIND_CHAIN)
		on_chain_part(ask, &message->states, message->bulk);
	else
		on_one_state(ask, &message->states, message->bulk);
}

static void on_piece(struct peer_ask *ask, const struct wire_message *message)
{
	struct chunk *chunk = ask->chunk;
	struct peer *peer = ask->peer;
	size_t len = message->bulk.len;

	if (message->piece.length != chunk->len) {
		give_up(ask);
		return;
	}
	if (message->piece.offset != chunk->filled || len == 0 || len > chunk->len - chunk->filled) {
		peer_end(peer, WIRE_BYE_BROKEN, "a PIECE which does not follow the one before");
		return;
	}
	memcpy(chunk->data + chunk->filled, message->bulk.at, len);
	chunk->filled += len;
	if (chunk->filled == chunk->len)
		finish(ask, ERR_OK);
	else if (ask->on_bytes)
		ask->on_bytes(ask, len);
}

static void on_found(struct peer_ask *ask, const struct wire_message *message)
{
	if (message->found.found.len != ask->wanted) {
		finish(ask, ERR_INVALID);
		return;
	}
	memcpy(ask->found, message->found.found.at, ask->wanted);
	finish(ask, ERR_OK);
}

static void on_names(struct peer_ask *ask, const struct wire_message *message)
{
	ask->names = &message->names;
	finish(ask, ERR_OK);
}

static void on_reached(struct peer_ask *ask, const struct wire_message *message)
{
	ask->reached = message->reached;
	finish(ask, ERR_OK);
}

static void on_no(struct peer_ask *ask, const struct wire_message *message)
{
	switch (message->no) {
	case WIRE_NO_BUSY:
		finish(ask, ERR_BUSY);
		break;
	case WIRE_NO_TOO_MUCH:
		finish(ask, ERR_LIMIT);
		break;
	case WIRE_NO_DAMAGED:
		finish(ask, ERR_UNPROVEN);
		break;
	default:
		finish(ask, ERR_NOT_FOUND);
	}
}

struct answer {
	enum wire_type type;
	unsigned kinds; /* of questions that it answers, a bit each */
	void (*take)(struct peer_ask *ask, const struct wire_message *message);
};

static const struct answer answers[] = {
	{WIRE_STATES, 1u << KIND_CHAIN | 1u << KIND_STATE, on_states}, {WIRE_PIECE, 1u << KIND_CHUNK, on_piece}, {WIRE_FOUND, 1u << KIND_FIND, on_found},
	{WIRE_NAMES, 1u << KIND_LIST, on_names}, {WIRE_REACHED, 1u << KIND_REACH, on_reached}, {WIRE_NO, ~0u, on_no},
};

void peer_on_answer(struct peer *peer, const struct wire_message *message)
{
	struct peer_ask *ask = NULL;

	list_each(at, &peer->asks)
		if (container_of(at, struct peer_ask, link)->request == message->request)
			ask = container_of(at, struct peer_ask, link);
	if (!ask)
		return;
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
		if (answers[i].type == message->type && (answers[i].kinds & 1u << ask->kind)) {
			answers[i].take(ask, message);
			return;
		}
	peer_end(peer, WIRE_BYE_BROKEN, "%s is no answer to what was asked", wire_type_name(message->type));
}
