#include "node/gateway_blob.h"

#include "store/index.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT_BYTES ((uint64_t)256 << 20) /* so often the counter is written */

void gateway_blobs_init(struct gateway_blobs *blobs)
{
	checked_init(&blobs->checked);
}

/* Counters are for people to read. Now and then is enough: each writing has the loop wait for the disk. */
static void save_count(struct gateway_blobs *blobs)
{
	if (blobs->uncounted && index_counter_add(store_index(blobs->store), "saved_bytes", blobs->uncounted, NULL) == ERR_OK)
		blobs->uncounted = 0;
}

void gateway_blob_count(struct gateway_blob *blob, uint64_t bytes)
{
	struct gateway_blobs *blobs = blob->blobs;

	if (blob->is_fresh)
		return;
	blobs->given_bytes += bytes;
	blobs->uncounted += bytes;
	if (blobs->uncounted >= COUNT_BYTES)
		save_count(blobs);
}

void gateway_blobs_release(struct gateway_blobs *blobs)
{
	while (blobs->jobs)
		pool_wait(blobs->pool);
	save_count(blobs);
	checked_release(&blobs->checked);
}

struct gateway_blob *gateway_blob_create(struct gateway_blobs *blobs, const struct digest *digest)
{
	struct gateway_blob *blob = calloc(1, sizeof *blob);

	if (!blob)
		return NULL;
	blob->blobs = blobs;
	blob->digest = *digest;
	blob->reading = -1;
	return blob;
}

static void blob_free(struct gateway_blob *blob)
{
	blob_close(blob->blob);
	free(blob->chunks[0].data);
	free(blob->chunks[1].data);
	free(blob);
}

void gateway_blob_close(struct gateway_blob *blob)
{
	if (!blob)
		return;
	blob->is_closed = true;
	if (!blob->is_out)
		blob_free(blob);
}

/* --- on the pool */

static void submit(struct gateway_blob *blob, void (*run)(struct pool_job *job), void (*done)(struct pool_job *job))
{
	blob->job = (struct pool_job){.run = run, .done = done};
	blob->is_out = true;
	blob->blobs->jobs++;
	pool_submit(blob->blobs->pool, &blob->job);
}

/* Back on the loop. False: nobody wants it any more, and it is gone. */
static bool take_back(struct gateway_blob *blob)
{
	blob->is_out = false;
	blob->blobs->jobs--;
	if (!blob->is_closed)
		return true;
	blob_free(blob);
	return false;
}

static void run_opening(struct pool_job *job)
{
	struct gateway_blob *blob = container_of(job, struct gateway_blob, job);
	struct store *store = blob->blobs->store;
	struct digest digest = blob->digest;

	blob->err = ERR_OK;
	if (digest.algorithm != DIGEST_SHA256)
		blob->err = index_alias_get(store_index(store), &blob->digest, &digest, &blob->why);
	if (!blob->err)
		blob->err = blob_open(store, &digest, &blob->blob, &blob->why);
	if (!blob->err && fstat(blob_fd(blob->blob), &blob->file) != 0)
		blob->err = why_set(&blob->why, ERR_IO, "%s cannot be looked at", blob_path(blob->blob));
}

static void on_opened(struct pool_job *job)
{
	struct gateway_blob *blob = container_of(job, struct gateway_blob, job);

	if (!take_back(blob))
		return;
	if (!blob->err && blob->is_fresh)
		checked_add(&blob->blobs->checked, blob_digest(blob->blob), &blob->file, 0, chain_chunk_count(blob_size(blob->blob)));
	blob->on_open(blob, blob->err, &blob->why);
}

void gateway_blob_open(struct gateway_blob *blob)
{
	submit(blob, run_opening, on_opened);
}

static void on_made_open(struct gateway_blob *blob, enum err err, const struct why *why)
{
	(void)err; /* then it will be checked when somebody reads it */
	(void)why;
	gateway_blob_close(blob);
}

void gateway_blobs_note_made(struct gateway_blobs *blobs, const struct digest *digest)
{
	struct gateway_blob *blob = gateway_blob_create(blobs, digest);

	if (!blob)
		return;
	blob->is_fresh = true;
	blob->on_open = on_made_open;
	gateway_blob_open(blob);
}

static void run_reading(struct pool_job *job)
{
	struct gateway_blob *blob = container_of(job, struct gateway_blob, job);
	struct gateway_chunk *chunk = &blob->chunks[blob->reading];

	if (!chunk->data)
		chunk->data = malloc(CHAIN_CHUNK);
	blob->err = chunk->data ? blob_read_chunk(blob->blob, blob->wanted, chunk->data, &chunk->len, &blob->why) : ERR_NO_MEMORY;
}

static void on_was_read(struct pool_job *job)
{
	struct gateway_blob *blob = container_of(job, struct gateway_blob, job);
	struct gateway_chunk *chunk = &blob->chunks[blob->reading];

	if (!take_back(blob))
		return;
	blob->reading = -1;
	blob->has_failed = blob->err != ERR_OK;
	chunk->is_full = !blob->has_failed;
	chunk->index = blob->wanted;
	blob->on_read(blob);
}

/* All at once. Where a link does not hold, the chunk is read as the store reads it, which looks closer, and withdraws what is damaged. */
static void run_checking(struct pool_job *job)
{
	struct gateway_blob *blob = container_of(job, struct gateway_blob, job);
	const struct sha256_engine *engine = store_engine(blob->blobs->store);
	uint8_t holds[GATEWAY_RUN_CHUNKS], *data = NULL;
	size_t len;

	blob->err = chain_check_file(engine, blob_fd(blob->blob), blob_chain(blob->blob), blob_digest(blob->blob), blob->wanted, (size_t)blob->count, holds, NULL);
	for (uint64_t i = 0; !blob->err && i < blob->count; i++) {
		if (holds[i])
			continue;
		if (!data)
			data = malloc(CHAIN_CHUNK);
		blob->err = data ? blob_read_chunk(blob->blob, blob->wanted + i, data, &len, &blob->why) : ERR_NO_MEMORY;
	}
	free(data);
}

static void on_was_checked(struct pool_job *job)
{
	struct gateway_blob *blob = container_of(job, struct gateway_blob, job);

	if (!take_back(blob))
		return;
	blob->has_failed = blob->err != ERR_OK;
	if (!blob->has_failed)
		checked_add(&blob->blobs->checked, blob_digest(blob->blob), &blob->file, blob->wanted, blob->wanted + blob->count);
	blob->on_read(blob);
}

/* --- reading */

static bool is_run_checked(struct gateway_blob *blob, uint64_t first, uint64_t end)
{
	return checked_has(&blob->blobs->checked, blob_digest(blob->blob), &blob->file, first, end);
}

bool gateway_blob_is_checked(struct gateway_blob *blob, uint64_t first, uint64_t end)
{
	/* Of a file that others may write to, what was checked once says nothing about the next time. */
	return !blob_is_linked(blob->blob) && is_run_checked(blob, first / CHAIN_CHUNK, (end + CHAIN_CHUNK - 1) / CHAIN_CHUNK);
}

/* How many chunks are of interest, from the first one on. */
static uint64_t chunks_of(const struct gateway_blob *blob)
{
	return chain_chunk_count(blob->until ? blob->until : blob_size(blob->blob));
}

static struct gateway_chunk *find(struct gateway_blob *blob, uint64_t index)
{
	for (size_t i = 0; i < 2; i++)
		if (blob->chunks[i].is_full && blob->chunks[i].index == index)
			return &blob->chunks[i];
	return NULL;
}

/* Into the place that does not hold `keep`. */
static void start_reading(struct gateway_blob *blob, uint64_t index, uint64_t keep)
{
	const struct gateway_chunk *first = &blob->chunks[0];

	if (blob->is_out || find(blob, index) || index >= chunks_of(blob))
		return;
	blob->reading = first->is_full && first->index == keep ? 1 : 0;
	blob->chunks[blob->reading].is_full = false;
	blob->wanted = index;
	submit(blob, run_reading, on_was_read);
}

/* The run that begins at or behind `index` and is not checked yet, if it is a near one. */
static void start_checking(struct gateway_blob *blob, uint64_t index)
{
	uint64_t end = index + GATEWAY_RUN_CHUNKS < chunks_of(blob) ? index + GATEWAY_RUN_CHUNKS : chunks_of(blob);

	if (blob->is_out || blob->has_failed || is_run_checked(blob, index, end))
		return;
	while (is_run_checked(blob, index, index + 1))
		index++;
	end = index + GATEWAY_RUN_CHUNKS < chunks_of(blob) ? index + GATEWAY_RUN_CHUNKS : chunks_of(blob);
	blob->wanted = index;
	blob->count = end - index;
	submit(blob, run_checking, on_was_checked);
}

static ssize_t read_linked(struct gateway_blob *blob, uint64_t at, void *data, size_t len)
{
	uint64_t index = at / CHAIN_CHUNK;
	const struct gateway_chunk *chunk = find(blob, index);

	if (!chunk) {
		start_reading(blob, index, index);
		return blob->has_failed ? GATEWAY_BLOB_ENDED : 0;
	}
	memcpy(data, chunk->data + at % CHAIN_CHUNK, len);
	start_reading(blob, index + 1, index);
	return (ssize_t)len;
}

ssize_t gateway_blob_read(struct gateway_blob *blob, uint64_t at, void *data, size_t len)
{
	uint64_t index = at / CHAIN_CHUNK;
	size_t rest = chain_chunk_len(blob_size(blob->blob), index) - (size_t)(at % CHAIN_CHUNK), take = len < rest ? len : rest;
	ssize_t got;

	if (blob_is_linked(blob->blob))
		return read_linked(blob, at, data, take);
	start_checking(blob, index);
	if (!is_run_checked(blob, index, index + 1))
		return blob->has_failed ? GATEWAY_BLOB_ENDED : 0;
	got = pread(blob_fd(blob->blob), data, take, (off_t)at);
	return got > 0 ? got : GATEWAY_BLOB_ENDED;
}
