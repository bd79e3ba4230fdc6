#include "node/gateway_recall.h"

#include "node/gateway_private.h"
#include "node/hub_answer.h"
#include "node/hub_listing.h"
#include "node/pointer.h"

#include <stdio.h>
#include <string.h>

static void on_look(struct hub_look *look, enum err err, const struct why *why)
{
	struct gateway_recall *recall = container_of(look, struct gateway_recall, look);

	(void)why;
	recall->on_done(recall, err ? NULL : &look->listing);
}

enum err gateway_recall_start(struct gateway_recall *recall, struct gateway_request *request, const char *revision)
{
	struct route *route = &request->route;
	struct why why = {0};
	enum err err;

	/* A name's parts are not written to. */
	recall->name = (struct name){.type = route->type, .repo = route->repo, .revision = (char *)(uintptr_t)(*revision ? revision : "main")};
	recall->look = (struct hub_look){.name = &recall->name, .on_done = on_look};
	err = gateway_hub_hold(&request->gateway->hubs, gateway_request_token(request), &recall->hub, &why);
	return err ? err : hub_look_start(recall->hub->hub, &recall->look, &why);
}

void gateway_recall_note(const struct gateway_recall *recall, const struct gateway_request *request, const struct hub_listing *listing)
{
	const struct route *route = &request->route;
	struct hub_subject subject = {.type = route->type, .repo = route->repo, .revision = *route->revision ? route->revision : "main"};
	struct hub_listing now = *listing;

	now.at_s = clock_wall_s(clock_system());
	if (!name_is_commit(subject.revision))
		hub_remember(recall->hub->hub, &subject, &now, false);
}

void gateway_recall_release(struct gateway_recall *recall)
{
	if (recall->hub)
		hub_look_cancel(recall->hub->hub, &recall->look);
	hub_listing_release(&recall->look.listing);
	gateway_hub_leave(recall->hub);
	recall->hub = NULL;
}

/* A file in LFS is there in git as its pointer. */
static json_t *tree_entry(const struct hub_file *file)
{
	char hex[DIGEST_HEX_MAX], oid_hex[DIGEST_HEX_MAX], pointer[POINTER_MAX_BYTES];
	json_int_t size = (json_int_t)file->size;
	struct digest oid = file->digest;
	size_t len;

	if (file->digest.algorithm != DIGEST_SHA256)
		return json_pack("{s:s, s:s, s:I, s:s}", "type", "file", "oid", digest_hex(&oid, oid_hex), "size", size, "path", file->path);
	len = pointer_write(&file->digest, file->size, pointer);
	if (!pointer_git_oid(pointer, len, &oid))
		return NULL;
	return json_pack("{s:s, s:s, s:I, s:{s:s, s:I, s:i}, s:s}", "type", "file", "oid", digest_hex(&oid, oid_hex), "size", size, "lfs", "oid",
			 digest_hex(&file->digest, hex), "size", size, "pointerSize", (int)len, "path", file->path);
}

/* Which object a folder is in git is not remembered, hence git's word for none. */
static json_t *folder_entry(const char *path, size_t len)
{
	return json_pack("{s:s, s:s, s:i, s:s%}", "type", "directory", "oid", "0000000000000000000000000000000000000000", "size", 0, "path", path, len);
}

/* --- a tree: the listing is in order, so the files of a folder stand together */

struct tree {
	json_t *entries;
	const char *last; /* the file before; "" at first */
	bool is_open;     /* all folders are */
};

/* Whether the file before is in the folder that the first `len` bytes of the path name. */
static bool is_told(const struct tree *tree, const char *path, size_t len)
{
	return strncmp(tree->last, path, len) == 0 && tree->last[len] == '/';
}

/* `start`: where, in the path, the part begins that is below the folder which is listed. */
static bool add_to_tree(struct tree *tree, const struct hub_file *file, size_t start)
{
	const char *path = file->path, *slash = strchr(path + start, '/');

	for (; slash; slash = tree->is_open ? strchr(slash + 1, '/') : NULL)
		if (!is_told(tree, path, (size_t)(slash - path)) && json_array_append_new(tree->entries, folder_entry(path, (size_t)(slash - path))) != 0)
			return false;
	tree->last = path;
	return (!tree->is_open && strchr(path + start, '/')) || json_array_append_new(tree->entries, tree_entry(file)) == 0;
}

json_t *gateway_recall_tree(const struct hub_listing *listing, const char *folder, bool is_recursive)
{
	size_t len = strlen(folder), start = len ? len + 1 : 0;
	struct tree tree = {json_array(), "", is_recursive};

	for (size_t i = 0; i < listing->count; i++) {
		const char *path = listing->files[i].path;
		if (len && (strncmp(path, folder, len) != 0 || path[len] != '/'))
			continue;
		if (add_to_tree(&tree, &listing->files[i], start))
			continue;
		json_decref(tree.entries);
		return NULL;
	}
	return tree.entries;
}

/* Of a file as its entry in the tree has it. */
static json_t *info_sibling(const struct hub_file *file)
{
	char hex[DIGEST_HEX_MAX];
	json_t *entry = tree_entry(file);
	json_t *sibling = json_pack("{s:s, s:I, s:O*}", "rfilename", file->path, "size", (json_int_t)file->size, "blobId", json_object_get(entry, "oid"));

	if (file->digest.algorithm == DIGEST_SHA256)
		json_object_set_new(sibling, "lfs", json_pack("{s:s, s:I, s:O*}", "sha256", digest_hex(&file->digest, hex), "size", (json_int_t)file->size, "pointerSize",
							      json_object_get(json_object_get(entry, "lfs"), "pointerSize")));
	json_decref(entry);
	return sibling;
}

json_t *gateway_recall_info(const struct hub_listing *listing)
{
	json_t *siblings = json_array();

	for (size_t i = 0; i < listing->count; i++)
		json_array_append_new(siblings, info_sibling(&listing->files[i]));
	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:[], s:i, s:i, s:o}", "id", listing->repo, "modelId", listing->repo, "sha", listing->commit, "private",
			 listing->visibility == VISIBILITY_PRIVATE, "gated", listing->visibility == VISIBILITY_GATED, "disabled", 0, "tags", "downloads", 0, "likes", 0,
			 "siblings", siblings);
}

static bool is_folder(const struct hub_listing *listing, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < listing->count; i++)
		if (strncmp(listing->files[i].path, path, len) == 0 && listing->files[i].path[len] == '/')
			return true;
	return false;
}

static json_t *path_entry(const struct hub_listing *listing, const char *path)
{
	const struct hub_file *file = hub_listing_find(listing, path);

	if (file)
		return tree_entry(file);
	return is_folder(listing, path) ? folder_entry(path, strlen(path)) : NULL;
}

json_t *gateway_recall_paths(const struct hub_listing *listing, const json_t *paths)
{
	json_t *entries = json_array(), *path, *entry;
	size_t i;

	json_array_foreach(paths, i, path) {
		entry = path_entry(listing, json_string_value(path));
		if (entry && json_array_append_new(entries, entry) != 0) {
			json_decref(entries);
			return NULL;
		}
	}
	return entries;
}
