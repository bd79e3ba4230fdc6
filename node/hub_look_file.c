/* Which file a path stands for: its digest and size, from whatever of the hub's answers has them. */
#include "node/hub_look.h"
#include "node/pointer.h"

#include <stdlib.h>
#include <string.h>

#define PATHS_INFO_MAX_BYTES 65536

static void found_file(struct hub_look_run *run, uint64_t size, const struct digest *digest)
{
	if (hub_listing_add_file(&run->found, run->asked.path, size, digest) != ERR_OK) {
		hub_look_fail_memory(run);
		return;
	}
	/* An anonymous answer named this very file. */
	run->found.visibility = VISIBILITY_PUBLIC;
	if (run->hub->token)
		hub_look_ask_visibility(run);
	else
		hub_look_succeed(run);
}

static void on_paths_info(struct hub_ask *asked, enum err err, const struct why *said)
{
	struct hub_look_run *run = container_of(asked, struct hub_look_run, ask);
	struct hub_listing page = {0};
	const struct hub_file *file;
	struct why why = *said;
	struct hub_left_out left_out = {0};

	if (err) {
		hub_look_fail(run, err, said);
		return;
	}
	err = hub_listing_add_page(&page, buf_str(&asked->text), asked->text.len, &left_out, &why);
	if (!err)
		err = hub_listing_sort(&page, &why);
	file = err ? NULL : hub_listing_find(&page, run->asked.path);
	if (err)
		hub_look_fail_nonsense(run, err, &why);
	else if (file)
		found_file(run, file->size, &file->digest);
	else
		hub_look_fail(run, why_set(&why, ERR_NOT_FOUND, "%s has no file %s at revision %s", run->found.repo, run->asked.path, run->asked.revision), &why);
	hub_listing_release(&page);
}

static void ask_paths_info(struct hub_look_run *run)
{
	struct buf form = {.limit = URL_MAX};
	enum err err;

	err = buf_add_str(&form, "expand=false&paths=");
	if (!err)
		err = url_add_escaped(&form, run->asked.path, "");
	run->form = err ? NULL : buf_take_str(&form);
	buf_release(&form);
	if (!run->form) {
		hub_look_fail_memory(run);
		return;
	}
	hub_look_ask(run, &(struct hub_ask){.subject = &run->at, .method = "POST", .body = run->form, .limit = PATHS_INFO_MAX_BYTES, .on_done = on_paths_info},
	    hub_url_api(run->hub, &run->at, "paths-info"));
}

static void on_raw(struct hub_ask *asked, enum err err, const struct why *why)
{
	struct hub_look_run *run = container_of(asked, struct hub_look_run, ask);
	struct digest digest;
	uint64_t size;

	if (!err && pointer_parse(buf_str(&asked->text), asked->text.len, &digest, &size))
		found_file(run, size, &digest);
	else if (!err || err == ERR_LIMIT) /* no pointer, but the file itself */
		ask_paths_info(run);
	else
		hub_look_fail(run, err, why);
}

static void on_head(struct hub_ask *asked, enum err err, const struct why *said)
{
	struct hub_look_run *run = container_of(asked, struct hub_look_run, ask);
	struct hub_facts *facts = &asked->facts;
	struct why why = {0};
	struct digest digest;
	uint64_t size;

	if (err) {
		hub_look_fail(run, err, said);
		return;
	}
	if (!facts->commit[0]) {
		hub_look_fail(run, hub_error_portal(run->hub, &why), &why);
		return;
	}
	if (!hub_look_settle(run, run->found.repo ? run->found.repo : run->asked.repo, facts->commit))
		return;
	if (hub_facts_has_file(facts, &digest, &size))
		found_file(run, size, &digest);
	else if (facts->git.algorithm != DIGEST_NONE)
		ask_paths_info(run);
	else
		hub_look_ask(run, &(struct hub_ask){.subject = &run->at, .method = "GET", .limit = POINTER_MAX_BYTES, .on_done = on_raw},
		    hub_url_file(run->hub, &run->at, "raw"));
}

/* A renamed repo redirects to the same file under its new name: whatever stands between what stays the same is that name. */
static bool on_head_redirect(struct hub_ask *asked, const char *target)
{
	struct hub_look_run *run = container_of(asked, struct hub_look_run, ask);
	const char *prefix = repo_type_prefix(run->asked.type);
	size_t lead = strlen(run->hub->base) + 1 + strlen(prefix);
	const char *tail = asked->url + lead + strlen(run->asked.repo);
	size_t len = strcspn(target, "?#"), tail_len = strlen(tail);
	char repo[HUB_REPO_MAX + 1];

	if (len <= lead + tail_len || len - lead - tail_len > HUB_REPO_MAX)
		return true;
	if (memcmp(target, asked->url, lead) != 0 || memcmp(target + len - tail_len, tail, tail_len) != 0)
		return true;
	memcpy(repo, target + lead, len - lead - tail_len);
	repo[len - lead - tail_len] = 0;
	if (hub_repo_is_valid(repo)) {
		free(run->found.repo);
		run->found.repo = strdup(repo); /* without memory for it hub_look_settle() says so */
	}
	return true;
}

void hub_look_file(struct hub_look_run *run)
{
	hub_look_ask(run, &(struct hub_ask){.subject = &run->asked, .method = "HEAD", .quick = run->has_old, .on_redirect = on_head_redirect, .on_done = on_head},
	    hub_url_file(run->hub, &run->asked, "resolve"));
}
