#include "net/liar.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define GARBAGE_MAX 4096
#define GARBAGE_EACH 50 /* messages in a session, of which the first one usually ends it */
#define MANY_TAGS 999999

static void hold_nothing(struct session *session, const struct wire_message *message)
{
	session_send_no(session, message->request, WIRE_NO_NOT_HELD);
}

static void be_busy(struct session *session, const struct wire_message *message)
{
	session_send_no(session, message->request, WIRE_NO_BUSY);
}

static void say_nothing(struct session *session, const struct wire_message *message)
{
	(void)session;
	(void)message;
}

/* Its second piece does not follow the first one. */
static void leave_gaps(struct session *session, const struct wire_message *message)
{
	const struct claim *claim = &session->liar->claim;
	size_t length = chain_chunk_len(claim->chain.size, message->chunk.index);

	for (uint32_t offset = 0; offset + 1 < length && offset < 4; offset += 2)
		session_send(session, &(struct wire_message){.type = WIRE_PIECE, .request = message->request, .piece = {offset, (uint32_t)length},
							     .bulk = {claim->bytes, 1}});
}

/* --- nonsense */

static uint8_t draw(struct liar *liar, uint8_t *ret_bytes, size_t len)
{
	uint8_t seed[randombytes_SEEDBYTES] = {0}, kind;

	memcpy(seed, &liar->step, sizeof liar->step);
	liar->step++;
	randombytes_buf_deterministic(ret_bytes, len, seed);
	kind = ret_bytes[len - 1];
	return kind;
}

/* A message that would be right, for others: the examples take turns. */
static size_t write_example(struct session *session, uint8_t kind, uint8_t control[WIRE_CONTROL_MAX])
{
	const struct liar *liar = session->liar;
	const struct wire_message examples[] = {
		{.type = WIRE_HELLO, .hello = session->hello},
		{.type = WIRE_STATES, .request = kind, .states = {liar->claim.size, 1}},
		{.type = WIRE_PIECE, .request = kind, .piece = {0, 1}, .bulk = {(const uint8_t *)"x", 1}},
		{.type = WIRE_CHUNK, .request = kind, .chunk = {liar->claim.digest, liar->claim.chain.size, 0}},
		{.type = WIRE_HAVE, .have = {2, {liar->tags, 1}, {liar->tags, 1}}},
		{.type = WIRE_HOLDINGS, .holdings = {7, 3, false, {liar->tags, 1}}},
		{.type = WIRE_FIND, .request = kind, .find = {{liar->tags, 1}}},
		{.type = WIRE_PEERS, .peers = {{{4, {10, 0, 0, kind}, 5273}}, 1}},
	};
	size_t len;

	if (wire_encode(&examples[kind % (sizeof examples / sizeof examples[0])], control, WIRE_CONTROL_MAX, &len, NULL) != ERR_OK)
		abort();
	return len;
}

static void talk_nonsense(struct session *session)
{
	static uint8_t random[GARBAGE_MAX], control[WIRE_CONTROL_MAX];

	for (int i = 0; i < GARBAGE_EACH; i++) {
		uint8_t kind = draw(session->liar, random, sizeof random);
		size_t len = kind % 2 ? (size_t)random[1] * 16 : write_example(session, kind / 2, control);
		if (kind % 2)
			memcpy(control, random, len);
		for (size_t k = 0; kind % 4 == 2 && k < 3; k++)
			control[random[k] % len] ^= random[k + 3];
		if (!session_send_bytes(session, control, len))
			return;
	}
}

/* --- far too much */

static bool send_one_more(struct session *session, uint64_t number)
{
	const struct liar *liar = session->liar;
	const struct wire_message messages[] = {
		{.type = WIRE_PING, .request = number},
		{.type = WIRE_FIND, .request = number, .find = {{liar->tags, 1}}},
		{.type = WIRE_LIST, .request = number},
		{.type = WIRE_CHAIN, .request = number, .chain = {liar->claim.digest, 1, WIRE_STATES_MAX}},
		{.type = WIRE_CHUNK, .request = number, .chunk = {liar->claim.digest, liar->claim.chain.size, 0}},
		{.type = WIRE_RESYNC},
		{.type = WIRE_REJECT, .reject = {liar->claim.digest, 0}},
	};

	return session_send(session, &messages[number % (sizeof messages / sizeof messages[0])]);
}

static void flood(struct session *session)
{
	struct liar *liar = session->liar;

	while (session->is_ready && send_one_more(session, liar->step))
		if (++liar->step % 100000 == 0)
			liar_tell(session, "flooded", ", \"messages\": %llu", (unsigned long long)liar->step);
}

/* --- somebody else's words */

/* As a listener: 0: their own HELLO comes back; 1: a signature that is not one; 2: signed with the parts exchanged; 3: what another listener has said to us. */
static void greet_falsely(struct session *session, const struct wire_hello *theirs)
{
	struct wire_message welcome = {.type = WIRE_WELCOME, .hello = session->hello};
	uint8_t bytes[WIRE_WELCOME_SIGNED];
	uint64_t step = liar_next_step(session->liar, 4);

	if (step == 0)
		welcome.hello = *theirs;
	else if (step == 1)
		randombytes_buf(welcome.hello.signature, sizeof welcome.hello.signature);
	else if (step == 2) {
		wire_welcome_signed_bytes(&welcome.hello, theirs, bytes);
		identity_sign(session->liar->identity, bytes, sizeof bytes, welcome.hello.signature);
	} else
		welcome.hello = session->liar->recorded;
	liar_tell(session, "greeted", ", \"step\": %llu", (unsigned long long)step);
	session_send(session, &welcome);
}

/* As a dialer: 0: the HELLO of another; 1: a node key of nobody; 2: another group's tag; 3: no HELLO at all; 4: one for a version that is not there yet. */
static void dial_falsely(struct session *session)
{
	struct wire_message hello = {.type = WIRE_HELLO, .hello = session->hello};
	uint64_t step = liar_next_step(session->liar, 5);

	if (step == 0 && session->liar->recorded.version)
		hello.hello = session->liar->recorded;
	if (step == 1)
		randombytes_buf(hello.hello.node_key, sizeof hello.hello.node_key);
	if (step == 2)
		hello.hello.group[0] ^= 1;
	if (step == 3)
		hello = (struct wire_message){.type = WIRE_FIND, .request = 1, .find = {{session->liar->tags, 1}}};
	if (step == 4)
		hello.hello.version = hello.hello.lowest = WIRE_VERSION + 1;
	liar_tell(session, "greeted", ", \"step\": %llu", (unsigned long long)step);
	session_send(session, &hello);
}

const struct mode liar_modes[] = {
	{.name = "honest", .help = "tells the truth"},
	{.name = "wrong-chunk", .help = "a flipped byte in each chunk, or in that one", .claim = CLAIM_WRONG_CHUNK},
	{.name = "other-file", .help = "chain and chunks of another file", .claim = CLAIM_OTHER},
	{.name = "head", .help = "another file's first chunks and states, at first 2", .claim = CLAIM_HEAD},
	{.name = "wrong-size", .help = "a byte more", .claim = CLAIM_SIZE},
	{.name = "silent", .help = "the right chain, and never a chunk", .on_chunk = say_nothing},
	{.name = "silent-other", .help = "another file's chain, and never a chunk", .claim = CLAIM_OTHER, .on_chunk = say_nothing},
	{.name = "no-chain", .help = "never a chain", .on_chain = say_nothing},
	{.name = "holdings", .help = "claims to hold a million blobs, this one too, and has none", .tags = MANY_TAGS, .on_chain = hold_nothing, .on_chunk = hold_nothing},
	{.name = "busy", .help = "is always busy", .on_chunk = be_busy},
	{.name = "drip", .help = "a piece every 3 seconds", .is_dripping = true},
	{.name = "gaps", .help = "pieces that do not follow each other", .on_chunk = leave_gaps},
	{.name = "garbage", .help = "random and mutilated messages", .on_ready = talk_nonsense},
	{.name = "oversized", .help = "frames and messages beyond all limits, without end", .run = liar_run_frames},
	{.name = "flood", .help = "messages as fast as they go", .on_ready = flood, .on_room = flood},
	{.name = "replay", .help = "greets with what others have said, or with false signatures", .on_hello = greet_falsely, .dial = dial_falsely},
	{.name = "bulk", .help = "misuses the bulk connection that it is offered", .on_offer = liar_bulk_on_offer},
	{.name = "wrong-group", .help = "has the key of another group", .knows_no_group = true},
	{.name = "stall", .help = "greets, and says nothing any more", .is_mute = true},
	{0},
};
