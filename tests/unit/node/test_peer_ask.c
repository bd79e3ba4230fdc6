#include "support/cmocka.h"
#include "support/peer_pair.h"

#include <stdlib.h>
#include <string.h>

static const struct digest some_digest = {DIGEST_SHA256, {1, 2, 3}};

static void answer_states(struct side *to, uint64_t request, uint64_t size, uint64_t from, uint64_t count)
{
	static uint8_t states[WIRE_STATES_MAX][SHA256_LEN];

	for (uint64_t i = 0; i < count; i++)
		memcpy(states[i], &(uint64_t){from + i}, sizeof(uint64_t));
	side_tell(to, &(struct wire_message){.type = WIRE_STATES, .request = request, .states = {size, from},
					     .bulk = {count ? states[0] : NULL, count * SHA256_LEN}});
}

static void a_long_chain_comes_in_parts(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_make();
	uint64_t chunks = WIRE_STATES_MAX + 11, size = chunks * CHAIN_CHUNK - 1, last = chunks - 1, found;

	pair_meet(pair);
	assert_int_equal(peer_ask_chain(&pair->dialer.peer, &some_digest, size, &asking.ask), ERR_OK);
	assert_int_equal(side_count(&pair->dialer, WIRE_CHAIN), 1);
	answer_states(&pair->dialer, asking.ask.request, size, 1, WIRE_STATES_MAX);
	assert_int_equal(asking.dones, 0);
	assert_int_equal(side_count(&pair->dialer, WIRE_CHAIN), 2);
	answer_states(&pair->dialer, asking.ask.request, size, WIRE_STATES_MAX + 1, 10);
	assert_int_equal(asking.dones, 1);
	assert_int_equal(asking.err, ERR_OK);
	assert_int_equal(asking.ask.chain.count, last);
	memcpy(&found, asking.ask.chain.states[last - 1], sizeof found);
	assert_int_equal(found, last);
	assert_int_equal(pair->dialer.peer.asked, 0);
	chain_release(&asking.ask.chain);
}

static void a_chain_of_another_size_is_nonsense(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_make();

	pair_meet(pair);
	assert_int_equal(peer_ask_chain(&pair->dialer.peer, &some_digest, 3 * CHAIN_CHUNK, &asking.ask), ERR_OK);
	answer_states(&pair->dialer, asking.ask.request, 4 * CHAIN_CHUNK, 1, 2);
	assert_int_equal(asking.err, ERR_INVALID);
	assert_null(asking.ask.chain.states);
	assert_int_equal(peer_ask_chain(&pair->dialer.peer, &some_digest, 3 * CHAIN_CHUNK, &asking.ask), ERR_OK);
	answer_states(&pair->dialer, asking.ask.request, 3 * CHAIN_CHUNK, 1, 1);
	assert_int_equal(asking.dones, 2);
	assert_int_equal(asking.err, ERR_INVALID);
	assert_int_equal(pair->dialer.peer.state, PEER_READY);
}

static void a_size_and_a_state_can_be_asked(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_make();
	uint64_t found;

	pair_meet(pair);
	assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, 0, &asking.ask), ERR_OK);
	answer_states(&pair->dialer, asking.ask.request, 5 * CHAIN_CHUNK, 1, 0);
	assert_int_equal(asking.dones, 1);
	assert_int_equal(asking.err, ERR_OK);
	assert_int_equal(asking.ask.size, 5 * CHAIN_CHUNK);
	assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, 4, &asking.ask), ERR_OK);
	answer_states(&pair->dialer, asking.ask.request, 5 * CHAIN_CHUNK, 4, 1);
	assert_int_equal(asking.err, ERR_OK);
	memcpy(&found, asking.ask.state, sizeof found);
	assert_int_equal(found, 4);
	assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, 4, &asking.ask), ERR_OK);
	answer_states(&pair->dialer, asking.ask.request, 5 * CHAIN_CHUNK, 3, 1);
	assert_int_equal(asking.err, ERR_INVALID);
}

#define PIECE 1000

static struct chunk *some_chunk(size_t len)
{
	struct chunk *chunk = calloc(1, sizeof *chunk + len);

	list_init(&chunk->link);
	chunk->len = len;
	return chunk;
}

static void give_piece(struct side *to, uint64_t request, size_t offset, size_t len, size_t of)
{
	static uint8_t bytes[WIRE_PIECE_MAX];

	memset(bytes, (int)(offset / PIECE + 1), len);
	side_tell(to, &(struct wire_message){.type = WIRE_PIECE, .request = request, .piece = {(uint32_t)offset, (uint32_t)of}, .bulk = {bytes, len}});
}

static void a_chunk_comes_in_pieces(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_make();
	struct chunk *chunk = some_chunk(2 * PIECE + 1);

	pair_meet(pair);
	assert_int_equal(peer_ask_chunk(&pair->dialer.peer, &some_digest, chunk->len, chunk, &asking.ask), ERR_OK);
	give_piece(&pair->dialer, asking.ask.request, 0, PIECE, chunk->len);
	give_piece(&pair->dialer, asking.ask.request + 1, 0, PIECE, chunk->len);
	give_piece(&pair->dialer, asking.ask.request, PIECE, PIECE, chunk->len);
	assert_int_equal(asking.bytes, 2 * PIECE);
	assert_int_equal(asking.dones, 0);
	give_piece(&pair->dialer, asking.ask.request, 2 * PIECE, 1, chunk->len);
	assert_int_equal(asking.dones, 1);
	assert_int_equal(asking.err, ERR_OK);
	assert_int_equal(asking.bytes, 2 * PIECE);
	assert_int_equal(chunk->data[0], 1);
	assert_int_equal(chunk->data[2 * PIECE - 1], 2);
	assert_int_equal(chunk->data[2 * PIECE], 3);
	free(chunk);
}

static void pieces_in_disorder_are_a_broken_rule(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_make();
	struct chunk *chunk = some_chunk(2 * PIECE);

	pair_meet(pair);
	assert_int_equal(peer_ask_chunk(&pair->dialer.peer, &some_digest, chunk->len, chunk, &asking.ask), ERR_OK);
	give_piece(&pair->dialer, asking.ask.request, PIECE, PIECE, chunk->len);
	assert_int_equal(pair->dialer.peer.bye_sent, WIRE_BYE_BROKEN);
	assert_int_equal(asking.err, ERR_CUT);
	free(chunk);
}

static void a_piece_larger_than_its_chunk_is_a_broken_rule(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_make();
	struct chunk *chunk = some_chunk(PIECE);
	static uint8_t bytes[2 * PIECE];
	/* As no honest writer writes it: {0: 14, 1: request, 2: 0, 3: PIECE}. */
	uint8_t piece[] = {0xa4, 0, 14, 1, 0, 2, 0, 3, 0x19, PIECE >> 8, PIECE & 0xff};

	pair_meet(pair);
	assert_int_equal(peer_ask_chunk(&pair->dialer.peer, &some_digest, chunk->len, chunk, &asking.ask), ERR_OK);
	piece[4] = (uint8_t)asking.ask.request;
	peer_on_message(&pair->dialer.peer, piece, sizeof piece, bytes, sizeof bytes);
	assert_int_equal(pair->dialer.peer.bye_sent, WIRE_BYE_BROKEN);
	assert_int_equal(asking.err, ERR_CUT);
	free(chunk);
}

static void a_chunk_of_another_length_is_nonsense(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_make();
	struct chunk *chunk = some_chunk(PIECE);

	pair_meet(pair);
	assert_int_equal(peer_ask_chunk(&pair->dialer.peer, &some_digest, 0, chunk, &asking.ask), ERR_OK);
	give_piece(&pair->dialer, asking.ask.request, 0, PIECE, 2 * PIECE);
	assert_int_equal(asking.err, ERR_INVALID);
	assert_int_equal(side_count(&pair->dialer, WIRE_CANCEL), 1);
	assert_int_equal(pair->dialer.peer.state, PEER_READY);
	free(chunk);
}

static void questions_find_and_list(void **state)
{
	struct pair *pair = *state;
	struct asking find = asking_make(), list = asking_make();
	struct tag *tags = tags_make(3);

	pair_meet(pair);
	assert_int_equal(peer_ask_find(&pair->dialer.peer, tags, 3, &find.ask), ERR_OK);
	assert_int_equal(peer_ask_list(&pair->dialer.peer, (struct wire_bytes){NULL, 0}, &list.ask), ERR_OK);
	side_carry(&pair->dialer, &pair->listener);
	assert_int_equal(pair->listener.questions, 2);
	assert_int_equal(pair->listener.question, WIRE_LIST);
	side_tell(&pair->dialer, &(struct wire_message){.type = WIRE_NAMES, .request = list.ask.request});
	assert_int_equal(list.err, ERR_OK);
	assert_int_equal(list.dones, 1);
	side_tell(&pair->dialer, &(struct wire_message){.type = WIRE_FOUND, .request = find.ask.request, .found = {{(const uint8_t *)"\2\0\1", 3}}});
	assert_int_equal(find.err, ERR_OK);
	assert_memory_equal(find.ask.found, "\2\0\1", 3);
	assert_int_equal(peer_ask_find(&pair->dialer.peer, tags, 3, &find.ask), ERR_OK);
	side_tell(&pair->dialer, &(struct wire_message){.type = WIRE_FOUND, .request = find.ask.request, .found = {{(const uint8_t *)"\2\0", 2}}});
	assert_int_equal(find.err, ERR_INVALID);
	free(tags);
}

static void no_says_why(void **state)
{
	static const enum err errs[] = {[WIRE_NO_NOT_HELD] = ERR_NOT_FOUND, [WIRE_NO_BUSY] = ERR_BUSY, [WIRE_NO_TOO_MUCH] = ERR_LIMIT,
					[WIRE_NO_DAMAGED] = ERR_UNPROVEN};
	struct pair *pair = *state;

	pair_meet(pair);
	for (unsigned no = WIRE_NO_NOT_HELD; no <= WIRE_NO_DAMAGED; no++) {
		struct asking asking = asking_make();
		assert_int_equal(peer_ask_chain(&pair->dialer.peer, &some_digest, 3 * CHAIN_CHUNK, &asking.ask), ERR_OK);
		side_tell(&pair->dialer, &(struct wire_message){.type = WIRE_NO, .request = asking.ask.request, .no = (enum wire_no)no});
		assert_int_equal(asking.dones, 1);
		assert_int_equal(asking.err, errs[no]);
	}
}

static void an_answer_of_the_wrong_kind_is_a_broken_rule(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_make();

	pair_meet(pair);
	assert_int_equal(peer_ask_list(&pair->dialer.peer, (struct wire_bytes){NULL, 0}, &asking.ask), ERR_OK);
	give_piece(&pair->dialer, asking.ask.request, 0, PIECE, PIECE);
	assert_int_equal(pair->dialer.peer.bye_sent, WIRE_BYE_BROKEN);
	assert_int_equal(asking.err, ERR_CUT);
	assert_int_equal(asking.dones, 1);
}

static void a_question_can_be_taken_back(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_make();
	uint64_t request;

	pair_meet(pair);
	assert_int_equal(peer_ask_chain(&pair->dialer.peer, &some_digest, 3 * CHAIN_CHUNK, &asking.ask), ERR_OK);
	request = asking.ask.request;
	peer_ask_cancel(&asking.ask);
	peer_ask_cancel(&asking.ask);
	assert_int_equal(side_count(&pair->dialer, WIRE_CANCEL), 1);
	answer_states(&pair->dialer, request, 3 * CHAIN_CHUNK, 1, 2);
	assert_int_equal(asking.dones, 0);
	assert_null(asking.ask.chain.states);
	assert_int_equal(pair->dialer.peer.asked, 0);
}

static void open_questions_are_bounded(void **state)
{
	struct pair *pair = *state;
	struct asking asking[WIRE_ASKED_MAX + 1];

	pair_meet(pair);
	for (size_t i = 0; i <= WIRE_ASKED_MAX; i++) {
		asking[i] = asking_make();
		assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, 1, &asking[i].ask), i < WIRE_ASKED_MAX ? ERR_OK : ERR_LIMIT);
	}
	peer_release(&pair->dialer.peer);
	for (size_t i = 0; i <= WIRE_ASKED_MAX; i++)
		assert_int_equal(asking[i].dones, i < WIRE_ASKED_MAX ? 1 : 0);
}

static void what_cannot_be_asked_is_not(void **state)
{
	struct pair *pair = *state;
	struct asking asking = asking_make();
	struct chunk *chunk = some_chunk(PIECE);

	assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, 1, &asking.ask), ERR_CUT);
	pair_meet(pair);
	assert_int_equal(peer_ask_state(&pair->dialer.peer, &some_digest, WIRE_CHUNKS_MAX, &asking.ask), ERR_INVALID);
	assert_int_equal(peer_ask_chain(&pair->dialer.peer, &some_digest, CHAIN_MAX_BLOB + 1, &asking.ask), ERR_INVALID);
	assert_int_equal(peer_ask_chunk(&pair->dialer.peer, &some_digest, PIECE + 1, chunk, &asking.ask), ERR_INVALID);
	assert_int_equal(peer_ask_find(&pair->dialer.peer, NULL, 0, &asking.ask), ERR_INVALID);
	assert_int_equal(pair->dialer.peer.asked, 0);
	free(chunk);
}

static void addresses_and_rejects_arrive(void **state)
{
	struct pair *pair = *state;
	struct wire_peers addresses = {.count = 1, .addresses = {{4, {10, 0, 0, 1}, 5273}}};

	pair_meet(pair);
	peer_tell_addresses(&pair->dialer.peer, &addresses);
	peer_reject(&pair->dialer.peer, &some_digest, 3);
	side_carry(&pair->dialer, &pair->listener);
	assert_int_equal(pair->listener.addresses, 1);
	assert_int_equal(pair->listener.question, WIRE_REJECT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_long_chain_comes_in_parts), test(a_chain_of_another_size_is_nonsense), test(a_size_and_a_state_can_be_asked),
		test(a_chunk_comes_in_pieces), test(pieces_in_disorder_are_a_broken_rule), test(a_piece_larger_than_its_chunk_is_a_broken_rule),
		test(a_chunk_of_another_length_is_nonsense), test(questions_find_and_list), test(no_says_why),
		test(an_answer_of_the_wrong_kind_is_a_broken_rule), test(a_question_can_be_taken_back), test(open_questions_are_bounded),
		test(what_cannot_be_asked_is_not), test(addresses_and_rejects_arrive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
