#include "node/hub_confirm.h"

#include "node/hub_listing.h"
#include "node/hub_look.h"

#include <stdlib.h>
#include <string.h>

static void release(struct hub_confirm *confirm)
{
	hub_ask_release(&confirm->ask);
	free(confirm->repo);
	confirm->repo = NULL;
	confirm->running = false;
}

static bool is_refused(const struct hub_facts *facts)
{
	return facts->status == 401 || facts->status == 403 || facts->status == 404;
}

static void on_answer(struct hub_ask *ask, enum err err, const struct why *why)
{
	struct hub_confirm *confirm = container_of(ask, struct hub_confirm, ask);
	enum visibility visibility = VISIBILITY_UNKNOWN;
	struct hub_info info;

	(void)why;
	if (err && is_refused(&ask->facts))
		err = ERR_OK;
	else if (!err)
		err = hub_info_parse(buf_str(&ask->text), ask->text.len, &info, NULL);
	if (!err && !is_refused(&ask->facts))
		visibility = info.visibility;
	release(confirm);
	confirm->on_done(confirm, err, visibility);
}

static const char *strip_type(const char *repo, enum repo_type *ret_type)
{
	static const enum repo_type types[] = {REPO_DATASET, REPO_SPACE};

	*ret_type = REPO_MODEL;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		size_t len = strlen(repo_type_prefix(types[i]));
		if (strncmp(repo, repo_type_prefix(types[i]), len) != 0)
			continue;
		*ret_type = types[i];
		return repo + len;
	}
	return repo;
}

enum err hub_confirm_start(struct hub *hub, const char *repo, struct hub_confirm *confirm)
{
	enum repo_type type;
	const char *name = strip_type(repo, &type);
	enum err err;

	if (!hub_repo_is_valid(name))
		return ERR_INVALID;
	confirm->repo = strdup(name);
	if (!confirm->repo)
		return ERR_NO_MEMORY;
	confirm->subject = (struct hub_subject){type, confirm->repo, "main", NULL};
	confirm->ask = (struct hub_ask){.hub = hub, .subject = &confirm->subject, .method = "GET", .limit = HUB_INFO_MAX_BYTES, .anonymous = true, .on_done = on_answer};
	confirm->running = true;
	err = hub_ask_start(&confirm->ask, hub_url_api(hub, &confirm->subject, "revision"), NULL);
	if (err)
		release(confirm);
	return err;
}

void hub_confirm_cancel(struct hub_confirm *confirm)
{
	if (confirm->running)
		release(confirm);
}
