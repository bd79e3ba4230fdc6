/* retry_after: how long a server asks to be left alone: Retry-After (RFC 9110, section 10.2.3) and RateLimit (draft-ietf-httpapi-ratelimit-headers).
 *
 * Pure; any thread.
 */
#ifndef LARDER_NODE_RETRY_AFTER_H
#define LARDER_NODE_RETRY_AFTER_H

#include <stdbool.h>
#include <stdint.h>

#define RETRY_AFTER_MAX_S 86400 /* more is cut to this */

/* `value` is seconds or a date in the form "Sun, 06 Nov 1994 08:49:37 GMT"; a date that has passed is 0 s. False for nonsense. */
bool retry_after_parse(const char *value, int64_t now_s, int64_t *ret_wait_s);
/* `value` is like `"resolvers";r=0;t=172`: seconds until the window begins anew, when nothing is left in this one. False for nonsense. */
bool rate_limit_parse(const char *value, int64_t *ret_wait_s);

#endif
