#include "cli/download.h"

#include "cli/export.h"
#include "cli/supply.h"
#include "store/tree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define LARGE_AT_ONCE (DOWNLOADS_AT_ONCE / 2)
#define TRIES_MAX 2 /* once more when a held blob proves to be damaged */
#define VANISHED_MAX 8 /* so often when others remove it before it is in use here */

struct run;

/* One file on its way. */
struct slot {
	struct run *run;
	struct download_file *file; /* NULL: the slot is free */
	bool is_large; /* taken from the large end */
	bool is_fetching;
	unsigned tries;
	bool has_vanished; /* written by the worker */
	struct supply supply;
	struct pool_job job;  /* placing */
	uint64_t copied;      /* written by the worker */
	struct blob *blob;
	enum err err;
	struct why why;
};

struct run {
	struct activity activity;
	struct session *session;
	struct download_order *order;
	struct slot slots[DOWNLOADS_AT_ONCE];
	size_t running, large_running, finished;
	size_t first, last; /* files[first .. last - 1] are not started yet */
	/* Proven blobs stay open, and so in use, until the end: making room for the last file must not take the first. */
	struct blob **blobs;
	size_t blob_count, blob_limit;
	struct loop_timer wind_down;
	bool ending; /* nothing is started any more */
	bool cancel; /* read by workers */
	uint64_t bytes_total, bytes_finished, moved_finished;
	enum err err; /* the first failure */
	struct why why;
};

static void go_on(struct run *run);

static bool has_copies(const struct run *run)
{
	return run->order->target.dir || run->order->target.cache;
}

/* --- placing, on a worker */

static enum err place(struct slot *slot, struct why *why)
{
	const struct run *run = slot->run;
	const struct download_order *order = run->order;
	const struct hub_file *file = slot->file->file;
	struct store *store = run->session->store;
	enum err err;

	err = blob_open(store, &slot->supply.digest, &slot->blob, why);
	slot->has_vanished = err == ERR_NOT_FOUND;
	if (!err)
		err = tree_link(store, order->repo, order->listing->commit, file->path, &slot->supply.digest, why);
	if (!err && order->target.dir)
		err = export_file(store, slot->blob, order->target.dir, file->path, order->target.force, &slot->copied, &run->cancel, why);
	if (!err && order->target.cache)
		err = hf_cache_put(order->target.cache, store, order->listing->commit, file->path, &file->digest, slot->blob, &slot->copied,
				   &run->cancel, why);
	return err;
}

static void on_worker(struct pool_job *job)
{
	struct slot *slot = container_of(job, struct slot, job);

	slot->why = (struct why){0};
	slot->err = place(slot, &slot->why);
}

/* --- the end of a file */

static void keep_blob(struct run *run, struct blob *blob)
{
	if (blob && run->blob_count < run->blob_limit)
		run->blobs[run->blob_count++] = blob;
	else
		blob_close(blob);
}

static void leave(struct slot *slot)
{
	struct run *run = slot->run;

	keep_blob(run, slot->blob);
	slot->blob = NULL;
	slot->file = NULL;
	run->running--;
	run->large_running -= slot->is_large;
}

static void fail(struct slot *slot, enum err err, const struct why *why)
{
	struct run *run = slot->run;

	if (run->err == ERR_OK) {
		run->err = err;
		run->why = *why;
	} else if (err != ERR_CANCELLED && err != run->err) { /* the same trouble is told once */
		session_tell(run->session, "%s", why->text[0] ? why->text : err_name(err));
	}
	leave(slot);
	run->ending = true;
	__atomic_store_n(&run->cancel, true, __ATOMIC_RELAXED);
	/* Other fetches are cancelled from the loop, not from within this one's callback; without a timer they come to their own ends. */
	if (loop_timer_start(run->session->loop, &run->wind_down, 0) != ERR_OK)
		log_debug(&run->session->log, "out of memory for a timer");
	go_on(run);
}

static uint64_t weighed(const struct run *run, uint64_t fetched, uint64_t copied)
{
	return has_copies(run) ? fetched / 2 + copied / 2 : fetched;
}

static uint64_t moved(const struct slot *slot)
{
	struct supply_figures figures = supply_figures(&slot->supply);

	return figures.bytes_from_hub + figures.bytes_from_peers;
}

static void succeed(struct slot *slot)
{
	struct run *run = slot->run;

	run->bytes_finished += slot->file->file->size;
	run->moved_finished += weighed(run, moved(slot), slot->copied);
	run->finished++;
	leave(slot);
	go_on(run);
}

/* --- fetching */

static void on_fetched(struct supply *supply, enum err err, const struct why *why)
{
	struct slot *slot = container_of(supply, struct slot, supply);
	struct supply_figures figures = supply_figures(supply);

	slot->is_fetching = false;
	slot->file->bytes_from_hub += figures.bytes_from_hub;
	slot->file->bytes_from_peers += figures.bytes_from_peers;
	slot->file->bytes_wasted += figures.bytes_wasted;
	if (err) {
		fail(slot, err, why);
		return;
	}
	slot->file->was_held = supply->was_held;
	slot->file->digest = supply->digest;
	pool_submit(slot->run->session->pool, &slot->job);
}

static void start_fetch(struct slot *slot)
{
	struct run *run = slot->run;
	struct why why = {0};
	enum err err;

	slot->tries++;
	slot->copied = 0;
	slot->supply = (struct supply){.listing = run->order->listing, .file = slot->file->file, .on_done = on_fetched};
	slot->is_fetching = true;
	err = supply_start(run->session, &slot->supply, &why);
	if (err) {
		slot->is_fetching = false;
		fail(slot, err, &why);
	}
}

static bool can_try_again(const struct slot *slot)
{
	if (slot->run->ending)
		return false;
	return slot->has_vanished ? slot->tries < VANISHED_MAX : slot->err == ERR_UNPROVEN && slot->tries < TRIES_MAX;
}

static void on_placed(struct pool_job *job)
{
	struct slot *slot = container_of(job, struct slot, job);

	if (!slot->err) {
		succeed(slot);
		return;
	}
	if (can_try_again(slot)) {
		log_info(&slot->run->session->log, "%s: %s", slot->file->file->path, slot->why.text);
		blob_close(slot->blob);
		slot->blob = NULL;
		start_fetch(slot);
		return;
	}
	fail(slot, slot->err, &slot->why);
}

/* --- the order of things */

static void start_file(struct run *run, struct download_file *file, bool is_large)
{
	for (size_t i = 0; i < DOWNLOADS_AT_ONCE; i++) {
		struct slot *slot = &run->slots[i];
		if (slot->file)
			continue;
		*slot = (struct slot){.run = run, .file = file, .is_large = is_large};
		slot->job = (struct pool_job){.run = on_worker, .done = on_placed};
		run->running++;
		run->large_running += is_large;
		start_fetch(slot);
		return;
	}
}

/* Start what there is room for; nothing runs any more: done. */
static void go_on(struct run *run)
{
	while (!run->ending && run->running < DOWNLOADS_AT_ONCE && run->first < run->last) {
		bool take_first = run->order->files[run->first].is_held || run->large_running < LARGE_AT_ONCE;
		struct download_file *file = take_first ? &run->order->files[run->first++] : &run->order->files[--run->last];
		start_file(run, file, take_first && !file->is_held);
	}
	if (run->running == 0)
		run->activity.done = true;
}

static void wind_down(struct run *run)
{
	run->ending = true;
	__atomic_store_n(&run->cancel, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < DOWNLOADS_AT_ONCE; i++) {
		struct slot *slot = &run->slots[i];
		if (!slot->file || !slot->is_fetching)
			continue;
		supply_cancel(&slot->supply);
		leave(slot);
	}
	go_on(run);
}

static void on_wind_down(struct loop_timer *timer)
{
	wind_down(container_of(timer, struct run, wind_down));
}

static void stop(struct activity *activity)
{
	struct run *run = container_of(activity, struct run, activity);

	if (!run->err)
		run->err = why_set(&run->why, ERR_CANCELLED, "stopped; what has arrived is kept, and the same larder get goes on from there");
	wind_down(run);
}

static uint64_t look(struct activity *activity, struct progress_state *ret_state)
{
	struct run *run = container_of(activity, struct run, activity);
	uint64_t moving = run->moved_finished;

	*ret_state = (struct progress_state){
		.bytes_done = run->bytes_finished,
		.bytes_total = run->bytes_total,
		.files_done = run->finished,
		.files_total = run->order->count,
	};
	for (size_t i = 0; i < DOWNLOADS_AT_ONCE; i++) {
		struct slot *slot = &run->slots[i];
		uint64_t copied;
		if (!slot->file)
			continue;
		copied = __atomic_load_n(&slot->copied, __ATOMIC_RELAXED);
		ret_state->bytes_done += weighed(run, supply_bytes_done(&slot->supply), copied);
		moving += weighed(run, moved(slot), copied);
		if (!ret_state->name || slot->is_large)
			ret_state->name = slot->file->file->path;
	}
	return moving;
}

/* Held ones first, then by size, largest first. */
static int compare(const void *a, const void *b)
{
	const struct download_file *first = a, *second = b;

	if (first->is_held != second->is_held)
		return first->is_held ? -1 : 1;
	if (first->file->size != second->file->size)
		return first->file->size > second->file->size ? -1 : 1;
	return strcmp(first->file->path, second->file->path);
}

/* As many as can be open beside connections and copies. */
static size_t open_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0 && getrlimit(RLIMIT_NOFILE, &limit) != 0)
			return 0;
	}
	return limit.rlim_cur > 512 ? (size_t)limit.rlim_cur - 256 : (size_t)limit.rlim_cur / 2;
}

enum err download(struct session *session, struct download_order *order, struct why *why)
{
	struct run run = {
		.activity = {.look = look, .stop = stop},
		.session = session,
		.order = order,
		.last = order->count,
		.wind_down = {.fire = on_wind_down},
	};

	run.blobs = calloc(order->count + 1, sizeof(struct blob *));
	if (!run.blobs)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	run.blob_limit = open_limit();
	if (run.blob_limit > order->count)
		run.blob_limit = order->count;
	for (size_t i = 0; i < order->count; i++)
		run.bytes_total += order->files[i].file->size;
	qsort(order->files, order->count, sizeof *order->files, compare);
	go_on(&run);
	session_run(session, &run.activity);
	loop_timer_cancel(session->loop, &run.wind_down);
	for (size_t i = 0; i < run.blob_count; i++)
		blob_close(run.blobs[i]);
	free(run.blobs);
	if (run.err && why)
		*why = run.why;
	return run.err;
}
