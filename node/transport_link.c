#include "node/outlet.h"
#include "node/transport_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum err link_create(struct transport *transport, const struct lan_address *address, struct transport_link **ret_link)
{
	struct transport_link *link = calloc(1, sizeof *link);

	if (!link)
		return ERR_NO_MEMORY;
	link->transport = transport;
	link->address = *address;
	link->fd = -1;
	if (outlet_create(TRANSPORT_QUEUE_BYTES, TRANSPORT_QUEUE_MESSAGES, transport->wake_fd, &link->outlet) != ERR_OK) {
		free(link);
		return ERR_NO_MEMORY;
	}
	list_append(&transport->links, &link->link);
	transport_watch_start(transport);
	*ret_link = link;
	return ERR_OK;
}

void link_free(struct transport_link *link)
{
	transport_hang_up(link);
	outlet_release(link->outlet);
	list_remove(&link->link);
	free(link);
}

static void bury(struct transport_link *link)
{
	struct transport *transport = link->transport;

	if (link->is_dialed) {
		transport_hang_up(link);
		transport->dialed_count--;
	} else
		transport->taken_count--;
	link->state = LINK_DEAD;
	transport->has_dead = true;
}

void link_finish(struct transport_link *link)
{
	struct transport_owner *owner = link->transport->options.owner;

	if (link->state == LINK_DEAD)
		return;
	bury(link);
	if (link->is_known && !link->is_closed)
		owner->on_closed(owner, link, link->end);
}

void link_drop(struct transport_link *link, enum transport_end end, const char *reason)
{
	char text[LAN_TEXT_MAX];

	log_info(link->transport->options.log, "dropped %s: %s", lan_text(&link->address, text), reason);
	link->end = end;
	link_shutdown(link, true);
	if (link->fd < 0)
		link_finish(link);
	else
		link->state = LINK_LEAVING;
}

/* A message that keeps the rules of frames is the owner's; what is in it is for him to judge. */
void link_deliver(struct transport_link *link, struct frames *frames)
{
	struct transport_owner *owner = link->transport->options.owner;
	size_t first = link->is_dialed ? 0 : 1, count = frames->count - first;
	zmq_msg_t *control = &frames->at[first], *bulk = &frames->at[first + 1];

	link_count(link, frames);
	if (link->is_closed || link->state == LINK_LEAVING)
		return;
	if (count == 0 || frames->are_too_many) {
		link_drop(link, TRANSPORT_BROKE_RULES, "a message of more than two frames");
		return;
	}
	if (zmq_msg_size(control) > TRANSPORT_CONTROL_MAX || (count == 2 && zmq_msg_size(bulk) > TRANSPORT_BULK_MAX)) {
		link_drop(link, TRANSPORT_BROKE_RULES, "a frame that is too large");
		return;
	}
	link->is_known = true;
	owner->on_message(owner, link, zmq_msg_data(control), zmq_msg_size(control), count == 2 ? zmq_msg_data(bulk) : NULL, count == 2 ? zmq_msg_size(bulk) : 0);
}

/* --- for the owner */

static enum err send_first(struct transport_link *link, zmq_msg_t *control, bool has_more)
{
	return link->is_dialed ? frame_send(link->dealer, control, has_more) : taken_send(link, control, has_more);
}

/* Where this fails there is no connection any more, which on_closed() tells. */
static void send_second(struct transport_link *link, zmq_msg_t *bulk)
{
	if (frame_send(link->is_dialed ? link->dealer : link->transport->router, bulk, false) != ERR_OK)
		zmq_msg_close(bulk);
}

static enum err send_message(struct transport_link *link, const void *control, size_t control_len, const struct transport_bulk *bulk)
{
	zmq_msg_t first, second;
	struct outlet_parcel *parcel;
	enum err err = outlet_control(link->outlet, control, control_len, &first);

	if (err)
		return err;
	if (bulk)
		err = outlet_bulk(link->outlet, bulk, &second, &parcel);
	if (err) {
		zmq_msg_close(&first);
		return err;
	}
	err = send_first(link, &first, bulk != NULL);
	if (err) {
		zmq_msg_close(&first);
		if (bulk)
			zmq_msg_close(&second);
	} else if (bulk) {
		outlet_take_over(parcel, bulk);
		send_second(link, &second);
	}
	return err;
}

enum err transport_send(struct transport_link *link, const void *control, size_t control_len, const struct transport_bulk *bulk)
{
	enum err err;

	assert(control_len <= TRANSPORT_CONTROL_MAX && (!bulk || (bulk->len > 0 && bulk->len <= TRANSPORT_BULK_MAX)));
	if (link->state != LINK_OPENING && link->state != LINK_UP)
		return ERR_CUT;
	loop_watch_touch(link->is_dialed ? &link->dealer_watch : &link->transport->router_watch);
	err = outlet_is_full(link->outlet) ? ERR_BUSY : send_message(link, control, control_len, bulk);
	if (err == ERR_BUSY) {
		link->is_waiting = true;
		outlet_wait(link->outlet);
	}
	return err;
}

size_t transport_unsent(const struct transport_link *link)
{
	return outlet_bytes(link->outlet);
}

/* The connection is left alone until what was sent is out, or for a while, then shut down. */
void transport_close(struct transport_link *link)
{
	struct transport *transport = link->transport;

	transport_enter(transport);
	link->is_closed = true;
	link->is_waiting = false;
	if (link->is_dialed && link->state == LINK_OVER)
		bury(link);
	else if (link->state == LINK_OPENING || link->state == LINK_UP) {
		link->state = LINK_LEAVING;
		link->deadline_ms = loop_now_ms(transport->options.loop) + TRANSPORT_LINGER_MS;
		if (link->is_dialed && outlet_bytes(link->outlet) == 0)
			link_stop(link);
	}
	transport_leave(transport);
}

void transport_admit(struct transport_link *link)
{
	link->is_admitted = true;
}

void transport_set_peer(struct transport_link *link, struct peer *peer)
{
	link->peer = peer;
}

struct peer *transport_peer(const struct transport_link *link)
{
	return link->peer;
}

bool transport_is_dialed(const struct transport_link *link)
{
	return link->is_dialed;
}

const struct lan_address *transport_address(const struct transport_link *link)
{
	return &link->address;
}

const uint8_t *transport_client_key(const struct transport_link *link)
{
	return link->is_dialed ? NULL : link->client_key;
}
