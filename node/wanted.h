/* wanted: a name under which a file was asked for, kept in the index once the file is held.
 *
 * One thread at a time; wanted_keep() blocks.
 */
#ifndef LARDER_NODE_WANTED_H
#define LARDER_NODE_WANTED_H

#include "base/list.h"
#include "node/hub.h"

struct wanted {
	struct list link;     /* the owner's */
	struct blob_name name; /* strings owned; the digest is filled in by wanted_keep() */
	enum visibility visibility;
};

/* Copies what it needs. NULL: out of memory. */
struct wanted *wanted_create(const struct hub_listing *listing, const struct hub_file *file, const char *hub_host);
void wanted_destroy(struct wanted *wanted); /* NULL is fine */
/* Destroy all of a list. */
void wanted_destroy_all(struct list *all);

/* Write name and visibility of a held blob into the index. */
enum err wanted_keep(struct wanted *wanted, const struct digest *digest, struct store *store, struct why *why) LARDER_MUST_USE;

#endif
