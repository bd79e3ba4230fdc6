/* gc_private: the quota, with or without doing something about it. */
#ifndef LARDER_STORE_GC_PRIVATE_H
#define LARDER_STORE_GC_PRIVATE_H

#include "store/gc.h"

/* gc_make_room() that adds to *result and, with `dry_run`, only counts. */
enum err gc_hold_quota(struct store *store, uint64_t need, bool dry_run, struct gc_result *result, struct why *why) LARDER_MUST_USE;

#endif
