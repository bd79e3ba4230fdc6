/* hub_private: what the modules behind hub.h share. */
#ifndef LARDER_NODE_HUB_PRIVATE_H
#define LARDER_NODE_HUB_PRIVATE_H

#include "node/hub.h"
#include "node/hub_reach.h"
#include "node/hub_recent.h"
#include "node/url.h"

#define HUB_SCOPE_BYTES 16
/* What to do where something else than the hub seems to answer. */
#define HUB_PORTAL_HINT "is there a login page (captive portal) between this machine and it? Open it in a browser and log in, then try again"

struct hub {
	struct loop *loop; /* borrowed, as are the next two */
	struct http *http;
	struct store *store;
	char *base;         /* "https://huggingface.co", "http://mirror/hf": no trailing slash */
	struct url origin;  /* of base */
	char host[URL_AUTHORITY_MAX];
	char *token;        /* NULL: none */
	char scope[2 * HUB_SCOPE_BYTES + 1]; /* of answers that only this token (or having none) brought */
	struct hub_reach *reach; /* shared */
	bool told_away;     /* the person knows that remembered answers are used; until a look succeeds */
	unsigned requests;  /* sent, and not yet in the index's counter */
	bool is_for_others; /* as in the options */
	struct hub_recent recent;
	struct list looks, bodies;
	size_t body_count;  /* in `bodies` */
	uint64_t body_bytes; /* that came in for them, ever */
};

/* It did answer. */
void hub_note_answer(struct hub *hub);
/* Within the last HUB_AWAY_MS. */
bool hub_has_just_answered(const struct hub *hub);
/* A request goes out. */
void hub_count_request(struct hub *hub);

/* What a question is about, for addresses and sentences. All borrowed. */
struct hub_subject {
	enum repo_type type;
	const char *repo, *revision;
	const char *path; /* NULL: none */
};

/* Addresses at the hub, to be freed with free(); NULL: out of memory. */
char *hub_url_file(const struct hub *hub, const struct hub_subject *subject, const char *way); /* way: "resolve", "raw" */
char *hub_url_api(const struct hub *hub, const struct hub_subject *subject, const char *what);  /* what: "revision", "tree", "paths-info"; followed by the revision */

/* Look and body runs, for hub_destroy(). */
void hub_look_run_destroy(struct list *link);
void hub_body_run_destroy(struct list *link);

#endif
