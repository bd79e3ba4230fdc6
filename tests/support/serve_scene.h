/* serve_scene: the giving side over a store of its own with one blob, and a sink that keeps what is sent; for the tests of serve. */
#ifndef LARDER_TESTS_SERVE_SCENE_H
#define LARDER_TESTS_SERVE_SCENE_H

#include "node/serve_private.h"
#include "support/store_home.h"

#include <stdio.h>

#define PATIENCE_TURNS 2000 /* of the loop, 10 ms each */
#define GOT_MAX 2000
#define KB ((size_t)1024)
#define SIZE (2 * CHAIN_CHUNK + 300 * KB)
#define SEED 1

/* A message that serve has sent. */
struct got {
	uint64_t session, request;
	enum wire_type type;
	enum wire_no no;
	uint32_t offset, length;
	uint64_t size;
	uint32_t count;
	size_t len;
	uint8_t *bulk;  /* a copy */
	struct transport_bulk kept; /* not released yet */
	uint8_t found[8];
};

struct scene {
	struct store_home *home;
	struct loop *loop;
	struct pool *pool;
	struct group group;
	struct share *share;
	struct serve *serve;
	struct serve_sink sink;
	FILE *lines;
	struct log log;
	char logged[2000];
	struct got got[GOT_MAX];
	size_t count;
	size_t room;      /* messages that the sink takes until it is busy */
	bool is_over;     /* it says that the session is */
	bool keeps_bulks;
	size_t refused;   /* messages, since it is busy or over */
	struct digest digest; /* of SEED, SIZE; public */
	uint8_t *content;
};

/* For cmocka; `*state` is the scene. With one worker answers come in the order in which the readings began. */
int scene_setup(void **state);
int scene_setup_one_worker(void **state);
int scene_teardown(void **state);

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)

/* A blob becomes public; the share is opened (again). */
void scene_publish(struct scene *scene, const struct digest *digest);
void scene_start(struct scene *scene, bool share_names);

/* Until so many messages were sent; until nothing runs any more; what was logged up to now. */
void scene_await(struct scene *scene, size_t count);
void scene_settle(struct scene *scene);
const char *scene_logged(struct scene *scene);
/* The bulks that keeps_bulks kept are let go. */
void scene_release_kept(struct scene *scene);

/* Messages to serve. */
void scene_chunk(struct scene *scene, uint64_t session, uint64_t request, const struct digest *digest, uint64_t size, uint64_t index);
void scene_chain(struct scene *scene, uint64_t request, const struct digest *digest, uint64_t from, uint32_t count);
void scene_reject(struct scene *scene, uint64_t index);
void scene_cancel(struct scene *scene, uint64_t request);

/* The pieces of a request are that chunk, and nothing besides. Returns how many there are. */
unsigned scene_assert_chunk(struct scene *scene, uint64_t session, uint64_t request, uint64_t index);
/* The last message is NO to this request. */
void scene_assert_no(struct scene *scene, uint64_t request, enum wire_no no);

#endif
