/* A run is one file on its way in. It moves through steps, and each step that blocks is a job on a worker: at most one job of a run is out at a time, and while it is, the intake and what was
 * handed over with it belong to the worker.
 *
 *   (size unknown) MEASURE by peers
 *   OPEN -> (held) ---------------------------------------------> NAME -> end
 *        -> (another process has it) wait, OPEN
 *        -> hub, peers -> chunks -> WRITE ... -> COMMIT -> NAME -> end
 *   any failure, or nobody waits any more ----------------------> CLOSE -> end
 *
 * Where chunks come from is decided in fetch_feed.c.
 */
#include "node/fetch_private.h"

#include "node/wanted.h"

#include <stdlib.h>
#include <string.h>

struct loop *fetch_run_loop(const struct fetch_run *run)
{
	return run->fetcher->use.loop;
}

bool fetch_run_is_named(const struct fetch_run *run)
{
	return run->file.digest.algorithm == DIGEST_SHA256;
}

struct fetch *fetch_run_first_waiter(const struct fetch_run *run)
{
	return list_is_empty(&run->waiters) ? NULL : container_of(run->waiters.next, struct fetch, link);
}

/* --- the end of a run */

static void run_free(struct fetch_run *run)
{
	inflow_release(&run->inflow);
	draw_stop(&run->draw);
	relay_stop(&run->relay);
	measure_stop(&run->measure);
	loop_timer_cancel(fetch_run_loop(run), &run->retry);
	chunk_free_all(&run->handed.chunks);
	wanted_destroy_all(&run->names);
	wanted_destroy_all(&run->handed.names);
	intake_destroy(run->handed.intake);
	fetch_run_hide(run);
	free(run->repo);
	free(run->commit);
	free(run->file.path);
	free(run);
}

static void finish(struct fetch_run *run)
{
	list_remove(&run->link);
	fetcher_on_run_end(run->fetcher);
	if (!run->has_failed && run->fetcher->use.on_held)
		run->fetcher->use.on_held(run->fetcher->use.context);
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
	if (why && why->text[0])
		run->why = *why;
	else
		why_set(&run->why, err, "%s: %s", run->file.path, err_name(err));
}

/* Everything that brings chunks, but for what a worker has in its hands. */
static void stop_sources(struct fetch_run *run)
{
	inflow_cancel(&run->inflow);
	relay_stop(&run->relay);
	measure_stop(&run->measure);
	loop_timer_cancel(fetch_run_loop(run), &run->retry);
	draw_stop(&run->draw);
}

void fetch_run_fail(struct fetch_run *run, enum err err, const struct why *why)
{
	note_failure(run, err, why);
	stop_sources(run);
	if (!run->job_out)
		fetch_run_do(run, STEP_CLOSE);
}

/* --- steps */

static bool has_work(const struct fetch_run *run)
{
	return !list_is_empty(&run->inflow.queue) || relay_has_chunks(&run->relay) || draw_has_work(&run->draw);
}

static void commit(struct fetch_run *run)
{
	run->proven_ms = loop_now_ms(fetch_run_loop(run));
	fetch_run_show_proven(run);
	inflow_cancel(&run->inflow);
	fetch_run_do(run, STEP_COMMIT);
}

/* Start what is next. No job is out. */
void fetch_run_go_on(struct fetch_run *run)
{
	if (run->has_failed) {
		if (!list_is_empty(&run->inflow.queue))
			fetch_run_do(run, STEP_WRITE);
		else
			fetch_run_fail(run, run->err, NULL);
	} else if (run->relay_restart) {
		fetch_run_do(run, STEP_OPEN);
	} else if (has_work(run)) {
		fetch_run_do(run, STEP_WRITE);
	} else if (partial_is_complete(intake_partial(run->handed.intake))) {
		commit(run);
	} else {
		fetch_feed(run);
	}
}

/* --- after each job */

static void wait_for_other(struct fetch_run *run)
{
	if (!run->has_waited)
		log_info(store_log(run->fetcher->use.store), "%s is being fetched by another larder; waiting for it", run->file.path);
	run->has_waited = true;
	if (loop_timer_start(fetch_run_loop(run), &run->retry, FETCH_BUSY_MS) != ERR_OK)
		fetch_run_fail(run, ERR_NO_MEMORY, NULL);
}

/* Without memory for it the hub does alone. */
static void start_draw(struct fetch_run *run)
{
	if (!run->fetcher->peers || !fetch_run_is_named(run) || draw_is_on(&run->draw))
		return;
	run->draw.peers = run->fetcher->peers;
	if (draw_start(&run->draw, &run->file.digest, run->file.size) == ERR_OK)
		draw_sync(&run->draw, intake_partial(run->handed.intake));
}

static void after_open(struct fetch_run *run)
{
	bool is_held = intake_is_held(run->handed.intake);

	if (!is_held)
		run->bytes_done = partial_have_bytes(intake_partial(run->handed.intake));
	list_each(at, &run->waiters)
		container_of(at, struct fetch, link)->was_held = is_held;
	fetch_feed_tell(run);
	fetch_run_show(run);
	if (is_held) {
		run->handed.saved = run->file.size;
		fetch_run_do(run, STEP_NAME);
	} else {
		start_draw(run);
		fetch_run_go_on(run);
	}
}

static void count_peers_bytes(struct fetch_run *run)
{
	struct fetch *first = fetch_run_first_waiter(run);
	uint64_t good, wasted;

	draw_figures(&run->draw, &good, &wasted);
	run->handed.from_peers += good + wasted;
	run->handed.wasted += wasted;
	if (first)
		first->bytes_wasted += wasted;
}

/* A batch must be given back, whatever came of it. */
static void drop_batch(struct fetch_run *run)
{
	if (run->handed.has_batch)
		draw_done(&run->draw, &run->handed.batch, intake_partial(run->handed.intake));
	run->handed.has_batch = false;
}

/* What the chunks of the hub have changed is told to the draw; those that contradict what is anchored end the hub's part. */
static void tell_draw(struct fetch_run *run)
{
	const struct partial *partial = intake_partial(run->handed.intake);

	if (!draw_is_on(&run->draw) || !partial)
		return;
	if (run->handed.contradicted)
		draw_contradicted(&run->draw, run->handed.contradicted_at);
	if (run->handed.contradicted || run->handed.hub_is_wrong)
		draw_sync(&run->draw, partial);
	else
		list_each(at, &run->handed.chunks)
			draw_have(&run->draw, partial, container_of(at, struct chunk, link)->index, 1);
	drop_batch(run);
	count_peers_bytes(run);
	run->bytes_done = partial_have_bytes(partial);
	fetch_feed_tell(run);
	if (run->handed.hub_is_wrong && !run->hub_failed) {
		inflow_cancel(&run->inflow);
		fetch_run_recall(run);
		fetch_feed_give_up_hub(run, ERR_UNPROVEN, &run->handed.why);
	}
}

static void after_write(struct fetch_run *run)
{
	size_t count;

	tell_draw(run);
	drop_batch(run);
	fetch_run_show(run);
	count = chunk_free_all(&run->handed.chunks);
	if (run->handed.relayed)
		relay_give_back(&run->relay, count);
	else
		inflow_give_back(&run->inflow, count);
	/* Giving back may have delivered bytes, and those may have started the next job. */
	if (!run->job_out)
		fetch_run_go_on(run);
}

static void after_commit(struct fetch_run *run)
{
	log_debug(store_log(run->fetcher->use.store), "%s: proven %lld ms after its last byte, in the store %lld ms later", run->file.path,
		  (long long)(run->proven_ms - run->last_byte_ms), (long long)(loop_now_ms(fetch_run_loop(run)) - run->proven_ms));
	if (draw_is_on(&run->draw)) {
		count_peers_bytes(run);
		draw_credit(&run->draw);
		draw_stop(&run->draw);
	} else if (run->relay.size && run->relay_tries && run->handed.relayed) {
		run->handed.from_peers += run->file.size;
		if (run->relay.peers)
			peers_credit(run->relay.peers, run->relay.peer, run->file.size, 0);
	}
	fetch_run_do(run, STEP_NAME);
}

static void after_name(struct fetch_run *run)
{
	wanted_destroy_all(&run->handed.names);
	if (list_is_empty(&run->names))
		finish(run);
	else
		fetch_run_do(run, STEP_NAME); /* somebody joined meanwhile */
}

/* What a peer sent for a file outside LFS was not that file: begin again without it. */
static bool was_lied_to(const struct fetch_run *run)
{
	return run->handed.err == ERR_UNPROVEN && run->handed.relayed && (run->step == STEP_COMMIT || run->step == STEP_WRITE) && !run->has_failed;
}

static void after_lie(struct fetch_run *run)
{
	if (run->relay.peers) {
		peers_judge(run->relay.peers, run->relay.peer, PEER_UNPROVEN, &run->file.digest, UINT64_MAX, "it sent another file");
		peers_credit(run->relay.peers, run->relay.peer, 0, run->file.size);
	}
	run->handed.wasted += run->file.size;
	chunk_free_all(&run->handed.chunks);
	relay_stop(&run->relay);
	run->relay_restart = true;
	fetch_run_go_on(run);
}

static void on_job_done(struct pool_job *job)
{
	struct fetch_run *run = container_of(job, struct fetch_run, job);

	run->job_out = false;
	if (run->step == STEP_CLOSE)
		finish(run);
	else if (run->step == STEP_OPEN && run->handed.err == ERR_BUSY && !run->has_failed)
		wait_for_other(run);
	else if (was_lied_to(run))
		after_lie(run);
	else if (run->handed.err || (run->has_failed && run->step != STEP_WRITE)) {
		drop_batch(run);
		fetch_run_fail(run, run->handed.err, &run->handed.why);
	} else if (run->step == STEP_OPEN)
		after_open(run);
	else if (run->step == STEP_WRITE)
		after_write(run);
	else if (run->step == STEP_COMMIT)
		after_commit(run);
	else
		after_name(run);
}

static void hand_over_chunks(struct fetch_run *run)
{
	run->handed.relayed = relay_has_chunks(&run->relay);
	if (run->handed.relayed)
		relay_take(&run->relay, &run->handed.chunks);
	else
		inflow_take(&run->inflow, &run->handed.chunks);
	run->handed.contradicted = run->handed.hub_is_wrong = false;
	run->handed.has_batch = draw_is_on(&run->draw);
	if (run->handed.has_batch)
		draw_take(&run->draw, &run->handed.batch);
}

static void hand_over_names(struct fetch_run *run)
{
	list_each_safe(at, &run->names) {
		list_remove(at);
		list_append(&run->handed.names, at);
	}
}

void fetch_run_do(struct fetch_run *run, enum fetch_step step)
{
	if (step == STEP_WRITE)
		hand_over_chunks(run);
	if (step == STEP_OPEN || step == STEP_NAME)
		hand_over_names(run);
	if (step == STEP_OPEN) {
		run->handed.restart = run->relay_restart;
		if (run->relay_restart)
			fetch_run_hide(run);
		run->relay_restart = false;
	}
	run->handed.from_hub += run->from_hub_new;
	run->from_hub_new = 0;
	run->step = step;
	run->job_out = true;
	pool_submit(run->fetcher->use.pool, &run->job);
}

/* --- the beginning */

static enum err make_intake(struct fetch_run *run)
{
	run->handed.intake = intake_create(run->fetcher->use.store, &run->file, run->repo ? run->repo : "no repo");
	return run->handed.intake ? ERR_OK : ERR_NO_MEMORY;
}

static void on_measured(struct measure *measure, enum err err, uint64_t size)
{
	struct fetch_run *run = container_of(measure, struct fetch_run, measure);

	if (err == ERR_UNPROVEN)
		run->draw.judged = (unsigned)measure->asked;
	if (err == ERR_UNPROVEN || err == ERR_NOT_FOUND) {
		fetch_feed_fail(run);
		return;
	}
	run->file.size = size;
	if (err || make_intake(run) != ERR_OK)
		fetch_run_fail(run, ERR_NO_MEMORY, NULL);
	else
		fetch_run_do(run, STEP_OPEN);
}

static void measure_size(struct fetch_run *run)
{
	run->measure = (struct measure){
		.loop = fetch_run_loop(run),
		.peers = run->fetcher->peers,
		.engine = store_engine(run->fetcher->use.store),
		.hopeless_at_ms = run->fetcher->use.hopeless_at_ms,
		.on_end = on_measured,
	};
	if (measure_start(&run->measure, &run->file.digest) != ERR_OK)
		fetch_run_fail(run, ERR_NO_MEMORY, NULL);
}

static bool copy_wish(struct fetch_run *run, const struct fetch *fetch)
{
	char text[DIGEST_TEXT_MAX];

	run->file = *fetch->file;
	run->file.path = strdup(fetch->file->path ? fetch->file->path : digest_text(&fetch->file->digest, text));
	if (!fetch->listing)
		return run->file.path;
	run->type = fetch->listing->type;
	run->repo = strdup(fetch->listing->repo);
	run->commit = strdup(fetch->listing->commit);
	return run->file.path && run->repo && run->commit;
}

struct fetch_run *fetch_run_create(struct fetcher *fetcher, const struct fetch *fetch)
{
	struct fetch_run *run = calloc(1, sizeof *run);

	if (!run)
		return NULL;
	run->fetcher = fetcher;
	run->shown = (struct fetch_shown){.fd = -1, .anchored_from = UINT64_MAX};
	list_init(&run->link);
	list_init(&run->waiters);
	list_init(&run->names);
	list_init(&run->handed.chunks);
	list_init(&run->handed.names);
	run->job = (struct pool_job){.run = fetch_run_on_worker, .done = on_job_done};
	fetch_feed_init(run, fetch->hub ? fetch->hub : fetcher->use.hub);
	if (copy_wish(run, fetch) && (run->file.size == FETCH_SIZE_UNKNOWN || make_intake(run) == ERR_OK))
		return run;
	run_free(run);
	return NULL;
}

/* A size that only peers can tell; without peers there is nobody to ask. */
void fetch_run_start(struct fetch_run *run)
{
	if (run->file.size != FETCH_SIZE_UNKNOWN)
		fetch_run_do(run, STEP_OPEN);
	else if (run->fetcher->peers)
		measure_size(run);
	else {
		note_failure(run, ERR_NOT_FOUND, &(struct why){"by its hash alone a file can only come from peers, and this node asks none"});
		fetch_run_do(run, STEP_CLOSE);
	}
}

void fetch_run_abandon(struct fetch_run *run)
{
	fetch_run_fail(run, ERR_CANCELLED, NULL);
}

/* Whoever waits still has the right to the file, too. */
void fetch_run_leave_hub(struct fetch_run *run)
{
	const struct fetch *next = fetch_run_first_waiter(run);
	bool was_running = run->inflow.running;

	inflow_cancel(&run->inflow);
	run->inflow.hub = next && next->hub ? next->hub : run->fetcher->use.hub;
	if (was_running && !run->job_out)
		fetch_run_go_on(run);
}

void fetch_run_forget_peers(struct fetch_run *run)
{
	if (run->measure.sizing) {
		fetch_run_fail(run, ERR_CUT, &(struct why){"the node left its group"});
		return;
	}
	draw_stop(&run->draw);
	run->relay.peers = NULL; /* what it brought may be with a worker still */
	if (run->relay.running)
		fetch_feed_leave_relay(run);
	else if (!run->job_out && run->handed.intake && intake_partial(run->handed.intake))
		fetch_run_go_on(run);
}
