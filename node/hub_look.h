/* hub_look: one look on its way; what hub_look.c, hub_look_file.c and hub_look_repo.c share. Loop's thread only.
 *
 * Every function here that returns nothing goes on by itself: it asks the next question, or ends the look and frees the run, which must not be touched afterwards.
 */
#ifndef LARDER_NODE_HUB_LOOK_H
#define LARDER_NODE_HUB_LOOK_H

#include "node/hub_answer.h"
#include "node/hub_ask.h"
#include "node/hub_listing.h"

#define HUB_INFO_MAX_BYTES ((size_t)64 << 20) /* repo information lists all files too */

struct hub_look_run {
	struct hub *hub;
	struct hub_look *look;
	struct list link;
	struct hub_subject asked; /* as named */
	struct hub_subject at;    /* what was found: points into `found` */
	struct hub_listing found;
	struct hub_listing old;   /* what is remembered */
	bool has_old;
	bool is_hearsay;          /* it is what a cache says */
	bool is_known;            /* the files came out of the index */
	struct hub_ask ask;
	char *form;               /* body of a POST */
	struct hub_left_out left_out;
	size_t bytes, pages, entries; /* read; `entries` as of the last page whose number is a power of two */
	char *mark;               /* address of an earlier page, to find out whether they go round */
	struct loop_timer timer;
};

/* Ask the next question, at `url` from malloc(); NULL: out of memory. `hub` of the question is set here. */
void hub_look_ask(struct hub_look_run *run, const struct hub_ask *question, char *url);
/* The canonical name and the commit are known: `at` may be used. False: the look has failed. */
bool hub_look_settle(struct hub_look_run *run, const char *repo, const char *commit);
/* What files are in `found`; is it for everybody? Then the end. */
void hub_look_ask_visibility(struct hub_look_run *run);

/* The ends. What is remembered takes the place of a failure to reach the hub. */
void hub_look_succeed(struct hub_look_run *run);
void hub_look_fail(struct hub_look_run *run, enum err err, const struct why *why);
void hub_look_fail_memory(struct hub_look_run *run);
/* `why` completes "the hub answers with". */
void hub_look_fail_nonsense(struct hub_look_run *run, enum err err, struct why *why);

/* The first question of each kind. */
void hub_look_file(struct hub_look_run *run);
void hub_look_repo(struct hub_look_run *run);

#endif
