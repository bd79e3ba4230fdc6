/* hf_scan: looks through a cache of the Hugging Face libraries (its layout: hf_cache.h).
 *
 * What is found is what the cache says of itself: file names that are digests, and names of files that are links, and which commit a branch is. Nothing of it is proven. Downloads that are not
 * complete, and whatever is not part of the layout, are passed over. Blocks on the disk; any thread.
 */
#ifndef LARDER_CLI_HF_SCAN_H
#define LARDER_CLI_HF_SCAN_H

#include "store/digest.h"

#define HF_SCAN_MAX 1000000 /* files, and as many names */

struct hf_file {
	char *path;           /* absolute; owned */
	struct digest digest; /* that it is named by: SHA-256, or git-sha1 */
	uint64_t size;
};

struct hf_name {
	size_t file;                /* its place among the files */
	char *repo, *commit, *path; /* "datasets/ORG/NAME"; owned */
};

struct hf_ref {
	char *repo, *revision, *commit; /* "datasets/ORG/NAME", "main"; owned */
};

struct hf_scan {
	struct hf_file *files;
	size_t file_count, file_room;
	struct hf_name *names;
	size_t name_count, name_room;
	struct hf_ref *refs;
	size_t ref_count, ref_room;
	size_t repos;
};

/* `dir` is absolute: the cache itself (what HF_HUB_CACHE names), or the directory that has it as "hub" (HF_HOME). ERR_NOT_FOUND: there is no such directory, or no repo in
 * it. ERR_LIMIT, ERR_NO_MEMORY, ERR_PERMISSION. Release it in any case. */
enum err hf_scan(struct hf_scan *ret_scan, const char *dir, struct why *why) LARDER_MUST_USE;
void hf_scan_release(struct hf_scan *scan);

#endif
