#include "cli/ls_peers.h"

#include "cli/ask.h"

#include <stdlib.h>
#include <string.h>

/* One name at one node; texts borrowed from `lines`. */
struct entry {
	const char *repo, *commit, *path, *digest, *node;
	uint64_t size;
};

struct gathering {
	struct ask ask;
	struct session *session;
	const struct args *args;
	struct name *names; /* what the operands name; owned */
	json_t *lines;      /* keeps the texts alive */
	struct entry *entries; /* owned */
	size_t count, room;
	bool failed;
};

/* --- which are wanted */

static bool names_it(const struct name *name, const struct entry *entry)
{
	char digest[DIGEST_TEXT_MAX];
	const char *prefix = repo_type_prefix(name->type);

	if (name->digest.algorithm != DIGEST_NONE)
		return strcmp(digest_text(&name->digest, digest), entry->digest) == 0;
	return strncmp(entry->repo, prefix, strlen(prefix)) == 0 && strcmp(entry->repo + strlen(prefix), name->repo) == 0 &&
	       (!name->path || strcmp(name->path, entry->path) == 0) && (!name_is_commit(name->revision) || strcmp(name->revision, entry->commit) == 0);
}

static bool is_wanted(const struct gathering *gathering, const struct entry *entry)
{
	for (size_t i = 0; i < gathering->args->operand_count; i++)
		if (names_it(&gathering->names[i], entry))
			return true;
	return gathering->args->operand_count == 0;
}

/* --- gathering */

static void add(struct gathering *gathering, const struct entry *entry)
{
	if (gathering->count == gathering->room) {
		size_t room = gathering->room ? gathering->room * 2 : 1024;
		struct entry *grown = reallocarray(gathering->entries, room, sizeof *grown);
		if (!grown) {
			gathering->failed = true;
			return;
		}
		gathering->entries = grown;
		gathering->room = room;
	}
	gathering->entries[gathering->count++] = *entry;
}

static void on_line(struct ask *ask, json_t *line)
{
	struct gathering *gathering = container_of(ask, struct gathering, ask);
	json_t *object;
	size_t i;

	if (json_array_append(gathering->lines, line) != 0)
		gathering->failed = true;
	json_array_foreach(json_object_get(line, "entries"), i, object) {
		struct entry entry = {ask_text(object, "repo"), ask_text(object, "commit"), ask_text(object, "path"), ask_text(object, "digest"),
				      ask_text(line, "node"), ask_number(object, "size")};
		if (!gathering->failed && is_wanted(gathering, &entry))
			add(gathering, &entry);
	}
}

static enum err gather(struct gathering *gathering, struct why *why)
{
	struct session *session = gathering->session;
	enum err err = session_open_node(session, why);

	if (!err)
		err = ask_node(session, json_pack("{s:s}", "ask", "list"), &gathering->ask, why);
	if (!err && gathering->failed)
		err = why_set(why, ERR_NO_MEMORY, "out of memory");
	return err;
}

/* By name; the same thing at several nodes stands together. */
static int compare(const void *a, const void *b)
{
	const struct entry *first = a, *second = b;
	int order = strcmp(first->repo, second->repo);

	if (!order)
		order = strcmp(first->path, second->path);
	if (!order)
		order = strcmp(first->commit, second->commit);
	if (!order)
		order = strcmp(first->digest, second->digest);
	return order ? order : strcmp(first->node, second->node);
}

static bool is_same(const struct entry *a, const struct entry *b)
{
	return strcmp(a->repo, b->repo) == 0 && strcmp(a->path, b->path) == 0 && strcmp(a->digest, b->digest) == 0;
}

/* --- what is told */

static json_t *entry_json(const struct entry *entry)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:s, s:[]}", "repo", entry->repo, "commit", entry->commit, "path", entry->path, "size", (json_int_t)entry->size,
			 "digest", entry->digest, "nodes");
}

static void print_json(const struct gathering *gathering)
{
	json_t *files = json_array(), *last = NULL;

	for (size_t i = 0; i < gathering->count; i++) {
		const struct entry *entry = &gathering->entries[i];
		if (i == 0 || !is_same(entry, entry - 1) || strcmp(entry->commit, entry[-1].commit) != 0) {
			last = entry_json(entry);
			json_array_append_new(files, last);
		}
		json_array_append_new(json_object_get(last, "nodes"), json_string(entry->node));
	}
	output_json(&gathering->session->output,
		    json_pack("{s:I, s:I, s:b, s:o}", "heard", (json_int_t)ask_number(gathering->ask.last, "heard"), "answered",
			      (json_int_t)ask_number(gathering->ask.last, "answered"), "cut", json_is_true(json_object_get(gathering->ask.last, "cut")), "files", files));
}

/* Of the entries from `from` on that are the same but for commit and node, how many; and how many nodes they are at. */
static size_t span(const struct gathering *gathering, size_t from, size_t *ret_nodes)
{
	const struct entry *entries = gathering->entries;
	size_t end = from + 1, nodes = 1;

	for (; end < gathering->count && is_same(&entries[end], &entries[from]); end++) {
		bool is_new = true;
		for (size_t i = from; i < end && is_new; i++)
			is_new = strcmp(entries[i].node, entries[end].node) != 0;
		nodes += is_new;
	}
	*ret_nodes = nodes;
	return end - from;
}

static void print_table(const struct gathering *gathering)
{
	static const char *const titles[] = {"SIZE", "NODES", "NAME"};
	struct table table = {.titles = titles, .columns = 3, .right_aligned = 3};
	struct session *session = gathering->session;
	char heard[48], count[48];
	size_t nodes, files = 0;

	for (size_t i = 0; i < gathering->count; files++) {
		const struct entry *entry = &gathering->entries[i];
		char size[SIZE_TEXT_MAX], number[24], name[2048];
		i += span(gathering, i, &nodes);
		snprintf(number, sizeof number, "%zu", nodes);
		snprintf(name, sizeof name, "%s:%s", entry->repo, entry->path);
		table_add(&table, (const char *const[]){output_size(entry->size, size), number, name});
	}
	table_print(&table, &session->output);
	if (ask_number(gathering->ask.last, "heard") == 0)
		session_remark(session, "%s", ask_heard(0, heard));
	else
		session_remark(session, "%s; %s, and what they hold was told by %llu", output_count(files, "file", "files", count),
			       ask_heard(ask_number(gathering->ask.last, "heard"), heard), (unsigned long long)ask_number(gathering->ask.last, "answered"));
	if (json_is_true(json_object_get(gathering->ask.last, "cut")))
		session_remark(session, "there is more than can be shown: name a repo");
}

static enum err read_names(struct gathering *gathering, struct why *why)
{
	enum err err = ERR_OK;

	gathering->names = calloc(gathering->args->operand_count + 1, sizeof *gathering->names);
	if (!gathering->names)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	for (size_t i = 0; !err && i < gathering->args->operand_count; i++)
		err = name_parse(gathering->args->operands[i], gathering->session->config.hub, &gathering->names[i], why);
	return err;
}

static void release(struct gathering *gathering)
{
	for (size_t i = 0; gathering->names && i < gathering->args->operand_count; i++)
		name_release(&gathering->names[i]);
	free(gathering->names);
	free(gathering->entries);
	json_decref(gathering->lines);
	ask_release(&gathering->ask);
}

enum err ls_peers(struct session *session, const struct args *args, struct why *why)
{
	struct gathering gathering = {.ask = {.on_line = on_line}, .session = session, .args = args, .lines = json_array()};
	enum err err = read_names(&gathering, why);

	if (!err)
		err = gather(&gathering, why);
	if (!err) {
		if (gathering.count)
			qsort(gathering.entries, gathering.count, sizeof *gathering.entries, compare);
		if (session->output.json)
			print_json(&gathering);
		else
			print_table(&gathering);
	}
	release(&gathering);
	return err;
}
