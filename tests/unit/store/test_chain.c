#include "store/chain.h"

#include "support/chain_golden.h"
#include "support/cmocka.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GOLDEN_COUNT (sizeof chain_golden / sizeof chain_golden[0])
#define MIB ((size_t)1 << 20)

/* A blob with its chain, as known from elsewhere (golden) or computed. */
struct blob {
	uint8_t *data;
	struct chain chain;
	struct digest digest;
};

static struct sha256_engine fastest(void)
{
	struct sha256_engine engine;

	assert_int_equal(sha256_engine_init(&engine, NULL, NULL), ERR_OK);
	return engine;
}

static uint8_t *golden_bytes(size_t size)
{
	uint8_t *data = malloc(size + 1);

	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i ^ i >> 8 ^ (i >> 16) * 31);
	return data;
}

static void bytes_of_hex(const char *hex, uint8_t ret[SHA256_LEN])
{
	struct digest digest;

	assert_true(digest_parse_hex(DIGEST_SHA256, hex, &digest));
	memcpy(ret, digest.bytes, SHA256_LEN);
}

static struct blob golden_blob(const struct chain_golden *golden)
{
	struct blob blob = {.data = golden_bytes((size_t)golden->size)};

	assert_int_equal(chain_init(&blob.chain, golden->size), ERR_OK);
	for (uint64_t i = 0; i < blob.chain.count; i++)
		bytes_of_hex(golden->states[i], blob.chain.states[i]);
	assert_true(digest_parse_hex(DIGEST_SHA256, golden->digest, &blob.digest));
	return blob;
}

static struct blob computed_blob(const struct sha256_engine *engine, size_t size)
{
	struct blob blob = {.data = golden_bytes(size), .digest = {.algorithm = DIGEST_SHA256}};

	assert_int_equal(chain_init(&blob.chain, size), ERR_OK);
	for (uint64_t i = 0; i < chain_chunk_count(size); i++) {
		struct sha256_state before = chain_state_before(&blob.chain, i);
		uint8_t *after = i < blob.chain.count ? blob.chain.states[i] : blob.digest.bytes;
		chain_advance(engine, size, i, &before, blob.data + chain_chunk_offset(i), chain_chunk_len(size, i), after);
	}
	return blob;
}

static void blob_release(struct blob *blob)
{
	free(blob->data);
	chain_release(&blob->chain);
}

static struct chain_link link_of(const struct blob *blob, uint64_t index)
{
	return (struct chain_link){
		.index = index,
		.data = blob->data + chain_chunk_offset(index),
		.before = index ? blob->chain.states[index - 1] : NULL,
		.after = chain_state_after(&blob->chain, &blob->digest, index),
	};
}

static bool holds(const struct sha256_engine *engine, uint64_t size, struct chain_link link)
{
	link.holds = true;
	chain_check(engine, size, &link, 1);
	return link.holds;
}

static void test_cutting_into_chunks(void **state)
{
	(void)state;
	assert_int_equal(chain_chunk_count(0), 1);
	assert_int_equal(chain_chunk_count(1), 1);
	assert_int_equal(chain_chunk_count(MIB), 1);
	assert_int_equal(chain_chunk_count(MIB + 1), 2);
	assert_int_equal(chain_chunk_count(3 * MIB), 3);
	assert_int_equal(chain_chunk_count(CHAIN_MAX_BLOB), CHAIN_MAX_BLOB / MIB);
	assert_int_equal(chain_chunk_len(0, 0), 0);
	assert_int_equal(chain_chunk_len(MIB, 0), MIB);
	assert_int_equal(chain_chunk_len(MIB + 1, 0), MIB);
	assert_int_equal(chain_chunk_len(MIB + 1, 1), 1);
	assert_int_equal(chain_chunk_len(MIB + 1, 2), 0);
	assert_int_equal(chain_chunk_offset(5000), 5000 * MIB);
}

static void test_golden_chains(void **state)
{
	(void)state;
	for (const struct sha256_kernel *const *at = sha256_kernels(); *at; at++) {
		struct sha256_engine engine;
		if (sha256_engine_init(&engine, (*at)->name, NULL) != ERR_OK)
			continue;
		for (size_t g = 0; g < GOLDEN_COUNT; g++) {
			struct blob golden = golden_blob(&chain_golden[g]), computed = computed_blob(&engine, (size_t)golden.chain.size);
			assert_true(digest_equal(&golden.digest, &computed.digest));
			assert_int_equal(golden.chain.count, computed.chain.count);
			if (golden.chain.count)
				assert_memory_equal(golden.chain.states, computed.chain.states, golden.chain.count * SHA256_LEN);
			blob_release(&golden);
			blob_release(&computed);
		}
	}
}

static void test_every_link_alone(void **state)
{
	struct sha256_engine engine = fastest();

	(void)state;
	for (size_t g = 0; g < GOLDEN_COUNT; g++) {
		struct blob blob = golden_blob(&chain_golden[g]);
		for (uint64_t i = 0; i <= blob.chain.count; i++)
			assert_true(holds(&engine, blob.chain.size, link_of(&blob, i)));
		blob_release(&blob);
	}
}

/* Every one-byte change of data, of the state before, and of the state after breaks the link that it belongs to. */
static void test_wrong_data_and_states(void **state)
{
	struct sha256_engine engine = fastest();
	struct blob blob = golden_blob(&chain_golden[GOLDEN_COUNT - 1]);
	static const size_t places[] = {0, 1, 63, 64, MIB / 2 + 17, MIB - 1};

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		struct chain_link link = link_of(&blob, i), wrong = link;
		uint8_t changed[SHA256_LEN];
		for (size_t k = 0; k < sizeof places / sizeof places[0]; k++) {
			uint8_t *byte = blob.data + chain_chunk_offset(i) + places[k];
			*byte ^= 1;
			assert_false(holds(&engine, blob.chain.size, link));
			*byte ^= 1;
		}
		for (unsigned k = 0; k < SHA256_LEN; k++) {
			memcpy(changed, link.after, SHA256_LEN);
			changed[k] ^= 0x80;
			wrong.after = changed;
			assert_false(holds(&engine, blob.chain.size, wrong));
		}
		if (i == 0)
			continue;
		memcpy(changed, link.before, SHA256_LEN);
		changed[31] ^= 1;
		wrong = link;
		wrong.before = changed;
		assert_false(holds(&engine, blob.chain.size, wrong));
		assert_true(holds(&engine, blob.chain.size, link));
	}
	blob_release(&blob);
}

/* Whatever is given as the state before chunk 0, it is the standard one that counts. */
static void test_the_first_state_is_not_taken_from_anybody(void **state)
{
	struct sha256_engine engine = fastest();
	struct blob blob = golden_blob(&chain_golden[GOLDEN_COUNT - 1]);
	struct chain_link link = link_of(&blob, 1);

	(void)state;
	link.index = 0; /* chunk 1 does lead from S(1) to S(2), but it is not chunk 0 */
	assert_false(holds(&engine, blob.chain.size, link));
	blob_release(&blob);
}

/* The padding carries the size, so that a tail is a tail at one size only. */
static void test_wrong_size(void **state)
{
	struct sha256_engine engine = fastest();
	struct blob blob = golden_blob(&chain_golden[GOLDEN_COUNT - 2]); /* 1 MiB + 1 */
	struct chain_link link = link_of(&blob, 1);

	(void)state;
	assert_true(holds(&engine, MIB + 1, link));
	assert_false(holds(&engine, MIB + 2, link));
	link.index = 2;
	assert_false(holds(&engine, 2 * MIB + 1, link)); /* the same bytes at the end of a longer blob */
	assert_false(holds(&engine, MIB + 1, link));     /* no such chunk */
	link = link_of(&blob, 0);
	assert_true(holds(&engine, MIB + 1, link));
	assert_false(holds(&engine, MIB, link)); /* as the last chunk it has padding */
	blob_release(&blob);
}

/* What a node does that knows H only: it is told N and S(n-1), and has the last chunk. */
static void test_tail_alone(void **state)
{
	struct sha256_engine engine = fastest();
	struct blob blob = golden_blob(&chain_golden[GOLDEN_COUNT - 1]);
	uint8_t before[SHA256_LEN], *tail = malloc(MIB);
	struct chain_link link = {.index = 2, .data = tail, .before = before, .after = blob.digest.bytes};

	(void)state;
	assert_non_null(tail);
	memcpy(tail, blob.data + 2 * MIB, MIB);
	bytes_of_hex(chain_golden[GOLDEN_COUNT - 1].states[1], before);
	assert_true(holds(&engine, 3 * MIB, link));
	assert_false(holds(&engine, 3 * MIB - 1, link));
	tail[MIB - 1] ^= 1;
	assert_false(holds(&engine, 3 * MIB, link));
	free(tail);
	blob_release(&blob);
}

/* Links in any order, short last chunk among them, more than lanes and fewer, some of them broken. */
static void test_many_links(void **state)
{
	enum { CHUNKS = 2 * SHA256_LANES_MAX + 3 };
	struct sha256_engine portable, engine;
	struct chain_link links[CHUNKS];
	struct blob blob;

	(void)state;
	assert_int_equal(sha256_engine_init(&portable, "portable", NULL), ERR_OK);
	blob = computed_blob(&portable, (CHUNKS - 1) * MIB + 4711);
	for (const struct sha256_kernel *const *at = sha256_kernels(); *at; at++) {
		if (sha256_engine_init(&engine, (*at)->name, NULL) != ERR_OK)
			continue;
		for (uint64_t i = 0; i < CHUNKS; i++)
			links[i] = link_of(&blob, (i * 5 + 3) % CHUNKS);
		blob.data[7 * MIB + 9] ^= 4;
		blob.data[(CHUNKS - 1) * MIB + 4710] ^= 4;
		chain_check(&engine, blob.chain.size, links, CHUNKS);
		for (uint64_t i = 0; i < CHUNKS; i++)
			assert_int_equal(links[i].holds, links[i].index != 7 && links[i].index != CHUNKS - 1);
		blob.data[7 * MIB + 9] ^= 4;
		blob.data[(CHUNKS - 1) * MIB + 4710] ^= 4;
		chain_check(&engine, blob.chain.size, links, CHUNKS);
		for (uint64_t i = 0; i < CHUNKS; i++)
			assert_true(links[i].holds);
	}
	blob_release(&blob);
}

/* A file without a name. */
static int file_of(const struct blob *blob, size_t size)
{
	FILE *file = tmpfile();
	int fd;

	assert_non_null(file);
	assert_int_equal(fwrite(blob->data, 1, size, file), size);
	assert_int_equal(fflush(file), 0);
	fd = dup(fileno(file));
	assert_true(fd >= 0);
	fclose(file);
	return fd;
}

#define FILE_CHUNKS (SHA256_LANES_MAX + 4)

static void test_file_of_every_golden_size(void **state)
{
	struct sha256_engine engine = fastest();

	(void)state;
	for (size_t g = 0; g < GOLDEN_COUNT; g++) {
		struct blob blob = golden_blob(&chain_golden[g]);
		int fd = file_of(&blob, (size_t)blob.chain.size), io_errno = -1;
		uint8_t ok[3] = {7, 7, 7};
		assert_int_equal(chain_check_file(&engine, fd, &blob.chain, &blob.digest, 0, blob.chain.count + 1, ok, &io_errno), ERR_OK);
		assert_int_equal(io_errno, 0);
		for (uint64_t i = 0; i <= blob.chain.count; i++)
			assert_int_equal(ok[i], 1);
		close(fd);
		blob_release(&blob);
	}
}

static void test_file_with_flipped_bytes(void **state)
{
	struct sha256_engine engine;
	struct blob blob;
	int fd, io_errno = -1;
	uint8_t ok[FILE_CHUNKS];

	(void)state;
	engine = fastest();
	blob = computed_blob(&engine, FILE_CHUNKS * MIB - 100);
	blob.data[0] ^= 1;
	blob.data[6 * MIB - 1] ^= 1;
	blob.data[FILE_CHUNKS * MIB - 101] ^= 1;
	fd = file_of(&blob, (size_t)blob.chain.size);
	for (const struct sha256_kernel *const *at = sha256_kernels(); *at; at++) {
		if (sha256_engine_init(&engine, (*at)->name, NULL) != ERR_OK)
			continue;
		memset(ok, 7, sizeof ok);
		assert_int_equal(chain_check_file(&engine, fd, &blob.chain, &blob.digest, 0, FILE_CHUNKS, ok, &io_errno), ERR_OK);
		assert_int_equal(io_errno, 0);
		for (size_t i = 0; i < FILE_CHUNKS; i++)
			assert_int_equal(ok[i], i != 0 && i != 5 && i != FILE_CHUNKS - 1);
	}
	memset(ok, 7, sizeof ok);
	assert_int_equal(chain_check_file(&engine, fd, &blob.chain, &blob.digest, 4, 3, ok, NULL), ERR_OK); /* a part of it */
	assert_memory_equal(ok, "\1\0\1\7", 4);
	assert_int_equal(chain_check_file(&engine, fd, &blob.chain, &blob.digest, 4, 0, ok, NULL), ERR_OK);
	close(fd);
	blob_release(&blob);
}

static void test_file_cut_short(void **state)
{
	struct sha256_engine engine = fastest();
	struct blob blob = computed_blob(&engine, 5 * MIB - 100);
	int fd = file_of(&blob, 3 * MIB - 1), io_errno = -1;
	uint8_t ok[7] = {7, 7, 7, 7, 7, 7, 7};

	(void)state;
	assert_int_equal(chain_check_file(&engine, fd, &blob.chain, &blob.digest, 0, 7, ok, &io_errno), ERR_OK);
	assert_memory_equal(ok, "\1\1\0\0\0\0\0", 7); /* chunks 5 and 6 are none of this blob */
	assert_int_equal(io_errno, EIO);
	close(fd);
	blob_release(&blob);
}

static void test_file_that_cannot_be_read(void **state)
{
	struct sha256_engine engine = fastest();
	struct blob blob = computed_blob(&engine, 3 * MIB);
	int fd = open("/dev/null", O_WRONLY), io_errno = 0;
	uint8_t ok[3] = {7, 7, 7};

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(chain_check_file(&engine, fd, &blob.chain, &blob.digest, 0, 3, ok, &io_errno), ERR_OK);
	assert_memory_equal(ok, "\0\0\0", 3);
	assert_int_equal(io_errno, EBADF);
	close(fd);
	blob_release(&blob);
}

static void test_limits_and_bytes(void **state)
{
	static const uint8_t bytes[2 * SHA256_LEN] = {[0] = 1, [63] = 2};
	struct chain chain = {.size = 77};

	(void)state;
	assert_int_equal(chain_init(&chain, CHAIN_MAX_BLOB + 1), ERR_LIMIT);
	assert_int_equal(chain_init(&chain, UINT64_MAX), ERR_LIMIT);
	assert_int_equal(chain_init_bytes(&chain, UINT64_MAX, bytes, sizeof bytes), ERR_LIMIT);
	assert_int_equal(chain_init_bytes(&chain, 3 * MIB, bytes, sizeof bytes - 1), ERR_INVALID);
	assert_int_equal(chain_init_bytes(&chain, 2 * MIB, bytes, sizeof bytes), ERR_INVALID);
	assert_int_equal(chain_init_bytes(&chain, MIB, bytes, sizeof bytes), ERR_INVALID);
	assert_int_equal(chain.size, 77);
	assert_int_equal(chain_init_bytes(&chain, MIB, NULL, 0), ERR_OK);
	assert_null(chain.states);
	chain_release(&chain);
	assert_int_equal(chain_init_bytes(&chain, 3 * MIB, bytes, sizeof bytes), ERR_OK);
	assert_int_equal(chain.count, 2);
	assert_memory_equal(chain.states, bytes, sizeof bytes);
	chain_release(&chain);
	assert_null(chain.states);
	chain_release(&chain);
	chain_release(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cutting_into_chunks),
		cmocka_unit_test(test_golden_chains),
		cmocka_unit_test(test_every_link_alone),
		cmocka_unit_test(test_wrong_data_and_states),
		cmocka_unit_test(test_the_first_state_is_not_taken_from_anybody),
		cmocka_unit_test(test_wrong_size),
		cmocka_unit_test(test_tail_alone),
		cmocka_unit_test(test_many_links),
		cmocka_unit_test(test_file_of_every_golden_size),
		cmocka_unit_test(test_file_with_flipped_bytes),
		cmocka_unit_test(test_file_cut_short),
		cmocka_unit_test(test_file_that_cannot_be_read),
		cmocka_unit_test(test_limits_and_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
