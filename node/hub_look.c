/* A look asks one question after another; each answer decides the next:
 *
 *   a file:  HEAD resolve -> (no digest) raw pointer -> (none, or no size) paths-info -> visibility
 *   a repo:  info -> (files of that commit not remembered) tree, page by page         -> visibility
 *
 * Without a token all of it was asked anonymously, and visibility needs no question.
 */
#include "node/hub_look.h"
#include "node/hub_hearsay.h"
#include "store/tree.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- the end */

static void run_free(struct hub_look_run *run)
{
	list_remove(&run->link);
	loop_timer_cancel(run->hub->loop, &run->timer);
	hub_ask_release(&run->ask);
	hub_listing_release(&run->found);
	hub_listing_release(&run->old);
	free(run->form);
	free(run->mark);
	free(run);
}

static void deliver(struct hub_look_run *run, struct hub_listing *listing)
{
	struct hub_look *look = run->look;
	struct why why = {0};

	look->listing = *listing;
	*listing = (struct hub_listing){0};
	look->run = NULL;
	run_free(run);
	look->on_done(look, ERR_OK, &why);
}

static void deliver_old(struct hub_look_run *run, enum err trouble)
{
	struct hub *hub = run->hub;
	time_t at = (time_t)run->old.at_s;
	char date[32] = "an unknown date";
	struct tm utc;

	if (gmtime_r(&at, &utc))
		strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", &utc);
	if (run->is_hearsay)
		log_info(store_log(hub->store), "the hub at %s does not answer; a cache of this machine says what %s is", hub->host, run->asked.path);
	else if (!hub->told_away && trouble == ERR_HUB_AWAY)
		log_warn(store_log(hub->store), "the hub at %s does not answer; using what it said on %s", hub->host, date);
	else if (!hub->told_away)
		log_warn(store_log(hub->store), "something else than the hub answers at %s (a login page?); using what the hub said on %s", hub->host, date);
	hub->told_away |= !run->is_hearsay;
	run->old.remembered = true;
	deliver(run, &run->old);
}

/* What came instead of an answer of the hub: nothing, a login page, or a stranger's certificate. */
static bool is_no_answer(enum err err)
{
	return err == ERR_HUB_AWAY || err == ERR_INVALID || err == ERR_UNSUPPORTED;
}

static void note_refusal(const struct hub_look_run *run)
{
	const struct hub_facts *facts = &run->ask.facts;
	struct hub_refusal *refusal = &run->look->refusal;

	*refusal = (struct hub_refusal){.status = facts->status >= 400 ? facts->status : 0};
	memcpy(refusal->commit, facts->commit[0] ? facts->commit : run->found.commit, sizeof refusal->commit);
	if (!refusal->status)
		return;
	memcpy(refusal->code, facts->code, sizeof refusal->code);
	memcpy(refusal->message, facts->message, sizeof refusal->message);
}

void hub_look_fail(struct hub_look_run *run, enum err err, const struct why *said)
{
	struct hub_look *look = run->look;
	struct why why = *said;

	if (run->has_old && is_no_answer(err)) {
		log_debug(store_log(run->hub->store), "%s", why.text);
		deliver_old(run, err);
		return;
	}
	note_refusal(run);
	if (run->has_old && !run->is_hearsay && run->old.visibility != VISIBILITY_PUBLIC && (err == ERR_NOT_FOUND || err == ERR_DENIED))
		hub_forget(run->hub, &run->asked, run->old.commit);
	look->run = NULL;
	run_free(run);
	look->on_done(look, err, &why);
}

void hub_look_fail_memory(struct hub_look_run *run)
{
	struct why why = {0};

	hub_look_fail(run, why_set(&why, ERR_NO_MEMORY, "out of memory"), &why);
}

void hub_look_fail_nonsense(struct hub_look_run *run, enum err err, struct why *why)
{
	const char *text = buf_str(&run->ask.text);
	struct why what = *why;

	/* A web page that says 200 is a login page. */
	if (run->ask.facts.is_html || text[strspn(text, " \t\r\n")] == '<')
		hub_error_portal(run->hub, why);
	else if (err == ERR_INVALID && !run->found.commit[0])
		why_set(why, err, "%s answers a question about %s with %s; check the hub's address, and whether a login page (captive portal) stands in between", run->hub->host,
			run->asked.repo, what.text);
	else
		why_prefix(why, err, "%s answers a question about %s with", run->hub->host, run->asked.repo);
	hub_look_fail(run, err, why);
}

/* One file of a branch, for a program that is likely to ask for it twice. */
static bool may_repeat(const struct hub_look_run *run)
{
	return run->hub->is_for_others && run->asked.path && !name_is_commit(run->asked.revision);
}

void hub_look_succeed(struct hub_look_run *run)
{
	run->hub->told_away = false;
	run->found.type = run->asked.type;
	run->found.at_s = clock_wall_s(store_clock(run->hub->store));
	if (run->left_out.unsafe)
		log_warn(store_log(run->hub->store), "%zu paths of %s are unsafe and left out", run->left_out.unsafe, run->found.repo);
	hub_remember(run->hub, &run->asked, &run->found, !run->is_known);
	if (may_repeat(run))
		hub_note_just(run->hub, &run->asked, &run->found);
	deliver(run, &run->found);
}

/* --- questions */

void hub_look_ask(struct hub_look_run *run, const struct hub_ask *question, char *url)
{
	struct why why = {0};
	enum err err;

	hub_ask_release(&run->ask);
	run->ask = *question;
	run->ask.hub = run->hub;
	err = hub_ask_start(&run->ask, url, &why);
	if (err)
		hub_look_fail(run, err, &why);
}

bool hub_look_settle(struct hub_look_run *run, const char *repo, const char *commit)
{
	if (name_is_commit(run->asked.revision) && strcmp(commit, run->asked.revision) != 0) {
		struct why why = {0};
		hub_look_fail(run, why_set(&why, ERR_INVALID, "%s answers a question about commit %s of %s with another commit, %s", run->hub->host, run->asked.revision,
				  run->asked.repo, commit),
		     &why);
		return false;
	}
	if (!run->found.repo || strcmp(run->found.repo, repo) != 0) {
		char *copy = strdup(repo);
		if (!copy) {
			hub_look_fail_memory(run);
			return false;
		}
		free(run->found.repo);
		run->found.repo = copy;
	}
	memcpy(run->found.commit, commit, sizeof run->found.commit);
	run->at = (struct hub_subject){run->asked.type, run->found.repo, run->found.commit, run->asked.path};
	return true;
}

static enum visibility hidden_by(const struct hub_facts *facts)
{
	if (strcmp(facts->code, "GatedRepo") == 0)
		return VISIBILITY_GATED;
	return facts->status == 401 || facts->status == 403 || facts->status == 404 ? VISIBILITY_PRIVATE : VISIBILITY_UNKNOWN;
}

static void on_visibility(struct hub_ask *asked, enum err err, const struct why *why)
{
	struct hub_look_run *run = container_of(asked, struct hub_look_run, ask);
	struct hub_info info;

	(void)why;
	run->found.visibility = VISIBILITY_UNKNOWN;
	if (err)
		run->found.visibility = hidden_by(&asked->facts);
	else if (hub_info_parse(buf_str(&asked->text), asked->text.len, &info, NULL) == ERR_OK)
		run->found.visibility = info.visibility;
	hub_look_succeed(run);
}

/* Only who has no token can tell whether the answer is for everybody. */
void hub_look_ask_visibility(struct hub_look_run *run)
{
	hub_look_ask(run, &(struct hub_ask){.subject = &run->at, .method = "GET", .limit = HUB_INFO_MAX_BYTES, .anonymous = true, .on_done = on_visibility},
	    hub_url_api(run->hub, &run->at, "revision"));
}

/* --- the beginning */

static int64_t age_s(const struct hub_look_run *run)
{
	return clock_wall_s(store_clock(run->hub->store)) - run->old.at_s;
}

/* That a token might read something says little about tomorrow. */
static bool is_fresh(const struct hub_look_run *run)
{
	return !run->hub->is_for_others || run->old.visibility == VISIBILITY_PUBLIC || age_s(run) < HUB_OTHERS_S;
}

static void recall(struct hub_look_run *run)
{
	run->has_old = hub_recall(run->hub, &run->asked, &run->old) == ERR_OK;
	if (!run->has_old || is_fresh(run) || age_s(run) < HUB_OTHERS_AWAY_S)
		return;
	hub_listing_release(&run->old);
	run->has_old = false;
}

static void hear(struct hub_look_run *run)
{
	struct hub_look *look = run->look;

	if (!run->asked.path || !look->may_hear || hub_hearsay_find(store_index(run->hub->store), &run->asked, &run->old) != ERR_OK)
		return;
	run->has_old = run->is_hearsay = look->may_hear(look);
	if (!run->has_old)
		hub_listing_release(&run->old);
}

static void fail_lacking(struct hub_look_run *run)
{
	struct why why = {0};

	memcpy(run->found.commit, run->asked.revision, sizeof run->found.commit);
	hub_look_fail(run, why_set(&why, ERR_NOT_FOUND, "%s has no file %s at revision %s", run->asked.repo, run->asked.path, run->asked.revision), &why);
}

static void begin(struct loop_timer *timer)
{
	struct hub_look_run *run = container_of(timer, struct hub_look_run, timer);
	struct hub *hub = run->hub;
	struct why why = {0};

	if (may_repeat(run) && hub_recall_just(hub, &run->asked, &run->found)) {
		deliver(run, &run->found);
		return;
	}
	recall(run);
	if (run->has_old && name_is_commit(run->asked.revision) && is_fresh(run)) {
		deliver(run, &run->old);
		return;
	}
	if (!run->has_old && hub_recall_lacks(hub, &run->asked)) {
		fail_lacking(run);
		return;
	}
	if (!run->has_old)
		hear(run);
	if (run->has_old && hub_is_away(hub))
		deliver_old(run, ERR_HUB_AWAY);
	else if (hub_is_left_alone(hub))
		hub_look_fail(run, why_set(&why, ERR_HUB_AWAY, "the hub at %s did not answer a moment ago, and nothing is remembered about %s; try again in half a minute", hub->host, run->asked.repo),
		     &why);
	else if (run->asked.path)
		hub_look_file(run);
	else
		hub_look_repo(run);
}

static enum err check_name(const struct name *name, struct why *why)
{
	if (name->digest.algorithm != DIGEST_NONE || !name->repo || !name->revision)
		return why_set(why, ERR_USAGE, "a digest is not looked up at the hub; name a repo");
	if (!hub_repo_is_valid(name->repo))
		return why_set(why, ERR_USAGE, "this is no repo: %s; a repo looks like ORG/NAME", name->repo);
	if (name->path && !tree_path_is_safe(name->path))
		return why_set(why, ERR_USAGE, "this is no path inside a repo: %s", name->path);
	return ERR_OK;
}

enum err hub_look_start(struct hub *hub, struct hub_look *look, struct why *why)
{
	const struct name *name = look->name;
	struct hub_look_run *run;
	enum err err;

	look->run = NULL;
	err = check_name(name, why);
	if (err)
		return err;
	run = calloc(1, sizeof *run);
	if (!run)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	run->hub = hub;
	run->look = look;
	run->asked = (struct hub_subject){name->type, name->repo, name->revision, name->path};
	run->timer.fire = begin;
	list_init(&run->link);
	err = loop_timer_start(hub->loop, &run->timer, 0);
	if (err) {
		run_free(run);
		return why_set(why, err, "out of memory");
	}
	list_append(&hub->looks, &run->link);
	look->run = run;
	return ERR_OK;
}

void hub_look_cancel(struct hub *hub, struct hub_look *look)
{
	(void)hub;
	if (look->run)
		run_free(look->run);
	look->run = NULL;
}

bool hub_look_is_waiting(const struct hub_look *look)
{
	return look->run && hub_call_is_waiting(&look->run->ask.call);
}

void hub_look_run_destroy(struct list *link)
{
	struct hub_look_run *run = container_of(link, struct hub_look_run, link);

	hub_look_cancel(run->hub, run->look);
}
