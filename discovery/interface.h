/* interface: which network interfaces lead to a LAN, told by their names. Pure; any thread; nothing blocks. */
#ifndef LARDER_DISCOVERY_INTERFACE_H
#define LARDER_DISCOVERY_INTERFACE_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the name is that of a loopback, tunnel, modem, container or virtual machine interface: lo, wwan0, docker0, br-*, veth*, virbr0, wg0, tun0,
 * tap0, ppp0, tailscale0, zt* and the like. A bridge by another name (br0, vmbr0) usually is the way to the LAN, and is not skipped. */
bool interface_is_skipped(const char *name);

/* Whether to use it: when it is one of `listed`, or, where that is empty, when it is not skipped. */
bool interface_is_used(const char *name, const char *const *listed, size_t count);

#endif
