#include "node/serve_private.h"
#include "support/cmocka.h"
#include "support/store_home.h"

#include <stdio.h>
#include <stdlib.h>

#define PATIENCE_TURNS 2000
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

static void release_kept(struct scene *scene)
{
	for (size_t i = 0; i < scene->count; i++) {
		struct transport_bulk *kept = &scene->got[i].kept;
		if (kept->release)
			kept->release((void *)(uintptr_t)kept->data, kept->hint);
		kept->release = NULL;
	}
}

static void publish(struct scene *scene, const struct digest *digest)
{
	int64_t now_s = clock_wall_s(clock_system());

	assert_int_equal(index_visibility_put(store_index(scene->home->store), digest, "h", VISIBILITY_PUBLIC, now_s, NULL), ERR_OK);
}

static void start(struct scene *scene, bool share_names)
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
	publish(scene, &scene->digest);
	start(scene, true);
	*state = scene;
	return 0;
}

static int setup(void **state) { return setup_with(state, 2); }

/* Answers come in the order in which the readings began. */
static int setup_one_worker(void **state) { return setup_with(state, 1); }

static int teardown(void **state)
{
	struct scene *scene = *state;
	void *home = scene->home;

	serve_destroy(scene->serve);
	share_destroy(scene->share);
	release_kept(scene);
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

static const char *logged(struct scene *scene)
{
	size_t len;

	fflush(scene->lines);
	rewind(scene->lines);
	len = fread(scene->logged, 1, sizeof scene->logged - 1, scene->lines);
	scene->logged[len] = '\0';
	return scene->logged;
}

static void await(struct scene *scene, size_t count)
{
	for (int turns = 0; turns < PATIENCE_TURNS && scene->count < count; turns++)
		loop_turn(scene->loop, 10);
	assert_int_equal(scene->count, count);
}

/* Until nothing runs any more. */
static void settle(struct scene *scene)
{
	for (int quiet = 0; quiet < 5; quiet++) {
		size_t before = scene->count;
		loop_turn(scene->loop, 10);
		quiet = scene->count == before && pool_wait(scene->pool) == 0 ? quiet : 0;
	}
}

static void chunk(struct scene *scene, uint64_t session, uint64_t request, const struct digest *digest, uint64_t size, uint64_t index)
{
	struct wire_message message = {.type = WIRE_CHUNK, .request = request, .chunk = {*digest, size, index}};

	serve_message(scene->serve, session, &message);
}

static void chain(struct scene *scene, uint64_t request, const struct digest *digest, uint64_t from, uint32_t count)
{
	struct wire_message message = {.type = WIRE_CHAIN, .request = request, .chain = {*digest, from, count}};

	serve_message(scene->serve, 7, &message);
}

static void reject(struct scene *scene, uint64_t index)
{
	struct wire_message message = {.type = WIRE_REJECT, .reject = {scene->digest, index}};

	serve_message(scene->serve, 7, &message);
}

static void cancel(struct scene *scene, uint64_t request)
{
	struct wire_message message = {.type = WIRE_CANCEL, .request = request};

	serve_message(scene->serve, 7, &message);
}

/* The pieces of a request are that chunk, and nothing besides. Returns how many there are. */
static unsigned assert_chunk(struct scene *scene, uint64_t session, uint64_t request, uint64_t index)
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

static void assert_no(struct scene *scene, uint64_t request, enum wire_no no)
{
	struct got *last = &scene->got[scene->count - 1];

	assert_int_equal(last->type, WIRE_NO);
	assert_int_equal(last->request, request);
	assert_int_equal(last->no, no);
}

static void chunks_come_in_pieces(void **state)
{
	struct scene *scene = *state;
	struct digest alias = {.algorithm = DIGEST_GIT_SHA1, .bytes = {1, 2, 3}};
	char expected[200], text[DIGEST_TEXT_MAX];

	chunk(scene, 7, 1, &scene->digest, SIZE, 2);
	chunk(scene, 7, 2, &scene->digest, 0, 0);
	assert_int_equal(scene->count, 0);
	await(scene, 2 + 4);
	assert_int_equal(assert_chunk(scene, 7, 1, 2), 2);
	assert_int_equal(assert_chunk(scene, 7, 2, 0), 4);
	assert_string_equal(logged(scene), "");
	assert_int_equal(serve_bytes(scene->serve, 7), CHAIN_CHUNK + 300 * KB);
	assert_int_equal(index_alias_put(store_index(scene->home->store), &alias, &scene->digest, NULL), ERR_OK);
	share_refresh(scene->share);
	settle(scene);
	chunk(scene, 7, 3, &alias, 0, 1);
	await(scene, 2 + 4 + 4);
	assert_int_equal(assert_chunk(scene, 7, 3, 1), 4);
	snprintf(expected, sizeof expected, "info: gave seven %zu bytes of %s\n", SIZE, digest_text(&scene->digest, text));
	assert_string_equal(logged(scene), expected);
	serve_forget(scene->serve, 7);
	assert_string_equal(logged(scene), expected);
	assert_int_equal(serve_bytes(scene->serve, 7), 0);
}

static void part_of_a_blob_is_logged_at_the_end(void **state)
{
	struct scene *scene = *state;
	char expected[200], text[DIGEST_TEXT_MAX];

	chunk(scene, 7, 1, &scene->digest, SIZE, 2);
	await(scene, 2);
	serve_forget(scene->serve, 7);
	snprintf(expected, sizeof expected, "info: gave seven %zu bytes of %s\n", 300 * KB, digest_text(&scene->digest, text));
	assert_string_equal(logged(scene), expected);
}

static void states_as_the_chain_has_them(void **state)
{
	struct scene *scene = *state;
	struct chain expected;

	assert_int_equal(index_blob_chain(store_index(scene->home->store), &scene->digest, &expected, NULL), ERR_OK);
	chain(scene, 1, &scene->digest, 1, WIRE_STATES_MAX);
	await(scene, 1);
	assert_int_equal(scene->got[0].type, WIRE_STATES);
	assert_int_equal(scene->got[0].size, SIZE);
	assert_int_equal(scene->got[0].len, 2 * SHA256_LEN);
	assert_memory_equal(scene->got[0].bulk, expected.states, 2 * SHA256_LEN);
	chain(scene, 2, &scene->digest, 2, 1);
	await(scene, 2);
	assert_int_equal(scene->got[1].len, SHA256_LEN);
	assert_memory_equal(scene->got[1].bulk, expected.states[1], SHA256_LEN);
	chain(scene, 3, &scene->digest, 1, 0);
	chain(scene, 4, &scene->digest, 3, 5);
	chain(scene, 5, &scene->digest, WIRE_CHUNKS_MAX - 1, 5);
	for (size_t i = 2; i < 5; i++) {
		assert_int_equal(scene->got[i].type, WIRE_STATES);
		assert_int_equal(scene->got[i].size, SIZE);
		assert_int_equal(scene->got[i].len, 0);
	}
	chain_release(&expected);
}

static void what_is_not_held_and_what_is_not_shared(void **state)
{
	struct scene *scene = *state;
	struct digest private = store_home_put(scene->home, 2, 1000), unknown = content_digest(scene->home, 3, 1000), empty = store_home_put(scene->home, 4, 0);
	struct digest none = {0};

	publish(scene, &empty);
	share_refresh(scene->share);
	settle(scene);
	chunk(scene, 7, 1, &private, 1000, 0);
	assert_no(scene, 1, WIRE_NO_NOT_HELD);
	chunk(scene, 7, 2, &unknown, 1000, 0);
	assert_no(scene, 2, WIRE_NO_NOT_HELD);
	chunk(scene, 7, 3, &none, 0, 0);
	assert_no(scene, 3, WIRE_NO_NOT_HELD);
	chain(scene, 4, &private, 1, 1);
	assert_no(scene, 4, WIRE_NO_NOT_HELD);
	chunk(scene, 7, 5, &scene->digest, SIZE + 1, 0);
	assert_no(scene, 5, WIRE_NO_NOT_HELD);
	chunk(scene, 7, 6, &scene->digest, 0, 3);
	assert_no(scene, 6, WIRE_NO_NOT_HELD);
	chunk(scene, 7, 7, &empty, 0, 0);
	assert_no(scene, 7, WIRE_NO_NOT_HELD);
	assert_int_equal(scene->count, 7);
	/* Removed since the list of what is shared was made. */
	assert_int_equal(blob_remove(scene->home->store, &scene->digest, false, NULL), ERR_OK);
	chunk(scene, 7, 8, &scene->digest, SIZE, 0);
	await(scene, 8);
	assert_no(scene, 8, WIRE_NO_NOT_HELD);
}

static void found_or_not(void **state)
{
	struct scene *scene = *state;
	struct digest private = store_home_put(scene->home, 2, 1000);
	struct tag tags[3];
	struct wire_message message = {.type = WIRE_FIND, .request = 4, .find = {{tags, 3}}};

	group_tag(&scene->group, &private, &tags[0]);
	group_tag(&scene->group, &scene->digest, &tags[1]);
	tags[2] = (struct tag){.bytes = {1}};
	serve_message(scene->serve, 7, &message);
	assert_int_equal(scene->count, 1);
	assert_int_equal(scene->got[0].type, WIRE_FOUND);
	assert_memory_equal(scene->got[0].found, ((uint8_t[]){WIRE_FOUND_NONE, WIRE_FOUND_WHOLE, WIRE_FOUND_NONE}), 3);
}

static void damage(struct scene *scene)
{
	char path[256];

	store_home_blob_path(scene->home, &scene->digest, path);
	store_home_damage(scene->home, path, CHAIN_CHUNK + 5, true);
}

static void await_withdrawal(struct scene *scene)
{
	for (int turns = 0; turns < PATIENCE_TURNS && share_allows(scene->share, &scene->digest); turns++)
		loop_turn(scene->loop, 10);
	assert_false(share_allows(scene->share, &scene->digest));
}

static void damaged_chunks_are_not_given(void **state)
{
	struct scene *scene = *state;

	damage(scene);
	chunk(scene, 7, 1, &scene->digest, SIZE, 1);
	await(scene, 1);
	assert_no(scene, 1, WIRE_NO_DAMAGED);
	await_withdrawal(scene);
	chunk(scene, 7, 2, &scene->digest, SIZE, 0);
	assert_no(scene, 2, WIRE_NO_NOT_HELD);
}

static void what_was_given_is_known_while_the_file_is_the_same(void **state)
{
	struct scene *scene = *state;
	struct serve_request *request;

	for (uint64_t number = 1; number <= 2; number++) {
		chunk(scene, 7, number, &scene->digest, SIZE, 1);
		settle(scene);
		assert_chunk(scene, 7, number, 1);
	}
	assert_int_equal(scene->serve->checked.count, 1);
	/* One that is known is read only; all the same it is that chunk. */
	chunk(scene, 7, 3, &scene->digest, SIZE, 1);
	request = container_of(container_of(scene->serve->sessions.next, struct serve_session, link)->reading.next, struct serve_request, link);
	assert_true(request->is_known);
	settle(scene);
	assert_chunk(scene, 7, 3, 1);
	damage(scene);
	chunk(scene, 7, 4, &scene->digest, SIZE, 1);
	await_withdrawal(scene);
	settle(scene);
	assert_no(scene, 4, WIRE_NO_DAMAGED);
}

static void a_rejected_chunk_is_looked_at(void **state)
{
	struct scene *scene = *state;

	reject(scene, 0);
	reject(scene, 99);
	settle(scene);
	assert_true(share_allows(scene->share, &scene->digest));
	assert_non_null(strstr(logged(scene), "seven rejected chunk 0 of sha256:"));
	damage(scene);
	reject(scene, 1);
	await_withdrawal(scene);
	assert_int_equal(scene->count, 0);
}

static void a_full_sink_is_waited_for(void **state)
{
	struct scene *scene = *state;

	scene->room = 3;
	for (uint64_t request = 1; request <= 3; request++)
		chunk(scene, 7, request, &scene->digest, SIZE, request % 3);
	chain(scene, 4, &scene->digest, 1, 8);
	await(scene, 3);
	settle(scene);
	scene->room = 2;
	serve_writable(scene->serve, 7);
	assert_int_equal(scene->count, 5);
	/* It comes back to it by itself, too. */
	scene->room = GOT_MAX;
	await(scene, 4 + 4 + 2 + 1);
	assert_chunk(scene, 7, 1, 1);
	assert_chunk(scene, 7, 2, 2);
	assert_chunk(scene, 7, 3, 0);
}

static void no_more_than_may_wait(void **state)
{
	struct scene *scene = *state;
	size_t noes = 0;

	scene->room = 0;
	for (uint64_t request = 1; request <= SERVE_WAITING_MAX + 5; request++)
		chunk(scene, 7, request, &scene->digest, SIZE, 2);
	scene->room = GOT_MAX;
	await(scene, SERVE_WAITING_MAX * 2 + 5);
	for (size_t i = 0; i < scene->count; i++)
		if (scene->got[i].type == WIRE_NO) {
			assert_int_equal(scene->got[i].no, WIRE_NO_TOO_MUCH);
			assert_true(scene->got[i].request > SERVE_WAITING_MAX);
			noes++;
		}
	assert_int_equal(noes, 5);
	/* Even where all that is said is no. */
	scene->room = 0;
	for (uint64_t request = 100; request < 400; request++)
		chunk(scene, 7, request, &scene->digest, SIZE, 9);
	scene->room = GOT_MAX;
	serve_writable(scene->serve, 7);
	assert_int_equal(scene->count, SERVE_WAITING_MAX * 2 + 5 + WIRE_ASKED_MAX + SERVE_REJECTS_MAX);
}

/* Of bytes that the sink has not let go. */
static void memory_is_bounded(void **state)
{
	struct scene *scene = *state;

	scene->keeps_bulks = true;
	for (uint64_t request = 1; request <= 20; request++)
		chunk(scene, 7, request, &scene->digest, SIZE, 0);
	await(scene, 4 * SERVE_SESSION_CHUNKS);
	settle(scene);
	assert_int_equal(scene->count, 4 * SERVE_SESSION_CHUNKS);
	/* Another one has not to wait for it. */
	chunk(scene, 8, 1, &scene->digest, SIZE, 1);
	await(scene, 4 * SERVE_SESSION_CHUNKS + 4);
	assert_chunk(scene, 8, 1, 1);
	for (unsigned round = 0; round < 4; round++) {
		release_kept(scene);
		settle(scene);
	}
	await(scene, 21 * 4);
	/* What is kept may outlive all. */
	serve_destroy(scene->serve);
	scene->serve = NULL;
}

static void sessions_take_turns(void **state)
{
	struct scene *scene = *state;
	size_t last = 0;

	for (uint64_t request = 1; request <= 30; request++)
		chunk(scene, 7, request, &scene->digest, SIZE, 2);
	for (uint64_t request = 1; request <= 3; request++)
		chunk(scene, 8, request, &scene->digest, SIZE, 2);
	await(scene, 33 * 2);
	for (size_t i = 0; i < scene->count; i++)
		if (scene->got[i].session == 8)
			last = i;
	assert_true(last < 2 * (SERVE_READS + 3 * 2 + SERVE_READS));
}

static void what_is_taken_back_is_not_answered(void **state)
{
	struct scene *scene = *state;

	scene->room = 1;
	for (uint64_t request = 1; request <= 20; request++)
		chunk(scene, 7, request, &scene->digest, SIZE, 2);
	cancel(scene, 1); /* being read */
	await(scene, 1);
	assert_int_not_equal(scene->got[0].request, 1);
	settle(scene);
	cancel(scene, scene->got[0].request); /* half of it is out */
	cancel(scene, 20); /* it waits */
	cancel(scene, 77);
	scene->room = GOT_MAX;
	serve_writable(scene->serve, 7);
	await(scene, 1 + 17 * 2);
	settle(scene);
	assert_int_equal(scene->count, 1 + 17 * 2);
}

static void ends_amid_work(void **state)
{
	struct scene *scene = *state;

	for (uint64_t session = 7; session <= 9; session++)
		for (uint64_t request = 1; request <= 10; request++)
			chunk(scene, session, request, &scene->digest, SIZE, request % 3);
	serve_forget(scene->serve, 7);
	serve_forget(scene->serve, 99);
	while (scene->count == 0)
		loop_turn(scene->loop, 10);
	scene->is_over = true;
	settle(scene);
	assert_true(scene->refused <= 2);
	scene->is_over = false;
	serve_writable(scene->serve, 8);
	chunk(scene, 9, 11, &scene->digest, SIZE, 1);
	settle(scene);
	chunk(scene, 10, 1, &scene->digest, SIZE, 2);
	reject(scene, 1);
	serve_destroy(scene->serve);
	scene->serve = NULL;
}

static void names_are_listed(void **state)
{
	struct scene *scene = *state;
	struct blob_name name = {scene->digest, (char[]){"h"}, (char[]){"o/r"}, (char[]){"c"}, (char[]){"f"}, VISIBILITY_PUBLIC, 1};
	struct wire_message message = {.type = WIRE_LIST, .request = 5};

	assert_int_equal(index_name_put(store_index(scene->home->store), &name, NULL), ERR_OK);
	serve_message(scene->serve, 7, &message);
	await(scene, 1);
	assert_int_equal(scene->got[0].type, WIRE_NAMES);
	assert_int_equal(scene->got[0].request, 5);
	assert_int_equal(scene->got[0].count, 1);
	message.list.cursor = (struct wire_bytes){(const uint8_t *)"odd", 3};
	serve_message(scene->serve, 7, &message);
	await(scene, 2);
	assert_int_equal(scene->got[1].count, 0);
	message.list.cursor.len = 0;
	serve_message(scene->serve, 7, &message);
	serve_forget(scene->serve, 7);
	settle(scene);
	assert_int_equal(scene->count, 2);
	start(scene, false);
	serve_message(scene->serve, 7, &message);
	assert_no(scene, 5, WIRE_NO_NOT_HELD);
}

static void other_messages_are_ignored(void **state)
{
	struct scene *scene = *state;
	struct wire_message message = {.type = WIRE_PING, .request = 5};

	serve_message(scene->serve, 7, &message);
	message.type = WIRE_UNKNOWN;
	serve_message(scene->serve, 7, &message);
	settle(scene);
	assert_int_equal(scene->count, 0);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(chunks_come_in_pieces),
		SCENE(part_of_a_blob_is_logged_at_the_end),
		SCENE(states_as_the_chain_has_them),
		SCENE(what_is_not_held_and_what_is_not_shared),
		SCENE(found_or_not),
		SCENE(damaged_chunks_are_not_given), SCENE(what_was_given_is_known_while_the_file_is_the_same),
		SCENE(a_rejected_chunk_is_looked_at),
		SCENE(a_full_sink_is_waited_for),
		SCENE(no_more_than_may_wait),
		SCENE(memory_is_bounded),
		cmocka_unit_test_setup_teardown(sessions_take_turns, setup_one_worker, teardown),
		SCENE(what_is_taken_back_is_not_answered),
		SCENE(ends_amid_work),
		SCENE(names_are_listed),
		SCENE(other_messages_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
