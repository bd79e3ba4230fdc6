/* scenario: a short life of a store, told line by line, and the check of what is left of it.
 *
 *   scenario live DIR          the life: store in DIR/home, export to DIR/out/copy
 *   scenario after DIR LINES   without faults: look at what a life left, LINES being what it printed; live again; look for leftovers
 *
 * What should not be is told in lines that begin with BAD.
 * A failure is one line on standard error, `fail <kind>: <sentence>`, and exit status 1.
 */
#include "peers.h"

#include "store/adopt.h"
#include "store/blob.h"
#include "store/gc.h"
#include "store/index.h"
#include "store/partial.h"
#include "store/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FIRST_SIZE (3 * CHAIN_CHUNK + 4096)
#define SECOND_SIZE (CHAIN_CHUNK + 1)
#define THIRD_SIZE (2 * CHAIN_CHUNK)
#define PEERS_SEED 4 /* this one comes from peers */
#define PEERS_SIZE (3 * CHAIN_CHUNK + 64)
#define CACHED_SEED 5 /* and this one lies elsewhere, and is adopted */
#define CACHED_SIZE (CHAIN_CHUNK + 9)
#define SIZE_MAX_HERE FIRST_SIZE
#define LINES_MAX 16

struct life {
	char home[512], copy[512];
	struct sha256_engine engine;
	struct log log;
	struct store *store;
	struct why why;
};

/* Every page differs from every other, in every blob. */
static void content(unsigned seed, uint64_t offset, uint8_t *data, size_t len)
{
	uint64_t x = (seed + 1) * 0x9e3779b97f4a7c15ULL, page[512];

	for (size_t i = 0; i < sizeof page / sizeof page[0]; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		page[i] = x;
	}
	for (size_t i = 0; i < len; i += sizeof page) {
		page[0] = page[1] ^ (offset + i);
		memcpy(data + i, page, len - i < sizeof page ? len - i : sizeof page);
	}
}

static size_t make_whole(unsigned seed, size_t size, uint8_t *data)
{
	for (uint64_t i = 0; i < chain_chunk_count(size); i++)
		content(seed, chain_chunk_offset(i), data + chain_chunk_offset(i), chain_chunk_len(size, i));
	return size;
}

static struct digest digest_of(struct life *life, unsigned seed, size_t size)
{
	static uint8_t data[SIZE_MAX_HERE];
	uint8_t sum[SHA256_LEN];

	sha256_digest(&life->engine, data, make_whole(seed, size, data), sum);
	return digest_of_sha256(sum);
}

static void tell(const char *what, const struct digest *digest)
{
	char hex[DIGEST_HEX_MAX];

	printf("%s %s\n", what, digest_hex(digest, hex));
	fflush(stdout);
}

static enum err begin(struct life *life, const char *dir)
{
	struct store_options options = {.home = life->home, .engine = &life->engine, .clock = clock_system(), .log = &life->log};
	enum err err;

	snprintf(life->home, sizeof life->home, "%s/home", dir);
	snprintf(life->copy, sizeof life->copy, "%s/out/copy", dir);
	err = sha256_engine_init(&life->engine, NULL, &life->why);
	return err ? err : store_open(&options, &life->store, &life->why);
}

static enum err put_missing(struct life *life, struct partial *partial, unsigned seed, size_t size, uint64_t end)
{
	static uint8_t data[CHAIN_CHUNK];
	enum err err = ERR_OK;

	for (uint64_t i = 0; !err && i < end && i < partial_chunks(partial); i++) {
		if (partial_has(partial, i))
			continue;
		content(seed, chain_chunk_offset(i), data, chain_chunk_len(size, i));
		err = partial_put(partial, i, data, chain_chunk_len(size, i), NULL, &life->why);
		if (!err)
			printf("put %u\n", seed);
		fflush(stdout);
	}
	return err;
}

/* Up to `count` of the missing ones. */
static enum err put_from_peers(struct life *life, struct partial *partial, unsigned seed, size_t size, uint64_t count)
{
	static uint8_t data[SIZE_MAX_HERE];
	struct digest digest = digest_of(life, seed, size);
	uint64_t put = 0;
	enum err err;

	make_whole(seed, size, data);
	err = peers_put(partial, &life->engine, &digest, data, count, &put, &life->why);
	for (uint64_t i = 0; i < put; i++)
		printf("put %u\n", seed);
	fflush(stdout);
	return err;
}

/* Up to chunk `end`; the whole is committed. */
static enum err fetch(struct life *life, unsigned seed, size_t size, uint64_t end)
{
	struct digest digest = digest_of(life, seed, size), found;
	struct partial *partial = NULL;
	struct blob *blob = NULL;
	enum err err = blob_open(life->store, &digest, &blob, &life->why);

	blob_close(blob);
	if (err != ERR_NOT_FOUND)
		return err;
	err = partial_open(life->store, &digest, size, &partial, &life->why);
	if (err)
		return err;
	err = seed == PEERS_SEED ? put_from_peers(life, partial, seed, size, end) : put_missing(life, partial, seed, size, end);
	if (!err && partial_is_complete(partial)) {
		err = partial_commit(partial, &found, &life->why);
		if (!err) {
			partial = NULL;
			tell("committed", &found);
		}
	}
	partial_close(partial);
	return err;
}

static enum err use(struct life *life)
{
	struct digest digest = digest_of(life, 1, FIRST_SIZE);
	struct blob_name name = {digest, (char[]){"hub"}, (char[]){"org/repo"}, (char[]){"c0ffee"}, (char[]){"dir/file"}};
	struct blob *blob = NULL;
	enum err err = blob_open(life->store, &digest, &blob, &life->why);

	if (!err)
		err = index_name_put(store_index(life->store), &name, &life->why);
	if (!err)
		err = tree_link(life->store, name.repo, name.commit, name.path, &digest, &life->why);
	if (!err)
		err = blob_export(blob, life->copy, NULL, NULL, &life->why);
	if (!err)
		tell("exported", &digest);
	blob_close(blob);
	return err;
}

static enum err remove_second(struct life *life)
{
	struct digest digest = digest_of(life, 2, SECOND_SIZE);
	enum err err;

	tell("removing", &digest);
	err = blob_remove(life->store, &digest, false, &life->why);
	if (err && err != ERR_NOT_FOUND)
		return err;
	tell("removed", &digest);
	return ERR_OK;
}

/* The kernel's clock of files stands still for milliseconds, and a file written twice in one of its ticks looks like one written once. */
static void await_next_tick(const char *path)
{
	struct timespec now;
	struct stat st;

	if (stat(path, &st) != 0)
		return;
	do
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	while (now.tv_sec == st.st_mtim.tv_sec && now.tv_nsec <= st.st_mtim.tv_nsec);
}

/* A bit rots: found out, and put right again. From here to there it is not held, whatever was said of it. */
static enum err damage_and_repair(struct life *life)
{
	struct digest digest = digest_of(life, 3, THIRD_SIZE);
	struct blob_check check;
	struct blob *blob;
	enum err err = blob_open(life->store, &digest, &blob, &life->why);
	int fd;

	if (err)
		return err;
	tell("removing", &digest);
	await_next_tick(blob_path(blob));
	fd = chmod(blob_path(blob), 0600) == 0 ? open(blob_path(blob), O_WRONLY | O_CLOEXEC) : -1;
	blob_close(blob);
	if (fd < 0 || pwrite(fd, "rot", 3, CHAIN_CHUNK + 5) != 3)
		err = why_errno(&life->why, errno, "cannot damage a blob");
	if (fd >= 0)
		close(fd);
	if (err)
		return err;
	err = blob_verify(life->store, &digest, NULL, NULL, NULL, &check, &life->why);
	if (err != ERR_UNPROVEN && err != ERR_NOT_FOUND)
		return err ? err : why_set(&life->why, ERR_UNPROVEN, "damage was not found");
	return fetch(life, 3, THIRD_SIZE, UINT64_MAX);
}

/* The cache is somebody else's: nothing fails there. */
static void fill_cache(const char *path)
{
	static uint8_t data[SIZE_MAX_HERE];
	FILE *file = access(path, F_OK) == 0 ? NULL : fopen(path, "wb");

	if (!file)
		return;
	if (fwrite(data, 1, make_whole(CACHED_SEED, CACHED_SIZE, data), file) != CACHED_SIZE || fclose(file) != 0 || chmod(path, 0600) != 0)
		abort();
}

static enum err adopt(struct life *life, const char *dir)
{
	char path[600];
	struct adopt adopt = {.path = path, .expected = digest_of(life, CACHED_SEED, CACHED_SIZE)};
	struct adopt_result result;
	enum err err = ERR_OK;

	snprintf(path, sizeof path, "%s-cache", dir);
	fill_cache(path);
	if (!adopt_is_done(life->store, &adopt, &result))
		err = adopt_file(life->store, &adopt, &result, &life->why);
	if (!err)
		tell("committed", &result.digest);
	return err;
}

static enum err live(struct life *life, const char *dir)
{
	struct gc_result result;
	enum err err = begin(life, dir);

	if (!err)
		err = fetch(life, 1, FIRST_SIZE, 2);
	if (!err)
		err = fetch(life, 1, FIRST_SIZE, UINT64_MAX);
	if (!err)
		err = fetch(life, 2, SECOND_SIZE, UINT64_MAX);
	if (!err)
		err = use(life);
	if (!err)
		err = fetch(life, 3, THIRD_SIZE, UINT64_MAX);
	if (!err)
		err = damage_and_repair(life);
	if (!err)
		err = fetch(life, PEERS_SEED, PEERS_SIZE, 2);
	if (!err)
		err = fetch(life, PEERS_SEED, PEERS_SIZE, UINT64_MAX);
	if (!err)
		err = remove_second(life);
	if (!err)
		err = adopt(life, dir);
	if (!err)
		err = gc_run(life->store, 0, false, &result, &life->why);
	return err;
}

static void complain(const char *what, const char *name)
{
	printf("BAD %s: %s\n", what, name);
}

static bool file_is(struct life *life, const char *path, const struct digest *digest)
{
	static uint8_t data[SIZE_MAX_HERE + 1];
	uint8_t sum[SHA256_LEN];
	FILE *file = fopen(path, "rb");
	size_t len;

	if (!file)
		return false;
	len = fread(data, 1, sizeof data, file);
	fclose(file);
	sha256_digest(&life->engine, data, len, sum);
	return memcmp(sum, digest->bytes, sizeof sum) == 0;
}

static bool is_held(struct life *life, const struct digest *digest)
{
	struct blob *blob = NULL;
	char hex[DIGEST_HEX_MAX];
	bool held = blob_open(life->store, digest, &blob, &life->why) == ERR_OK;

	if (held && !file_is(life, blob_path(blob), digest))
		complain("unproven bytes are held", digest_hex(digest, hex));
	blob_close(blob);
	return held;
}

static void check_dir(struct life *life, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char file[1024];
		struct digest digest;
		snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
		if (entry->d_name[0] == '.')
			continue;
		if (!digest_parse_hex(DIGEST_SHA256, entry->d_name, &digest)) {
			complain("a strange file among the blobs", file);
		} else if (!is_held(life, &digest) && access(file, F_OK) == 0) {
			complain("a file that is not held stayed", file);
		}
	}
	if (dir)
		closedir(dir);
}

static void check_files(struct life *life)
{
	char path[600];

	for (unsigned i = 0; i < 256; i++) {
		snprintf(path, sizeof path, "%s/blobs/sha256/%02x", life->home, i);
		check_dir(life, path);
	}
}

static void check_index(struct life *life)
{
	struct blob_record *records = NULL;
	size_t count = 0;

	if (index_blob_list(store_index(life->store), &records, &count, &life->why) != ERR_OK)
		complain("the index does not list", life->why.text);
	for (size_t i = 0; i < count; i++)
		(void)is_held(life, &records[i].digest);
	free(records);
}

/* What the life said it had done. */
static void check_promises(struct life *life, FILE *lines)
{
	char word[32], hex[80], line[160];
	struct digest digest, promised[LINES_MAX];
	size_t count = 0;

	while (fgets(line, sizeof line, lines)) {
		if (sscanf(line, "%31s %79s", word, hex) != 2 || !digest_parse_hex(DIGEST_SHA256, hex, &digest))
			continue;
		if (strcmp(word, "committed") == 0 && count < LINES_MAX)
			promised[count++] = digest;
		for (size_t i = 0; i < count && strcmp(word, "removing") == 0; i++)
			if (digest_equal(&promised[i], &digest))
				promised[i] = promised[--count];
		if (strcmp(word, "removed") == 0 && is_held(life, &digest))
			complain("what was removed came back", hex);
		if (strcmp(word, "exported") == 0 && !file_is(life, life->copy, &digest))
			complain("what was exported is lost", hex);
	}
	for (size_t i = 0; i < count; i++)
		if (!is_held(life, &promised[i]))
			complain("what was committed is lost", digest_hex(&promised[i], hex));
}

static void check_secret(struct life *life)
{
	static const uint8_t zero[STORE_SECRET_LEN];

	if (memcmp(store_secret(life->store), zero, sizeof zero) == 0)
		complain("the secret is none", life->home);
}

static enum err check(struct life *life, const char *dir, const char *lines_path)
{
	struct digest first;
	FILE *lines = fopen(lines_path, "r");
	enum err err = begin(life, dir);

	if (err || !lines) {
		if (lines)
			fclose(lines);
		return err ? err : ERR_IO;
	}
	first = digest_of(life, 1, FIRST_SIZE);
	check_secret(life);
	check_index(life);
	check_promises(life, lines);
	check_files(life);
	if (access(life->copy, F_OK) == 0 && !file_is(life, life->copy, &first))
		complain("the copy is not what it should be", life->copy);
	fclose(lines);
	return ERR_OK;
}

static void expect_empty(const char *home, const char *name)
{
	char path[600];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof path, "%s/%s", home, name);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			complain("left over", entry->d_name);
	if (dir)
		closedir(dir);
}

static enum err leftovers(struct life *life, const char *dir)
{
	struct gc_result result;
	struct digest cached;
	struct stat st;
	char path[600];
	enum err err = begin(life, dir);

	if (!err)
		err = gc_run(life->store, -1, false, &result, &life->why);
	if (err)
		return err;
	expect_empty(life->home, "partial");
	snprintf(path, sizeof path, "%s/secret.new", life->home);
	if (access(path, F_OK) == 0)
		complain("left over", path);
	snprintf(path, sizeof path, "%s-cache", dir);
	cached = digest_of(life, CACHED_SEED, CACHED_SIZE);
	if (!file_is(life, path, &cached) || stat(path, &st) != 0 || (st.st_mode & 0777) != 0600)
		complain("the cache was touched", path);
	snprintf(path, sizeof path, "%s/repos/org/repo/c0ffee/dir/file", life->home);
	if (stat(path, &st) != 0 || st.st_size != (off_t)FIRST_SIZE)
		complain("the tree lost its file", path);
	return ERR_OK;
}

static enum err look_after(struct life *life, const char *dir, const char *lines)
{
	enum err err = check(life, dir, lines);

	store_close(life->store);
	life->store = NULL;
	if (!err)
		err = live(life, dir);
	store_close(life->store);
	life->store = NULL;
	return err ? err : leftovers(life, dir);
}

int main(int argc, char **argv)
{
	struct life life = {0};
	enum err err = ERR_USAGE;

	life.log = (struct log){.out = getenv("SCENARIO_LOG") ? stderr : NULL, .level = LOG_LEVEL_DEBUG};
	if (argc == 3 && strcmp(argv[1], "live") == 0)
		err = live(&life, argv[2]);
	else if (argc == 4 && strcmp(argv[1], "after") == 0)
		err = look_after(&life, argv[2], argv[3]);
	store_close(life.store);
	if (err) {
		fprintf(stderr, "fail %s: %s\n", err_name(err), life.why.text);
		return 1;
	}
	puts("done");
	return 0;
}
