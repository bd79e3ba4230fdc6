#include "cli/commands.h"
#include "cli/hf_scan.h"
#include "cli/session.h"
#include "node/dirs.h"
#include "node/hub_hearsay.h"
#include "node/hub_listing.h"
#include "store/adopt.h"
#include "store/index.h"

#include <linux/ioprio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TOLD_MAX 10 /* files of which it is told why not */

struct tally {
	uint64_t files, bytes;
};

struct adopting {
	struct work work;
	struct session *session;
	char *dir;
	bool may_copy, dry_run;
	/* Written by the worker, read by progress. */
	uint64_t bytes_done, bytes_total;
	size_t at, count;
	/* The worker's answers. */
	struct hf_scan scan;
	struct digest *held;    /* one for each file; DIGEST_NONE: it was not adopted */
	struct tally way[ADOPT_COPIED + 1];
	struct tally to_copy, bad, failed;
	json_t *problems;       /* [{path, reason}] */
};

static void count(struct tally *tally, uint64_t bytes)
{
	tally->files++;
	tally->bytes += bytes;
}

/* Others come first, on the processor and at the disk. Where that is refused it goes on without. */
static void step_back(void)
{
	(void)!setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19);
	(void)!syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

/* What keeps one file out leaves the others alone; what would keep them all out ends it. */
static enum err note_failure(struct adopting *adopting, const struct hf_file *file, enum err err, struct why *why)
{
	switch (err) {
	case ERR_UNSUPPORTED:
		count(&adopting->to_copy, file->size);
		return ERR_OK; /* told of all at once */
	case ERR_UNPROVEN:
		count(&adopting->bad, file->size);
		break;
	case ERR_NOT_FOUND:
	case ERR_PERMISSION:
	case ERR_INVALID:
	case ERR_LIMIT:
	case ERR_IO:
		count(&adopting->failed, file->size);
		break;
	default:
		return err;
	}
	json_array_append_new(adopting->problems, json_pack("{s:s, s:s}", "path", file->path, "reason", why->text));
	return ERR_OK;
}

static enum err take(struct adopting *adopting, size_t at, struct why *why)
{
	const struct hf_file *file = &adopting->scan.files[at];
	struct adopt_result result;
	struct adopt adopt = {
		.path = file->path, .expected = file->digest, .may_copy = adopting->may_copy,
		.progress = &adopting->bytes_done, .cancel = &adopting->session->stop,
	};
	uint64_t before = adopting->bytes_done;
	enum err err = ERR_OK;

	if (adopting->session->store && adopt_is_done(adopting->session->store, &adopt, &result))
		count(&adopting->way[ADOPT_BEFORE], file->size);
	else if (!adopting->dry_run)
		err = adopt_file(adopting->session->store, &adopt, &result, why);
	else
		return ERR_OK;
	/* Whatever came of it, it is done. */
	__atomic_store_n(&adopting->bytes_done, before + file->size, __ATOMIC_RELAXED);
	if (err)
		return note_failure(adopting, file, err, why);
	adopting->held[at] = result.digest;
	if (result.way != ADOPT_BEFORE)
		count(&adopting->way[result.way], result.size);
	return ERR_OK;
}

/* Of what is held, however far it came. */
static enum err put_claims(struct adopting *adopting, struct why *why)
{
	const struct hf_scan *scan = &adopting->scan;
	struct claim *claims = calloc(scan->name_count + 1, sizeof *claims);
	size_t used = 0;
	enum err err;

	if (!claims)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < scan->name_count; i++) {
		const struct hf_name *name = &scan->names[i];
		if (adopting->held[name->file].algorithm != DIGEST_NONE)
			claims[used++] = (struct claim){name->repo, name->commit, name->path, adopting->held[name->file]};
	}
	err = index_claim_put(store_index(adopting->session->store), claims, used, why);
	free(claims);
	return err;
}

static enum err split_name(const struct adopting *adopting, const char *repo, struct name *ret_name, struct why *why)
{
	return name_parse(repo, adopting->session->config.hub, ret_name, why);
}

/* Names `first` to `end` are of one commit. */
static enum err put_commit(struct adopting *adopting, size_t first, size_t end, struct why *why)
{
	const struct hf_scan *scan = &adopting->scan;
	struct store *store = adopting->session->store;
	struct hub_listing listing = {.visibility = VISIBILITY_UNKNOWN};
	struct name name;
	enum err err = split_name(adopting, scan->names[first].repo, &name, why);

	if (err)
		return ERR_OK; /* no repo of a hub */
	listing.type = name.type;
	listing.repo = name.repo;
	snprintf(listing.commit, sizeof listing.commit, "%s", scan->names[first].commit);
	for (size_t i = first; !err && i < end; i++) {
		const struct hf_file *file = &scan->files[scan->names[i].file];
		if (adopting->held[scan->names[i].file].algorithm != DIGEST_NONE)
			err = hub_listing_add_file(&listing, scan->names[i].path, file->size, &file->digest);
	}
	if (!err && listing.count)
		err = hub_hearsay_add(store_index(store), &listing, clock_wall_s(store_clock(store)), why);
	listing.repo = NULL; /* the name's */
	hub_listing_release(&listing);
	name_release(&name);
	return err;
}

static bool is_same_commit(const struct hf_name *a, const struct hf_name *b)
{
	return strcmp(a->repo, b->repo) == 0 && strcmp(a->commit, b->commit) == 0;
}

/* What the cache says of commits and branches, for when no hub answers. */
static enum err put_hearsay(struct adopting *adopting, struct why *why)
{
	const struct hf_scan *scan = &adopting->scan;
	struct store *store = adopting->session->store;
	enum err err = ERR_OK;
	struct name name;

	for (size_t first = 0, end; !err && first < scan->name_count; first = end) {
		for (end = first + 1; end < scan->name_count && is_same_commit(&scan->names[first], &scan->names[end]); end++)
			;
		err = put_commit(adopting, first, end, why);
	}
	for (size_t i = 0; !err && i < scan->ref_count; i++) {
		if (split_name(adopting, scan->refs[i].repo, &name, why))
			continue;
		err = hub_hearsay_add_ref(store_index(store), name.type, name.repo, scan->refs[i].revision, scan->refs[i].commit, clock_wall_s(store_clock(store)), why);
		name_release(&name);
	}
	return err;
}

static enum err look_through(struct adopting *adopting, struct why *why)
{
	enum err err = hf_scan(&adopting->scan, adopting->dir, why);
	uint64_t bytes = 0;

	if (err)
		return err;
	adopting->held = calloc(adopting->scan.file_count + 1, sizeof *adopting->held);
	if (!adopting->held)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < adopting->scan.file_count; i++)
		bytes += adopting->scan.files[i].size;
	__atomic_store_n(&adopting->count, adopting->scan.file_count, __ATOMIC_RELAXED);
	__atomic_store_n(&adopting->bytes_total, bytes, __ATOMIC_RELAXED);
	return ERR_OK;
}

static enum err adopt_all(struct work *work, struct why *why)
{
	struct adopting *adopting = container_of(work, struct adopting, work);
	struct why trouble = {0};
	enum err err, claims_err = ERR_OK;

	step_back();
	err = look_through(adopting, why);
	if (err)
		return err;
	for (size_t i = 0; !err && i < adopting->scan.file_count; i++) {
		__atomic_store_n(&adopting->at, i, __ATOMIC_RELAXED);
		err = take(adopting, i, why);
	}
	if (!adopting->dry_run)
		claims_err = put_claims(adopting, err ? &trouble : why);
	if (!adopting->dry_run && !claims_err)
		claims_err = put_hearsay(adopting, err ? &trouble : why);
	return err ? err : claims_err;
}

static uint64_t look(struct activity *activity, struct progress_state *ret_state)
{
	struct adopting *adopting = container_of(activity, struct adopting, work.activity);

	*ret_state = (struct progress_state){
		.bytes_done = __atomic_load_n(&adopting->bytes_done, __ATOMIC_RELAXED),
		.bytes_total = __atomic_load_n(&adopting->bytes_total, __ATOMIC_RELAXED),
		.files_done = __atomic_load_n(&adopting->at, __ATOMIC_RELAXED),
		.files_total = __atomic_load_n(&adopting->count, __ATOMIC_RELAXED),
	};
	return ret_state->bytes_done;
}

/* --- telling it */

static struct tally taken(const struct adopting *adopting)
{
	struct tally sum = {0};

	for (enum adopt_way way = ADOPT_CLONED; way <= ADOPT_COPIED; way++) {
		sum.files += adopting->way[way].files;
		sum.bytes += adopting->way[way].bytes;
	}
	return sum;
}

static void print_json(struct adopting *adopting)
{
	struct tally sum = taken(adopting);

	output_json(&adopting->session->output,
		    json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "dir", adopting->dir, "dry_run", adopting->dry_run, "files",
			      (json_int_t)adopting->scan.file_count, "bytes", (json_int_t)adopting->bytes_total, "adopted", (json_int_t)sum.files, "adopted_bytes",
			      (json_int_t)sum.bytes, "cloned", (json_int_t)adopting->way[ADOPT_CLONED].files, "linked", (json_int_t)adopting->way[ADOPT_LINKED].files, "copied",
			      (json_int_t)adopting->way[ADOPT_COPIED].files, "before", (json_int_t)adopting->way[ADOPT_BEFORE].files, "to_copy",
			      (json_int_t)adopting->to_copy.files, "damaged", (json_int_t)adopting->bad.files, "problems", adopting->problems));
}

static void print_ways(struct adopting *adopting)
{
	for (enum adopt_way way = ADOPT_CLONED; way <= ADOPT_COPIED; way++) {
		static const char *const what[] = {"", "blocks shared", "linked, no further room taken", "copied"};
		char files[48], size[SIZE_TEXT_MAX];
		if (adopting->way[way].files)
			output_line(&adopting->session->output, "adopted  %s, %s (%s)", output_count(adopting->way[way].files, "file", "files", files),
				    output_size(adopting->way[way].bytes, size), what[way]);
	}
}

static void print(struct adopting *adopting)
{
	struct output *output = &adopting->session->output;
	struct tally before = adopting->way[ADOPT_BEFORE];
	char files[48], size[SIZE_TEXT_MAX];

	if (output->json) {
		print_json(adopting);
		return;
	}
	print_ways(adopting);
	if (before.files)
		output_line(output, "held     %s, %s", output_count(before.files, "file", "files", files), output_size(before.bytes, size));
	if (adopting->dry_run)
		output_line(output, "to adopt %s, %s", output_count(adopting->scan.file_count - before.files, "file", "files", files),
			    output_size(adopting->bytes_total - before.bytes, size));
}

static void tell_problems(struct adopting *adopting)
{
	size_t at;
	json_t *problem;

	json_array_foreach(adopting->problems, at, problem) {
		if (at == TOLD_MAX) {
			session_tell(adopting->session, "... and %zu more (--json lists all)", json_array_size(adopting->problems) - at);
			return;
		}
		session_tell(adopting->session, "%s", json_string_value(json_object_get(problem, "reason")));
	}
}

static enum err verdict(struct adopting *adopting, struct why *why)
{
	char files[48], size[SIZE_TEXT_MAX];

	if (adopting->bad.files)
		return why_set(why, ERR_UNPROVEN, "%s not what the cache says: remove them there, and the next download brings good ones",
			       adopting->bad.files == 1 ? "1 file is" : output_count(adopting->bad.files, "", "files are", files));
	if (adopting->failed.files)
		return why_set(why, ERR_IO, "%s could not be adopted", output_count(adopting->failed.files, "file", "files", files));
	if (adopting->to_copy.files)
		return why_set(why, ERR_UNSUPPORTED,
			       "%s cannot be linked into the store %s, which lies on another file system or belongs to somebody else: --copy takes %s of its disk, --home "
			       "DIR puts the store beside the cache",
			       output_count(adopting->to_copy.files, "file", "files", files), adopting->session->config.home, output_size(adopting->to_copy.bytes, size));
	return ERR_OK;
}

static enum err adopt(struct adopting *adopting, struct why *why)
{
	enum err err = adopting->dry_run ? session_look_at_store(adopting->session, why) : session_open_store(adopting->session, why);

	adopting->problems = json_array();
	if (!err)
		err = session_work(adopting->session, &adopting->work, why);
	if (err == ERR_CANCELLED)
		return why_set(why, err, "stopped; what has been adopted stays so, and the next time goes on from here");
	if (err)
		return err;
	print(adopting);
	tell_problems(adopting);
	if (taken(adopting).files)
		session_remark(adopting->session, "a node shares them with others once the hub has said that they are public");
	return verdict(adopting, why);
}

static enum err run_adopt(struct session *session, const struct args *args, struct why *why)
{
	struct adopting adopting = {
		.work = {.run = adopt_all, .activity = {.look = look}},
		.session = session,
		.may_copy = args_has(args, "copy"),
		.dry_run = args_has(args, "dry-run"),
	};
	enum err err;

	if (strcmp(args->operands[0], "hf") != 0)
		return why_set(why, ERR_USAGE, "\"%s\" cannot be adopted: larder adopt hf [DIR]", args->operands[0]);
	err = args->operand_count > 1 ? dirs_absolute(args->operands[1], &adopting.dir, why) : dirs_hf_hub_cache(&adopting.dir, why);
	if (!err)
		err = adopt(&adopting, why);
	hf_scan_release(&adopting.scan);
	json_decref(adopting.problems);
	free(adopting.held);
	free(adopting.dir);
	return err;
}

static const struct args_flag flags[] = {
	{"copy", 0, NULL, "copy what can be neither cloned nor linked"},
	{"dry-run", 'n', NULL, "only tell how much there is"},
	{0},
};

const struct command adopt_command = {
	.name = "adopt",
	.summary = "share a Hugging Face cache as it lies",
	.operands = "hf [DIR]",
	.help = "Takes the files of the cache of the Hugging Face libraries (or of one in DIR)\n"
		"into the store: each is read once and proven to be what its name says, then\n"
		"the store gets it without a second copy. Where the file system can share\n"
		"blocks, it is cloned; elsewhere linked (a hard link). A linked file that is\n"
		"changed in the cache later is not given to anybody; one that is removed there\n"
		"stays here. On another file system than the store only --copy adopts, and\n"
		"takes as much room again. What the store had already, it shares with the\n"
		"cache from then on. The cache itself is never changed.\n\n"
		"Runs with the lowest priority, and may be stopped at any time: the next time\n"
		"reads what is new. Other nodes get nothing of it until the hub has told this\n"
		"node that the file is public under the name it has in the cache. Exit code 5\n"
		"when a file was not what its name says.\n\n"
		"While no hub answers, the gateway knows these files by the names that they\n"
		"have in the cache; for programs of the same user only.\n\n"
		"--json: {dir, dry_run, files, bytes, adopted, adopted_bytes, cloned, linked,\n"
		"copied, before, to_copy, damaged, problems: [{path, reason}]}\n\n"
		"Examples:\n"
		"  larder adopt hf\n"
		"  larder adopt hf /data/huggingface/hub --dry-run\n",
	.flags = flags,
	.min_operands = 1,
	.max_operands = 2,
	.run = run_adopt,
};
