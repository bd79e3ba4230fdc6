/* The path is cut into its parts once, in a copy, and each part is unescaped on its own: so an escaped slash stays inside its part, as in refs%2Fpr%2F1. */
#include "node/gateway_route.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define PARTS_MAX 256

struct parts {
	char text[ROUTE_TARGET_MAX + 1];
	char *at[PARTS_MAX];
	size_t count;
};

/* Undo %XX in place. False for half an escape, and for control characters in either form. */
static bool unescape(char *text)
{
	char *out = text;

	while (*text) {
		int high, low, byte = (unsigned char)*text;
		if (*text == '%') {
			high = text_hex_value(text[1]);
			low = high < 0 ? -1 : text_hex_value(text[2]);
			if (low < 0)
				return false;
			byte = high * 16 + low;
			text += 2;
		}
		if (byte < 0x20 || byte == 0x7f)
			return false;
		*out++ = (char)byte;
		text++;
	}
	*out = 0;
	return true;
}

/* Escaped slashes count: %2e%2e%2f is a trick, too. */
static bool has_dots(const char *part)
{
	for (const char *at = part;; at++) {
		size_t len = strcspn(at, "/\\");
		if ((len == 1 && at[0] == '.') || (len == 2 && at[0] == '.' && at[1] == '.'))
			return true;
		at += len;
		if (!*at)
			return false;
	}
}

static enum err cut(const char *path, size_t len, struct parts *parts, struct why *why)
{
	char *at = parts->text;

	memcpy(parts->text, path, len);
	parts->text[len] = 0;
	parts->count = 0;
	for (;;) {
		char *end = at + strcspn(at, "/");
		bool is_last = *end == 0;
		*end = 0;
		if (parts->count == PARTS_MAX)
			return why_set(why, ERR_LIMIT, "the path has more than %d parts", PARTS_MAX);
		if (!unescape(at))
			return why_set(why, ERR_INVALID, "the path has a control character, or a %% that is not followed by two hex digits");
		if (has_dots(at) || (!*at && !is_last))
			return why_set(why, ERR_INVALID, "the path has a part that is empty, \".\" or \"..\"");
		parts->at[parts->count++] = at;
		if (is_last)
			break;
		at = end + 1;
	}
	if (parts->count > 1 && !*parts->at[parts->count - 1]) /* a slash at the end means nothing */
		parts->count--;
	return ERR_OK;
}

/* --- the parts of a route; all false where it is not one of ours */

static bool is(const struct parts *parts, size_t at, const char *word)
{
	return at < parts->count && strcmp(parts->at[at], word) == 0;
}

static bool take_repo(const struct parts *parts, size_t first, size_t count, struct route *route)
{
	int len;

	if (first + count > parts->count)
		return false;
	len = count == 2 ? snprintf(route->repo, sizeof route->repo, "%s/%s", parts->at[first], parts->at[first + 1]) :
			   snprintf(route->repo, sizeof route->repo, "%s", parts->at[first]);
	return len > 0 && (size_t)len < sizeof route->repo && hub_repo_is_valid(route->repo) && !strchr(parts->at[first], '/');
}

/* refs/pr/1 and the like are often sent as they are. Returns how many parts it takes; 0: it is none. */
static size_t take_revision(const struct parts *parts, size_t at, struct route *route)
{
	static const char *const kinds[] = {"pr", "convert", "heads", "tags"};
	size_t count = 1;
	int len;

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (is(parts, at, "refs") && is(parts, at + 1, kinds[i]))
			count = 3;
	if (at + count > parts->count)
		return 0;
	len = count == 3 ? snprintf(route->revision, sizeof route->revision, "refs/%s/%s", parts->at[at + 1], parts->at[at + 2]) :
			   snprintf(route->revision, sizeof route->revision, "%s", parts->at[at]);
	return len > 0 && (size_t)len < sizeof route->revision && tree_path_is_safe(route->revision) ? count : 0;
}

static bool take_path(const struct parts *parts, size_t at, struct route *route)
{
	size_t len = 0;

	for (; at < parts->count; at++) {
		int more = snprintf(route->path + len, sizeof route->path - len, "%s%s", len ? "/" : "", parts->at[at]);
		if (more < 0 || (size_t)more >= sizeof route->path - len)
			return false;
		len += (size_t)more;
	}
	return len > 0 && tree_path_is_safe(route->path);
}

/* "datasets" and the like at that place. */
static bool take_type(const struct parts *parts, size_t at, enum repo_type from, struct route *route)
{
	for (int type = from; type <= REPO_SPACE; type++) {
		if (!is(parts, at, repo_type_plural((enum repo_type)type)))
			continue;
		route->type = (enum repo_type)type;
		return true;
	}
	return false;
}

/* --- the routes */

static bool is_view(const struct parts *parts, size_t at)
{
	return is(parts, at, "resolve") || is(parts, at, "raw");
}

static bool parse_file(const struct parts *parts, struct route *route)
{
	size_t first = take_type(parts, 0, REPO_DATASET, route), view = is_view(parts, first + 1) ? first + 1 : first + 2, revision;

	if (is(parts, first, "kernels") || !is_view(parts, view) || !take_repo(parts, first, view - first, route))
		return false;
	revision = take_revision(parts, view + 1, route);
	if (!revision || !take_path(parts, view + 1 + revision, route))
		return false;
	route->kind = is(parts, view, "resolve") ? ROUTE_RESOLVE : ROUTE_RAW;
	return true;
}

/* What stands behind the repo in api/TYPE/REPO/...; `at` is its place. */
static bool parse_verb(const struct parts *parts, size_t at, bool is_post, struct route *route)
{
	size_t revision = at + 1 < parts->count ? take_revision(parts, at + 1, route) : 0, end = at + 1 + revision;

	if (at == parts->count && !is_post)
		route->kind = ROUTE_INFO;
	else if (is(parts, at, "refs") && at + 1 == parts->count && !is_post)
		route->kind = ROUTE_REFS;
	else if (is(parts, at, "revision") && revision && end == parts->count && !is_post)
		route->kind = ROUTE_INFO;
	else if (is(parts, at, "paths-info") && revision && end == parts->count && is_post)
		route->kind = ROUTE_PATHS_INFO;
	else if (is(parts, at, "tree") && revision && !is_post && (end == parts->count || take_path(parts, end, route)))
		route->kind = ROUTE_TREE;
	else
		return false;
	return true;
}

static bool is_verb(const struct parts *parts, size_t at)
{
	return is(parts, at, "refs") || ((is(parts, at, "revision") || is(parts, at, "paths-info") || is(parts, at, "tree")) && at + 1 < parts->count);
}

static bool parse_api(const struct parts *parts, bool is_post, struct route *route)
{
	size_t count = parts->count == 3 || is_verb(parts, 3) ? 1 : 2;

	if (is(parts, 1, "telemetry") || (is(parts, 1, "agent-harnesses") && parts->count == 2)) {
		route->kind = is(parts, 1, "telemetry") ? ROUTE_TELEMETRY : ROUTE_AGENTS;
		return true;
	}
	return take_type(parts, 1, REPO_MODEL, route) && take_repo(parts, 2, count, route) && parse_verb(parts, 2 + count, is_post, route);
}

static bool parse_lfs(const struct parts *parts, struct route *route)
{
	static const char *const words[] = {"info", "lfs", "objects", "batch"};
	size_t first = take_type(parts, 0, REPO_DATASET, route), tail = sizeof words / sizeof words[0], len;

	if (parts->count < first + 1 + tail || parts->count > first + 2 + tail)
		return false;
	for (size_t i = 0; i < tail; i++)
		if (!is(parts, parts->count - tail + i, words[i]))
			return false;
	if (!take_repo(parts, first, parts->count - tail - first, route))
		return false;
	len = strlen(route->repo);
	if (len > 4 && strcmp(route->repo + len - 4, ".git") == 0)
		route->repo[len - 4] = 0;
	route->kind = ROUTE_LFS_BATCH;
	return hub_repo_is_valid(route->repo);
}

static void parse_own(const struct parts *parts, struct route *route)
{
	route->kind = ROUTE_UNKNOWN;
	if (is(parts, 1, "status") && parts->count == 2)
		route->kind = ROUTE_STATUS;
	else if (is(parts, 1, "metrics") && parts->count == 2)
		route->kind = ROUTE_METRICS;
	else if (is(parts, 1, "blob") && is(parts, 2, "sha256") && parts->count == 4 && digest_parse_hex(DIGEST_SHA256, parts->at[3], &route->digest))
		route->kind = ROUTE_BLOB;
}

static bool parse_parts(const char *method, const struct parts *parts, struct route *route)
{
	bool is_get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0, is_post = strcmp(method, "POST") == 0;

	if (is(parts, 0, "-")) {
		parse_own(parts, route);
		return true;
	}
	if (!is_get && !is_post)
		return false;
	if (is(parts, 0, "api"))
		return parse_api(parts, is_post, route);
	return is_post ? parse_lfs(parts, route) : parse_file(parts, route);
}

enum err route_parse(const char *method, const char *target, struct route *ret_route, struct why *why)
{
	struct route route = {0};
	struct parts parts;
	size_t len = strcspn(target, "?");
	enum err err;

	if (strlen(target) > ROUTE_TARGET_MAX)
		return why_set(why, ERR_LIMIT, "the address is longer than %d bytes", ROUTE_TARGET_MAX);
	if (target[0] != '/')
		return why_set(why, ERR_INVALID, "the address in the request line does not begin with a slash: this is no proxy, set HF_ENDPOINT instead");
	for (const char *p = target; *p; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7f || *p == '#' || (*p == '\\' && (size_t)(p - target) < len))
			return why_set(why, ERR_INVALID, "the address has a character that none may have");
	err = cut(target + 1, len - 1, &parts, why);
	if (err)
		return err;
	if (!parse_parts(method, &parts, &route))
		route = (struct route){.kind = ROUTE_PASS};
	route.query = target[len] ? target + len + 1 : target + len;
	*ret_route = route;
	return ERR_OK;
}
