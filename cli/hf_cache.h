/* hf_cache: fills a cache of the Hugging Face libraries, so that from_pretrained finds a repo there without a network.
 *
 *   CACHE/models--ORG--NAME/blobs/<etag>               a copy or reflink; the etag is the SHA-256, or the git blob id outside LFS
 *   CACHE/models--ORG--NAME/snapshots/<commit>/<path>  symbolic link to it, relative
 *   CACHE/models--ORG--NAME/refs/<revision>            the commit, without a newline
 *
 * What is there already is left alone where it has the blob's bytes, which is checked, and replaced where it has others. Blocks on the disk; any thread.
 */
#ifndef LARDER_CLI_HF_CACHE_H
#define LARDER_CLI_HF_CACHE_H

#include "node/name.h"
#include "store/blob.h"

/* The folder of one repo inside a cache, made with its CACHEDIR.TAG when missing. */
struct hf_cache {
	char *repo_dir; /* absolute; owned */
};

/* `repo` is "ORG/NAME"; dirs.h tells where the usual cache is. */
enum err hf_cache_open(struct hf_cache *cache, const char *cache_dir, enum repo_type type, const char *repo, struct why *why) LARDER_MUST_USE;
void hf_cache_close(struct hf_cache *cache);

/* Put one file. `etag` is its digest as the hub lists it. `progress` and `cancel` as in blob_export(). */
enum err hf_cache_put(struct hf_cache *cache, struct store *store, const char *commit, const char *path, const struct digest *etag,
		      struct blob *blob, uint64_t *progress, const bool *cancel, struct why *why) LARDER_MUST_USE;

/* Note that a revision (unless it is a commit itself) stands for that commit. */
enum err hf_cache_set_ref(struct hf_cache *cache, const char *revision, const char *commit, struct why *why) LARDER_MUST_USE;

/* Absolute path of the snapshot, to be freed with free(). NULL: out of memory. */
char *hf_cache_snapshot(const struct hf_cache *cache, const char *commit);

#endif
