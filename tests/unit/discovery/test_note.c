#include "discovery/note.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

#define TAGS "g=0102030405060708", "n=1112131415161718", "e=a1a2a3a4a5a6a7a8"

struct record {
	uint8_t txt[2 * NOTE_TXT_READ_MAX];
	size_t len;
};

static void add(struct record *record, const void *string, size_t len)
{
	assert_true(len <= 255 && record->len + 1 + len <= sizeof record->txt);
	record->txt[record->len++] = (uint8_t)len;
	memcpy(record->txt + record->len, string, len);
	record->len += len;
}

/* A record of these strings, ended by NULL. */
static struct record record_of(const char *const strings[])
{
	struct record record = {.len = 0};

	for (; *strings; strings++)
		add(&record, *strings, strlen(*strings));
	return record;
}

static void add_filter(struct record *record, const char *key, int byte, size_t len)
{
	uint8_t string[255];
	size_t key_len = strlen(key);

	memcpy(string, key, key_len);
	memset(string + key_len, byte, len);
	add(record, string, key_len + len);
}

static struct discovery_note some_note(size_t filter_len)
{
	struct discovery_note note = {
		.version = 1, .group = {1, 2, 3}, .node = {4, 5, 0xff}, .epoch = {7}, .generation = UINT64_MAX, .blobs = 12, .filter_len = filter_len};

	for (size_t i = 0; i < filter_len; i++)
		note.filter[i] = (uint8_t)(1U << i % 8);
	return note;
}

static void what_is_written_is_read(void **state)
{
	static const size_t lens[] = {0, 8, 251, 252, 253, NOTE_FILTER_MAX};
	struct discovery_note note, read;
	uint8_t txt[NOTE_TXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		size_t len;
		note = some_note(lens[i]);
		note.version = NOTE_VERSION_MAX;
		note.blobs = UINT64_MAX;
		len = note_write(&note, txt);
		assert_true(len <= NOTE_TXT_MAX);
		assert_int_equal(note_parse(txt, len, &read), ERR_OK);
		assert_true(note_is_equal(&note, &read));
	}
}

/* Others read it: how it is written is part of the protocol. */
static void it_is_written_as_the_protocol_says(void **state)
{
	static const char *const strings[] = {"v=1", TAGS, "h=77", "c=12", "b0=@@@@@@@@", NULL};
	struct discovery_note note = {.version = 1,
				      .group = {1, 2, 3, 4, 5, 6, 7, 8},
				      .node = {0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18},
				      .epoch = {0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8},
				      .generation = 77,
				      .blobs = 12,
				      .filter_len = 8};
	struct record expected = record_of(strings);
	uint8_t txt[NOTE_TXT_MAX];

	(void)state;
	memset(note.filter, '@', 8);
	assert_int_equal(note_write(&note, txt), expected.len);
	assert_memory_equal(txt, expected.txt, expected.len);
}

static void what_is_not_known_is_ignored(void **state)
{
	static const char *const strings[] = {"", "x", "=", "=v", "V=2", "v=1", "zz=top", "G=0102030405060708", "g=zz", "n=111213141516171F",
					      "e=a1a2a3a4a5a6a7a8", "h=0", "c=00012", "b1=lonely", "vv=3", NULL};
	struct record record = record_of(strings);
	struct discovery_note note;

	(void)state;
	assert_int_equal(note_parse(record.txt, record.len, &note), ERR_OK);
	assert_int_equal(note.version, 2); /* the first one counts */
	assert_int_equal(note.group[7], 8);
	assert_int_equal(note.node[7], 0x1f);
	assert_int_equal(note.blobs, 12);
	assert_int_equal(note.filter_len, 0);
}

static void what_is_malformed_is_refused(void **state)
{
	static const char *const records[][12] = {
		{NULL},
		{"v=1", TAGS, "h=1", NULL},                   /* no c */
		{TAGS, "h=1", "c=1", NULL},                   /* no v */
		{"v=0", TAGS, "h=1", "c=1", NULL},
		{"v=65536", TAGS, "h=1", "c=1", NULL},
		{"v=-1", TAGS, "h=1", "c=1", NULL},
		{"v=", TAGS, "h=1", "c=1", NULL},
		{"v", TAGS, "h=1", "c=1", NULL},
		{"v=1 ", TAGS, "h=1", "c=1", NULL},
		{"v=1", TAGS, "h=18446744073709551616", "c=1", NULL},
		{"v=1", TAGS, "h=99999999999999999999999", "c=1", NULL},
		{"v=1", TAGS, "h=0x1", "c=1", NULL},
		{"v=1", "g=010203040506070", "n=1112131415161718", "e=a1a2a3a4a5a6a7a8", "h=1", "c=1", NULL},
		{"v=1", "g=01020304050607080", "n=1112131415161718", "e=a1a2a3a4a5a6a7a8", "h=1", "c=1", NULL},
		{"v=1", "g=010203040506070g", "n=1112131415161718", "e=a1a2a3a4a5a6a7a8", "h=1", "c=1", NULL},
		{"v=1", "g=0102030405060708", "e=a1a2a3a4a5a6a7a8", "h=1", "c=1", NULL},
	};
	struct discovery_note note = {.version = 42};

	(void)state;
	for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
		struct record record = record_of(records[i]);
		if (note_parse(record.txt, record.len, &note) != ERR_INVALID)
			fail_msg("record %zu was taken", i);
		assert_int_equal(note.version, 42);
	}
}

/* In memory of just its size, so that a sanitizer sees what reads past it. */
static enum err parse_exactly(const uint8_t *txt, size_t len, struct discovery_note *note)
{
	uint8_t *exact = malloc(len ? len : 1);
	enum err err;

	assert_non_null(exact);
	memcpy(exact, txt, len);
	err = note_parse(exact, len, note);
	free(exact);
	return err;
}

static void a_record_cut_anywhere_is_refused_or_smaller(void **state)
{
	struct discovery_note note = some_note(NOTE_FILTER_MAX), read;
	uint8_t txt[NOTE_TXT_MAX];
	size_t len = note_write(&note, txt), good = 0;

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		enum err err = parse_exactly(txt, cut, &read);
		assert_true(err == ERR_OK || err == ERR_INVALID);
		good += err == ERR_OK;
	}
	assert_int_equal(good, 2); /* without b1, and without b0 */
}

static void a_record_has_a_limit(void **state)
{
	static const char *const strings[] = {"v=1", TAGS, "h=1", "c=1", NULL};
	struct record record = record_of(strings);
	struct discovery_note note;

	(void)state;
	while (record.len + 256 <= NOTE_TXT_READ_MAX)
		add_filter(&record, "x=", 'x', 253);
	assert_int_equal(parse_exactly(record.txt, record.len, &note), ERR_OK);
	add_filter(&record, "x=", 'x', 253);
	assert_int_equal(parse_exactly(record.txt, record.len, &note), ERR_LIMIT);
}

static void a_filter_of_no_use_is_ignored(void **state)
{
	static const struct {
		size_t first, rest;
		int byte;
		size_t len;
	} cases[] = {{252, 4, 0x0f, 256}, {252, 5, 0x01, 0},  {100, 100, 0x01, 200}, {8, 0, 0x0f, 8},
		     {8, 0, 0x1f, 0},     {252, 4, 0xff, 0}, {7, 0, 0x01, 0},       {0, 100, 0x01, 100}};
	static const char *const strings[] = {"v=1", TAGS, "h=1", "c=1", NULL};
	struct discovery_note note;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct record record = record_of(strings);
		add_filter(&record, "b0=", cases[i].byte, cases[i].first);
		add_filter(&record, "b1=", cases[i].byte, cases[i].rest);
		assert_int_equal(parse_exactly(record.txt, record.len, &note), ERR_OK);
		assert_int_equal(note.filter_len, cases[i].len);
	}
}

static void starts_are_told_apart(void **state)
{
	struct discovery_note a = some_note(8), b = a;

	(void)state;
	assert_true(note_is_equal(&a, &b) && note_is_same_start(&a, &b));
	b.generation++;
	assert_true(!note_is_equal(&a, &b) && note_is_same_start(&a, &b));
	b = a;
	b.filter[3] ^= 1;
	assert_false(note_is_equal(&a, &b));
	b = a;
	b.epoch[7]++;
	assert_true(!note_is_equal(&a, &b) && !note_is_same_start(&a, &b));
	b = a;
	b.node[0]++;
	assert_false(note_is_same_start(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(it_is_written_as_the_protocol_says),
		cmocka_unit_test(what_is_not_known_is_ignored),
		cmocka_unit_test(what_is_malformed_is_refused),
		cmocka_unit_test(a_record_cut_anywhere_is_refused_or_smaller),
		cmocka_unit_test(a_record_has_a_limit),
		cmocka_unit_test(a_filter_of_no_use_is_ignored),
		cmocka_unit_test(starts_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
