#include "cli/commands.h"
#include "cli/session.h"
#include "cli/status_node.h"
#include "store/index.h"
#include "store/leftover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

struct facts {
	uint64_t blobs, bytes, pinned_bytes, partials, partial_bytes, free, disk;
	uint64_t hub_bytes, hub_requests, peer_bytes, wasted_bytes, saved_bytes;
};

static const struct {
	const char *name;
	size_t at;
} counters[] = {
	{"hub_bytes", offsetof(struct facts, hub_bytes)},       {"hub_requests", offsetof(struct facts, hub_requests)},
	{"peer_bytes", offsetof(struct facts, peer_bytes)},     {"wasted_bytes", offsetof(struct facts, wasted_bytes)},
	{"saved_bytes", offsetof(struct facts, saved_bytes)},
};

static enum err gather_store(struct store *store, struct facts *facts, struct why *why)
{
	struct index *index = store_index(store);
	struct blob_record *records = NULL;
	struct leftover *leftovers = NULL;
	size_t count = 0, leftover_count = 0;
	enum err err = index_blob_list(index, &records, &count, why);

	for (size_t i = 0; !err && i < count; i++) {
		facts->blobs++;
		facts->bytes += records[i].size;
		facts->pinned_bytes += records[i].pinned ? records[i].size : 0;
	}
	free(records);
	if (!err)
		err = leftover_list(store, &leftovers, &leftover_count, why);
	for (size_t i = 0; !err && i < leftover_count; i++) {
		facts->partials++;
		facts->partial_bytes += leftovers[i].bytes;
	}
	free(leftovers);
	for (size_t i = 0; !err && i < sizeof counters / sizeof counters[0]; i++)
		err = index_counter_get(index, counters[i].name, (uint64_t *)(void *)((char *)facts + counters[i].at), why);
	return err;
}

/* Of the file system that the home is on, or would be: the nearest directory that exists. */
static void gather_disk(const char *home, struct facts *facts)
{
	char *path = strdup(home);
	struct statvfs disk;

	while (path && statvfs(path, &disk) != 0 && errno == ENOENT && strrchr(path, '/') && path[1])
		*(strrchr(path, '/') == path ? path + 1 : strrchr(path, '/')) = 0;
	if (path && statvfs(path, &disk) == 0) {
		facts->free = (uint64_t)disk.f_bavail * disk.f_frsize;
		facts->disk = (uint64_t)disk.f_blocks * disk.f_frsize;
	}
	free(path);
}

static uint64_t min_free(const struct session *session, const struct facts *facts)
{
	uint64_t tenth = facts->disk / 10;

	if (session->config.min_free != UINT64_MAX)
		return session->config.min_free;
	return tenth > STORE_MIN_FREE_FLOOR ? tenth : STORE_MIN_FREE_FLOOR;
}

static void print_json(struct session *session, const struct facts *facts, json_t *node)
{
	const struct config *config = &session->config;
	json_t *object = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "home", config->home, "blobs", (json_int_t)facts->blobs, "bytes",
				   (json_int_t)facts->bytes, "pinned_bytes", (json_int_t)facts->pinned_bytes, "partials", (json_int_t)facts->partials,
				   "partial_bytes", (json_int_t)facts->partial_bytes, "free", (json_int_t)facts->free, "max_size",
				   (json_int_t)config->max_size, "min_free", (json_int_t)min_free(session, facts));
	json_t *more = json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:O?}", "hub", config->hub, "token", config->token != NULL, "hub_bytes",
				 (json_int_t)facts->hub_bytes, "hub_requests", (json_int_t)facts->hub_requests, "peer_bytes", (json_int_t)facts->peer_bytes,
				 "wasted_bytes", (json_int_t)facts->wasted_bytes, "saved_bytes", (json_int_t)facts->saved_bytes, "sha256",
				 session->engine.wide->name, "sha256_serial", session->engine.serial->name, "node", node);

	if (!object || !more || json_object_update(object, more) != 0) {
		json_decref(object);
		object = NULL;
	}
	json_decref(more);
	output_json(&session->output, object);
}

static void print(struct session *session, const struct facts *facts, json_t *node)
{
	const struct config *config = &session->config;
	struct output *output = &session->output;
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX], count[48];

	output_line(output, "home        %s%s", config->home, session->store ? "" : " (not made yet)");
	output_line(output, "held        %s, %s", output_count(facts->blobs, "blob", "blobs", count), output_size(facts->bytes, a));
	output_line(output, "pinned      %s", output_size(facts->pinned_bytes, a));
	output_line(output, "incomplete  %s, %s", output_count(facts->partials, "download", "downloads", count), output_size(facts->partial_bytes, a));
	if (config->max_size)
		output_line(output, "quota       at most %s held, %s of the disk left free", output_size(config->max_size, a),
			    output_size(min_free(session, facts), b));
	else
		output_line(output, "quota       %s of the disk left free", output_size(min_free(session, facts), b));
	output_line(output, "disk        %s free of %s", output_size(facts->free, a), output_size(facts->disk, b));
	output_line(output, "hub         %s, %s a token", config->hub, config->token ? "with" : "without");
	output_line(output, "from hub    %s in %s", output_size(facts->hub_bytes, a), output_count(facts->hub_requests, "request", "requests", count));
	output_line(output, "from peers  %s; of no use: %s", output_size(facts->peer_bytes, a), output_size(facts->wasted_bytes, b));
	output_line(output, "saved       %s that were asked for and held already", output_size(facts->saved_bytes, a));
	output_line(output, "sha-256     %s for many chunks at once, %s for one", session->engine.wide->name, session->engine.serial->name);
	status_print_node(session, node);
	if (config->note.text[0])
		output_line(output, "note        %s", config->note.text);
}

static enum err run_status(struct session *session, const struct args *args, struct why *why)
{
	struct facts facts = {0};
	json_t *node = NULL;
	enum err err = session_look_at_store(session, why);

	(void)args;
	if (!err && session->store)
		err = gather_store(session->store, &facts, why);
	if (!err)
		err = status_ask_node(session, &node, why);
	if (err)
		return err;
	gather_disk(session->config.home, &facts);
	if (session->output.json)
		print_json(session, &facts, node);
	else
		print(session, &facts, node);
	json_decref(node);
	return ERR_OK;
}

const struct command status_command = {
	.name = "status",
	.summary = "tell of the store, the node, transfers, bytes fetched and saved",
	.operands = "",
	.help = "Asks the node of this home, if one runs, and nobody else; so it does not say\n"
		"whether the hub answers: larder doctor does.\n\n"
		"--json: {home, blobs, bytes, pinned_bytes, partials, partial_bytes, free,\n"
		"max_size, min_free, hub, token, hub_bytes, hub_requests, peer_bytes,\n"
		"wasted_bytes, saved_bytes, sha256, sha256_serial, node: null or {pid, version,\n"
		"uptime_ms, node, name, port, discovery, passing, hub, gateway, group: {open,\n"
		"tag, creator}, peers, unsynced, shared_blobs, shared_bytes, served_bytes,\n"
		"hub_bytes, peer_bytes, wasted_bytes, saved_bytes, rate, transfers: [{name,\n"
		"digest, size, bytes_done, bytes_from_hub, bytes_from_peers, bytes_wasted,\n"
		"rate}]}}\n\n"
		"Examples:\n"
		"  larder status\n"
		"  larder status --json | jq .saved_bytes\n",
	.run = run_status,
};
