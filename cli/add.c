#include "cli/commands.h"
#include "cli/session.h"
#include "store/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct adding {
	struct work work;
	struct session *session;
	const char *path;
	int fd;
	struct stat before;
	bool is_clone; /* its blocks are shared, and not copied */
	struct digest digest; /* the answer */
	/* Written by the worker, read by progress. */
	uint64_t bytes_done;
	size_t at, count; /* of the files on the command line */
};

static enum err changed(const struct adding *adding, struct why *why)
{
	return why_set(why, ERR_IO, "%s changed while it was read: add it again when it is complete", adding->path);
}

static enum err read_full(const struct adding *adding, uint8_t *data, size_t len, uint64_t offset, struct why *why)
{
	while (len > 0) {
		ssize_t got = pread(adding->fd, data, len, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return why_errno(why, errno, "cannot read %s", adding->path);
		if (got == 0)
			return changed(adding, why);
		data += got;
		len -= (size_t)got;
		offset += (uint64_t)got;
	}
	return ERR_OK;
}

/* A clone cannot change any more. */
static enum err check_unchanged(const struct adding *adding, struct why *why)
{
	struct stat after;

	if (adding->is_clone)
		return ERR_OK;
	if (fstat(adding->fd, &after) != 0 || after.st_size != adding->before.st_size ||
	    after.st_mtim.tv_sec != adding->before.st_mtim.tv_sec || after.st_mtim.tv_nsec != adding->before.st_mtim.tv_nsec)
		return changed(adding, why);
	return ERR_OK;
}

static enum err take_chunk(const struct adding *adding, struct partial *partial, uint64_t index, uint8_t *data, size_t len, struct why *why)
{
	enum err err;

	if (adding->is_clone)
		return partial_take(partial, index, data, why);
	err = read_full(adding, data, len, chain_chunk_offset(index), why);
	return err ? err : partial_put(partial, index, data, len, NULL, why);
}

static enum err take_all(struct adding *adding, struct partial *partial, uint8_t *data, struct why *why)
{
	uint64_t size = partial_size(partial);
	enum err err;

	for (uint64_t i = 0; i < partial_chunks(partial); i++) {
		size_t len = chain_chunk_len(size, i);
		if (__atomic_load_n(&adding->session->stop, __ATOMIC_RELAXED))
			return why_set(why, ERR_CANCELLED, "stopped; %s was not added", adding->path);
		err = take_chunk(adding, partial, i, data, len, why);
		if (err)
			return err;
		__atomic_fetch_add(&adding->bytes_done, len, __ATOMIC_RELAXED);
	}
	return check_unchanged(adding, why);
}

static enum err open_partial(struct adding *adding, struct partial **ret_partial, struct why *why)
{
	struct store *store = adding->session->store;
	uint64_t size = (uint64_t)adding->before.st_size;
	enum err err = partial_open_clone(store, adding->fd, size, ret_partial, why);

	adding->is_clone = !err;
	return err == ERR_UNSUPPORTED ? partial_open_unnamed(store, size, ret_partial, why) : err;
}

static enum err add_file(struct work *work, struct why *why)
{
	struct adding *adding = container_of(work, struct adding, work);
	struct partial *partial = NULL;
	uint8_t *data = malloc(CHAIN_CHUNK);
	enum err err;

	if (!data)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	err = open_partial(adding, &partial, why);
	if (!err)
		err = take_all(adding, partial, data, why);
	if (!err)
		err = partial_commit(partial, &adding->digest, why);
	if (err)
		partial_close(partial);
	free(data);
	return err;
}

static uint64_t look(struct activity *activity, struct progress_state *ret_state)
{
	struct adding *adding = container_of(activity, struct adding, work.activity);

	*ret_state = (struct progress_state){
		.name = adding->path,
		.bytes_done = __atomic_load_n(&adding->bytes_done, __ATOMIC_RELAXED),
		.bytes_total = (uint64_t)adding->before.st_size,
		.files_done = adding->at,
		.files_total = adding->count,
	};
	return ret_state->bytes_done;
}

static enum err open_file(struct adding *adding, struct why *why)
{
	adding->fd = open(adding->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (adding->fd < 0 || fstat(adding->fd, &adding->before) != 0)
		return why_errno(why, errno, "cannot read %s", adding->path);
	if (S_ISDIR(adding->before.st_mode))
		return why_set(why, ERR_USAGE, "%s is a directory: name the files in it, as in larder add %s/*", adding->path, adding->path);
	if (!S_ISREG(adding->before.st_mode))
		return why_set(why, ERR_USAGE, "%s is not a regular file", adding->path);
	return ERR_OK;
}

/* The owner's word on these bytes. It counts until the next one, but not against a hub that gives them to some people only. */
static enum err note_word(const struct adding *adding, bool is_shared, struct why *why)
{
	struct store *store = adding->session->store;
	struct blob_record record = {.visibility = VISIBILITY_UNKNOWN};
	enum err err = index_blob_get(store_index(store), &adding->digest, &record, why);

	if (err && err != ERR_NOT_FOUND) /* the empty blob has none */
		return err;
	if (is_shared && (record.visibility == VISIBILITY_GATED || record.visibility == VISIBILITY_PRIVATE))
		return why_set(why, ERR_DENIED, "%s is in the store, but not shared: its hub says that it is %s; see share_gated for private groups", adding->path,
			       visibility_name(record.visibility));
	return index_visibility_put(store_index(store), &adding->digest, INDEX_OWN_WORD, is_shared ? VISIBILITY_PUBLIC : VISIBILITY_UNKNOWN,
				    clock_wall_s(store_clock(store)), why);
}

static enum err add_one(struct session *session, const struct args *args, size_t at, json_t *files, struct why *why)
{
	struct adding adding = {
		.work = {.run = add_file, .activity = {.look = look}},
		.session = session,
		.path = args->operands[at],
		.fd = -1,
		.at = at,
		.count = args->operand_count,
	};
	bool is_shared = args_has(args, "share");
	char text[DIGEST_TEXT_MAX];
	enum err err = open_file(&adding, why);

	if (!err)
		err = session_work(session, &adding.work, why);
	if (!err)
		err = note_word(&adding, is_shared, why);
	if (adding.fd >= 0)
		close(adding.fd);
	if (err)
		return err;
	digest_text(&adding.digest, text);
	if (session->output.json)
		json_array_append_new(files, json_pack("{s:s, s:I, s:s, s:b}", "digest", text, "size", (json_int_t)adding.before.st_size, "path", adding.path,
									  "shared", is_shared));
	else
		output_line(&session->output, "%s  %s", text, adding.path);
	return ERR_OK;
}

static enum err run_add(struct session *session, const struct args *args, struct why *why)
{
	json_t *files = json_array();
	enum err err = session_open_store(session, why);

	for (size_t i = 0; !err && i < args->operand_count; i++)
		err = add_one(session, args, i, files, why);
	if (session->output.json && !err)
		output_json(&session->output, json_pack("{s:O}", "files", files));
	json_decref(files);
	return err;
}

static const struct args_flag flags[] = {
	{"share", 0, NULL, "let other nodes have them, too, by their digests"},
	{NULL, 0, NULL, NULL},
};

const struct command add_command = {
	.name = "add",
	.summary = "copy files into the store",
	.operands = "FILE...",
	.help = "Prints the digest of each. The files themselves are left alone and may be\n"
		"changed or deleted later. Of a repo that has them, they need not be fetched\n"
		"any more. Where the file system can share blocks, nothing is copied.\n\n"
		"Other nodes are not told of them, unless a repo that everybody may see has them\n"
		"(which a get finds out), or with --share: then everybody in the group may have\n"
		"them, with larder get DIGEST. Adding one again without it takes that back; who\n"
		"has it by then keeps it.\n\n"
		"--json: {files: [{digest, size, path, shared}]}\n\n"
		"Examples:\n"
		"  larder add model.safetensors\n"
		"  larder add --share /mnt/usb/models/*.gguf\n",
	.flags = flags,
	.min_operands = 1,
	.max_operands = ARGS_OPERANDS_MAX,
	.run = run_add,
};
