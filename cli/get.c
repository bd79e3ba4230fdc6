#include "cli/get.h"

#include "cli/choice.h"
#include "cli/commands.h"
#include "cli/download.h"
#include "cli/export.h"
#include "cli/supply.h"
#include "node/dirs.h"
#include "node/group.h"
#include "store/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What one get works with. */
struct get {
	struct session *session;
	const struct args *args;
	struct name name;
	struct hub_listing listing;
	char *repo; /* "datasets/ORG/NAME" */
	struct download_order order;
	struct hf_cache cache;
	char *to;     /* absolute; NULL: not asked for */
	char *result; /* the directory or file that is printed */
	int64_t began_ms;
};

static enum err check_args(const struct get *get, struct why *why)
{
	const struct args *args = get->args;

	if (args_has(args, "to") && args_has(args, "hf-cache"))
		return why_set(why, ERR_USAGE, "--to and --hf-cache exclude each other: choose one");
	if (args_has(args, "to") && !*args_value(args, "to"))
		return why_set(why, ERR_USAGE, "--to needs a directory");
	if (args_has(args, "force") && !args_has(args, "to"))
		return why_set(why, ERR_USAGE, "--force goes with --to");
	if (args->operand_count > 1 && get->name.path)
		return why_set(why, ERR_USAGE, "%s is one file already: leave the patterns out", args->operands[0]);
	if (get->name.digest.algorithm != DIGEST_NONE && (args->operand_count > 1 || args_has(args, "hf-cache")))
		return why_set(why, ERR_USAGE, "%s is one blob: it takes neither patterns nor --hf-cache", args->operands[0]);
	return ERR_OK;
}

/* --- what to fetch */

static enum err look_up_held(struct get *get, struct download_file *file, struct why *why)
{
	struct index *index = store_index(get->session->store);
	struct digest digest = file->file->digest;
	struct blob_record record;
	enum err err = ERR_OK;

	if (digest.algorithm == DIGEST_GIT_SHA1)
		err = index_alias_get(index, &file->file->digest, &digest, why);
	if (!err)
		err = index_blob_get(index, &digest, &record, why);
	file->is_held = !err;
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err choose(struct get *get, struct why *why)
{
	const struct hub_file **files = NULL;
	const char *idle = NULL;
	struct name canonical = {.type = get->listing.type, .repo = get->listing.repo};
	enum err err = choice_make(&get->listing, get->args->operands + 1, get->args->operand_count - 1, &files, &get->order.count, &idle, why);

	if (err)
		return err;
	if (idle)
		session_remark(get->session, "nothing matches \"%s\"", idle);
	get->repo = name_repo_text(&canonical);
	get->order.files = calloc(get->order.count, sizeof *get->order.files);
	if (!get->repo || !get->order.files)
		err = why_set(why, ERR_NO_MEMORY, "out of memory");
	for (size_t i = 0; !err && i < get->order.count; i++) {
		get->order.files[i].file = files[i];
		err = look_up_held(get, &get->order.files[i], why);
	}
	get->order.listing = &get->listing;
	get->order.repo = get->repo;
	free(files);
	return err;
}

/* --- where to */

static enum err join(char **path, const char *name, struct why *why)
{
	char *joined = dirs_join(*path, name);

	if (!joined)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	free(*path);
	*path = joined;
	return ERR_OK;
}

/* What is in the way is told before anything is fetched. Whether a file of the right size has the right bytes is seen when it is its turn. */
static enum err check_target(const struct get *get, const struct download_file *file, struct why *why)
{
	char *path = dirs_join(get->to, file->file->path);
	struct stat st;
	enum err err = ERR_OK;

	if (!path)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			err = why_set(why, ERR_EXISTS, "%s is a directory, and would have to be a file", path);
		else if ((!S_ISREG(st.st_mode) || (uint64_t)st.st_size != file->file->size) && !get->order.target.force)
			err = why_set(why, ERR_EXISTS, "%s is there already with other content; --force replaces it", path);
	} else if (errno != ENOENT) {
		err = why_errno(why, errno, "cannot write %s", path);
	}
	free(path);
	return err;
}

static enum err prepare_dir(struct get *get, struct why *why)
{
	enum err err = dirs_absolute(args_value(get->args, "to"), &get->to, why);

	get->order.target.dir = get->to;
	get->order.target.force = args_has(get->args, "force");
	for (size_t i = 0; !err && i < get->order.count; i++) {
		err = export_check_way(get->to, get->order.files[i].file->path, why);
		if (!err)
			err = check_target(get, &get->order.files[i], why);
	}
	if (!err && !(get->result = strdup(get->to)))
		err = why_set(why, ERR_NO_MEMORY, "out of memory");
	return err;
}

static enum err prepare_cache(struct get *get, struct why *why)
{
	char *dir = NULL;
	enum err err = dirs_hf_hub_cache(&dir, why);

	if (!err)
		err = hf_cache_open(&get->cache, dir, get->listing.type, get->listing.repo, why);
	if (!err && !(get->result = hf_cache_snapshot(&get->cache, get->listing.commit)))
		err = why_set(why, ERR_NO_MEMORY, "out of memory");
	get->order.target.cache = &get->cache;
	free(dir);
	return err;
}

static enum err prepare(struct get *get, struct why *why)
{
	enum err err;

	if (args_has(get->args, "to"))
		err = prepare_dir(get, why);
	else if (args_has(get->args, "hf-cache"))
		err = prepare_cache(get, why);
	else
		err = tree_dir(get->session->store, get->repo, get->listing.commit, &get->result, why);
	return err || !get->name.path ? err : join(&get->result, get->listing.files[0].path, why);
}

/* --- what is told */

static json_t *file_json(const struct download_file *file, bool is_done)
{
	char text[DIGEST_TEXT_MAX], sha256[DIGEST_TEXT_MAX] = "";

	if (is_done)
		digest_text(&file->digest, sha256);
	return json_pack("{s:s, s:I, s:s, s:s*, s:b, s:I, s:I, s:I}", "path", file->file->path, "size", (json_int_t)file->file->size, "digest",
			 digest_text(&file->file->digest, text), "sha256", *sha256 ? sha256 : NULL, "held", is_done ? file->was_held : file->is_held,
			 "bytes_from_hub", (json_int_t)file->bytes_from_hub, "bytes_from_peers", (json_int_t)file->bytes_from_peers, "bytes_wasted",
			 (json_int_t)file->bytes_wasted);
}

/* Sums over all files. */
struct sums {
	uint64_t bytes, from_hub, from_peers, wasted;
};

static struct sums sum_up(const struct get *get)
{
	struct sums sums = {0};

	for (size_t i = 0; i < get->order.count; i++) {
		const struct download_file *file = &get->order.files[i];
		sums.bytes += file->file->size;
		sums.from_hub += file->bytes_from_hub;
		sums.from_peers += file->bytes_from_peers;
		sums.wasted += file->bytes_wasted;
	}
	return sums;
}

static void print_json(const struct get *get, bool is_done)
{
	struct sums sums = sum_up(get);
	json_t *files = json_array();

	for (size_t i = 0; i < get->order.count; i++)
		json_array_append_new(files, file_json(&get->order.files[i], is_done));
	output_json(&get->session->output,
		    json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:o}", "path", get->result, "repo", get->repo, "commit",
			      get->listing.commit, "visibility", visibility_name(get->listing.visibility), "remembered", get->listing.remembered,
			      "dry_run", !is_done, "bytes", (json_int_t)sums.bytes, "bytes_from_hub", (json_int_t)sums.from_hub, "bytes_from_peers",
			      (json_int_t)sums.from_peers, "bytes_wasted", (json_int_t)sums.wasted, "milliseconds",
			      (json_int_t)(clock_now_ms(clock_system()) - get->began_ms), "files", files));
}

static void print_plan(const struct get *get)
{
	static const char *const titles[] = {"SIZE", "STATE", "PATH"};
	struct table table = {.titles = titles, .columns = 3, .right_aligned = 1};
	char size[SIZE_TEXT_MAX], text[SIZE_TEXT_MAX], count[48];
	uint64_t bytes = 0;
	size_t missing = 0;

	for (size_t i = 0; i < get->order.count; i++) {
		const struct download_file *file = &get->order.files[i];
		table_add(&table, (const char *const[]){output_size(file->file->size, size), file->is_held ? "held" : "to fetch", file->file->path});
		bytes += file->is_held ? 0 : file->file->size;
		missing += !file->is_held;
	}
	table_print(&table, &get->session->output);
	session_remark(get->session, "%s to fetch, %s", output_count(missing, "file", "files", count), output_size(bytes, text));
}

static void tell_summary(const struct get *get)
{
	struct sums sums = sum_up(get);
	uint64_t moved = sums.from_hub + sums.from_peers;
	int64_t took_ms = clock_now_ms(clock_system()) - get->began_ms;
	char all[SIZE_TEXT_MAX], size[SIZE_TEXT_MAX], count[48], time[TIME_TEXT_MAX], from[128] = "", held[64] = "";

	output_count(get->order.count, "file", "files", count);
	output_size(sums.bytes, all);
	if (took_ms < 10000)
		snprintf(time, sizeof time, "%d.%d s", (int)took_ms / 1000, (int)took_ms % 1000 / 100);
	else
		output_duration((uint64_t)took_ms / 1000, time);
	if (moved == 0) {
		session_remark(get->session, "%s, %s: all held already", count, all);
		return;
	}
	if (sums.from_hub)
		snprintf(from, sizeof from, "%s from the hub", output_size(sums.from_hub, size));
	if (sums.from_peers)
		snprintf(from + strlen(from), sizeof from - strlen(from), "%s%s from other nodes", *from ? ", " : "", output_size(sums.from_peers, size));
	if (sums.bytes > moved)
		snprintf(held, sizeof held, ", %s held already", output_size(sums.bytes - moved, size));
	session_remark(get->session, "%s, %s: %s in %s%s", count, all, from, time, held);
}

/* In the open group nothing gated is given on, so that each machine has to go to the hub for it. */
static void tell_gated(const struct get *get)
{
	struct group group;
	bool is_open;

	if (get->listing.visibility != VISIBILITY_GATED || sum_up(get).from_hub == 0 || group_load(get->session->config.home, &group, NULL) != ERR_OK)
		return;
	is_open = group.is_open;
	group_release(&group);
	if (is_open || !get->session->config.share_gated)
		session_remark(get->session,
			       "%s is gated, so other nodes do not get it from this one; a private group whose members set share_gated = yes shares it (larder help group)",
			       get->repo);
}

/* --- one after the other */

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct download_file *)a)->file->path, ((const struct download_file *)b)->file->path);
}

static enum err fetch_all(struct get *get, struct why *why)
{
	enum err err = download(get->session, &get->order, why);

	qsort(get->order.files, get->order.count, sizeof *get->order.files, by_path);
	if (!err && get->order.target.cache)
		err = hf_cache_set_ref(&get->cache, get->name.revision, get->listing.commit, why);
	if (err)
		return err;
	if (get->session->output.json)
		print_json(get, true);
	else
		output_line(&get->session->output, "%s", get->result);
	tell_summary(get);
	tell_gated(get);
	return ERR_OK;
}

static enum err get_name(struct get *get, struct why *why)
{
	bool dry_run = args_has(get->args, "dry-run");
	enum err err = dry_run ? session_open_hub(get->session, why) : supply_open(get->session, why);

	if (!err)
		err = session_look_up(get->session, &get->name, &get->listing, why);
	if (!err)
		err = choose(get, why);
	if (!err)
		err = prepare(get, why);
	if (err || !dry_run)
		return err ? err : fetch_all(get, why);
	if (get->session->output.json)
		print_json(get, false);
	else
		print_plan(get);
	return ERR_OK;
}

static enum err run_get(struct session *session, const struct args *args, struct why *why)
{
	struct get get = {.session = session, .args = args, .began_ms = clock_now_ms(clock_system())};
	enum err err = name_parse(args->operands[0], session->config.hub, &get.name, why);

	if (err)
		return err;
	err = check_args(&get, why);
	if (!err)
		err = get.name.digest.algorithm != DIGEST_NONE ? get_digest(session, args, &get.name.digest, why) : get_name(&get, why);
	hf_cache_close(&get.cache);
	hub_listing_release(&get.listing);
	name_release(&get.name);
	free(get.order.files);
	free(get.repo);
	free(get.to);
	free(get.result);
	return err;
}

static const struct args_flag flags[] = {
	{"to", 0, "DIR", "put real files there, not links into the store"},
	{"force", 'f', NULL, "with --to: replace files with other content"},
	{"hf-cache", 0, NULL, "fill the cache of the Hugging Face libraries"},
	{"dry-run", 'n', NULL, "only tell what would be fetched"},
	{NULL},
};

const struct command get_command = {
	.name = "get",
	.summary = "fetch a repo, or some of its files, and print where it is",
	.operands = "NAME [GLOB...]",
	.help = "Prints one directory with the repo's files, which from_pretrained() loads; of\n"
		"a single file (ORG/NAME:PATH), its path. They are links to read-only files;\n"
		"with --to they are copies of your own. Every byte is proven before it is\n"
		"there. Stopped and started again, it goes on where it was. What is held is not\n"
		"fetched again. What other nodes of the LAN hold comes from them, the rest from\n"
		"the hub; while this runs, they get from here what it has. A larderd that runs\n"
		"on this home does the fetching.\n\n"
		"Patterns choose files: * matches anything, slashes too; ? one character; dir/\n"
		"all of a directory. Quote them.\n\n"
		"A digest is looked for here, and then asked of other nodes.\n\n"
		"--json: {path, repo, commit, visibility, remembered, dry_run, bytes,\n"
		"bytes_from_hub, bytes_from_peers, bytes_wasted, milliseconds, files: [{path,\n"
		"size, digest, sha256, held, bytes_from_hub, bytes_from_peers, bytes_wasted}]};\n"
		"of a digest {digest, size, path, held, bytes_from_peers, bytes_wasted}, with\n"
		"--dry-run {digest, held, dry_run}\n\n"
		"Examples:\n"
		"  larder get sentence-transformers/all-MiniLM-L6-v2\n"
		"  larder get ORG/REPO@v1.0 '*.safetensors' '*.json' --to ./model\n"
		"  larder get ORG/REPO:model.safetensors\n"
		"  larder get datasets/ORG/REPO --hf-cache\n"
		"  larder get https://huggingface.co/ORG/REPO/blob/main/config.json\n"
		"  larder get sha256:HEX --to FILE\n",
	.flags = flags,
	.min_operands = 1,
	.max_operands = ARGS_OPERANDS_MAX,
	.run = run_get,
};
