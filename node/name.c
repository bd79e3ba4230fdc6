#include "node/name.h"

#include "base/text.h"
#include "node/url.h"
#include "store/tree.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REPO_PART_MAX 96 /* the hub's own bound for each half of ORG/NAME */
#define FORM "write ORG/NAME, ORG/NAME@REVISION, ORG/NAME:PATH or datasets/ORG/NAME"

static const char hf_scheme[] = "hf://";

/* A name taken apart: pointers into one copy that is cut up in place. */
struct parts {
	const char *whole; /* as it was typed, for sentences */
	enum repo_type type;
	char *org;      /* NULL for legacy names without one */
	char *repo;
	char *revision; /* NULL: none given */
	char *path;     /* NULL: none given */
};

const char *repo_type_plural(enum repo_type type)
{
	static const char *const plurals[] = {[REPO_MODEL] = "models", [REPO_DATASET] = "datasets", [REPO_SPACE] = "spaces"};

	return plurals[type];
}

const char *repo_type_prefix(enum repo_type type)
{
	static const char *const prefixes[] = {[REPO_MODEL] = "", [REPO_DATASET] = "datasets/", [REPO_SPACE] = "spaces/"};

	return prefixes[type];
}

char *name_repo_text(const struct name *name)
{
	const char *prefix = repo_type_prefix(name->type);
	size_t prefix_len = strlen(prefix), len = strlen(name->repo);
	char *text = malloc(prefix_len + len + 1);

	if (!text)
		return NULL;
	memcpy(text, prefix, prefix_len);
	memcpy(text + prefix_len, name->repo, len + 1);
	return text;
}

static bool is_hex(const char *text, size_t len)
{
	return strspn(text, "0123456789abcdefABCDEF") == len && strlen(text) == len;
}

bool name_is_commit(const char *revision)
{
	return strlen(revision) == 40 && strspn(revision, "0123456789abcdef") == 40;
}

void name_release(struct name *name)
{
	free(name->repo);
	free(name->revision);
	free(name->path);
	*name = (struct name){0};
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Undo %XX in place. False for half an escape and for an escaped zero. */
static bool percent_decode(char *text)
{
	char *out = text;

	while (*text) {
		if (*text != '%') {
			*out++ = *text++;
			continue;
		}
		int high = text_hex_value(text[1]), low = high < 0 ? -1 : text_hex_value(text[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*out++ = (char)(high * 16 + low);
		text += 3;
	}
	*out = 0;
	return true;
}

/* Cut `text` at the first `c`; returns what is behind it, or NULL when there is none. */
static char *cut_at(char *text, char c)
{
	char *at = strchr(text, c);

	if (at)
		*at++ = 0;
	return at;
}

/* "datasets/" and the like in front; "models/" is the API's word, and harmless. */
static char *take_type(char *text, enum repo_type *ret_type)
{
	for (int type = REPO_MODEL; type <= REPO_SPACE; type++) {
		const char *plural = repo_type_plural((enum repo_type)type);
		size_t len = strlen(plural);
		if (strncmp(text, plural, len) == 0 && text[len] == '/') {
			*ret_type = (enum repo_type)type;
			return text + len + 1;
		}
	}
	*ret_type = REPO_MODEL;
	return text;
}

/* Cut `text`, which begins with an unescaped revision, behind that revision: "refs/pr/1" and "refs/convert/parquet" are the only ones that
 * people write with slashes where a path follows. Returns the path or NULL. */
static char *cut_revision(char *text)
{
	char *from = text;

	if (starts_with(text, "refs/pr/"))
		from = text + strlen("refs/pr/");
	else if (starts_with(text, "refs/convert/"))
		from = text + strlen("refs/convert/");
	return cut_at(from, '/');
}

static bool is_view(const char *segment)
{
	return strcmp(segment, "resolve") == 0 || strcmp(segment, "blob") == 0 || strcmp(segment, "raw") == 0 || strcmp(segment, "tree") == 0;
}

/* What stands behind the repo in a page's address: NULL, or "resolve/REV/PATH", "tree/REV" ... */
static enum err parse_view(char *view, struct parts *parts, struct why *why)
{
	char *revision;
	bool is_tree;

	if (!view || !*view)
		return ERR_OK;
	revision = cut_at(view, '/');
	if (!is_view(view))
		return why_set(why, ERR_USAGE, "%s is the address of a page, not of a repo or file: " FORM, parts->whole);
	is_tree = strcmp(view, "tree") == 0;
	if (!revision || !*revision)
		return why_set(why, ERR_USAGE, "%s names no revision after /%s/", parts->whole, view);
	parts->revision = revision;
	parts->path = cut_revision(revision);
	if (parts->path && !*parts->path)
		parts->path = NULL;
	if (is_tree && parts->path)
		return why_set(why, ERR_USAGE, "%s is a directory: name the repo and give a pattern, as in larder get %s%s%s@%s '%s/*'",
			       parts->whole, parts->org ? parts->org : "", parts->org ? "/" : "", parts->repo, parts->revision, parts->path);
	if (!is_tree && !parts->path)
		return why_set(why, ERR_USAGE, "%s names no file after /%s/%s/", parts->whole, view, parts->revision);
	return ERR_OK;
}

/* What stands behind the host of a hub's address. */
static enum err parse_address(char *text, struct parts *parts, struct why *why)
{
	char *second, *third = NULL;
	enum err err;

	text[strcspn(text, "?#")] = 0;
	text = take_type(text, &parts->type);
	second = cut_at(text, '/');
	if (second && *second) {
		char *end = second + strcspn(second, "/");
		bool has_more = *end != 0;
		*end = 0;
		third = has_more ? end + 1 : NULL;
		if (is_view(second)) { /* a legacy name: huggingface.co/gpt2/resolve/... */
			if (has_more)
				*end = '/';
			third = second;
			second = NULL;
		}
	} else {
		second = NULL;
	}
	parts->org = second ? text : NULL;
	parts->repo = second ? second : text;
	err = parse_view(third, parts, why);
	if (err)
		return err;
	if ((parts->revision && !percent_decode(parts->revision)) || (parts->path && !percent_decode(parts->path)))
		return why_set(why, ERR_USAGE, "%s has a %% that is not followed by two hex digits", parts->whole);
	return ERR_OK;
}

/* hf://[datasets/]ORG/NAME[@REV][/PATH] */
static enum err parse_hf(char *text, struct parts *parts, struct why *why)
{
	char *second, *rest;

	text = take_type(text, &parts->type);
	second = cut_at(text, '/');
	parts->org = second && !strchr(text, '@') ? text : NULL;
	if (parts->org) {
		parts->repo = second;
		rest = second;
	} else { /* hf://gpt2@main/config.json */
		parts->repo = text;
		rest = text;
		if (second)
			second[-1] = '/';
	}
	if (rest[strcspn(rest, "@/")] == '@') {
		parts->revision = cut_at(rest, '@');
		parts->path = cut_revision(parts->revision);
		if (!percent_decode(parts->revision))
			return why_set(why, ERR_USAGE, "%s has a %% in its revision that is not followed by two hex digits", parts->whole);
	} else {
		parts->path = cut_at(rest, '/');
	}
	if (parts->path && !*parts->path)
		parts->path = NULL;
	return ERR_OK;
}

/* [datasets/]REPO[@REV][:PATH] */
static enum err parse_plain(char *text, struct parts *parts, struct why *why)
{
	char *rest;

	parts->path = cut_at(text, ':');
	parts->revision = cut_at(text, '@');
	text = take_type(text, &parts->type);
	parts->repo = text;
	rest = cut_at(text, '/');
	if (rest) {
		parts->org = text;
		parts->repo = rest;
		rest = cut_at(rest, '/');
	}
	/* What has an empty part, as /etc/passwd, is no repo at all. */
	if (rest && *rest && *parts->org && *parts->repo)
		return why_set(why, ERR_USAGE, "%s has too many parts: for a file of %s/%s write %s%s/%s:%s", parts->whole, parts->org, parts->repo,
			       repo_type_prefix(parts->type), parts->org, parts->repo, rest);
	if (parts->path && !*parts->path)
		return why_set(why, ERR_USAGE, "%s ends with a colon: write the file's path after it, or leave it out for the whole repo", parts->whole);
	return ERR_OK;
}

/* The hub's rules for each half of ORG/NAME. "--" is what its caches write for "/". */
static bool is_repo_part(const char *part)
{
	size_t len = strlen(part);

	if (len == 0 || len > REPO_PART_MAX || strchr("-.", part[0]) || strchr("-.", part[len - 1]))
		return false;
	for (const char *p = part; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || strchr("-_.", *p)))
			return false;
	return !strstr(part, "--") && !strstr(part, "..");
}

/* What git allows as the name of a branch or tag, roughly; it also becomes the name of a file. */
static bool is_revision(const char *revision)
{
	return tree_path_is_safe(revision) && !strpbrk(revision, " ~^:?*[\\") && !strstr(revision, "..");
}

/* Words that mean something else where an organisation could stand, in the plain form. */
static bool is_reserved(const char *org)
{
	static const char *const words[] = {"models", "datasets", "spaces", "huggingface.co", "www.huggingface.co", "hf.co"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(org, words[i]) == 0)
			return true;
	return false;
}

static enum err check(const struct parts *parts, struct why *why)
{
	if ((parts->org && (!is_repo_part(parts->org) || is_reserved(parts->org))) || !is_repo_part(parts->repo))
		return why_set(why, ERR_USAGE, "\"%s\" is not the name of a repo: " FORM, parts->whole);
	if (parts->revision && !is_revision(parts->revision))
		return why_set(why, ERR_USAGE, "\"%s\" in %s is not a revision: give a branch, a tag or a commit", parts->revision, parts->whole);
	if (parts->path && !tree_path_is_safe(parts->path))
		return why_set(why, ERR_USAGE, "\"%s\" is not the path of a file inside a repo: write it as in dir/model.safetensors", parts->path);
	return ERR_OK;
}

static enum err build(const struct parts *parts, struct name *ret_name)
{
	struct name name = {.type = parts->type};
	size_t org_len = parts->org ? strlen(parts->org) + 1 : 0;

	name.repo = malloc(org_len + strlen(parts->repo) + 1);
	name.revision = strdup(parts->revision ? parts->revision : "main");
	name.path = parts->path ? strdup(parts->path) : NULL;
	if (!name.repo || !name.revision || (parts->path && !name.path)) {
		name_release(&name);
		return ERR_NO_MEMORY;
	}
	if (parts->org) {
		memcpy(name.repo, parts->org, org_len - 1);
		name.repo[org_len - 1] = '/';
	}
	strcpy(name.repo + org_len, parts->repo);
	if (is_hex(name.revision, 40)) /* a commit, however it was typed */
		for (char *p = name.revision; *p; p++)
			*p = (char)(*p >= 'A' && *p <= 'F' ? *p - 'A' + 'a' : *p);
	*ret_name = name;
	return ERR_OK;
}

static bool is_hugging_face(const char *authority)
{
	static const char *const hosts[] = {"huggingface.co", "www.huggingface.co", "hf.co"};

	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
		if (strcmp(authority, hosts[i]) == 0)
			return true;
	return false;
}

/* Length of what stands between the hub's host and its repos, "/hf" of "https://mirror/hf"; 0 where there is nothing, or the address does not begin with it. */
static size_t prefix_len(const char *path, const struct url *hub)
{
	size_t len = strlen(hub->target);

	while (len > 0 && hub->target[len - 1] == '/')
		len--;
	return strncmp(path, hub->target, len) == 0 && strchr("/?#", path[len]) ? len : 0;
}

static enum err wrong_host(const char *authority, const char *hub_authority, const char *scheme, const struct parts *parts, struct why *why)
{
	const char *and = *hub_authority && !is_hugging_face(hub_authority) ? " and of the hub in use, " : "";

	return why_set(why, ERR_USAGE, "%s is at %s, and only addresses at huggingface.co, hf.co%s%s are understood: if %s is a hub, add --hub %s://%s", parts->whole, authority,
		       and, *and ? hub_authority : "", authority, scheme, authority);
}

/* http[s]://HOST/... */
static enum err parse_web(char *text, const char *hub, struct parts *parts, struct why *why)
{
	char authority[URL_AUTHORITY_MAX], hub_authority[URL_AUTHORITY_MAX] = "";
	char *path = strstr(text, "://") + 3;
	struct url url, hub_url;
	char cut;

	path += strcspn(path, "/?#");
	cut = *path;
	*path = 0; /* what follows may have blanks, as people paste it */
	if (!url_parse(text, &url))
		return why_set(why, ERR_USAGE, "%s has no host that can be understood", parts->whole);
	*path = cut;
	url_authority(&url, authority);
	if (hub && url_parse(hub, &hub_url) && strcmp(url_authority(&hub_url, hub_authority), authority) == 0)
		path += prefix_len(path, &hub_url);
	else if (!is_hugging_face(authority))
		return wrong_host(authority, hub_authority, url.https ? "https" : "http", parts, why);
	if (path[0] != '/' || !path[1])
		return why_set(why, ERR_USAGE, "%s names no repo", parts->whole);
	return parse_address(path + 1, parts, why);
}

static enum err parse_text(char *copy, const char *hub, struct parts *parts, struct why *why)
{
	char *slash = strchr(copy, '/');
	bool is_host = false;

	if (starts_with(copy, hf_scheme))
		return parse_hf(copy + strlen(hf_scheme), parts, why);
	if (strncasecmp(copy, "https://", 8) == 0 || strncasecmp(copy, "http://", 7) == 0)
		return parse_web(copy, hub, parts, why);
	if (slash) {
		*slash = 0;
		is_host = is_hugging_face(copy);
		*slash = '/';
	}
	return is_host ? parse_address(slash + 1, parts, why) : parse_plain(copy, parts, why);
}

enum err name_parse(const char *text, const char *hub, struct name *ret_name, struct why *why)
{
	struct parts parts = {.whole = text};
	struct name name = {0};
	char *copy;
	enum err err;

	if (strlen(text) > NAME_TEXT_MAX)
		return why_set(why, ERR_USAGE, "that name has more than %d characters", NAME_TEXT_MAX);
	if (!*text)
		return why_set(why, ERR_USAGE, "the name is empty: " FORM);
	if (digest_parse(text, &name.digest)) {
		*ret_name = name;
		return ERR_OK;
	}
	if (starts_with(text, "sha256:") || starts_with(text, "git-sha1:"))
		return why_set(why, ERR_USAGE, "%s is not a digest: sha256: is followed by 64 hex digits, git-sha1: by 40", text);
	if (strlen(text) >= 40 && is_hex(text, strlen(text)))
		return why_set(why, ERR_USAGE, "%s has %zu hex digits: a SHA-256 has 64, and the 40 of a git blob are written git-sha1:HEX", text, strlen(text));
	copy = strdup(text);
	if (!copy)
		return ERR_NO_MEMORY;
	err = parse_text(copy, hub, &parts, why);
	if (!err)
		err = check(&parts, why);
	if (!err)
		err = build(&parts, ret_name);
	free(copy);
	return err;
}
