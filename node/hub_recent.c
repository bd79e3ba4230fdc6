#include "node/hub_recent.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	struct list link;
	char *key;
	struct hub_listing listing;
};

static void entry_free(struct hub_recent *recent, struct entry *entry)
{
	recent->count--;
	recent->files -= entry->listing.count;
	list_remove(&entry->link);
	hub_listing_release(&entry->listing);
	free(entry->key);
	free(entry);
}

static void clear(struct hub_recent *recent)
{
	while (!list_is_empty(&recent->all))
		entry_free(recent, container_of(recent->all.next, struct entry, link));
}

static void on_time(struct loop_timer *timer)
{
	struct hub_recent *recent = container_of(timer, struct hub_recent, timer);

	if (loop_now_ms(recent->loop) - recent->used_ms >= HUB_RECENT_MS || loop_timer_start(recent->loop, timer, HUB_RECENT_MS) != ERR_OK)
		clear(recent);
}

void hub_recent_init(struct hub_recent *recent)
{
	list_init(&recent->all);
	recent->timer.fire = on_time;
}

void hub_recent_release(struct hub_recent *recent)
{
	loop_timer_cancel(recent->loop, &recent->timer);
	clear(recent);
}

static struct entry *find(struct hub_recent *recent, const char *key)
{
	list_each(at, &recent->all) {
		struct entry *entry = container_of(at, struct entry, link);
		if (strcmp(entry->key, key) == 0)
			return entry;
	}
	return NULL;
}

static void move_to_front(struct hub_recent *recent, struct entry *entry)
{
	list_remove(&entry->link);
	list_append(recent->all.next, &entry->link);
	recent->used_ms = loop_now_ms(recent->loop);
}

const struct hub_listing *hub_recent_find(struct hub_recent *recent, const char *key)
{
	struct entry *entry = find(recent, key);

	if (!entry)
		return NULL;
	move_to_front(recent, entry);
	return &entry->listing;
}

void hub_recent_forget(struct hub_recent *recent, const char *key)
{
	struct entry *entry = find(recent, key);

	if (entry)
		entry_free(recent, entry);
}

void hub_recent_put(struct hub_recent *recent, const char *key, struct hub_listing *listing)
{
	struct entry *entry = calloc(1, sizeof *entry);

	hub_recent_forget(recent, key);
	if (!entry || listing->count > HUB_RECENT_FILES_MAX || !(entry->key = strdup(key)) ||
	    (!recent->timer.place && loop_timer_start(recent->loop, &recent->timer, HUB_RECENT_MS) != ERR_OK)) {
		if (entry)
			free(entry->key);
		free(entry);
		hub_listing_release(listing);
		return;
	}
	list_init(&entry->link);
	entry->listing = *listing;
	*listing = (struct hub_listing){0};
	recent->count++;
	recent->files += entry->listing.count;
	move_to_front(recent, entry);
	while (recent->files > HUB_RECENT_FILES_MAX || recent->count > HUB_RECENT_MAX)
		entry_free(recent, container_of(recent->all.prev, struct entry, link));
}
