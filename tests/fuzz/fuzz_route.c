/* Request lines at the gateway. What is taken for a file's or a repo's is safe to make addresses and paths of, and means the same when it is written plainly. */
#include "fuzz/fuzz.h"
#include "node/gateway_route.h"
#include "node/url.h"

#include <stdio.h>
#include <string.h>

static void check_file(const struct route *route)
{
	struct buf target = {.limit = 3 * ROUTE_TARGET_MAX};
	struct route again;

	must(tree_path_is_safe(route->path));
	must(buf_add_format(&target, "/%s%s/resolve/", repo_type_prefix(route->type), route->repo) == ERR_OK);
	must(url_add_escaped(&target, route->revision, "") == ERR_OK && buf_add_str(&target, "/") == ERR_OK && url_add_escaped(&target, route->path, "/") == ERR_OK);
	if (target.len <= ROUTE_TARGET_MAX) {
		must(route_parse("GET", buf_str(&target), &again, NULL) == ERR_OK && again.kind == ROUTE_RESOLVE && again.type == route->type);
		must(strcmp(again.repo, route->repo) == 0 && strcmp(again.revision, route->revision) == 0 && strcmp(again.path, route->path) == 0);
	}
	buf_release(&target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "OPTIONS"};
	char *target = malloc(size + 1);
	struct route route;
	struct why why = {0};
	enum err err;

	must(target);
	memcpy(target, data, size);
	target[size] = 0;
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		err = route_parse(methods[i], target, &route, &why);
		must(err == ERR_OK || ((err == ERR_INVALID || err == ERR_LIMIT) && why.text[0]));
		if (err)
			continue;
		must(target[0] == '/' && route.query >= target && route.query <= target + size);
		must(!route.repo[0] || hub_repo_is_valid(route.repo));
		must(!route.revision[0] || tree_path_is_safe(route.revision));
		must(!route.path[0] || tree_path_is_safe(route.path));
		if (route.kind == ROUTE_RESOLVE || route.kind == ROUTE_RAW)
			check_file(&route);
	}
	free(target);
	return 0;
}
