/* activation: sockets that a service manager has opened for us and hands over at the start (sd_listen_fds(3)): LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES, descriptors from 3 on.
 *
 * So that a port is there before the program is, and the program is only there once somebody connects. Before other threads are started: reads and changes the environment.
 */
#ifndef LARDER_NODE_ACTIVATION_H
#define LARDER_NODE_ACTIVATION_H

#include "base/err.h"

#define ACTIVATION_MAX 16

struct activation {
	int fds[ACTIVATION_MAX]; /* non-blocking, closed on exec; the caller's */
	size_t count;
};

/* Those of name `name`, or without a name that was given by hand ("unknown", the name of a unit); all others are closed. None where nothing was handed to this very process. The variables are gone afterwards, so that no
 * program that we start takes them for its own. ERR_USAGE: something else than a listening TCP socket, or too many; the sentence says what to set in the unit. */
enum err activation_take(const char *name, struct activation *ret_activation, struct why *why) LARDER_MUST_USE;
void activation_release(struct activation *activation); /* closes them */

#endif
