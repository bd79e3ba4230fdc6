/* A run is one file on its way in; those who want it wait in its list. It moves through steps, and each step that blocks is a job on a worker: at
 * most one job of a run is out at a time, and while it is, the intake and what was handed over with it belong to the worker.
 *
 *   OPEN -> (held) -----------------------------> NAME -> end
 *        -> (another process has it) wait, OPEN
 *        -> hub bytes -> chunks -> WRITE ... -> COMMIT -> NAME -> end
 *   any failure, or nobody waits any more --------> CLOSE -> end
 */
#include "node/fetch.h"

#include "node/inflow.h"
#include "node/intake.h"
#include "node/wanted.h"

#include <stdlib.h>
#include <string.h>

enum step { STEP_OPEN, STEP_WRITE, STEP_COMMIT, STEP_NAME, STEP_CLOSE };

/* What a job may touch while it is out. */
struct handed {
	struct intake *intake;
	struct list chunks;  /* struct chunk, to be written */
	struct list names;   /* struct wanted, to be kept */
	uint64_t from_hub;   /* bytes for the counters */
	uint64_t saved;
	enum err err;        /* the job's answer */
	struct why why;
};

struct fetch_run {
	struct fetcher *fetcher;
	struct list link;
	struct list waiters; /* struct fetch */
	/* Own copies: the first who asked may leave before the run ends. */
	enum repo_type type;
	char *repo, *commit;
	struct hub_file file;
	struct pool_job job;
	enum step step; /* of the job that is out, or was last */
	bool job_out;
	struct handed handed;
	struct inflow inflow;
	struct list names;   /* struct wanted, not handed over yet */
	uint64_t bytes_done, from_hub_new;
	int64_t last_byte_ms, proven_ms; /* when the hub's last byte was here, and when every link was closed */
	struct loop_timer retry;
	bool has_waited;     /* for another process */
	bool has_failed;     /* then this is how */
	enum err err;
	struct why why;
};

struct fetcher {
	struct fetcher_options use;
	struct list runs;
};

static void run_job(struct fetch_run *run, enum step step);
static void go_on(struct fetch_run *run);

/* --- what the worker does */

static void write_chunks(struct handed *handed)
{
	list_each(at, &handed->chunks) {
		struct chunk *chunk = container_of(at, struct chunk, link);
		handed->err = intake_put(handed->intake, chunk->index, chunk->data, chunk->len, &handed->why);
		if (handed->err)
			return;
	}
}

static enum err keep_names(struct handed *handed, const struct digest *digest, struct store *store, struct why *why)
{
	enum err err = ERR_OK;

	list_each(at, &handed->names) {
		err = wanted_keep(container_of(at, struct wanted, link), digest, store, why);
		if (err)
			break;
	}
	return err;
}

/* What is broken off has its name already, where its digest is known: lists show it by that. A failure here fails nothing, since the name is
 * kept again at the end; least of all may a busy index look like a busy blob, which would be opened once more. */
static void open_intake(struct handed *handed, const struct hub_file *file, struct store *store)
{
	handed->err = intake_open(handed->intake, &handed->why);
	if (!handed->err && !intake_is_held(handed->intake) && file->digest.algorithm == DIGEST_SHA256)
		(void)!keep_names(handed, &file->digest, store, NULL);
}

/* Counters are for people to read: a failure to write one fails nothing. */
static void count(struct index *index, const char *counter, uint64_t *amount)
{
	if (*amount && index_counter_add(index, counter, *amount, NULL) == ERR_OK)
		*amount = 0;
}

static void count_all(struct handed *handed, struct store *store)
{
	count(store_index(store), "hub_bytes", &handed->from_hub);
	count(store_index(store), "saved_bytes", &handed->saved);
}

static void on_worker(struct pool_job *job)
{
	struct fetch_run *run = container_of(job, struct fetch_run, job);
	struct store *store = run->fetcher->use.store;
	struct handed *handed = &run->handed;

	handed->err = ERR_OK;
	handed->why = (struct why){0};
	switch (run->step) {
	case STEP_OPEN:
		open_intake(handed, &run->file, store);
		break;
	case STEP_WRITE:
		write_chunks(handed);
		break;
	case STEP_COMMIT:
		handed->err = intake_commit(handed->intake, &handed->why);
		break;
	case STEP_NAME:
		handed->err = keep_names(handed, intake_digest(handed->intake), store, &handed->why);
		count_all(handed, store);
		break;
	case STEP_CLOSE:
		intake_destroy(handed->intake);
		handed->intake = NULL;
		count_all(handed, store);
		break;
	}
}

/* --- the end of a run */

static void run_free(struct fetch_run *run)
{
	inflow_release(&run->inflow);
	chunk_free_all(&run->handed.chunks);
	wanted_destroy_all(&run->names);
	wanted_destroy_all(&run->handed.names);
	intake_destroy(run->handed.intake);
	free(run->repo);
	free(run->commit);
	free(run->file.path);
	free(run);
}

static void finish(struct fetch_run *run)
{
	list_remove(&run->link);
	while (!list_is_empty(&run->waiters)) {
		struct fetch *fetch = container_of(run->waiters.next, struct fetch, link);
		list_remove(&fetch->link);
		fetch->run = NULL;
		if (!run->has_failed) {
			fetch->digest = *intake_digest(run->handed.intake);
			fetch->bytes_done = run->file.size;
		}
		fetch->on_done(fetch, run->err, &run->why);
	}
	run_free(run);
}

/* The first failure is the one that is told. */
static void note_failure(struct fetch_run *run, enum err err, const struct why *why)
{
	if (run->has_failed)
		return;
	run->has_failed = true;
	run->err = err;
	if (why)
		run->why = *why;
	else
		why_set(&run->why, err, "%s: %s", run->file.path, err_name(err));
}

static void fail(struct fetch_run *run, enum err err, const struct why *why)
{
	note_failure(run, err, why);
	inflow_cancel(&run->inflow);
	loop_timer_cancel(run->fetcher->use.loop, &run->retry);
	if (!run->job_out)
		run_job(run, STEP_CLOSE);
}

/* --- bytes from the hub */

static void on_progress(struct inflow *inflow, size_t len)
{
	struct fetch_run *run = container_of(inflow, struct fetch_run, inflow);
	bool first = true;

	run->from_hub_new += len;
	run->bytes_done += len;
	list_each(at, &run->waiters) {
		struct fetch *fetch = container_of(at, struct fetch, link);
		fetch->bytes_done = run->bytes_done;
		if (first)
			fetch->bytes_from_hub += len;
		first = false;
	}
}

static void on_chunk(struct inflow *inflow)
{
	struct fetch_run *run = container_of(inflow, struct fetch_run, inflow);

	if (!run->job_out)
		go_on(run);
}

/* After a failure, too, what came before is still written: the next try goes on behind it. */
static void on_inflow_done(struct inflow *inflow, enum err err, const struct why *why)
{
	struct fetch_run *run = container_of(inflow, struct fetch_run, inflow);

	run->last_byte_ms = loop_now_ms(run->fetcher->use.loop);
	if (err)
		note_failure(run, err, why);
	if (!run->job_out)
		go_on(run);
}

static void bring(struct fetch_run *run, uint64_t first, uint64_t chunks)
{
	struct why why = {0};
	enum err err = inflow_start(&run->inflow, run->type, run->repo, run->commit, &run->file, first, chunks, &why);

	if (err)
		fail(run, err, &why);
}

static void commit(struct fetch_run *run)
{
	run->proven_ms = loop_now_ms(run->fetcher->use.loop);
	run_job(run, STEP_COMMIT);
}

/* Start what is next. No job is out. */
static void go_on(struct fetch_run *run)
{
	uint64_t first, chunks;

	if (!list_is_empty(&run->inflow.queue))
		run_job(run, STEP_WRITE);
	else if (run->inflow.running)
		return;
	else if (run->has_failed)
		run_job(run, STEP_CLOSE);
	else if (partial_next_missing(intake_partial(run->handed.intake), 0, &first, &chunks))
		bring(run, first, chunks);
	else
		commit(run);
}

/* --- after each job */

static void wait_for_other(struct fetch_run *run)
{
	struct fetcher_options *use = &run->fetcher->use;

	if (!run->has_waited)
		log_info(store_log(use->store), "%s is being fetched by another larder; waiting for it", run->file.path);
	run->has_waited = true;
	if (loop_timer_start(use->loop, &run->retry, FETCH_BUSY_MS) != ERR_OK)
		fail(run, ERR_NO_MEMORY, NULL);
}

static void on_retry(struct loop_timer *timer)
{
	run_job(container_of(timer, struct fetch_run, retry), STEP_OPEN);
}

static void after_open(struct fetch_run *run)
{
	bool is_held = intake_is_held(run->handed.intake);

	if (!is_held)
		run->bytes_done = partial_have_bytes(intake_partial(run->handed.intake));
	list_each(at, &run->waiters) {
		struct fetch *fetch = container_of(at, struct fetch, link);
		fetch->was_held = is_held;
		fetch->bytes_done = run->bytes_done;
	}
	if (is_held) {
		run->handed.saved = run->file.size;
		run_job(run, STEP_NAME);
	} else {
		go_on(run);
	}
}

static void after_write(struct fetch_run *run)
{
	inflow_give_back(&run->inflow, chunk_free_all(&run->handed.chunks));
	/* Resuming may have delivered bytes, and those may have started the next job. */
	if (!run->job_out)
		go_on(run);
}

static void after_commit(struct fetch_run *run)
{
	log_debug(store_log(run->fetcher->use.store), "%s: proven %lld ms after its last byte, in the store %lld ms later", run->file.path,
		  (long long)(run->proven_ms - run->last_byte_ms),
		  (long long)(loop_now_ms(run->fetcher->use.loop) - run->proven_ms));
	run_job(run, STEP_NAME);
}

static void after_name(struct fetch_run *run)
{
	wanted_destroy_all(&run->handed.names);
	if (list_is_empty(&run->names))
		finish(run);
	else
		run_job(run, STEP_NAME); /* somebody joined meanwhile */
}

static void on_job_done(struct pool_job *job)
{
	struct fetch_run *run = container_of(job, struct fetch_run, job);

	run->job_out = false;
	if (run->step == STEP_CLOSE)
		finish(run);
	else if (run->step == STEP_OPEN && run->handed.err == ERR_BUSY && !run->has_failed)
		wait_for_other(run);
	else if (run->handed.err || (run->has_failed && run->step != STEP_WRITE))
		fail(run, run->handed.err, &run->handed.why);
	else if (run->step == STEP_OPEN)
		after_open(run);
	else if (run->step == STEP_WRITE)
		after_write(run);
	else if (run->step == STEP_COMMIT)
		after_commit(run);
	else
		after_name(run);
}

static void run_job(struct fetch_run *run, enum step step)
{
	if (step == STEP_WRITE)
		inflow_take(&run->inflow, &run->handed.chunks);
	if (step == STEP_OPEN || step == STEP_NAME) {
		list_each_safe(at, &run->names) {
			list_remove(at);
			list_append(&run->handed.names, at);
		}
	}
	run->handed.from_hub += run->from_hub_new;
	run->from_hub_new = 0;
	run->step = step;
	run->job_out = true;
	pool_submit(run->fetcher->use.pool, &run->job);
}

/* --- the fetcher */

enum err fetcher_create(const struct fetcher_options *options, struct fetcher **ret_fetcher)
{
	struct fetcher *fetcher = calloc(1, sizeof *fetcher);

	if (!fetcher)
		return ERR_NO_MEMORY;
	fetcher->use = *options;
	list_init(&fetcher->runs);
	*ret_fetcher = fetcher;
	return ERR_OK;
}

static struct fetch_run *run_create(struct fetcher *fetcher, const struct fetch *fetch)
{
	struct fetch_run *run = calloc(1, sizeof *run);

	if (!run)
		return NULL;
	run->fetcher = fetcher;
	list_init(&run->link);
	list_init(&run->waiters);
	list_init(&run->names);
	list_init(&run->handed.chunks);
	list_init(&run->handed.names);
	run->job = (struct pool_job){.run = on_worker, .done = on_job_done};
	run->inflow.hub = fetcher->use.hub;
	run->inflow.on_chunk = on_chunk;
	run->inflow.on_progress = on_progress;
	run->inflow.on_done = on_inflow_done;
	inflow_init(&run->inflow);
	run->retry.fire = on_retry;
	run->type = fetch->listing->type;
	run->repo = strdup(fetch->listing->repo);
	run->commit = strdup(fetch->listing->commit);
	run->file = *fetch->file;
	run->file.path = strdup(fetch->file->path);
	if (run->repo && run->commit && run->file.path)
		run->handed.intake = intake_create(fetcher->use.store, &run->file, run->repo);
	if (run->handed.intake)
		return run;
	run_free(run);
	return NULL;
}

static struct fetch_run *find_run(struct fetcher *fetcher, const struct hub_file *file)
{
	list_each(at, &fetcher->runs) {
		struct fetch_run *run = container_of(at, struct fetch_run, link);
		if (!run->has_failed && run->file.size == file->size && digest_equal(&run->file.digest, &file->digest))
			return run;
	}
	return NULL;
}

enum err fetch_start(struct fetcher *fetcher, struct fetch *fetch, struct why *why)
{
	struct wanted *wanted = wanted_create(fetch->listing, fetch->file, hub_host(fetcher->use.hub));
	struct fetch_run *run;
	bool is_new = false;

	if (!wanted)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	run = find_run(fetcher, fetch->file);
	if (!run) {
		run = run_create(fetcher, fetch);
		if (!run) {
			wanted_destroy(wanted);
			return why_set(why, ERR_NO_MEMORY, "out of memory");
		}
		list_append(&fetcher->runs, &run->link);
		is_new = true;
	}
	list_append(&run->names, &wanted->link);
	list_append(&run->waiters, &fetch->link);
	fetch->run = run;
	fetch->bytes_done = run->bytes_done;
	if (is_new)
		run_job(run, STEP_OPEN);
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
		fail(run, ERR_CANCELLED, NULL);
}

void fetcher_destroy(struct fetcher *fetcher)
{
	if (!fetcher)
		return;
	list_each(at, &fetcher->runs) {
		struct fetch_run *run = container_of(at, struct fetch_run, link);
		while (!list_is_empty(&run->waiters))
			fetch_cancel(container_of(run->waiters.next, struct fetch, link));
	}
	while (!list_is_empty(&fetcher->runs))
		pool_wait(fetcher->use.pool);
	free(fetcher);
}
