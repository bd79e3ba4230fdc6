/* checked: which chunks of which blobs were checked since this node started, so that they may be given away as they are read.
 *
 * By digest and identity of the file (inode, times of modification and change): a file that was touched is checked again. The CHECKED_MAX blobs used last; a bit a chunk. On the loop.
 */
#ifndef LARDER_NODE_CHECKED_H
#define LARDER_NODE_CHECKED_H

#include "base/list.h"
#include "store/digest.h"

#include <sys/stat.h>

#define CHECKED_MAX 256

struct checked {
	struct list all; /* the last one used first */
	unsigned count;
};

void checked_init(struct checked *checked);
void checked_release(struct checked *checked);

/* Whether chunks first .. end - 1 of it are, all of them. */
bool checked_has(struct checked *checked, const struct digest *digest, const struct stat *file, uint64_t first, uint64_t end);
/* They are now. Without memory they stay unchecked. */
void checked_add(struct checked *checked, const struct digest *digest, const struct stat *file, uint64_t first, uint64_t end);

#endif
