#include "cli/export.h"
#include "cli/get.h"
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

/* Somebody who knows where it came from can get it from there. */
static enum err not_held(struct session *session, const struct digest *digest, struct why *why)
{
	struct blob_name *names = NULL;
	size_t count = 0;
	char text[DIGEST_TEXT_MAX];
	enum err err;

	digest_text(digest, text);
	if (index_name_list(store_index(session->store), digest, &names, &count, NULL) == ERR_OK && count > 0)
		err = why_set(why, ERR_NOT_FOUND, "%s is not held here any more, but its name is known: larder get '%s@%s:%s'", text, names[0].repo,
			      names[0].commit, names[0].path);
	else
		err = why_set(why, ERR_NOT_FOUND,
			      "%s is not held here, and by its hash alone it could only come from peers, which this larder does not ask yet: name its repo", text);
	index_names_free(names, count);
	return err;
}

static void print(struct session *session, const struct blob *blob, const char *path)
{
	char text[DIGEST_TEXT_MAX];

	if (session->output.json)
		output_json(&session->output, json_pack("{s:s, s:I, s:s}", "digest", digest_text(blob_digest(blob), text), "size",
							(json_int_t)blob_size(blob), "path", path));
	else
		output_line(&session->output, "%s", path);
}

static enum err find(struct session *session, const struct digest *named, struct blob **ret_blob, struct why *why)
{
	struct digest digest = *named;
	enum err err = ERR_OK;

	if (named->algorithm == DIGEST_GIT_SHA1)
		err = index_alias_get(store_index(session->store), named, &digest, why);
	if (!err)
		err = blob_open(session->store, &digest, ret_blob, why);
	return err == ERR_NOT_FOUND ? not_held(session, &digest, why) : err;
}

enum err get_digest(struct session *session, const struct args *args, const struct digest *digest, struct why *why)
{
	const char *to = args_value(args, "to");
	struct blob *blob = NULL;
	char *target = NULL;
	enum err err = session_open_store(session, why);

	if (!err)
		err = find(session, digest, &blob, why);
	if (!err && to)
		err = dirs_absolute(to, &target, why);
	if (!err && to && !args_has(args, "dry-run"))
		err = put(session, blob, target, args_has(args, "force"), why);
	if (!err)
		print(session, blob, to ? target : blob_path(blob));
	free(target);
	blob_close(blob);
	return err;
}
