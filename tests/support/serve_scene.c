#include "support/serve_scene.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

static enum err on_send(struct serve_sink *sink, uint64_t session, const uint8_t *control, size_t len, const struct transport_bulk *bulk,
			struct serve_way *way)
{
	struct scene *scene = container_of(sink, struct scene, sink);
	struct got *got = &scene->got[scene->count];
	struct wire_message message;

	assert_true((way != NULL) == (wire_decode(control, len, bulk ? bulk->data : NULL, bulk ? bulk->len : 0, &message, NULL) == ERR_OK && message.type == WIRE_PIECE));
	if (scene->is_over || scene->room == 0) {
		scene->refused++;
		return scene->is_over ? ERR_CUT : ERR_BUSY;
	}
	assert_true(scene->count < GOT_MAX);
	assert_int_equal(wire_decode(control, len, bulk ? bulk->data : NULL, bulk ? bulk->len : 0, &message, NULL), ERR_OK);
	*got = (struct got){.session = session, .request = message.request, .type = message.type, .len = message.bulk.len};
	if (bulk) {
		got->bulk = malloc(bulk->len);
		memcpy(got->bulk, bulk->data, bulk->len);
		if (scene->keeps_bulks)
			got->kept = *bulk;
		else
			bulk->release((void *)(uintptr_t)bulk->data, bulk->hint);
	}
	if (message.type == WIRE_PIECE)
		got->offset = message.piece.offset, got->length = message.piece.length;
	if (message.type == WIRE_NO)
		got->no = message.no;
	if (message.type == WIRE_STATES)
		got->size = message.states.size;
	if (message.type == WIRE_NAMES)
		got->count = message.names.count;
	if (message.type == WIRE_FOUND)
		memcpy(got->found, message.found.found.at, message.found.found.len < 8 ? message.found.found.len : 8);
	scene->count++;
	scene->room--;
	return ERR_OK;
}

static const char *on_name(struct serve_sink *sink, uint64_t session)
{
	(void)sink;
	return session == 7 ? "seven" : "other";
}

void scene_release_kept(struct scene *scene)
{
	for (size_t i = 0; i < scene->count; i++) {
		struct transport_bulk *kept = &scene->got[i].kept;
		if (kept->release)
			kept->release((void *)(uintptr_t)kept->data, kept->hint);
		kept->release = NULL;
	}
}

void scene_publish(struct scene *scene, const struct digest *digest)
{
	int64_t now_s = clock_wall_s(clock_system());

	assert_int_equal(index_visibility_put(store_index(scene->home->store), digest, "h", VISIBILITY_PUBLIC, now_s, NULL), ERR_OK);
}

void scene_start(struct scene *scene, bool share_names)
{
	struct share_options share = {
		.loop = scene->loop, .pool = scene->pool, .store = scene->home->store, .group = &scene->group, .log = &scene->log, .serve = true, .share_names = share_names,
	};
	struct serve_options serve = {.loop = scene->loop, .pool = scene->pool, .store = scene->home->store, .log = &scene->log, .sink = &scene->sink};

	serve_destroy(scene->serve);
	share_destroy(scene->share);
	assert_int_equal(share_create(&share, &scene->share, NULL), ERR_OK);
	serve.share = scene->share;
	assert_int_equal(serve_create(&serve, &scene->serve), ERR_OK);
}

static int setup_with(void **state, unsigned workers)
{
	struct scene *scene = calloc(1, sizeof *scene);
	void *home = NULL;

	assert_int_equal(store_home_setup(&home), 0);
	scene->home = home;
	assert_int_equal(loop_create(clock_system(), &scene->loop), ERR_OK);
	assert_int_equal(pool_create(workers, &scene->pool), ERR_OK);
	loop_attach_pool(scene->loop, scene->pool);
	group_init_open(&scene->group);
	scene->sink = (struct serve_sink){on_send, on_name};
	scene->lines = tmpfile();
	scene->log = (struct log){.out = scene->lines, .level = LOG_LEVEL_INFO};
	scene->room = GOT_MAX;
	scene->content = content_make(SEED, SIZE);
	scene->digest = store_home_put(scene->home, SEED, SIZE);
	scene_publish(scene, &scene->digest);
	scene_start(scene, true);
	*state = scene;
	return 0;
}

int scene_setup(void **state) { return setup_with(state, 2); }

int scene_setup_one_worker(void **state) { return setup_with(state, 1); }

int scene_teardown(void **state)
{
	struct scene *scene = *state;
	void *home = scene->home;

	serve_destroy(scene->serve);
	share_destroy(scene->share);
	scene_release_kept(scene);
	for (size_t i = 0; i < scene->count; i++)
		free(scene->got[i].bulk);
	loop_destroy(scene->loop);
	pool_destroy(scene->pool);
	group_release(&scene->group);
	store_home_teardown(&home);
	fclose(scene->lines);
	free(scene->content);
	free(scene);
	return 0;
}

const char *scene_logged(struct scene *scene)
{
	size_t len;

	fflush(scene->lines);
	rewind(scene->lines);
	len = fread(scene->logged, 1, sizeof scene->logged - 1, scene->lines);
	scene->logged[len] = '\0';
	return scene->logged;
}

void scene_await(struct scene *scene, size_t count)
{
	for (int turns = 0; turns < PATIENCE_TURNS && scene->count < count; turns++)
		loop_turn(scene->loop, 10);
	assert_int_equal(scene->count, count);
}

void scene_settle(struct scene *scene)
{
	for (int quiet = 0; quiet < 5; quiet++) {
		size_t before = scene->count;
		loop_turn(scene->loop, 10);
		quiet = scene->count == before && pool_wait(scene->pool) == 0 ? quiet : 0;
	}
}

void scene_chunk(struct scene *scene, uint64_t session, uint64_t request, const struct digest *digest, uint64_t size, uint64_t index)
{
	struct wire_message message = {.type = WIRE_CHUNK, .request = request, .chunk = {*digest, size, index}};

	serve_message(scene->serve, session, &message);
}

void scene_chain(struct scene *scene, uint64_t request, const struct digest *digest, uint64_t from, uint32_t count)
{
	struct wire_message message = {.type = WIRE_CHAIN, .request = request, .chain = {*digest, from, count}};

	serve_message(scene->serve, 7, &message);
}

void scene_reject(struct scene *scene, uint64_t index)
{
	struct wire_message message = {.type = WIRE_REJECT, .reject = {scene->digest, index}};

	serve_message(scene->serve, 7, &message);
}

void scene_cancel(struct scene *scene, uint64_t request)
{
	struct wire_message message = {.type = WIRE_CANCEL, .request = request};

	serve_message(scene->serve, 7, &message);
}

unsigned scene_assert_chunk(struct scene *scene, uint64_t session, uint64_t request, uint64_t index)
{
	size_t len = chain_chunk_len(SIZE, index), at = 0;
	unsigned pieces = 0;

	for (size_t i = 0; i < scene->count; i++) {
		struct got *got = &scene->got[i];
		if (got->session != session || got->request != request)
			continue;
		assert_int_equal(got->type, WIRE_PIECE);
		assert_int_equal(got->offset, at);
		assert_int_equal(got->length, len);
		assert_true(got->len <= len - at);
		assert_memory_equal(got->bulk, scene->content + chain_chunk_offset(index) + at, got->len);
		at += got->len;
		pieces++;
	}
	assert_int_equal(at, len);
	return pieces;
}

void scene_assert_no(struct scene *scene, uint64_t request, enum wire_no no)
{
	struct got *last = &scene->got[scene->count - 1];

	assert_int_equal(last->type, WIRE_NO);
	assert_int_equal(last->request, request);
	assert_int_equal(last->no, no);
}
