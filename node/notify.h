/* notify: tells a service manager that the program is ready (sd_notify(3): a datagram to the socket that NOTIFY_SOCKET names). Does nothing where there is none. */
#ifndef LARDER_NODE_NOTIFY_H
#define LARDER_NODE_NOTIFY_H

void notify_ready(void);

#endif
