/* leftover: what lies in partial/, seen from outside: for gc, and for those who list what is incomplete. Blocks on the disk; any thread. */
#ifndef LARDER_STORE_LEFTOVER_H
#define LARDER_STORE_LEFTOVER_H

#include "store/place.h"
#include "store/store.h"

/* One partial blob, held by somebody or not. */
struct leftover {
	struct digest digest;  /* DIGEST_NONE: an unnamed one */
	char data[PLACE_MAX];  /* below HOME */
	uint64_t bytes;        /* of the data file, which is made in full length */
	int64_t changed_at_s;  /* wall clock */
	bool has_data, has_journal;
};

/* Oldest first. The caller frees *ret_leftovers. ERR_NO_MEMORY, or as opendir() fails. */
enum err leftover_list(struct store *store, struct leftover **ret_leftovers, size_t *ret_count, struct why *why) LARDER_MUST_USE;

/* Useless to anybody once its owner has gone: unnamed, or one file without the other. */
bool leftover_is_waste(const struct leftover *leftover);

/* How large it is to become, and how many bytes have arrived; false where that is not known. Reads all of its journal. */
bool leftover_progress(struct store *store, const struct leftover *leftover, uint64_t *ret_size, uint64_t *ret_have_bytes);

/* Whether nobody holds it just now. */
bool leftover_is_free(struct store *store, const struct leftover *leftover);

/* Remove it. False when somebody holds it, or has gone on with it since it was listed. */
bool leftover_remove(struct store *store, const struct leftover *leftover);

#endif
