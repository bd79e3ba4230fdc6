#include "node/share_private.h"

#include <stdlib.h>

static struct wire_text text_of(const char *text) { return (struct wire_text){text, strlen(text)}; }

/* On a worker. */
static bool take_name(void *context, const struct blob_name *name, int64_t place)
{
	struct share_names *names = context;
	const struct share_table *table = container_of((uintptr_t)names->set, struct share_table, set);
	struct wire_entry entry = {.repo = text_of(name->repo), .commit = text_of(name->commit), .path = text_of(name->path), .digest = name->digest};
	struct tag tag;
	size_t held;

	group_tag(names->share->use.group, &name->digest, &tag);
	if (share_table_find(table, &tag, &held)) {
		entry.size = table->held[held].size;
		/* A name that cannot be told is passed over. */
		if (wire_page_add(&names->page, &entry, NULL) == ERR_LIMIT) {
			names->is_full = true;
			return false;
		}
	}
	names->last = place;
	names->is_full = ++names->rows == SHARE_NAMES_ROWS;
	return !names->is_full;
}

static void run_names(struct pool_job *job)
{
	struct share_names *names = container_of(job, struct share_names, job);
	struct share *share = names->share;
	bool with_gated = share->use.share_gated && !share->use.group->is_open;

	names->err = index_name_page(store_index(share->use.store), names->before, with_gated, take_name, names, NULL);
}

static void on_names(struct pool_job *job)
{
	struct share_names *names = container_of(job, struct share_names, job);

	names->share->jobs_out--;
	share_let_go(names->set);
	if (names->is_full) {
		for (size_t i = 0; i < SHARE_CURSOR_LEN; i++)
			names->next[i] = (uint8_t)((uint64_t)names->last >> (8 * (SHARE_CURSOR_LEN - 1 - i)));
		names->next_len = SHARE_CURSOR_LEN;
	}
	names->on_done(names, names->err);
}

/* The place of the last name of the page before; INT64_MAX: from the beginning. */
static int64_t place_of(struct wire_bytes cursor)
{
	uint64_t place = 0;

	if (cursor.len == 0)
		return INT64_MAX;
	if (cursor.len != SHARE_CURSOR_LEN)
		return 0;
	for (size_t i = 0; i < SHARE_CURSOR_LEN; i++)
		place = place << 8 | cursor.at[i];
	return place > INT64_MAX ? 0 : (int64_t)place;
}

enum err share_names_start(struct share *share, struct wire_bytes cursor, struct share_names *names)
{
	if (!share->use.serve || !share->use.share_names || share->is_ending)
		return ERR_NOT_FOUND;
	names->job = (struct pool_job){.run = run_names, .done = on_names};
	names->share = share;
	names->set = share_hold(share);
	names->before = names->last = place_of(cursor);
	share->jobs_out++;
	pool_submit(share->use.pool, &names->job);
	return ERR_OK;
}
