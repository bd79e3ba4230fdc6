/* hub_ask: one metadata question, tried again where that may help, its answer whole in memory or an error in words.
 *
 * On the loop. 5xx and connections that fail quickly are tried again, a few times, and more often where the hub did answer a moment ago: then it is not gone, but in trouble. What has
 * to be waited for is not waited for twice.
 */
#ifndef LARDER_NODE_HUB_ASK_H
#define LARDER_NODE_HUB_ASK_H

#include "node/hub_call.h"
#include "node/hub_facts.h"

#define HUB_TRIES 3            /* in all */
#define HUB_TRIES_IN_TROUBLE 9 /* within the 10 s that clients wait for a byte */
#define HUB_RETRY_MS 500       /* before the second try */
#define HUB_RETRY_LATER_MS 1000
#define HUB_FAILS_FAST_MS 1000 /* a failure that took longer is not tried again */

/* Embedded by the caller: fill the first part, leave the rest zero. */
struct hub_ask {
	struct hub *hub;
	const struct hub_subject *subject; /* for sentences; borrowed until done */
	const char *method;
	const char *const *headers;  /* borrowed until done, as is the body */
	const char *body;
	size_t limit;                /* most bytes of the answer's body */
	bool anonymous;
	bool quick;                  /* a remembered answer can serve instead: HUB_QUICK_MS, and one try to reach the hub */
	bool (*on_redirect)(struct hub_ask *ask, const char *target); /* as in hub_call.h; may be NULL */
	/* The end, once, never from within start. ERR_OK: a 2xx whose body is in `text`, or a redirect that names a file (hub_facts_has_file()). Else ERR_LIMIT, ERR_NO_MEMORY or as
	 * hub_error(). After any end `facts` has the last answer's status (0: there was none). */
	void (*on_done)(struct hub_ask *ask, enum err err, const struct why *why);

	struct hub_facts facts;
	struct buf text;
	unsigned tries;
	int64_t sent_ms;
	char *url;                   /* owned */
	struct loop_timer timer;
	struct hub_call call;
};

/* Takes `url`, from malloc(); NULL: ERR_NO_MEMORY. After a failure it is released already. */
enum err hub_ask_start(struct hub_ask *ask, char *url, struct why *why) LARDER_MUST_USE;
/* No further callback; frees the answer. Harmless when not running, and more than once. Not from within on_redirect. */
void hub_ask_release(struct hub_ask *ask);

#endif
