/* Frames in and out. A job reads and opens as many frames as there are, up to BULK_SLOTS; or closes and sends as many as the socket takes. So what a frame is made of is still in the cache of
 * the processor that opens it, and frames keep their order without any more ado. The loop only delivers, and waits for the socket when a job has found it wanting. */
#include "node/bulk_private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* --- in, on a worker */

/* How many bytes the frame in that slot has, as far as that is known; false: it has none that makes sense. */
static bool frame_len(const struct bulk_in *in, size_t *ret_len)
{
	*ret_len = SEAL_HEAD_LEN;
	return in->got < SEAL_HEAD_LEN || seal_frame_len(in->slots[in->full], ret_len) == ERR_OK;
}

static enum flow_state open_frame(struct bulk_in *in, size_t len)
{
	enum err err = seal_open(in->seal, in->slots[in->full], len, &in->frames[in->full]);

	if (err)
		return err == ERR_UNPROVEN ? FLOW_BROKEN : FLOW_NONSENSE;
	if (in->frames[in->full].control_len == 0 && in->has_opened)
		return FLOW_NONSENSE;
	in->has_opened = true;
	in->full++;
	in->got = 0;
	return FLOW_DONE;
}

static enum flow_state read_frames(struct bulk_in *in, int fd)
{
	enum flow_state state = FLOW_DONE;

	while (state == FLOW_DONE && in->full < BULK_SLOTS && in->slots[in->full]) {
		ssize_t got;
		size_t len;
		if (!frame_len(in, &len))
			return FLOW_BROKEN;
		if (in->got >= SEAL_HEAD_LEN && in->got == len) {
			state = open_frame(in, len);
			continue;
		}
		got = recv(fd, in->slots[in->full] + in->got, len - in->got, MSG_DONTWAIT);
		if (got > 0)
			in->got += (size_t)got;
		else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			state = FLOW_WAITING;
		else if (got == 0 || errno != EINTR)
			state = FLOW_OVER;
	}
	return state;
}

static void run_in(struct pool_job *job)
{
	struct bulk_link *link = container_of(job, struct bulk_link, in.job);

	link->in.state = read_frames(&link->in, link->fd);
}

/* --- in, on the loop */

/* Who has not proved himself gets one. */
static bool has_slots(struct bulk_link *link)
{
	struct bulk_in *in = &link->in;
	size_t count = link->state == BULK_UP ? BULK_SLOTS : 1;

	for (size_t i = 0; i < count; i++) {
		if (!in->slots[i])
			in->slots[i] = malloc(SEAL_FRAME_MAX);
		if (!in->slots[i])
			return false;
	}
	return true;
}

static void read_on(struct bulk_link *link)
{
	struct bulk_in *in = &link->in;

	if (in->is_running || link->state == BULK_DEAD)
		return;
	if (!has_slots(link)) {
		link_end(link, BULK_OVER);
		return;
	}
	link_note_move(link);
	in->is_running = true;
	in->since_ms = link->moved_ms;
	in->job.run = run_in;
	pool_submit(link->bulk->use.pool, &in->job);
}

/* The first frame has nothing in it: it proves the key. */
static void deliver(struct bulk_link *link)
{
	struct bulk_owner *owner = link->bulk->use.owner;
	struct bulk_in *in = &link->in;
	uint8_t *partial = in->full < BULK_SLOTS ? in->slots[in->full] : NULL;

	for (size_t i = 0; i < in->full && link->state != BULK_DEAD; i++) {
		if (link->state != BULK_UP)
			link_prove(link);
		if (in->frames[i].control_len > 0 && link->state != BULK_DEAD)
			owner->on_frame(owner, link, &in->frames[i]);
	}
	/* The frame that has only begun is the first one of the next job. */
	if (partial) {
		in->slots[in->full] = in->slots[0];
		in->slots[0] = partial;
	}
	in->full = 0;
}

static void on_in(struct pool_job *job)
{
	static const enum bulk_end ends[] = {[FLOW_OVER] = BULK_OVER, [FLOW_BROKEN] = BULK_BROKEN, [FLOW_NONSENSE] = BULK_NONSENSE};
	struct bulk_link *link = container_of(job, struct bulk_link, in.job);
	enum flow_state state = link->in.state;
	struct bulk *bulk = link->bulk;

	bulk_enter(bulk);
	deliver(link);
	link->in.is_running = false;
	bulk->has_dead = bulk->has_dead || link->state == BULK_DEAD;
	if (state > FLOW_WAITING)
		link_end(link, ends[state]);
	else if (state == FLOW_DONE)
		read_on(link);
	flow_watch(link);
	bulk_leave(bulk);
}

/* --- out, on a worker */

static void parcel_free(struct parcel *parcel)
{
	parcel->bulk.release((void *)(uintptr_t)parcel->bulk.data, parcel->bulk.hint);
	free(parcel);
}

/* False: the library failed. */
static bool close_next(struct bulk_out *out)
{
	struct parcel *parcel = container_of(out->taken.next, struct parcel, link);
	enum err err = seal_close(out->seal, parcel->control, parcel->control_len, parcel->bulk.data, parcel->bulk.len, out->frame, &out->len);

	out->sent = 0;
	list_remove(&parcel->link);
	parcel_free(parcel);
	return err == ERR_OK;
}

static enum flow_state write_frames(struct bulk_out *out, int fd)
{
	for (;;) {
		ssize_t sent;
		if (out->sent == out->len && list_is_empty(&out->taken))
			return FLOW_DONE;
		if (out->sent == out->len && !close_next(out))
			return FLOW_OVER;
		sent = send(fd, out->frame + out->sent, out->len - out->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent >= 0)
			out->sent += (size_t)sent;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return FLOW_WAITING;
		else if (errno != EINTR)
			return FLOW_OVER;
	}
}

static void run_out(struct pool_job *job)
{
	struct bulk_link *link = container_of(job, struct bulk_link, out.job);

	link->out.state = write_frames(&link->out, link->fd);
}

/* --- out, on the loop */

static void take_queue(struct bulk_out *out)
{
	list_append_all(&out->taken, &out->queue);
	out->taken_bytes += out->queued_bytes;
	out->queued_bytes = 0;
}

static void write_on(struct bulk_link *link)
{
	struct bulk_out *out = &link->out;

	if (out->is_running || out->state == FLOW_WAITING || link->state == BULK_DEAD)
		return;
	take_queue(out);
	if (list_is_empty(&out->taken) && out->sent == out->len)
		return;
	link_note_move(link);
	out->is_running = true;
	out->job.run = run_out;
	pool_submit(link->bulk->use.pool, &out->job);
}

static bool is_full(const struct bulk_out *out) { return out->taken_bytes + out->queued_bytes >= BULK_QUEUE_BYTES; }

static size_t left_of(const struct list *parcels)
{
	size_t bytes = 0;

	list_each(at, parcels)
		bytes += container_of(at, struct parcel, link)->bulk.len;
	return bytes;
}

static void on_out(struct pool_job *job)
{
	struct bulk_link *link = container_of(job, struct bulk_link, out.job);
	struct bulk_owner *owner = link->bulk->use.owner;
	struct bulk_out *out = &link->out;
	struct bulk *bulk = link->bulk;

	bulk_enter(bulk);
	out->is_running = false;
	out->taken_bytes = left_of(&out->taken);
	bulk->has_dead = bulk->has_dead || link->state == BULK_DEAD;
	if (out->state == FLOW_OVER)
		link_end(link, BULK_OVER);
	else if (out->state == FLOW_DONE)
		write_on(link);
	flow_watch(link);
	if (link->state == BULK_UP && out->is_waited_for && !is_full(out)) {
		out->is_waited_for = false;
		owner->on_writable(owner, link);
	}
	bulk_leave(bulk);
}

enum err bulk_send(struct bulk_link *link, const void *control, size_t control_len, const struct transport_bulk *bulk)
{
	struct bulk_out *out = &link->out;
	struct parcel *parcel;

	if (link->state != BULK_UP)
		return ERR_CUT;
	if (is_full(out)) {
		out->is_waited_for = true;
		return ERR_BUSY;
	}
	/* What is queued is never without a frame to be sealed in: flow_trim() leaves it then. */
	if (!out->frame)
		out->frame = malloc(SEAL_FRAME_MAX);
	parcel = malloc(sizeof *parcel + control_len);
	if (!parcel || !out->frame) {
		free(parcel);
		return ERR_NO_MEMORY;
	}
	parcel->bulk = *bulk;
	parcel->control_len = control_len;
	memcpy(parcel->control, control, control_len);
	list_append(&out->queue, &parcel->link);
	out->queued_bytes += bulk->len;
	write_on(link);
	return ERR_OK;
}

/* --- both */

static void on_ready(struct loop_watch *watch, short revents)
{
	struct bulk_link *link = container_of(watch, struct bulk_link, watch);
	struct bulk *bulk = link->bulk;

	bulk_enter(bulk);
	loop_watch_cancel(bulk->use.loop, watch);
	if (revents & (POLLIN | POLLERR | POLLHUP))
		read_on(link);
	if (revents & POLLOUT) {
		link->out.state = FLOW_DONE;
		write_on(link);
	}
	flow_watch(link);
	bulk_leave(bulk);
}

void flow_watch(struct bulk_link *link)
{
	short events = 0;

	if (link->fd < 0 || link->state == BULK_DEAD)
		return;
	if (!link->in.is_running && link->in.seal)
		events |= POLLIN;
	if (!link->out.is_running && link->out.sent < link->out.len)
		events |= POLLOUT;
	loop_watch_cancel(link->bulk->use.loop, &link->watch);
	if (!events)
		return;
	link->watch.fd = link->fd;
	link->watch.events = events;
	link->watch.ready = on_ready;
	loop_watch_start(link->bulk->use.loop, &link->watch);
}

void flow_trim(struct bulk_link *link)
{
	/* A frame that has only begun is in the first slot. */
	if (!link->in.is_running)
		for (size_t i = link->in.got ? 1 : 0; i < BULK_SLOTS; i++) {
			free(link->in.slots[i]);
			link->in.slots[i] = NULL;
		}
	if (!link->out.is_running && link->out.sent == link->out.len) {
		free(link->out.frame);
		link->out.frame = NULL;
	}
}

void flow_init(struct bulk_link *link)
{
	link->in.job.done = on_in;
	link->out.job.done = on_out;
	list_init(&link->out.queue);
	list_init(&link->out.taken);
}

static void free_parcels(struct list *parcels)
{
	list_each_safe(at, parcels) {
		list_remove(at);
		parcel_free(container_of(at, struct parcel, link));
	}
}

void flow_release(struct bulk_link *link)
{
	free_parcels(&link->out.queue);
	free_parcels(&link->out.taken);
	for (size_t i = 0; i < BULK_SLOTS; i++)
		free(link->in.slots[i]);
	free(link->out.frame);
	seal_destroy(link->in.seal);
	seal_destroy(link->out.seal);
}
