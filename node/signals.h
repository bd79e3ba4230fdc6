/* signals: Ctrl-C and SIGTERM heard on the loop, so that what runs can end cleanly.
 *
 * The first one calls on_stop(); from then on they have their usual effect again, so that the second ends the program at once, wherever it is. Main thread only; start it
 * before other threads are.
 */
#ifndef LARDER_NODE_SIGNALS_H
#define LARDER_NODE_SIGNALS_H

#include "node/loop.h"

#include <signal.h>

struct signals {
	void (*on_stop)(struct signals *signals); /* on the loop */
	int caught; /* the signal; 0: none yet */
	struct loop *loop;
	struct loop_watch watch;
	sigset_t before; /* the mask to go back to */
};

/* Set on_stop first. ERR_IO. */
enum err signals_start(struct signals *signals, struct loop *loop, struct why *why) LARDER_MUST_USE;
/* Harmless when not started, if zeroed before. */
void signals_stop(struct signals *signals);

#endif
