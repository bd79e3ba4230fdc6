#include "node/gateway_hubs.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_BYTES ((uint64_t)64 << 20) /* so often the counter is written */

void gateway_hubs_init(struct gateway_hubs *hubs)
{
	list_init(&hubs->all);
}

static void hub_free(struct gateway_hub *hub)
{
	hub->hubs->count--;
	list_remove(&hub->link);
	hub_destroy(hub->hub);
	free(hub);
}

/* Counters are for people to read. Now and then is enough: each writing has the loop wait for the disk. */
static void save_count(struct gateway_hubs *hubs)
{
	if (hubs->bytes && index_counter_add(store_index(hubs->store), "hub_bytes", hubs->bytes, NULL) == ERR_OK)
		hubs->bytes = 0;
}

void gateway_hubs_count(struct gateway_hubs *hubs, uint64_t bytes)
{
	hubs->bytes += bytes;
	if (hubs->bytes >= COUNT_BYTES)
		save_count(hubs);
}

void gateway_hubs_release(struct gateway_hubs *hubs)
{
	save_count(hubs);
	while (!list_is_empty(&hubs->all))
		hub_free(container_of(hubs->all.next, struct gateway_hub, link));
}

static void key_of(const struct gateway_hubs *hubs, const char *token, uint8_t ret_key[GATEWAY_HUB_KEY_LEN])
{
	crypto_generichash(ret_key, GATEWAY_HUB_KEY_LEN, (const uint8_t *)(token ? token : ""), token ? strlen(token) : 0, store_secret(hubs->store), STORE_SECRET_LEN);
}

static struct gateway_hub *find(const struct gateway_hubs *hubs, const uint8_t key[GATEWAY_HUB_KEY_LEN])
{
	list_each(at, &hubs->all) {
		struct gateway_hub *hub = container_of(at, struct gateway_hub, link);
		if (sodium_memcmp(hub->key, key, GATEWAY_HUB_KEY_LEN) == 0)
			return hub;
	}
	return NULL;
}

/* False: all of them are in use. */
static bool make_room(struct gateway_hubs *hubs)
{
	struct gateway_hub *oldest = NULL;

	if (hubs->count < GATEWAY_HUBS_MAX)
		return true;
	list_each(at, &hubs->all) {
		struct gateway_hub *hub = container_of(at, struct gateway_hub, link);
		if (hub->users == 0)
			oldest = hub;
	}
	if (oldest)
		hub_free(oldest);
	return oldest != NULL;
}

static enum err add(struct gateway_hubs *hubs, const char *token, struct gateway_hub **ret_hub, struct why *why)
{
	struct hub_options options = {.url = hub_base(hubs->own), .token = token, .is_for_others = true, .store = hubs->store, .beside = hubs->own};
	struct gateway_hub *hub;
	enum err err;

	if (!make_room(hubs))
		return why_set(why, ERR_BUSY, "more than %d tokens are in use at this node", GATEWAY_HUBS_MAX);
	hub = calloc(1, sizeof *hub);
	if (!hub)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	err = hub_create(hubs->loop, hubs->http, &options, &hub->hub, why);
	if (err) {
		free(hub);
		return err;
	}
	hub->hubs = hubs;
	hub->is_anonymous = !token;
	list_init(&hub->link);
	hubs->count++;
	*ret_hub = hub;
	return ERR_OK;
}

enum err gateway_hub_hold(struct gateway_hubs *hubs, const char *token, struct gateway_hub **ret_hub, struct why *why)
{
	uint8_t key[GATEWAY_HUB_KEY_LEN];
	struct gateway_hub *hub;
	enum err err;

	key_of(hubs, token, key);
	hub = find(hubs, key);
	if (!hub) {
		err = add(hubs, token, &hub, why);
		if (err)
			return err;
		memcpy(hub->key, key, sizeof key);
	}
	hub->users++;
	list_remove(&hub->link);
	list_append(hubs->all.next, &hub->link); /* before the one that was first */
	*ret_hub = hub;
	return ERR_OK;
}

struct gateway_hub *gateway_hub_share(struct gateway_hub *hub)
{
	hub->users++;
	return hub;
}

void gateway_hub_leave(struct gateway_hub *hub)
{
	if (hub)
		hub->users--;
}
