#include "node/wire.h"
#include "support/cmocka.h"
#include "support/hex.h"
#include "support/wire_sample.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) {literal, sizeof literal - 1}

static uint8_t frame[WIRE_CONTROL_MAX];

static size_t encode(const struct wire_message *message)
{
	struct why why = {0};
	size_t len = 0;
	enum err err = wire_encode(message, frame, sizeof frame, &len, &why);

	if (err)
		fail_msg("%s: %s", wire_type_name(message->type), why.text);
	return len;
}

static enum err decode(const void *control, size_t len, struct wire_bytes bulk, struct wire_message *ret_message)
{
	/* Memory of just that size, kept until the next call, so that a sanitizer sees what reads past it. */
	static void *exact;

	free(exact);
	exact = malloc(len ? len : 1);
	assert_non_null(exact);
	memcpy(exact, control, len);
	return wire_decode(exact, len, bulk.at, bulk.len, ret_message, NULL);
}

static void what_is_written_is_read_again(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WIRE_SAMPLES; i++) {
		struct wire_message message, read;
		wire_sample(i, &message);
		assert_int_equal(decode(frame, encode(&message), message.bulk, &read), ERR_OK);
		assert_true(wire_sample_equal(&message, &read));
	}
}

static void the_bytes_are_these(void **state)
{
	static const struct {
		struct wire_message message;
		const char *hex;
	} cases[] = {
		{{.type = WIRE_PING}, "a2 0004 0100"},
		{{.type = WIRE_PONG, .request = 23}, "a2 0005 0117"},
		{{.type = WIRE_CANCEL, .request = 24}, "a2 0011 011818"},
		{{.type = WIRE_PING, .request = UINT64_MAX}, "a2 0004 011bffffffffffffffff"},
		{{.type = WIRE_RESYNC}, "a1 0008"},
		{{.type = WIRE_BYE, .bye = {WIRE_BYE_CLONE, TEXT("\xc3\xa4")}}, "a3 0003 0205 0362c3a4"},
		{{.type = WIRE_HOLDINGS, .holdings = {.generation = 256, .is_last = true}}, "a5 0006 02190100 0300 04f5 0540"},
		{{.type = WIRE_CHAIN, .request = 1, .chain = {{DIGEST_GIT_SHA1, {1, 2}}, 1, 0}}, "a5 000b 0101 028202540102000000000000000000000000000000000000 0301 0400"},
		{{.type = WIRE_PEERS, .peers = {.count = 1, .addresses = {{.family = 4, .bytes = {10, 0, 0, 1}, .port = 5273}}}}, "a2 0014 0281a20044 0a000001 01191499"},
		{{.type = WIRE_NAMES, .request = 1}, "a4 0013 0101 0280 0340"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t want[256];
		size_t len = hex_bytes(cases[i].hex, want, sizeof want);
		assert_int_equal(encode(&cases[i].message), len);
		assert_memory_equal(frame, want, len);
	}
}

static void a_frame_cut_anywhere_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WIRE_SAMPLES; i++) {
		struct wire_message message, read = {.type = WIRE_UNKNOWN, .request = 77};
		size_t len;
		wire_sample(i, &message);
		len = encode(&message);
		for (size_t cut = 0; cut < len; cut++)
			assert_int_equal(decode(frame, cut, message.bulk, &read), ERR_INVALID);
		assert_int_equal(read.request, 77);
		frame[len] = 0;
		assert_int_equal(decode(frame, len + 1, message.bulk, &read), ERR_INVALID);
		assert_int_equal(read.request, 77);
	}
}

/* Each byte is changed in each bit: what is still read can be written, and says the same then. */
static void a_changed_byte_makes_a_message_or_none(void **state)
{
	uint8_t changed[1024];

	(void)state;
	for (unsigned i = 0; i < WIRE_SAMPLES; i++) {
		struct wire_message message, read, again;
		size_t len;
		wire_sample(i, &message);
		len = encode(&message);
		assert_true(len <= sizeof changed);
		for (size_t bit = 0; bit < 8 * len; bit++) {
			wire_sample(i, &message);
			encode(&message);
			memcpy(changed, frame, len);
			changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (wire_decode(changed, len, message.bulk.at, message.bulk.len, &read, NULL) != ERR_OK || read.type == WIRE_UNKNOWN)
				continue;
			assert_int_equal(decode(frame, encode(&read), read.bulk, &again), ERR_OK);
			assert_true(wire_sample_equal(&read, &again));
		}
	}
}

static void what_does_not_fit_is_not_written(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WIRE_SAMPLES; i++) {
		struct wire_message message;
		struct why why = {0};
		size_t len, untouched = 77;
		wire_sample(i, &message);
		len = encode(&message);
		for (size_t room = 0; room < len; room++) {
			uint8_t *exact = malloc(room ? room : 1);
			assert_non_null(exact);
			assert_int_equal(wire_encode(&message, exact, room, &untouched, &why), ERR_LIMIT);
			free(exact);
		}
		assert_int_equal(untouched, 77);
		assert_non_null(strstr(why.text, "does not fit"));
	}
}

static void types_have_names(void **state)
{
	struct wire_message message = {.type = WIRE_UNKNOWN};
	size_t len;

	(void)state;
	assert_string_equal(wire_type_name(WIRE_HELLO), "HELLO");
	assert_string_equal(wire_type_name(WIRE_PEERS), "PEERS");
	assert_string_equal(wire_type_name(WIRE_UNKNOWN), "unknown");
	assert_string_equal(wire_type_name(WIRE_WANT), "unknown");
	assert_int_equal(wire_encode(&message, frame, sizeof frame, &len, NULL), ERR_INVALID);
	message.type = WIRE_WANT;
	assert_int_equal(wire_encode(&message, frame, sizeof frame, &len, NULL), ERR_INVALID);
}

static void a_page_holds_what_fits(void **state)
{
	static struct wire_page page;
	struct wire_message message = {.type = WIRE_NAMES, .request = 1}, read;
	struct wire_entry entry = {TEXT("org/name"), TEXT("c0ffee"), {NULL, WIRE_PATH_MAX}, 5, {DIGEST_SHA256, {1}}}, taken;
	struct wire_bytes rest;
	char path[WIRE_PATH_MAX];
	uint32_t count = 0;

	(void)state;
	memset(path, 'p', sizeof path);
	entry.path.at = path;
	while (wire_page_add(&page, &entry, NULL) == ERR_OK)
		count++;
	assert_true(count > 50 && count == page.count);
	message.names = (struct wire_names){{page.bytes, page.len}, page.count, {NULL, 0}};
	assert_int_equal(decode(frame, encode(&message), message.bulk, &read), ERR_OK);
	for (rest = read.names.entries; wire_entry_next(&rest, &taken); count--) {
		assert_int_equal(taken.path.len, WIRE_PATH_MAX);
		assert_memory_equal(taken.repo.at, "org/name", taken.repo.len);
		assert_true(digest_equal(&taken.digest, &entry.digest) && taken.size == 5);
	}
	assert_int_equal(count, 0);
	assert_int_equal(rest.len, 0);
}

static void a_page_has_so_many_entries(void **state)
{
	static struct wire_page page;
	struct wire_entry entry = {TEXT("r"), TEXT("c"), TEXT("p"), 0, {DIGEST_SHA256, {1}}};
	struct why why = {0};

	(void)state;
	for (unsigned i = 0; i < WIRE_ENTRIES_MAX; i++)
		assert_int_equal(wire_page_add(&page, &entry, &why), ERR_OK);
	assert_int_equal(wire_page_add(&page, &entry, &why), ERR_LIMIT);
	entry.path = (struct wire_text)TEXT("a\nb");
	assert_int_equal(wire_page_add(&page, &entry, &why), ERR_INVALID);
	assert_non_null(strstr(why.text, "path"));
	entry.path = (struct wire_text){NULL, WIRE_PATH_MAX + 1};
	assert_int_equal(wire_page_add(&page, &entry, &why), ERR_INVALID);
	assert_int_equal(page.count, WIRE_ENTRIES_MAX);
}

static void entries_must_be_as_many_as_said(void **state)
{
	struct wire_message message;
	size_t len;

	(void)state;
	wire_sample(18, &message);
	message.names.count++;
	assert_int_equal(wire_encode(&message, frame, sizeof frame, &len, NULL), ERR_INVALID);
	message.names.count -= 2;
	assert_int_equal(wire_encode(&message, frame, sizeof frame, &len, NULL), ERR_INVALID);
}

static void a_welcome_signs_both_sides(void **state)
{
	struct wire_message hello, welcome;
	uint8_t text[WIRE_WELCOME_SIGNED], other[WIRE_WELCOME_SIGNED];

	(void)state;
	wire_sample(0, &hello);
	wire_sample(1, &welcome);
	wire_welcome_signed_bytes(&hello.hello, &welcome.hello, text);
	assert_int_equal(sizeof text, 160);
	assert_memory_equal(text, "larder welcome 1", 16);
	assert_memory_equal(text + 16, hello.hello.node_key, 32);
	assert_memory_equal(text + 48, welcome.hello.node_key, 32);
	assert_memory_equal(text + 80, hello.hello.nonce, 32);
	assert_memory_equal(text + 112, welcome.hello.nonce, 32);
	assert_memory_equal(text + 144, "\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff\x00", 16);
	assert_int_equal(crypto_sign_verify_detached(welcome.hello.signature, text, sizeof text, welcome.hello.node_key), 0);
	wire_welcome_signed_bytes(&welcome.hello, &hello.hello, other);
	assert_memory_not_equal(text, other, sizeof text);
}

static void the_highest_common_version_is_spoken(void **state)
{
	static const struct {
		uint64_t version, lowest, other_version, other_lowest, common;
	} cases[] = {{1, 1, 1, 1, 1}, {3, 1, 2, 1, 2}, {3, 2, 5, 3, 3}, {1, 1, 3, 2, 0}, {3, 3, 2, 1, 0}, {UINT64_MAX, 1, 1, 1, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct wire_hello a = {.version = cases[i].version, .lowest = cases[i].lowest}, b = {.version = cases[i].other_version, .lowest = cases[i].other_lowest};
		assert_true(wire_common_version(&a, &b) == cases[i].common);
		assert_true(wire_common_version(&b, &a) == cases[i].common);
	}
}

static void tags_are_ordered(void **state)
{
	struct tag a = {{1}}, b = {{1, 0, 1}};

	(void)state;
	assert_true(tag_compare(&a, &b) < 0 && tag_compare(&b, &a) > 0);
	assert_true(tag_equal(&a, &a) && !tag_equal(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(the_bytes_are_these),
		cmocka_unit_test(a_frame_cut_anywhere_is_refused),
		cmocka_unit_test(a_changed_byte_makes_a_message_or_none),
		cmocka_unit_test(what_does_not_fit_is_not_written),
		cmocka_unit_test(types_have_names),
		cmocka_unit_test(a_page_holds_what_fits),
		cmocka_unit_test(a_page_has_so_many_entries),
		cmocka_unit_test(entries_must_be_as_many_as_said),
		cmocka_unit_test(a_welcome_signs_both_sides),
		cmocka_unit_test(the_highest_common_version_is_spoken),
		cmocka_unit_test(tags_are_ordered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
