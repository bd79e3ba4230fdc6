/* tree_private: what the rest of the store does to trees. */
#ifndef LARDER_STORE_TREE_PRIVATE_H
#define LARDER_STORE_TREE_PRIVATE_H

#include "store/tree.h"

/* Remove the links to a blob that was removed, found by the names that the index has for it. Returns how many. Under store_lock(). */
uint64_t tree_forget(struct store *store, const struct digest *digest);

/* Remove (unless `dry_run`: count) all links below repos/ that lead nowhere, and empty directories. Under store_lock(). */
uint64_t tree_sweep(struct store *store, bool dry_run);

#endif
