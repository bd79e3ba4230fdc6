#include "cli/ask.h"
#include "cli/commands.h"

#include <stdlib.h>
#include <string.h>

/* A node that holds some of it. */
struct holder {
	json_t *line;   /* owned: who it is */
	uint8_t *found; /* of each file, FOUND_...; owned */
	size_t whole, part;
};

enum found { FOUND_NONE, FOUND_PART, FOUND_WHOLE };

struct who {
	struct ask ask;
	struct digest *digests; /* owned */
	size_t count, here;
	size_t first; /* those before were asked about */
	struct holder *holders; /* owned */
	size_t holder_count;
	uint64_t heard;
	bool failed; /* out of memory */
};

static void release(struct who *who)
{
	for (size_t i = 0; i < who->holder_count; i++) {
		json_decref(who->holders[i].line);
		free(who->holders[i].found);
	}
	free(who->holders);
	free(who->digests);
}

/* --- what is looked for */

static enum err take_listing(struct who *who, const struct hub_listing *listing, struct why *why)
{
	who->digests = calloc(listing->count + 1, sizeof *who->digests);
	if (!who->digests)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < listing->count; i++)
		who->digests[who->count++] = listing->files[i].digest;
	return who->count ? ERR_OK : why_set(why, ERR_NOT_FOUND, "%s has no files", listing->repo);
}

static enum err find_out(struct who *who, struct session *session, const struct name *name, struct why *why)
{
	struct hub_listing listing = {0};
	enum err err;

	if (name->digest.algorithm != DIGEST_NONE) {
		struct hub_file file = {.digest = name->digest};
		return take_listing(who, &(struct hub_listing){.files = &file, .count = 1}, why);
	}
	err = session_look_up(session, name, &listing, why);
	if (!err)
		err = take_listing(who, &listing, why);
	hub_listing_release(&listing);
	return err;
}

static void look_here(struct who *who, struct index *index)
{
	for (size_t i = 0; i < who->count; i++) {
		struct digest digest = who->digests[i];
		struct blob_record record;
		if (digest.algorithm == DIGEST_GIT_SHA1 && index_alias_get(index, &who->digests[i], &digest, NULL) != ERR_OK)
			continue;
		who->here += index_blob_get(index, &digest, &record, NULL) == ERR_OK;
	}
}

/* --- the answers */

static struct holder *holder_of(struct who *who, json_t *line)
{
	struct holder *grown;

	for (size_t i = 0; i < who->holder_count; i++)
		if (strcmp(ask_text(who->holders[i].line, "node"), ask_text(line, "node")) == 0)
			return &who->holders[i];
	grown = reallocarray(who->holders, who->holder_count + 1, sizeof *grown);
	if (!grown)
		return NULL;
	who->holders = grown;
	grown += who->holder_count;
	*grown = (struct holder){.found = calloc(who->count, 1)};
	if (!grown->found)
		return NULL;
	grown->line = json_incref(line);
	who->holder_count++;
	return grown;
}

static void note(const struct who *who, struct holder *holder, json_t *places, enum found found)
{
	json_t *place;
	size_t i;

	json_array_foreach(places, i, place) {
		json_int_t value = json_integer_value(place);
		if (json_is_integer(place) && value >= 0 && (uint64_t)value < who->count - who->first)
			holder->found[who->first + (size_t)value] = (uint8_t)found;
	}
}

static void on_line(struct ask *ask, json_t *line)
{
	struct who *who = container_of(ask, struct who, ask);
	struct holder *holder = holder_of(who, line);

	if (!holder) {
		who->failed = true;
		return;
	}
	note(who, holder, json_object_get(line, "part"), FOUND_PART);
	note(who, holder, json_object_get(line, "whole"), FOUND_WHOLE);
}

static enum err ask_some(struct who *who, struct session *session, size_t count, struct why *why)
{
	json_t *digests = json_array();
	char text[DIGEST_TEXT_MAX];
	enum err err;

	for (size_t i = 0; i < count; i++)
		json_array_append_new(digests, json_string(digest_text(&who->digests[who->first + i], text)));
	who->ask = (struct ask){.on_line = on_line};
	err = ask_node(session, json_pack("{s:s, s:o}", "ask", "who", "digests", digests), &who->ask, why);
	if (!err)
		who->heard = ask_number(who->ask.last, "heard");
	ask_release(&who->ask);
	return err;
}

static int by_worth(const void *a, const void *b)
{
	const struct holder *first = a, *second = b;
	uint64_t near = ask_number(first->line, "round_trip_us"), far = ask_number(second->line, "round_trip_us");

	if (first->whole != second->whole)
		return first->whole > second->whole ? -1 : 1;
	if (first->part != second->part)
		return first->part > second->part ? -1 : 1;
	return near < far ? -1 : near > far;
}

static enum err ask_all(struct who *who, struct session *session, struct why *why)
{
	enum err err = ERR_OK;

	for (; !err && who->first < who->count; who->first += CONTROL_DIGESTS_MAX) {
		size_t left = who->count - who->first;
		err = ask_some(who, session, left < CONTROL_DIGESTS_MAX ? left : CONTROL_DIGESTS_MAX, why);
	}
	if (err || who->failed)
		return err ? err : why_set(why, ERR_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < who->holder_count; i++) {
		for (size_t k = 0; k < who->count; k++) {
			who->holders[i].whole += who->holders[i].found[k] == FOUND_WHOLE;
			who->holders[i].part += who->holders[i].found[k] == FOUND_PART;
		}
	}
	if (who->holder_count)
		qsort(who->holders, who->holder_count, sizeof *who->holders, by_worth);
	return ERR_OK;
}

/* --- what is told */

static void print_json(struct session *session, const struct who *who, const char *what)
{
	json_t *holders = json_array();

	for (size_t i = 0; i < who->holder_count; i++) {
		const struct holder *holder = &who->holders[i];
		json_t *object = json_pack("{s:s, s:s, s:s, s:I, s:I}", "node", ask_text(holder->line, "node"), "name", ask_text(holder->line, "name"), "address",
					   ask_text(holder->line, "address"), "whole", (json_int_t)holder->whole, "part", (json_int_t)holder->part);
		json_t *round_trip = json_object_get(holder->line, "round_trip_us");
		if (object && round_trip)
			json_object_set(object, "round_trip_us", round_trip);
		json_array_append_new(holders, object);
	}
	output_json(&session->output, json_pack("{s:s, s:I, s:I, s:I, s:o}", "what", what, "files", (json_int_t)who->count, "here", (json_int_t)who->here, "heard",
						(json_int_t)who->heard, "holders", holders));
}

static void print_table(struct session *session, const struct who *who)
{
	static const char *const titles[] = {"NAME", "NODE", "ADDRESS", "ROUND TRIP", "HOLDS"};
	struct table table = {.titles = titles, .columns = 5, .right_aligned = 8};

	for (size_t i = 0; i < who->holder_count; i++) {
		const struct holder *holder = &who->holders[i];
		char round_trip[ASK_TIME_MAX], holds[80], part[40] = "";
		if (holder->part)
			snprintf(part, sizeof part, ", %zu in part", holder->part);
		if (who->count == 1)
			snprintf(holds, sizeof holds, "%s", holder->whole ? "whole" : "part");
		else
			snprintf(holds, sizeof holds, "%zu of %zu files%s", holder->whole, who->count, part);
		table_add(&table, (const char *const[]){ask_text(holder->line, "name"), ask_text(holder->line, "node"), ask_text(holder->line, "address"),
							ask_round_trip(holder->line, round_trip), holds});
	}
	table_print(&table, &session->output);
}

static void tell_here(struct session *session, const struct who *who, const char *heard)
{
	if (who->count == 1)
		session_remark(session, "%s; here it is %s", heard, who->here ? "held" : "not held");
	else
		session_remark(session, "%s; here %zu of %zu files are held", heard, who->here, who->count);
}

static enum err tell(struct session *session, const struct who *who, const char *what, struct why *why)
{
	char heard[48];

	ask_heard(who->heard, heard);
	if (session->output.json)
		print_json(session, who, what);
	else
		print_table(session, who);
	if (who->holder_count == 0)
		return why_set(why, ERR_NOT_FOUND, "no other node is known to hold any of %s: %s; here %zu of %zu files are held", what, heard, who->here, who->count);
	tell_here(session, who, heard);
	return ERR_OK;
}

static enum err run_who(struct session *session, const struct args *args, struct why *why)
{
	struct who who = {0};
	struct name name;
	enum err err = name_parse(args->operands[0], session->config.hub, &name, why);

	if (err)
		return err;
	err = session_open_node(session, why);
	if (!err)
		err = find_out(&who, session, &name, why);
	if (!err) {
		look_here(&who, store_index(session->store));
		err = ask_all(&who, session, why);
	}
	if (!err)
		err = tell(session, &who, args->operands[0], why);
	release(&who);
	name_release(&name);
	return err;
}

const struct command who_command = {
	.name = "who",
	.summary = "tell which nodes here hold a repo or a file",
	.operands = "NAME or DIGEST",
	.help = "Asks the node that runs on this home; without one, listens for two seconds. Of a\n"
		"repo it tells how many of its files each node holds. Which files a name stands\n"
		"for is the hub's to say, or what it said last time. In the open group only\n"
		"public files are shown. Nodes are believed here; what they send is proven.\n\n"
		"When nobody is known to hold any of it, the exit code is 3.\n\n"
		"--json: {what, files, here, heard, holders: [{node, name, address,\n"
		"round_trip_us, whole, part}]}; whole, part: numbers of files\n\n"
		"Examples:\n"
		"  larder who sentence-transformers/all-MiniLM-L6-v2\n"
		"  larder who ORG/REPO:model.safetensors\n"
		"  larder who sha256:HEX\n",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_who,
};
