/* What can be said of a repo without asking the hub about just that: its info, tree, paths and refs, made of its listing, which is asked for once for each commit; while the hub is away, of what it said last. */
#include "node/gateway_pass_private.h"

#include "node/gateway_paths.h"
#include "node/gateway_reply.h"
#include "node/hub_answer.h"

#include <strings.h>
#include <string.h>

#define REFS_MAX ((size_t)16 << 20)
#define SETTLED_FILES_MAX 20000 /* of more the hub tells page by page */

/* --- how it was asked */

/* "...&NAME=true", in any case. */
static bool has_flag(const struct route *route, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = route->query; *at; at += strspn(at, "&")) {
		size_t end = strcspn(at, "&");
		if (end > len && strncmp(at, name, len) == 0 && at[len] == '=')
			return strncasecmp(at + len + 1, "true", 4) == 0 || at[len + 1] == '1';
		at += end;
	}
	return false;
}

bool pass_may_recall(const struct gateway_request *request)
{
	enum route_kind kind = request->route.kind;

	return kind == ROUTE_TREE || kind == ROUTE_INFO || kind == ROUTE_PATHS_INFO || kind == ROUTE_REFS;
}

bool pass_is_settled(const struct gateway_request *request)
{
	const struct route *route = &request->route;

	return route->kind == ROUTE_TREE && name_is_commit(route->revision) && !has_flag(route, "expand") && !strstr(route->query, "cursor=");
}

/* --- the answer */

static void refuse_away(struct pass *pass)
{
	if (!pass->why.text[0])
		(void)why_set(&pass->why, ERR_HUB_AWAY, "the hub did not answer a moment ago, and nothing is remembered about %s; try again in half a minute",
			      pass->request->route.repo);
	pass_refuse(pass, ERR_HUB_AWAY, &pass->why);
}

static json_t *make_tree(const struct pass *pass, const struct hub_listing *listing)
{
	const struct route *route = &pass->request->route;

	return gateway_recall_tree(listing, route->path, has_flag(route, "recursive"));
}

/* All lists that clients look for; who asks for pull requests gets those that were seen. */
static json_t *make_refs(json_t *refs)
{
	static const char *const lists[] = {"branches", "converts", "tags", "pullRequests"};

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		if (!json_is_array(json_object_get(refs, lists[i])))
			json_object_set_new(refs, lists[i], json_array());
	return refs;
}

/* What the hub would have said, made of what it said once. NULL: it cannot be made. */
static json_t *make_answer(const struct pass *pass, const struct hub_listing *listing)
{
	json_t *paths, *json;

	switch (pass->request->route.kind) {
	case ROUTE_INFO:
		return gateway_recall_info(listing);
	case ROUTE_TREE:
		return make_tree(pass, listing);
	default:
		paths = gateway_paths_parse(gateway_request_header(pass->request, "Content-Type"), buf_str(&pass->sent.text), pass->sent.text.len);
		json = paths ? gateway_recall_paths(listing, paths) : NULL;
		json_decref(paths);
		return json;
	}
}

static void reply_json(struct pass *pass, json_t *json)
{
	gateway_wait_stop(&pass->wait);
	gateway_reply_json(pass->request, 200, json);
}

static bool is_empty_folder(const struct pass *pass, const json_t *json)
{
	return pass->request->route.kind == ROUTE_TREE && *pass->request->route.path && json_array_size(json) == 0;
}

static void answer(struct pass *pass, const struct hub_listing *listing)
{
	json_t *json = make_answer(pass, listing);
	struct why why = {0};

	if (is_empty_folder(pass, json)) {
		(void)why_set(&why, ERR_NOT_FOUND, "%s has no folder %s at revision %s", pass->request->route.repo, pass->request->route.path, pass->request->route.revision);
		gateway_wait_stop(&pass->wait);
		gateway_reply_error(pass->request, 404, REPLY_NO_ENTRY, listing->commit, why.text);
		json_decref(json);
	} else if (json)
		reply_json(pass, json);
	else
		refuse_away(pass);
}

static void on_recalled(struct gateway_recall *recall, const struct hub_listing *listing)
{
	struct pass *pass = container_of(recall, struct pass, recall);
	struct hub *hub = pass->hub->hub;
	bool is_away = pass->why.text[0] || hub_is_away(hub), may_see = listing && !(pass->request->is_from_afar && listing->visibility != VISIBILITY_PUBLIC);

	if (may_see && (is_away || listing->count <= SETTLED_FILES_MAX))
		answer(pass, listing);
	else if (pass->why.text[0] || hub_is_left_alone(hub))
		refuse_away(pass);
	else
		pass_ask_hub(pass);
}

/* As they were seen, or at least the branch that everybody asks for. NULL: nothing is known. */
static json_t *find_refs(const struct pass *pass)
{
	const struct route *route = &pass->request->route;
	const struct hub_subject main_branch = {route->type, route->repo, "main", NULL};
	json_t *json = NULL;
	struct buf text;
	char commit[41];

	buf_init(&text, REFS_MAX);
	if (hub_recall_refs(pass->hub->hub, route->type, route->repo, &text) == ERR_OK)
		json = json_loadb(buf_str(&text), text.len, 0, NULL);
	else if (hub_recall_commit(pass->hub->hub, &main_branch, commit) == ERR_OK)
		json = json_pack("{s:[{s:s, s:s, s:s}]}", "branches", "name", "main", "ref", "refs/heads/main", "targetCommit", commit);
	buf_release(&text);
	return json ? make_refs(json) : NULL;
}

static void recall_refs(struct pass *pass)
{
	json_t *json = find_refs(pass);

	if (json)
		reply_json(pass, json);
	else if (pass->why.text[0] || hub_is_left_alone(pass->hub->hub))
		refuse_away(pass);
	else
		pass_ask_hub(pass);
}

void pass_recall(struct pass *pass)
{
	if (pass->request->route.kind == ROUTE_REFS) {
		recall_refs(pass);
		return;
	}
	gateway_recall_release(&pass->recall);
	pass->recall.on_done = on_recalled;
	if (gateway_recall_start(&pass->recall, pass->request, pass->request->route.revision) == ERR_OK)
		return;
	on_recalled(&pass->recall, NULL);
}

/* --- what is known of the repo besides */

/* All files of the commit are known now, or not; its info waited for that. */
static void on_listed(struct gateway_recall *recall, const struct hub_listing *listing)
{
	struct pass *pass = container_of(recall, struct pass, recall);

	if (listing)
		gateway_recall_note(recall, pass->request, listing);
	pass_finish(pass, ERR_OK);
}

static bool find_commit(struct pass *pass)
{
	json_t *json = pass->request->route.kind == ROUTE_INFO && pass->is_edited ? json_loadb((const char *)pass->edited.data, pass->edited.len, 0, NULL) : NULL;
	const char *sha = json_string_value(json_object_get(json, "sha"));
	bool is_one = sha && name_is_commit(sha);

	if (is_one)
		memcpy(pass->commit, sha, sizeof pass->commit);
	json_decref(json);
	return is_one;
}

void pass_note(struct pass *pass)
{
	const struct route *route = &pass->request->route;

	if (route->kind == ROUTE_REFS && pass->is_edited)
		hub_remember_refs(pass->hub->hub, route->type, route->repo, buf_str(&pass->edited), pass->edited.len);
	gateway_recall_release(&pass->recall);
	pass->recall.on_done = on_listed;
	if (!find_commit(pass) || gateway_recall_start(&pass->recall, pass->request, pass->commit) != ERR_OK)
		pass_finish(pass, ERR_OK);
}
