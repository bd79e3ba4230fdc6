/* What git-lfs asks before it downloads: the addresses of some objects. A file of the branch that they are wanted for gets its address below this gateway, as all files have it, with the same proofs and the same question
 * to the hub whether this client may have it. Objects of other commits have the address that the hub gives. Uploads, and other ways than the plain one, are the hub's alone. */
#include "node/gateway_answers.h"
#include "node/gateway_private.h"

#include "node/gateway_lfs_batch.h"
#include "node/gateway_reply.h"
#include "node/gateway_sent.h"
#include "node/hub_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENT_MAX ((size_t)2 << 20)
#define HUBS_MAX ((size_t)16 << 20) /* of the hub's answer */
#define HERE_MAX (sizeof "http://" + URL_AUTHORITY_MAX)

struct lfs {
	struct gateway_request *request;
	struct gateway_hub *hub;
	struct gateway_sent sent;
	struct lfs_batch batch;
	struct name name;
	struct hub_look look;
	struct hub_subject subject;
	struct hub_ask ask;
	char *question; /* to the hub */
};

static void refuse(struct lfs *lfs, enum err err, const struct why *why)
{
	gateway_reply_refusal(lfs->request, err, &lfs->look.refusal, why);
}

/* --- the answer */

static void reply(struct lfs *lfs, const json_t *hubs)
{
	struct gateway_request *request = lfs->request;
	struct MHD_Response *response = NULL;
	char here[HERE_MAX], *text;
	json_t *json;

	snprintf(here, sizeof here, "http://%s", request->guard.host);
	json = lfs_batch_answer(&lfs->batch, &lfs->look.listing, here, gateway_request_token(request) ? request->guard.authorization : NULL, hubs);
	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	if (text)
		response = gateway_reply_of_text(LFS_TYPE, text, strlen(text));
	free(text);
	json_decref(json);
	gateway_reply(request, 200, response);
}

/* --- objects of other commits */

static void on_hubs_answer(struct hub_ask *ask, enum err err, const struct why *why)
{
	struct lfs *lfs = container_of(ask, struct lfs, ask);
	json_t *hubs = err ? NULL : json_loadb(buf_str(&ask->text), ask->text.len, 0, NULL);

	(void)why; /* each object says that it is not to be had */
	reply(lfs, hubs);
	json_decref(hubs);
}

static char *batch_url(const struct lfs *lfs)
{
	const struct hub_listing *listing = &lfs->look.listing;
	struct buf url = {.limit = URL_MAX};
	char *text;

	text = buf_add_format(&url, "%s/%s%s.git/info/lfs/objects/batch", hub_base(lfs->hub->hub), repo_type_prefix(listing->type), listing->repo) ? NULL : buf_take_str(&url);
	buf_release(&url);
	return text;
}

static void ask_hub(struct lfs *lfs)
{
	static const char *const headers[] = {"Accept: " LFS_TYPE, "Content-Type: " LFS_TYPE, NULL};
	struct why why = {0};

	lfs->question = lfs_batch_ask_missing(&lfs->batch);
	lfs->subject = (struct hub_subject){lfs->look.listing.type, lfs->look.listing.repo, lfs->look.listing.commit, NULL};
	lfs->ask = (struct hub_ask){.hub = lfs->hub->hub, .subject = &lfs->subject, .method = "POST", .headers = headers, .body = lfs->question, .limit = HUBS_MAX, .on_done = on_hubs_answer};
	if (!lfs->question || hub_ask_start(&lfs->ask, batch_url(lfs), &why) != ERR_OK)
		reply(lfs, NULL);
}

/* --- files of the branch */

static void look(struct lfs *lfs, const char *revision);

static void on_look(struct hub_look *looked, enum err err, const struct why *why)
{
	struct lfs *lfs = container_of(looked, struct lfs, look);

	/* The branch may be one that was made over here. */
	if (err == ERR_NOT_FOUND && strcmp(lfs->look.refusal.code, REPLY_NO_REVISION) == 0 && strcmp(lfs->name.revision, "main") != 0)
		look(lfs, "main");
	else if (err)
		refuse(lfs, err, why);
	else if (lfs->request->is_from_afar && lfs->look.listing.visibility != VISIBILITY_PUBLIC)
		gateway_reply_error(lfs->request, 403, NULL, NULL, "other machines get public files only");
	else {
		lfs_batch_find(&lfs->batch, &lfs->look.listing);
		if (lfs->batch.missing && !hub_is_left_alone(lfs->hub->hub) && !lfs->request->is_from_afar)
			ask_hub(lfs);
		else
			reply(lfs, NULL);
	}
}

static void look(struct lfs *lfs, const char *revision)
{
	struct route *route = &lfs->request->route;
	struct why why = {0};
	enum err err;

	/* A name's parts are not written to. */
	lfs->name = (struct name){.type = route->type, .repo = route->repo, .revision = (char *)(uintptr_t)revision};
	lfs->look = (struct hub_look){.name = &lfs->name, .on_done = on_look};
	err = hub_look_start(lfs->hub->hub, &lfs->look, &why);
	if (err)
		refuse(lfs, err, &why);
}

/* --- its life */

static void start(struct gateway_request *request)
{
	struct lfs *lfs = calloc(1, sizeof *lfs);

	request->work = lfs;
	if (!lfs) {
		gateway_reply(request, 500, NULL);
		return;
	}
	lfs->request = request;
	gateway_sent_init(&lfs->sent, &request->gateway->sent_bytes, SENT_MAX);
}

static void end(struct gateway_request *request)
{
	struct lfs *lfs = request->work;

	if (!lfs)
		return;
	if (lfs->hub)
		hub_look_cancel(lfs->hub->hub, &lfs->look);
	hub_ask_release(&lfs->ask);
	hub_listing_release(&lfs->look.listing);
	gateway_hub_leave(lfs->hub);
	lfs_batch_release(&lfs->batch);
	free(lfs->question);
	gateway_sent_release(&lfs->sent);
	free(lfs);
	request->work = NULL;
}

/* The hub answers this one; what was sent goes there as it is. */
static void hand_over(struct lfs *lfs)
{
	struct gateway_request *request = lfs->request;
	struct gateway_sent sent = lfs->sent;

	lfs->sent = (struct gateway_sent){0};
	end(request);
	request->answer = &gateway_pass;
	gateway_pass.start(request);
	if (!request->is_replied && sent.text.len)
		(void)gateway_pass.take(request, buf_str(&sent.text), sent.text.len);
	if (!request->is_replied)
		(void)gateway_pass.take(request, NULL, 0);
	gateway_sent_release(&sent);
}

static void begin(struct lfs *lfs)
{
	struct gateway_request *request = lfs->request;
	struct why why = {0};
	enum err err = lfs_batch_parse(buf_str(&lfs->sent.text), lfs->sent.text.len, &lfs->batch, &why);

	if (err == ERR_UNSUPPORTED) {
		hand_over(lfs);
		return;
	}
	if (err == ERR_INVALID || err == ERR_LIMIT) {
		gateway_reply_error(request, 422, NULL, NULL, why.text);
		return;
	}
	if (!err)
		err = gateway_hub_hold(&request->gateway->hubs, gateway_request_token(request), &lfs->hub, &why);
	if (err)
		refuse(lfs, err, &why);
	else
		look(lfs, lfs->batch.revision[0] ? lfs->batch.revision : "main");
}

static size_t take(struct gateway_request *request, const char *data, size_t len)
{
	struct lfs *lfs = request->work;

	if (len)
		gateway_sent_add(&lfs->sent, data, len);
	else if (!gateway_sent_refuse(&lfs->sent, request, "the batch is longer than larder takes, 2 MiB"))
		begin(lfs);
	return len;
}

const struct gateway_answer gateway_lfs = {start, take, end};
