/* Who wants what; a run (fetch_run.c) is one file on its way in, and those who want it wait in its list. */
#include "node/fetch_private.h"

#include "node/wanted.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#define REST_MS 5000 /* without anything to fetch, until memory is given back */

/* What was freed lies between what was not, in the heaps of all threads; the C library gives none of it back by itself. */
static void on_rest(struct loop_timer *timer)
{
	if (list_is_empty(&container_of(timer, struct fetcher, rest)->runs))
		malloc_trim(0);
}

void fetcher_on_run_end(struct fetcher *fetcher)
{
	(void)!loop_timer_start(fetcher->use.loop, &fetcher->rest, REST_MS);
}

enum err fetcher_create(const struct fetcher_options *options, struct fetcher **ret_fetcher)
{
	struct fetcher *fetcher = calloc(1, sizeof *fetcher);

	if (!fetcher)
		return ERR_NO_MEMORY;
	fetcher->use = *options;
	list_init(&fetcher->runs);
	fetcher->rest.fire = on_rest;
	*ret_fetcher = fetcher;
	return ERR_OK;
}

void fetcher_set_peers(struct fetcher *fetcher, struct peers *peers)
{
	if (fetcher->peers == peers)
		return;
	list_each_safe(at, &fetcher->runs)
		fetch_run_forget_peers(container_of(at, struct fetch_run, link));
	fetcher->peers = peers;
}

static struct fetch_run *find_run(struct fetcher *fetcher, const struct fetch *fetch)
{
	list_each(at, &fetcher->runs) {
		struct fetch_run *run = container_of(at, struct fetch_run, link);
		bool same_size = run->file.size == fetch->file->size || (!fetch->listing && fetch->file->size == FETCH_SIZE_UNKNOWN);
		if (!run->has_failed && same_size && digest_equal(&run->file.digest, &fetch->file->digest))
			return run;
	}
	return NULL;
}

/* The run of this file, and whether it is new. NULL: out of memory. */
static struct fetch_run *run_for(struct fetcher *fetcher, const struct fetch *fetch, bool *ret_is_new)
{
	struct fetch_run *run = find_run(fetcher, fetch);

	*ret_is_new = !run;
	if (!run)
		run = fetch_run_create(fetcher, fetch);
	if (run && *ret_is_new)
		list_append(&fetcher->runs, &run->link);
	return run;
}

enum err fetch_start(struct fetcher *fetcher, struct fetch *fetch, struct why *why)
{
	struct wanted *wanted = fetch->listing ? wanted_create(fetch->listing, fetch->file, hub_host(fetcher->use.hub)) : NULL;
	struct fetch_run *run;
	bool is_new = false;

	if (fetch->listing && !wanted)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	run = run_for(fetcher, fetch, &is_new);
	if (!run) {
		wanted_destroy(wanted);
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	}
	if (wanted)
		list_append(&run->names, &wanted->link);
	list_append(&run->waiters, &fetch->link);
	fetch->run = run;
	fetch->size = run->file.size;
	fetch->bytes_done = run->bytes_done;
	fetch->is_proven = run->shown.is_proven;
	fetch->recalls = run->shown.recalls;
	if (is_new)
		fetch_run_start(run);
	return ERR_OK;
}

void fetch_cancel(struct fetch *fetch)
{
	struct fetch_run *run = fetch->run;

	if (!run)
		return;
	list_remove(&fetch->link);
	fetch->run = NULL;
	if (list_is_empty(&run->waiters))
		fetch_run_abandon(run);
	else if (fetch->hub && fetch->hub == run->inflow.hub)
		fetch_run_leave_hub(run);
}

#define VIEW_NAME_MAX 2048

static void view_run(const struct fetch_run *run, char name[VIEW_NAME_MAX], struct fetch_view *ret_view)
{
	char text[DIGEST_TEXT_MAX];

	*ret_view = (struct fetch_view){.name = name, .digest = run->file.digest, .size = run->file.size, .bytes_done = run->bytes_done};
	if (run->repo)
		snprintf(name, VIEW_NAME_MAX, "%s%s:%s", repo_type_prefix(run->type), run->repo, run->file.path);
	else
		snprintf(name, VIEW_NAME_MAX, "%s", digest_text(&run->file.digest, text));
	list_each(at, &run->waiters) {
		const struct fetch *fetch = container_of(at, struct fetch, link);
		ret_view->bytes_from_hub += fetch->bytes_from_hub;
		ret_view->bytes_from_peers += fetch->bytes_from_peers;
		ret_view->bytes_wasted += fetch->bytes_wasted;
	}
}

size_t fetcher_each(const struct fetcher *fetcher, void (*tell)(void *context, const struct fetch_view *view), void *context)
{
	char name[VIEW_NAME_MAX];
	size_t count = 0;

	list_each(at, &fetcher->runs) {
		struct fetch_view view;
		view_run(container_of(at, struct fetch_run, link), name, &view);
		tell(context, &view);
		count++;
	}
	return count;
}

void fetcher_destroy(struct fetcher *fetcher)
{
	if (!fetcher)
		return;
	list_each_safe(at, &fetcher->runs) {
		struct fetch_run *run = container_of(at, struct fetch_run, link);
		while (!list_is_empty(&run->waiters)) {
			bool is_last = run->waiters.next->next == &run->waiters;
			fetch_cancel(container_of(run->waiters.next, struct fetch, link));
			if (is_last)
				break; /* the run may be gone */
		}
	}
	while (!list_is_empty(&fetcher->runs))
		pool_wait(fetcher->use.pool);
	loop_timer_cancel(fetcher->use.loop, &fetcher->rest);
	free(fetcher);
}
