#include "cli/commands.h"
#include "cli/held.h"
#include "cli/session.h"
#include "store/blob.h"

#include <stdlib.h>

struct removing {
	struct work work;
	struct session *session;
	const struct held_pick *picks;
	size_t count, removed;
	uint64_t bytes;
	bool even_pinned;
};

static enum err remove_all(struct work *work, struct why *why)
{
	struct removing *removing = container_of(work, struct removing, work);
	enum err first = ERR_OK;
	char label[HELD_LABEL_MAX];

	for (size_t i = 0; i < removing->count; i++) {
		const struct blob_record *record = removing->picks[i].record;
		enum err err;

		if (__atomic_load_n(&removing->session->stop, __ATOMIC_RELAXED))
			return why_set(why, ERR_CANCELLED, "stopped; %zu of %zu blobs are removed", removing->removed, removing->count);
		/* One that cannot go does not keep the others. */
		err = blob_remove(removing->session->store, &record->digest, removing->even_pinned, first ? NULL : why);
		if (err == ERR_NOT_FOUND)
			continue;
		if (err && !first && removing->picks[i].name)
			why_prefix(why, err, "%s", held_label(&removing->picks[i], label));
		first = first ? first : err;
		removing->removed += !err;
		removing->bytes += err ? 0 : record->size;
	}
	return first;
}

static enum err run_rm(struct session *session, const struct args *args, struct why *why)
{
	struct removing removing = {.work = {.run = remove_all}, .session = session, .even_pinned = args_has(args, "pinned")};
	struct held_pick *picks = NULL;
	struct held held = {0};
	char size[SIZE_TEXT_MAX], number[48];
	enum err err = session_open_store(session, why);

	if (!err)
		err = held_load(&held, store_index(session->store), why);
	if (!err)
		err = held_pick(&held, store_index(session->store), session->config.hub, args->operands, args->operand_count, &picks, &removing.count, why);
	removing.picks = picks;
	if (!err)
		err = session_work(session, &removing.work, why);
	if (!err && session->output.json)
		output_json(&session->output, json_pack("{s:I, s:I}", "blobs", (json_int_t)removing.removed, "bytes", (json_int_t)removing.bytes));
	if (!err || removing.removed)
		session_remark(session, "removed %s, %s", output_count(removing.removed, "blob", "blobs", number), output_size(removing.bytes, size));
	free(picks);
	held_release(&held);
	return err;
}

static const struct args_flag flags[] = {
	{"pinned", 0, NULL, "remove pinned ones as well"},
	{NULL},
};

const struct command rm_command = {
	.name = "rm",
	.summary = "remove blobs from the store",
	.operands = "NAME or DIGEST...",
	.help = "A blob that several repos have is removed for all of them. What is pinned, or\n"
		"in use just now, stays. Asks nobody.\n\n"
		"--json: {blobs, bytes}\n\n"
		"Examples:\n"
		"  larder rm sentence-transformers/all-MiniLM-L6-v2\n"
		"  larder rm gpt2:pytorch_model.bin\n",
	.flags = flags,
	.min_operands = 1,
	.max_operands = ARGS_OPERANDS_MAX,
	.run = run_rm,
};
