/* What no honest node sends: heads, kinds and nesting that are wrong, and each limit from both sides. */
#include "node/wire.h"
#include "support/cmocka.h"
#include "support/hex.h"

#include <cbor.h>
#include <stdlib.h>
#include <string.h>

static enum err decode_exact(const uint8_t *control, size_t len, size_t bulk_len, struct wire_message *ret_message, struct why *why)
{
	/* Memory of just that size, kept until the next call, so that a sanitizer sees what reads past it. */
	static void *exact;
	static const uint8_t bulk[WIRE_PIECE_MAX + SHA256_LEN];

	assert_true(bulk_len <= sizeof bulk);
	free(exact);
	exact = malloc(len ? len : 1);
	assert_non_null(exact);
	memcpy(exact, control, len);
	return wire_decode(exact, len, bulk, bulk_len, ret_message, why);
}

static enum err decode_hex(const char *hex, struct wire_message *ret_message)
{
	uint8_t bytes[256];
	struct why why = {0};
	enum err err = decode_exact(bytes, hex_bytes(hex, bytes, sizeof bytes), 0, ret_message, &why);

	assert_true(!err || why.text[0]);
	return err;
}

#define ZEROS_32 "58200000000000000000000000000000000000000000000000000000000000000000"

static void what_breaks_a_rule_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "00", "f6", "80", "a0", "a1", "ff", "bf", "bf 0004 0101 ff", /* no map of definite length */
		"a1 0101", "a1 0004", "a1 0101 00", /* no type, no request */
		"a2 6130 04 0101", "a3 0004 0101 6161 00", "a3 0004 0101 2000", "a3 0004 0101 c10200", /* keys that are no numbers */
		"a2 0101 0004", "a3 0004 0004 0101", "a3 0004 0101 0101", "a4 0004 0101 0300 0200", /* and do not ascend */
		"a2 0004 0120", "a2 0004 014101", "a2 0004 016131", "a2 0004 01f4", "a2 0004 01c101", "a2 0004 01f93c00", "a2 0004 018101", "a2 0004 01f6", /* not the kind */
		"a2 0004 011c", "a2 0004 011f", "a2 0004 01fc", "a2 0004 01fe", "a2 0004 01f0", "a2 0004 01f820", /* nothing */
		"a2 0004 0118", "a2 0004 0119ff", "a2 0004 011bffffffffffffff", /* cut */
		"bb ffffffffffffffff 0004 0101", "ba ffffffff 0004 0101", "b7 0004 0101", "a3 0004 0101", /* fewer pairs than said */
		"a2 0004 0101 00", "a2 0004 0101 a2 0004 0101", /* more behind it */
		"a4 0006 0200 0300 04f5", "a5 0006 0200 0300 0400 0540", "a5 0006 0200 0300 04f5 0501", "a5 0006 0200 0300 04f5 0560", "a5 0006 0200 0300 04f5 055fff",
		"a5 0006 0200 0300 04f5 055bffffffffffffffff", "a5 0006 0200 0300 04f5 055affffffff", "a5 0006 0200 0300 04f5 054f 000000000000000000000000000000",
		"a3 0010 0283 01" ZEROS_32 "0300", "a3 0010 0281 01" ZEROS_32 "0300", "a3 0010 0280 01" ZEROS_32 "0300", /* a digest is two */
		"a4 0013 0101 029bffffffffffffffff 0340", "a4 0013 0101 029affffffff 0340", "a4 0013 0101 029fff 0340", "a4 0013 0101 0281a0 0340", "a4 0013 0101 028100 0340",
		"a3 0009 0101 0240", /* FIND of nothing */
		"a3 000a 0101 024103", /* FOUND has no such answer */
		"a3 000f 0101 0200", "a3 0016 0101 0200", "a3 0003 0200 0360", /* codes begin at 1 */
		"a2 0014 0281a2004102 011914 99", "a2 0014 0281a20044 0a000001 0100", "a2 0014 0281a200450a00000102 01191499", /* no address, no port, 5 bytes */
		"a3 0003 0201 0361ff", "a3 0003 0201 036107", "a3 0003 0201 0362c3", "a3 0003 0201 0363eda080", "a3 0003 0201 034161", /* no text */
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct wire_message message = {.request = 77};
		enum err err = decode_hex(bad[i], &message);
		if (!err)
			fail_msg("read: %s", bad[i]);
		assert_true(err == ERR_INVALID || err == ERR_LIMIT);
		assert_int_equal(message.request, 77);
	}
}

#define EIGHT(x) x x x x x x x x

/* The number in the message stays the same with any of these beside it. */
static void what_is_not_known_is_passed_over(void **state)
{
	static const char *const values[] = {"00", "20", "1bffffffffffffffff", "40", "43010203", "6161", "61ff", "80", "820102", "a0", "a10102", "a1617880", "c100", "d9d9f780", "f4", "f5", "f6", "f7",
		"f93c00", "fa00000000", "fb0000000000000000", "9fff", "9f01ff", "9f9fffff", "bfff", "bf0102ff", "5fff", "5f41004101ff", "7f6161ff", EIGHT("81") "00", EIGHT("c1") "00", EIGHT("9f") "00" EIGHT("ff")};
	static const char *const bad[] = {"", "1c", "ff", "5f6161ff", "7f4161ff", "5f5f4100ffff", "5f00ff", "9f", "9f01", "bf01ff", "bf", "5f", "5f4100", "81", "8101 01", "a101", "c1", "f0", "f3", "f81f", "f8ff", "fc",
		"9bffffffffffffffff 00", "bbffffffffffffffff 0000", "bb8000000000000000", "5bffffffffffffffff", "7bffffffffffffffff", EIGHT("81") "8100", EIGHT("c1") "c100", EIGHT("a100") "a10000", EIGHT("9f") "9f00" EIGHT("ff") "ff"};
	char hex[256];
	struct wire_message message;

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		snprintf(hex, sizeof hex, "a4 0004 0105 02%s 1903e8%s", values[i], values[i]);
		if (decode_hex(hex, &message) != ERR_OK)
			fail_msg("not read: %s", hex);
		assert_true(message.type == WIRE_PING && message.request == 5);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(hex, sizeof hex, "a3 0004 0105 02%s", bad[i]);
		if (decode_hex(hex, &message) == ERR_OK)
			fail_msg("read: %s", hex);
	}
}

/* Between known fields, in entries, and in frames whose heads are wider than they need to be. */
static void what_is_not_known_may_stand_between(void **state)
{
	struct wire_message message;

	(void)state;
	assert_int_equal(decode_hex("b90004 180018 0c 190001 1a00000009 190002 1b0000000000000005 1803 01", &message), ERR_OK);
	assert_true(message.type == WIRE_STATES && message.request == 9 && message.states.size == 5 && message.states.from == 1);
	assert_int_equal(decode_hex("a2 0014 0281a3 00440a000001 01191499 02a10101", &message), ERR_OK);
	assert_true(message.peers.count == 1 && message.peers.addresses[0].port == 5273);
}

static void unknown_types_are_told(void **state)
{
	static const char *const unknown[] = {"a1 0000", "a1 0017", "a1 0018 18", "a2 001bffffffffffffffff 0160", "a3 00181d 0800 1864a0"};
	struct wire_message message;

	(void)state;
	for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
		message.type = WIRE_HELLO;
		assert_int_equal(decode_hex(unknown[i], &message), ERR_OK);
		assert_int_equal(message.type, WIRE_UNKNOWN);
	}
	assert_int_equal(decode_hex("a2 1818 00", &message), ERR_INVALID);
	assert_int_equal(decode_exact((const uint8_t *)"\xa1\x00\x18\x1d", 4, WIRE_PIECE_MAX, &message, NULL), ERR_OK);
	assert_int_equal(message.type, WIRE_UNKNOWN);
	assert_int_equal(decode_exact((const uint8_t *)"\xa1\x00\x18\x1d", 4, WIRE_PIECE_MAX + 1, &message, NULL), ERR_LIMIT);
}

static void unknown_codes_and_algorithms_are_read_as_known_ones(void **state)
{
	struct wire_message message;

	(void)state;
	assert_int_equal(decode_hex("a3 000f 0101 0205", &message), ERR_OK);
	assert_int_equal(message.no, WIRE_NO_NOT_HELD);
	assert_int_equal(decode_hex("a3 0016 0101 0204", &message), ERR_OK);
	assert_int_equal(message.reached, WIRE_REACHED_NOBODY);
	assert_int_equal(decode_hex("a3 0003 0207 0360", &message), ERR_OK);
	assert_int_equal(message.bye.reason, WIRE_BYE_REFUSED);
	assert_int_equal(decode_hex("a3 0010 02821903e84101 0300", &message), ERR_OK);
	assert_int_equal(message.reject.digest.algorithm, DIGEST_NONE);
	assert_int_equal(decode_hex("a3 0010 02820040 0300", &message), ERR_OK);
	assert_int_equal(message.reject.digest.algorithm, DIGEST_NONE);
	assert_int_equal(decode_hex("a3 0010 02824101 0300", &message), ERR_INVALID);
	assert_int_equal(decode_hex("a3 0010 028301410100 0300", &message), ERR_INVALID);
}

/* --- limits: frames made by hand, since the code under test writes none that are too large */

struct raw {
	uint8_t bytes[2 * WIRE_CONTROL_MAX];
	size_t len;
};

static void add(struct raw *raw, size_t size)
{
	assert_true(size > 0);
	raw->len += size;
}

static void add_map(struct raw *raw, size_t pairs) { add(raw, cbor_encode_map_start(pairs, raw->bytes + raw->len, sizeof raw->bytes - raw->len)); }
static void add_array(struct raw *raw, size_t items) { add(raw, cbor_encode_array_start(items, raw->bytes + raw->len, sizeof raw->bytes - raw->len)); }
static void add_number(struct raw *raw, uint64_t number) { add(raw, cbor_encode_uint(number, raw->bytes + raw->len, sizeof raw->bytes - raw->len)); }

static void add_filled(struct raw *raw, size_t len, uint8_t byte)
{
	assert_true(len <= sizeof raw->bytes - raw->len);
	memset(raw->bytes + raw->len, byte, len);
	raw->len += len;
}

static void add_bytes(struct raw *raw, size_t len)
{
	add(raw, cbor_encode_bytestring_start(len, raw->bytes + raw->len, sizeof raw->bytes - raw->len));
	add_filled(raw, len, 0);
}

static void add_text(struct raw *raw, size_t len)
{
	add(raw, cbor_encode_string_start(len, raw->bytes + raw->len, sizeof raw->bytes - raw->len));
	add_filled(raw, len, 'x');
}

static void add_entry(struct raw *raw, size_t repo, size_t commit, size_t path)
{
	add_map(raw, 5);
	add_number(raw, 0);
	add_text(raw, repo);
	add_number(raw, 1);
	add_text(raw, commit);
	add_number(raw, 2);
	add_text(raw, path);
	add_number(raw, 3);
	add_number(raw, 5);
	add_number(raw, 4);
	add_array(raw, 2);
	add_number(raw, 1);
	add_bytes(raw, 32);
}

static void add_address(struct raw *raw)
{
	add_map(raw, 2);
	add_number(raw, 0);
	add_bytes(raw, 16);
	add_number(raw, 1);
	add_number(raw, 1);
}

static void add_digest(struct raw *raw, uint64_t algorithm, size_t len)
{
	add_array(raw, 2);
	add_number(raw, algorithm);
	add_bytes(raw, len);
}

static void add_items(struct raw *raw, size_t count, void (*add_one)(struct raw *raw))
{
	add_array(raw, count);
	for (size_t i = 0; i < count; i++)
		add_one(raw);
}

static void add_small_entry(struct raw *raw)
{
	add_entry(raw, 1, 1, 1);
}

static void add_value(struct raw *raw, char kind, uint64_t number)
{
	switch (kind) {
	case 'n': add_number(raw, number); break;
	case 'b': add_bytes(raw, number); break;
	case 't': add_text(raw, number); break;
	case 'f': add_filled(raw, 1, number ? 0xf5 : 0xf4); break;
	case 'd': add_digest(raw, 1, number); break;
	case 'x': add_digest(raw, 1000, number); break;
	case 'e': add_items(raw, number, add_small_entry); break;
	case 'p': add_items(raw, number, add_address); break;
	case 'r': add_array(raw, 1); add_entry(raw, number, 1, 1); break;
	case 'c': add_array(raw, 1); add_entry(raw, 1, number, 1); break;
	case 'q': add_array(raw, 1); add_entry(raw, 1, 1, number); break;
	default: fail();
	}
}

/* A message by its fields: "n5" a number, "b32" bytes, "t9" text, "f1" a flag, "d32" a SHA-256 of that many bytes, "x64" a digest of an unknown algorithm, "e512" that many
 * entries, "r280" one whose repo has that many bytes ("c", "q": commit, path), "p32" that many addresses. Keys count up from 1; "-" skips one: messages without a request. */
static void make(struct raw *raw, enum wire_type type, const char *fields)
{
	unsigned key = 1, count = 1;

	for (const char *at = fields; *at; at++)
		count += *at == ' ';
	*raw = (struct raw){0};
	add_map(raw, count + (fields[0] != '-'));
	add_number(raw, 0);
	add_number(raw, type);
	for (const char *at = fields; *at; key++) {
		char *end = (char *)(uintptr_t)at + 1;
		if (*at != '-') {
			add_number(raw, key);
			add_value(raw, *at, strtoull(at + 1, &end, 10));
		}
		at = *end ? end + 1 : end;
	}
}

/* What is just read, and what is just refused. */
static const struct {
	enum wire_type type;
	const char *good, *bad;
	enum err err;
	size_t good_bulk, bad_bulk;
} limits[] = {
	{WIRE_HELLO, "- n1 n1 b32 b32 n0 n0 t1 n0 t0 b8", "- n0 n0 b32 b32 n0 n0 t1 n0 t0 b8", ERR_INVALID, 0, 0},
	{WIRE_HELLO, "- n2 n2 b32 b32 n0 n0 t63 n65535 t63 b8", "- n1 n2 b32 b32 n0 n0 t63 n0 t63 b8", ERR_INVALID, 0, 0},
	{WIRE_HELLO, "- n2 n1 b32 b32 n0 n0 t63 n65535 t63 b8", "- n2 n1 b31 b32 n0 n0 t1 n0 t0 b8", ERR_INVALID, 0, 0},
	{WIRE_HELLO, "- n2 n1 b32 b32 n0 n0 t63 n65535 t63 b8", "- n2 n1 b33 b32 n0 n0 t1 n0 t0 b8", ERR_LIMIT, 0, 0},
	{WIRE_HELLO, "- n2 n1 b32 b32 n0 n0 t63 n65535 t63 b8", "- n2 n1 b32 b33 n0 n0 t1 n0 t0 b8", ERR_LIMIT, 0, 0},
	{WIRE_HELLO, "- n2 n1 b32 b32 n0 n0 t63 n65535 t63 b8", "- n2 n1 b32 b32 n0 n0 t0 n0 t0 b8", ERR_INVALID, 0, 0},
	{WIRE_HELLO, "- n2 n1 b32 b32 n0 n0 t63 n65535 t63 b8", "- n2 n1 b32 b32 n0 n0 t64 n0 t0 b8", ERR_LIMIT, 0, 0},
	{WIRE_HELLO, "- n2 n1 b32 b32 n0 n0 t63 n65535 t63 b8", "- n2 n1 b32 b32 n0 n0 t1 n65536 t0 b8", ERR_LIMIT, 0, 0},
	{WIRE_HELLO, "- n2 n1 b32 b32 n0 n0 t63 n65535 t63 b8", "- n2 n1 b32 b32 n0 n0 t1 n0 t64 b8", ERR_LIMIT, 0, 0},
	{WIRE_HELLO, "- n2 n1 b32 b32 n0 n0 t63 n65535 t63 b8", "- n2 n1 b32 b32 n0 n0 t1 n0 t0 b9", ERR_LIMIT, 0, 0},
	{WIRE_WELCOME, "- n1 n1 b32 b32 n0 n0 t1 n0 t0 b8 b64", "- n1 n1 b32 b32 n0 n0 t1 n0 t0 b8 b65", ERR_LIMIT, 0, 0},
	{WIRE_WELCOME, "- n1 n1 b32 b32 n0 n0 t1 n0 t0 b8 b64", "- n1 n1 b32 b32 n0 n0 t1 n0 t0 b8", ERR_INVALID, 0, 0},
	{WIRE_BYE, "- n4294967295 t200", "- n1 t201", ERR_LIMIT, 0, 0},
	{WIRE_BYE, "- n1 t0", "- n4294967296 t0", ERR_LIMIT, 0, 0},
	{WIRE_HOLDINGS, "- n0 n4294967295 f1 b64000", "- n0 n0 f1 b64016", ERR_LIMIT, 0, 0},
	{WIRE_HOLDINGS, "- n0 n0 f0 b0", "- n0 n4294967296 f1 b0", ERR_LIMIT, 0, 0},
	{WIRE_HAVE, "- n1 b64000 b0", "- n1 b64016 b0", ERR_LIMIT, 0, 0},
	{WIRE_HAVE, "- n1 b32000 b32000", "- n1 b32000 b32016", ERR_LIMIT, 0, 0},
	{WIRE_HAVE, "- n1 b0 b64000", "- n0 b0 b0", ERR_INVALID, 0, 0},
	{WIRE_FIND, "n0 b4096", "n0 b4112", ERR_LIMIT, 0, 0},
	{WIRE_FOUND, "n0 b256", "n0 b257", ERR_LIMIT, 0, 0},
	{WIRE_CHAIN, "n0 d32 n1048576 n8192", "n0 d32 n1048577 n0", ERR_LIMIT, 0, 0},
	{WIRE_CHAIN, "n0 x64 n1 n0", "n0 x65 n1 n0", ERR_LIMIT, 0, 0},
	{WIRE_CHAIN, "n0 x0 n1 n0", "n0 d31 n1 n0", ERR_INVALID, 0, 0},
	{WIRE_CHAIN, "n0 d32 n1 n0", "n0 d33 n1 n0", ERR_LIMIT, 0, 0},
	{WIRE_CHAIN, "n0 d32 n1 n0", "n0 d32 n0 n1", ERR_INVALID, 0, 0},
	{WIRE_CHAIN, "n0 d32 n1 n0", "n0 d32 n1 n8193", ERR_LIMIT, 0, 0},
	{WIRE_STATES, "n0 n1099511627776 n1", "n0 n1099511627777 n1", ERR_LIMIT, 262144, 0},
	{WIRE_STATES, "n0 n1099511627776 n1", "n0 n1099511627776 n1", ERR_LIMIT, 262144, 262176},
	{WIRE_STATES, "n0 n3145728 n1", "n0 n3145728 n1", ERR_INVALID, 64, 96},
	{WIRE_STATES, "n0 n3145728 n2", "n0 n3145728 n3", ERR_INVALID, 32, 32},
	{WIRE_STATES, "n0 n0 n1", "n0 n0 n1", ERR_INVALID, 0, 32},
	{WIRE_STATES, "n0 n3145728 n3", "n0 n3145728 n1", ERR_INVALID, 0, 31},
	{WIRE_CHUNK, "n0 d32 n0 n1048575", "n0 d32 n0 n1048576", ERR_LIMIT, 0, 0},
	{WIRE_CHUNK, "n0 d32 n1048577 n1", "n0 d32 n1048576 n1", ERR_INVALID, 0, 0},
	{WIRE_CHUNK, "n0 d32 n1099511627776 n1048575", "n0 d32 n1099511627777 n0", ERR_LIMIT, 0, 0},
	{WIRE_PIECE, "n0 n0 n1048576", "n0 n0 n1048577", ERR_LIMIT, 262144, 262144},
	{WIRE_PIECE, "n0 n1048575 n1048576", "n0 n1048575 n1048576", ERR_INVALID, 1, 2},
	{WIRE_PIECE, "n0 n1 n2", "n0 n2 n2", ERR_INVALID, 1, 1},
	{WIRE_PIECE, "n0 n1 n2", "n0 n3 n2", ERR_INVALID, 1, 1},
	{WIRE_PIECE, "n0 n1 n2", "n0 n1 n2", ERR_INVALID, 1, 0},
	{WIRE_PIECE, "n0 n0 n1", "n0 n0 n0", ERR_INVALID, 1, 1},
	{WIRE_PIECE, "n0 n0 n1048576", "n0 n0 n1048576", ERR_LIMIT, 262144, 262145},
	{WIRE_CHUNK, "n0 d32 n0 n0", "n0 d32 n0 n0", ERR_INVALID, 0, 1},
	{WIRE_REJECT, "- d32 n1048575", "- d32 n1048576", ERR_LIMIT, 0, 0},
	{WIRE_LIST, "n0 b256", "n0 b257", ERR_LIMIT, 0, 0},
	{WIRE_NAMES, "n0 e512 b256", "n0 e513 b256", ERR_LIMIT, 0, 0},
	{WIRE_NAMES, "n0 e1 b256", "n0 e1 b257", ERR_LIMIT, 0, 0},
	{WIRE_NAMES, "n0 r280 b0", "n0 r281 b0", ERR_LIMIT, 0, 0},
	{WIRE_NAMES, "n0 c64 b0", "n0 c65 b0", ERR_LIMIT, 0, 0},
	{WIRE_NAMES, "n0 q1024 b0", "n0 q1025 b0", ERR_LIMIT, 0, 0},
	{WIRE_NAMES, "n0 q1 b0", "n0 q0 b0", ERR_INVALID, 0, 0},
	{WIRE_PEERS, "- p32", "- p33", ERR_LIMIT, 0, 0},
	{WIRE_PEERS, "- p0", "-", ERR_INVALID, 0, 0},
};

static void at_a_limit_is_read_and_beyond_is_not(void **state)
{
	static struct raw raw;
	struct wire_message message;
	struct why why;

	(void)state;
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		why.text[0] = 0;
		make(&raw, limits[i].type, limits[i].good);
		if (decode_exact(raw.bytes, raw.len, limits[i].good_bulk, &message, &why) != ERR_OK)
			fail_msg("case %zu: %s", i, why.text);
		assert_int_equal(message.type, limits[i].type);
		make(&raw, limits[i].type, limits[i].bad);
		if (decode_exact(raw.bytes, raw.len, limits[i].bad_bulk, &message, &why) != limits[i].err)
			fail_msg("case %zu: %s", i, why.text);
		assert_non_null(strstr(why.text, wire_type_name(limits[i].type)));
	}
}

static void a_frame_has_a_size(void **state)
{
	static struct raw raw;
	struct wire_message message;

	(void)state;
	make(&raw, WIRE_PING, "n1 b65526");
	assert_int_equal(raw.len, WIRE_CONTROL_MAX - 1);
	assert_int_equal(decode_exact(raw.bytes, raw.len, 0, &message, NULL), ERR_OK);
	make(&raw, WIRE_PING, "n1 b65527");
	assert_int_equal(decode_exact(raw.bytes, raw.len, 0, &message, NULL), ERR_OK);
	make(&raw, WIRE_PING, "n1 b65528");
	assert_int_equal(decode_exact(raw.bytes, raw.len, 0, &message, NULL), ERR_LIMIT);
}

/* What is refused when it comes is not sent either. */
static void what_would_be_refused_is_not_written(void **state)
{
	static uint8_t frame[WIRE_CONTROL_MAX];
	static const struct tag tags[WIRE_TAGS_MAX + 1];
	const struct wire_message bad[] = {
		{.type = WIRE_BYE},
		{.type = WIRE_BYE, .bye = {WIRE_BYE_GOING, {"a\x1b", 2}}},
		{.type = WIRE_HELLO, .hello = {.version = 1, .lowest = 1}},
		{.type = WIRE_HOLDINGS, .holdings.tags = {tags, WIRE_TAGS_MAX + 1}},
		{.type = WIRE_HOLDINGS, .holdings.tags = {tags, SIZE_MAX / TAG_LEN + 1}},
		{.type = WIRE_HAVE, .have = {1, {tags, WIRE_TAGS_MAX}, {tags, 1}}},
		{.type = WIRE_FIND},
		{.type = WIRE_FIND, .find.tags = {tags, WIRE_FIND_MAX + 1}},
		{.type = WIRE_CHAIN},
		{.type = WIRE_PIECE, .piece = {0, 1}},
		{.type = WIRE_PING, .bulk = {(const uint8_t *)tags, 1}},
		{.type = WIRE_NO},
		{.type = WIRE_PEERS, .peers.count = WIRE_ADDRESSES_MAX + 1},
		{.type = WIRE_PEERS, .peers = {.count = 1}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct why why = {0};
		size_t len = 77;
		if (wire_encode(&bad[i], frame, sizeof frame, &len, &why) == ERR_OK)
			fail_msg("case %zu was written", i);
		assert_int_equal(len, 77);
		assert_true(why.text[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_breaks_a_rule_is_refused),
		cmocka_unit_test(what_is_not_known_is_passed_over),
		cmocka_unit_test(what_is_not_known_may_stand_between),
		cmocka_unit_test(unknown_types_are_told),
		cmocka_unit_test(unknown_codes_and_algorithms_are_read_as_known_ones),
		cmocka_unit_test(at_a_limit_is_read_and_beyond_is_not),
		cmocka_unit_test(a_frame_has_a_size),
		cmocka_unit_test(what_would_be_refused_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
