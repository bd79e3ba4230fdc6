#include "support/store_home.h"

#include "store/store_private.h"
#include "support/cmocka.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int store_home_setup(void **state)
{
	struct store_home *home = calloc(1, sizeof *home);
	struct why why = {0};

	assert_non_null(home);
	snprintf(home->dir, sizeof home->dir, "/tmp/larder-test-XXXXXX");
	assert_non_null(mkdtemp(home->dir));
	snprintf(home->home, sizeof home->home, "%s/home", home->dir);
	assert_int_equal(sha256_engine_init(&home->engine, NULL, &why), ERR_OK);
	home->log = (struct log){.out = getenv("LARDER_TEST_LOG") ? stderr : NULL, .level = LOG_LEVEL_DEBUG};
	home->options = (struct store_options){
		.home = home->home,
		.engine = &home->engine,
		.clock = clock_system(),
		.log = &home->log,
	};
	store_home_open(home);
	*state = home;
	return 0;
}

void store_home_open(struct store_home *home)
{
	struct why why = {0};

	assert_null(home->store);
	if (store_open(&home->options, &home->store, &why) != ERR_OK)
		fail_msg("store_open: %s", why.text);
}

void store_home_close(struct store_home *home)
{
	store_close(home->store);
	home->store = NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

int store_home_teardown(void **state)
{
	struct store_home *home = *state;

	store_close(home->store);
	nftw(home->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(home);
	return 0;
}

uint8_t *content_make(uint64_t seed, size_t size)
{
	uint8_t *data = malloc(size + 8);
	uint64_t x = seed * 0x9e3779b97f4a7c15ULL + 1;

	assert_non_null(data);
	for (size_t i = 0; i < size; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(data + i, &x, 8);
	}
	return data;
}

struct digest content_digest(const struct store_home *home, uint64_t seed, size_t size)
{
	uint8_t *data = content_make(seed, size), sum[SHA256_LEN];

	sha256_digest(&home->engine, data, size, sum);
	free(data);
	return digest_of_sha256(sum);
}

void partial_fill(struct partial *partial, uint64_t seed, uint64_t end)
{
	size_t size = (size_t)partial_size(partial);
	uint8_t *data = content_make(seed, size);
	struct why why = {0};

	for (uint64_t i = 0; i < end; i++)
		if (partial_put(partial, i, data + chain_chunk_offset(i), chain_chunk_len(size, i), NULL, &why) != ERR_OK)
			fail_msg("partial_put: %s", why.text);
	free(data);
}

struct digest store_home_put(struct store_home *home, uint64_t seed, size_t size)
{
	struct digest digest = content_digest(home, seed, size), found;
	struct partial *partial;
	struct why why = {0};

	if (partial_open(home->store, &digest, size, &partial, &why) != ERR_OK)
		fail_msg("partial_open: %s", why.text);
	partial_fill(partial, seed, partial_chunks(partial));
	if (partial_commit(partial, &found, &why) != ERR_OK)
		fail_msg("partial_commit: %s", why.text);
	assert_true(digest_equal(&digest, &found));
	return digest;
}

static void expect_as_it_is(struct store_home *home, const char *path, int fd)
{
	struct index *index = store_index(home->store);
	struct blob_record record;
	struct digest digest;
	struct chain chain;
	struct stat st;

	if (!digest_parse_hex(DIGEST_SHA256, strrchr(path, '/') + 1, &digest) || index_blob_get(index, &digest, &record, NULL) != ERR_OK)
		return;
	assert_int_equal(fstat(fd, &st), 0);
	store_note_identity(&record, &st);
	assert_int_equal(index_blob_chain(index, &digest, &chain, NULL), ERR_OK);
	assert_int_equal(index_blob_put(index, &record, &chain, NULL), ERR_OK);
	chain_release(&chain);
}

void store_home_damage(struct store_home *home, const char *path, uint64_t offset, bool quietly)
{
	struct timespec times[2];
	struct stat st;
	uint8_t byte;
	int fd;

	assert_int_equal(chmod(path, 0600), 0);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
	times[0] = st.st_atim;
	/* The kernel's clock for files is coarse: say so when the change must be seen. */
	times[1] = quietly ? st.st_mtim : (struct timespec){.tv_sec = st.st_mtim.tv_sec + 1};
	assert_int_equal(futimens(fd, times), 0);
	if (quietly)
		expect_as_it_is(home, path, fd);
	close(fd);
}

void store_home_blob_path(struct store_home *home, const struct digest *digest, char ret[256])
{
	char hex[DIGEST_HEX_MAX];

	digest_hex(digest, hex);
	snprintf(ret, 256, "%s/blobs/sha256/%.2s/%s", home->home, hex, hex);
}

void store_home_data_path(struct store_home *home, const struct digest *digest, char ret[256])
{
	char hex[DIGEST_HEX_MAX];

	snprintf(ret, 256, "%s/partial/sha256-%s.data", home->home, digest_hex(digest, hex));
}

bool store_home_holds(struct store_home *home, const struct digest *digest)
{
	struct blob *blob;
	enum err err = blob_open(home->store, digest, &blob, NULL);

	if (err) {
		assert_int_equal(err, ERR_NOT_FOUND);
		return false;
	}
	blob_close(blob);
	return true;
}

unsigned store_home_count(struct store_home *home, const char *path)
{
	char whole[256];
	struct dirent *entry;
	unsigned count = 0;
	DIR *dir;

	snprintf(whole, sizeof whole, "%s/%s", home->home, path);
	dir = opendir(whole);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}
