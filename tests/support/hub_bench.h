/* hub_bench: a hub client with all it stands on, and scripted servers for it to talk to. Asserts by cmocka. */
#ifndef LARDER_TESTS_HUB_BENCH_H
#define LARDER_TESTS_HUB_BENCH_H

#include "node/hub.h"
#include "support/fast_clock.h"
#include "support/http_server.h"
#include "support/store_home.h"

#define COMMIT "0123456789012345678901234567890123456789"
#define COMMIT_2 "abcdefabcdefabcdefabcdefabcdefabcdefabcd"
#define SHA256 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define GIT_SHA1 "89abcdef0123456789abcdef0123456789abcdef"

/* What the hub says about org/name at COMMIT, and about files of it: of 99 bytes and SHA256 in LFS, of 7 bytes and GIT_SHA1 outside. */
#define INFO(extra) "{\"id\":\"org/name\",\"sha\":\"" COMMIT "\",\"private\":false,\"gated\":false" extra "}"
#define PLAIN(path) "{\"type\":\"file\",\"path\":\"" path "\",\"size\":7,\"oid\":\"" GIT_SHA1 "\"}"
#define LFS(path) "{\"type\":\"file\",\"path\":\"" path "\",\"size\":99,\"oid\":\"" GIT_SHA1 "\",\"lfs\":{\"oid\":\"" SHA256 "\",\"size\":99,\"pointerSize\":99}}"
#define LFS_HEAD "302 Found\r\nLocation: http://127.0.0.1:9/signed?x\r\nX-Repo-Commit: " COMMIT "\r\nX-Linked-Size: 99\r\nX-Linked-Etag: \"" SHA256 "\""
#define PLAIN_HEAD "200 OK\r\nX-Repo-Commit: " COMMIT "\r\nETag: \"" GIT_SHA1 "\"\r\nContent-Length: 7"
#define POINTER "version https://git-lfs.github.com/spec/v1\noid sha256:" SHA256 "\nsize 99\n"

struct hub_bench {
	struct store_home *home;
	struct fast_clock clock; /* ten times as fast */
	FILE *lines;             /* what was logged goes here */
	struct log log;
	struct loop *loop;
	struct http *http;
	struct http_server *server; /* the hub */
	struct http_server *cdn;    /* another origin */
	struct hub *hub;
	char logged[8192];
};

/* For cmocka_unit_test_setup_teardown: *state becomes a struct hub_bench whose hub has no token. */
int hub_bench_setup(void **state);
int hub_bench_teardown(void **state);
/* Begin anew with that token (NULL: none); what is remembered stays. */
void hub_bench_restart(struct hub_bench *bench, const char *token);
/* The server answers again, and the hub, which was away, has noticed. */
void hub_bench_come_back(struct hub_bench *bench);
/* What was logged so far. */
const char *hub_bench_logged(struct hub_bench *bench);

/* One look until its end. */
struct looked {
	struct hub_look look;
	struct hub_bench *bench;
	struct name name;
	int done;
	enum err err;
	struct why why;
};
void looked_start(struct hub_bench *bench, struct looked *looked, const char *name);
void looked_run(struct hub_bench *bench, struct looked *looked, const char *name);
void looked_release(struct looked *looked);
/* Run a look that must fail so, and whose sentence must have `text` in it. */
void look_fails(struct hub_bench *bench, const char *name, enum err err, const char *text);
/* Run a look that must find `count` files at `commit`. Release it. */
void look_finds(struct hub_bench *bench, struct looked *looked, const char *name, const char *commit, size_t count);

void assert_file(const struct looked *looked, size_t at, const char *path, uint64_t size, const char *digest);
/* Run a look for a file that must be found at COMMIT. */
void find_one(struct hub_bench *bench, const char *name, uint64_t size, const char *digest, enum visibility visibility);

/* One body until its end. */
struct taken {
	struct hub_body body;
	struct hub_bench *bench;
	struct hub_file file;
	struct buf bytes;
	int done;
	enum err err;
	struct why why;
	size_t pause_at, cancel_at; /* bytes; 0: never */
	bool is_paused;
};
/* org/name at COMMIT, file "f.bin" of `size` bytes. */
void taken_start(struct hub_bench *bench, struct taken *taken, uint64_t size, uint64_t first, uint64_t end);
/* The same with BODY_SIZE bytes, as one of many bodies that share `place`. */
void taken_start_of_many(struct hub_bench *bench, struct taken *taken, struct hub_place *place, uint64_t first, uint64_t end);
void taken_run(struct hub_bench *bench, struct taken *taken, uint64_t size, uint64_t first, uint64_t end);
void taken_release(struct taken *taken);

/* The file's content, and the hub's redirect to the CDN for it. Free data. */
#define BODY_RESOLVE "GET /org/name/resolve/" COMMIT "/f.bin "
#define BODY_SIZE ((size_t)1 << 20)
struct bytes {
	uint8_t *data;
	char location[300]; /* head of the hub's redirect to the CDN */
};
/* Make the content, and have the hub redirect to {cdn}/signed?sig=1 whenever it is asked. */
void bytes_prepare(struct hub_bench *bench, struct bytes *bytes);
/* Have `server` answer `request` with the whole file, closed at `cut_at` (0: never). */
void bytes_add_whole(struct http_server *server, const char *request, const struct bytes *bytes, size_t cut_at);
/* With bytes first .. end-1 of it, and a Content-Range. */
void bytes_add_part(struct http_server *server, const char *request, const struct bytes *bytes, size_t first, size_t end);
/* The bytes first .. end-1 have come, and nothing else; or the body has failed so. Both release it. */
void assert_taken(struct taken *taken, const struct bytes *bytes, size_t first, size_t end);
void assert_failed(struct taken *taken, enum err err, const char *text);

/* The request at `at` that the server has seen begins so. */
void assert_request(struct http_server *server, size_t at, const char *begin);
void assert_has(const char *text, const char *part);
void assert_has_not(const char *text, const char *part);

#endif
