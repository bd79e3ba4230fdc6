#include "cli/commands.h"
#include "cli/held.h"
#include "cli/session.h"

#include <stdlib.h>

static enum err set_pins(struct session *session, const struct args *args, bool pinned, struct why *why)
{
	struct held_pick *picks = NULL;
	struct held held = {0};
	size_t count = 0;
	uint64_t bytes = 0;
	char size[SIZE_TEXT_MAX], number[48];
	enum err err = session_open_store(session, why);

	if (!err)
		err = held_load(&held, store_index(session->store), why);
	if (!err)
		err = held_pick(&held, store_index(session->store), session->config.hub, args->operands, args->operand_count, &picks, &count, why);
	for (size_t i = 0; !err && i < count; i++) {
		err = index_blob_pin(store_index(session->store), &picks[i].record->digest, pinned, why);
		bytes += picks[i].record->size;
	}
	if (!err && session->output.json)
		output_json(&session->output, json_pack("{s:b, s:I, s:I}", "pinned", pinned, "blobs", (json_int_t)count, "bytes", (json_int_t)bytes));
	if (!err)
		session_remark(session, "%s %s, %s", pinned ? "pinned" : "unpinned", output_count(count, "blob", "blobs", number), output_size(bytes, size));
	free(picks);
	held_release(&held);
	return err;
}

static enum err run_pin(struct session *session, const struct args *args, struct why *why)
{
	return set_pins(session, args, true, why);
}

static enum err run_unpin(struct session *session, const struct args *args, struct why *why)
{
	return set_pins(session, args, false, why);
}

const struct command pin_command = {
	.name = "pin",
	.summary = "keep blobs, whatever the quota says",
	.operands = "NAME or DIGEST...",
	.help = "Pinned blobs are never removed to make room. larder ls shows which are.\n\n"
		"--json: {pinned, blobs, bytes}\n\n"
		"Examples:\n"
		"  larder pin sentence-transformers/all-MiniLM-L6-v2\n"
		"  larder pin gpt2:model.safetensors\n",
	.min_operands = 1,
	.max_operands = ARGS_OPERANDS_MAX,
	.run = run_pin,
};

const struct command unpin_command = {
	.name = "unpin",
	.summary = "let pinned blobs go when room is needed",
	.operands = "NAME or DIGEST...",
	.help = "Nothing is removed at once.\n\n"
		"--json: {pinned, blobs, bytes}\n\n"
		"Examples:\n"
		"  larder unpin sentence-transformers/all-MiniLM-L6-v2\n",
	.min_operands = 1,
	.max_operands = ARGS_OPERANDS_MAX,
	.run = run_unpin,
};
