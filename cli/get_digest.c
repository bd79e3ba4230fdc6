#include "cli/export.h"
#include "cli/get.h"
#include "cli/supply.h"
#include "node/dirs.h"
#include "store/index.h"

#include <stdlib.h>

struct exporting {
	struct work work;
	struct session *session;
	struct blob *blob;
	const char *target;
	bool force;
	uint64_t bytes_done; /* written by the worker, read by progress */
};

static enum err export(struct work *work, struct why *why)
{
	struct exporting *exporting = container_of(work, struct exporting, work);

	return export_to(exporting->session->store, exporting->blob, exporting->target, exporting->force, &exporting->bytes_done,
			 &exporting->session->stop, why);
}

static uint64_t look(struct activity *activity, struct progress_state *ret_state)
{
	struct exporting *exporting = container_of(activity, struct exporting, work.activity);

	*ret_state = (struct progress_state){
		.name = exporting->target,
		.bytes_done = __atomic_load_n(&exporting->bytes_done, __ATOMIC_RELAXED),
		.bytes_total = blob_size(exporting->blob),
	};
	return ret_state->bytes_done;
}

static enum err put(struct session *session, struct blob *blob, const char *target, bool force, struct why *why)
{
	struct exporting exporting = {
		.work = {.run = export, .activity = {.look = look}},
		.session = session,
		.blob = blob,
		.target = target,
		.force = force,
	};
	enum err err = session_work(session, &exporting.work, why);

	return err == ERR_CANCELLED ? why_set(why, err, "stopped; %s was not written", target) : err;
}

/* --- from other nodes */

struct drawing {
	struct activity activity;
	struct session *session;
	struct supply supply;
	struct hub_file file;
	char text[DIGEST_TEXT_MAX];
	enum err err;
	struct why why;
};

static void on_drawn(struct supply *supply, enum err err, const struct why *why)
{
	struct drawing *drawing = container_of(supply, struct drawing, supply);

	drawing->err = err;
	drawing->why = *why;
	drawing->activity.done = true;
}

static void stop_drawing(struct activity *activity)
{
	struct drawing *drawing = container_of(activity, struct drawing, activity);

	supply_cancel(&drawing->supply);
	drawing->err = why_set(&drawing->why, ERR_CANCELLED, "stopped; what has arrived is kept, and the same larder get goes on from there");
	activity->done = true;
}

static uint64_t look_drawing(struct activity *activity, struct progress_state *ret_state)
{
	struct drawing *drawing = container_of(activity, struct drawing, activity);
	uint64_t size = supply_size(&drawing->supply);

	*ret_state = (struct progress_state){
		.name = drawing->text,
		.bytes_done = supply_bytes_done(&drawing->supply),
		.bytes_total = size == FETCH_SIZE_UNKNOWN ? 1 : size,
	};
	return supply_figures(&drawing->supply).bytes_from_peers;
}

/* Somebody who knows where it came from can get it from there. */
static enum err name_known(struct session *session, const struct digest *digest, enum err err, struct why *why)
{
	struct blob_name *names = NULL;
	size_t count = 0;
	struct why said = *why;

	if (index_name_list(store_index(session->store), digest, &names, &count, NULL) == ERR_OK && count > 0)
		(void)why_set(why, err, "%s; its name is known, so the hub may have it: larder get '%s@%s:%s'", said.text, names[0].repo, names[0].commit, names[0].path);
	index_names_free(names, count);
	return err;
}

static enum err draw(struct session *session, const struct digest *digest, struct supply_figures *ret_figures, struct why *why)
{
	struct drawing drawing = {
		.activity = {.look = look_drawing, .stop = stop_drawing},
		.session = session,
		.file = {.size = FETCH_SIZE_UNKNOWN, .digest = *digest},
	};
	enum err err;

	digest_text(digest, drawing.text);
	if (digest->algorithm != DIGEST_SHA256)
		return why_set(why, ERR_NOT_FOUND, "%s is not held here, and other nodes are asked by SHA-256 only: name its repo", drawing.text);
	drawing.file.path = drawing.text;
	drawing.supply = (struct supply){.file = &drawing.file, .on_done = on_drawn};
	err = supply_open(session, why);
	if (!err)
		err = supply_start(session, &drawing.supply, why);
	if (err)
		return err;
	session_run(session, &drawing.activity);
	*ret_figures = supply_figures(&drawing.supply);
	if (drawing.err && why)
		*why = drawing.why;
	return drawing.err == ERR_NOT_FOUND && why ? name_known(session, digest, drawing.err, why) : drawing.err;
}

/* --- here or there */

static enum err find(struct session *session, const struct digest *named, struct blob **ret_blob, struct supply_figures *ret_figures, bool *ret_was_held,
		     struct why *why)
{
	struct digest digest = *named;
	enum err err = ERR_OK;

	if (named->algorithm == DIGEST_GIT_SHA1)
		err = index_alias_get(store_index(session->store), named, &digest, why);
	if (!err)
		err = blob_open(session->store, &digest, ret_blob, why);
	*ret_was_held = !err;
	if (err != ERR_NOT_FOUND)
		return err;
	err = draw(session, &digest, ret_figures, why);
	return err ? err : blob_open(session->store, &digest, ret_blob, why);
}

static void print(struct session *session, const struct blob *blob, const char *path, const struct supply_figures *figures, bool was_held)
{
	char text[DIGEST_TEXT_MAX], size[SIZE_TEXT_MAX];

	if (session->output.json)
		output_json(&session->output, json_pack("{s:s, s:I, s:s, s:b, s:I, s:I}", "digest", digest_text(blob_digest(blob), text), "size",
							(json_int_t)blob_size(blob), "path", path, "held", was_held, "bytes_from_peers",
							(json_int_t)figures->bytes_from_peers, "bytes_wasted", (json_int_t)figures->bytes_wasted));
	else
		output_line(&session->output, "%s", path);
	if (!was_held)
		session_remark(session, "%s, from other nodes", output_size(blob_size(blob), size));
}

/* Nobody is to be asked for a whole file to tell what would be done. */
static enum err plan(struct session *session, const struct digest *digest, struct why *why)
{
	struct digest blob = *digest;
	struct blob_record record;
	char text[DIGEST_TEXT_MAX];
	enum err err = ERR_OK;

	if (digest->algorithm == DIGEST_GIT_SHA1)
		err = index_alias_get(store_index(session->store), digest, &blob, why);
	if (!err)
		err = index_blob_get(store_index(session->store), &blob, &record, why);
	if (err && err != ERR_NOT_FOUND)
		return err;
	if (session->output.json)
		output_json(&session->output, json_pack("{s:s, s:b, s:b}", "digest", digest_text(&blob, text), "held", !err, "dry_run", true));
	else
		output_line(&session->output, "%s is %s", digest_text(&blob, text), err ? "not held here: other nodes would be asked for it" : "held here");
	return ERR_OK;
}

enum err get_digest(struct session *session, const struct args *args, const struct digest *digest, struct why *why)
{
	const char *to = args_value(args, "to");
	struct supply_figures figures = {0};
	bool was_held = false;
	struct blob *blob = NULL;
	char *target = NULL;
	enum err err = session_open_store(session, why);

	if (!err && args_has(args, "dry-run"))
		return plan(session, digest, why);
	if (!err && to)
		err = dirs_absolute(to, &target, why);
	if (!err)
		err = find(session, digest, &blob, &figures, &was_held, why);
	if (!err && to)
		err = put(session, blob, target, args_has(args, "force"), why);
	if (!err)
		print(session, blob, to ? target : blob_path(blob), &figures, was_held);
	free(target);
	blob_close(blob);
	return err;
}
