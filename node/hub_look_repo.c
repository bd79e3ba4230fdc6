/* Which files a repo has: its information, then the tree of its commit, page by page. */
#include "node/hub_look.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_MAX_BYTES ((size_t)64 << 20) /* taken apart, a page takes several times its size */
#define PAGES_MAX 5000 /* the hub has 1000 entries on one */

static void finish_repo(struct hub_look_run *run)
{
	if (run->hub->token && run->found.visibility == VISIBILITY_PUBLIC)
		hub_look_ask_visibility(run);
	else
		hub_look_succeed(run);
}

static void on_page(struct hub_ask *asked, enum err err, const struct why *why);

static void ask_page(struct hub_look_run *run, char *url)
{
	size_t left = HUB_LISTING_MAX_BYTES - run->bytes;

	hub_look_ask(run, &(struct hub_ask){.subject = &run->at, .method = "GET", .limit = left < PAGE_MAX_BYTES ? left : PAGE_MAX_BYTES, .on_done = on_page}, url);
}

/* Brent's way to find a cycle: each page is compared with the last one whose number was a power of two. */
static bool goes_round(struct hub_look_run *run, const char *next)
{
	if (run->mark && strcmp(run->mark, next) == 0)
		return true;
	if ((run->pages & (run->pages - 1)) == 0) {
		free(run->mark);
		run->mark = strdup(next);
	}
	return false;
}

/* Each page is followed by another one, at a new address: have the last ones, as many as there were before, brought nothing? */
static enum err check_growth(struct hub_look_run *run, struct why *why)
{
	size_t entries;
	enum err err;

	if ((run->pages & (run->pages - 1)) != 0)
		return ERR_OK;
	err = hub_listing_sort(&run->found, why);
	if (err)
		return why_prefix(why, err, "%s answers with", run->hub->host);
	entries = run->found.count + run->left_out.directories + run->left_out.unsafe;
	if (entries == run->entries)
		return why_set(why, ERR_INVALID, "%s has no end to its list of files: page after page brings nothing new", run->hub->host);
	run->entries = entries;
	return ERR_OK;
}

/* The address of the next page, NULL when there is none. */
static enum err next_page(struct hub_look_run *run, char **ret_url, struct why *why)
{
	const char *host = run->hub->host;
	struct url url;
	char *next = NULL;
	enum err err;

	*ret_url = NULL;
	if (!run->ask.facts.link_next)
		return ERR_OK;
	err = url_resolve(run->ask.call.current, run->ask.facts.link_next, &next);
	if (err == ERR_NO_MEMORY)
		return why_set(why, err, "out of memory");
	if (err || !url_parse(next, &url) || !url_same_origin(&url, &run->hub->origin))
		err = why_set(why, ERR_INVALID, "%s continues its list of files at another place, %.200s", host, run->ask.facts.link_next);
	else if (++run->pages > PAGES_MAX || goes_round(run, next))
		err = why_set(why, ERR_INVALID, "%s has no end to its list of files", host);
	else
		err = check_growth(run, why);
	if (err)
		free(next);
	else
		*ret_url = next;
	return err;
}

static void on_page(struct hub_ask *asked, enum err err, const struct why *said)
{
	struct hub_look_run *run = container_of(asked, struct hub_look_run, ask);
	struct why why = {0};
	char *next = NULL;

	if (err) {
		hub_look_fail(run, err, said);
		return;
	}
	err = hub_listing_add_page(&run->found, buf_str(&asked->text), asked->text.len, &run->left_out, &why);
	if (err) {
		hub_look_fail_nonsense(run, err, &why);
		return;
	}
	run->bytes += asked->text.len;
	err = next_page(run, &next, &why);
	if (err) {
		hub_look_fail(run, err, &why);
		return;
	}
	if (next) {
		ask_page(run, next);
		return;
	}
	err = hub_listing_sort(&run->found, &why);
	if (err)
		hub_look_fail_nonsense(run, err, &why);
	else
		finish_repo(run);
}

static void ask_tree(struct hub_look_run *run)
{
	struct buf url = {.limit = URL_MAX};
	char *tree = hub_url_api(run->hub, &run->at, "tree");
	enum err err = tree ? buf_add_format(&url, "%s?recursive=true&expand=false", tree) : ERR_NO_MEMORY;

	free(tree);
	ask_page(run, err ? NULL : buf_take_str(&url));
	buf_release(&url);
}

static void on_info(struct hub_ask *asked, enum err err, const struct why *said)
{
	struct hub_look_run *run = container_of(asked, struct hub_look_run, ask);
	struct why why = {0};
	struct hub_listing known;
	struct hub_info info;

	if (err) {
		hub_look_fail(run, err, said);
		return;
	}
	err = hub_info_parse(buf_str(&asked->text), asked->text.len, &info, &why);
	if (err) {
		hub_look_fail_nonsense(run, err, &why);
		return;
	}
	if (!hub_look_settle(run, info.repo[0] ? info.repo : run->asked.repo, info.commit))
		return;
	run->found.visibility = info.visibility;
	if (hub_recall(run->hub, &run->at, &known) != ERR_OK) {
		ask_tree(run);
		return;
	}
	run->is_known = true;
	run->found.files = known.files;
	run->found.count = known.count;
	known.files = NULL;
	known.count = 0;
	hub_listing_release(&known);
	finish_repo(run);
}

void hub_look_repo(struct hub_look_run *run)
{
	hub_look_ask(run, &(struct hub_ask){.subject = &run->asked, .method = "GET", .limit = HUB_INFO_MAX_BYTES, .quick = run->has_old, .on_done = on_info},
	    hub_url_api(run->hub, &run->asked, "revision"));
}
