/* tag: what stands for a digest where hashes themselves are not told: a keyed hash of it, cut to 16 bytes (docs/PROTOCOL.md). Pure; any thread. */
#ifndef LARDER_NODE_TAG_H
#define LARDER_NODE_TAG_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define TAG_LEN 16

struct tag {
	uint8_t bytes[TAG_LEN];
};

/* As memcmp() does. */
static inline int tag_compare(const struct tag *a, const struct tag *b) { return memcmp(a->bytes, b->bytes, TAG_LEN); }
static inline bool tag_equal(const struct tag *a, const struct tag *b) { return tag_compare(a, b) == 0; }

#endif
