#include "node/wire_reader.h"
#include "node/wire.h"

#include <cbor.h>

static void set(void *context, enum wire_kind kind, uint64_t number)
{
	*(struct wire_head *)context = (struct wire_head){.kind = kind, .number = number};
}

static void on_uint8(void *context, uint8_t value) { set(context, WIRE_NUMBER, value); }
static void on_uint16(void *context, uint16_t value) { set(context, WIRE_NUMBER, value); }
static void on_uint32(void *context, uint32_t value) { set(context, WIRE_NUMBER, value); }
static void on_uint64(void *context, uint64_t value) { set(context, WIRE_NUMBER, value); }
static void on_negint8(void *context, uint8_t value) { set(context, WIRE_OTHER, value); }
static void on_negint16(void *context, uint16_t value) { set(context, WIRE_OTHER, value); }
static void on_negint32(void *context, uint32_t value) { set(context, WIRE_OTHER, value); }
static void on_negint64(void *context, uint64_t value) { set(context, WIRE_OTHER, value); }

static void on_bytes(void *context, cbor_data data, size_t len)
{
	*(struct wire_head *)context = (struct wire_head){.kind = WIRE_BYTES, .number = len, .at = data};
}

static void on_text(void *context, cbor_data data, size_t len)
{
	*(struct wire_head *)context = (struct wire_head){.kind = WIRE_TEXT, .number = len, .at = data};
}

static void on_array(void *context, size_t count) { set(context, WIRE_ARRAY, count); }
static void on_map(void *context, size_t count) { set(context, WIRE_MAP, count); }
static void on_open_bytes(void *context) { set(context, WIRE_OPEN_BYTES, 0); }
static void on_open_text(void *context) { set(context, WIRE_OPEN_TEXT, 0); }
static void on_open_array(void *context) { set(context, WIRE_OPEN_ARRAY, 0); }
static void on_open_map(void *context) { set(context, WIRE_OPEN_MAP, 0); }
static void on_break(void *context) { set(context, WIRE_BREAK, 0); }
static void on_tag(void *context, uint64_t value) { set(context, WIRE_TAG, value); }
static void on_bool(void *context, bool value) { set(context, WIRE_BOOL, value); }
static void on_float(void *context, float value) { (void)value; set(context, WIRE_OTHER, 0); }
static void on_double(void *context, double value) { (void)value; set(context, WIRE_OTHER, 0); }
static void on_simple(void *context) { set(context, WIRE_OTHER, 0); }

static const struct cbor_callbacks on_head = {
	.uint8 = on_uint8, .uint16 = on_uint16, .uint32 = on_uint32, .uint64 = on_uint64,
	.negint8 = on_negint8, .negint16 = on_negint16, .negint32 = on_negint32, .negint64 = on_negint64,
	.byte_string_start = on_open_bytes, .byte_string = on_bytes, .string_start = on_open_text, .string = on_text,
	.indef_array_start = on_open_array, .array_start = on_array, .indef_map_start = on_open_map, .map_start = on_map,
	.tag = on_tag, .float2 = on_float, .float4 = on_float, .float8 = on_double,
	.undefined = on_simple, .null = on_simple, .boolean = on_bool, .indef_break = on_break,
};

bool wire_reader_next(struct wire_reader *reader, struct wire_head *ret_head)
{
	struct wire_head head = {.kind = WIRE_BREAK};
	struct cbor_decoder_result result;

	if (reader->left == 0)
		return false;
	result = cbor_stream_decode(reader->at, reader->left, &on_head, &head);
	if (result.status != CBOR_DECODER_FINISHED || result.read == 0 || result.read > reader->left)
		return false;
	reader->at += result.read;
	reader->left -= result.read;
	*ret_head = head;
	return true;
}

static bool skip(struct wire_reader *reader, unsigned around);

/* Each item is at least a byte, so a false count ends with the input. */
static bool skip_items(struct wire_reader *reader, uint64_t count, unsigned around)
{
	while (count-- > 0)
		if (!skip(reader, around))
			return false;
	return true;
}

static bool skip_pairs(struct wire_reader *reader, uint64_t count, unsigned around)
{
	while (count-- > 0)
		if (!skip_items(reader, 2, around))
			return false;
	return true;
}

static bool is_break(struct wire_reader *reader)
{
	struct wire_reader ahead = *reader;
	struct wire_head head;

	if (!wire_reader_next(&ahead, &head) || head.kind != WIRE_BREAK)
		return false;
	*reader = ahead;
	return true;
}

/* Items, or pairs, up to a break. */
static bool skip_open(struct wire_reader *reader, unsigned at_once, unsigned around)
{
	while (!is_break(reader))
		if (!skip_items(reader, at_once, around))
			return false;
	return true;
}

/* A string of no definite length is made of definite ones of its kind. */
static bool skip_open_string(struct wire_reader *reader, enum wire_kind kind)
{
	struct wire_head head;

	while (!is_break(reader))
		if (!wire_reader_next(reader, &head) || head.kind != kind)
			return false;
	return true;
}

static bool skip_rest(struct wire_reader *reader, const struct wire_head *head, unsigned around)
{
	switch (head->kind) {
	case WIRE_NUMBER:
	case WIRE_BYTES:
	case WIRE_TEXT:
	case WIRE_BOOL:
	case WIRE_OTHER:
		return true;
	case WIRE_TAG:
		return skip(reader, around + 1);
	case WIRE_ARRAY:
		return skip_items(reader, head->number, around + 1);
	case WIRE_MAP:
		return skip_pairs(reader, head->number, around + 1);
	case WIRE_OPEN_ARRAY:
		return skip_open(reader, 1, around + 1);
	case WIRE_OPEN_MAP:
		return skip_open(reader, 2, around + 1);
	case WIRE_OPEN_BYTES:
		return skip_open_string(reader, WIRE_BYTES);
	case WIRE_OPEN_TEXT:
		return skip_open_string(reader, WIRE_TEXT);
	case WIRE_BREAK:
		return false;
	}
	return false;
}

/* `around` bounds the recursion: a value that has too many around it is none. */
static bool skip(struct wire_reader *reader, unsigned around)
{
	struct wire_head head;

	return around <= WIRE_NESTING_MAX && wire_reader_next(reader, &head) && skip_rest(reader, &head, around);
}

bool wire_reader_skip(struct wire_reader *reader)
{
	return skip(reader, 0);
}
