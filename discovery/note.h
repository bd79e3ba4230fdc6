/* note: what a node says about itself in its DNS-SD TXT record (RFC 6763, section 6).
 *
 * Pure; any thread; nothing blocks. A TXT record is strings of at most 255 bytes, each behind a byte that tells its length; ours are key=value:
 *
 *   v=1       version of the peer protocol, decimal
 *   g=...     group tag, 16 hexadecimal digits
 *   n=...     short node id, 16 hexadecimal digits
 *   e=...     epoch, 16 hexadecimal digits: random, another at each start of the node
 *   h=...     generation of the holdings, decimal
 *   c=...     number of blobs held, decimal
 *   b0=, b1=  the Bloom filter of the holdings (bloom.h), raw bytes: the first 252 of it and the rest; left out when there is none
 *
 * Nobody vouches for what is in there: it orders whom to ask, and decides nothing else.
 */
#ifndef LARDER_DISCOVERY_NOTE_H
#define LARDER_DISCOVERY_NOTE_H

#include "base/err.h"

#include <stdint.h>

#define NOTE_TAG_LEN 8
#define NOTE_FILTER_MAX 256 /* bytes */
#define NOTE_TXT_MAX 400    /* bytes of the record that note_write() may make */
#define NOTE_TXT_READ_MAX 1300 /* bytes of a record that note_parse() looks at: later versions may say more */
#define NOTE_VERSION_MAX 65535

struct discovery_note {
	unsigned version; /* 1 to NOTE_VERSION_MAX */
	uint8_t group[NOTE_TAG_LEN];
	uint8_t node[NOTE_TAG_LEN];
	uint8_t epoch[NOTE_TAG_LEN];
	uint64_t generation;
	uint64_t blobs;
	size_t filter_len; /* 0: none */
	uint8_t filter[NOTE_FILTER_MAX];
};

/* Write the record; a filter_len above NOTE_FILTER_MAX is our own bug. Returns its length in bytes. */
size_t note_write(const struct discovery_note *note, uint8_t ret_txt[NOTE_TXT_MAX]);

/* Read a record from outside. Keys are taken in either case, the first of each counts, those not known are ignored. ERR_INVALID: a string runs past
 * the end, or v, g, n, e, h or c is missing or malformed. ERR_LIMIT: longer than NOTE_TXT_READ_MAX. A filter that is too long, too short or
 * overfull (bloom.h) is ignored: filter_len is 0 then. */
enum err note_parse(const uint8_t *txt, size_t len, struct discovery_note *ret_note) LARDER_MUST_USE;

bool note_is_equal(const struct discovery_note *a, const struct discovery_note *b);

/* Whether both say they are the same start of the same node. */
bool note_is_same_start(const struct discovery_note *a, const struct discovery_note *b);

#endif
