/* doctor: what several files look at to tell why it does not work. Each function looks at one thing and notes what it finds. Main thread; blocks. */
#ifndef LARDER_CLI_DOCTOR_H
#define LARDER_CLI_DOCTOR_H

#include "cli/session.h"

enum finding { FINDING_OK, FINDING_WARNING, FINDING_PROBLEM };

struct doctor {
	struct session *session;
	json_t *findings;       /* told so far */
	unsigned problems, warnings;
	bool has_store, has_node; /* could be opened, or asked */
	uint16_t port;          /* of this home's node; 0: none was asked */
	uint64_t heard;         /* other nodes */
};

/* Tell it, at once. `remedy`: what to do, NULL: nothing. */
void doctor_note(struct doctor *doctor, enum finding finding, const char *topic, const char *remedy, const char *format, ...) LARDER_PRINTF(5, 6);

void doctor_home(struct doctor *doctor);        /* the store, its disk */
void doctor_surroundings(struct doctor *doctor); /* variables that lead elsewhere */
void doctor_hub(struct doctor *doctor);         /* reached, the clock, the token */
void doctor_node(struct doctor *doctor);        /* running, its port, who is heard */
void doctor_port(struct doctor *doctor, uint16_t port); /* `port` is the node's */
void doctor_gateway(struct doctor *doctor, const char *url); /* of a node that stays; "": it has none */
void doctor_network(struct doctor *doctor);     /* interfaces */
void doctor_multicast(struct doctor *doctor);   /* after doctor_node() */
void doctor_host(struct doctor *doctor, const char *host); /* the way to one node, and back; after doctor_node() */

#endif
