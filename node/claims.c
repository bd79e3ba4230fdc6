#include "node/claims.h"

#include "node/wanted.h"

#include <stdlib.h>
#include <string.h>

/* A claim that the hub's listing bears out. */
struct borne_out {
	struct list link;
	char *path; /* as claimed; owned */
	struct wanted *wanted;
	struct digest digest;
};

struct claims {
	struct claims_options use;
	struct loop_timer timer;
	struct pool_job job;
	bool job_out, is_ending;
	/* The commit in question; NULL: none. */
	char *repo, *commit;
	struct name name;
	struct hub_look look;
	bool looking, has_listing;
	/* Of the job. */
	struct list all; /* struct borne_out */
	bool memory_is_out;
	enum err err;
	struct why why;
};

static void wait_ms(struct claims *claims, int64_t delay_ms)
{
	if (!claims->is_ending && loop_timer_start(claims->use.loop, &claims->timer, delay_ms) != ERR_OK)
		log_warn(claims->use.log, "out of memory: adopted files are not asked about any more");
}

static void forget_commit(struct claims *claims)
{
	if (claims->has_listing)
		hub_listing_release(&claims->look.listing);
	claims->has_listing = false;
	name_release(&claims->name);
	claims->name = (struct name){0};
	free(claims->repo);
	free(claims->commit);
	claims->repo = claims->commit = NULL;
}

static void submit(struct claims *claims, void (*run)(struct pool_job *job), void (*done)(struct pool_job *job))
{
	claims->job = (struct pool_job){.run = run, .done = done};
	claims->err = ERR_OK;
	claims->job_out = true;
	pool_submit(claims->use.pool, &claims->job);
}

/* --- the answer goes into the index, on a worker */

static void borne_out_free(struct borne_out *one)
{
	list_remove(&one->link);
	wanted_destroy(one->wanted);
	free(one->path);
	free(one);
}

static int compare_path(const void *path, const void *file)
{
	return strcmp(path, ((const struct hub_file *)file)->path);
}

static void gather(void *context, const char *path, const struct digest *digest)
{
	struct claims *claims = context;
	const struct hub_listing *listing = &claims->look.listing;
	const struct hub_file *file = bsearch(path, listing->files, listing->count, sizeof *listing->files, compare_path);
	struct borne_out *one = file ? calloc(1, sizeof *one) : NULL;

	if (!file)
		return;
	if (one) {
		list_append(&claims->all, &one->link);
		one->digest = *digest;
		one->path = strdup(path);
		one->wanted = wanted_create(listing, file, hub_host(claims->use.hub));
	}
	if (!one || !one->path || !one->wanted)
		claims->memory_is_out = true;
}

static bool is_listed(struct claims *claims, const struct borne_out *one)
{
	const struct hub_listing *listing = &claims->look.listing;
	const struct hub_file *file = bsearch(one->path, listing->files, listing->count, sizeof *listing->files, compare_path);
	struct digest meant = file->digest;

	if (meant.algorithm == DIGEST_GIT_SHA1 && index_alias_get(store_index(claims->use.store), &file->digest, &meant, NULL) != ERR_OK)
		return false;
	return digest_equal(&meant, &one->digest);
}

static enum err keep(struct claims *claims, struct borne_out *one)
{
	struct index *index = store_index(claims->use.store);
	enum err err = ERR_OK;

	if (one->wanted->visibility == VISIBILITY_UNKNOWN || !is_listed(claims, one))
		return ERR_OK;
	err = wanted_keep(one->wanted, &one->digest, claims->use.store, &claims->why);
	return err ? err : index_claim_drop(index, claims->repo, claims->commit, one->path, &claims->why);
}

static void run_note(struct pool_job *job)
{
	struct claims *claims = container_of(job, struct claims, job);
	struct store *store = claims->use.store;

	claims->memory_is_out = false;
	if (claims->has_listing)
		claims->err = index_claim_each(store_index(store), claims->repo, claims->commit, gather, claims, &claims->why);
	if (!claims->err && claims->memory_is_out)
		claims->err = why_set(&claims->why, ERR_NO_MEMORY, "out of memory");
	list_each_safe(at, &claims->all) {
		struct borne_out *one = container_of(at, struct borne_out, link);
		if (!claims->err)
			claims->err = keep(claims, one);
		borne_out_free(one);
	}
	/* Whatever remains waits for its turn. */
	if (!claims->err)
		claims->err = index_claim_asked(store_index(store), claims->repo, claims->commit, clock_wall_s(store_clock(store)), &claims->why);
}

static void on_noted(struct pool_job *job)
{
	struct claims *claims = container_of(job, struct claims, job);
	bool has_failed = claims->err != ERR_OK;

	claims->job_out = false;
	if (has_failed)
		log_warn(claims->use.log, "what the hub says of adopted files of %s is not noted: %s", claims->repo, claims->why.text);
	forget_commit(claims);
	wait_ms(claims, has_failed ? CLAIMS_AWAY_MS : CLAIMS_PAUSE_MS);
}

/* --- the hub */

static void on_looked(struct hub_look *look, enum err err, const struct why *why)
{
	struct claims *claims = container_of(look, struct claims, look);

	claims->looking = false;
	claims->has_listing = !err;
	if (err == ERR_HUB_AWAY || err == ERR_NO_MEMORY || (!err && look->listing.remembered)) {
		forget_commit(claims);
		wait_ms(claims, CLAIMS_AWAY_MS);
		return;
	}
	if (err)
		log_info(claims->use.log, "adopted files of %s stay unknown to others: %s", claims->repo, why->text);
	submit(claims, run_note, on_noted);
}

static enum err ask(struct claims *claims, struct why *why)
{
	char *text = NULL;
	enum err err;

	if (asprintf(&text, "%s@%s", claims->repo, claims->commit) < 0)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	err = name_parse(text, claims->use.hub_url, &claims->name, why);
	free(text);
	if (err)
		return err;
	claims->look = (struct hub_look){.name = &claims->name, .on_done = on_looked};
	return hub_look_start(claims->use.hub, &claims->look, why);
}

/* --- which is next */

static void run_next(struct pool_job *job)
{
	struct claims *claims = container_of(job, struct claims, job);
	struct store *store = claims->use.store;

	claims->err = index_claim_next(store_index(store), clock_wall_s(store_clock(store)) - CLAIMS_AGAIN_S, &claims->repo, &claims->commit, &claims->why);
}

static void on_next(struct pool_job *job)
{
	struct claims *claims = container_of(job, struct claims, job);
	struct why why = {0};
	enum err err;

	claims->job_out = false;
	if (claims->err || claims->is_ending) {
		forget_commit(claims);
		wait_ms(claims, CLAIMS_POLL_MS);
		return;
	}
	err = ask(claims, &why);
	claims->looking = !err;
	if (!err)
		return;
	log_info(claims->use.log, "adopted files of %s are not asked about: %s", claims->repo, why.text);
	submit(claims, run_note, on_noted);
}

static void on_timer(struct loop_timer *timer)
{
	submit(container_of(timer, struct claims, timer), run_next, on_next);
}

/* --- its life */

enum err claims_create(const struct claims_options *options, struct claims **ret_claims)
{
	struct claims *claims = calloc(1, sizeof *claims);
	enum err err;

	if (!claims)
		return ERR_NO_MEMORY;
	claims->use = *options;
	claims->timer.fire = on_timer;
	list_init(&claims->all);
	err = loop_timer_start(options->loop, &claims->timer, 0);
	if (err)
		free(claims);
	else
		*ret_claims = claims;
	return err;
}

void claims_destroy(struct claims *claims)
{
	if (!claims)
		return;
	claims->is_ending = true;
	loop_timer_cancel(claims->use.loop, &claims->timer);
	if (claims->looking)
		hub_look_cancel(claims->use.hub, &claims->look);
	while (claims->job_out)
		pool_wait(claims->use.pool);
	forget_commit(claims);
	free(claims);
}
