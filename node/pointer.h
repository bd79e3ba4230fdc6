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

/* The text of a file's pointer, as git-lfs writes it; `digest` is a SHA-256. Returns its length. */
size_t pointer_write(const struct digest *digest, uint64_t size, char ret_text[POINTER_MAX_BYTES]);
/* The git blob id of that text: which object git has in the file's place. False: libcrypto cannot. */
bool pointer_git_oid(const char *text, size_t len, struct digest *ret_oid);

#endif
