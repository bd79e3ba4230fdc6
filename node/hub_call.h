/* hub_call: one question to the hub and its one answer: redirects followed, 429 waited out, the token sent to the hub's own origin only.
 *
 * On the loop. It judges no other status, and does not try again where a connection fails: hub_ask.h and hub_body.c do, each in its way.
 */
#ifndef LARDER_NODE_HUB_CALL_H
#define LARDER_NODE_HUB_CALL_H

#include "node/hub_private.h"

#define HUB_REDIRECTS_MAX 10
#define HUB_BUSY_MAX_MS ((int64_t)15 * 60 * 1000) /* how long 429 is waited out in one call */

/* Embedded by the caller: fill the first part, leave the rest zero. */
struct hub_call {
	struct hub *hub;
	const char *method;
	const char *url;      /* copied */
	const char *const *headers; /* as in http.h; borrowed until done, as is the body */
	const void *body;
	size_t body_len;
	bool anonymous;       /* without the token */
	bool elsewhere;       /* redirects to other origins are followed; else such a redirect is the answer */
	bool alone, decode;   /* as in http.h */
	bool impatient;       /* 429 is not waited out: ERR_HUB_AWAY at once */
	bool gives_busy;      /* nor that: it is an answer like others */
	bool gives_redirects; /* so are all redirects */
	int64_t range_first, range_last; /* as in http.h: -1 for none */
	int64_t connect_timeout_ms, answer_timeout_ms; /* 0: as usual */
	/* A redirect to `target` is about to be followed; false makes it the answer. NULL: follow. Must not cancel. */
	bool (*on_redirect)(struct hub_call *call, const struct http_answer *answer, const char *target);
	/* The answer, and its body. Both may cancel; NULL: not wanted. */
	void (*on_answer)(struct hub_call *call, const struct http_answer *answer);
	void (*on_bytes)(struct hub_call *call, const uint8_t *data, size_t len);
	/* The end, once, never from within start: as on_done of http.h; and ERR_INVALID for redirects that cannot be followed, ERR_HUB_AWAY when 429 was waited out for too long. */
	void (*on_done)(struct hub_call *call, enum err err, const struct why *why);

	char *current;        /* address of the request that is out; lives until the next start or release */
	unsigned redirects;   /* followed */
	char *next;           /* where the redirect that is coming in leads */
	bool has_left;        /* a redirect led elsewhere: no token any more */
	bool is_answered;     /* the answer is here */
	bool is_busy;         /* what is coming in is a 429 */
	bool gave_up;         /* 429 would have to be waited out for too long */
	bool is_paused;
	size_t unread;        /* bytes of a body nobody wants */
	int64_t busy_ms;      /* waited so far */
	int64_t wait_ms;      /* to be waited now */
	struct loop_timer timer;
	struct http_request request;
};

/* May be started again after it ended, with the second part zeroed by hub_call_release(). */
enum err hub_call_start(struct hub_call *call, struct why *why) LARDER_MUST_USE;
/* No further callback; `current` stays. Harmless when not running. */
void hub_call_cancel(struct hub_call *call);
/* The same, and frees what it holds. Harmless more than once. */
void hub_call_release(struct hub_call *call);
void hub_call_pause(struct hub_call *call);
void hub_call_resume(struct hub_call *call);
/* A 429 is being waited out. */
bool hub_call_is_waiting(const struct hub_call *call);
/* Whether `current` is at the hub's own origin. */
bool hub_call_is_at_hub(const struct hub_call *call);

#endif
