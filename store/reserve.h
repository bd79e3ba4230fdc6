/* reserve: a little room on the disk that is kept for the day when it is full, so that what frees space can still write to the index.
 *
 * A file of RESERVE_BYTES in HOME that holds nothing. Where the file system cannot allocate, or is full already, there is none. Blocks on
 * the disk; any thread.
 */
#ifndef LARDER_STORE_RESERVE_H
#define LARDER_STORE_RESERVE_H

#include "store/store.h"

#define RESERVE_NAME "reserve"
#define RESERVE_BYTES ((int64_t)256 << 10)

/* Make it whole, or whole again, if there is room for it. */
void reserve_keep(struct store *store);
/* Let its room go. False when there was none. */
bool reserve_give_up(struct store *store);

#endif
