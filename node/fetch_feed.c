/* Where the chunks of a run come from. A file with a SHA-256 comes from peers by draw.h, with the hub beside it when the draw needs it; one outside LFS from one peer by relay.h, else from the hub. */
#include "node/fetch_private.h"

#define RELAY_LOOK_MS 50 /* how often a young node looks whether somebody holds a file outside LFS */

/* --- progress */

void fetch_feed_tell(struct fetch_run *run)
{
	list_each(at, &run->waiters) {
		struct fetch *fetch = container_of(at, struct fetch, link);
		fetch->bytes_done = run->bytes_done;
		fetch->size = run->file.size;
	}
}

static void add_bytes(struct fetch_run *run, size_t len, bool from_hub)
{
	struct fetch *first = fetch_run_first_waiter(run);

	if (from_hub)
		run->from_hub_new += len;
	if (first && from_hub)
		first->bytes_from_hub += len;
	else if (first)
		first->bytes_from_peers += len;
	run->bytes_done += len;
	if (run->bytes_done > run->file.size)
		run->bytes_done = run->file.size; /* some came twice */
	run->last_byte_ms = loop_now_ms(fetch_run_loop(run));
	fetch_feed_tell(run);
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
		fetch_run_go_on(run);
}

void fetch_feed_give_up_hub(struct fetch_run *run, enum err err, const struct why *why)
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
		fetch_feed_give_up_hub(run, err, why);
	if (!run->job_out)
		fetch_run_go_on(run);
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
		fetch_feed_give_up_hub(run, err, &why);
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
		fetch_run_go_on(run);
}

static void on_relay_progress(struct relay *relay, size_t len)
{
	add_bytes(container_of(relay, struct fetch_run, relay), len, false);
}

static void on_relay_chunk(struct relay *relay)
{
	struct fetch_run *run = container_of(relay, struct fetch_run, relay);

	if (!run->job_out)
		fetch_run_go_on(run);
}

/* Begin again without this peer; the job that is out, if any, ends first. */
void fetch_feed_leave_relay(struct fetch_run *run)
{
	relay_stop(&run->relay);
	run->relay_restart = true;
	if (!run->job_out)
		fetch_run_go_on(run);
}

static void on_relay_end(struct relay *relay, enum err err)
{
	struct fetch_run *run = container_of(relay, struct fetch_run, relay);

	if (err)
		fetch_feed_leave_relay(run);
	else if (!run->job_out)
		fetch_run_go_on(run);
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
	return !run->fetcher->peers || loop_now_ms(fetch_run_loop(run)) >= run->fetcher->use.settled_at_ms;
}

static bool is_hopeless(const struct fetch_run *run)
{
	return !run->fetcher->peers || loop_now_ms(fetch_run_loop(run)) >= run->fetcher->use.hopeless_at_ms;
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

/* "FILE (sha256:HEX)"; the digest alone where it is all that was named. */
static const char *subject_text(const struct fetch_run *run, char *ret, size_t room)
{
	char digest[DIGEST_TEXT_MAX];

	digest_text(&run->file.digest, digest);
	if (strcmp(run->file.path, digest) == 0)
		snprintf(ret, room, "%s", digest);
	else
		snprintf(ret, room, "%.400s (%s)", run->file.path, digest);
	return ret;
}

/* Nobody is left who could give what is missing: say what stood in the way. */
void fetch_feed_fail(struct fetch_run *run)
{
	unsigned judged = run->draw.judged + run->relay_tries;
	char text[512];
	struct why why = {0};
	enum err err;

	subject_text(run, text, sizeof text);
	if (judged && (!run->hub_failed || run->hub_err == ERR_HUB_AWAY))
		err = why_set(&why, ERR_UNPROVEN, "%s: %u peer%s promised it and could not prove it, %s; nothing of it was kept as complete", text,
			      judged, judged == 1 ? "" : "s", !run->repo ? "and no repo is named for it" : run->hub_failed ? "and the hub is out of reach" :
			      "and the hub is not to be asked");
	else if (run->hub_failed)
		err = run->hub_err, why = run->hub_why;
	else
		err = why_set(&why, ERR_NOT_FOUND, "%s: no peer here gives it, and %s", text,
			      run->repo ? "the hub is not to be asked (hub_use = never)" : "the hub finds files by their names only: name its repo");
	fetch_run_fail(run, err, &why);
}

static void look_again_soon(struct fetch_run *run)
{
	if (loop_timer_start(fetch_run_loop(run), &run->retry, RELAY_LOOK_MS) != ERR_OK)
		fetch_run_fail(run, ERR_NO_MEMORY, NULL);
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
		fetch_feed_fail(run);
	else if (!hub_may_be_asked(run))
		look_again_soon(run);
}

void fetch_feed(struct fetch_run *run)
{
	bool wanted;

	if (!fetch_run_is_named(run)) {
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
		fetch_feed_fail(run);
	else
		look_again_soon(run);
}

static void on_draw_change(struct draw *draw)
{
	struct fetch_run *run = container_of(draw, struct fetch_run, draw);

	if (!run->job_out)
		fetch_run_go_on(run);
}

static void on_retry(struct loop_timer *timer)
{
	struct fetch_run *run = container_of(timer, struct fetch_run, retry);

	if (intake_partial(run->handed.intake))
		fetch_run_go_on(run);
	else
		fetch_run_do(run, STEP_OPEN);
}

/* --- the beginning */

void fetch_feed_init(struct fetch_run *run, struct hub *hub)
{
	struct loop *loop = fetch_run_loop(run);

	run->inflow.hub = hub;
	run->inflow.on_chunk = on_hub_chunk;
	run->inflow.on_progress = on_hub_progress;
	run->inflow.on_done = on_hub_done;
	inflow_init(&run->inflow);
	run->draw = (struct draw){.loop = loop, .on_work = on_draw_work, .on_progress = on_draw_progress, .on_change = on_draw_change};
	run->relay = (struct relay){.loop = loop, .on_chunk = on_relay_chunk, .on_progress = on_relay_progress, .on_end = on_relay_end};
	run->retry.fire = on_retry;
}
