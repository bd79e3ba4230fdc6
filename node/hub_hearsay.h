/* hub_hearsay: what a cache of the Hugging Face libraries on this machine says of repos: which files, by digest, a commit has, and which commit a branch was.
 *
 * No hub's word: a cache does not know from which hub, or with whose token, its files came. It answers where no hub does and nothing else is remembered, and only its owner (hub_look.may_hear); the visibility is
 * unknown, and nobody else is told. A commit may have more files than the cache has. Blocks on the index; any thread.
 */
#ifndef LARDER_NODE_HUB_HEARSAY_H
#define LARDER_NODE_HUB_HEARSAY_H

#include "node/hub_private.h"

/* These files are in the listing's commit, beside those that were told before, which are added to it. */
enum err hub_hearsay_add(struct index *index, struct hub_listing *listing, int64_t now_s, struct why *why) LARDER_MUST_USE;
/* That branch or tag is this commit. */
enum err hub_hearsay_add_ref(struct index *index, enum repo_type type, const char *repo, const char *revision, const char *commit, int64_t now_s, struct why *why) LARDER_MUST_USE;

/* The one file that the subject names: *ret_listing is complete but for `remembered`; release it. ERR_NOT_FOUND; others as the index gives them. */
enum err hub_hearsay_find(struct index *index, const struct hub_subject *subject, struct hub_listing *ret_listing) LARDER_MUST_USE;

#endif
