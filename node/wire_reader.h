/* wire_reader: pulls one head after the other out of bytes that should be CBOR (RFC 8949); part of wire.
 *
 * libcbor's streaming decoder reads a single head and takes no memory, so what a hostile head announces costs nothing: its tree-building loader would set memory aside for it.
 * Pure; any thread.
 */
#ifndef LARDER_NODE_WIRE_READER_H
#define LARDER_NODE_WIRE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_reader {
	const uint8_t *at;
	size_t left;
};

enum wire_kind {
	WIRE_NUMBER, /* not negative */
	WIRE_BYTES, WIRE_TEXT, WIRE_ARRAY, WIRE_MAP,
	WIRE_OPEN_BYTES, WIRE_OPEN_TEXT, WIRE_OPEN_ARRAY, WIRE_OPEN_MAP, /* of no definite length */
	WIRE_BREAK, WIRE_TAG, WIRE_BOOL,
	WIRE_OTHER, /* a negative number, a float, null, undefined */
};

struct wire_head {
	enum wire_kind kind;
	uint64_t number;   /* of NUMBER; bytes of BYTES and TEXT, which are all there; items of ARRAY, pairs of MAP, which may not be; BOOL: 1 or 0 */
	const uint8_t *at; /* the bytes of BYTES and TEXT */
};

/* False, with the reader standing where it stood: no whole head, or none that CBOR knows. */
bool wire_reader_next(struct wire_reader *reader, struct wire_head *ret_head);
/* Pass over one well-formed value, with no more than WIRE_NESTING_MAX others around what is in it. False: there is none; the reader stands anywhere then. */
bool wire_reader_skip(struct wire_reader *reader);

#endif
