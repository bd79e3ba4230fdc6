/* A body is asked for at the hub, which leads to where the bytes are: a signed address, which is kept for going on after a cut, and for other bodies of the file. What
 * brings no byte is tried again after growing waits; PROGRESS_BYTES make the count of tries begin anew. */
#include "node/content_range.h"
#include "node/hub_call.h"
#include "node/hub_facts.h"
#include "node/number.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Many in the time that clients are kept waiting: what fails now and then fails several times in a row, too. */
static const int64_t waits_ms[] = {200, 500, 1000, 1000, 1000, 1000, 1000, 1000};
#define TRIES_MAX (sizeof waits_ms / sizeof waits_ms[0])
#define PROGRESS_BYTES 16384 /* less from one connection is as good as nothing */
#define TRIES_OF_MANY 1 /* of one of many bodies of a file, after the first */
#define TRIES_AT_ONE_PLACE 2 /* then the hub is asked where the bytes are now */

struct hub_body_run {
	struct hub *hub;
	struct hub_body *body;
	struct list link;
	struct hub_subject subject;
	struct hub_call call;
	struct hub_facts facts; /* of the answer that is coming in */
	char *url;              /* at the hub */
	struct hub_place *place; /* where it led: the caller's, or the next */
	struct hub_place own_place;
	bool at_place;          /* what is coming in was asked for there */
	unsigned place_version; /* and then */
	uint64_t at;            /* the next byte to hand over */
	uint64_t skip;          /* bytes of this answer that stand before it */
	bool decode;            /* the server compresses, asked or not */
	bool is_paused;
	unsigned tries;         /* in a row, that brought nothing */
	size_t fresh;           /* bytes of the try that is running */
	int64_t sent_ms;        /* when it began */
	bool *gone;             /* set when the run is freed; NULL: nobody wants to know */
	struct loop_timer timer;
};

/* --- the end */

static void run_free(struct hub_body_run *run)
{
	if (run->gone)
		*run->gone = true;
	list_remove(&run->link);
	run->hub->body_count--;
	loop_timer_cancel(run->hub->loop, &run->timer);
	hub_call_release(&run->call);
	hub_facts_release(&run->facts);
	hub_place_release(&run->own_place);
	free(run->url);
	free(run);
}

static void finish(struct hub_body_run *run, enum err err, const struct why *said)
{
	struct hub_body *body = run->body;
	struct why why = *said;

	body->run = NULL;
	run_free(run);
	body->on_done(body, err, &why);
}

static void succeed(struct hub_body_run *run)
{
	struct why why = {0};

	finish(run, ERR_OK, &why);
}

/* --- trying again */

static void send_after(struct hub_body_run *run, int64_t wait_ms)
{
	struct why why = {0};

	hub_call_release(&run->call);
	if (loop_timer_start(run->hub->loop, &run->timer, wait_ms) != ERR_OK)
		finish(run, why_set(&why, ERR_NO_MEMORY, "out of memory"), &why);
}

void hub_place_release(struct hub_place *place)
{
	free(place->url);
	place->url = NULL;
	place->version++;
}

static bool is_of_many(const struct hub_body_run *run)
{
	return run->body->is_one_of_many;
}

static void try_again(struct hub_body_run *run, const struct why *said)
{
	size_t most = is_of_many(run) ? TRIES_OF_MANY : TRIES_MAX;
	struct why why = {0};

	if (run->tries >= most) {
		if (!is_of_many(run))
			hub_note_away(run->hub);
		why_set(&why, ERR_HUB_AWAY, "%s stopped at %llu of %llu bytes, and %zu more tries brought nothing; the last: %s", run->body->file->path,
			(unsigned long long)run->at, (unsigned long long)run->body->file->size, most, said->text);
		finish(run, ERR_HUB_AWAY, &why);
		return;
	}
	log_debug(store_log(run->hub->store), "%s at byte %llu: %s; trying again", run->body->file->path, (unsigned long long)run->at, said->text);
	hub_reach_note_failing(run->hub->reach, true);
	if (run->tries >= TRIES_AT_ONE_PLACE)
		hub_place_release(run->place);
	send_after(run, waits_ms[run->tries++]);
}

/* The signed address that was kept has expired: nothing unusual, so the hub is asked at once where the bytes are now, unless another body has asked it already. */
static void resolve_again(struct hub_body_run *run, const struct why *why)
{
	bool was_kept = run->at_place;

	if (!was_kept || run->place_version == run->place->version)
		hub_place_release(run->place);
	if (was_kept)
		send_after(run, 0);
	else
		try_again(run, why);
}

/* --- judging answers */

static enum err wrong_size(const struct hub_body_run *run, uint64_t size, struct why *why)
{
	return why_set(why, ERR_INVALID, "%s is %llu bytes at %s, but %llu where its bytes are; something between changes it", run->body->file->path,
		       (unsigned long long)run->body->file->size, run->hub->host, (unsigned long long)size);
}

static enum err check_part(struct hub_body_run *run, const struct http_answer *answer, struct why *why)
{
	const char *range = http_answer_header(answer, "Content-Range");
	uint64_t first, total;
	bool has_total;

	if (!range || !content_range_parse(range, &first, &has_total, &total))
		return why_set(why, ERR_INVALID, "the answer for bytes %llu and on of %s does not say which bytes it has", (unsigned long long)run->at, run->body->file->path);
	if (first != run->at)
		return why_set(why, ERR_INVALID, "the answer for bytes %llu and on of %s begins at %llu", (unsigned long long)run->at, run->body->file->path,
			       (unsigned long long)first);
	if (has_total && total != run->body->file->size)
		return wrong_size(run, total, why);
	run->body->comes_whole = false;
	run->skip = 0;
	return ERR_OK;
}

static enum err check_whole(struct hub_body_run *run, struct why *why)
{
	const struct hub_facts *facts = &run->facts;
	uint64_t size = run->body->file->size;

	if (facts->is_html && !facts->commit[0] && !(facts->has_length && facts->length == size))
		return hub_error_portal(run->hub, why);
	if (facts->has_length && facts->length != size)
		return wrong_size(run, facts->length, why);
	if (is_of_many(run))
		return why_set(why, ERR_UNSUPPORTED, "%s comes whole where a part was asked for", run->body->file->path);
	run->body->comes_whole = true;
	run->skip = run->at;
	if (run->skip)
		log_debug(store_log(run->hub->store), "%s comes from its beginning again; skipping %llu bytes", run->body->file->path, (unsigned long long)run->skip);
	return ERR_OK;
}

static bool is_compressed(const struct http_answer *answer)
{
	const char *encoding = http_answer_header(answer, "Content-Encoding");

	return encoding && *encoding && strcasecmp(encoding, "identity") != 0;
}

/* Whether a refusal is that of a signed address, not the hub's own. */
static bool is_of_place(const struct hub_body_run *run)
{
	bool at_hub = hub_call_is_at_hub(&run->call) && (run->facts.code[0] || (run->call.redirects == 0 && !run->at_place));

	return !at_hub && (run->facts.status == 401 || run->facts.status == 403 || run->facts.status == 404 || run->facts.status == 410);
}

static void judge_error(struct hub_body_run *run)
{
	int status = run->facts.status;
	struct why why = {0};
	enum err err;

	if (is_of_place(run)) {
		why_set(&why, ERR_DENIED, "the place of the bytes answers %d", status);
		resolve_again(run, &why);
		return;
	}
	if (status == 416)
		err = why_set(&why, ERR_INVALID, "%s has no bytes from %llu on where its bytes are, but %llu bytes at %s; something between changes it", run->body->file->path,
			      (unsigned long long)run->at, (unsigned long long)run->body->file->size, run->hub->host);
	else
		err = hub_error(run->hub, &run->subject, &run->facts, false, &why);
	if (err == ERR_HUB_AWAY && status != 407)
		try_again(run, &why);
	else
		finish(run, err, &why);
}

static enum err keep_place(struct hub_body_run *run)
{
	char *url;

	if (run->call.redirects == 0)
		return ERR_OK;
	url = strdup(run->call.current);
	if (!url)
		return ERR_NO_MEMORY;
	hub_place_release(run->place);
	run->place->url = url;
	return ERR_OK;
}

static void on_call_answer(struct hub_call *call, const struct http_answer *answer)
{
	struct hub_body_run *run = container_of(call, struct hub_body_run, call);
	struct why why = {0};
	enum err err;

	err = hub_facts_add(&run->facts, answer);
	if (!err && (answer->status == 200 || answer->status == 206)) {
		if (is_compressed(answer) && !run->decode && !is_of_many(run)) {
			run->decode = true;
			send_after(run, 0);
			return;
		}
		if (is_compressed(answer) && is_of_many(run))
			err = why_set(&why, ERR_UNSUPPORTED, "%s comes compressed", run->body->file->path);
		else
			err = answer->status == 206 ? check_part(run, answer, &why) : check_whole(run, &why);
		if (!err)
			err = keep_place(run);
	} else if (!err) {
		judge_error(run);
		return;
	}
	if (err)
		finish(run, err, &why);
}

/* The commit stands on the hub's own redirect only. */
static bool on_call_redirect(struct hub_call *call, const struct http_answer *answer, const char *target)
{
	struct hub_body_run *run = container_of(call, struct hub_body_run, call);

	(void)target;
	if (hub_facts_add(&run->facts, answer) != ERR_OK)
		log_debug(store_log(run->hub->store), "out of memory for the headers of a redirect");
	return true;
}

/* --- bytes */

/* False: the run is gone. */
static bool hand_over(struct hub_body_run *run, const uint8_t *data, size_t len)
{
	bool gone = false;

	run->at += len;
	run->fresh += len;
	run->hub->body_bytes += len;
	hub_reach_note_failing(run->hub->reach, false);
	if (run->fresh >= PROGRESS_BYTES)
		run->tries = 0;
	run->gone = &gone;
	run->body->on_bytes(run->body, data, len);
	if (gone)
		return false;
	run->gone = NULL;
	return true;
}

static void on_call_bytes(struct hub_call *call, const uint8_t *data, size_t len)
{
	struct hub_body_run *run = container_of(call, struct hub_body_run, call);
	uint64_t end = run->body->end, size = run->body->file->size;
	size_t skip = run->skip < len ? (size_t)run->skip : len;
	struct why why = {0};
	size_t take;

	run->skip -= skip;
	data += skip;
	len -= skip;
	take = end - run->at < len ? (size_t)(end - run->at) : len;
	if (take && !hand_over(run, data, take))
		return;
	if (len > take && end == size)
		finish(run, why_set(&why, ERR_INVALID, "%s is longer than the %llu bytes that %s says it has", run->body->file->path, (unsigned long long)size, run->hub->host), &why);
	else if (len > take) /* the server sends more of the file than was asked for */
		succeed(run);
}

static bool was_silent(const struct hub_body_run *run)
{
	return run->at == run->body->first && loop_now_ms(run->hub->loop) - run->sent_ms - run->call.busy_ms >= HUB_QUICK_MS;
}

static void on_call_done(struct hub_call *call, enum err err, const struct why *said)
{
	struct hub_body_run *run = container_of(call, struct hub_body_run, call);
	struct why why = *said;

	if (run->at == run->body->end && (err == ERR_OK || err == ERR_CUT)) {
		succeed(run);
		return;
	}
	if (err == ERR_OK)
		why_set(&why, ERR_CUT, "the answer ended early");
	if (err == ERR_HUB_AWAY && run->body->quick && was_silent(run)) {
		if (hub_call_is_at_hub(call))
			hub_note_away(run->hub);
		finish(run, err, &why);
	} else if (err == ERR_OK || err == ERR_CUT || (err == ERR_HUB_AWAY && !call->gave_up))
		try_again(run, &why);
	else
		finish(run, err, &why);
}

/* --- asking */

static void set_range(struct hub_body_run *run)
{
	uint64_t end = run->body->end;
	bool is_part = !run->decode && (run->at > 0 || end < run->body->file->size);

	run->call.range_first = is_part ? (int64_t)run->at : -1;
	run->call.range_last = is_part && end < run->body->file->size ? (int64_t)end - 1 : -1;
}

static void send_now(struct loop_timer *timer)
{
	struct hub_body_run *run = container_of(timer, struct hub_body_run, timer);
	struct why why = {0};
	enum err err;

	if (run->at == run->body->end) {
		succeed(run);
		return;
	}
	hub_facts_release(&run->facts);
	run->fresh = 0;
	run->sent_ms = loop_now_ms(run->hub->loop);
	run->at_place = run->place->url != NULL;
	run->place_version = run->place->version;
	run->call = (struct hub_call){
		.hub = run->hub,
		.method = "GET",
		.url = run->at_place ? run->place->url : run->url,
		.elsewhere = true,
		.alone = is_of_many(run),
		.impatient = is_of_many(run),
		.decode = run->decode,
		.is_paused = run->is_paused,
		.connect_timeout_ms = run->body->quick ? HUB_QUICK_MS : 0,
		.answer_timeout_ms = run->body->quick ? HUB_QUICK_MS : 0,
		.on_redirect = on_call_redirect,
		.on_answer = on_call_answer,
		.on_bytes = on_call_bytes,
		.on_done = on_call_done,
	};
	set_range(run);
	err = hub_call_start(&run->call, &why);
	if (err)
		finish(run, err, &why);
}

enum err hub_body_start(struct hub *hub, struct hub_body *body, struct why *why)
{
	struct hub_body_run *run;

	body->run = NULL;
	body->comes_whole = false;
	if (body->first > body->end || body->end > body->file->size || body->file->size > NUMBER_MAX)
		return why_set(why, ERR_USAGE, "%s has no bytes %llu to %llu", body->file->path, (unsigned long long)body->first, (unsigned long long)body->end);
	run = calloc(1, sizeof *run);
	if (!run)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	list_init(&run->link);
	run->hub = hub;
	run->body = body;
	run->place = body->place ? body->place : &run->own_place;
	run->subject = (struct hub_subject){body->type, body->repo, body->commit, body->file->path};
	run->at = body->first;
	run->timer.fire = send_now;
	hub->body_count++;
	run->url = hub_url_file(hub, &run->subject, "resolve");
	if (!run->url || loop_timer_start(hub->loop, &run->timer, 0) != ERR_OK) {
		run_free(run);
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	}
	list_append(&hub->bodies, &run->link);
	body->run = run;
	return ERR_OK;
}

void hub_body_cancel(struct hub *hub, struct hub_body *body)
{
	(void)hub;
	if (body->run)
		run_free(body->run);
	body->run = NULL;
}

void hub_body_run_destroy(struct list *link)
{
	struct hub_body_run *run = container_of(link, struct hub_body_run, link);

	hub_body_cancel(run->hub, run->body);
}

void hub_body_pause(struct hub_body *body)
{
	if (!body->run)
		return;
	body->run->is_paused = true;
	hub_call_pause(&body->run->call);
}

void hub_body_resume(struct hub_body *body)
{
	if (!body->run)
		return;
	body->run->is_paused = false;
	hub_call_resume(&body->run->call);
}
