/* config: what the person set: a flag beats the environment (LARDER_<KEY>) beats the file larder.conf (key = value).
 *
 * Files: /etc/larder/larder.conf, then ${XDG_CONFIG_HOME:-~/.config}/larder/larder.conf, or the one named. Keys are those of `struct config`, but for the token,
 * which has no key. A path may begin with ~/; in a file it must not be relative otherwise. Blocks on the disk.
 */
#ifndef LARDER_NODE_CONFIG_H
#define LARDER_NODE_CONFIG_H

#include "base/err.h"
#include "base/log.h"

#include <stdint.h>

#define CONFIG_PORT 5273
#define CONFIG_GATEWAY_PORT 5274
#define CONFIG_BULK_PORT 5275
#define CONFIG_LIST_MAX 256

/* Values of a key that may be there many times; in one value they are apart by commas or blanks. */
struct config_list {
	char **items; /* owned, each of them too */
	size_t count;
};

enum config_discovery { CONFIG_DISCOVERY_AUTO, CONFIG_DISCOVERY_DAEMON, CONFIG_DISCOVERY_EMBEDDED, CONFIG_DISCOVERY_OFF };
enum config_hub_use { CONFIG_HUB_SPARE, CONFIG_HUB_FAST, CONFIG_HUB_NEVER };

struct config {
	char *home;       /* absolute; default ${XDG_CACHE_HOME:-~/.cache}/larder */
	char *hub;        /* URL; LARDER_HUB, else HF_ENDPOINT, else https://huggingface.co */
	char *token;      /* HF_TOKEN, else the token file of the Hugging Face tools; NULL: none */
	char *proxy;      /* NULL: the usual variables */
	char *ca_file;    /* NULL: the system's */
	char *sha256;     /* name of a kernel; NULL: the fastest */
	uint64_t max_size; /* bytes; 0: no limit. Written 500G, 1T, 200M (powers of 1024) */
	uint64_t min_free; /* UINT64_MAX: the default of store.h */
	enum log_level log_level; /* default warn */
	/* --- the node */
	char *name;       /* shown to others; default the host name */
	char *listen;     /* "ADDR:PORT", ":PORT" or "ADDR" for peers; NULL: all addresses, CONFIG_PORT or, if that is taken, a free one */
	char *bulk_port;  /* a port for the connections that carry pieces, or "off"; NULL: CONFIG_BULK_PORT or, if that is taken, a free one */
	struct config_list peers;      /* HOST[:PORT] */
	struct config_list interfaces; /* those to use; empty: all but tunnels and the like */
	struct config_list allow;      /* ADDRESS/LENGTH: networks that count as near besides those that are */
	enum config_discovery discovery; /* auto */
	enum config_hub_use hub_use;     /* spare */
	bool serve;        /* give to peers what is public; default yes */
	bool share_names;  /* let peers list the names of what is public; default yes */
	bool share_gated;  /* in a private group: gated files too; default no */
	/* --- the gateway */
	struct config_list gateway;        /* ADDR:PORT; what stands before an "off" does not count. Empty: loopback, CONFIG_GATEWAY_PORT */
	struct config_list gateway_allow;  /* ADDRESS/LENGTH: who may ask besides this machine itself; they get what is public */
	struct config_list gateway_host;   /* names by which programs may call it, besides addresses */
	struct config_list gateway_origin; /* web pages that may use it: "https://example.org" */
	struct why note;  /* what was passed over in the surroundings (HF_ENDPOINT that is a gateway, a token that cannot be one); "": nothing */
};

struct config_flag {
	const char *key, *value; /* "home", "/srv/larder" */
};

/* "10", "500M", "1.5T": a number of bytes, K/M/G/T are powers of 1024, with or without B or iB behind. False for anything else. */
bool config_parse_size(const char *text, uint64_t *ret_bytes);

/* ERR_USAGE names the key, the value, where it was set and what would be right. `file` NULL: the usual files. */
enum err config_load(struct config *ret_config, const char *file, const struct config_flag *flags, size_t count, struct why *why) LARDER_MUST_USE;
void config_release(struct config *config); /* wipes the token */

/* --- of two that were loaded one after the other */

/* Calls `tell` for each key whose values are not the same; those of config_exchange() may be exchanged from it. */
void config_each_change(const struct config *a, const struct config *b, void (*tell)(void *context, const char *key), void *context);
/* Each gets the other's value of that key, which must be one. */
void config_exchange(struct config *a, struct config *b, const char *key);

#endif
