/* pointer: the few lines that stand in git for a file kept in LFS (git-lfs, docs/spec.md).
 *
 * Pure; any thread.
 */
#ifndef LARDER_NODE_POINTER_H
#define LARDER_NODE_POINTER_H

#include "store/digest.h"

#define POINTER_MAX_BYTES 1024 /* a pointer is shorter than that, says its specification */

/* False, with the out-parameters untouched, for anything but one whole pointer: `version` first, then `oid sha256:` and `size` once each; other
 * keys are passed over. */
bool pointer_parse(const char *text, size_t len, struct digest *ret_digest, uint64_t *ret_size);

#endif
