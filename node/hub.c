#include "node/hub_private.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_EVERY 64
#define HUB_URL_MAX_BYTES (URL_MAX / 2)
#define HUB_TOKEN_MAX_BYTES 4096

static enum err set_base(struct hub *hub, const char *url, struct why *why)
{
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		len--;
	if (len > HUB_URL_MAX_BYTES)
		return why_set(why, ERR_USAGE, "the hub's address is too long");
	hub->base = strndup(url, len);
	if (!hub->base)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	if (!url_parse(hub->base, &hub->origin) || strpbrk(hub->origin.target, "?#"))
		return why_set(why, ERR_USAGE, "the hub's address is no http or https address: %.200s; it looks like https://huggingface.co", url);
	url_authority(&hub->origin, hub->host);
	return ERR_OK;
}

static enum err set_token(struct hub *hub, const char *token, struct why *why)
{
	if (!token || !*token)
		return ERR_OK;
	if (strlen(token) > HUB_TOKEN_MAX_BYTES)
		return why_set(why, ERR_USAGE, "the token is too long to be one; check HF_TOKEN");
	for (const char *c = token; *c; c++)
		if (*c < 0x21 || *c > 0x7e)
			return why_set(why, ERR_USAGE, "the token has a blank, line end or other character that no token has; check HF_TOKEN");
	hub->token = strdup(token);
	return hub->token ? ERR_OK : why_set(why, ERR_NO_MEMORY, "out of memory");
}

/* A hash that only this store can make, so that the index tells nobody which token it was. */
static void set_scope(struct hub *hub)
{
	const char *token = hub->token ? hub->token : "";
	uint8_t hash[HUB_SCOPE_BYTES];

	crypto_generichash(hash, sizeof hash, (const uint8_t *)token, strlen(token), store_secret(hub->store), STORE_SECRET_LEN);
	sodium_bin2hex(hub->scope, sizeof hub->scope, hash, sizeof hash);
}

static enum err set_reach(struct hub *hub, const struct hub *beside, struct why *why)
{
	hub->reach = beside ? hub_reach_share(beside->reach) : hub_reach_create(hub->loop, hub->http, hub->base);
	return hub->reach ? ERR_OK : why_set(why, ERR_NO_MEMORY, "out of memory");
}

enum err hub_create(struct loop *loop, struct http *http, const struct hub_options *options, struct hub **ret_hub, struct why *why)
{
	struct hub *hub = calloc(1, sizeof *hub);
	enum err err;

	if (!hub)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	hub->loop = loop;
	hub->http = http;
	hub->store = options->store;
	hub->is_for_others = options->is_for_others;
	hub->recent.loop = loop;
	hub_recent_init(&hub->recent);
	list_init(&hub->looks);
	list_init(&hub->bodies);
	err = set_base(hub, options->url, why);
	if (!err)
		err = set_token(hub, options->token, why);
	if (!err)
		err = set_reach(hub, options->beside, why);
	if (err) {
		hub_destroy(hub);
		return err;
	}
	set_scope(hub);
	*ret_hub = hub;
	return ERR_OK;
}

/* Counters are for people to read: a failure to write one is tried again with the next, and fails nothing. */
static void save_count(struct hub *hub)
{
	if (hub->requests && index_counter_add(store_index(hub->store), "hub_requests", hub->requests, NULL) == ERR_OK)
		hub->requests = 0;
}

void hub_destroy(struct hub *hub)
{
	if (!hub)
		return;
	while (!list_is_empty(&hub->looks))
		hub_look_run_destroy(hub->looks.next);
	while (!list_is_empty(&hub->bodies))
		hub_body_run_destroy(hub->bodies.next);
	hub_recent_release(&hub->recent);
	hub_reach_leave(hub->reach);
	save_count(hub);
	if (hub->token)
		sodium_memzero(hub->token, strlen(hub->token));
	free(hub->token);
	free(hub->base);
	free(hub);
}

const char *hub_host(const struct hub *hub)
{
	return hub->host;
}

const char *hub_base(const struct hub *hub)
{
	return hub->base;
}

void hub_look_at_traffic(const struct hub *hub, struct hub_traffic *ret_traffic)
{
	size_t count = hub->body_count;

	*ret_traffic = (struct hub_traffic){hub->body_bytes, loop_now_ms(hub->loop), count < HUB_BODIES_MAX ? HUB_BODIES_MAX - count : 0};
}

void hub_count_request(struct hub *hub)
{
	if (++hub->requests % COUNT_EVERY == 0)
		save_count(hub);
}

void hub_note_away(struct hub *hub)
{
	hub_reach_note_silence(hub->reach);
}

void hub_note_answer(struct hub *hub)
{
	hub_reach_note_answer(hub->reach);
}

bool hub_has_just_answered(const struct hub *hub)
{
	return hub_reach_has_just_answered(hub->reach);
}

bool hub_is_failing(const struct hub *hub)
{
	return hub_reach_is_failing(hub->reach);
}

bool hub_is_away(const struct hub *hub)
{
	return hub_reach_is_away(hub->reach);
}

bool hub_is_left_alone(const struct hub *hub)
{
	return hub_reach_is_left_alone(hub->reach);
}

static char *finish_url(struct buf *url, enum err err)
{
	char *text = err ? NULL : buf_take_str(url);

	buf_release(url);
	return text;
}

char *hub_url_file(const struct hub *hub, const struct hub_subject *subject, const char *way)
{
	struct buf url = {.limit = URL_MAX};
	enum err err;

	err = buf_add_format(&url, "%s/%s%s/%s/", hub->base, repo_type_prefix(subject->type), subject->repo, way);
	if (!err)
		err = url_add_escaped(&url, subject->revision, "");
	if (!err)
		err = buf_add_str(&url, "/");
	if (!err)
		err = url_add_escaped(&url, subject->path, "/");
	return finish_url(&url, err);
}

char *hub_url_api(const struct hub *hub, const struct hub_subject *subject, const char *what)
{
	struct buf url = {.limit = URL_MAX};
	enum err err;

	err = buf_add_format(&url, "%s/api/%s/%s/%s/", hub->base, repo_type_plural(subject->type), subject->repo, what);
	if (!err)
		err = url_add_escaped(&url, subject->revision, "");
	return finish_url(&url, err);
}
