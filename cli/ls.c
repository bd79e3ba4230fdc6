#include "cli/commands.h"
#include "cli/held.h"
#include "cli/session.h"
#include "store/leftover.h"

#include <stdlib.h>
#include <string.h>

static json_t *names_json(const struct held *held, const struct digest *digest)
{
	json_t *list = json_array();
	size_t count;
	const struct blob_name *const *names = held_names(held, digest, &count);

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "repo", names[i]->repo, "commit", names[i]->commit, "path",
						      names[i]->path, "hub", names[i]->hub));
	return list;
}

static json_t *blob_json(const struct held *held, const struct blob_record *record)
{
	char text[DIGEST_TEXT_MAX];

	return json_pack("{s:s, s:I, s:b, s:s, s:I, s:o}", "digest", digest_text(&record->digest, text), "size", (json_int_t)record->size, "pinned",
			 record->pinned, "visibility", visibility_name(record->visibility), "proven_at", (json_int_t)record->proven_at_s, "names",
			 names_json(held, &record->digest));
}

static json_t *leftover_json(const struct held *held, const struct leftover *leftover)
{
	char text[DIGEST_TEXT_MAX] = "";

	if (leftover->digest.algorithm != DIGEST_NONE)
		digest_text(&leftover->digest, text);
	return json_pack("{s:s*, s:I, s:o}", "digest", *text ? text : NULL, "size", (json_int_t)leftover->bytes, "names",
			 names_json(held, &leftover->digest));
}

static const char *const titles[] = {"SIZE", "STATE", "VISIBILITY", "NAME"};

static void add_row(struct table *table, const struct held *held, const struct held_pick *pick)
{
	char size[SIZE_TEXT_MAX], label[HELD_LABEL_MAX], more[48] = "", line[HELD_LABEL_MAX + sizeof more];
	size_t names;

	held_names(held, &pick->record->digest, &names);
	if (names > 1)
		snprintf(more, sizeof more, "  (%zu more %s)", names - 1, names == 2 ? "name" : "names");
	snprintf(line, sizeof line, "%s%s", held_label(pick, label), more);
	table_add(table, (const char *const[]){output_size(pick->record->size, size), pick->record->pinned ? "pinned" : "proven",
					       visibility_name(pick->record->visibility), line});
}

static void add_leftover(struct table *table, const struct held *held, const struct leftover *leftover)
{
	char size[SIZE_TEXT_MAX], label[HELD_LABEL_MAX] = "(its digest is not known yet)";
	struct blob_record record = {.digest = leftover->digest};
	size_t names;
	const struct blob_name *const *all = held_names(held, &leftover->digest, &names);

	if (leftover->digest.algorithm != DIGEST_NONE)
		held_label(&(struct held_pick){&record, names ? all[0] : NULL}, label);
	table_add(table, (const char *const[]){output_size(leftover->bytes, size), "incomplete", "-", label});
}

/* What is to be shown. */
struct listing {
	const struct held *held;
	struct held_pick *picks;
	size_t pick_count;
	struct leftover *leftovers; /* on their way in, or were when last heard of */
	size_t leftover_count;
	uint64_t bytes;
};

static void print_json(struct session *session, const struct listing *listing)
{
	json_t *blobs = json_array(), *incomplete = json_array();

	for (size_t i = 0; i < listing->pick_count; i++)
		json_array_append_new(blobs, blob_json(listing->held, listing->picks[i].record));
	for (size_t i = 0; i < listing->leftover_count; i++)
		json_array_append_new(incomplete, leftover_json(listing->held, &listing->leftovers[i]));
	output_json(&session->output, json_pack("{s:o, s:o, s:I}", "blobs", blobs, "incomplete", incomplete, "bytes", (json_int_t)listing->bytes));
}

static void print_table(struct session *session, const struct listing *listing)
{
	struct table table = {.titles = titles, .columns = 4, .right_aligned = 1};
	char size[SIZE_TEXT_MAX], number[48];

	for (size_t i = 0; i < listing->pick_count; i++)
		add_row(&table, listing->held, &listing->picks[i]);
	for (size_t i = 0; i < listing->leftover_count; i++)
		add_leftover(&table, listing->held, &listing->leftovers[i]);
	table_print(&table, &session->output);
	session_remark(session, "%s, %s", output_count(listing->pick_count, "blob", "blobs", number), output_size(listing->bytes, size));
}

static enum err list(struct session *session, const struct held *held, const struct args *args, struct why *why)
{
	struct listing listing = {.held = held};
	enum err err = held_pick(held, store_index(session->store), session->config.hub, args->operands, args->operand_count, &listing.picks, &listing.pick_count, why);

	if (!err && args->operand_count == 0)
		err = leftover_list(session->store, &listing.leftovers, &listing.leftover_count, why);
	for (size_t i = 0; !err && i < listing.pick_count; i++)
		listing.bytes += listing.picks[i].record->size;
	if (!err && session->output.json)
		print_json(session, &listing);
	else if (!err)
		print_table(session, &listing);
	free(listing.picks);
	free(listing.leftovers);
	return err;
}

static enum err run_ls(struct session *session, const struct args *args, struct why *why)
{
	struct held held;
	enum err err = session_look_at_store(session, why);

	if (err)
		return err;
	if (!session->store) {
		if (args->operand_count)
			return why_set(why, ERR_NOT_FOUND, "nothing is held in %s yet", session->config.home);
		if (session->output.json)
			print_json(session, &(struct listing){0});
		session_remark(session, "nothing is held in %s yet", session->config.home);
		return ERR_OK;
	}
	err = held_load(&held, store_index(session->store), why);
	if (err)
		return err;
	err = list(session, &held, args, why);
	held_release(&held);
	return err;
}

const struct command ls_command = {
	.name = "ls",
	.summary = "show what is held here",
	.operands = "[NAME or DIGEST...]",
	.help = "Lists proven blobs by the names that the hub gave them, and downloads that are\n"
		"not complete. Asks nobody.\n\n"
		"--json: {blobs: [{digest, size, pinned, visibility, proven_at, names: [{repo,\n"
		"commit, path, hub}]}], incomplete: [{digest, size, names}], bytes}\n\n"
		"Examples:\n"
		"  larder ls\n"
		"  larder ls sentence-transformers/all-MiniLM-L6-v2\n"
		"  larder ls --json | jq -r .blobs[].digest\n",
	.max_operands = ARGS_OPERANDS_MAX,
	.run = run_ls,
};
