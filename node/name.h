/* name: how people name things: [datasets/|spaces/]REPO[@REV][:PATH], hf:// forms, pasted hub addresses, and digests.
 *
 * Pure; any thread. Examples, all the same file:
 *   ORG/NAME@v1.0:dir/model.safetensors
 *   hf://ORG/NAME@v1.0/dir/model.safetensors
 *   https://huggingface.co/ORG/NAME/resolve/v1.0/dir/model.safetensors      (also /blob/, /raw/, /tree/, with ?download=true, %2F in revisions)
 * A repo at another host than Hugging Face's and the hub's own is another repo: its address is refused.
 */
#ifndef LARDER_NODE_NAME_H
#define LARDER_NODE_NAME_H

#include "base/err.h"
#include "store/digest.h"

#define NAME_TEXT_MAX 2048

enum repo_type { REPO_MODEL, REPO_DATASET, REPO_SPACE };

struct name {
	struct digest digest;   /* DIGEST_NONE unless the name is a digest; then all else is NULL */
	enum repo_type type;
	char *repo;             /* "ORG/NAME", or "NAME" for legacy ones */
	char *revision;         /* "main" when none was given */
	char *path;             /* NULL: the whole repo */
};

/* `hub`: address of the hub in use, "https://mirror/hf", below which names may lie; NULL: none. ERR_USAGE with a sentence that shows the right form, or which hosts are understood. */
enum err name_parse(const char *text, const char *hub, struct name *ret_name, struct why *why) LARDER_MUST_USE;
void name_release(struct name *name);

/* "models", "datasets", "spaces": as in /api/TYPE/. */
const char *repo_type_plural(enum repo_type type);
/* "", "datasets/", "spaces/": before the repo in addresses and in what we print. */
const char *repo_type_prefix(enum repo_type type);
/* "datasets/ORG/NAME": owned by the caller; NULL: out of memory. */
char *name_repo_text(const struct name *name);
/* 40 lower-case hex digits. */
bool name_is_commit(const char *revision);

#endif
