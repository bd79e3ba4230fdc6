/* gateway_route: what a request at the gateway is about.
 *
 * The hub's read API (https://huggingface.co/docs/hub/api) and our own pages below /-/. Escapes are undone once, here, and nowhere else. Pure; any thread.
 */
#ifndef LARDER_NODE_GATEWAY_ROUTE_H
#define LARDER_NODE_GATEWAY_ROUTE_H

#include "node/hub_listing.h"
#include "store/tree.h"

#define ROUTE_TARGET_MAX 8192 /* bytes of path and query as they are sent */
#define ROUTE_REVISION_MAX 256

enum route_kind {
	ROUTE_PASS,       /* not ours to answer: goes to the hub as it is */
	ROUTE_RESOLVE,    /* [TYPE/]REPO/resolve/REV/PATH: type, repo, revision, path */
	ROUTE_RAW,        /* [TYPE/]REPO/raw/REV/PATH: the same */
	ROUTE_INFO,       /* api/TYPE/REPO[/revision/REV]: type, repo, revision ("": none was named) */
	ROUTE_TREE,       /* api/TYPE/REPO/tree/REV[/PATH]: type, repo, revision, path ("": all of it) */
	ROUTE_PATHS_INFO, /* POST api/TYPE/REPO/paths-info/REV: type, repo, revision */
	ROUTE_REFS,       /* api/TYPE/REPO/refs: type, repo */
	ROUTE_LFS_BATCH,  /* POST [TYPE/]REPO[.git]/info/lfs/objects/batch: type, repo */
	ROUTE_TELEMETRY,  /* api/telemetry/... */
	ROUTE_AGENTS,     /* api/agent-harnesses */
	ROUTE_BLOB,       /* -/blob/sha256/HEX: digest */
	ROUTE_STATUS,     /* -/status */
	ROUTE_METRICS,    /* -/metrics */
	ROUTE_UNKNOWN,    /* anything else below -/ */
	ROUTE_KINDS,
};

struct route {
	enum route_kind kind;
	enum repo_type type;
	char repo[HUB_REPO_MAX + 1];
	char revision[ROUTE_REVISION_MAX + 1];
	char path[TREE_PATH_MAX + 1];
	struct digest digest;
	const char *query; /* into `target`, behind its '?'; "" where there is none */
};

/* `target` is what stands in the request line. ERR_INVALID: it is no path, or one with tricks (absolute-form, empty, "." or ".." parts, escaped or not, control
 * characters, half an escape); ERR_LIMIT: too long. A name that cannot be one of a repo, revision or file is the hub's to refuse: ROUTE_PASS. */
enum err route_parse(const char *method, const char *target, struct route *ret_route, struct why *why) LARDER_MUST_USE;

#endif
