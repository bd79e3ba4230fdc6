#include "cli/commands.h"
#include "cli/session.h"
#include "store/gc.h"

#include <string.h>

#define PARTIAL_DAYS_DEFAULT 7
#define PARTIAL_DAYS_MAX 36500
#define DAY_S 86400

struct collecting {
	struct work work;
	struct session *session;
	int64_t partial_age_s;
	bool dry_run;
	struct gc_result result;
};

static enum err collect(struct work *work, struct why *why)
{
	struct collecting *collecting = container_of(work, struct collecting, work);

	return gc_run(collecting->session->store, collecting->partial_age_s, collecting->dry_run, &collecting->result, why);
}

static enum err parse_days(const char *text, int64_t *ret_age_s, struct why *why)
{
	int64_t days = 0;

	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9' || days > PARTIAL_DAYS_MAX)
			return why_set(why, ERR_USAGE, "--partials-older-than: \"%s\" is not a number of days", text);
		days = days * 10 + (*p - '0');
	}
	if (!*text || days > PARTIAL_DAYS_MAX)
		return why_set(why, ERR_USAGE, "--partials-older-than: \"%s\" is not a number of days", text);
	*ret_age_s = days * DAY_S;
	return ERR_OK;
}

static void print(struct session *session, const struct collecting *collecting)
{
	const struct gc_result *result = &collecting->result;
	const char *verb = collecting->dry_run ? "would remove" : "removed";
	char count[48], size[SIZE_TEXT_MAX];
	struct output *output = &session->output;

	if (output->json) {
		output_json(output, json_pack("{s:b, s:I, s:I, s:I, s:I, s:I}", "dry_run", collecting->dry_run, "blobs", (json_int_t)result->blobs,
					      "bytes", (json_int_t)result->bytes, "partials", (json_int_t)result->partials, "partial_bytes",
					      (json_int_t)result->partial_bytes, "links", (json_int_t)result->links));
		return;
	}
	output_line(output, "%s %s, %s", verb, output_count(result->blobs, "blob", "blobs", count), output_size(result->bytes, size));
	output_line(output, "%s %s, %s", verb, output_count(result->partials, "incomplete download", "incomplete downloads", count),
		    output_size(result->partial_bytes, size));
	output_line(output, "%s %s", verb, output_count(result->links, "dangling link", "dangling links", count));
}

static enum err run_gc(struct session *session, const struct args *args, struct why *why)
{
	struct collecting collecting = {
		.work = {.run = collect},
		.session = session,
		.partial_age_s = PARTIAL_DAYS_DEFAULT * DAY_S,
		.dry_run = args_has(args, "dry-run"),
	};
	const char *days = args_value(args, "partials-older-than");
	enum err err = days ? parse_days(days, &collecting.partial_age_s, why) : ERR_OK;

	if (!err)
		err = session_open_store(session, why);
	if (!err)
		err = session_work(session, &collecting.work, why);
	if (!err)
		print(session, &collecting);
	return err;
}

static const struct args_flag flags[] = {
	{"dry-run", 'n', NULL, "only tell what would be removed"},
	{"partials-older-than", 0, "DAYS", "drop downloads left alone that long (7)"},
	{NULL},
};

const struct command gc_command = {
	.name = "gc",
	.summary = "make the quota hold and clear away leftovers",
	.operands = "",
	.help = "Removes the least recently used blobs until --max-size and --min-free hold,\n"
		"downloads that nobody went on with, and links to what is gone. Pinned blobs\n"
		"and those in use stay. It happens by itself when room is needed.\n\n"
		"--json: {dry_run, blobs, bytes, partials, partial_bytes, links}\n\n"
		"Examples:\n"
		"  larder gc --dry-run\n"
		"  larder gc --max-size 100G\n"
		"  larder gc --partials-older-than 0\n",
	.flags = flags,
	.run = run_gc,
};
