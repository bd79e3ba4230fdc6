#include "discovery/note.h"
#include "base/text.h"
#include "discovery/bloom.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define STRING_MAX 255
#define FILTER_FIRST 252 /* what fits behind "b0=" */

struct value {
	const uint8_t *at; /* NULL: not there */
	size_t len;
};

enum key { VERSION, GROUP, NODE, EPOCH, GENERATION, BLOBS, FILTER_0, FILTER_1, KEYS };

static const char *const key_names[KEYS] = {"v", "g", "n", "e", "h", "c", "b0", "b1"};

static uint8_t *put(uint8_t *at, enum key key, const void *value, size_t len)
{
	size_t key_len = strlen(key_names[key]);

	assert(key_len + 1 + len <= STRING_MAX);
	*at++ = (uint8_t)(key_len + 1 + len);
	memcpy(at, key_names[key], key_len);
	at += key_len;
	*at++ = '=';
	memcpy(at, value, len);
	return at + len;
}

static uint8_t *put_number(uint8_t *at, enum key key, uint64_t number)
{
	char text[24];

	return put(at, key, text, (size_t)snprintf(text, sizeof text, "%" PRIu64, number));
}

static uint8_t *put_tag(uint8_t *at, enum key key, const uint8_t tag[NOTE_TAG_LEN])
{
	char text[2 * NOTE_TAG_LEN + 1];

	for (size_t i = 0; i < NOTE_TAG_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", tag[i]);
	return put(at, key, text, 2 * NOTE_TAG_LEN);
}

size_t note_write(const struct discovery_note *note, uint8_t ret_txt[NOTE_TXT_MAX])
{
	size_t first = note->filter_len < FILTER_FIRST ? note->filter_len : FILTER_FIRST;
	uint8_t *at = ret_txt;

	assert(note->filter_len <= NOTE_FILTER_MAX);
	at = put_number(at, VERSION, note->version);
	at = put_tag(at, GROUP, note->group);
	at = put_tag(at, NODE, note->node);
	at = put_tag(at, EPOCH, note->epoch);
	at = put_number(at, GENERATION, note->generation);
	at = put_number(at, BLOBS, note->blobs);
	if (first > 0)
		at = put(at, FILTER_0, note->filter, first);
	if (note->filter_len > first)
		at = put(at, FILTER_1, note->filter + first, note->filter_len - first);
	assert(at <= ret_txt + NOTE_TXT_MAX);
	return (size_t)(at - ret_txt);
}

/* One string of the record: the first value of each key counts, as section 6.4 has it. */
static void take_string(const uint8_t *string, size_t len, struct value values[KEYS])
{
	const uint8_t *equals = memchr(string, '=', len);
	size_t key_len = equals ? (size_t)(equals - string) : 0;

	for (size_t i = 0; i < KEYS && key_len > 0; i++) {
		if (strlen(key_names[i]) != key_len || strncasecmp(key_names[i], (const char *)string, key_len) != 0 || values[i].at)
			continue;
		values[i] = (struct value){equals + 1, len - key_len - 1};
	}
}

static bool read_number(struct value value, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (!value.at || value.len == 0)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		unsigned digit = (unsigned)value.at[i] - '0';
		if (digit > 9 || number > (max - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return true;
}

static bool read_tag(struct value value, uint8_t ret_tag[NOTE_TAG_LEN])
{
	if (!value.at || value.len != 2 * NOTE_TAG_LEN)
		return false;
	for (size_t i = 0; i < NOTE_TAG_LEN; i++) {
		int high = text_hex_value((char)value.at[2 * i]), low = text_hex_value((char)value.at[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret_tag[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static void read_filter(struct value first, struct value rest, struct discovery_note *note)
{
	size_t len = first.len + rest.len;

	if (!first.at || len < BLOOM_MIN || len > sizeof note->filter)
		return;
	memcpy(note->filter, first.at, first.len);
	if (rest.len > 0)
		memcpy(note->filter + first.len, rest.at, rest.len);
	if (bloom_is_overfull(note->filter, len))
		memset(note->filter, 0, len);
	else
		note->filter_len = len;
}

enum err note_parse(const uint8_t *txt, size_t len, struct discovery_note *ret_note)
{
	const uint8_t *at = txt, *end = txt + len;
	struct value values[KEYS] = {0};
	struct discovery_note note = {0};
	uint64_t version;

	if (len > NOTE_TXT_READ_MAX)
		return ERR_LIMIT;
	while (at < end) {
		size_t string_len = *at++;
		if (string_len > (size_t)(end - at))
			return ERR_INVALID;
		take_string(at, string_len, values);
		at += string_len;
	}
	if (!read_number(values[VERSION], NOTE_VERSION_MAX, &version) || version == 0 || !read_tag(values[GROUP], note.group) ||
	    !read_tag(values[NODE], note.node) || !read_tag(values[EPOCH], note.epoch) ||
	    !read_number(values[GENERATION], UINT64_MAX, &note.generation) || !read_number(values[BLOBS], UINT64_MAX, &note.blobs))
		return ERR_INVALID;
	note.version = (unsigned)version;
	read_filter(values[FILTER_0], values[FILTER_1], &note);
	*ret_note = note;
	return ERR_OK;
}

bool note_is_equal(const struct discovery_note *a, const struct discovery_note *b)
{
	return note_is_same_start(a, b) && a->version == b->version && memcmp(a->group, b->group, NOTE_TAG_LEN) == 0 && a->generation == b->generation &&
	       a->blobs == b->blobs && a->filter_len == b->filter_len && memcmp(a->filter, b->filter, a->filter_len) == 0;
}

bool note_is_same_start(const struct discovery_note *a, const struct discovery_note *b)
{
	return memcmp(a->node, b->node, NOTE_TAG_LEN) == 0 && memcmp(a->epoch, b->epoch, NOTE_TAG_LEN) == 0;
}
