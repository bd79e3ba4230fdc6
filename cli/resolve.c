#include "cli/commands.h"
#include "cli/session.h"

#include <stdlib.h>
#include <string.h>

/* The SHA-256 of a file outside LFS, where it was fetched before; "" when that is not known. */
static enum err known_sha256(struct session *session, const struct hub_file *file, char ret[DIGEST_TEXT_MAX], struct why *why)
{
	struct digest blob;
	enum err err;

	ret[0] = 0;
	if (file->digest.algorithm != DIGEST_GIT_SHA1)
		return ERR_OK;
	err = index_alias_get(store_index(session->store), &file->digest, &blob, why);
	if (!err)
		digest_text(&blob, ret);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static json_t *file_json(const struct hub_file *file, const char *sha256)
{
	char text[DIGEST_TEXT_MAX];

	return json_pack("{s:s, s:I, s:s, s:s*}", "path", file->path, "size", (json_int_t)file->size, "digest", digest_text(&file->digest, text),
			 "sha256", *sha256 ? sha256 : NULL);
}

static enum err print_json(struct session *session, const char *repo, const struct hub_listing *listing, struct why *why)
{
	json_t *files = json_array();
	char sha256[DIGEST_TEXT_MAX];
	enum err err = ERR_OK;

	for (size_t i = 0; !err && i < listing->count; i++) {
		err = known_sha256(session, &listing->files[i], sha256, why);
		if (!err)
			json_array_append_new(files, file_json(&listing->files[i], sha256));
	}
	if (err) {
		json_decref(files);
		return err;
	}
	output_json(&session->output, json_pack("{s:s, s:s, s:s, s:b, s:o}", "repo", repo, "commit", listing->commit, "visibility",
						visibility_name(listing->visibility), "remembered", listing->remembered, "files", files));
	return ERR_OK;
}

static void print_one(struct session *session, const char *repo, const struct hub_listing *listing, const struct hub_file *file, const char *sha256)
{
	char text[DIGEST_TEXT_MAX], size[SIZE_TEXT_MAX];
	struct output *output = &session->output;

	output_line(output, "digest      %s", digest_text(&file->digest, text));
	if (*sha256)
		output_line(output, "sha256      %s", sha256);
	output_line(output, "size        %llu bytes (%s)", (unsigned long long)file->size, output_size(file->size, size));
	output_line(output, "repo        %s", repo);
	output_line(output, "commit      %s", listing->commit);
	output_line(output, "visibility  %s", visibility_name(listing->visibility));
	output_line(output, "path        %s", file->path);
}

static void print_table(struct session *session, const struct hub_listing *listing)
{
	static const char *const titles[] = {"DIGEST", "SIZE", "VISIBILITY", "COMMIT", "PATH"};
	struct table table = {.titles = titles, .columns = 5, .right_aligned = 2};
	char text[DIGEST_TEXT_MAX], size[SIZE_TEXT_MAX];

	for (size_t i = 0; i < listing->count; i++) {
		const struct hub_file *file = &listing->files[i];
		table_add(&table, (const char *const[]){digest_text(&file->digest, text), output_size(file->size, size),
							visibility_name(listing->visibility), listing->commit, file->path});
	}
	table_print(&table, &session->output);
}

static enum err print(struct session *session, const struct name *name, const struct hub_listing *listing, struct why *why)
{
	struct name canonical = {.type = listing->type, .repo = listing->repo};
	char *repo = name_repo_text(&canonical), sha256[DIGEST_TEXT_MAX];
	enum err err = ERR_OK;

	if (!repo)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	if (session->output.json) {
		err = print_json(session, repo, listing, why);
	} else if (name->path && listing->count == 1) {
		err = known_sha256(session, &listing->files[0], sha256, why);
		if (!err)
			print_one(session, repo, listing, &listing->files[0], sha256);
	} else {
		print_table(session, listing);
	}
	free(repo);
	return err;
}

static enum err run_resolve(struct session *session, const struct args *args, struct why *why)
{
	struct hub_listing listing = {0};
	struct name name;
	enum err err = name_parse(args->operands[0], session->config.hub, &name, why);

	if (err)
		return err;
	if (name.digest.algorithm != DIGEST_NONE)
		err = why_set(why, ERR_USAGE, "%s is a digest already: resolve takes a name, as in ORG/NAME:PATH", args->operands[0]);
	if (!err)
		err = session_open_hub(session, why);
	if (!err)
		err = session_look_up(session, &name, &listing, why);
	if (!err)
		err = print(session, &name, &listing, why);
	hub_listing_release(&listing);
	name_release(&name);
	return err;
}

const struct command resolve_command = {
	.name = "resolve",
	.summary = "tell digest, size, commit and visibility of files",
	.operands = "NAME",
	.help = "Of a repo, one line for each file. Files outside LFS are named by the hub with\n"
		"a git-sha1; their SHA-256 is known once they have been fetched, and is shown\n"
		"when a single file is resolved.\n\n"
		"--json: {repo, commit, visibility, remembered, files: [{path, size, digest,\n"
		"sha256}]}; remembered: the hub did not answer, this is what it said last time.\n\n"
		"Examples:\n"
		"  larder resolve gpt2:model.safetensors\n"
		"  larder resolve datasets/ORG/NAME@v1.0\n",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_resolve,
};
