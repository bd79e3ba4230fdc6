#include "store/blob_private.h"

#include "base/pool.h"

#include <stdlib.h>

#define SLICE 16 /* chunks between two looks at `cancel`; enough to fill all lanes */

/* One check of a blob, by any number of workers. What they change is atomic. */
struct check {
	struct blob *blob;
	uint64_t chunks, next, bad;
	uint64_t *progress;
	const bool *cancel;
	enum err err;
};

struct check_job {
	struct pool_job job;
	struct check *check;
};

static void check_slice(struct check *check, uint64_t first)
{
	struct blob *blob = check->blob;
	size_t count = check->chunks - first < SLICE ? (size_t)(check->chunks - first) : SLICE;
	uint8_t holds[SLICE] = {0};
	uint64_t bad = 0, bytes = 0;
	enum err err = chain_check_file(store_engine(blob->store), blob->fd, &blob->chain, &blob->record.digest, first, count, holds, NULL);

	if (err) {
		__atomic_store_n(&check->err, err, __ATOMIC_RELAXED);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		bad += !holds[i];
		bytes += chain_chunk_len(blob->record.size, first + i);
	}
	if (bad)
		__atomic_fetch_add(&check->bad, bad, __ATOMIC_RELAXED);
	blob_add_progress(check->progress, bytes);
}

static void check_on(struct check *check)
{
	while (!blob_is_cancelled(check->cancel) && __atomic_load_n(&check->err, __ATOMIC_RELAXED) == ERR_OK) {
		uint64_t first = __atomic_fetch_add(&check->next, SLICE, __ATOMIC_RELAXED);
		if (first >= check->chunks)
			return;
		check_slice(check, first);
	}
}

static void run_job(struct pool_job *job)
{
	check_on(container_of(job, struct check_job, job)->check);
}

static void job_done(struct pool_job *job)
{
	(void)job;
}

static enum err check_in_pool(struct check *check, struct pool *pool)
{
	unsigned count = pool_threads(pool), done = 0;
	struct check_job *jobs = calloc(count, sizeof *jobs);

	if (!jobs)
		return ERR_NO_MEMORY;
	for (unsigned i = 0; i < count; i++) {
		jobs[i] = (struct check_job){.job = {.run = run_job, .done = job_done}, .check = check};
		list_init(&jobs[i].job.link);
		pool_submit(pool, &jobs[i].job);
	}
	while (done < count)
		done += (unsigned)pool_wait(pool);
	free(jobs);
	return check->err;
}

/* Bytes behind the end are no chunk, but are not the blob either. */
static bool has_right_length(const struct blob *blob)
{
	struct stat st;

	return fstat(blob->fd, &st) == 0 && (uint64_t)st.st_size == blob->record.size;
}

enum err blob_check_all(struct blob *blob, struct pool *pool, uint64_t *progress, const bool *cancel, struct blob_check *ret_check,
			struct why *why)
{
	struct check check = {
		.blob = blob,
		.chunks = chain_chunk_count(blob->record.size),
		.progress = progress,
		.cancel = cancel,
	};

	if (pool)
		check.err = check_in_pool(&check, pool);
	else
		check_on(&check);
	if (check.err)
		return why_set(why, check.err, "out of memory while checking %s", blob->path);
	if (blob_is_cancelled(cancel))
		return why_set(why, ERR_CANCELLED, "checking %s was cancelled", blob->path);
	if (check.bad == 0 && !has_right_length(blob))
		check.bad = 1;
	*ret_check = (struct blob_check){.chunks = check.chunks, .bad = check.bad};
	return ERR_OK;
}

static enum err settle(struct blob *blob, struct blob_check *check, struct why *why)
{
	enum err err = blob_settle(blob, check->bad > 1, why);

	if (!err)
		*check = (struct blob_check){.chunks = chain_chunk_count(blob->record.size)};
	else if (err == ERR_UNPROVEN)
		why_set(why, err, "%s is damaged: %llu of %llu chunks are bad; getting it again repairs it", blob->path,
			(unsigned long long)check->bad, (unsigned long long)check->chunks);
	return err;
}

enum err blob_verify(struct store *store, const struct digest *digest, struct pool *pool, uint64_t *progress, const bool *cancel,
		     struct blob_check *ret_check, struct why *why)
{
	struct blob_record record;
	struct blob *blob = NULL;
	struct blob_check check;
	bool is_known = false, is_unchanged = true;
	struct stat before;
	enum err err = store_find(store, digest, &is_known, &record, why);

	if (!err)
		err = blob_open_unchecked(store, digest, &blob, why);
	if (err == ERR_NOT_FOUND && is_known) {
		check.chunks = check.bad = chain_chunk_count(record.size);
		*ret_check = check;
		err = why_set(why, ERR_UNPROVEN, "a held blob is gone, or damaged as a whole; getting it again brings it back");
	}
	if (!err)
		is_unchanged = blob_is_unchanged(blob, &before);
	if (!err)
		err = blob_check_all(blob, pool, progress, cancel, &check, why);
	if (err)
		goto out;
	if (check.bad > 0)
		err = settle(blob, &check, why);
	else if (!is_unchanged)
		err = blob_renew(blob, &before, why);
	if (!err || err == ERR_UNPROVEN)
		*ret_check = check;
out:
	blob_close(blob);
	return err;
}
