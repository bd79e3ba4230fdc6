/* gateway_range: which bytes of a file a request asks for, and under which conditions (RFC 9110, sections 13 and 14).
 *
 * One range; what asks for several, or is written wrongly, gets the whole file, as the RFC allows. Ends beyond the file are clamped. Pure; any thread.
 */
#ifndef LARDER_NODE_GATEWAY_RANGE_H
#define LARDER_NODE_GATEWAY_RANGE_H

#include <stdbool.h>
#include <stdint.h>

enum gateway_range_kind { RANGE_WHOLE, RANGE_PART, RANGE_BEYOND /* 416 */ };

struct gateway_range {
	enum gateway_range_kind kind;
	uint64_t first, end; /* bytes first .. end - 1; all of the file where it is whole, none where it is beyond */
};

/* `value`: of Range, or NULL. `if_range`: of If-Range, or NULL: the range counts only where that is `etag` (a strong one, with its quotes). */
struct gateway_range gateway_range_parse(const char *value, const char *if_range, const char *etag, uint64_t size);

/* Whether `etag` is among those of If-None-Match ("*" included; weak ones match, too). */
bool gateway_etag_is_known(const char *if_none_match, const char *etag);

#endif
