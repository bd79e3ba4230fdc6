/* endpoint_settings: the variables with which unmodified programs take their files from a node's gateway (`larder run`, `larder env`).
 *
 * As few as do it; what is right already in the environment is left alone. Pure, but for reading the environment. Any thread, while nobody changes that.
 */
#ifndef LARDER_CLI_ENDPOINT_SETTINGS_H
#define LARDER_CLI_ENDPOINT_SETTINGS_H

#include "base/err.h"

#define ENDPOINT_SETTINGS_MAX 5

struct endpoint_setting {
	const char *name;
	char *value; /* owned */
};

struct endpoint_settings {
	struct endpoint_setting items[ENDPOINT_SETTINGS_MAX];
	size_t count;
};

/* `url` is the gateway's, "http://127.0.0.1:5274"; `hub` what larder itself has for a hub:
 *   HF_ENDPOINT         the gateway: for huggingface_hub and all that is built on it, hf-hub, llama.cpp, hfjs
 *   MODEL_ENDPOINT      the same where it is set: llama.cpp asks it first
 *   LARDER_HUB          the hub: so that a larder started by the program does not take a gateway for one, or loses the one that HF_ENDPOINT named before
 *   NO_PROXY, no_proxy  what they were, and this machine, where a proxy is set for http and they leave this machine to it
 * ERR_NO_MEMORY. Release it in any case. */
enum err endpoint_settings_make(struct endpoint_settings *ret_settings, const char *url, const char *hub, struct why *why) LARDER_MUST_USE;
void endpoint_settings_release(struct endpoint_settings *settings);

/* Whether a value of no_proxy names this machine. NULL: no. */
bool endpoint_is_left_to_us(const char *no_proxy);

enum shell { SHELL_SH, SHELL_FISH, SHELL_CSH };

/* "sh", "bash", "zsh", "dash", "ksh"; "fish"; "csh", "tcsh"; also as paths. False: unknown. */
bool shell_parse(const char *name, enum shell *ret_shell);

/* The line that sets one, quoted so that the shell takes nothing in it for its own; to be freed. NULL: out of memory. */
char *endpoint_setting_line(const struct endpoint_setting *setting, enum shell shell);

#endif
