/* gateway_checked: which chunks of which blobs were checked since this node started, so that they may be sent straight from the file.
 *
 * By digest and identity of the file (inode, times of modification and change): a file that was touched is checked again. The GATEWAY_CHECKED_MAX blobs used last; a bit a chunk. On the loop.
 */
#ifndef LARDER_NODE_GATEWAY_CHECKED_H
#define LARDER_NODE_GATEWAY_CHECKED_H

#include "base/list.h"
#include "store/digest.h"

#include <sys/stat.h>

#define GATEWAY_CHECKED_MAX 256

struct gateway_checked {
	struct list all; /* the last one used first */
	unsigned count;
};

void gateway_checked_init(struct gateway_checked *checked);
void gateway_checked_release(struct gateway_checked *checked);

/* Whether chunks first .. end - 1 of it are, all of them. */
bool gateway_checked_has(struct gateway_checked *checked, const struct digest *digest, const struct stat *file, uint64_t first, uint64_t end);
/* They are now. Without memory they stay unchecked. */
void gateway_checked_add(struct gateway_checked *checked, const struct digest *digest, const struct stat *file, uint64_t first, uint64_t end);

#endif
