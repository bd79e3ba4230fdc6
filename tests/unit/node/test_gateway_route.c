#include "node/gateway_route.h"
#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct expected {
	const char *method, *target;
	enum route_kind kind;
	enum repo_type type;
	const char *repo, *revision, *path, *query;
};

static void assert_routes(const struct expected *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct expected *want = &all[i];
		struct route route;
		struct why why = {0};
		if (route_parse(want->method, want->target, &route, &why) != ERR_OK)
			fail_msg("%s: %s", want->target, why.text);
		if (route.kind != want->kind || route.type != want->type || strcmp(route.repo, want->repo ? want->repo : "") != 0 ||
		    strcmp(route.revision, want->revision ? want->revision : "") != 0 || strcmp(route.path, want->path ? want->path : "") != 0)
			fail_msg("%s: kind %d type %d repo \"%s\" revision \"%s\" path \"%s\"", want->target, route.kind, route.type, route.repo, route.revision, route.path);
		assert_string_equal(route.query, want->query ? want->query : "");
	}
}

static void files_are_found(void **state)
{
	static const struct expected all[] = {
		{"GET", "/org/model/resolve/main/config.json", ROUTE_RESOLVE, REPO_MODEL, "org/model", "main", "config.json"},
		{"HEAD", "/org/model/resolve/" COMMIT "/a/b%20c/d.bin?download=true", ROUTE_RESOLVE, REPO_MODEL, "org/model", COMMIT, "a/b c/d.bin", "download=true"},
		{"GET", "/datasets/org/set/resolve/refs%2Fconvert%2Fparquet/x.parquet", ROUTE_RESOLVE, REPO_DATASET, "org/set", "refs/convert/parquet", "x.parquet"},
		{"GET", "/datasets/org/set/resolve/refs/pr/1/x.parquet", ROUTE_RESOLVE, REPO_DATASET, "org/set", "refs/pr/1", "x.parquet"},
		{"GET", "/spaces/org/app/raw/main/app.py", ROUTE_RAW, REPO_SPACE, "org/app", "main", "app.py"},
		{"GET", "/gpt2/resolve/main/config.json", ROUTE_RESOLVE, REPO_MODEL, "gpt2", "main", "config.json"},
		{"GET", "/datasets/squad/resolve/main/x", ROUTE_RESOLVE, REPO_DATASET, "squad", "main", "x"},
		{"GET", "/org/model/resolve/feature%2Fx/f", ROUTE_RESOLVE, REPO_MODEL, "org/model", "feature/x", "f"},
		{"GET", "/org/model/resolve/main/%E2%82%AC.txt", ROUTE_RESOLVE, REPO_MODEL, "org/model", "main", "\xe2\x82\xac.txt"},
		{"GET", "/org/model/resolve/main/\xe2\x82\xac.txt", ROUTE_RESOLVE, REPO_MODEL, "org/model", "main", "\xe2\x82\xac.txt"},
		{"GET", "/org/model/resolve/main/resolve/raw", ROUTE_RESOLVE, REPO_MODEL, "org/model", "main", "resolve/raw"},
		{"GET", "/org/model/resolve/main/a%252e", ROUTE_RESOLVE, REPO_MODEL, "org/model", "main", "a%2e"},
		{"GET", "/org/model/resolve/main/..data/.hidden", ROUTE_RESOLVE, REPO_MODEL, "org/model", "main", "..data/.hidden"},
	};

	(void)state;
	assert_routes(all, sizeof all / sizeof all[0]);
}

static void the_api_is_found(void **state)
{
	static const struct expected all[] = {
		{"GET", "/api/models/org/model", ROUTE_INFO, REPO_MODEL, "org/model"},
		{"GET", "/api/models/gpt2", ROUTE_INFO, REPO_MODEL, "gpt2"},
		{"GET", "/api/datasets/org/set/revision/refs%2Fpr%2F1?expand=sha", ROUTE_INFO, REPO_DATASET, "org/set", "refs/pr/1", NULL, "expand=sha"},
		{"GET", "/api/models/gpt2/revision/main?blobs=true", ROUTE_INFO, REPO_MODEL, "gpt2", "main", NULL, "blobs=true"},
		{"GET", "/api/models/org/model/tree/main?recursive=true", ROUTE_TREE, REPO_MODEL, "org/model", "main", NULL, "recursive=true"},
		{"GET", "/api/models/org/model/tree/main/sub%2Fdir", ROUTE_TREE, REPO_MODEL, "org/model", "main", "sub/dir"},
		{"GET", "/api/spaces/org/app/tree/refs/pr/2/sub/dir", ROUTE_TREE, REPO_SPACE, "org/app", "refs/pr/2", "sub/dir"},
		{"GET", "/api/models/gpt2/tree/main", ROUTE_TREE, REPO_MODEL, "gpt2", "main"},
		{"POST", "/api/models/org/model/paths-info/main", ROUTE_PATHS_INFO, REPO_MODEL, "org/model", "main"},
		{"GET", "/api/models/org/model/refs?include_prs=1", ROUTE_REFS, REPO_MODEL, "org/model", NULL, NULL, "include_prs=1"},
		{"GET", "/api/models/gpt2/refs", ROUTE_REFS, REPO_MODEL, "gpt2"},
		{"POST", "/org/model.git/info/lfs/objects/batch", ROUTE_LFS_BATCH, REPO_MODEL, "org/model"},
		{"POST", "/datasets/org/set/info/lfs/objects/batch", ROUTE_LFS_BATCH, REPO_DATASET, "org/set"},
		{"HEAD", "/api/telemetry/x/y", ROUTE_TELEMETRY},
		{"GET", "/api/agent-harnesses", ROUTE_AGENTS},
		{"GET", "/-/status", ROUTE_STATUS},
		{"GET", "/-/metrics", ROUTE_METRICS},
		{"GET", "/-/blob/sha256/" HEX, ROUTE_BLOB},
		{"GET", "/-/blob/sha256/1234", ROUTE_UNKNOWN},
		{"GET", "/-/", ROUTE_UNKNOWN},
	};

	(void)state;
	assert_routes(all, sizeof all / sizeof all[0]);
}

static void the_rest_goes_to_the_hub(void **state)
{
	static const struct expected all[] = {
		{"GET", "/", ROUTE_PASS},
		{"GET", "/org/model", ROUTE_PASS},
		{"GET", "/api/models?search=x", ROUTE_PASS, REPO_MODEL, NULL, NULL, NULL, "search=x"},
		{"GET", "/api/whoami-v2", ROUTE_PASS},
		{"GET", "/api/models/org/model/xet-read-token/main", ROUTE_PASS},
		{"POST", "/api/models/org/model/preupload/main", ROUTE_PASS},
		{"POST", "/api/models/org/model", ROUTE_PASS},
		{"DELETE", "/org/model/resolve/main/f", ROUTE_PASS},
		{"POST", "/org/model/resolve/main/f", ROUTE_PASS},
		{"GET", "/kernels/org/kernel/resolve/main/f", ROUTE_PASS},
		{"GET", "/kernels/kernel/resolve/main/f", ROUTE_PASS},
		{"GET", "/api/kernels/org/kernel", ROUTE_PASS},
		{"GET", "/org/model/resolve/main", ROUTE_PASS},
		{"GET", "/org/model/resolve/main/", ROUTE_PASS},
		{"GET", "/org/mo%20del/resolve/main/f", ROUTE_PASS},
		{"GET", "/org%2fmodel/x/resolve/main/f", ROUTE_PASS},
	};

	(void)state;
	assert_routes(all, sizeof all / sizeof all[0]);
}

static void tricks_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "*", "org/model", "http://huggingface.co/org/model/resolve/main/f", "https://127.0.0.1:5274/", "127.0.0.1:80",
		"//evil.example/x", "/a//b", "/..", "/a/..", "/a/../b", "/./a", "/a/%2e%2e/b", "/a/%2E./b", "/org/model/resolve/main/..%2f..%2fetc%2fpasswd",
		"/org/model/resolve/main/a%2f%2e%2e", "/org/model/resolve/main/..%5c..%5cx", "/a\\b", "/a%00b", "/a%0d%0ab", "/a%0", "/a%", "/a%zz", "/a b", "/a\tb", "/a\x01", "/a\x7f",
		"/a#b", "/a?b\nc", "/%7f",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct route route;
		struct why why = {0};
		if (route_parse("GET", bad[i], &route, &why) != ERR_INVALID || !why.text[0])
			fail_msg("\"%s\" was taken", bad[i]);
	}
}

static void lengths_have_limits(void **state)
{
	char *target = malloc(ROUTE_TARGET_MAX + 2);
	struct route route;

	(void)state;
	memset(target, 'a', ROUTE_TARGET_MAX + 1);
	target[0] = '/';
	target[ROUTE_TARGET_MAX + 1] = 0;
	assert_int_equal(route_parse("GET", target, &route, NULL), ERR_LIMIT);
	target[ROUTE_TARGET_MAX] = 0;
	assert_int_equal(route_parse("GET", target, &route, NULL), ERR_OK);
	assert_int_equal(route.kind, ROUTE_PASS);
	for (size_t i = 1; i < ROUTE_TARGET_MAX; i += 2)
		target[i] = '/';
	assert_int_equal(route_parse("GET", target, &route, NULL), ERR_INVALID);
	for (size_t i = 0; i < ROUTE_TARGET_MAX; i++)
		target[i] = i % 2 ? 'a' : '/';
	assert_int_equal(route_parse("GET", target, &route, NULL), ERR_LIMIT);
	/* A path that is too long to be one of ours is the hub's. */
	memset(target, 'a', ROUTE_TARGET_MAX);
	memcpy(target, "/o/m/resolve/main/", 18);
	assert_int_equal(route_parse("GET", target, &route, NULL), ERR_OK);
	assert_int_equal(route.kind, ROUTE_PASS);
	free(target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_found),
		cmocka_unit_test(the_api_is_found),
		cmocka_unit_test(the_rest_goes_to_the_hub),
		cmocka_unit_test(tricks_are_refused),
		cmocka_unit_test(lengths_have_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
