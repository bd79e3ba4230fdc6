/* wire_map: the fields of a CBOR map, read or written by the same lines; part of wire.
 *
 * A message is described once, as a row of calls, one a field with its key, its name for sentences and its limit. On a stream that reads they fill in the structure; on one that
 * writes they write it. Both check the same, so nothing can be sent that would be refused. The first failure stays in the stream, and all after it does nothing. Pure; any thread.
 */
#ifndef LARDER_NODE_WIRE_MAP_H
#define LARDER_NODE_WIRE_MAP_H

#include "node/wire.h"
#include "node/wire_reader.h"

struct wire_stream {
	enum err err;
	const char *what; /* "HAVE"; for sentences */
	struct why *why;
	struct wire_reader reader; /* when reading */
	uint8_t *out;              /* when writing; else NULL */
	size_t room, len;
};

struct wire_map {
	struct wire_stream *stream;
	uint64_t left;     /* when reading: pairs behind the current key */
	uint64_t key;      /* the current key */
	bool is_at_value;  /* its key has been read, its value has not */
	bool is_begun;     /* there was a key */
	size_t head_at;    /* when writing: where the map begins */
	unsigned count;    /* and how many fields it has so far */
};

struct wire_stream wire_stream_read(struct wire_reader reader, const char *what, struct why *why);
struct wire_stream wire_stream_write(uint8_t *out, size_t room, const char *what, struct why *why);

/* ERR_INVALID or ERR_LIMIT, with "a HAVE message " and the rest of the sentence. */
void wire_stream_fail(struct wire_stream *stream, enum err err, const char *format, ...) LARDER_PRINTF(3, 4);

void wire_map_begin(struct wire_map *map, struct wire_stream *stream);
/* When reading, passes over what is left of it. */
void wire_map_end(struct wire_map *map);

/* The fields, in ascending order of their keys. Those that return a number return what was given when writing, and something within bounds (or 0) after a failure. */
uint64_t wire_map_number(struct wire_map *map, unsigned key, const char *name, uint64_t value, uint64_t min, uint64_t max);
bool wire_map_flag(struct wire_map *map, unsigned key, const char *name, bool value);
void wire_map_fixed(struct wire_map *map, unsigned key, const char *name, uint8_t *bytes, size_t len);
void wire_map_bytes(struct wire_map *map, unsigned key, const char *name, struct wire_bytes *bytes, size_t max);
void wire_map_tags(struct wire_map *map, unsigned key, const char *name, struct wire_tags *tags, size_t max);
void wire_map_text(struct wire_map *map, unsigned key, const char *name, struct wire_text *text, size_t min, size_t max);
void wire_map_digest(struct wire_map *map, unsigned key, const char *name, struct digest *digest);
/* The head of an array; its items follow on the stream. Returns how many. */
uint64_t wire_map_array(struct wire_map *map, unsigned key, const char *name, uint64_t count, uint64_t max);

/* Bytes that are CBOR already, when writing. */
void wire_stream_add(struct wire_stream *stream, const void *bytes, size_t len);

#endif
