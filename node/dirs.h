/* dirs: where things lie for the person who runs this: home, XDG directories, and the directories of the Hugging Face tools.
 *
 * From the environment, as those tools read it. Every path that is given out is absolute and the caller's to free. Any thread, but nobody
 * may change the environment meanwhile; nothing blocks but the password database, asked only when HOME is not set.
 */
#ifndef LARDER_NODE_DIRS_H
#define LARDER_NODE_DIRS_H

#include "base/err.h"

/* "DIR/NAME"; NULL: out of memory. */
char *dirs_join(const char *dir, const char *name);

/* `path` made absolute: "~" and "~/..." are the person's home, other relative ones start at the current directory. ERR_USAGE: there is no home. */
enum err dirs_absolute(const char *path, char **ret_path, struct why *why) LARDER_MUST_USE;

/* ${XDG_CACHE_HOME:-~/.cache} and ${XDG_CONFIG_HOME:-~/.config}. ERR_USAGE: no home. */
enum err dirs_cache_home(char **ret_path, struct why *why) LARDER_MUST_USE;
enum err dirs_config_home(char **ret_path, struct why *why) LARDER_MUST_USE;

/* HF_HOME, else huggingface in the cache home. */
enum err dirs_hf_home(char **ret_path, struct why *why) LARDER_MUST_USE;
/* HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else hub in HF_HOME. */
enum err dirs_hf_hub_cache(char **ret_path, struct why *why) LARDER_MUST_USE;
/* HF_TOKEN_PATH, else token in HF_HOME. */
enum err dirs_hf_token(char **ret_path, struct why *why) LARDER_MUST_USE;

#endif
