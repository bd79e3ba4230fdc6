#include "discovery/sightings.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct sighting {
	struct discovery_peer peer;
	bool told; /* the owner knows that it is there */
	bool gone;
	unsigned round; /* in which it was put last */
	struct list link;
	struct list untold; /* a lone link when there is no news */
};

void sightings_init(struct sightings *sightings)
{
	list_init(&sightings->all);
	list_init(&sightings->untold);
	sightings->count = 0;
	sightings->round = 0;
}

static void forget(struct sightings *sightings, struct sighting *sighting)
{
	list_remove(&sighting->link);
	list_remove(&sighting->untold);
	sightings->count--;
	free(sighting);
}

void sightings_release(struct sightings *sightings)
{
	list_each_safe(at, &sightings->all)
		forget(sightings, container_of(at, struct sighting, link));
}

static struct sighting *find(struct sightings *sightings, const char *name, int interface, sa_family_t family)
{
	list_each(at, &sightings->all) {
		struct sighting *sighting = container_of(at, struct sighting, link);
		const struct discovery_peer *peer = &sighting->peer;
		if (peer->interface == interface && peer->address.ss_family == family && strcmp(peer->name, name) == 0)
			return sighting;
	}
	return NULL;
}

static struct sighting *add(struct sightings *sightings)
{
	struct sighting *sighting;

	if (sightings->count >= DISCOVERY_PEERS_MAX)
		return NULL;
	sighting = calloc(1, sizeof *sighting);
	if (!sighting)
		return NULL;
	list_append(&sightings->all, &sighting->link);
	list_init(&sighting->untold);
	sightings->count++;
	return sighting;
}

static bool is_same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port && a6->sin6_scope_id == b6->sin6_scope_id && memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
}

static void is_news(struct sightings *sightings, struct sighting *sighting)
{
	list_remove(&sighting->untold);
	list_append(&sightings->untold, &sighting->untold);
}

bool sightings_put(struct sightings *sightings, const struct discovery_peer *peer)
{
	struct sighting *sighting = find(sightings, peer->name, peer->interface, peer->address.ss_family);
	bool changed = !sighting || !note_is_equal(&sighting->peer.note, &peer->note) ||
		       !is_same_address(&sighting->peer.address, &peer->address);

	if (!sighting && !(sighting = add(sightings)))
		return false;
	sighting->peer = *peer;
	sighting->gone = false; /* one that was gone is news already */
	sighting->round = sightings->round;
	if (changed)
		is_news(sightings, sighting);
	return true;
}

static void drop(struct sightings *sightings, struct sighting *sighting)
{
	if (!sighting->told) {
		forget(sightings, sighting);
		return;
	}
	sighting->gone = true;
	is_news(sightings, sighting);
}

void sightings_drop(struct sightings *sightings, const char *name, int interface, sa_family_t family)
{
	struct sighting *sighting = find(sightings, name, interface, family);

	if (sighting && !sighting->gone)
		drop(sightings, sighting);
}

void sightings_begin_round(struct sightings *sightings)
{
	sightings->round++;
}

void sightings_end_round(struct sightings *sightings)
{
	list_each_safe(at, &sightings->all) {
		struct sighting *sighting = container_of(at, struct sighting, link);
		if (sighting->round != sightings->round && !sighting->gone)
			drop(sightings, sighting);
	}
}

bool sightings_has_news(const struct sightings *sightings)
{
	return !list_is_empty(&sightings->untold);
}

enum sighting_news sightings_next(struct sightings *sightings, struct discovery_peer *ret_peer)
{
	struct sighting *sighting;

	if (!sightings_has_news(sightings))
		return SIGHTING_NONE;
	sighting = container_of(sightings->untold.next, struct sighting, untold);
	*ret_peer = sighting->peer;
	if (sighting->gone) {
		forget(sightings, sighting);
		return SIGHTING_GONE;
	}
	list_remove(&sighting->untold);
	sighting->told = true;
	return SIGHTING_SEEN;
}
