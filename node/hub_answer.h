/* hub_answer: the hub's answers as remembered in the index, for when it is away and for commits, which never change.
 *
 * What is not public is kept apart by token. Blocks on the index; loop's thread.
 */
#ifndef LARDER_NODE_HUB_ANSWER_H
#define LARDER_NODE_HUB_ANSWER_H

#include "node/hub_private.h"

#define HUB_REMEMBER_MAX_BYTES ((size_t)64 << 20) /* larger listings are asked for again */

/* Keep an answer of now: which commit `asked->revision` is; with `files`, also all files of it, or the one file `asked->path`. A failure is logged and harms nothing. */
void hub_remember(struct hub *hub, const struct hub_subject *asked, const struct hub_listing *listing, bool files);

/* The hub does not let this token have it any more: what only this token was told of the subject, at `commit`, is gone. */
void hub_forget(struct hub *hub, const struct hub_subject *subject, const char *commit);

/* What is remembered of the subject: *ret_listing is complete but for `remembered`; release it. ERR_NOT_FOUND; others as the index gives them. */
enum err hub_recall(struct hub *hub, const struct hub_subject *subject, struct hub_listing *ret_listing) LARDER_MUST_USE;

/* The answer about the one file of a branch that was given at most HUB_JUST_S ago; hub_note_just() says that it is given now. */
bool hub_recall_just(struct hub *hub, const struct hub_subject *subject, struct hub_listing *ret_listing);
void hub_note_just(struct hub *hub, const struct hub_subject *subject, const struct hub_listing *listing);

/* Whether all files of that commit are remembered, and the path is none of them. */
bool hub_recall_lacks(struct hub *hub, const struct hub_subject *subject);

#endif
