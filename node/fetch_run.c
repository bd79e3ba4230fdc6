/* A run is one file on its way in. It moves through steps, and each step that blocks is a job on a worker: at most one job of a run is out at a time, and while it is, the intake and what was
 * handed over with it belong to the worker.
 *
 *   (size unknown) MEASURE by peers
 *   OPEN -> (held) ---------------------------------------------> NAME -> end
 *        -> (another process has it) wait, OPEN
 *        -> hub, peers -> chunks -> WRITE ... -> COMMIT -> NAME -> end
 *   any failure, or nobody waits any more ----------------------> CLOSE -> end
 *
 * Where chunks come from is decided in feed(). A file with a SHA-256 comes from peers by draw.h, with the hub beside it when the draw needs it; one outside LFS from one peer by relay.h,
 * else from the hub.
 */
#include "node/fetch_private.h"

#include "node/wanted.h"

#include <stdlib.h>
#include <string.h>

#define RELAY_LOOK_MS 50 /* how often a young node looks whether somebody holds a file outside LFS */

static void run_job(struct fetch_run *run, enum fetch_step step);
static void go_on(struct fetch_run *run);

static struct loop *loop_of(const struct fetch_run *run)
{
	return run->fetcher->use.loop;
}

static bool is_named(const struct fetch_run *run)
{
	return run->file.digest.algorithm == DIGEST_SHA256;
}

/* --- the end of a run */

static void run_free(struct fetch_run *run)
{
	inflow_release(&run->inflow);
	draw_stop(&run->draw);
	relay_stop(&run->relay);
	measure_stop(&run->measure);
	loop_timer_cancel(loop_of(run), &run->retry);
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
	loop_timer_cancel(loop_of(run), &run->retry);
	draw_stop(&run->draw);
}

static void fail(struct fetch_run *run, enum err err, const struct why *why)
{
	note_failure(run, err, why);
	stop_sources(run);
	if (!run->job_out)
		run_job(run, STEP_CLOSE);
}

/* --- progress */

static void show(struct fetch_run *run)
{
	list_each(at, &run->waiters) {
		struct fetch *fetch = container_of(at, struct fetch, link);
		fetch->bytes_done = run->bytes_done;
		fetch->size = run->file.size;
	}
}

static struct fetch *first_waiter(struct fetch_run *run)
{
	return list_is_empty(&run->waiters) ? NULL : container_of(run->waiters.next, struct fetch, link);
}

static void add_bytes(struct fetch_run *run, size_t len, bool from_hub)
{
	struct fetch *first = first_waiter(run);

	if (from_hub)
		run->from_hub_new += len;
	if (first && from_hub)
		first->bytes_from_hub += len;
	else if (first)
		first->bytes_from_peers += len;
	run->bytes_done += len;
	if (run->bytes_done > run->file.size)
		run->bytes_done = run->file.size; /* some came twice */
	run->last_byte_ms = loop_now_ms(loop_of(run));
	show(run);
	if (from_hub)
		fetch_run_tell_readers(run);
}

/* --- bytes from the hub */

static void on_hub_progress(struct inflow *inflow, size_t len)
{
	add_bytes(container_of(inflow, struct fetch_run, inflow), len, true);
}

static void on_hub_chunk(struct inflow *inflow)
{
	struct fetch_run *run = container_of(inflow, struct fetch_run, inflow);

	if (!run->job_out)
		go_on(run);
}

static void give_up_hub(struct fetch_run *run, enum err err, const struct why *why)
{
	run->hub_failed = true;
	run->hub_err = err;
	run->hub_why = why ? *why : (struct why){0};
}

/* After a failure, too, what came before is still written: the next try goes on behind it. */
static void on_hub_done(struct inflow *inflow, enum err err, const struct why *why)
{
	struct fetch_run *run = container_of(inflow, struct fetch_run, inflow);

	if (err)
		give_up_hub(run, err, why);
	if (!run->job_out)
		go_on(run);
}

static void bring_from_hub(struct fetch_run *run)
{
	struct why why = {0};
	uint64_t first, chunks, stuck;
	enum err err;

	if (!partial_next_missing(intake_partial(run->handed.intake), 0, &first, &chunks))
		return;
	if (draw_is_stuck_at(&run->draw, &stuck) && partial_can_put(intake_partial(run->handed.intake), stuck)) {
		first = stuck;
		chunks = 1;
	}
	err = inflow_start(&run->inflow, run->type, run->repo, run->commit, &run->file, first, chunks, &why);
	if (err)
		give_up_hub(run, err, &why);
}

/* --- bytes from peers */

static void on_draw_progress(struct draw *draw, size_t len)
{
	add_bytes(container_of(draw, struct fetch_run, draw), len, false);
}

static void on_draw_work(struct draw *draw)
{
	struct fetch_run *run = container_of(draw, struct fetch_run, draw);

	if (!run->job_out)
		go_on(run);
}

static void on_relay_progress(struct relay *relay, size_t len)
{
	add_bytes(container_of(relay, struct fetch_run, relay), len, false);
}

static void on_relay_chunk(struct relay *relay)
{
	struct fetch_run *run = container_of(relay, struct fetch_run, relay);

	if (!run->job_out)
		go_on(run);
}

/* Begin again without this peer; the job that is out, if any, ends first. */
static void leave_relay(struct fetch_run *run)
{
	relay_stop(&run->relay);
	run->relay_restart = true;
	if (!run->job_out)
		go_on(run);
}

static void on_relay_end(struct relay *relay, enum err err)
{
	struct fetch_run *run = container_of(relay, struct fetch_run, relay);

	if (err)
		leave_relay(run);
	else if (!run->job_out)
		go_on(run);
}

static bool was_tried(const struct fetch_run *run, uint64_t peer)
{
	for (unsigned i = 0; i < run->relay_tries; i++)
		if (run->relay_tried[i] == peer)
			return true;
	return false;
}

/* The next peer that holds a file outside LFS, if there is one that was not tried. */
static bool bring_by_relay(struct fetch_run *run)
{
	uint64_t ids[PEERS_SESSIONS_MAX];
	size_t count;

	if (!run->fetcher->peers || run->file.size > RELAY_MAX_SIZE || run->relay_tries >= FETCH_RELAY_TRIES)
		return false;
	count = peers_holders(run->fetcher->peers, &run->file.digest, ids, PEERS_SESSIONS_MAX);
	run->relay.peers = run->fetcher->peers;
	for (size_t i = 0; i < count && run->relay_tries < FETCH_RELAY_TRIES; i++) {
		if (was_tried(run, ids[i]))
			continue;
		run->relay_tried[run->relay_tries++] = ids[i];
		if (relay_start(&run->relay, ids[i], &run->file.digest, run->file.size) == ERR_OK)
			return true;
	}
	return false;
}

/* --- where the next bytes come from */

static bool is_settled(const struct fetch_run *run)
{
	return !run->fetcher->peers || loop_now_ms(loop_of(run)) >= run->fetcher->use.settled_at_ms;
}

static bool is_hopeless(const struct fetch_run *run)
{
	return !run->fetcher->peers || loop_now_ms(loop_of(run)) >= run->fetcher->use.hopeless_at_ms;
}

static bool hub_may_be_asked(const struct fetch_run *run)
{
	return !run->hub_failed && run->repo && run->fetcher->use.hub_use != CONFIG_HUB_NEVER;
}

static bool hub_is_wanted(struct fetch_run *run)
{
	enum swarm_need need;

	if (!hub_may_be_asked(run))
		return false;
	if (!draw_is_on(&run->draw) || run->fetcher->use.hub_use == CONFIG_HUB_FAST)
		return true;
	need = draw_need(&run->draw);
	if (need == SWARM_NEEDS_CHUNKS && draw_is_alone(&run->draw) && !is_settled(run))
		return false; /* who is here is not known yet */
	return need != SWARM_NEEDS_NONE;
}

/* Nobody is left who could give what is missing: say what stood in the way. */
static void fail_without_source(struct fetch_run *run)
{
	unsigned judged = run->draw.judged + run->relay_tries;
	char text[DIGEST_TEXT_MAX];
	struct why why = {0};
	enum err err;

	digest_text(&run->file.digest, text);
	if (judged && (!run->hub_failed || run->hub_err == ERR_HUB_AWAY))
		err = why_set(&why, ERR_UNPROVEN, "%s (%s): %u peer%s promised it and could not prove it, %s; nothing of it was kept as complete", run->file.path, text,
			      judged, judged == 1 ? "" : "s", !run->repo ? "and no repo is named for it" : run->hub_failed ? "and the hub is out of reach" :
			      "and the hub is not to be asked");
	else if (run->hub_failed)
		err = run->hub_err, why = run->hub_why;
	else
		err = why_set(&why, ERR_NOT_FOUND, "%s (%s): no peer here gives it, and %s", run->file.path, text,
			      run->repo ? "the hub is not to be asked (hub_use = never)" : "the hub finds files by their names only: name its repo");
	fail(run, err, &why);
}

static void look_again_soon(struct fetch_run *run)
{
	if (loop_timer_start(loop_of(run), &run->retry, RELAY_LOOK_MS) != ERR_OK)
		fail(run, ERR_NO_MEMORY, NULL);
}

static void feed_unnamed(struct fetch_run *run)
{
	if (run->relay.running || run->inflow.running || bring_by_relay(run))
		return;
	if (!is_settled(run) && (run->file.size > 0 || !hub_may_be_asked(run))) { /* an empty one costs the hub nothing */
		look_again_soon(run);
		return;
	}
	if (hub_may_be_asked(run))
		bring_from_hub(run);
	if (!hub_may_be_asked(run) && is_hopeless(run))
		fail_without_source(run);
	else if (!hub_may_be_asked(run))
		look_again_soon(run);
}

static void feed(struct fetch_run *run)
{
	bool wanted;

	if (!is_named(run)) {
		feed_unnamed(run);
		return;
	}
	wanted = hub_is_wanted(run);
	if (wanted && !run->inflow.running)
		bring_from_hub(run);
	else if (!wanted && run->inflow.running)
		inflow_cancel(&run->inflow);
	if (run->inflow.running || hub_may_be_asked(run) || (draw_is_on(&run->draw) && !draw_is_alone(&run->draw)))
		return;
	if (is_hopeless(run))
		fail_without_source(run);
	else
		look_again_soon(run);
}

static void on_draw_change(struct draw *draw)
{
	struct fetch_run *run = container_of(draw, struct fetch_run, draw);

	if (!run->job_out)
		go_on(run);
}

static void on_retry(struct loop_timer *timer)
{
	struct fetch_run *run = container_of(timer, struct fetch_run, retry);

	if (intake_partial(run->handed.intake))
		go_on(run);
	else
		run_job(run, STEP_OPEN);
}

/* --- steps */

static bool has_work(const struct fetch_run *run)
{
	return !list_is_empty(&run->inflow.queue) || relay_has_chunks(&run->relay) || draw_has_work(&run->draw);
}

static void commit(struct fetch_run *run)
{
	run->proven_ms = loop_now_ms(loop_of(run));
	fetch_run_show_proven(run);
	inflow_cancel(&run->inflow);
	run_job(run, STEP_COMMIT);
}

/* Start what is next. No job is out. */
static void go_on(struct fetch_run *run)
{
	if (run->has_failed) {
		if (!list_is_empty(&run->inflow.queue))
			run_job(run, STEP_WRITE);
		else
			fail(run, run->err, NULL);
	} else if (run->relay_restart) {
		run_job(run, STEP_OPEN);
	} else if (has_work(run)) {
		run_job(run, STEP_WRITE);
	} else if (partial_is_complete(intake_partial(run->handed.intake))) {
		commit(run);
	} else {
		feed(run);
	}
}

/* --- after each job */

static void wait_for_other(struct fetch_run *run)
{
	if (!run->has_waited)
		log_info(store_log(run->fetcher->use.store), "%s is being fetched by another larder; waiting for it", run->file.path);
	run->has_waited = true;
	if (loop_timer_start(loop_of(run), &run->retry, FETCH_BUSY_MS) != ERR_OK)
		fail(run, ERR_NO_MEMORY, NULL);
}

/* Without memory for it the hub does alone. */
static void start_draw(struct fetch_run *run)
{
	if (!run->fetcher->peers || !is_named(run) || draw_is_on(&run->draw))
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
	show(run);
	fetch_run_show(run);
	if (is_held) {
		run->handed.saved = run->file.size;
		run_job(run, STEP_NAME);
	} else {
		start_draw(run);
		go_on(run);
	}
}

static void count_peers_bytes(struct fetch_run *run)
{
	struct fetch *first = first_waiter(run);
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
	show(run);
	if (run->handed.hub_is_wrong && !run->hub_failed) {
		inflow_cancel(&run->inflow);
		fetch_run_recall(run);
		give_up_hub(run, ERR_UNPROVEN, &run->handed.why);
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
		go_on(run);
}

static void after_commit(struct fetch_run *run)
{
	log_debug(store_log(run->fetcher->use.store), "%s: proven %lld ms after its last byte, in the store %lld ms later", run->file.path,
		  (long long)(run->proven_ms - run->last_byte_ms), (long long)(loop_now_ms(loop_of(run)) - run->proven_ms));
	if (draw_is_on(&run->draw)) {
		count_peers_bytes(run);
		draw_credit(&run->draw);
		draw_stop(&run->draw);
	} else if (run->relay.size && run->relay_tries && run->handed.relayed) {
		run->handed.from_peers += run->file.size;
		if (run->relay.peers)
			peers_credit(run->relay.peers, run->relay.peer, run->file.size, 0);
	}
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
	go_on(run);
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
		fail(run, run->handed.err, &run->handed.why);
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

static void run_job(struct fetch_run *run, enum fetch_step step)
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
		fail_without_source(run);
		return;
	}
	run->file.size = size;
	if (err || make_intake(run) != ERR_OK)
		fail(run, ERR_NO_MEMORY, NULL);
	else
		run_job(run, STEP_OPEN);
}

static void measure_size(struct fetch_run *run)
{
	run->measure = (struct measure){
		.loop = loop_of(run),
		.peers = run->fetcher->peers,
		.engine = store_engine(run->fetcher->use.store),
		.hopeless_at_ms = run->fetcher->use.hopeless_at_ms,
		.on_end = on_measured,
	};
	if (measure_start(&run->measure, &run->file.digest) != ERR_OK)
		fail(run, ERR_NO_MEMORY, NULL);
}

static void set_up(struct fetch_run *run, struct hub *hub)
{
	struct fetcher_options *use = &run->fetcher->use;

	run->job = (struct pool_job){.run = fetch_run_on_worker, .done = on_job_done};
	run->inflow.hub = hub ? hub : use->hub;
	run->inflow.on_chunk = on_hub_chunk;
	run->inflow.on_progress = on_hub_progress;
	run->inflow.on_done = on_hub_done;
	inflow_init(&run->inflow);
	run->draw = (struct draw){.loop = use->loop, .on_work = on_draw_work, .on_progress = on_draw_progress, .on_change = on_draw_change};
	run->relay = (struct relay){.loop = use->loop, .on_chunk = on_relay_chunk, .on_progress = on_relay_progress, .on_end = on_relay_end};
	run->retry.fire = on_retry;
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
	set_up(run, fetch->hub);
	if (copy_wish(run, fetch) && (run->file.size == FETCH_SIZE_UNKNOWN || make_intake(run) == ERR_OK))
		return run;
	run_free(run);
	return NULL;
}

/* A size that only peers can tell; without peers there is nobody to ask. */
void fetch_run_start(struct fetch_run *run)
{
	if (run->file.size != FETCH_SIZE_UNKNOWN)
		run_job(run, STEP_OPEN);
	else if (run->fetcher->peers)
		measure_size(run);
	else {
		note_failure(run, ERR_NOT_FOUND, &(struct why){"by its hash alone a file can only come from peers, and this node asks none"});
		run_job(run, STEP_CLOSE);
	}
}

void fetch_run_abandon(struct fetch_run *run)
{
	fail(run, ERR_CANCELLED, NULL);
}

/* Whoever waits still has the right to the file, too. */
void fetch_run_leave_hub(struct fetch_run *run)
{
	const struct fetch *next = first_waiter(run);
	bool was_running = run->inflow.running;

	inflow_cancel(&run->inflow);
	run->inflow.hub = next && next->hub ? next->hub : run->fetcher->use.hub;
	if (was_running && !run->job_out)
		go_on(run);
}

void fetch_run_forget_peers(struct fetch_run *run)
{
	if (run->measure.sizing) {
		fail(run, ERR_CUT, &(struct why){"the node left its group"});
		return;
	}
	draw_stop(&run->draw);
	run->relay.peers = NULL; /* what it brought may be with a worker still */
	if (run->relay.running)
		leave_relay(run);
	else if (!run->job_out && run->handed.intake && intake_partial(run->handed.intake))
		go_on(run);
}
