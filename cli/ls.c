#include "cli/commands.h"
#include "cli/held.h"
#include "cli/ls_peers.h"
#include "cli/session.h"
#include "store/leftover.h"

#include <stdlib.h>
#include <string.h>

#define PERCENT_MAX 99

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

/* One that is not complete. */
struct incomplete {
	struct leftover leftover;
	bool is_known; /* how far it is */
	uint64_t size, have_bytes;
	unsigned percent; /* below 100: of one that was withdrawn its journal claims all, and some of that is wrong */
};

static json_t *incomplete_json(const struct held *held, const struct incomplete *incomplete)
{
	const struct digest *digest = &incomplete->leftover.digest;
	char text[DIGEST_TEXT_MAX] = "";
	json_t *object;

	if (digest->algorithm != DIGEST_NONE)
		digest_text(digest, text);
	object = json_pack("{s:s*, s:I, s:o}", "digest", *text ? text : NULL, "size", (json_int_t)incomplete->size, "names", names_json(held, digest));
	if (object && incomplete->is_known) {
		json_object_set_new(object, "have", json_integer((json_int_t)incomplete->have_bytes));
		json_object_set_new(object, "percent", json_integer((json_int_t)incomplete->percent));
	}
	return object;
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

static void add_incomplete(struct table *table, const struct held *held, const struct incomplete *incomplete)
{
	const struct digest *digest = &incomplete->leftover.digest;
	char size[SIZE_TEXT_MAX], state[32] = "incomplete", label[HELD_LABEL_MAX] = "(its digest is not known yet)";
	struct blob_record record = {.digest = *digest};
	size_t names;
	const struct blob_name *const *all = held_names(held, digest, &names);

	if (digest->algorithm != DIGEST_NONE)
		held_label(&(struct held_pick){&record, names ? all[0] : NULL}, label);
	if (incomplete->is_known)
		snprintf(state, sizeof state, "incomplete, %u%%", incomplete->percent);
	table_add(table, (const char *const[]){output_size(incomplete->size, size), state, "-", label});
}

/* What is to be shown. */
struct listing {
	const struct held *held;
	struct held_pick *picks;
	size_t pick_count;
	struct incomplete *incomplete; /* on their way in, or were when last heard of */
	size_t incomplete_count;
	uint64_t bytes;
};

static void print_json(struct session *session, const struct listing *listing)
{
	json_t *blobs = json_array(), *incomplete = json_array();

	for (size_t i = 0; i < listing->pick_count; i++)
		json_array_append_new(blobs, blob_json(listing->held, listing->picks[i].record));
	for (size_t i = 0; i < listing->incomplete_count; i++)
		json_array_append_new(incomplete, incomplete_json(listing->held, &listing->incomplete[i]));
	output_json(&session->output, json_pack("{s:o, s:o, s:I}", "blobs", blobs, "incomplete", incomplete, "bytes", (json_int_t)listing->bytes));
}

static void print_table(struct session *session, const struct listing *listing)
{
	struct table table = {.titles = titles, .columns = 4, .right_aligned = 1};
	char size[SIZE_TEXT_MAX], number[48];

	for (size_t i = 0; i < listing->pick_count; i++)
		add_row(&table, listing->held, &listing->picks[i]);
	for (size_t i = 0; i < listing->incomplete_count; i++)
		add_incomplete(&table, listing->held, &listing->incomplete[i]);
	table_print(&table, &session->output);
	session_remark(session, "%s, %s", output_count(listing->pick_count, "blob", "blobs", number), output_size(listing->bytes, size));
}

static struct incomplete look_at(struct store *store, const struct leftover *leftover)
{
	struct incomplete incomplete = {.leftover = *leftover, .size = leftover->bytes};

	incomplete.is_known = leftover_progress(store, leftover, &incomplete.size, &incomplete.have_bytes);
	if (incomplete.size > 0)
		incomplete.percent = (unsigned)(incomplete.have_bytes * 100 / incomplete.size);
	if (incomplete.percent > PERCENT_MAX)
		incomplete.percent = PERCENT_MAX;
	return incomplete;
}

static enum err find_incomplete(struct store *store, struct listing *listing, struct why *why)
{
	struct leftover *leftovers = NULL;
	size_t count = 0;
	enum err err = leftover_list(store, &leftovers, &count, why);

	if (!err && !(listing->incomplete = calloc(count + 1, sizeof *listing->incomplete)))
		err = why_set(why, ERR_NO_MEMORY, "out of memory");
	for (size_t i = 0; !err && i < count; i++)
		listing->incomplete[listing->incomplete_count++] = look_at(store, &leftovers[i]);
	free(leftovers);
	return err;
}

static enum err list(struct session *session, const struct held *held, const struct args *args, struct why *why)
{
	struct listing listing = {.held = held};
	enum err err = held_pick(held, store_index(session->store), session->config.hub, args->operands, args->operand_count, &listing.picks, &listing.pick_count, why);

	if (!err && args->operand_count == 0)
		err = find_incomplete(session->store, &listing, why);
	for (size_t i = 0; !err && i < listing.pick_count; i++)
		listing.bytes += listing.picks[i].record->size;
	if (!err && session->output.json)
		print_json(session, &listing);
	else if (!err)
		print_table(session, &listing);
	free(listing.picks);
	free(listing.incomplete);
	return err;
}

static enum err run_ls(struct session *session, const struct args *args, struct why *why)
{
	struct held held;
	enum err err;

	if (args_has(args, "peers"))
		return ls_peers(session, args, why);
	err = session_look_at_store(session, why);
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

static const struct args_flag flags[] = {
	{"peers", 0, NULL, "show what other nodes say they hold"},
	{NULL},
};

const struct command ls_command = {
	.name = "ls",
	.summary = "show what is held, here or at other nodes",
	.operands = "[NAME or DIGEST...]",
	.help = "Lists proven blobs by the names that the hub gave them, and downloads that are\n"
		"not complete, with how much of them is here. Asks nobody.\n\n"
		"With --peers, lists what other nodes say they hold (those that show it), each\n"
		"file with the number of nodes. Whether it is so shows when it is fetched.\n\n"
		"--json: {blobs: [{digest, size, pinned, visibility, proven_at, names: [{repo,\n"
		"commit, path, hub}]}], incomplete: [{digest, size, have, percent, names}],\n"
		"bytes}; with --peers {heard, answered, cut, files: [{repo, commit, path, size,\n"
		"digest, nodes}]}\n\n"
		"Examples:\n"
		"  larder ls\n"
		"  larder ls sentence-transformers/all-MiniLM-L6-v2\n"
		"  larder ls --peers\n"
		"  larder ls --json | jq -r .blobs[].digest\n",
	.flags = flags,
	.max_operands = ARGS_OPERANDS_MAX,
	.run = run_ls,
};
