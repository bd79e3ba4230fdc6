#include "cli/hf_scan.h"

#include "node/dirs.h"
#include "node/name.h"
#include "store/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_ROOM 256
#define COMMIT_LEN 40

/* One repo's folder on its way through. */
struct folder {
	struct hf_scan *scan;
	const char *path; /* absolute */
	const char *repo;
	size_t first;     /* of its files */
	struct why *why;
};

void hf_scan_release(struct hf_scan *scan)
{
	for (size_t i = 0; i < scan->file_count; i++)
		free(scan->files[i].path);
	for (size_t i = 0; i < scan->name_count; i++) {
		free(scan->names[i].repo);
		free(scan->names[i].commit);
		free(scan->names[i].path);
	}
	for (size_t i = 0; i < scan->ref_count; i++) {
		free(scan->refs[i].repo);
		free(scan->refs[i].revision);
		free(scan->refs[i].commit);
	}
	free(scan->files);
	free(scan->names);
	free(scan->refs);
	*scan = (struct hf_scan){0};
}

/* Room for one more. */
static enum err grow(void **array, size_t count, size_t *room, size_t item, struct why *why)
{
	size_t wanted = *room ? *room * 2 : FIRST_ROOM;
	void *bigger;

	if (count < *room)
		return ERR_OK;
	if (count >= HF_SCAN_MAX)
		return why_set(why, ERR_LIMIT, "the cache has more than %d files: adopt it in parts", HF_SCAN_MAX);
	bigger = realloc(*array, wanted * item);
	if (!bigger)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	*array = bigger;
	*room = wanted;
	return ERR_OK;
}

static bool parse_etag(const char *etag, struct digest *ret_digest)
{
	return digest_parse_hex(DIGEST_SHA256, etag, ret_digest) || digest_parse_hex(DIGEST_GIT_SHA1, etag, ret_digest);
}

static enum err add_file(struct folder *folder, const char *etag)
{
	struct hf_scan *scan = folder->scan;
	struct hf_file file = {0};
	struct stat st;
	enum err err;

	if (!parse_etag(etag, &file.digest))
		return ERR_OK;
	err = grow((void **)&scan->files, scan->file_count, &scan->file_room, sizeof *scan->files, folder->why);
	if (err)
		return err;
	if (asprintf(&file.path, "%s/blobs/%s", folder->path, etag) < 0)
		return why_set(folder->why, ERR_NO_MEMORY, "out of memory");
	if (lstat(file.path, &st) != 0 || !S_ISREG(st.st_mode)) {
		free(file.path);
		return ERR_OK;
	}
	file.size = (uint64_t)st.st_size;
	scan->files[scan->file_count++] = file;
	return ERR_OK;
}

static enum err add_files(struct folder *folder)
{
	char *path = dirs_join(folder->path, "blobs");
	DIR *dir = path ? opendir(path) : NULL;
	struct dirent *entry;
	enum err err = ERR_OK;

	if (!path)
		err = why_set(folder->why, ERR_NO_MEMORY, "out of memory");
	else if (!dir && errno != ENOENT && errno != ENOTDIR)
		err = why_errno(folder->why, errno, "cannot look into %s", path);
	while (!err && dir && (entry = readdir(dir)))
		err = add_file(folder, entry->d_name);
	if (dir)
		closedir(dir);
	free(path);
	return err;
}

static int compare_files(const void *a, const void *b)
{
	return memcmp(&((const struct hf_file *)a)->digest, &((const struct hf_file *)b)->digest, sizeof(struct digest));
}

/* Files of this folder are in order by now. */
static const struct hf_file *find_file(const struct folder *folder, const char *link)
{
	const struct hf_scan *scan = folder->scan;
	struct hf_file wanted = {0};
	const char *slash;
	char target[PATH_MAX];
	ssize_t len = readlink(link, target, sizeof target - 1);

	if (len <= 0)
		return NULL;
	target[len] = 0;
	slash = strrchr(target, '/');
	if (!parse_etag(slash ? slash + 1 : target, &wanted.digest) || scan->file_count == folder->first)
		return NULL;
	return bsearch(&wanted, scan->files + folder->first, scan->file_count - folder->first, sizeof *scan->files, compare_files);
}

/* `inside`: "<commit>/<path>". */
static enum err add_name(struct folder *folder, const char *link, const char *inside)
{
	const char *slash = strchr(inside, '/');
	const struct hf_file *file = slash && tree_path_is_safe(slash + 1) ? find_file(folder, link) : NULL;
	struct hf_scan *scan = folder->scan;
	struct hf_name name;
	enum err err;

	if (!file)
		return ERR_OK;
	err = grow((void **)&scan->names, scan->name_count, &scan->name_room, sizeof *scan->names, folder->why);
	if (err)
		return err;
	name = (struct hf_name){
		.file = (size_t)(file - scan->files),
		.repo = strdup(folder->repo),
		.commit = strndup(inside, (size_t)(slash - inside)),
		.path = strdup(slash + 1),
	};
	scan->names[scan->name_count++] = name;
	return name.repo && name.commit && name.path ? ERR_OK : why_set(folder->why, ERR_NO_MEMORY, "out of memory");
}

static enum err add_names(struct folder *folder)
{
	char *path = dirs_join(folder->path, "snapshots");
	char *const paths[] = {path, NULL};
	FTS *walk = path ? fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
	enum err err = walk ? ERR_OK : why_set(folder->why, ERR_NO_MEMORY, "out of memory");
	FTSENT *entry;

	while (!err && (entry = fts_read(walk))) {
		if (entry->fts_level == 1 && !name_is_commit(entry->fts_name))
			fts_set(walk, entry, FTS_SKIP);
		else if (entry->fts_level > 1 && (entry->fts_info == FTS_SL || entry->fts_info == FTS_SLNONE))
			err = add_name(folder, entry->fts_path, entry->fts_path + strlen(path) + 1);
	}
	if (walk)
		fts_close(walk);
	free(path);
	return err;
}

/* --- which commit a branch is: refs/main, refs/refs/pr/1 */

static bool read_commit(const char *path, char ret_commit[COMMIT_LEN + 1])
{
	FILE *file = fopen(path, "re");
	size_t len = file ? fread(ret_commit, 1, COMMIT_LEN, file) : 0;

	if (file)
		fclose(file);
	ret_commit[len] = 0;
	return name_is_commit(ret_commit);
}

static enum err add_ref(struct folder *folder, const char *path, const char *revision)
{
	struct hf_scan *scan = folder->scan;
	char commit[COMMIT_LEN + 1];
	struct hf_ref ref;
	enum err err;

	if (!tree_path_is_safe(revision) || !read_commit(path, commit))
		return ERR_OK;
	err = grow((void **)&scan->refs, scan->ref_count, &scan->ref_room, sizeof *scan->refs, folder->why);
	if (err)
		return err;
	ref = (struct hf_ref){strdup(folder->repo), strdup(revision), strdup(commit)};
	scan->refs[scan->ref_count++] = ref;
	return ref.repo && ref.revision && ref.commit ? ERR_OK : why_set(folder->why, ERR_NO_MEMORY, "out of memory");
}

static enum err add_refs(struct folder *folder)
{
	char *path = dirs_join(folder->path, "refs");
	char *const paths[] = {path, NULL};
	FTS *walk = path ? fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
	enum err err = walk ? ERR_OK : why_set(folder->why, ERR_NO_MEMORY, "out of memory");
	FTSENT *entry;

	while (!err && (entry = fts_read(walk)))
		if (entry->fts_info == FTS_F)
			err = add_ref(folder, entry->fts_path, entry->fts_path + strlen(path) + 1);
	if (walk)
		fts_close(walk);
	free(path);
	return err;
}

/* "datasets--ORG--NAME" to "datasets/ORG/NAME"; false for what is no repo's folder. */
static bool repo_of(const char *folder, char ret[NAME_MAX + 1])
{
	static const enum repo_type types[] = {REPO_MODEL, REPO_DATASET, REPO_SPACE};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		size_t len = strlen(repo_type_plural(types[i])), used;
		const char *at = folder + len;
		if (strncmp(folder, repo_type_plural(types[i]), len) != 0 || strncmp(at, "--", 2) != 0 || strlen(folder) > NAME_MAX)
			continue;
		used = (size_t)snprintf(ret, NAME_MAX + 1, "%s", repo_type_prefix(types[i]));
		for (at += 2; *at; at++) {
			bool is_slash = at[0] == '-' && at[1] == '-';
			ret[used++] = is_slash ? '/' : *at;
			at += is_slash;
		}
		ret[used] = 0;
		return tree_path_is_safe(ret);
	}
	return false;
}

static enum err scan_folder(struct hf_scan *scan, const char *dir, const char *name, struct why *why)
{
	char repo[NAME_MAX + 1], *path = NULL;
	struct folder folder = {.scan = scan, .repo = repo, .first = scan->file_count, .why = why};
	enum err err;

	if (!repo_of(name, repo))
		return ERR_OK;
	folder.path = path = dirs_join(dir, name);
	err = path ? add_files(&folder) : why_set(why, ERR_NO_MEMORY, "out of memory");
	if (!err && scan->file_count > folder.first)
		qsort(scan->files + folder.first, scan->file_count - folder.first, sizeof *scan->files, compare_files);
	if (!err)
		err = add_names(&folder);
	if (!err)
		err = add_refs(&folder);
	scan->repos++;
	free(path);
	return err;
}

static enum err scan_cache(struct hf_scan *scan, const char *dir, struct why *why)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;
	enum err err = ERR_OK;

	if (!stream)
		return why_errno(why, errno, "cannot look into the Hugging Face cache %s", dir);
	while (!err && (entry = readdir(stream)))
		err = scan_folder(scan, dir, entry->d_name, why);
	closedir(stream);
	return err;
}

enum err hf_scan(struct hf_scan *ret_scan, const char *dir, struct why *why)
{
	char *hub = NULL;
	enum err err;

	*ret_scan = (struct hf_scan){0};
	err = scan_cache(ret_scan, dir, why);
	if (!err && ret_scan->repos == 0) {
		hub = dirs_join(dir, "hub");
		if (hub && access(hub, F_OK) == 0)
			err = scan_cache(ret_scan, hub, why);
	}
	free(hub);
	if (!err && ret_scan->repos == 0)
		return why_set(why, ERR_NOT_FOUND, "there is no repo in %s: a Hugging Face cache has folders like models--ORG--NAME", dir);
	return err;
}
