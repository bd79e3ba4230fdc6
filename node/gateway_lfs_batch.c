#include "node/gateway_lfs_batch.h"

#include "node/url.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_REF "refs/heads/"

/* --- the question */

static bool names(const json_t *list, const char *word)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (json_is_string(item) && strcmp(json_string_value(item), word) == 0)
			return true;
	return false;
}

/* A client that knows no other way does not say which ones it knows. */
static bool is_plain_download(const json_t *json)
{
	const char *operation = json_string_value(json_object_get(json, "operation")), *algorithm = json_string_value(json_object_get(json, "hash_algo"));
	const json_t *transfers = json_object_get(json, "transfers");

	return operation && strcmp(operation, "download") == 0 && (!algorithm || strcmp(algorithm, "sha256") == 0) &&
	       (json_array_size(transfers) == 0 || names(transfers, "basic"));
}

static bool parse_object(const json_t *json, struct lfs_object *ret_object)
{
	const char *oid = json_string_value(json_object_get(json, "oid"));
	const json_t *size = json_object_get(json, "size");

	*ret_object = (struct lfs_object){.size = json_is_integer(size) && json_integer_value(size) >= 0 ? (uint64_t)json_integer_value(size) : 0};
	return oid && json_is_integer(size) && json_integer_value(size) >= 0 && digest_parse_hex(DIGEST_SHA256, oid, &ret_object->digest);
}

static int compare(const void *a, const void *b)
{
	const struct lfs_object *one = a, *two = b;

	return memcmp(one->digest.bytes, two->digest.bytes, digest_len(DIGEST_SHA256));
}

static void drop_doubles(struct lfs_batch *batch)
{
	size_t kept = 0;

	qsort(batch->objects, batch->count, sizeof *batch->objects, compare);
	for (size_t i = 0; i < batch->count; i++)
		if (kept == 0 || compare(&batch->objects[kept - 1], &batch->objects[i]) != 0)
			batch->objects[kept++] = batch->objects[i];
	batch->count = kept;
}

static void take_revision(const json_t *json, struct lfs_batch *batch)
{
	const char *name = json_string_value(json_object_get(json_object_get(json, "ref"), "name"));

	if (!name)
		return;
	if (strncmp(name, HEAD_REF, sizeof HEAD_REF - 1) == 0)
		name += sizeof HEAD_REF - 1;
	if (strlen(name) < sizeof batch->revision)
		strcpy(batch->revision, name);
}

static enum err take_objects(const json_t *json, struct lfs_batch *batch, struct why *why)
{
	const json_t *objects = json_object_get(json, "objects");
	size_t count = json_array_size(objects);

	if (count == 0)
		return why_set(why, ERR_INVALID, "the batch names no objects");
	if (count > LFS_OBJECTS_MAX)
		return why_set(why, ERR_LIMIT, "the batch has more than %d objects", LFS_OBJECTS_MAX);
	batch->objects = calloc(count, sizeof *batch->objects);
	if (!batch->objects)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	for (; batch->count < count; batch->count++)
		if (!parse_object(json_array_get(objects, batch->count), &batch->objects[batch->count]))
			return why_set(why, ERR_INVALID, "the batch has an object without an oid of 64 hexadecimal digits and a size");
	drop_doubles(batch);
	return ERR_OK;
}

enum err lfs_batch_parse(const char *text, size_t len, struct lfs_batch *ret_batch, struct why *why)
{
	json_t *json = json_loadb(text, len, 0, NULL);
	struct lfs_batch batch = {0};
	enum err err;

	if (!json_is_object(json))
		err = why_set(why, ERR_INVALID, "the batch is no JSON object");
	else
		err = is_plain_download(json) ? take_objects(json, &batch, why) : ERR_UNSUPPORTED;
	if (!err)
		take_revision(json, &batch);
	json_decref(json);
	if (err)
		lfs_batch_release(&batch);
	else
		*ret_batch = batch;
	return err;
}

void lfs_batch_release(struct lfs_batch *batch)
{
	free(batch->objects);
	*batch = (struct lfs_batch){0};
}

/* --- what they are */

static struct lfs_object *find(const struct lfs_batch *batch, const struct digest *digest)
{
	const struct lfs_object key = {.digest = *digest};

	return bsearch(&key, batch->objects, batch->count, sizeof *batch->objects, compare);
}

void lfs_batch_find(struct lfs_batch *batch, const struct hub_listing *listing)
{
	batch->missing = batch->count;
	for (size_t i = 0; i < listing->count; i++) {
		const struct hub_file *file = &listing->files[i];
		struct lfs_object *object = file->digest.algorithm == DIGEST_SHA256 ? find(batch, &file->digest) : NULL;
		if (!object || object->file || object->size != file->size)
			continue;
		object->file = file;
		batch->missing--;
	}
}

static json_t *object_json(const struct lfs_object *object)
{
	char hex[DIGEST_HEX_MAX];

	return json_pack("{s:s, s:I}", "oid", digest_hex(&object->digest, hex), "size", (json_int_t)object->size);
}

char *lfs_batch_ask_missing(const struct lfs_batch *batch)
{
	json_t *objects = json_array(), *json;
	char *text;

	for (size_t i = 0; i < batch->count; i++)
		if (!batch->objects[i].file)
			json_array_append_new(objects, object_json(&batch->objects[i]));
	json = json_pack("{s:s, s:[s], s:s, s:o}", "operation", "download", "transfers", "basic", "hash_algo", "sha256", "objects", objects);
	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	return text;
}

/* --- the answer */

static char *make_href(const struct hub_listing *listing, const struct hub_file *file, const char *here)
{
	struct buf url = {.limit = URL_MAX};
	enum err err = buf_add_format(&url, "%s/%s%s/resolve/%s/", here, repo_type_prefix(listing->type), listing->repo, listing->commit);
	char *text;

	if (!err)
		err = url_add_escaped(&url, file->path, "/");
	text = err ? NULL : buf_take_str(&url);
	buf_release(&url);
	return text;
}

static json_t *file_json(const struct lfs_object *object, const struct hub_listing *listing, const char *here, const char *authorization)
{
	char *href = make_href(listing, object->file, here);
	json_t *json = object_json(object), *action;

	action = json_pack("{s:s*, s:i}", "href", href, "expires_in", LFS_EXPIRES_S);
	free(href);
	if (authorization)
		json_object_set_new(action, "header", json_pack("{s:s}", "Authorization", authorization));
	json_object_set_new(json, "authenticated", json_true());
	json_object_set_new(json, "actions", json_pack("{s:o}", "download", action));
	return json;
}

static json_t *missing_json(const struct lfs_object *object, const json_t *hubs)
{
	char hex[DIGEST_HEX_MAX];
	json_t *json, *said;
	size_t i;

	digest_hex(&object->digest, hex);
	json_array_foreach(json_object_get(hubs, "objects"), i, said) {
		const char *oid = json_string_value(json_object_get(said, "oid"));
		if (oid && strcmp(oid, hex) == 0)
			return json_incref(said);
	}
	json = object_json(object);
	json_object_set_new(json, "error", json_pack("{s:i, s:s}", "code", 404, "message", "this is no file of the repo, as far as the hub could be asked"));
	return json;
}

json_t *lfs_batch_answer(const struct lfs_batch *batch, const struct hub_listing *listing, const char *here, const char *authorization, const json_t *hubs)
{
	json_t *objects = json_array();

	for (size_t i = 0; i < batch->count; i++) {
		const struct lfs_object *object = &batch->objects[i];
		if (json_array_append_new(objects, object->file ? file_json(object, listing, here, authorization) : missing_json(object, hubs)) == 0)
			continue;
		json_decref(objects);
		return NULL;
	}
	return json_pack("{s:s, s:s, s:o}", "transfer", "basic", "hash_algo", "sha256", "objects", objects);
}
