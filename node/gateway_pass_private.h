/* gateway_pass_private: what the files share that pass questions on to the hub. On the loop.
 *
 *   gateway_pass.c         to the hub, and back
 *   gateway_pass_recall.c  what is known without asking it
 */
#ifndef LARDER_NODE_GATEWAY_PASS_PRIVATE_H
#define LARDER_NODE_GATEWAY_PASS_PRIVATE_H

#include "node/gateway_private.h"
#include "node/gateway_recall.h"
#include "node/gateway_sent.h"
#include "node/gateway_wait.h"
#include "node/hub_call.h"

#define PASS_HEADERS_MAX 64

struct pass {
	struct gateway_request *request;
	struct gateway_hub *hub;
	struct hub_call call;
	struct gateway_wait wait;
	char *url, *lines[PASS_HEADERS_MAX + 1]; /* owned */
	size_t line_count;
	struct gateway_sent sent;
	struct buf edited;        /* what came of an answer that is changed, or remembered, when it is whole */
	struct gateway_pipe pipe;
	struct gateway_recall recall;
	int64_t asked_ms;
	char commit[41];          /* of an info */
	struct why why;           /* that the hub is away, in the words of a question to it; "" */
	enum err err;             /* of a line that could not be added; then of the transfer */
	bool is_edited, is_paused, is_done;
};

/* --- gateway_pass.c; each goes on by itself */
void pass_ask_hub(struct pass *pass);
/* The answer is whole, or was broken off. */
void pass_finish(struct pass *pass, enum err err);
void pass_refuse(struct pass *pass, enum err err, const struct why *why);

/* --- gateway_pass_recall.c */
/* Whether there may be something in memory that answers it. */
bool pass_may_recall(const struct gateway_request *request);
/* Whether memory is as good as the hub: about commits, which do not change. */
bool pass_is_settled(const struct gateway_request *request);
/* Answer out of memory, or by what the hub says of the repo as a whole; where that cannot be: pass_ask_hub(), or the refusal while it is away. */
void pass_recall(struct pass *pass);
/* An answer of the hub has come whole: what can be known besides is kept. Then pass_finish(). */
void pass_note(struct pass *pass);

#endif
