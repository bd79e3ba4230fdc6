/* docs/PROTOCOL.md says what the code does: its examples, types, codes and limits are compared with it. */
#include "discovery/bloom.h"
#include "discovery/note.h"
#include "node/group.h"
#include "node/identity.h"
#include "node/seal.h"
#include "node/wire.h"
#include "support/cmocka.h"
#include "support/hex.h"
#include "support/wire_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOC_MAX ((size_t)256 << 10)
#define FENCE "```"

static char doc[DOC_MAX];

static int read_doc(void **state)
{
	FILE *file = fopen(LARDER_PROTOCOL_DOC, "rb");

	(void)state;
	if (!file)
		return -1;
	doc[fread(doc, 1, sizeof doc - 1, file)] = 0;
	fclose(file);
	return 0;
}

/* The line at *at, without what is behind '#', which moves to the next. False at the end. */
static bool next_line(const char **at, char *ret, size_t room)
{
	const char *end = strchr(*at, '\n');
	size_t len = end ? (size_t)(end - *at) : strlen(*at);

	if (!**at)
		return false;
	snprintf(ret, room, "%.*s", (int)len, *at);
	ret[strcspn(ret, "#")] = 0;
	*at += len + (end != NULL);
	return true;
}

struct block {
	uint8_t frames[2][1024];
	size_t lens[2];
};

/* The example of that name; there is exactly one. */
static struct block find_block(const char *name)
{
	char start[64], line[512];
	struct block block = {0};
	const char *at;
	unsigned frame = 0;

	snprintf(start, sizeof start, "\n" FENCE "hex %s\n", name);
	at = strstr(doc, start);
	if (!at || strstr(at + 1, start))
		fail_msg("no example, or two: %s", name);
	at += strlen(start);
	while (next_line(&at, line, sizeof line) && strcmp(line, FENCE) != 0) {
		if (strcmp(line, "second frame:") == 0)
			frame = 1;
		else
			block.lens[frame] += hex_bytes(line, block.frames[frame] + block.lens[frame], sizeof block.frames[frame] - block.lens[frame]);
	}
	return block;
}

static unsigned count(const char *text)
{
	unsigned found = 0;

	for (const char *at = doc; (at = strstr(at, text)); at++)
		found++;
	return found;
}

static void examples_are_what_is_written(void **state)
{
	static uint8_t frame[WIRE_CONTROL_MAX];

	(void)state;
	for (unsigned i = 0; i < WIRE_SAMPLES; i++) {
		struct wire_message message, read;
		struct block block;
		size_t len;
		wire_sample(i, &message);
		block = find_block(wire_type_name(message.type));
		assert_int_equal(wire_encode(&message, frame, sizeof frame, &len, NULL), ERR_OK);
		if (len != block.lens[0] || memcmp(frame, block.frames[0], len) != 0)
			fail_msg("the example is not what is written: %s", wire_type_name(message.type));
		assert_int_equal(block.lens[1], message.bulk.len);
		if (block.lens[1])
			assert_memory_equal(block.frames[1], message.bulk.at, block.lens[1]);
		assert_int_equal(wire_decode(block.frames[0], block.lens[0], block.frames[1], block.lens[1], &read, NULL), ERR_OK);
		assert_true(wire_sample_equal(&message, &read));
	}
}

static void no_example_is_left_out(void **state)
{
	(void)state;
	assert_int_equal(count("\n" FENCE "hex "), WIRE_SAMPLES + 6); /* and what is signed, the node, the group, the TXT record, keys and frames of a bulk connection */
}

static void assert_block(const char *name, const uint8_t *bytes, size_t len)
{
	struct block block = find_block(name);

	assert_int_equal(block.lens[0], len);
	assert_memory_equal(block.frames[0], bytes, len);
}

static void what_is_signed_is_shown(void **state)
{
	struct wire_message hello, welcome;
	uint8_t text[WIRE_WELCOME_SIGNED];

	(void)state;
	wire_sample(0, &hello);
	wire_sample(1, &welcome);
	wire_welcome_signed_bytes(&hello.hello, &welcome.hello, text);
	assert_block("signed", text, sizeof text);
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

/* The digest of the examples, in the open group. */
static void open_group(struct group *ret_group, struct tag *ret_tag)
{
	struct wire_message chain;

	group_init_open(ret_group);
	wire_sample(WIRE_CHAIN - 1, &chain);
	group_tag(ret_group, &chain.chain.digest, ret_tag);
}

static void the_open_group_is_shown(void **state)
{
	uint8_t bytes[256], *at = bytes;
	struct group group;
	struct tag tag;

	(void)state;
	open_group(&group, &tag);
	at = put(at, group.key, sizeof group.key);
	at = put(at, group.curve_secret, sizeof group.curve_secret);
	at = put(at, group.curve_public, sizeof group.curve_public);
	at = put(at, group.tag_key, sizeof group.tag_key);
	at = put(at, group.short_tag, sizeof group.short_tag);
	at = put(at, tag.bytes, sizeof tag.bytes);
	assert_block("group", bytes, (size_t)(at - bytes));
}

/* Of the nodes of the examples, with the offer of the examples and its answer. */
static void bulk_keys(struct seal_keys *ret_keys)
{
	struct wire_message hello, welcome, offer, accept;
	struct seal_ends ends = {.dialer_key = hello.hello.node_key, .listener_key = welcome.hello.node_key, .offer = &offer.bulk_offer, .accept = &accept.bulk_accept};

	wire_sample(0, &hello);
	wire_sample(1, &welcome);
	wire_sample(WIRE_SAMPLES - 2, &offer);
	wire_sample(WIRE_SAMPLES - 1, &accept);
	ends.dialer_epoch = hello.hello.epoch;
	ends.listener_epoch = welcome.hello.epoch;
	seal_derive(&ends, ret_keys);
}

static void bulk_keys_are_shown(void **state)
{
	struct seal_keys keys;
	uint8_t bytes[2 * SEAL_KEY_LEN];

	(void)state;
	bulk_keys(&keys);
	memcpy(put(bytes, keys.to_listener, SEAL_KEY_LEN), keys.to_dialer, SEAL_KEY_LEN);
	assert_block("bulk keys", bytes, sizeof bytes);
}

static void bulk_frames_are_shown(void **state)
{
	static uint8_t frames[2 * SEAL_FRAME_MAX], control[WIRE_CONTROL_MAX];
	struct wire_message piece;
	struct seal_keys keys;
	struct seal *seal;
	size_t control_len, len, more;

	(void)state;
	bulk_keys(&keys);
	wire_sample(WIRE_PIECE - 1, &piece);
	assert_int_equal(wire_encode(&piece, control, sizeof control, &control_len, NULL), ERR_OK);
	assert_int_equal(seal_create(WIRE_CIPHER_AES_256_GCM, keys.to_dialer, false, &seal), ERR_OK);
	assert_int_equal(seal_close(seal, NULL, 0, NULL, 0, frames, &len), ERR_OK);
	assert_int_equal(seal_close(seal, control, control_len, piece.bulk.at, piece.bulk.len, frames + len, &more), ERR_OK);
	seal_destroy(seal);
	assert_block("bulk frames", frames, len + more);
}

static void a_node_is_shown(void **state)
{
	uint8_t bytes[IDENTITY_KEY_LEN + IDENTITY_KEY_LEN + IDENTITY_ID_LEN];
	struct wire_message hello;

	(void)state;
	wire_sample(0, &hello);
	memcpy(bytes, hello.hello.node_key, IDENTITY_KEY_LEN);
	assert_true(identity_curve_of(hello.hello.node_key, bytes + IDENTITY_KEY_LEN));
	identity_id_of(hello.hello.node_key, bytes + 2 * IDENTITY_KEY_LEN);
	assert_block("node", bytes, sizeof bytes);
}

static void a_join_code_is_shown(void **state)
{
	uint8_t key[GROUP_KEY_LEN];
	char code[GROUP_CODE_MAX], line[GROUP_CODE_MAX + 8];
	struct group group;

	(void)state;
	for (uint8_t i = 0; i < sizeof key; i++)
		key[i] = i;
	group_init(&group, key, false);
	snprintf(line, sizeof line, "\n    %s\n", group_code(&group, code));
	assert_int_equal(count(line), 1);
}

static void a_txt_record_is_shown(void **state)
{
	struct discovery_note note = {.version = WIRE_VERSION, .epoch = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88}, .generation = 5, .blobs = 1, .filter_len = BLOOM_MIN};
	uint8_t txt[NOTE_TXT_MAX];
	struct wire_message hello;
	struct group group;
	struct tag tag;

	(void)state;
	open_group(&group, &tag);
	wire_sample(0, &hello);
	memcpy(note.group, group.short_tag, sizeof note.group);
	identity_id_of(hello.hello.node_key, note.node);
	bloom_add(note.filter, note.filter_len, tag.bytes);
	assert_block("txt", txt, note_write(&note, txt));
}

/* A row of a table that begins like this; there is exactly one. */
static void assert_row(unsigned number, const char *name)
{
	char row[128];

	snprintf(row, sizeof row, "\n| %u | %s |", number, name);
	if (count(row) != 1)
		fail_msg("not there once: %s", row + 1);
}

static void types_and_codes_have_their_numbers(void **state)
{
	static const struct {
		unsigned number;
		const char *name;
	} rows[] = {
		{WIRE_WANT, "WANT"}, {WIRE_CLAIM, "CLAIM"}, {WIRE_PROGRESS, "PROGRESS"},
		{WIRE_BYE_GOING, "going"}, {WIRE_BYE_DUPLICATE, "duplicate"}, {WIRE_BYE_REFUSED, "refused"}, {WIRE_BYE_BROKEN, "broken"}, {WIRE_BYE_CLONE, "clone"}, {WIRE_BYE_FULL, "full"},
		{WIRE_NO_NOT_HELD, "not held"}, {WIRE_NO_BUSY, "busy"}, {WIRE_NO_TOO_MUCH, "too much"}, {WIRE_NO_DAMAGED, "damaged"},
		{WIRE_REACHED_YOU, "you"}, {WIRE_REACHED_NOBODY, "nobody"}, {WIRE_REACHED_STRANGER, "stranger"},
	};

	(void)state;
	for (unsigned i = 0; i < WIRE_SAMPLES; i++)
		assert_row(wire_sample_type(i), wire_type_name(wire_sample_type(i)));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_row(rows[i].number, rows[i].name);
}

static void the_schema_has_each_type(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WIRE_SAMPLES; i++) {
		unsigned type = wire_sample_type(i);
		char name[32], rule[64];
		snprintf(name, sizeof name, "%s", wire_type_name((enum wire_type)type));
		for (char *at = name; *at; at++)
			*at = *at == '_' ? '_' : (char)(*at | 0x20);
		snprintf(rule, sizeof rule, "\n%-8s = { 0: %u, ", name, type);
		if (count(rule) != 1)
			fail_msg("not there once: %s", rule + 1);
	}
}

static void limits_are_these(void **state)
{
	static const struct {
		const char *name;
		uint64_t value;
	} limits[] = {
#define LIMIT(name) {#name, name}
		LIMIT(WIRE_CONTROL_MAX), LIMIT(WIRE_PIECE_MAX), LIMIT(WIRE_STATES_MAX), LIMIT(WIRE_NESTING_MAX), LIMIT(WIRE_ASKED_MAX), LIMIT(WIRE_NAME_MAX),
		LIMIT(WIRE_SOFTWARE_MAX), LIMIT(WIRE_BYE_TEXT_MAX), LIMIT(WIRE_TAGS_MAX), LIMIT(WIRE_FIND_MAX), LIMIT(WIRE_CURSOR_MAX), LIMIT(WIRE_ENTRIES_MAX),
		LIMIT(WIRE_ENTRIES_BYTES), LIMIT(WIRE_REPO_MAX), LIMIT(WIRE_COMMIT_MAX), LIMIT(WIRE_PATH_MAX), LIMIT(WIRE_ADDRESSES_MAX), LIMIT(WIRE_DIGEST_MAX),
		LIMIT(WIRE_CHUNKS_MAX), LIMIT(SEAL_CONTROL_MAX), LIMIT(SEAL_FRAME_MAX),
	};
	char row[128];

	(void)state;
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		snprintf(row, sizeof row, "\n| `%s` | %llu |", limits[i].name, (unsigned long long)limits[i].value);
		if (count(row) != 1)
			fail_msg("not there once: %s", row + 1);
	}
	assert_int_equal(count("\n| `WIRE_") + count("\n| `SEAL_"), sizeof limits / sizeof limits[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_are_what_is_written),
		cmocka_unit_test(no_example_is_left_out),
		cmocka_unit_test(what_is_signed_is_shown),
		cmocka_unit_test(bulk_keys_are_shown),
		cmocka_unit_test(bulk_frames_are_shown),
		cmocka_unit_test(the_open_group_is_shown),
		cmocka_unit_test(a_node_is_shown),
		cmocka_unit_test(a_join_code_is_shown),
		cmocka_unit_test(a_txt_record_is_shown),
		cmocka_unit_test(types_and_codes_have_their_numbers),
		cmocka_unit_test(the_schema_has_each_type),
		cmocka_unit_test(limits_are_these),
	};

	return cmocka_run_group_tests(tests, read_doc, NULL);
}
