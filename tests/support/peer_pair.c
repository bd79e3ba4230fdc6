#include "support/peer_pair.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

#define MS 1000

static struct log silence;

int pair_setup(void **state)
{
	struct pair *pair = calloc(1, sizeof *pair);

	group_init_open(&pair->group);
	pair->now_us = 1000 * 1000 * MS;
	for (size_t i = 0; i < 2; i++) {
		temp_dir_make(&pair->dirs[i]);
		assert_int_equal(identity_open(pair->dirs[i].path, "/dev/null", &silence, &pair->identities[i], NULL), ERR_OK);
	}
	side_init(&pair->dialer, pair->identities[0], &pair->group, 1, &pair->now_us);
	side_init(&pair->listener, pair->identities[1], &pair->group, 2, &pair->now_us);
	*state = pair;
	return 0;
}

int pair_teardown(void **state)
{
	struct pair *pair = *state;

	side_release(&pair->dialer);
	side_release(&pair->listener);
	for (size_t i = 0; i < 2; i++) {
		identity_close(pair->identities[i]);
		temp_dir_remove(&pair->dirs[i]);
	}
	group_release(&pair->group);
	free(pair);
	return 0;
}

void pair_meet(struct pair *pair)
{
	side_dial(&pair->dialer);
	side_take(&pair->listener, &pair->dialer);
	side_carry(&pair->dialer, &pair->listener);
}

void pair_pass(struct pair *pair, int64_t ms)
{
	pair->now_us += ms * MS;
	if (pair->dialer.peer.owner)
		peer_on_time(&pair->dialer.peer);
	if (pair->listener.peer.owner)
		peer_on_time(&pair->listener.peer);
}
static void on_done(struct peer_ask *ask, enum err err)
{
	struct asking *asking = container_of(ask, struct asking, ask);

	asking->dones++;
	asking->err = err;
	if (ask->names)
		asking->names = ask->names->count;
}

static void on_bytes(struct peer_ask *ask, size_t len) { container_of(ask, struct asking, ask)->bytes += len; }

struct asking asking_make(void)
{
	return (struct asking){.ask = {.on_done = on_done, .on_bytes = on_bytes}};
}

struct tag *tags_make(size_t count)
{
	struct tag *tags = calloc(count ? count : 1, sizeof *tags);

	for (size_t i = 0; i < count; i++)
		tags[i] = (struct tag){{(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
	return tags;
}
