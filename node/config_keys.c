#include "node/config_private.h"

#include <string.h>

static const char *const discovery_words[] = {"auto", "daemon", "embedded", "off", NULL};
static const char *const hub_use_words[] = {"spare", "fast", "never", NULL};

const struct config_key config_keys[] = {
	{"home", CONFIG_KIND_PATH, offsetof(struct config, home)},
	{"hub", CONFIG_KIND_URL, offsetof(struct config, hub)},
	{"proxy", CONFIG_KIND_TEXT, offsetof(struct config, proxy)},
	{"ca_file", CONFIG_KIND_PATH, offsetof(struct config, ca_file)},
	{"sha256", CONFIG_KIND_TEXT, offsetof(struct config, sha256)},
	{"max_size", CONFIG_KIND_SIZE, offsetof(struct config, max_size)},
	{"min_free", CONFIG_KIND_SIZE, offsetof(struct config, min_free)},
	{"log_level", CONFIG_KIND_LEVEL, offsetof(struct config, log_level)},
	{"name", CONFIG_KIND_TEXT, offsetof(struct config, name)},
	{"listen", CONFIG_KIND_TEXT, offsetof(struct config, listen)},
	{"bulk_port", CONFIG_KIND_TEXT, offsetof(struct config, bulk_port)},
	{"peer", CONFIG_KIND_LIST, offsetof(struct config, peers)},
	{"interface", CONFIG_KIND_LIST, offsetof(struct config, interfaces)},
	{"allow", CONFIG_KIND_LIST, offsetof(struct config, allow)},
	{"discovery", CONFIG_KIND_CHOICE, offsetof(struct config, discovery), discovery_words},
	{"hub_use", CONFIG_KIND_CHOICE, offsetof(struct config, hub_use), hub_use_words},
	{"serve", CONFIG_KIND_YES, offsetof(struct config, serve)},
	{"share_names", CONFIG_KIND_YES, offsetof(struct config, share_names)},
	{"share_gated", CONFIG_KIND_YES, offsetof(struct config, share_gated)},
	{"gateway", CONFIG_KIND_LIST, offsetof(struct config, gateway)},
	{"gateway_allow", CONFIG_KIND_LIST, offsetof(struct config, gateway_allow)},
	{"gateway_host", CONFIG_KIND_LIST, offsetof(struct config, gateway_host)},
	{"gateway_origin", CONFIG_KIND_LIST, offsetof(struct config, gateway_origin)},
	{NULL, CONFIG_KIND_TEXT, 0, NULL},
};

const struct config_key *config_key_find(const char *name)
{
	for (const struct config_key *key = config_keys; key->name; key++)
		if (strcmp(key->name, name) == 0)
			return key;
	return NULL;
}

/* --- comparing and exchanging */

static size_t field_size(const struct config_key *key)
{
	switch (key->kind) {
	case CONFIG_KIND_TEXT:
	case CONFIG_KIND_PATH:
	case CONFIG_KIND_URL:
		return sizeof(char *);
	case CONFIG_KIND_SIZE:
		return sizeof(uint64_t);
	case CONFIG_KIND_LEVEL:
		return sizeof(enum log_level);
	case CONFIG_KIND_YES:
		return sizeof(bool);
	case CONFIG_KIND_LIST:
		return sizeof(struct config_list);
	case CONFIG_KIND_CHOICE:
		return sizeof(int);
	}
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_list(const struct config_list *a, const struct config_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static bool is_same(const struct config *a, const struct config *b, const struct config_key *key)
{
	const void *one = (const char *)a + key->offset, *other = (const char *)b + key->offset;

	switch (key->kind) {
	case CONFIG_KIND_TEXT:
	case CONFIG_KIND_PATH:
	case CONFIG_KIND_URL:
		return same_text(*(char *const *)one, *(char *const *)other);
	case CONFIG_KIND_LIST:
		return same_list(one, other);
	default:
		return memcmp(one, other, field_size(key)) == 0;
	}
}

void config_each_change(const struct config *a, const struct config *b, void (*tell)(void *context, const char *key), void *context)
{
	for (const struct config_key *key = config_keys; key->name; key++)
		if (!is_same(a, b, key))
			tell(context, key->name);
}

void config_exchange(struct config *a, struct config *b, const char *name)
{
	const struct config_key *key = config_key_find(name);
	char *one = (char *)a + key->offset, *other = (char *)b + key->offset;
	unsigned char kept[sizeof(struct config_list)];
	size_t size = field_size(key);

	memcpy(kept, one, size);
	memcpy(one, other, size);
	memcpy(other, kept, size);
}
