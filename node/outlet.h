/* outlet: what is on its way out of one link: counted until ZeroMQ lets go of it, so that a link holds no more memory than it may, and its owner hears when there is room again.
 *
 * Frames are let go on ZeroMQ's thread; everything else is called on the loop's. The outlet lives until its last frame is gone, also when its link is closed long since;
 * the descriptor that is written to must stay open until the context was terminated.
 */
#ifndef LARDER_NODE_OUTLET_H
#define LARDER_NODE_OUTLET_H

#include "base/err.h"

#include <zmq.h>

struct outlet;
struct outlet_parcel;
struct transport_bulk;

/* Full above this many bytes or messages; has room again below half of both. `wake_fd`: an eventfd. ERR_NO_MEMORY. */
enum err outlet_create(size_t max_bytes, size_t max_messages, int wake_fd, struct outlet **ret_outlet) LARDER_MUST_USE;
/* Its link needs it no more. NULL is fine. */
void outlet_release(struct outlet *outlet);

bool outlet_is_full(const struct outlet *outlet);
bool outlet_has_room(const struct outlet *outlet);
size_t outlet_bytes(const struct outlet *outlet);

/* Have `wake_fd` written to once there is room. */
void outlet_wait(struct outlet *outlet);

/* Begin a message: a frame that holds a copy of `data`. ERR_NO_MEMORY. */
enum err outlet_control(struct outlet *outlet, const void *data, size_t len, zmq_msg_t *ret_frame) LARDER_MUST_USE;
/* A second frame, which lies where `bulk` says. It is not taken over before outlet_take_over(): until then the frame may be closed and the bulk stays the caller's. */
enum err outlet_bulk(struct outlet *outlet, const struct transport_bulk *bulk, zmq_msg_t *ret_frame, struct outlet_parcel **ret_parcel) LARDER_MUST_USE;
void outlet_take_over(struct outlet_parcel *parcel, const struct transport_bulk *bulk);

#endif
