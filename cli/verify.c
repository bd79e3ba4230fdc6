#include "cli/commands.h"
#include "cli/held.h"
#include "cli/session.h"
#include "store/blob.h"

#include <stdlib.h>
#include <string.h>

struct verifying {
	struct work work;
	struct session *session;
	struct pool *pool; /* for hashing alone */
	const struct held_pick *picks;
	size_t count;
	uint64_t bytes_total;
	/* Written by the worker, read by progress. */
	uint64_t bytes_done;
	size_t at;
	/* The worker's answers. */
	enum err *errs;
	struct blob_check *checks;
};

static enum err verify_all(struct work *work, struct why *why)
{
	struct verifying *verifying = container_of(work, struct verifying, work);
	const bool *stop = &verifying->session->stop;

	for (size_t i = 0; i < verifying->count; i++) {
		const struct digest *digest = &verifying->picks[i].record->digest;
		__atomic_store_n(&verifying->at, i, __ATOMIC_RELAXED);
		verifying->errs[i] = blob_verify(verifying->session->store, digest, verifying->pool, &verifying->bytes_done, stop,
						 &verifying->checks[i], why);
		if (verifying->errs[i] && verifying->errs[i] != ERR_UNPROVEN && verifying->errs[i] != ERR_NOT_FOUND)
			return verifying->errs[i];
	}
	return ERR_OK;
}

static uint64_t look(struct activity *activity, struct progress_state *ret_state)
{
	struct verifying *verifying = container_of(activity, struct verifying, work.activity);
	size_t at = __atomic_load_n(&verifying->at, __ATOMIC_RELAXED);

	*ret_state = (struct progress_state){
		.name = at < verifying->count && verifying->picks[at].name ? verifying->picks[at].name->path : NULL,
		.bytes_done = __atomic_load_n(&verifying->bytes_done, __ATOMIC_RELAXED),
		.bytes_total = verifying->bytes_total,
		.files_done = at,
		.files_total = verifying->count,
	};
	return ret_state->bytes_done;
}

static json_t *blob_json(const struct held_pick *pick, enum err err, const struct blob_check *check)
{
	char text[DIGEST_TEXT_MAX], label[HELD_LABEL_MAX];

	return json_pack("{s:s, s:s, s:I, s:b, s:I, s:I}", "digest", digest_text(&pick->record->digest, text), "name", held_label(pick, label), "size",
			 (json_int_t)pick->record->size, "proven", err == ERR_OK, "chunks", (json_int_t)check->chunks, "bad_chunks",
			 (json_int_t)check->bad);
}

static void tell_damage(struct session *session, const struct held_pick *pick, const struct blob_check *check)
{
	char label[HELD_LABEL_MAX], chunks[48];

	output_count(check->chunks, "chunk", "chunks", chunks);
	if (pick->name)
		session_tell(session, "%s is damaged: %llu of %s; withdrawn, and larder get '%s@%s:%s' fetches just the bad ones again",
			     held_label(pick, label), (unsigned long long)check->bad, chunks, pick->name->repo, pick->name->commit, pick->name->path);
	else
		session_tell(session, "%s is damaged: %llu of %s; withdrawn, and larder add FILE repairs it", held_label(pick, label),
			     (unsigned long long)check->bad, chunks);
}

/* Tells each, and returns how many are bad. */
static size_t report(struct verifying *verifying, int64_t took_ms)
{
	struct session *session = verifying->session;
	json_t *blobs = json_array();
	size_t bad = 0;

	for (size_t i = 0; i < verifying->count; i++) {
		if (verifying->errs[i] == ERR_NOT_FOUND)
			continue; /* removed by somebody meanwhile */
		json_array_append_new(blobs, blob_json(&verifying->picks[i], verifying->errs[i], &verifying->checks[i]));
		if (verifying->errs[i] == ERR_UNPROVEN) {
			tell_damage(session, &verifying->picks[i], &verifying->checks[i]);
			bad++;
		}
	}
	if (session->output.json)
		output_json(&session->output, json_pack("{s:O, s:I, s:I, s:I}", "blobs", blobs, "bytes", (json_int_t)verifying->bytes_total, "damaged",
							(json_int_t)bad, "milliseconds", (json_int_t)took_ms));
	json_decref(blobs);
	return bad;
}

static enum err verify(struct verifying *verifying, struct why *why)
{
	struct session *session = verifying->session;
	char number[48], size[SIZE_TEXT_MAX], rate[SIZE_TEXT_MAX];
	int64_t began_ms = clock_now_ms(clock_system()), took_ms;
	enum err err;
	size_t bad;

	verifying->work = (struct work){.run = verify_all, .activity = {.look = look}};
	err = session_work(session, &verifying->work, why);
	if (err)
		return err == ERR_CANCELLED ? why_set(why, err, "stopped before everything was verified") : err;
	took_ms = clock_now_ms(clock_system()) - began_ms;
	bad = report(verifying, took_ms);
	output_count(verifying->count, "blob", "blobs", number);
	if (bad)
		return why_set(why, ERR_UNPROVEN, "%zu of %s %s damaged", bad, number, bad == 1 ? "is" : "are");
	session_remark(session, "%s, %s verified in %lld.%lld s (%s/s)", number, output_size(verifying->bytes_total, size), (long long)took_ms / 1000,
		       (long long)took_ms % 1000 / 100, output_size(verifying->bytes_total * 1000 / (uint64_t)(took_ms > 0 ? took_ms : 1), rate));
	return ERR_OK;
}

static enum err verify_picks(struct session *session, const struct held_pick *picks, size_t count, struct why *why)
{
	struct verifying verifying = {.session = session, .picks = picks, .count = count};
	enum err err = ERR_NO_MEMORY;

	for (size_t i = 0; i < count; i++)
		verifying.bytes_total += picks[i].record->size;
	verifying.errs = calloc(count + 1, sizeof *verifying.errs);
	verifying.checks = calloc(count + 1, sizeof *verifying.checks);
	/* The loop first: it decides which threads hear signals. */
	if (verifying.errs && verifying.checks)
		err = session_open_loop(session, why);
	if (!err)
		err = pool_create(pool_cpus(), &verifying.pool);
	if (!err)
		err = verify(&verifying, why);
	pool_destroy(verifying.pool);
	free(verifying.errs);
	free(verifying.checks);
	return err;
}

static enum err run_verify(struct session *session, const struct args *args, struct why *why)
{
	struct held_pick *picks = NULL;
	struct held held = {0};
	size_t count = 0;
	enum err err = session_open_store(session, why);

	if (!err)
		err = held_load(&held, store_index(session->store), why);
	if (!err)
		err = held_pick(&held, store_index(session->store), session->config.hub, args->operands, args->operand_count, &picks, &count, why);
	if (!err)
		err = verify_picks(session, picks, count, why);
	free(picks);
	held_release(&held);
	return err;
}

const struct command verify_command = {
	.name = "verify",
	.summary = "read what is held and prove it again",
	.operands = "[NAME or DIGEST...]",
	.help = "Without names, all of it. Every chunk is checked, on all processors. What is\n"
		"damaged is withdrawn at once; its good chunks are kept, and the next larder\n"
		"get of it fetches the bad ones alone. Exit code 5 when something was damaged.\n\n"
		"--json: {blobs: [{digest, name, size, proven, chunks, bad_chunks}], bytes,\n"
		"damaged, milliseconds}\n\n"
		"Examples:\n"
		"  larder verify\n"
		"  larder verify sentence-transformers/all-MiniLM-L6-v2\n",
	.max_operands = ARGS_OPERANDS_MAX,
	.run = run_verify,
};
