#include "node/hub_listing.h"
#include "store/tree.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

bool hub_repo_is_valid(const char *repo)
{
	size_t len = strlen(repo), part = 0, slashes = 0;
	bool only_dots = true;

	if (len > HUB_REPO_MAX)
		return false;
	for (size_t i = 0; i <= len; i++) {
		char c = repo[i];
		bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
		if (letter || c == '.') {
			only_dots = only_dots && !letter;
			part++;
			continue;
		}
		if ((c && c != '/') || part == 0 || only_dots)
			return false;
		slashes += c == '/';
		part = 0;
		only_dots = true;
	}
	return slashes <= 1;
}

/* A string member without zero bytes, or NULL. */
static const char *string_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	const char *text = json_string_value(value);

	return text && strlen(text) == json_string_length(value) ? text : NULL;
}

static json_t *load(const char *json, size_t len, struct why *why)
{
	json_error_t error;
	json_t *root = json_loadb(json, len, JSON_ALLOW_NUL, &error);

	if (!root)
		why_set(why, ERR_INVALID, "something that is not JSON (line %d: %.100s)", error.line, error.text);
	return root;
}

/* `gated` is false, or a string that says how access is given. */
static enum visibility visibility_of(const json_t *info)
{
	const json_t *gated = json_object_get(info, "gated");
	const json_t *private = json_object_get(info, "private");

	if (private && !json_is_false(private))
		return VISIBILITY_PRIVATE;
	if (gated && !json_is_false(gated) && !json_is_null(gated))
		return VISIBILITY_GATED;
	return private ? VISIBILITY_PUBLIC : VISIBILITY_UNKNOWN;
}

enum err hub_info_parse(const char *json, size_t len, struct hub_info *ret_info, struct why *why)
{
	json_t *root = load(json, len, why);
	const char *commit = string_of(root, "sha");
	const char *repo = string_of(root, "id");
	struct hub_info info = {0};
	enum err err = ERR_INVALID;

	if (!root)
		goto out;
	if (!commit || !name_is_commit(commit)) {
		why_set(why, err, "repo information that has no commit in \"sha\"");
		goto out;
	}
	if (repo && !hub_repo_is_valid(repo)) {
		why_set(why, err, "repo information whose \"id\" is no repo: %.200s", repo);
		goto out;
	}
	memcpy(info.commit, commit, sizeof info.commit);
	if (repo)
		memcpy(info.repo, repo, strlen(repo) + 1);
	info.visibility = visibility_of(root);
	*ret_info = info;
	err = ERR_OK;
out:
	json_decref(root);
	return err;
}

enum err hub_listing_add_file(struct hub_listing *listing, const char *path, uint64_t size, const struct digest *digest)
{
	size_t count = listing->count;
	char *copy;

	if (count >= HUB_FILES_MAX)
		return ERR_LIMIT;
	/* There is room up to the next power of two. */
	if ((count & (count - 1)) == 0) {
		struct hub_file *files = realloc(listing->files, (count ? 2 * count : 1) * sizeof *files);
		if (!files)
			return ERR_NO_MEMORY;
		listing->files = files;
	}
	copy = strdup(path);
	if (!copy)
		return ERR_NO_MEMORY;
	listing->files[listing->count++] = (struct hub_file){.path = copy, .size = size, .digest = *digest};
	return ERR_OK;
}

static bool size_of(const json_t *object, uint64_t *ret_size)
{
	const json_t *value = json_object_get(object, "size");

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*ret_size = (uint64_t)json_integer_value(value);
	return true;
}

/* With `lfs` the SHA-256 and size in it count, else the git blob's. */
static bool parse_content(const json_t *entry, uint64_t *ret_size, struct digest *ret_digest)
{
	const json_t *lfs = json_object_get(entry, "lfs");
	bool is_lfs = lfs && !json_is_null(lfs);
	const char *oid = string_of(is_lfs ? lfs : entry, "oid");

	return oid && size_of(is_lfs ? lfs : entry, ret_size) && digest_parse_hex(is_lfs ? DIGEST_SHA256 : DIGEST_GIT_SHA1, oid, ret_digest);
}

static enum err add_entry(struct hub_listing *listing, const json_t *entry, struct hub_left_out *left_out, struct why *why)
{
	const char *type = string_of(entry, "type");
	const char *path = string_of(entry, "path");
	struct digest digest;
	uint64_t size;
	enum err err;

	if (!type || !json_is_string(json_object_get(entry, "path")))
		return why_set(why, ERR_INVALID, "a list of files with an entry that has no \"type\" or \"path\"");
	if (strcmp(type, "file") != 0) {
		left_out->directories++;
		return ERR_OK;
	}
	if (!path || !tree_path_is_safe(path)) {
		left_out->unsafe++;
		return ERR_OK;
	}
	if (!parse_content(entry, &size, &digest))
		return why_set(why, ERR_INVALID, "a list of files that tells no usable size and digest of %s", path);
	err = hub_listing_add_file(listing, path, size, &digest);
	if (err == ERR_LIMIT)
		return why_set(why, err, "a list of more than %d files", HUB_FILES_MAX);
	return err ? why_set(why, err, "more files than there is memory for") : ERR_OK;
}

static enum err add_entries(struct hub_listing *listing, const json_t *entries, struct hub_left_out *left_out, struct why *why)
{
	enum err err = ERR_OK;

	if (!json_is_array(entries))
		return why_set(why, ERR_INVALID, "something that is no list of files");
	for (size_t i = 0; !err && i < json_array_size(entries); i++)
		err = add_entry(listing, json_array_get(entries, i), left_out, why);
	return err;
}

enum err hub_listing_add_page(struct hub_listing *listing, const char *json, size_t len, struct hub_left_out *left_out, struct why *why)
{
	json_t *root = load(json, len, why);
	enum err err = root ? add_entries(listing, root, left_out, why) : ERR_INVALID;

	json_decref(root);
	return err;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct hub_file *)a)->path, ((const struct hub_file *)b)->path);
}

enum err hub_listing_sort(struct hub_listing *listing, struct why *why)
{
	size_t kept = 0;

	if (listing->count)
		qsort(listing->files, listing->count, sizeof *listing->files, by_path);
	for (size_t i = 1; i < listing->count; i++) {
		const struct hub_file *a = &listing->files[i - 1], *b = &listing->files[i];
		if (by_path(a, b) == 0 && (a->size != b->size || !digest_equal(&a->digest, &b->digest)))
			return why_set(why, ERR_INVALID, "a list in which %s stands twice, with different content", a->path);
	}
	for (size_t i = 0; i < listing->count; i++) {
		if (kept > 0 && by_path(&listing->files[kept - 1], &listing->files[i]) == 0)
			free(listing->files[i].path);
		else
			listing->files[kept++] = listing->files[i];
	}
	listing->count = kept;
	return ERR_OK;
}

const struct hub_file *hub_listing_find(const struct hub_listing *listing, const char *path)
{
	size_t low = 0, high = listing->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(path, listing->files[middle].path);
		if (order == 0)
			return &listing->files[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

void hub_listing_release(struct hub_listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		free(listing->files[i].path);
	free(listing->files);
	free(listing->repo);
	*listing = (struct hub_listing){0};
}

/* Safe paths have no control characters; UTF-8 was checked when they were parsed. */
static enum err write_text(struct buf *out, const char *text)
{
	enum err err = buf_add_str(out, "\"");

	for (; !err && *text; text++) {
		if (*text == '"' || *text == '\\')
			err = buf_add_str(out, "\\");
		if (!err)
			err = buf_add(out, text, 1);
	}
	return err ? err : buf_add_str(out, "\"");
}

static enum err write_file(const struct hub_file *file, struct buf *out)
{
	bool is_lfs = file->digest.algorithm == DIGEST_SHA256;
	unsigned long long size = file->size;
	char hex[DIGEST_HEX_MAX];
	enum err err;

	err = buf_add_str(out, "{\"type\":\"file\",\"path\":");
	if (!err)
		err = write_text(out, file->path);
	if (err)
		return err;
	digest_hex(&file->digest, hex);
	return buf_add_format(out, is_lfs ? ",\"lfs\":{\"oid\":\"%s\",\"size\":%llu}}" : ",\"oid\":\"%s\",\"size\":%llu}", hex, size);
}

enum err hub_listing_write(const struct hub_listing *listing, struct buf *out)
{
	enum err err;

	err = buf_add_format(out, "{\"repo\":\"%s\",\"commit\":\"%s\",\"visibility\":\"%s\",\"files\":[", listing->repo, listing->commit,
			     visibility_name(listing->visibility));
	for (size_t i = 0; !err && i < listing->count; i++) {
		if (i > 0)
			err = buf_add_str(out, ",");
		if (!err)
			err = write_file(&listing->files[i], out);
	}
	return err ? err : buf_add_str(out, "]}");
}

static enum visibility visibility_parse(const char *text)
{
	static const enum visibility known[] = {VISIBILITY_PUBLIC, VISIBILITY_GATED, VISIBILITY_PRIVATE};

	for (size_t i = 0; text && i < sizeof known / sizeof known[0]; i++)
		if (strcmp(text, visibility_name(known[i])) == 0)
			return known[i];
	return VISIBILITY_UNKNOWN;
}

enum err hub_listing_read(const char *json, size_t len, struct hub_listing *ret_listing, struct why *why)
{
	struct hub_listing listing = {0};
	json_t *root = load(json, len, why);
	const char *repo = string_of(root, "repo");
	const char *commit = string_of(root, "commit");
	struct hub_left_out left_out = {0};
	enum err err = ERR_INVALID;

	if (!root)
		goto out;
	if (!repo || !hub_repo_is_valid(repo) || !commit || !name_is_commit(commit)) {
		why_set(why, err, "a remembered listing without repo and commit");
		goto out;
	}
	err = add_entries(&listing, json_object_get(root, "files"), &left_out, why);
	if (!err)
		err = hub_listing_sort(&listing, why);
	if (!err && !(listing.repo = strdup(repo)))
		err = why_set(why, ERR_NO_MEMORY, "out of memory");
	if (err)
		goto out;
	memcpy(listing.commit, commit, sizeof listing.commit);
	listing.visibility = visibility_parse(string_of(root, "visibility"));
	*ret_listing = listing;
	listing = (struct hub_listing){0};
out:
	hub_listing_release(&listing);
	json_decref(root);
	return err;
}
