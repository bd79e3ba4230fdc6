/* glob: patterns that choose files of a repo, as Hugging Face's allow_patterns do.
 *
 * They are Python's fnmatch on whole paths: `*` matches anything, slashes included; `?` one character; `[abc]`, `[a-z]`, `[!a]` one of (not of) a
 * set; a [ that is not closed stands for itself. Case counts. "dir/" means "dir/" and everything in it. UTF-8. Pure; any thread.
 */
#ifndef LARDER_CLI_GLOB_H
#define LARDER_CLI_GLOB_H

#include <stdbool.h>

bool glob_match(const char *pattern, const char *path);

#endif
