#include "node/outlet.h"

#include "node/transport.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* libzmq hands frames from thread to thread; ThreadSanitizer does not see how, where libzmq was built without it. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define hand_over(parcel) __tsan_release(parcel)
#define take(parcel) __tsan_acquire(parcel)
#else
#define hand_over(parcel) ((void)(parcel))
#define take(parcel) ((void)(parcel))
#endif

struct outlet {
	size_t max_bytes, max_messages;
	int wake_fd;
	atomic_size_t bytes, messages;
	atomic_size_t holders; /* the link, and each frame */
	atomic_bool is_waited;
};

/* What a frame of ours carries along. */
struct outlet_parcel {
	struct outlet *outlet;
	size_t len;
	bool is_message; /* the first frame of one */
	void (*release)(void *data, void *hint);
	void *hint;
	uint8_t bytes[]; /* where they were copied */
};

enum err outlet_create(size_t max_bytes, size_t max_messages, int wake_fd, struct outlet **ret_outlet)
{
	struct outlet *outlet = calloc(1, sizeof *outlet);

	if (!outlet)
		return ERR_NO_MEMORY;
	outlet->max_bytes = max_bytes;
	outlet->max_messages = max_messages;
	outlet->wake_fd = wake_fd;
	atomic_init(&outlet->bytes, 0);
	atomic_init(&outlet->messages, 0);
	atomic_init(&outlet->holders, 1);
	atomic_init(&outlet->is_waited, false);
	*ret_outlet = outlet;
	return ERR_OK;
}

void outlet_release(struct outlet *outlet)
{
	if (outlet && atomic_fetch_sub(&outlet->holders, 1) == 1)
		free(outlet);
}

bool outlet_is_full(const struct outlet *outlet)
{
	return atomic_load(&outlet->bytes) >= outlet->max_bytes || atomic_load(&outlet->messages) >= outlet->max_messages;
}

bool outlet_has_room(const struct outlet *outlet)
{
	return atomic_load(&outlet->bytes) <= outlet->max_bytes / 2 && atomic_load(&outlet->messages) <= outlet->max_messages / 2;
}

size_t outlet_bytes(const struct outlet *outlet)
{
	return atomic_load(&outlet->bytes);
}

/* Whoever of the two comes last, the one who waits or the one who makes room, sees what the other did, and only one of them wakes. */
static void wake_if_room(struct outlet *outlet)
{
	uint64_t one = 1;
	ssize_t written;

	if (!outlet_has_room(outlet) || !atomic_exchange(&outlet->is_waited, false))
		return;
	written = write(outlet->wake_fd, &one, sizeof one);
	(void)written; /* it fails only where it was written to already */
}

void outlet_wait(struct outlet *outlet)
{
	atomic_store(&outlet->is_waited, true);
	wake_if_room(outlet);
}

/* On ZeroMQ's thread, or on the loop's where a message was not sent. */
static void let_go(void *data, void *hint)
{
	struct outlet_parcel *parcel = hint;
	struct outlet *outlet;

	take(parcel);
	outlet = parcel->outlet;
	atomic_fetch_sub(&outlet->bytes, parcel->len);
	if (parcel->is_message)
		atomic_fetch_sub(&outlet->messages, 1);
	wake_if_room(outlet);
	if (parcel->release)
		parcel->release(data, parcel->hint);
	free(parcel);
	outlet_release(outlet);
}

static enum err make(struct outlet *outlet, void *data, size_t len, size_t copied, zmq_msg_t *ret_frame, struct outlet_parcel **ret_parcel)
{
	struct outlet_parcel *parcel = malloc(sizeof *parcel + copied);

	if (!parcel)
		return ERR_NO_MEMORY;
	*parcel = (struct outlet_parcel){.outlet = outlet, .len = len};
	if (copied)
		memcpy(parcel->bytes, data, copied);
	if (zmq_msg_init_data(ret_frame, copied ? parcel->bytes : data, len, let_go, parcel) != 0) {
		free(parcel);
		return ERR_NO_MEMORY;
	}
	atomic_fetch_add(&outlet->holders, 1);
	atomic_fetch_add(&outlet->bytes, len);
	*ret_parcel = parcel;
	return ERR_OK;
}

/* ZeroMQ and those who release take plain pointers; neither writes through them. */
static void *plain(const void *data)
{
	return (void *)(uintptr_t)data;
}

enum err outlet_control(struct outlet *outlet, const void *data, size_t len, zmq_msg_t *ret_frame)
{
	struct outlet_parcel *parcel;
	enum err err = make(outlet, plain(data), len, len, ret_frame, &parcel);

	if (err)
		return err;
	parcel->is_message = true;
	atomic_fetch_add(&outlet->messages, 1);
	hand_over(parcel);
	return ERR_OK;
}

enum err outlet_bulk(struct outlet *outlet, const struct transport_bulk *bulk, zmq_msg_t *ret_frame, struct outlet_parcel **ret_parcel)
{
	return make(outlet, plain(bulk->data), bulk->len, bulk->release ? 0 : bulk->len, ret_frame, ret_parcel);
}

void outlet_take_over(struct outlet_parcel *parcel, const struct transport_bulk *bulk)
{
	parcel->release = bulk->release;
	parcel->hint = bulk->hint;
	hand_over(parcel);
}
