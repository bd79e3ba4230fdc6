#include "cli/choice.h"

#include "base/buf.h"
#include "cli/glob.h"

#include <stdlib.h>

#define NAMED_MAX 4 /* files that the sentence names */

static enum err nothing_matches(const struct hub_listing *listing, const char *const *globs, size_t glob_count, struct why *why)
{
	struct buf text = {.limit = WHY_MAX};
	enum err err = ERR_OK;
	size_t named = listing->count < NAMED_MAX ? listing->count : NAMED_MAX;

	for (size_t i = 0; !err && i < glob_count; i++)
		err = buf_add_format(&text, "%s\"%s\"", i ? " or " : "", globs[i]);
	if (!err)
		err = buf_add_str(&text, "; there are ");
	for (size_t i = 0; !err && i < named; i++)
		err = buf_add_format(&text, "%s%s", i ? ", " : "", listing->files[i].path);
	if (!err && listing->count > named)
		err = buf_add_format(&text, " and %zu more", listing->count - named);
	/* What did not fit is not missed. */
	err = why_set(why, ERR_NOT_FOUND, "no file of %s%s matches %s", repo_type_prefix(listing->type), listing->repo, buf_str(&text));
	buf_release(&text);
	return err;
}

enum err choice_make(const struct hub_listing *listing, const char *const *globs, size_t glob_count, const struct hub_file ***ret_files,
		     size_t *ret_count, const char **ret_idle, struct why *why)
{
	const struct hub_file **files;
	bool *used = calloc(glob_count + 1, sizeof *used);
	size_t count = 0;
	const char *idle = NULL;

	if (listing->count == 0) {
		free(used);
		return why_set(why, ERR_NOT_FOUND, "%s%s has no files", repo_type_prefix(listing->type), listing->repo);
	}
	files = calloc(listing->count, sizeof *files);
	if (!files || !used) {
		free(files);
		free(used);
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	}
	for (size_t i = 0; i < listing->count; i++) {
		bool chosen = glob_count == 0;
		for (size_t k = 0; k < glob_count; k++) {
			if (glob_match(globs[k], listing->files[i].path))
				chosen = used[k] = true;
		}
		if (chosen)
			files[count++] = &listing->files[i];
	}
	for (size_t k = glob_count; k-- > 0;)
		idle = used[k] ? idle : globs[k];
	free(used);
	if (count == 0) {
		free(files);
		return nothing_matches(listing, globs, glob_count, why);
	}
	*ret_files = files;
	*ret_count = count;
	*ret_idle = idle;
	return ERR_OK;
}
