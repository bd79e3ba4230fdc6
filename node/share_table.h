/* share_table: the blobs that are shared at one moment, and what is different in the next one (share.h).
 *
 * Made on a worker from what the index says (blocks); never changed after that but for its generation and its count of references, which are the loop's.
 */
#ifndef LARDER_NODE_SHARE_TABLE_H
#define LARDER_NODE_SHARE_TABLE_H

#include "base/list.h"
#include "node/share.h"

#define SHARE_TABLE_LARGEST 512 /* more tags than any filter takes */

struct share_rule {
	bool serve, with_gated;
	int64_t public_since_s; /* confirmed then or later */
};

struct share_held {
	uint8_t sha256[SHA256_LEN];
	uint64_t size;
};

struct share_table {
	struct share_set set;      /* set.tags.count for all arrays */
	size_t references;         /* the loop's; 1 when it is made */
	struct tag *tags;          /* in order */
	struct share_held *held;   /* what the tag at the same place stands for */
	uint32_t largest[SHARE_TABLE_LARGEST]; /* places of the tags of the largest blobs, those first */
	size_t largest_count;
	uint64_t blobs, bytes;     /* aliases not counted */
	int64_t oldest_s;          /* when the first of the confirmations was; INT64_MAX: there is none */
};

/* ERR_NO_MEMORY, or what the index says. */
enum err share_table_create(struct index *index, const struct group *group, const struct share_rule *rule, struct share_table **ret_table, struct why *why) LARDER_MUST_USE;
/* Take one reference back; the last one frees it. NULL is fine. */
void share_table_drop(struct share_table *table);

/* The place of a tag; false: it is not there. */
bool share_table_find(const struct share_table *table, const struct tag *tag, size_t *ret_place);

/* One HAVE. */
struct share_step {
	struct list link;
	struct share_change change; /* its tags are behind; the generation is not set */
	struct tag tags[];
};
/* Append steps that lead from one to the other. ERR_NO_MEMORY: some may be in the list. */
enum err share_table_compare(const struct share_table *from, const struct share_table *to, struct list *steps) LARDER_MUST_USE;
void share_steps_free(struct list *steps);

#endif
