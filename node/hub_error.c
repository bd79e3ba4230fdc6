#include "node/hub_facts.h"

#include <string.h>

/* "ORG/NAME@main:file" */
static const char *subject_text(const struct hub_subject *subject, char *ret, size_t room)
{
	snprintf(ret, room, "%s%.200s@%.60s%s%.200s", repo_type_prefix(subject->type), subject->repo, subject->revision, subject->path ? ":" : "",
		 subject->path ? subject->path : "");
	return ret;
}

enum err hub_error_portal(const struct hub *hub, struct why *why)
{
	return why_set(why, ERR_INVALID, "%s answers with a web page: " HUB_PORTAL_HINT, hub->host);
}

static enum err gated(const struct hub *hub, const struct hub_subject *subject, bool anonymous, struct why *why)
{
	const char *type = repo_type_prefix(subject->type);

	if (anonymous || !hub->token)
		return why_set(why, ERR_DENIED, "%s%s is gated: accept its conditions at %s/%s%s, and set HF_TOKEN to a token of that account", type, subject->repo, hub->base,
			       type, subject->repo);
	return why_set(why, ERR_DENIED, "%s%s is gated, and the account of your token has no access yet: accept its conditions at %s/%s%s", type, subject->repo,
		       hub->base, type, subject->repo);
}

static enum err no_repo(const struct hub *hub, const struct hub_subject *subject, bool anonymous, struct why *why)
{
	const char *kinds = subject->type == REPO_MODEL ? " (a dataset is datasets/ORG/NAME)" : "";
	const char *remedy = anonymous || !hub->token ? "or set HF_TOKEN to a token that may read it" : "or use a token that may read it";

	return why_set(why, ERR_NOT_FOUND, "no such repo at %s, or it is private: %s%s; check the name%s, %s", hub->host, repo_type_prefix(subject->type), subject->repo, kinds,
		       remedy);
}

static enum err denied(const struct hub *hub, const struct hub_subject *subject, const struct hub_facts *facts, bool anonymous, struct why *why)
{
	bool has_token = hub->token && !anonymous;

	if (strcmp(facts->code, "GatedRepo") == 0)
		return gated(hub, subject, anonymous, why);
	if (strcmp(facts->code, "RepoNotFound") == 0)
		return no_repo(hub, subject, anonymous, why);
	if (has_token && strncmp(facts->message, "Invalid credentials", 19) == 0)
		return why_set(why, ERR_DENIED, "%s refuses the token: it is wrong or has expired; set HF_TOKEN to a valid one, or to none for public files", hub->host);
	if (facts->status == 401 && !facts->code[0])
		return no_repo(hub, subject, anonymous, why);
	return why_set(why, ERR_DENIED, "%s does not give %s%s: %s", hub->host, repo_type_prefix(subject->type), subject->repo,
		       facts->message[0] ? facts->message : "no access");
}

static enum err not_found(const struct hub *hub, const struct hub_subject *subject, const struct hub_facts *facts, bool anonymous, struct why *why)
{
	char text[600];

	if (strcmp(facts->code, "RepoNotFound") == 0)
		return no_repo(hub, subject, anonymous, why);
	if (strcmp(facts->code, "RevisionNotFound") == 0)
		return why_set(why, ERR_NOT_FOUND, "%s%s has no revision %s at %s", repo_type_prefix(subject->type), subject->repo, subject->revision, hub->host);
	if (strcmp(facts->code, "EntryNotFound") == 0 && subject->path)
		return why_set(why, ERR_NOT_FOUND, "%s%s has no file %s at revision %s: larder resolve '%s%s@%s' lists those it has",
			       repo_type_prefix(subject->type), subject->repo, subject->path, subject->revision, repo_type_prefix(subject->type),
			       subject->repo, subject->revision);
	return why_set(why, ERR_NOT_FOUND, "%s knows no %s", hub->host, subject_text(subject, text, sizeof text));
}

/* A page that refuses, without any mark of a hub. A hub in trouble shows pages too, and a proxy that wants a login has its own sentence. */
static bool is_strangers(const struct hub_facts *facts)
{
	return facts->is_html && !facts->is_marked && facts->status >= 400 && facts->status < 500 && facts->status != 407 && facts->status != 408;
}

enum err hub_error(const struct hub *hub, const struct hub_subject *subject, const struct hub_facts *facts, bool anonymous, struct why *why)
{
	const char *colon = facts->message[0] ? ": " : "";
	char text[600];

	if ((facts->status >= 200 && facts->status < 400) || facts->status == 511 || is_strangers(facts))
		return hub_error_portal(hub, why);
	switch (facts->status) {
	case 401:
	case 403:
		return denied(hub, subject, facts, anonymous, why);
	case 404:
	case 410:
		return not_found(hub, subject, facts, anonymous, why);
	case 407:
		return why_set(why, ERR_HUB_AWAY, "the proxy on the way to %s wants a login; put USER:PASSWORD@ before its host in the proxy setting", hub->host);
	case 408:
		return why_set(why, ERR_HUB_AWAY, "%s gave up waiting for the request (408); try again", hub->host);
	default:
		break;
	}
	subject_text(subject, text, sizeof text);
	if (facts->status == 508)
		return why_set(why, ERR_INVALID, "the way to the hub at %s goes round in a circle (508)%s%s", hub->host, colon, facts->message);
	if (facts->status >= 500)
		return why_set(why, ERR_HUB_AWAY, "%s is in trouble: it answers %d for %s%s%s; try again later", hub->host, facts->status, text, colon, facts->message);
	return why_set(why, ERR_INVALID, "%s answers %d for %s%s%s", hub->host, facts->status, text, colon, facts->message);
}
