/* content_range: which bytes of a file a partial answer says it has (RFC 9110, section 14.4). Pure; any thread. */
#ifndef LARDER_NODE_CONTENT_RANGE_H
#define LARDER_NODE_CONTENT_RANGE_H

#include <stdbool.h>
#include <stdint.h>

/* "bytes 5-9/100"; behind the slash may be "*" for a size that is not known. False, with nothing set, for anything else. */
bool content_range_parse(const char *value, uint64_t *ret_first, bool *ret_has_total, uint64_t *ret_total);

#endif
