/* Names are looked up on a thread of their own: a name server that is away must not keep the workers from hashing. */
#include "node/peers_private.h"

#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SERVER_S 2 /* for one question to one name server */

/* --- on the thread */

static void add_found(struct peers_name *name, const struct sockaddr *address)
{
	struct lan_address found;

	if (name->found_count == PEERS_NAME_ADDRESSES_MAX || !lan_from_sockaddr(address, &found))
		return;
	found.port = name->port;
	for (size_t i = 0; i < name->found_count; i++)
		if (lan_equal(&name->found[i], &found))
			return;
	name->found[name->found_count++] = found;
}

/* So that the end of the program has not to wait for long. The state of the resolver is this thread's own. */
static void be_brief(void)
{
	if (res_init() != 0)
		return;
	_res.retrans = NAME_SERVER_S;
	_res.retry = 1;
}

static void on_worker(struct pool_job *job)
{
	struct peers_name *name = container_of(job, struct peers_name, job);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *all = NULL;

	name->found_count = 0;
	name->is_found = false;
	name->failed = 0;
	if (__atomic_load_n(&name->names->is_ending, __ATOMIC_RELAXED))
		return;
	be_brief();
	name->failed = getaddrinfo(name->host, NULL, &hints, &all);
	if (name->failed)
		return;
	name->is_found = true;
	for (const struct addrinfo *at = all; at; at = at->ai_next)
		add_found(name, at->ai_addr);
	freeaddrinfo(all);
}

/* --- on the loop */

static bool is_among(struct place *const *places, size_t count, const struct place *place)
{
	for (size_t i = 0; i < count; i++)
		if (places[i] == place)
			return true;
	return false;
}

/* Whether another name leads there, too. */
static bool is_set_elsewhere(const struct peers_names *names, const struct peers_name *name, const struct place *place)
{
	for (size_t i = 0; i < names->count; i++)
		if (&names->each[i] != name && is_among(names->each[i].places, names->each[i].place_count, place))
			return true;
	return false;
}

/* The places of the name become these. */
static void set_places(struct peers_name *name, const struct lan_address *addresses, size_t count)
{
	struct peers *peers = name->names->peers;
	struct place *places[PEERS_NAME_ADDRESSES_MAX];
	size_t place_count = 0;

	for (size_t i = 0; i < count; i++) {
		struct place *place = place_get(peers, &addresses[i]);
		if (!place || is_among(places, place_count, place))
			continue;
		place->sources |= PLACE_SET;
		places[place_count++] = place;
	}
	for (size_t i = 0; i < name->place_count; i++)
		if (!is_among(places, place_count, name->places[i]) && !is_set_elsewhere(name->names, name, name->places[i]))
			place_drop_source(name->places[i], PLACE_SET);
	memcpy(name->places, places, place_count * sizeof(struct place *));
	name->place_count = place_count;
	place_dial_due(peers);
}

/* Once, until it is found again: it may be mistyped, or the network not there yet. */
static void tell_missed(struct peers_name *name)
{
	if (name->failed && !name->is_missed)
		log_warn(name->names->peers->use.log, "peer = %s: the name stands for no address (%s); it is looked up again and again", name->host, gai_strerror(name->failed));
	name->is_missed = name->failed != 0;
}

/* A name server that does not answer is no reason to forget what it said. */
static void on_found(struct pool_job *job)
{
	struct peers_name *name = container_of(job, struct peers_name, job);

	name->job_out = false;
	if (name->names->is_ending)
		return;
	tell_missed(name);
	if (name->is_found)
		set_places(name, name->found, name->found_count);
}

void names_look_up(struct peers *peers)
{
	struct peers_names *names = &peers->names;

	if (!names->pool)
		return;
	for (size_t i = 0; i < names->count; i++) {
		struct peers_name *name = &names->each[i];
		if (name->job_out || !name->host[0])
			continue;
		name->job_out = true;
		name->job = (struct pool_job){.run = on_worker, .done = on_found};
		pool_submit(names->pool, &name->job);
	}
	(void)!loop_timer_start(peers->use.loop, &names->timer, PEERS_RESOLVE_MS);
}

static void on_timer(struct loop_timer *timer) { names_look_up(container_of(timer, struct peers_names, timer)->peers); }

static void on_pool(struct loop_watch *watch, short revents)
{
	(void)revents;
	pool_reap(container_of(watch, struct peers_names, watch)->pool);
}

/* An address is a place at once; a name, later. */
static enum err add(struct peers_names *names, const char *text, struct why *why)
{
	struct peers_name *name = &names->each[names->count];
	struct lan_address address;

	name->names = names;
	if (lan_parse(text, TRANSPORT_PORT, &address)) {
		names->count++;
		set_places(name, &address, 1);
		return ERR_OK;
	}
	if (!lan_split(text, TRANSPORT_PORT, name->host, &name->port))
		return why_set(why, ERR_USAGE, "peer = %s: that is no HOST or HOST:PORT", text);
	names->count++;
	return ERR_OK;
}

static enum err start_pool(struct peers *peers)
{
	struct peers_names *names = &peers->names;
	enum err err = pool_create(1, &names->pool);

	if (err)
		return err;
	names->watch = (struct loop_watch){.fd = pool_fd(names->pool), .events = POLLIN, .ready = on_pool};
	loop_watch_start(peers->use.loop, &names->watch);
	names->timer.fire = on_timer;
	names_look_up(peers);
	return ERR_OK;
}

enum err names_start(struct peers *peers, struct why *why)
{
	struct peers_names *names = &peers->names;
	bool has_names = false;
	enum err err = ERR_OK;

	names->peers = peers;
	if (peers->use.address_count > PEERS_NAMES_MAX)
		return why_set(why, ERR_USAGE, "more than %d addresses in `peer`", PEERS_NAMES_MAX);
	names->each = calloc(peers->use.address_count + 1, sizeof *names->each);
	if (!names->each)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	for (size_t i = 0; !err && i < peers->use.address_count; i++) {
		err = add(names, peers->use.addresses[i], why);
		has_names = has_names || names->each[i].host[0];
	}
	if (!err && has_names && (err = start_pool(peers)) != ERR_OK)
		why_set(why, err, "cannot start a thread to look up names");
	return err;
}

void names_stop(struct peers *peers)
{
	struct peers_names *names = &peers->names;

	__atomic_store_n(&names->is_ending, true, __ATOMIC_RELAXED);
	loop_watch_cancel(peers->use.loop, &names->watch);
	loop_timer_cancel(peers->use.loop, &names->timer);
	pool_destroy(names->pool);
	free(names->each);
	names->each = NULL;
}
