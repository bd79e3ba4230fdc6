/* service_name: the name under which a node's service is announced. Pure; any thread. */
#ifndef LARDER_DISCOVERY_SERVICE_NAME_H
#define LARDER_DISCOVERY_SERVICE_NAME_H

#include "discovery/discovery.h"

/* "NAME (01020304)": the node's name, and the first four bytes of its id, so that two nodes called the same need not fight over a name. `name` is cut
 * between two characters to fit; what is not UTF-8 or a control character becomes '?'; an empty one becomes "larder". */
void service_name_make(const char *name, const uint8_t node[NOTE_TAG_LEN], char ret_name[DISCOVERY_NAME_MAX]);

#endif
