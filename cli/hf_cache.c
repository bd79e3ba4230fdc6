#include "cli/hf_cache.h"

#include "cli/export.h"
#include "store/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* See bford.info/cachedir: backup programs leave such directories out. */
static const char cachedir_tag[] = "Signature: 8a477f597d28d172789f06886806bc55\n# This file marks a cache directory.\n";

/* Write a small file under a temporary name and rename it. */
static enum err write_small(const char *path, const char *text, struct why *why)
{
	char *temporary = NULL;
	size_t len = strlen(text);
	enum err err = ERR_OK;
	int fd = -1;

	if (asprintf(&temporary, "%s.larder-XXXXXX", path) < 0)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0644) != 0 || write(fd, text, len) != (ssize_t)len || close(fd) != 0)
		err = why_errno(why, errno, "cannot write %s", path);
	else if (rename(temporary, path) != 0)
		err = why_errno(why, errno, "cannot write %s", path);
	if (err && fd >= 0)
		unlink(temporary);
	free(temporary);
	return err;
}

/* "models--ORG--NAME": every slash becomes two dashes. */
static enum err folder_name(enum repo_type type, const char *repo, char ret[NAME_TEXT_MAX], struct why *why)
{
	size_t used = (size_t)snprintf(ret, NAME_TEXT_MAX, "%s--", repo_type_plural(type));

	if (!tree_path_is_safe(repo))
		return why_set(why, ERR_INVALID, "%s cannot be the name of a folder", repo);
	for (; *repo && used < NAME_TEXT_MAX - 3; repo++) {
		if (*repo == '/')
			ret[used++] = '-';
		ret[used++] = *repo == '/' ? '-' : *repo;
	}
	ret[used] = 0;
	return *repo ? why_set(why, ERR_LIMIT, "the name of the repo is too long") : ERR_OK;
}

static enum err mark_cache(const char *cache_dir, struct why *why)
{
	char *tag = NULL;
	enum err err = ERR_OK;

	if (asprintf(&tag, "%s/CACHEDIR.TAG", cache_dir) < 0)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	err = export_make_parents(tag, why);
	if (!err && access(tag, F_OK) != 0)
		err = write_small(tag, cachedir_tag, why);
	free(tag);
	return err;
}

enum err hf_cache_open(struct hf_cache *cache, const char *cache_dir, enum repo_type type, const char *repo, struct why *why)
{
	char folder[NAME_TEXT_MAX], *absolute = NULL;
	enum err err = folder_name(type, repo, folder, why);

	if (err)
		return err;
	err = mark_cache(cache_dir, why);
	if (err)
		return err;
	absolute = realpath(cache_dir, NULL);
	if (!absolute)
		return why_errno(why, errno, "cannot use the Hugging Face cache %s", cache_dir);
	if (asprintf(&cache->repo_dir, "%s/%s", absolute, folder) < 0)
		err = why_set(why, ERR_NO_MEMORY, "out of memory");
	free(absolute);
	return err;
}

void hf_cache_close(struct hf_cache *cache)
{
	free(cache->repo_dir);
	cache->repo_dir = NULL;
}

char *hf_cache_snapshot(const struct hf_cache *cache, const char *commit)
{
	char *path = NULL;

	return asprintf(&path, "%s/snapshots/%s", cache->repo_dir, commit) < 0 ? NULL : path;
}

/* The link goes up from the file's directory to the repo's folder. */
static char *link_target(const char *path, const char *etag)
{
	char *target = NULL, *grown = NULL;
	int made = asprintf(&target, "../../blobs/%s", etag);

	for (const char *slash = strchr(path, '/'); made >= 0 && slash; slash = strchr(slash + 1, '/')) {
		made = asprintf(&grown, "../%s", target);
		free(target);
		target = made < 0 ? NULL : grown;
	}
	return made < 0 ? NULL : target;
}

static enum err put_link(const char *link, const char *target, struct why *why)
{
	char now[PATH_MAX], *temporary = NULL;
	ssize_t len = readlink(link, now, sizeof now - 1);
	enum err err;

	if (len > 0 && (size_t)len == strlen(target) && memcmp(now, target, (size_t)len) == 0)
		return ERR_OK;
	err = export_make_parents(link, why);
	if (err)
		return err;
	if (asprintf(&temporary, "%s.larder-%ld", link, (long)getpid()) < 0)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	unlink(temporary);
	if (symlink(target, temporary) != 0 || rename(temporary, link) != 0) {
		err = why_errno(why, errno, "cannot link %s", link);
		unlink(temporary);
	}
	free(temporary);
	return err;
}

enum err hf_cache_put(struct hf_cache *cache, struct store *store, const char *commit, const char *path, const struct digest *etag,
		      struct blob *blob, uint64_t *progress, const bool *cancel, struct why *why)
{
	char hex[DIGEST_HEX_MAX], *data = NULL, *link = NULL, *target = NULL;
	enum err err = ERR_OK;

	if (!tree_path_is_safe(path))
		return why_set(why, ERR_INVALID, "%s cannot be a path below a cache", path);
	digest_hex(etag, hex);
	target = link_target(path, hex);
	if (!target || asprintf(&data, "%s/blobs/%s", cache->repo_dir, hex) < 0 ||
	    asprintf(&link, "%s/snapshots/%s/%s", cache->repo_dir, commit, path) < 0)
		err = why_set(why, ERR_NO_MEMORY, "out of memory");
	if (!err)
		err = export_to(store, blob, data, true, progress, cancel, why);
	if (!err)
		err = put_link(link, target, why);
	free(target);
	free(data);
	free(link);
	return err;
}

enum err hf_cache_set_ref(struct hf_cache *cache, const char *revision, const char *commit, struct why *why)
{
	char *path = NULL;
	enum err err;

	if (name_is_commit(revision))
		return ERR_OK;
	if (!tree_path_is_safe(revision))
		return why_set(why, ERR_INVALID, "%s cannot be a path below a cache", revision);
	if (asprintf(&path, "%s/refs/%s", cache->repo_dir, revision) < 0)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	err = export_make_parents(path, why);
	if (!err)
		err = write_small(path, commit, why);
	free(path);
	return err;
}
