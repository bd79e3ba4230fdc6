/* What people type or paste as a name. What is accepted is safe to make addresses and paths of, and means the same when it is written in the plain form. */
#include "fuzz/fuzz.h"
#include "node/name.h"
#include "store/tree.h"

#include <stdio.h>
#include <string.h>

#define HUB "https://mirror:8443/hf"
#define TEXT_MAX (2 * NAME_TEXT_MAX)

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : !a && !b;
}

static void check_plain_form(const struct name *name)
{
	char *repo = name_repo_text(name), text[TEXT_MAX];
	struct name again;

	must(repo);
	snprintf(text, sizeof text, "%s@%s%s%s", repo, name->revision, name->path ? ":" : "", name->path ? name->path : "");
	free(repo);
	if (strlen(text) > NAME_TEXT_MAX)
		return;
	must(name_parse(text, HUB, &again, NULL) == ERR_OK);
	must(again.type == name->type && same(again.repo, name->repo) && same(again.revision, name->revision) && same(again.path, name->path));
	name_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), digest[DIGEST_TEXT_MAX];
	struct name name, again;
	struct why why = {0};
	enum err err;

	must(text);
	memcpy(text, data, size);
	text[size] = 0;
	err = name_parse(text, HUB, &name, &why);
	must(err == ERR_OK || (err == ERR_USAGE && why.text[0]));
	if (!err && name.digest.algorithm != DIGEST_NONE) {
		must(!name.repo && !name.revision && !name.path);
		must(name_parse(digest_text(&name.digest, digest), HUB, &again, NULL) == ERR_OK && digest_equal(&again.digest, &name.digest));
	} else if (!err) {
		must(tree_path_is_safe(name.repo) && tree_path_is_safe(name.revision));
		must(!name.path || tree_path_is_safe(name.path));
		check_plain_form(&name);
	}
	if (!err)
		name_release(&name);
	free(text);
	return 0;
}
