#include "node/wire_map.h"
#include "base/text.h"

#include <assert.h>
#include <cbor.h>
#include <stdarg.h>
#include <stdio.h>

#define FIELDS_MAX 23 /* so that the head of a map is one byte, whose place can be kept free */

struct wire_stream wire_stream_read(struct wire_reader reader, const char *what, struct why *why)
{
	return (struct wire_stream){.what = what, .why = why, .reader = reader};
}

struct wire_stream wire_stream_write(uint8_t *out, size_t room, const char *what, struct why *why)
{
	return (struct wire_stream){.what = what, .why = why, .out = out, .room = room};
}

void wire_stream_fail(struct wire_stream *stream, enum err err, const char *format, ...)
{
	char rest[256];
	va_list args;

	if (stream->err)
		return;
	va_start(args, format);
	vsnprintf(rest, sizeof rest, format, args);
	va_end(args);
	stream->err = why_set(stream->why, err, "%s %s", stream->what, rest);
}

/* --- writing */

/* A head of libcbor's making: `size` is 0 where it did not fit. */
static void add_head(struct wire_stream *stream, size_t size)
{
	if (stream->err)
		return;
	if (size == 0)
		wire_stream_fail(stream, ERR_LIMIT, "does not fit into %zu bytes", stream->room);
	stream->len += size;
}

static uint8_t *end_of(const struct wire_stream *stream)
{
	return stream->out + stream->len;
}

static size_t room_of(const struct wire_stream *stream)
{
	return stream->err ? 0 : stream->room - stream->len;
}

static void add_number(struct wire_stream *stream, uint64_t number)
{
	add_head(stream, cbor_encode_uint(number, end_of(stream), room_of(stream)));
}

void wire_stream_add(struct wire_stream *stream, const void *bytes, size_t len)
{
	if (stream->err || len == 0)
		return;
	if (len > room_of(stream)) {
		wire_stream_fail(stream, ERR_LIMIT, "does not fit into %zu bytes", stream->room);
		return;
	}
	memcpy(end_of(stream), bytes, len);
	stream->len += len;
}

static void add_bytes(struct wire_stream *stream, const void *bytes, size_t len)
{
	add_head(stream, cbor_encode_bytestring_start(len, end_of(stream), room_of(stream)));
	wire_stream_add(stream, bytes, len);
}

static void add_text(struct wire_stream *stream, const char *text, size_t len)
{
	add_head(stream, cbor_encode_string_start(len, end_of(stream), room_of(stream)));
	wire_stream_add(stream, text, len);
}

/* --- reading */

/* The value of a field, which must be of that kind. */
static bool take(struct wire_stream *stream, enum wire_kind kind, const char *name, struct wire_head *ret_head)
{
	if (stream->err)
		return false;
	if (wire_reader_next(&stream->reader, ret_head) && ret_head->kind == kind)
		return true;
	wire_stream_fail(stream, ERR_INVALID, "has no proper %s", name);
	return false;
}

static void take_key(struct wire_map *map)
{
	struct wire_stream *stream = map->stream;
	struct wire_head head;

	if (!take(stream, WIRE_NUMBER, "key", &head))
		return;
	if (map->is_begun && head.number <= map->key) {
		wire_stream_fail(stream, ERR_INVALID, "has keys that do not ascend");
		return;
	}
	map->key = head.number;
	map->left--;
	map->is_begun = map->is_at_value = true;
}

static void skip_value(struct wire_map *map)
{
	if (!wire_reader_skip(&map->stream->reader))
		wire_stream_fail(map->stream, ERR_INVALID, "has something that is no CBOR behind key %llu", (unsigned long long)map->key);
	map->is_at_value = false;
}

/* Go to the value of `key`. */
static bool find(struct wire_map *map, unsigned key, const char *name)
{
	struct wire_stream *stream = map->stream;

	for (;;) {
		if (!map->is_at_value && map->left > 0 && !stream->err)
			take_key(map);
		if (stream->err)
			return false;
		if (!map->is_at_value || map->key > key)
			break;
		if (map->key == key) {
			map->is_at_value = false;
			return true;
		}
		skip_value(map);
	}
	wire_stream_fail(stream, ERR_INVALID, "lacks %s", name);
	return false;
}

/* --- either */

/* True when the value of this field is to be read, or to be written, now. */
static bool at_field(struct wire_map *map, unsigned key, const char *name)
{
	struct wire_stream *stream = map->stream;

	if (!stream->out)
		return find(map, key, name);
	add_number(stream, key);
	map->count++;
	return !stream->err;
}

void wire_map_begin(struct wire_map *map, struct wire_stream *stream)
{
	struct wire_head head = {.number = 0};

	*map = (struct wire_map){.stream = stream, .head_at = stream->len};
	if (stream->out)
		add_head(stream, cbor_encode_map_start(0, end_of(stream), room_of(stream)));
	else if (take(stream, WIRE_MAP, "map", &head))
		map->left = head.number;
}

void wire_map_end(struct wire_map *map)
{
	struct wire_stream *stream = map->stream;

	if (stream->out) {
		assert(map->count <= FIELDS_MAX);
		if (!stream->err)
			cbor_encode_map_start(map->count, stream->out + map->head_at, 1);
		return;
	}
	while (!stream->err && (map->is_at_value || map->left > 0)) {
		if (map->is_at_value)
			skip_value(map);
		else
			take_key(map);
	}
}

static uint64_t bounded(struct wire_map *map, const char *name, uint64_t value, uint64_t min, uint64_t max)
{
	if (value >= min && value <= max)
		return value;
	wire_stream_fail(map->stream, value > max ? ERR_LIMIT : ERR_INVALID, "has %s %llu, not %llu to %llu", name, (unsigned long long)value,
			 (unsigned long long)min, (unsigned long long)max);
	return min;
}

uint64_t wire_map_number(struct wire_map *map, unsigned key, const char *name, uint64_t value, uint64_t min, uint64_t max)
{
	struct wire_head head;

	if (!at_field(map, key, name))
		return min;
	if (map->stream->out) {
		add_number(map->stream, bounded(map, name, value, min, max));
		return value;
	}
	return take(map->stream, WIRE_NUMBER, name, &head) ? bounded(map, name, head.number, min, max) : min;
}

bool wire_map_flag(struct wire_map *map, unsigned key, const char *name, bool value)
{
	struct wire_stream *stream = map->stream;
	struct wire_head head;

	if (!at_field(map, key, name))
		return false;
	if (stream->out) {
		add_head(stream, cbor_encode_bool(value, end_of(stream), room_of(stream)));
		return value;
	}
	return take(stream, WIRE_BOOL, name, &head) && head.number;
}

static bool is_length(struct wire_map *map, const char *name, uint64_t len, size_t min, size_t max)
{
	if (len >= min && len <= max)
		return true;
	wire_stream_fail(map->stream, len > max ? ERR_LIMIT : ERR_INVALID, "has a %s of %llu bytes, not %zu to %zu", name, (unsigned long long)len, min, max);
	return false;
}

/* A byte string, borrowed; written when writing. */
static void bytes_field(struct wire_map *map, unsigned key, const char *name, struct wire_bytes *bytes, size_t min, size_t max)
{
	struct wire_head head;

	if (!at_field(map, key, name))
		return;
	if (map->stream->out) {
		if (is_length(map, name, bytes->len, min, max))
			add_bytes(map->stream, bytes->at, bytes->len);
	} else if (take(map->stream, WIRE_BYTES, name, &head) && is_length(map, name, head.number, min, max)) {
		*bytes = (struct wire_bytes){head.at, (size_t)head.number};
	}
}

void wire_map_fixed(struct wire_map *map, unsigned key, const char *name, uint8_t *bytes, size_t len)
{
	struct wire_bytes borrowed = {bytes, len};

	bytes_field(map, key, name, &borrowed, len, len);
	if (borrowed.at != bytes)
		memcpy(bytes, borrowed.at, len);
}

void wire_map_bytes(struct wire_map *map, unsigned key, const char *name, struct wire_bytes *bytes, size_t max)
{
	bytes_field(map, key, name, bytes, 0, max);
}

void wire_map_tags(struct wire_map *map, unsigned key, const char *name, struct wire_tags *tags, size_t max)
{
	/* A count that is too large to be bytes is too large in bytes as well. */
	struct wire_bytes bytes = {(const uint8_t *)tags->at, tags->count > max ? (max + 1) * TAG_LEN : tags->count * TAG_LEN};

	bytes_field(map, key, name, &bytes, 0, max * TAG_LEN);
	if (bytes.len % TAG_LEN != 0) {
		wire_stream_fail(map->stream, ERR_INVALID, "has %s of %zu bytes, which are no whole ones", name, bytes.len);
		return;
	}
	*tags = (struct wire_tags){(const struct tag *)bytes.at, bytes.len / TAG_LEN};
}

static bool is_text(struct wire_map *map, const char *name, const struct wire_text *text)
{
	if (text_is_utf8(text->at, text->len) && !text_has_control(text->at, text->len))
		return true;
	wire_stream_fail(map->stream, ERR_INVALID, "has a %s that is no UTF-8, or has control characters", name);
	return false;
}

void wire_map_text(struct wire_map *map, unsigned key, const char *name, struct wire_text *text, size_t min, size_t max)
{
	struct wire_text read;
	struct wire_head head;

	if (!at_field(map, key, name))
		return;
	if (map->stream->out) {
		if (is_length(map, name, text->len, min, max) && is_text(map, name, text))
			add_text(map->stream, text->at, text->len);
		return;
	}
	if (!take(map->stream, WIRE_TEXT, name, &head) || !is_length(map, name, head.number, min, max))
		return;
	read = (struct wire_text){(const char *)head.at, (size_t)head.number};
	if (is_text(map, name, &read))
		*text = read;
}

/* False: there is none. */
static bool array_head(struct wire_map *map, unsigned key, const char *name, uint64_t *count)
{
	struct wire_stream *stream = map->stream;
	struct wire_head head;

	if (!at_field(map, key, name))
		return false;
	if (stream->out) {
		add_head(stream, cbor_encode_array_start(*count, end_of(stream), room_of(stream)));
		return !stream->err;
	}
	if (!take(stream, WIRE_ARRAY, name, &head))
		return false;
	*count = head.number;
	return true;
}

uint64_t wire_map_array(struct wire_map *map, unsigned key, const char *name, uint64_t count, uint64_t max)
{
	if (!array_head(map, key, name, &count))
		return 0;
	if (count <= max)
		return count;
	wire_stream_fail(map->stream, ERR_LIMIT, "has %llu %s, and may have %llu", (unsigned long long)count, name, (unsigned long long)max);
	return 0;
}

/* --- digests: [algorithm, bytes] */

static struct digest read_digest(struct wire_map *map, const char *name)
{
	struct wire_stream *stream = map->stream;
	struct wire_head algorithm, bytes;
	struct digest digest = {.algorithm = DIGEST_NONE};
	size_t len;

	if (!take(stream, WIRE_NUMBER, name, &algorithm) || !take(stream, WIRE_BYTES, name, &bytes) || !is_length(map, name, bytes.number, 0, WIRE_DIGEST_MAX))
		return digest;
	if (algorithm.number != DIGEST_SHA256 && algorithm.number != DIGEST_GIT_SHA1)
		return digest;
	len = digest_len((enum digest_algorithm)algorithm.number);
	if (is_length(map, name, bytes.number, len, len)) {
		digest.algorithm = (enum digest_algorithm)algorithm.number;
		memcpy(digest.bytes, bytes.at, len);
	}
	return digest;
}

void wire_map_digest(struct wire_map *map, unsigned key, const char *name, struct digest *digest)
{
	struct wire_stream *stream = map->stream;
	uint64_t count = 2;

	if (!array_head(map, key, name, &count))
		return;
	if (count != 2) {
		wire_stream_fail(stream, ERR_INVALID, "has no proper %s", name);
	} else if (stream->out) {
		add_number(stream, digest->algorithm);
		add_bytes(stream, digest->bytes, digest_len(digest->algorithm));
	} else {
		*digest = read_digest(map, name);
	}
}
