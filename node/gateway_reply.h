/* gateway_reply: what goes back: statuses, headers and small bodies. On the loop.
 *
 * Every reply ends the waiting of its request, which may be gone when it returns. Without memory the connection is closed.
 */
#ifndef LARDER_NODE_GATEWAY_REPLY_H
#define LARDER_NODE_GATEWAY_REPLY_H

#include "base/buf.h"
#include "node/gateway_request.h"
#include "node/hub.h"

#include <jansson.h>

/* What clients make exceptions of: names of the hub (X-Error-Code). */
#define REPLY_NO_REPO "RepoNotFound"
#define REPLY_NO_REVISION "RevisionNotFound"
#define REPLY_NO_ENTRY "EntryNotFound"
#define REPLY_GATED "GatedRepo"

/* Headers are added to a response before it is handed over; control characters in a value become '?'. */
void gateway_reply_header(struct MHD_Response *response, const char *name, const char *value);
void gateway_reply_header_number(struct MHD_Response *response, const char *name, uint64_t value);

/* Takes the response over; NULL: out of memory. Adds what all answers have. */
void gateway_reply(struct gateway_request *request, unsigned status, struct MHD_Response *response);
/* No body. */
void gateway_reply_empty(struct gateway_request *request, unsigned status);
/* A copy of the text is sent. `type` as in Content-Type. Returns the response, to be handed over: NULL without memory. */
struct MHD_Response *gateway_reply_of_text(const char *type, const char *text, size_t len) LARDER_MUST_USE;
/* Whether it is GET or HEAD; if not, it is refused. */
bool gateway_reply_is_for_get(struct gateway_request *request);
/* Takes the JSON over. */
void gateway_reply_json(struct gateway_request *request, unsigned status, json_t *json);
/* In the hub's form: {"error": SENTENCE} (to git-lfs: "message") and X-Error-Message; X-Error-Code where `code` is not NULL, X-Repo-Commit where `commit` is not NULL or "". */
void gateway_reply_error(struct gateway_request *request, unsigned status, const char *code, const char *commit, const char *sentence);

/* What the hub said, or what kept it from saying anything: `err` and `why` as hub_look has them. */
void gateway_reply_refusal(struct gateway_request *request, enum err err, const struct hub_refusal *refusal, const struct why *why);

#endif
