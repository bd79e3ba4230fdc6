#include "node/config_private.h"

#include "base/list.h"
#include "node/ini_file.h"
#include "node/dirs.h"
#include "node/token.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM_FILE "/etc/larder/larder.conf"
#define USER_FILE "larder/larder.conf"
#define DEFAULT_HUB "https://huggingface.co"
#define VARIABLE_MAX 64
#define AUTHORITY_MAX 64 /* a loopback one is never longer */

static void list_release(struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct config_list){0};
}

void config_release(struct config *config)
{
	free(config->name);
	free(config->listen);
	free(config->bulk_port);
	list_release(&config->peers);
	list_release(&config->interfaces);
	list_release(&config->allow);
	list_release(&config->gateway);
	list_release(&config->gateway_allow);
	list_release(&config->gateway_host);
	list_release(&config->gateway_origin);
	free(config->home);
	free(config->hub);
	token_free(config->token);
	free(config->proxy);
	free(config->ca_file);
	free(config->sha256);
	*config = (struct config){0};
}

static bool unit_factor(const char *text, uint64_t *ret_factor)
{
	static const char letters[] = "KMGT";
	const char *letter;
	uint64_t factor = 1;

	if (*text && (letter = strchr(letters, toupper((unsigned char)*text)))) {
		factor <<= 10 * (letter - letters + 1);
		text++;
		if (*text == 'i')
			text++;
	}
	if (*text == 'B' || *text == 'b')
		text++;
	*ret_factor = factor;
	return *text == 0;
}

bool config_parse_size(const char *text, uint64_t *ret_bytes)
{
	uint64_t whole = 0, factor, part = 0, place = 1;
	const char *digits = text;

	for (; *text >= '0' && *text <= '9'; text++) {
		if (whole > (UINT64_MAX - 9) / 10)
			return false;
		whole = whole * 10 + (uint64_t)(*text - '0');
	}
	if (text == digits)
		return false;
	if (*text == '.') {
		digits = ++text;
		for (; *text >= '0' && *text <= '9'; text++) {
			if (place < 1000000) { /* finer than that makes no difference here */
				part = part * 10 + (uint64_t)(*text - '0');
				place *= 10;
			}
		}
		if (text == digits)
			return false;
	}
	text += strspn(text, " ");
	if (!unit_factor(text, &factor) || whole > (UINT64_MAX - factor) / factor)
		return false;
	*ret_bytes = whole * factor + factor / place * part + factor % place * part / place;
	return true;
}

static enum err replace(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return ERR_NO_MEMORY;
	free(*text);
	*text = copy;
	return ERR_OK;
}

/* `where` is "--home", "LARDER_HOME", "larder.conf:3". */
static enum err set_path(char **path, const char *value, const char *where, bool from_file, struct why *why)
{
	char *absolute = NULL;
	enum err err;

	if (from_file && value[0] != '/' && value[0] != '~')
		return why_set(why, ERR_USAGE, "%s: \"%s\" does not say from where: write the whole path, from / or ~/", where, value);
	err = dirs_absolute(value, &absolute, why);
	if (err)
		return err;
	free(*path);
	*path = absolute;
	return ERR_OK;
}

static const char *behind_scheme(const char *url)
{
	if (strncasecmp(url, "https://", 8) == 0)
		return url + 8;
	if (strncasecmp(url, "http://", 7) == 0)
		return url + 7;
	return NULL;
}

static enum err set_url(char **url, const char *value, const char *where, struct why *why)
{
	const char *host = behind_scheme(value);
	size_t len = strlen(value);
	enum err err;

	for (const char *p = value; *p; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7f || strchr("?#", *p))
			host = NULL;
	if (!host || !*host || *host == '/')
		return why_set(why, ERR_USAGE, "%s: \"%s\" is not the address of a hub: write one like https://huggingface.co", where, value);
	err = replace(url, value);
	while (!err && len && (*url)[len - 1] == '/')
		(*url)[--len] = 0;
	return err;
}

static enum err set_yes(bool *yes, const struct config_key *key, const char *value, const char *where, struct why *why)
{
	static const char *const words[] = {"no", "yes", "false", "true", "0", "1", "off", "on"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strcasecmp(value, words[i]) != 0)
			continue;
		*yes = i % 2 != 0;
		return ERR_OK;
	}
	return why_set(why, ERR_USAGE, "%s: \"%s\" is not an answer for %s: write yes or no", where, value, key->name);
}

static enum err set_choice(void *choice, const struct config_key *key, const char *value, const char *where, struct why *why)
{
	char known[VARIABLE_MAX] = "";

	for (int i = 0; key->words[i]; i++) {
		if (strcmp(value, key->words[i]) == 0) {
			memcpy(choice, &i, sizeof i);
			return ERR_OK;
		}
		snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", key->words[i]);
	}
	return why_set(why, ERR_USAGE, "%s: \"%s\" is no value for %s: it is one of %s", where, value, key->name, known);
}

static enum err list_add(struct config_list *list, const char *item, size_t len)
{
	char **items = realloc(list->items, (list->count + 1) * sizeof *items);

	if (!items)
		return ERR_NO_MEMORY;
	list->items = items;
	items[list->count] = strndup(item, len);
	if (!items[list->count])
		return ERR_NO_MEMORY;
	list->count++;
	return ERR_OK;
}

/* A later place adds to what an earlier one named. */
static enum err set_list(struct config_list *list, const struct config_key *key, const char *value, const char *where, struct why *why)
{
	static const char between[] = ", \t";
	enum err err = ERR_OK;

	for (const char *p = value + strspn(value, between); !err && *p; p += strspn(p, between)) {
		size_t len = strcspn(p, between);
		if (list->count >= CONFIG_LIST_MAX)
			return why_set(why, ERR_USAGE, "%s: more than %d values for %s", where, CONFIG_LIST_MAX, key->name);
		err = list_add(list, p, len);
		p += len;
	}
	return err ? why_set(why, err, "out of memory") : ERR_OK;
}

static enum err set(struct config *config, const struct config_key *key, const char *value, const char *where, bool from_file, struct why *why)
{
	void *field = (char *)config + key->offset;

	if (!*value)
		return why_set(why, ERR_USAGE, "%s needs a value for %s", where, key->name);
	switch (key->kind) {
	case CONFIG_KIND_TEXT:
		return replace(field, value);
	case CONFIG_KIND_PATH:
		return set_path(field, value, where, from_file, why);
	case CONFIG_KIND_URL:
		return set_url(field, value, where, why);
	case CONFIG_KIND_YES:
		return set_yes(field, key, value, where, why);
	case CONFIG_KIND_LIST:
		return set_list(field, key, value, where, why);
	case CONFIG_KIND_CHOICE:
		return set_choice(field, key, value, where, why);
	case CONFIG_KIND_SIZE:
		if (config_parse_size(value, field))
			return ERR_OK;
		return why_set(why, ERR_USAGE, "%s: \"%s\" is not a size for %s: write bytes, or a number with K, M, G or T, as in 500G", where, value, key->name);
	case CONFIG_KIND_LEVEL:
		if (log_level_parse(value, field))
			return ERR_OK;
		return why_set(why, ERR_USAGE, "%s: \"%s\" is not a log level: it is error, warn, info or debug", where, value);
	}
	return ERR_USAGE;
}

struct config_file {
	struct ini_file ini;
	struct config *config;
};

static enum err on_value(struct ini_file *file, const char *name, const char *value, const char *where, struct why *why)
{
	struct config_file *self = container_of(file, struct config_file, ini);
	const struct config_key *key = config_key_find(name);

	if (!key)
		return why_set(why, ERR_USAGE, "%s: there is no key \"%s\"; the keys are " CONFIG_KEY_NAMES, where, name);
	return set(self->config, key, value, where, true, why);
}

static enum err load_file(struct config *config, const char *path, bool must_exist, struct why *why)
{
	struct config_file file = {.ini = {on_value}, .config = config};
	struct why failure = {0};
	enum err err = ini_file_read(&file.ini, path, &failure);

	if (!err || (err == ERR_NOT_FOUND && !must_exist))
		return ERR_OK;
	if (why)
		*why = failure;
	return err == ERR_NOT_FOUND ? ERR_USAGE : err;
}

static enum err load_files(struct config *config, const char *file, struct why *why)
{
	char *dir = NULL, *path = NULL;
	enum err err;

	if (!file && getenv("LARDER_CONFIG") && *getenv("LARDER_CONFIG"))
		file = getenv("LARDER_CONFIG");
	if (file)
		return load_file(config, file, true, why);
	err = load_file(config, SYSTEM_FILE, false, why);
	if (err)
		return err;
	if (dirs_config_home(&dir, NULL) != ERR_OK)
		return ERR_OK; /* without a home there is no file in it */
	path = dirs_join(dir, USER_FILE);
	err = path ? load_file(config, path, false, why) : ERR_NO_MEMORY;
	free(path);
	free(dir);
	return err;
}

static enum err load_environment(struct config *config, struct why *why)
{
	for (const struct config_key *key = config_keys; key->name; key++) {
		char variable[VARIABLE_MAX];
		const char *value;
		enum err err;

		snprintf(variable, sizeof variable, "LARDER_%s", key->name);
		for (char *p = variable; *p; p++)
			*p = (char)toupper((unsigned char)*p);
		value = getenv(variable);
		if (!value || !*value)
			continue;
		err = set(config, key, value, variable, false, why);
		if (err)
			return err;
	}
	return ERR_OK;
}

static enum err load_flags(struct config *config, const struct config_flag *flags, size_t count, struct why *why)
{
	for (size_t i = 0; i < count; i++) {
		const struct config_key *key = config_key_find(flags[i].key);
		char flag[VARIABLE_MAX];
		enum err err;

		if (!key)
			return why_set(why, ERR_USAGE, "there is no setting \"%s\"", flags[i].key);
		snprintf(flag, sizeof flag, "--%s", key->name);
		for (char *p = flag; *p; p++)
			*p = *p == '_' ? '-' : *p;
		err = set(config, key, flags[i].value, flag, false, why);
		if (err)
			return err;
	}
	return ERR_OK;
}

static bool is_gateway_port(const struct config *config, const char *port)
{
	if (atoi(port) == CONFIG_GATEWAY_PORT)
		return true;
	for (size_t i = 0; i < config->gateway.count; i++) {
		const char *own = strrchr(config->gateway.items[i], ':');
		if (own && strcmp(own + 1, port) == 0)
			return true;
	}
	return false;
}

/* Whether `url` is a loopback address on the gateway's port: then it is no hub, but a larder that would ask us. */
static bool is_gateway(const struct config *config, const char *url)
{
	const char *host = behind_scheme(url);
	char authority[AUTHORITY_MAX], *port;
	size_t len;

	if (!host)
		return false;
	len = strcspn(host, "/?#");
	if (len >= sizeof authority)
		return false;
	memcpy(authority, host, len);
	authority[len] = 0;
	port = strrchr(authority, ':');
	if (!port || !is_gateway_port(config, port + 1))
		return false;
	*port = 0;
	return strcasecmp(authority, "localhost") == 0 || strncmp(authority, "127.", 4) == 0 || strcmp(authority, "[::1]") == 0;
}

/* The hub when nothing of ours names one. */
static enum err default_hub(struct config *config, struct why *why)
{
	const char *endpoint = getenv("HF_ENDPOINT");

	if (!endpoint || !*endpoint)
		return replace(&config->hub, DEFAULT_HUB);
	if (!is_gateway(config, endpoint))
		return set_url(&config->hub, endpoint, "HF_ENDPOINT", why);
	(void)why_set(&config->note, ERR_OK, "HF_ENDPOINT (%s) is a larder gateway, not a hub; using %s", endpoint, DEFAULT_HUB);
	return replace(&config->hub, DEFAULT_HUB);
}

static enum err default_name(struct config *config)
{
	char host[HOST_NAME_MAX + 1] = "";

	if (gethostname(host, sizeof host - 1) != 0 || !host[0])
		snprintf(host, sizeof host, "larder");
	return replace(&config->name, host);
}

static enum err load_defaults(struct config *config, struct why *why)
{
	struct why note = {0};
	char *cache = NULL;
	enum err err = ERR_OK;

	if (!config->hub)
		err = default_hub(config, why);
	if (!err && !config->home) {
		err = dirs_cache_home(&cache, why);
		if (!err && !(config->home = dirs_join(cache, "larder")))
			err = ERR_NO_MEMORY;
		free(cache);
	}
	if (!err && !config->name)
		err = default_name(config);
	if (!err)
		err = token_find(&config->token, &note);
	if (!err && note.text[0]) {
		if (config->note.text[0])
			(void)why_prefix(&note, ERR_OK, "%s", config->note.text);
		config->note = note;
	}
	return err;
}

enum err config_load(struct config *ret_config, const char *file, const struct config_flag *flags, size_t count, struct why *why)
{
	struct config config = {.min_free = UINT64_MAX, .log_level = LOG_LEVEL_WARN, .serve = true, .share_names = true};
	enum err err;

	err = load_files(&config, file, why);
	if (!err)
		err = load_environment(&config, why);
	if (!err)
		err = load_flags(&config, flags, count, why);
	if (!err)
		err = load_defaults(&config, why);
	if (err) {
		config_release(&config);
		return err;
	}
	*ret_config = config;
	return ERR_OK;
}
