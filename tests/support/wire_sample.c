#include "support/wire_sample.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) {literal, sizeof literal - 1}
#define RUN4(a) a, a + 1, a + 2, a + 3
#define RUN16(a) RUN4(a), RUN4(a + 4), RUN4(a + 8), RUN4(a + 12)
#define RUN32(a) RUN16(a), RUN16(a + 16)

static const uint8_t dialer_seed[32] = {RUN32(0x00)}, listener_seed[32] = {RUN32(0x20)};
static const struct tag tags[] = {{{RUN16(0xa0)}}, {{RUN16(0xb0)}}};
static const uint8_t found[] = {WIRE_FOUND_WHOLE, WIRE_FOUND_NONE};
static const uint8_t state[SHA256_LEN] = {RUN32(0x60)};
static const uint8_t cursor[] = {0x0a, 0x0b};
static const struct digest digest = {DIGEST_SHA256, {RUN32(0xe0)}};
static struct wire_page page;

static void must_succeed(bool holds)
{
	if (!holds)
		abort();
}

static void fill_hello(struct wire_hello *hello)
{
	uint8_t secret[crypto_sign_SECRETKEYBYTES];

	*hello = (struct wire_hello){.version = 1, .lowest = 1, .nonce = {RUN32(0x40)}, .epoch = 0x1122334455667788, .generation = 5, .name = TEXT("lab1"), .port = 5273,
		.software = TEXT("larder 0.1.0"), .group = {RUN4(0xc0), RUN4(0xc4)}};
	crypto_sign_seed_keypair(hello->node_key, secret, dialer_seed);
}

static void fill_welcome(struct wire_hello *welcome)
{
	uint8_t secret[crypto_sign_SECRETKEYBYTES], text[WIRE_WELCOME_SIGNED];
	struct wire_hello hello;

	fill_hello(&hello);
	*welcome = (struct wire_hello){.version = 1, .lowest = 1, .nonce = {RUN32(0x80)}, .epoch = 0x99aabbccddeeff00, .generation = 0, .name = TEXT("b\xc3\xbcro"), .port = 5273,
		.software = TEXT("larder 0.1.0"), .group = {RUN4(0xc0), RUN4(0xc4)}};
	crypto_sign_seed_keypair(welcome->node_key, secret, listener_seed);
	wire_welcome_signed_bytes(&hello, welcome, text);
	crypto_sign_detached(welcome->signature, NULL, text, sizeof text, secret);
}

static void fill_names(struct wire_names *names)
{
	struct wire_entry entry = {TEXT("org/name"), TEXT("0123456789abcdef0123456789abcdef01234567"), TEXT("dir/model.safetensors"), 3000000, digest};

	page.len = page.count = 0;
	must_succeed(wire_page_add(&page, &entry, NULL) == ERR_OK);
	*names = (struct wire_names){.entries = {page.bytes, page.len}, .count = page.count, .next = {cursor, sizeof cursor}};
}

static const struct wire_message plain[] = {
	{.type = WIRE_BYE, .bye = {WIRE_BYE_GOING, TEXT("restart")}},
	{.type = WIRE_PING, .request = 1000},
	{.type = WIRE_PONG, .request = 1000},
	{.type = WIRE_HOLDINGS, .holdings = {.generation = 5, .part = 0, .is_last = true, .tags = {tags, 2}}},
	{.type = WIRE_HAVE, .have = {.generation = 6, .added = {tags, 1}, .removed = {tags + 1, 1}}},
	{.type = WIRE_RESYNC},
	{.type = WIRE_FIND, .request = 7, .find = {{tags, 2}}},
	{.type = WIRE_FOUND, .request = 7, .found = {{found, sizeof found}}},
	{.type = WIRE_CHAIN, .request = 8, .chain = {.digest = {DIGEST_SHA256, {RUN32(0xe0)}}, .from = 2, .count = 8192}},
	{.type = WIRE_STATES, .request = 8, .states = {.size = 3000000, .from = 2}, .bulk = {state, sizeof state}},
	{.type = WIRE_CHUNK, .request = 9, .chunk = {.digest = {DIGEST_SHA256, {RUN32(0xe0)}}, .size = 3000000, .index = 2}},
	{.type = WIRE_PIECE, .request = 9, .piece = {.offset = 262144, .length = 902848}, .bulk = {state, sizeof state}},
	{.type = WIRE_NO, .request = 9, .no = WIRE_NO_NOT_HELD},
	{.type = WIRE_REJECT, .reject = {.digest = {DIGEST_SHA256, {RUN32(0xe0)}}, .index = 2}},
	{.type = WIRE_CANCEL, .request = 9},
	{.type = WIRE_LIST, .request = 10, .list = {{NULL, 0}}},
};

static const struct wire_message last[] = {
	{.type = WIRE_REACH, .request = 11},
	{.type = WIRE_REACHED, .request = 11, .reached = WIRE_REACHED_NOBODY},
	{.type = WIRE_BULK_OFFER, .bulk_offer = {.port = 5275, .ticket = {RUN16(0xd0)}, .random = {RUN32(0x90)}, .cipher = WIRE_CIPHER_AES_256_GCM}},
	{.type = WIRE_BULK_ACCEPT, .bulk_accept = {.ticket = {RUN16(0xd0)}, .random = {RUN32(0x10)}, .cipher = WIRE_CIPHER_AES_256_GCM}},
};

static const struct wire_message peers = {.type = WIRE_PEERS, .peers = {.count = 2, .addresses = {
	{.family = 4, .bytes = {192, 168, 1, 20}, .port = 5273},
	{.family = 6, .bytes = {0xfd, [15] = 1}, .port = 5273},
}}};

/* Some numbers between the last ones are kept for later. */
enum wire_type wire_sample_type(unsigned number)
{
	return number < WIRE_REACHED ? (enum wire_type)(number + 1) : (enum wire_type)(WIRE_BULK_OFFER + number - WIRE_REACHED);
}

void wire_sample(unsigned number, struct wire_message *ret_message)
{
	must_succeed(number < WIRE_SAMPLES && sodium_init() >= 0);
	*ret_message = (struct wire_message){.type = WIRE_HELLO};
	if (number == 0) {
		fill_hello(&ret_message->hello);
	} else if (number == 1) {
		ret_message->type = WIRE_WELCOME;
		fill_welcome(&ret_message->hello);
	} else if (number == 18) {
		*ret_message = (struct wire_message){.type = WIRE_NAMES, .request = 10};
		fill_names(&ret_message->names);
	} else {
		*ret_message = number > 19 ? last[number - 20] : number == 19 ? peers : plain[number - 2];
	}
	must_succeed(ret_message->type == wire_sample_type(number));
}

/* --- comparing */

static bool same_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static bool same_text(struct wire_text a, struct wire_text b) { return same_bytes(a.at, a.len, b.at, b.len); }
static bool same(struct wire_bytes a, struct wire_bytes b) { return same_bytes(a.at, a.len, b.at, b.len); }
static bool same_tags(struct wire_tags a, struct wire_tags b) { return same_bytes(a.at, a.count * TAG_LEN, b.at, b.count * TAG_LEN); }

static bool same_hello(const struct wire_hello *a, const struct wire_hello *b)
{
	return a->version == b->version && a->lowest == b->lowest && a->epoch == b->epoch && a->generation == b->generation && a->port == b->port &&
	       memcmp(a->node_key, b->node_key, sizeof a->node_key) == 0 && memcmp(a->nonce, b->nonce, sizeof a->nonce) == 0 && same_text(a->name, b->name) &&
	       same_text(a->software, b->software) && memcmp(a->group, b->group, sizeof a->group) == 0 && memcmp(a->signature, b->signature, sizeof a->signature) == 0;
}

static bool same_peers(const struct wire_peers *a, const struct wire_peers *b)
{
	for (uint32_t i = 0; i < a->count && i < b->count; i++) {
		const struct wire_address *one = &a->addresses[i], *other = &b->addresses[i];
		if (one->family != other->family || one->port != other->port || memcmp(one->bytes, other->bytes, sizeof one->bytes) != 0)
			return false;
	}
	return a->count == b->count;
}

static bool same_holdings(const struct wire_holdings *a, const struct wire_holdings *b)
{
	return a->generation == b->generation && a->part == b->part && a->is_last == b->is_last && same_tags(a->tags, b->tags);
}

static bool same_have(const struct wire_have *a, const struct wire_have *b)
{
	return a->generation == b->generation && same_tags(a->added, b->added) && same_tags(a->removed, b->removed);
}

static bool same_offer(const struct wire_bulk_offer *a, const struct wire_bulk_offer *b)
{
	return a->port == b->port && a->cipher == b->cipher && memcmp(a->ticket, b->ticket, sizeof a->ticket) == 0 && memcmp(a->random, b->random, sizeof a->random) == 0;
}

static bool same_accept(const struct wire_bulk_accept *a, const struct wire_bulk_accept *b)
{
	return a->cipher == b->cipher && memcmp(a->ticket, b->ticket, sizeof a->ticket) == 0 && memcmp(a->random, b->random, sizeof a->random) == 0;
}

static bool same_fields(const struct wire_message *a, const struct wire_message *b)
{
	switch (a->type) {
	case WIRE_HELLO:
	case WIRE_WELCOME:
		return same_hello(&a->hello, &b->hello);
	case WIRE_BYE:
		return a->bye.reason == b->bye.reason && same_text(a->bye.text, b->bye.text);
	case WIRE_HOLDINGS:
		return same_holdings(&a->holdings, &b->holdings);
	case WIRE_HAVE:
		return same_have(&a->have, &b->have);
	case WIRE_FIND:
		return same_tags(a->find.tags, b->find.tags);
	case WIRE_FOUND:
		return same(a->found.found, b->found.found);
	case WIRE_CHAIN:
		return digest_equal(&a->chain.digest, &b->chain.digest) && a->chain.from == b->chain.from && a->chain.count == b->chain.count;
	case WIRE_STATES:
		return a->states.size == b->states.size && a->states.from == b->states.from;
	case WIRE_CHUNK:
		return digest_equal(&a->chunk.digest, &b->chunk.digest) && a->chunk.size == b->chunk.size && a->chunk.index == b->chunk.index;
	case WIRE_PIECE:
		return a->piece.offset == b->piece.offset && a->piece.length == b->piece.length;
	case WIRE_NO:
		return a->no == b->no;
	case WIRE_REJECT:
		return digest_equal(&a->reject.digest, &b->reject.digest) && a->reject.index == b->reject.index;
	case WIRE_LIST:
		return same(a->list.cursor, b->list.cursor);
	case WIRE_NAMES:
		return a->names.count == b->names.count && same(a->names.entries, b->names.entries) && same(a->names.next, b->names.next);
	case WIRE_BULK_OFFER:
		return same_offer(&a->bulk_offer, &b->bulk_offer);
	case WIRE_BULK_ACCEPT:
		return same_accept(&a->bulk_accept, &b->bulk_accept);
	case WIRE_PEERS:
		return same_peers(&a->peers, &b->peers);
	case WIRE_REACHED:
		return a->reached == b->reached;
	default:
		return true;
	}
}

bool wire_sample_equal(const struct wire_message *a, const struct wire_message *b)
{
	return a->type == b->type && a->request == b->request && same(a->bulk, b->bulk) && same_fields(a, b);
}
