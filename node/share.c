#include "node/share_private.h"

#include "discovery/bloom.h"

#include <stdlib.h>

#define PAUSE_FACTOR 20    /* the index is read a twentieth of the time, at most */
#define PAUSE_MAX_MS 60000 /* and yet within a minute of a change, however long a stalled disk took */

static int64_t now_s(const struct share *share) { return clock_wall_s(store_clock(share->use.store)); }
static int64_t lasts_s(const struct share *share) { return share->hub_is_away ? SHARE_AWAY_S : SHARE_CONFIRMED_S; }

/* --- reading, on a worker */

static void take_doubt(void *context, const char *hub, const char *repo)
{
	struct share_reading *reading = context;
	struct doubt *doubt = doubt_create(hub, repo);

	/* What does not fit into memory is asked about another time. */
	if (doubt)
		list_append(&reading->doubts, &doubt->link);
}

static enum err read_index(struct share *share, struct share_reading *reading)
{
	struct index *index = store_index(share->use.store);
	uint64_t version = 0;
	enum err err = index_version(index, &version, &reading->why);

	if (err || (version == reading->version && !reading->even_unchanged))
		return err;
	err = share_table_create(index, share->use.group, &reading->rule, &reading->table, &reading->why);
	if (!err && share->table)
		err = share_table_compare(share->table, reading->table, &reading->steps);
	if (!err && reading->rule.serve)
		err = index_doubt_each(index, reading->doubtful_before_s, SHARE_DOUBTS_READ, take_doubt, reading, &reading->why);
	if (!err)
		reading->version = version;
	return err;
}

static void run_reading(struct pool_job *job)
{
	struct share_reading *reading = container_of(job, struct share_reading, job);
	struct share *share = container_of(reading, struct share, reading);
	struct clock *clock = store_clock(share->use.store);
	int64_t started_ms = clock_now_ms(clock);

	reading->err = read_index(share, reading);
	reading->took_ms = clock_now_ms(clock) - started_ms;
}

static void prepare_reading(struct share *share)
{
	struct share_reading *reading = &share->reading;

	reading->rule = (struct share_rule){
		.serve = share->use.serve,
		.with_gated = share->use.share_gated && !share->use.group->is_open,
		.public_since_s = now_s(share) - lasts_s(share),
	};
	reading->even_unchanged = share->even_unchanged;
	reading->doubtful_before_s = now_s(share) - SHARE_CONFIRM_AGAIN_S;
	reading->why.text[0] = '\0';
	reading->table = NULL;
	list_init(&reading->steps);
	list_init(&reading->doubts);
	share->again = share->even_unchanged = false;
}

static void start_reading(struct share *share)
{
	if (share->is_ending)
		return;
	if (share->is_reading) {
		share->again = true;
		return;
	}
	loop_timer_cancel(share->use.loop, &share->poll);
	prepare_reading(share);
	share->is_reading = true;
	share->jobs_out++;
	pool_submit(share->use.pool, &share->reading.job);
}

/* --- what was read */

static void publish(struct share *share, struct share_step *step, uint64_t generation)
{
	struct share_step **place = &share->history[generation % SHARE_HISTORY];

	list_remove(&step->link);
	step->change.generation = generation;
	free(*place);
	*place = step;
	if (share->use.owner && share->use.owner->on_change)
		share->use.owner->on_change(share->use.owner, &step->change);
}

static void take_table(struct share *share, struct share_table *table)
{
	uint64_t generation = share->table ? share->table->set.generation : 1;

	table->set.generation = generation;
	list_each(at, &share->reading.steps)
		table->set.generation++;
	share_table_drop(share->table);
	share->table = table;
	share->read_ms = loop_now_ms(share->use.loop);
	doubts_free(&share->doubts);
	list_each_safe(at, &share->reading.doubts) {
		list_remove(at);
		list_append(&share->doubts, at);
	}
	/* Nothing is left to be asked, so the hub has answered. */
	if (list_is_empty(&share->doubts))
		share->hub_is_away = false;
	list_each_safe(at, &share->reading.steps)
		publish(share, container_of(at, struct share_step, link), ++generation);
}

static void take_reading(struct share *share)
{
	struct share_reading *reading = &share->reading;

	if (!reading->err && reading->table && !share->is_ending) {
		take_table(share, reading->table);
		reading->table = NULL;
	}
	if (reading->err && !share->has_failed)
		log_warn(share->use.log, "what is shared may be out of date: %s", reading->why.text[0] ? reading->why.text : err_name(reading->err));
	share->has_failed = reading->err != ERR_OK;
	share_table_drop(reading->table);
	reading->table = NULL;
	share_steps_free(&reading->steps);
	doubts_free(&reading->doubts);
}

static void wait_a_while(struct share *share)
{
	int64_t pause_ms = share->reading.took_ms * PAUSE_FACTOR;

	pause_ms = pause_ms < SHARE_POLL_MS ? SHARE_POLL_MS : pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS;
	/* Without memory for a timer the next share_refresh() has to do. */
	(void)!loop_timer_start(share->use.loop, &share->poll, pause_ms);
}

static void on_reading(struct pool_job *job)
{
	struct share_reading *reading = container_of(job, struct share_reading, job);
	struct share *share = container_of(reading, struct share, reading);

	share->jobs_out--;
	share->is_reading = false;
	take_reading(share);
	if (share->is_ending)
		return;
	share_ask_about_doubts(share);
	if (share->again)
		start_reading(share);
	else if (!share->is_reading)
		wait_a_while(share);
}

/* Time alone may take something away, or bring doubts. */
static void on_poll(struct loop_timer *timer)
{
	struct share *share = container_of(timer, struct share, poll);
	bool has_expired = share->table->oldest_s < now_s(share) - lasts_s(share);

	if (has_expired || loop_now_ms(share->use.loop) - share->read_ms >= SHARE_ASK_AGAIN_MS)
		share->even_unchanged = true;
	start_reading(share);
}

void share_refresh(struct share *share) { start_reading(share); }

void share_read_again(struct share *share)
{
	share->even_unchanged = true;
	start_reading(share);
}

/* --- its life */

enum err share_create(const struct share_options *options, struct share **ret_share, struct why *why)
{
	struct share *share = calloc(1, sizeof *share);
	enum err err;

	if (!share)
		return why_set(why, ERR_NO_MEMORY, "out of memory for the list of what is shared");
	share->use = *options;
	share->poll.fire = on_poll;
	share->reading.job = (struct pool_job){.run = run_reading, .done = on_reading};
	list_init(&share->doubts);
	list_init(&share->asked);
	share->even_unchanged = true;
	prepare_reading(share);
	run_reading(&share->reading.job);
	err = share->reading.err;
	if (err) {
		if (why)
			*why = share->reading.why;
		share_destroy(share);
		return err;
	}
	take_reading(share);
	/* Doubts are asked about from the loop. */
	share->even_unchanged = !list_is_empty(&share->doubts);
	err = loop_timer_start(share->use.loop, &share->poll, share->even_unchanged ? 0 : SHARE_POLL_MS);
	if (err) {
		share_destroy(share);
		return why_set(why, err, "out of memory for the list of what is shared");
	}
	*ret_share = share;
	return ERR_OK;
}

void share_destroy(struct share *share)
{
	if (!share)
		return;
	share->is_ending = true;
	loop_timer_cancel(share->use.loop, &share->poll);
	while (share->jobs_out > 0)
		pool_wait(share->use.pool);
	share_table_drop(share->reading.table);
	share_steps_free(&share->reading.steps);
	doubts_free(&share->reading.doubts);
	for (size_t i = 0; i < SHARE_HISTORY; i++)
		free(share->history[i]);
	doubts_free(&share->doubts);
	doubts_free(&share->asked);
	share_table_drop(share->table);
	free(share);
}

/* --- questions */

bool share_find(const struct share *share, const struct tag *tag, struct share_blob *ret_blob)
{
	size_t place;

	if (!share_table_find(share->table, tag, &place))
		return false;
	*ret_blob = (struct share_blob){digest_of_sha256(share->table->held[place].sha256), share->table->held[place].size};
	return true;
}

bool share_digest_of(const struct share *share, const struct digest *digest, struct share_blob *ret_blob)
{
	struct tag tag;

	if (digest->algorithm == DIGEST_NONE)
		return false;
	group_tag(share->use.group, digest, &tag);
	return share_find(share, &tag, ret_blob);
}

bool share_allows(const struct share *share, const struct digest *digest)
{
	struct share_blob blob;

	return share_digest_of(share, digest, &blob);
}

uint64_t share_generation(const struct share *share) { return share->table->set.generation; }
uint64_t share_blobs(const struct share *share) { return share->table->blobs; }
uint64_t share_bytes(const struct share *share) { return share->table->bytes; }

const struct share_set *share_hold(struct share *share)
{
	share->table->references++;
	return &share->table->set;
}

void share_let_go(const struct share_set *set)
{
	/* The set is the beginning of its table, whose references are nobody else's. */
	if (set)
		share_table_drop(container_of((uintptr_t)set, struct share_table, set));
}

const struct share_change *share_change_after(const struct share *share, uint64_t generation)
{
	const struct share_step *step = share->history[(generation + 1) % SHARE_HISTORY];

	return step && generation < share_generation(share) && step->change.generation == generation + 1 ? &step->change : NULL;
}

size_t share_fill_filter(const struct share *share, uint8_t *ret_filter, size_t len)
{
	size_t count = 0;

	memset(ret_filter, 0, len);
	while (count < share->table->largest_count && bloom_has_room(ret_filter, len))
		bloom_add(ret_filter, len, share->table->tags[share->table->largest[count++]].bytes);
	return count;
}
