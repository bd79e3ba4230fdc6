/* choice: which files of a listing the person's patterns mean. Pure; any thread. */
#ifndef LARDER_CLI_CHOICE_H
#define LARDER_CLI_CHOICE_H

#include "node/hub.h"

/* Those that any of `globs` matches, all when there are none, in the order of the listing. ERR_NOT_FOUND: none; the sentence names the patterns and some of what there is.
 * *ret_idle: the first pattern that matches nothing while others do, or NULL. The caller frees *ret_files. */
enum err choice_make(const struct hub_listing *listing, const char *const *globs, size_t glob_count, const struct hub_file ***ret_files,
		     size_t *ret_count, const char **ret_idle, struct why *why) LARDER_MUST_USE;

#endif
