/* gateway_paths: the body of a question about some paths of a repo (.../paths-info/REVISION), as clients word it. Any thread; does not block. */
#ifndef LARDER_NODE_GATEWAY_PATHS_H
#define LARDER_NODE_GATEWAY_PATHS_H

#include <jansson.h>
#include <stddef.h>

#define GATEWAY_PATHS_MAX 1000 /* in one question, as at the hub */
#define GATEWAY_PATHS_BYTES_MAX ((size_t)1 << 20)

/* An array of strings, for json_decref(): from {"paths": [...]} where `content_type` (may be NULL) names JSON, else from the form paths=A&paths=B. NULL: it is neither, there are more than
 * GATEWAY_PATHS_MAX or GATEWAY_PATHS_BYTES_MAX, or out of memory. */
json_t *gateway_paths_parse(const char *content_type, const char *body, size_t len);

#endif
