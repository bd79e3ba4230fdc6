/* bloom: a Bloom filter over tags of 16 bytes, small enough to be announced.
 *
 * Pure; any thread; nothing blocks. A filter is an array of bytes of any length from BLOOM_MIN up, all zero when empty. The bytes of a tag are
 * uniform already (a keyed hash), so they are taken as they are: four little-endian 32-bit words, each modulo the number of bits, say which bits
 * stand for it; bit n is bit n % 8 of byte n / 8.
 */
#ifndef LARDER_DISCOVERY_BLOOM_H
#define LARDER_DISCOVERY_BLOOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOOM_TAG_LEN 16
#define BLOOM_HASHES 4
#define BLOOM_MIN 8 /* bytes; a shorter one says nothing */

void bloom_add(uint8_t *bits, size_t len, const uint8_t tag[BLOOM_TAG_LEN]);

/* False: certainly not added. True: probably; wrong once in 16 where half of the bits are set, less often below. */
bool bloom_may_hold(const uint8_t *bits, size_t len, const uint8_t tag[BLOOM_TAG_LEN]);

/* The number of bits that are set. */
size_t bloom_fill(const uint8_t *bits, size_t len);

/* Whether more than half of the bits are set. Such a filter says yes too often to be of use (and would be the way to be asked for
 * everything), so readers ignore it. A writer adds tags, the most important ones first, until bloom_has_room() is false; what he holds beyond
 * that is not announced. */
bool bloom_is_overfull(const uint8_t *bits, size_t len);
/* Whether any further tag can be added without making it overfull. */
bool bloom_has_room(const uint8_t *bits, size_t len);

#endif
