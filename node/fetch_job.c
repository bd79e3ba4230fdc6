/* The worker's part of a run. */
#include "node/fetch_private.h"

#include "node/wanted.h"


/* The hub's chunks may contradict what is anchored: then the hub sends something else than it lists, and peers may still have it. Where the whole is wrong the partial
 * blob is gone. */
static void write_chunks(struct fetch_handed *handed)
{
	list_each(at, &handed->chunks) {
		const struct chunk *chunk = container_of(at, struct chunk, link);
		handed->err = intake_put(handed->intake, chunk->index, chunk->data, chunk->len, &handed->why);
		if (handed->err != ERR_OK)
			break;
		if (partial_is_overruled(intake_partial(handed->intake)) && !handed->contradicted) {
			handed->contradicted = true;
			handed->contradicted_at = chunk->index;
		}
	}
	if (handed->err == ERR_UNPROVEN && handed->has_batch && intake_partial(handed->intake)) {
		handed->hub_is_wrong = true;
		handed->err = ERR_OK;
	}
	if (!handed->err && handed->has_batch)
		handed->err = draw_check(&handed->batch, intake_partial_to_change(handed->intake), &handed->why);
}

static enum err keep_names(struct fetch_handed *handed, const struct digest *digest, struct store *store, struct why *why)
{
	enum err err = ERR_OK;

	list_each(at, &handed->names) {
		err = wanted_keep(container_of(at, struct wanted, link), digest, store, why);
		if (err)
			break;
	}
	return err;
}

/* What is broken off has its name already, where its digest is known: lists show it by that. A failure here fails nothing, since the name is
 * kept again at the end; least of all may a busy index look like a busy blob, which would be opened once more. */
static void open_intake(struct fetch_handed *handed, const struct hub_file *file, struct store *store)
{
	if (handed->restart)
		intake_restart(handed->intake);
	handed->err = intake_open(handed->intake, &handed->why);
	if (!handed->err && !intake_is_held(handed->intake) && file->digest.algorithm == DIGEST_SHA256)
		(void)!keep_names(handed, &file->digest, store, NULL);
}

/* Counters are for people to read: a failure to write one fails nothing. */
static void count(struct index *index, const char *counter, uint64_t *amount)
{
	if (*amount && index_counter_add(index, counter, *amount, NULL) == ERR_OK)
		*amount = 0;
}

static void count_all(struct fetch_handed *handed, struct store *store)
{
	struct index *index = store_index(store);

	count(index, "hub_bytes", &handed->from_hub);
	count(index, "peer_bytes", &handed->from_peers);
	count(index, "wasted_bytes", &handed->wasted);
	count(index, "saved_bytes", &handed->saved);
}

void fetch_run_on_worker(struct pool_job *job)
{
	struct fetch_run *run = container_of(job, struct fetch_run, job);
	struct store *store = run->fetcher->use.store;
	struct fetch_handed *handed = &run->handed;

	handed->err = ERR_OK;
	handed->why = (struct why){0};
	switch (run->step) {
	case STEP_OPEN:
		open_intake(handed, &run->file, store);
		break;
	case STEP_WRITE:
		write_chunks(handed);
		break;
	case STEP_COMMIT:
		handed->err = intake_commit(handed->intake, &handed->why);
		break;
	case STEP_NAME:
		handed->err = keep_names(handed, intake_digest(handed->intake), store, &handed->why);
		count_all(handed, store);
		break;
	case STEP_CLOSE:
		intake_destroy(handed->intake);
		handed->intake = NULL;
		count_all(handed, store);
		break;
	}
}
