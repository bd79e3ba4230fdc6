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

/* The same for the list of a repo's branches and tags, which is kept as the hub words it (JSON). */
void hub_remember_refs(struct hub *hub, enum repo_type type, const char *repo, const char *json, size_t len);
/* ERR_NOT_FOUND, also where it is too long ago that this token was told. Adds to *ret_json. */
enum err hub_recall_refs(struct hub *hub, enum repo_type type, const char *repo, struct buf *ret_json) LARDER_MUST_USE;

/* Which commit a branch or tag was, as the hub said last. ERR_NOT_FOUND as above. */
enum err hub_recall_commit(struct hub *hub, const struct hub_subject *subject, char ret_commit[41]) LARDER_MUST_USE;

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
