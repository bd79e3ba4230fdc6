#include "store/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BLOCKS (CHAIN_CHUNK / SHA256_BLOCK)

/* What is read before it is hashed: a slice for each lane, all of them together little enough to stay in the caches. Smaller slices
 * would fit the second-level cache better, but their system calls cost more than that gains. */
#define READ_AHEAD_BYTES ((size_t)2 << 20)
#define SLICE_MAX ((size_t)512 << 10)
#define SLICE_GAP (2 * SHA256_BLOCK) /* so that slices begin at different places of the first-level cache */

uint64_t chain_chunk_count(uint64_t size)
{
	return size ? (size - 1) / CHAIN_CHUNK + 1 : 1;
}

size_t chain_chunk_len(uint64_t size, uint64_t index)
{
	uint64_t offset = chain_chunk_offset(index), rest = offset < size ? size - offset : 0;

	return rest < CHAIN_CHUNK ? (size_t)rest : CHAIN_CHUNK;
}

enum err chain_init(struct chain *chain, uint64_t size)
{
	struct chain empty = {.size = size, .count = chain_chunk_count(size) - 1};

	if (size > CHAIN_MAX_BLOB)
		return ERR_LIMIT;
	if (empty.count) {
		empty.states = calloc((size_t)empty.count, sizeof *empty.states);
		if (!empty.states)
			return ERR_NO_MEMORY;
	}
	*chain = empty;
	return ERR_OK;
}

enum err chain_init_bytes(struct chain *chain, uint64_t size, const void *bytes, size_t len)
{
	enum err err;

	if (size > CHAIN_MAX_BLOB)
		return ERR_LIMIT;
	if (len != (chain_chunk_count(size) - 1) * SHA256_LEN)
		return ERR_INVALID;
	err = chain_init(chain, size);
	if (err == ERR_OK && len)
		memcpy(chain->states, bytes, len);
	return err;
}

void chain_release(struct chain *chain)
{
	if (!chain)
		return;
	free(chain->states);
	*chain = (struct chain){0};
}

struct sha256_state chain_state_before(const struct chain *chain, uint64_t index)
{
	return index ? sha256_read_state(chain->states[index - 1]) : sha256_initial();
}

const uint8_t *chain_state_after(const struct chain *chain, const struct digest *digest, uint64_t index)
{
	return index < chain->count ? chain->states[index] : digest->bytes;
}

static bool is_last(uint64_t size, uint64_t index)
{
	return index + 1 == chain_chunk_count(size);
}

/* What is left of a chunk once `state` stands before its last `tail_len` bytes: a whole number of blocks, but for the last chunk. */
static void finish_chunk(const struct sha256_engine *engine, uint64_t size, uint64_t index, struct sha256_state *state,
			 const uint8_t *tail, size_t tail_len, uint8_t ret_after[SHA256_LEN])
{
	if (is_last(size, index)) {
		sha256_finish(engine, state, tail, tail_len, size, ret_after);
		return;
	}
	sha256_advance(engine, state, tail, tail_len / SHA256_BLOCK);
	sha256_write_state(state, ret_after);
}

void chain_advance(const struct sha256_engine *engine, uint64_t size, uint64_t index, const struct sha256_state *before,
		   const uint8_t *data, size_t len, uint8_t ret_after[SHA256_LEN])
{
	struct sha256_state state = *before;

	finish_chunk(engine, size, index, &state, data, len, ret_after);
}

/* Chunks of full length that are to be moved over together. */
struct batch {
	struct chain_link *links[SHA256_LANES_MAX];
	struct sha256_state states[SHA256_LANES_MAX];
	size_t count;
};

static struct sha256_state link_before(const struct chain_link *link)
{
	return link->index ? sha256_read_state(link->before) : sha256_initial();
}

static void check_batch(const struct sha256_engine *engine, uint64_t size, struct batch *batch)
{
	struct sha256_state *states[SHA256_LANES_MAX];
	const uint8_t *data[SHA256_LANES_MAX];

	for (size_t i = 0; i < batch->count; i++) {
		batch->states[i] = link_before(batch->links[i]);
		states[i] = &batch->states[i];
		data[i] = batch->links[i]->data;
	}
	sha256_advance_many(engine, states, data, batch->count, CHUNK_BLOCKS);
	for (size_t i = 0; i < batch->count; i++) {
		uint8_t after[SHA256_LEN];
		finish_chunk(engine, size, batch->links[i]->index, states[i], NULL, 0, after);
		batch->links[i]->holds = memcmp(after, batch->links[i]->after, SHA256_LEN) == 0;
	}
	batch->count = 0;
}

static void check_short(const struct sha256_engine *engine, uint64_t size, struct chain_link *link)
{
	struct sha256_state before = link_before(link);
	uint8_t after[SHA256_LEN];

	chain_advance(engine, size, link->index, &before, link->data, chain_chunk_len(size, link->index), after);
	link->holds = memcmp(after, link->after, SHA256_LEN) == 0;
}

void chain_check(const struct sha256_engine *engine, uint64_t size, struct chain_link *links, size_t count)
{
	struct batch batch = {.count = 0};

	for (size_t i = 0; i < count; i++) {
		links[i].holds = false;
		if (links[i].index >= chain_chunk_count(size))
			continue;
		if (chain_chunk_len(size, links[i].index) < CHAIN_CHUNK) {
			check_short(engine, size, &links[i]);
			continue;
		}
		batch.links[batch.count++] = &links[i];
		if (batch.count == engine->wide->lanes)
			check_batch(engine, size, &batch);
	}
	check_batch(engine, size, &batch);
}

/* One chunk of a file on its way through a lane. */
struct lane {
	uint64_t index;
	struct sha256_state state;
	uint8_t *slice; /* the reader's; slice_len bytes */
	int failed;     /* errno; what the lane computes from here on means nothing */
};

struct reader {
	const struct sha256_engine *engine;
	const struct chain *chain;
	const struct digest *digest;
	int fd;
	int last_errno;
	size_t slice_len; /* a multiple of the block */
	uint8_t *memory;
	struct lane lanes[SHA256_LANES_MAX];
};

static enum err reader_init(struct reader *reader, size_t lanes)
{
	size_t len = READ_AHEAD_BYTES / reader->engine->wide->lanes, stride;

	reader->slice_len = len < SLICE_MAX ? len / SHA256_BLOCK * SHA256_BLOCK : SLICE_MAX;
	stride = reader->slice_len + SLICE_GAP;
	reader->memory = malloc(lanes * stride + SHA256_BLOCK);
	if (!reader->memory)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < lanes; i++)
		reader->lanes[i].slice = reader->memory + (-(uintptr_t)reader->memory & (SHA256_BLOCK - 1)) + i * stride;
	return ERR_OK;
}

/* Returns 0 or errno; a file that ends early is one that cannot be read. */
static int read_fully(int fd, uint8_t *data, size_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t got = pread(fd, data, len, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? errno : EIO;
		data += got;
		len -= (size_t)got;
		offset += (size_t)got;
	}
	return 0;
}

static void lane_begin(struct reader *reader, struct lane *lane, uint64_t index)
{
	lane->index = index;
	lane->state = chain_state_before(reader->chain, index);
	lane->failed = 0;
}

static void lane_read(struct reader *reader, struct lane *lane, size_t at, size_t len)
{
	if (lane->failed)
		return;
	lane->failed = read_fully(reader->fd, lane->slice, len, chain_chunk_offset(lane->index) + at);
	if (lane->failed)
		reader->last_errno = lane->failed;
}

/* The last `tail_len` bytes of the chunk are in the slice, and are not hashed yet. */
static uint8_t lane_end(struct reader *reader, struct lane *lane, size_t tail_len)
{
	uint8_t after[SHA256_LEN];

	if (lane->failed)
		return 0;
	finish_chunk(reader->engine, reader->chain->size, lane->index, &lane->state, lane->slice, tail_len, after);
	return memcmp(after, chain_state_after(reader->chain, reader->digest, lane->index), SHA256_LEN) == 0;
}

static void check_full_chunks(struct reader *reader, uint64_t first, size_t count, uint8_t *holds)
{
	struct sha256_state *states[SHA256_LANES_MAX];
	const uint8_t *data[SHA256_LANES_MAX];

	for (size_t i = 0; i < count; i++) {
		lane_begin(reader, &reader->lanes[i], first + i);
		states[i] = &reader->lanes[i].state;
		data[i] = reader->lanes[i].slice;
	}
	for (size_t at = 0; at < CHAIN_CHUNK; at += reader->slice_len) {
		size_t len = CHAIN_CHUNK - at < reader->slice_len ? CHAIN_CHUNK - at : reader->slice_len;
		for (size_t i = 0; i < count; i++)
			lane_read(reader, &reader->lanes[i], at, len);
		sha256_advance_many(reader->engine, states, data, count, len / SHA256_BLOCK);
	}
	for (size_t i = 0; i < count; i++)
		holds[i] = lane_end(reader, &reader->lanes[i], 0);
}

static uint8_t check_short_chunk(struct reader *reader, uint64_t index)
{
	struct lane *lane = &reader->lanes[0];
	size_t len = chain_chunk_len(reader->chain->size, index), at = 0;

	lane_begin(reader, lane, index);
	for (; len - at >= reader->slice_len; at += reader->slice_len) {
		lane_read(reader, lane, at, reader->slice_len);
		sha256_advance(reader->engine, &lane->state, lane->slice, reader->slice_len / SHA256_BLOCK);
	}
	lane_read(reader, lane, at, len - at);
	return lane_end(reader, lane, len - at);
}

enum err chain_check_file(const struct sha256_engine *engine, int fd, const struct chain *chain, const struct digest *digest,
			  uint64_t first, size_t count, uint8_t *holds, int *ret_io_errno)
{
	struct reader reader = {.engine = engine, .chain = chain, .digest = digest, .fd = fd};
	uint64_t chunks = chain_chunk_count(chain->size);
	size_t wide = engine->wide->lanes, full;
	enum err err;

	err = reader_init(&reader, count < wide ? count : wide);
	if (err != ERR_OK)
		return err;
	memset(holds, 0, count);
	if (first >= chunks)
		count = 0;
	else if (count > chunks - first)
		count = (size_t)(chunks - first);
	full = count;
	if (count && chain_chunk_len(chain->size, first + count - 1) < CHAIN_CHUNK)
		full = count - 1;
	for (size_t done = 0; done < full; done += wide)
		check_full_chunks(&reader, first + done, full - done < wide ? full - done : wide, holds + done);
	if (full < count)
		holds[full] = check_short_chunk(&reader, first + full);
	free(reader.memory);
	if (ret_io_errno)
		*ret_io_errno = reader.last_errno;
	return ERR_OK;
}

enum err chain_from_file(const struct sha256_engine *engine, int fd, uint64_t size, struct chain *ret_chain, uint8_t ret_sha256[SHA256_LEN])
{
	struct sha256_state state = sha256_initial();
	uint8_t *data = malloc(CHAIN_CHUNK);
	struct chain chain = {0};
	uint8_t after[SHA256_LEN];
	enum err err = data ? chain_init(&chain, size) : ERR_NO_MEMORY;

	for (uint64_t i = 0; !err && i < chain_chunk_count(size); i++) {
		size_t len = chain_chunk_len(size, i);
		if (read_fully(fd, data, len, chain_chunk_offset(i)) != 0) {
			err = ERR_IO;
			break;
		}
		chain_advance(engine, size, i, &state, data, len, after);
		state = sha256_read_state(after);
		if (i < chain.count)
			memcpy(chain.states[i], after, SHA256_LEN);
	}
	free(data);
	if (err) {
		chain_release(&chain);
		return err;
	}
	memcpy(ret_sha256, after, SHA256_LEN);
	*ret_chain = chain;
	return ERR_OK;
}
