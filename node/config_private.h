/* config_private: the keys of larder.conf, for the files of config. */
#ifndef LARDER_NODE_CONFIG_PRIVATE_H
#define LARDER_NODE_CONFIG_PRIVATE_H

#include "node/config.h"

#include <stddef.h>

/* What a key's field in struct config is: texts, paths and URLs are char *, owned; a choice is an enum. */
enum config_kind {
	CONFIG_KIND_TEXT, CONFIG_KIND_PATH, CONFIG_KIND_URL, CONFIG_KIND_SIZE, CONFIG_KIND_LEVEL, CONFIG_KIND_YES, CONFIG_KIND_LIST, CONFIG_KIND_CHOICE,
};

struct config_key {
	const char *name;
	enum config_kind kind;
	size_t offset; /* in struct config */
	const char *const *words; /* of CONFIG_KIND_CHOICE, in the order of its enum */
};

/* Ends with one without a name. */
extern const struct config_key config_keys[];
#define CONFIG_KEY_NAMES \
	"home, hub, proxy, ca_file, sha256, max_size, min_free, log_level, name, listen, bulk_port, peer, interface, allow, discovery, hub_use, serve, " \
	"share_names, share_gated, gateway, gateway_allow, gateway_host, gateway_origin"

/* NULL: there is none. */
const struct config_key *config_key_find(const char *name);

#endif
