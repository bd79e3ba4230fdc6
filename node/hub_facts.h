/* hub_facts: what the headers of the hub's answers say about a file, or about what went wrong; and the error that this is.
 *
 * Pure, except that they allocate; any thread.
 */
#ifndef LARDER_NODE_HUB_FACTS_H
#define LARDER_NODE_HUB_FACTS_H

#include "node/hub_private.h"

struct hub_facts {
	int status;              /* of the last answer */
	char commit[41];         /* X-Repo-Commit of any answer on the way; "" */
	struct digest linked;    /* X-Linked-Etag of any answer on the way; DIGEST_NONE */
	bool has_linked_size;
	uint64_t linked_size;    /* X-Linked-Size */
	struct digest git;       /* an ETag of 40 hex digits of the last answer; DIGEST_NONE */
	bool has_length;
	uint64_t length;         /* Content-Length of the last answer, if it is not encoded */
	bool is_html;            /* the last answer is a web page */
	bool is_marked;          /* it has headers that hubs' answers have */
	char code[64];           /* X-Error-Code; "" */
	char message[HUB_MESSAGE_MAX]; /* X-Error-Message; "" */
	char *link_next;         /* Link with rel=next; NULL. Owned */
};

/* Take in one more answer of those on the way to the last one. ERR_NO_MEMORY. */
enum err hub_facts_add(struct hub_facts *facts, const struct http_answer *answer) LARDER_MUST_USE;
void hub_facts_release(struct hub_facts *facts);
/* Digest and size of the file are known. */
bool hub_facts_has_file(const struct hub_facts *facts, struct digest *ret_digest, uint64_t *ret_size);
/* The message of an error's JSON body, where the headers have none. */
void hub_facts_add_message(struct hub_facts *facts, const char *json, size_t len);

/* A web page where the hub was expected. Returns ERR_INVALID. */
enum err hub_error_portal(const struct hub *hub, struct why *why);
/* What a status other than 2xx means. Always an error: ERR_NOT_FOUND, ERR_DENIED, ERR_HUB_AWAY (5xx), ERR_INVALID. */
enum err hub_error(const struct hub *hub, const struct hub_subject *subject, const struct hub_facts *facts, bool anonymous, struct why *why);

#endif
