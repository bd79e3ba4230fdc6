#include "node/share_private.h"

#include <stdlib.h>

/* What a hub said of a repo, on its way into the index. */
struct confirming {
	struct pool_job job;
	struct share *share;
	struct doubt *repo; /* owned */
	enum visibility visibility;
	int64_t at_s;
	enum err err;
	struct why why;
};

struct doubt *doubt_create(const char *hub, const char *repo)
{
	struct doubt *doubt = calloc(1, sizeof *doubt);

	if (!doubt)
		return NULL;
	list_init(&doubt->link);
	doubt->hub = strdup(hub);
	doubt->repo = strdup(repo);
	if (doubt->hub && doubt->repo)
		return doubt;
	free(doubt->hub);
	free(doubt->repo);
	free(doubt);
	return NULL;
}

static void doubt_free(struct doubt *doubt)
{
	list_remove(&doubt->link);
	free(doubt->hub);
	free(doubt->repo);
	free(doubt);
}

void doubts_free(struct list *doubts)
{
	list_each_safe(at, doubts)
		doubt_free(container_of(at, struct doubt, link));
}

static struct doubt *find_asked(struct share *share, const char *hub, const char *repo)
{
	list_each(at, &share->asked) {
		struct doubt *doubt = container_of(at, struct doubt, link);
		if (strcmp(doubt->hub, hub) == 0 && strcmp(doubt->repo, repo) == 0)
			return doubt;
	}
	return NULL;
}

/* Forget questions of long ago. Returns how many are open. */
static size_t count_open(struct share *share, int64_t now_ms)
{
	size_t open = 0;

	list_each_safe(at, &share->asked) {
		struct doubt *doubt = container_of(at, struct doubt, link);
		if (now_ms - doubt->asked_ms >= SHARE_ASK_AGAIN_MS)
			doubt_free(doubt);
		else
			open += doubt->is_open;
	}
	return open;
}

void share_ask_about_doubts(struct share *share)
{
	int64_t now_ms = loop_now_ms(share->use.loop);
	size_t open = count_open(share, now_ms);

	if (!share->use.owner || !share->use.owner->on_doubt)
		return;
	list_each_safe(at, &share->doubts) {
		struct doubt *doubt = container_of(at, struct doubt, link);
		if (now_ms < share->quiet_until_ms || open >= SHARE_DOUBTS_MAX)
			return;
		if (find_asked(share, doubt->hub, doubt->repo))
			continue;
		list_remove(at);
		list_append(&share->asked, at);
		doubt->asked_ms = now_ms;
		doubt->is_open = true;
		open++;
		share->use.owner->on_doubt(share->use.owner, doubt->hub, doubt->repo);
	}
}

static void run_confirming(struct pool_job *job)
{
	struct confirming *confirming = container_of(job, struct confirming, job);
	struct index *index = store_index(confirming->share->use.store);

	confirming->err = index_repo_confirm(index, confirming->repo->hub, confirming->repo->repo, confirming->visibility, confirming->at_s, &confirming->why);
}

static void on_confirming(struct pool_job *job)
{
	struct confirming *confirming = container_of(job, struct confirming, job);
	struct share *share = confirming->share;

	share->jobs_out--;
	if (confirming->err)
		log_warn(share->use.log, "what %s says of %s is not noted: %s", confirming->repo->hub, confirming->repo->repo, confirming->why.text);
	else if (confirming->visibility != VISIBILITY_PUBLIC)
		log_info(share->use.log, "%s is not public at %s any more; what no other repo makes public is shared no longer", confirming->repo->repo,
			 confirming->repo->hub);
	doubt_free(confirming->repo);
	free(confirming);
	share_refresh(share);
}

void share_confirmed(struct share *share, const char *hub, const char *repo, enum visibility visibility)
{
	struct doubt *asked = find_asked(share, hub, repo);
	struct confirming *confirming = calloc(1, sizeof *confirming);

	/* Without memory it stays in doubt, and is asked about once more. */
	if (share->is_ending || !confirming || !(confirming->repo = doubt_create(hub, repo))) {
		free(confirming);
		return;
	}
	if (asked)
		doubt_free(asked);
	confirming->job = (struct pool_job){.run = run_confirming, .done = on_confirming};
	confirming->share = share;
	confirming->visibility = visibility;
	confirming->at_s = clock_wall_s(store_clock(share->use.store));
	share->jobs_out++;
	pool_submit(share->use.pool, &confirming->job);
}

void share_hub_is_away(struct share *share, const char *hub, const char *repo)
{
	struct doubt *asked = find_asked(share, hub, repo);

	if (asked)
		asked->is_open = false;
	share->quiet_until_ms = loop_now_ms(share->use.loop) + SHARE_ASK_AGAIN_MS;
	if (share->hub_is_away)
		return;
	share->hub_is_away = true;
	share_read_again(share);
}
