/* sightings: what was seen on the LAN, and what of it the owner has not been told yet.
 *
 * Changes are folded together: however much happens between two looks of the owner, he hears of each peer once. One thread at a time
 * (discovery.c holds a lock around it). A peer is known by name, interface and address family.
 */
#ifndef LARDER_DISCOVERY_SIGHTINGS_H
#define LARDER_DISCOVERY_SIGHTINGS_H

#include "base/list.h"
#include "discovery/discovery.h"

struct sightings {
	struct list all;
	struct list untold; /* those of them that the owner is to hear of */
	size_t count;
	unsigned round;
};

enum sighting_news { SIGHTING_NONE, SIGHTING_SEEN, SIGHTING_GONE };

void sightings_init(struct sightings *sightings);
void sightings_release(struct sightings *sightings);

/* The peer is there, in this state. False: not kept, there are DISCOVERY_PEERS_MAX already (or no memory). */
bool sightings_put(struct sightings *sightings, const struct discovery_peer *peer);
/* It is gone. Harmless when it was not there. */
void sightings_drop(struct sightings *sightings, const char *name, int interface, sa_family_t family);

/* All that is there is uncertain from now on, until it is put again ... */
void sightings_begin_round(struct sightings *sightings);
/* ... and what was not put since then is gone. */
void sightings_end_round(struct sightings *sightings);

bool sightings_has_news(const struct sightings *sightings);
/* The next one that the owner is to hear of; he counts as told. NONE: `ret_peer` is untouched. */
enum sighting_news sightings_next(struct sightings *sightings, struct discovery_peer *ret_peer);

#endif
