#include "node/reload.h"

#include <stdio.h>
#include <string.h>

#define NAMES_MAX 256 /* of all keys together it is less */

/* What becomes of a key that has changed. Those not here need another start. */
enum effect { EFFECT_NONE, EFFECT_NOW, EFFECT_REGROUP };

static const struct {
	const char *key;
	enum effect effect;
} effects[] = {
	{"log_level", EFFECT_NOW}, {"max_size", EFFECT_NOW}, {"min_free", EFFECT_NOW},
	{"peer", EFFECT_REGROUP}, {"name", EFFECT_REGROUP}, {"discovery", EFFECT_REGROUP}, {"serve", EFFECT_REGROUP}, {"share_names", EFFECT_REGROUP},
	{"share_gated", EFFECT_REGROUP},
};

struct reload {
	struct config *config, *fresh;
	bool regroups;
	char taken[NAMES_MAX], left[NAMES_MAX];
};

static enum effect effect_of(const char *key)
{
	for (size_t i = 0; i < sizeof effects / sizeof effects[0]; i++)
		if (strcmp(effects[i].key, key) == 0)
			return effects[i].effect;
	return EFFECT_NONE;
}

static void add_name(char names[NAMES_MAX], const char *name)
{
	size_t len = strlen(names);

	snprintf(names + len, NAMES_MAX - len, "%s%s", len ? ", " : "", name);
}

static void on_change(void *context, const char *key)
{
	struct reload *reload = context;
	enum effect effect = effect_of(key);

	if (effect == EFFECT_NONE) {
		add_name(reload->left, key);
		return;
	}
	config_exchange(reload->config, reload->fresh, key);
	reload->regroups |= effect == EFFECT_REGROUP;
	add_name(reload->taken, key);
}

static void tell(struct log *log, const struct reload *reload)
{
	if (reload->left[0])
		log_warn(log, "the settings were read again; %s%swhat has changed of %s counts when larderd is started again", reload->taken, reload->taken[0] ? " changed; " : "",
			 reload->left);
	else
		log_info(log, "the settings were read again; %s", reload->taken[0] ? reload->taken : "nothing has changed");
}

void reload_apply(struct node *node, struct config *config, struct config *fresh)
{
	const struct node_options *use = node_options_of(node);
	struct reload reload = {.config = config, .fresh = fresh};
	struct why why = {0};

	config_each_change(config, fresh, on_change, &reload);
	log_set_level(use->log, config->log_level);
	store_set_limits(use->store, config->max_size, config->min_free);
	tell(use->log, &reload);
	if (reload.regroups && node_regroup(node, &why) != ERR_OK)
		log_error(use->log, "with the new settings, this node has no peers: %s", why.text);
}
