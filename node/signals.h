/* signals: Ctrl-C and SIGTERM heard on the loop, so that what runs can end cleanly; and SIGHUP, where that is to have the settings read again.
 *
 * A SIGHUP that comes because the terminal is gone, which the program was started in, is one of the former.
 *
 * The first of the former calls on_stop(); from then on they have their usual effect again, so that the second ends the program at once, wherever it is. Main thread only; start it
 * before other threads are.
 */
#ifndef LARDER_NODE_SIGNALS_H
#define LARDER_NODE_SIGNALS_H

#include "node/loop.h"

#include <signal.h>

struct signals {
	void (*on_stop)(struct signals *signals); /* on the loop */
	void (*on_reload)(struct signals *signals); /* the same, each time; NULL: SIGHUP has its usual effect */
	int caught; /* the signal; 0: none yet */
	struct loop *loop;
	struct loop_watch watch;
	bool has_terminal; /* from the beginning */
	sigset_t before; /* the mask to go back to */
};

/* Set the handlers first. ERR_IO. */
enum err signals_start(struct signals *signals, struct loop *loop, struct why *why) LARDER_MUST_USE;
/* Harmless when not started, if zeroed before. */
void signals_stop(struct signals *signals);

#endif
