#include "node/gateway_via.h"

#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#define LIST_MAX ((size_t)(GATEWAY_VIA_OTHERS_MAX + 1) * (GATEWAY_VIA_NAME_MAX + sizeof ", 1.1 "))

static const char prefix[] = "larder-";

static enum err tell(struct gateway_via *via)
{
	struct buf list = {.limit = LIST_MAX};
	enum err err = ERR_OK;

	for (size_t i = 0; !err && i < GATEWAY_VIA_OTHERS_MAX; i++)
		if (via->others[i].name[0])
			err = buf_add_format(&list, "%s, 1.1 ", via->others[i].name);
	if (!err)
		err = buf_add_str(&list, via->own);
	if (!err)
		err = http_set_via(via->http, buf_str(&list));
	buf_release(&list);
	return err;
}

/* --- those that have asked */

static void wait_for_next(struct gateway_via *via)
{
	/* Without memory for a timer they are named for longer. */
	(void)!loop_timer_start(via->loop, &via->timer, GATEWAY_VIA_LASTS_MS);
}

static void on_time(struct loop_timer *timer)
{
	struct gateway_via *via = container_of(timer, struct gateway_via, timer);
	int64_t now_ms = loop_now_ms(via->loop);
	bool any = false;

	for (size_t i = 0; i < GATEWAY_VIA_OTHERS_MAX; i++) {
		struct gateway_via_other *other = &via->others[i];
		if (now_ms - other->at_ms >= GATEWAY_VIA_LASTS_MS)
			other->name[0] = 0;
		any |= other->name[0] != 0;
	}
	(void)!tell(via); /* else it goes on telling those from before */
	if (any)
		wait_for_next(via);
}

/* The one of that name, or the place for it: a free one, or that of the one that asked longest ago. */
static struct gateway_via_other *place_of(struct gateway_via *via, const char *name)
{
	struct gateway_via_other *best = &via->others[0];

	for (size_t i = 0; i < GATEWAY_VIA_OTHERS_MAX; i++) {
		struct gateway_via_other *other = &via->others[i];
		if (strcmp(other->name, name) == 0)
			return other;
		if (best->name[0] && (!other->name[0] || other->at_ms < best->at_ms))
			best = other;
	}
	return best;
}

static void note(struct gateway_via *via, const char *name)
{
	struct gateway_via_other *other = place_of(via, name);
	bool is_new = strcmp(other->name, name) != 0;

	other->at_ms = loop_now_ms(via->loop);
	if (!is_new)
		return;
	snprintf(other->name, sizeof other->name, "%s", name);
	(void)!tell(via);
	if (!via->timer.place)
		wait_for_next(via);
}

bool gateway_via_take(struct gateway_via *via, const char *value)
{
	char name[GATEWAY_VIA_NAME_MAX];

	for (const char *at = strstr(value, prefix); at; at = strstr(at + 1, prefix)) {
		size_t len = sizeof prefix - 1 + strspn(at + sizeof prefix - 1, "0123456789abcdef");
		if (len != strlen(via->own))
			continue;
		snprintf(name, sizeof name, "%.*s", (int)len, at);
		if (strcmp(name, via->own) == 0)
			return false;
		note(via, name);
	}
	return true;
}

/* --- its life */

enum err gateway_via_init(struct gateway_via *via, const char *node_id)
{
	snprintf(via->own, sizeof via->own, "%s%s", prefix, node_id);
	via->timer.fire = on_time;
	return tell(via);
}

void gateway_via_release(struct gateway_via *via)
{
	loop_timer_cancel(via->loop, &via->timer);
}
