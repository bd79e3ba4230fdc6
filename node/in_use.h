/* in_use: for how long a node that was started for a program is needed (`larder run`, larderd --while-used).
 *
 * Whoever uses the node holds a shared lock on HOME/in-use; it goes with the process that has it, however that ends. The node looks whether it gets the lock for
 * itself, and then ends; who comes in that moment waits for its end, and starts another. So several programs share one node, and none takes it from the others.
 */
#ifndef LARDER_NODE_IN_USE_H
#define LARDER_NODE_IN_USE_H

#include "node/loop.h"

#define IN_USE_LOOK_MS 500

/* Use it, until *ret_fd is closed, which is done on exec unless the caller says otherwise. `home` exists. Waits while a node is about to end. ERR_IO, ERR_PERMISSION. */
enum err in_use_hold(const char *home, int *ret_fd, struct why *why) LARDER_MUST_USE;

/* The right to start a node there, until *ret_fd is closed: of two that find none, the second waits, and finds the first one's. Same errors. */
enum err in_use_begin(const char *home, int *ret_fd, struct why *why) LARDER_MUST_USE;

/* The node's side; embedded by the caller. */
struct in_use {
	void (*on_unused)(struct in_use *in_use); /* on the loop, once: end now */
	struct loop *loop;
	struct loop_timer timer;
	int fd; /* holds the lock from on_unused() on */
};

/* Set on_unused first. Look every IN_USE_LOOK_MS. ERR_IO, ERR_PERMISSION, ERR_NO_MEMORY. */
enum err in_use_watch(struct in_use *in_use, struct loop *loop, const char *home, struct why *why) LARDER_MUST_USE;
/* Lets go of the lock: when the node is no more. Harmless when not watching, if zeroed before. */
void in_use_stop(struct in_use *in_use);

#endif
