#include "node/fetch.h"

#include "store/partial.h"
#include "support/cmocka.h"
#include "support/hub_bench.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 3
#define SIZE (3 * CHAIN_CHUNK + 100)
#define GET "GET /org/name/resolve/" COMMIT "/"

/* A hub with one content under two paths, and a fetcher. */
struct scene {
	struct hub_bench *bench;
	struct pool *pool;
	struct fetcher *fetcher;
	struct hub_file files[2];
	struct hub_listing listing;
	uint8_t *data;
	char part_head[100];
};

struct wish {
	struct fetch fetch;
	struct scene *scene;
	int done;
	enum err err;
	struct why why;
};

static void on_done(struct fetch *fetch, enum err err, const struct why *why)
{
	struct wish *wish = container_of(fetch, struct wish, fetch);

	wish->done++;
	wish->err = err;
	wish->why = *why;
}

static void scene_init(struct scene *scene, struct hub_bench *bench)
{
	static char repo[] = "org/name", first[] = "f.bin", second[] = "g.bin";
	struct fetcher_options options = {.loop = bench->loop, .hub = bench->hub, .store = bench->home->store};
	struct digest digest = content_digest(bench->home, SEED, SIZE);

	*scene = (struct scene){.bench = bench, .data = content_make(SEED, SIZE)};
	scene->files[0] = (struct hub_file){.path = first, .size = SIZE, .digest = digest};
	scene->files[1] = (struct hub_file){.path = second, .size = SIZE, .digest = digest};
	scene->listing = (struct hub_listing){.repo = repo, .commit = COMMIT, .visibility = VISIBILITY_PUBLIC, .files = scene->files, .count = 2};
	assert_int_equal(pool_create(2, &scene->pool), ERR_OK);
	loop_attach_pool(bench->loop, scene->pool);
	options.pool = scene->pool;
	assert_int_equal(fetcher_create(&options, &scene->fetcher), ERR_OK);
}

static void scene_release(struct scene *scene)
{
	fetcher_destroy(scene->fetcher);
	pool_destroy(scene->pool);
	free(scene->data);
}

/* The next answer to a GET is the content, cut at that many bytes (0: whole). */
static void hub_gives(struct scene *scene, size_t cut_at)
{
	http_server_add(scene->bench->server, &(struct http_reply){.request = GET, .head = "200 OK\r\nX-Repo-Commit: " COMMIT, .body = scene->data, .body_len = SIZE, .cut_at = cut_at});
}

static void hub_gives_from(struct scene *scene, size_t first)
{
	snprintf(scene->part_head, sizeof scene->part_head, "206 Partial Content\r\nContent-Range: bytes %zu-%zu/%zu", first, SIZE - 1, SIZE);
	http_server_add(scene->bench->server, &(struct http_reply){.request = GET, .head = scene->part_head, .body = scene->data + first, .body_len = SIZE - first});
}

static void wish_start(struct scene *scene, struct wish *wish, size_t file)
{
	*wish = (struct wish){.scene = scene, .fetch = {.listing = &scene->listing, .file = &scene->files[file], .on_done = on_done}};
	assert_int_equal(fetch_start(scene->fetcher, &wish->fetch, NULL), ERR_OK);
	assert_int_equal(wish->done, 0);
}

static void wish_wait(struct wish *wish)
{
	while (!wish->done)
		loop_turn(wish->scene->bench->loop, 1000);
}

static size_t names_of(struct scene *scene)
{
	struct blob_name *names = NULL;
	size_t count = 0;

	assert_int_equal(index_name_list(store_index(scene->bench->home->store), &scene->files[0].digest, &names, &count, NULL), ERR_OK);
	index_names_free(names, count);
	return count;
}

static void two_who_want_the_same_share_one_transfer(void **state)
{
	struct scene scene;
	struct wish first, second;
	uint64_t counted = 0;

	scene_init(&scene, *state);
	hub_gives(&scene, 0);
	wish_start(&scene, &first, 0);
	wish_start(&scene, &second, 1);
	wish_wait(&first);
	wish_wait(&second);
	assert_int_equal(first.err, ERR_OK);
	assert_int_equal(second.err, ERR_OK);
	assert_int_equal(http_server_count(scene.bench->server), 1);
	assert_int_equal(first.fetch.bytes_from_hub + second.fetch.bytes_from_hub, SIZE);
	assert_int_equal(second.fetch.bytes_done, SIZE);
	assert_true(digest_equal(&first.fetch.digest, &scene.files[0].digest));
	assert_int_equal(names_of(&scene), 2);
	assert_int_equal(index_counter_get(store_index(scene.bench->home->store), "hub_bytes", &counted, NULL), ERR_OK);
	assert_int_equal(counted, SIZE);
	scene_release(&scene);
}

static void what_is_held_is_not_asked_for(void **state)
{
	struct hub_bench *bench = *state;
	struct scene scene;
	struct wish wish;

	scene_init(&scene, bench);
	store_home_put(bench->home, SEED, SIZE);
	wish_start(&scene, &wish, 0);
	wish_wait(&wish);
	assert_int_equal(wish.err, ERR_OK);
	assert_true(wish.fetch.was_held);
	assert_int_equal(http_server_count(bench->server), 0);
	assert_int_equal(names_of(&scene), 1);
	scene_release(&scene);
}

static void a_cancelled_one_is_gone_on_with(void **state)
{
	struct hub_bench *bench = *state;
	struct scene scene;
	struct wish wish;

	scene_init(&scene, bench);
	http_server_add(bench->server, &(struct http_reply){.request = GET, .head = "200 OK", .body = scene.data, .body_len = SIZE, .cut_at = 2 * CHAIN_CHUNK + 9, .hang = true});
	wish_start(&scene, &wish, 0);
	while (wish.fetch.bytes_from_hub < 2 * CHAIN_CHUNK + 9)
		loop_turn(bench->loop, 1000);
	fetch_cancel(&wish.fetch);
	assert_null(wish.fetch.run);
	hub_gives_from(&scene, 2 * CHAIN_CHUNK);
	wish_start(&scene, &wish, 0); /* while the first may still be closing */
	wish_wait(&wish);
	assert_int_equal(wish.err, ERR_OK);
	assert_int_equal(wish.fetch.bytes_from_hub, SIZE - 2 * CHAIN_CHUNK);
	scene_release(&scene);
}

static void wrong_bytes_are_told_and_not_kept(void **state)
{
	struct hub_bench *bench = *state;
	struct scene scene;
	struct wish wish;

	scene_init(&scene, bench);
	scene.data[CHAIN_CHUNK] ^= 4;
	hub_gives(&scene, 0);
	wish_start(&scene, &wish, 0);
	wish_wait(&wish);
	assert_int_equal(wish.err, ERR_UNPROVEN);
	assert_has(wish.why.text, "f.bin in org/name");
	assert_false(store_home_holds(bench->home, &scene.files[0].digest));
	scene.data[CHAIN_CHUNK] ^= 4;
	hub_gives(&scene, 0);
	wish_start(&scene, &wish, 0);
	wish_wait(&wish);
	assert_int_equal(wish.err, ERR_OK);
	scene_release(&scene);
}

static void one_that_another_process_has_is_waited_for(void **state)
{
	struct hub_bench *bench = *state;
	struct partial *partial = NULL;
	struct digest digest;
	struct scene scene;
	struct wish wish;

	scene_init(&scene, bench);
	assert_int_equal(partial_open(bench->home->store, &scene.files[0].digest, SIZE, &partial, NULL), ERR_OK);
	wish_start(&scene, &wish, 0);
	for (int turns = 0; turns < 3; turns++)
		loop_turn(bench->loop, 1000);
	assert_int_equal(wish.done, 0);
	partial_fill(partial, SEED, partial_chunks(partial));
	assert_int_equal(partial_commit(partial, &digest, NULL), ERR_OK);
	wish_wait(&wish);
	assert_int_equal(wish.err, ERR_OK);
	assert_int_equal(http_server_count(bench->server), 0);
	scene_release(&scene);
}

/* The name at the beginning serves lists alone: when it cannot be written, the fetch goes on. */
static void a_name_that_cannot_be_kept_early_stops_nothing(void **state)
{
	static const char no_names_yet[] = "CREATE TRIGGER early BEFORE INSERT ON name WHEN (SELECT count(*) FROM blob) = 0"
					   " BEGIN SELECT RAISE(ABORT, 'not yet'); END";
	struct hub_bench *bench = *state;
	sqlite3 *database = NULL;
	char path[128];
	struct scene scene;
	struct wish wish;

	snprintf(path, sizeof path, "%s/index.sqlite", bench->home->home);
	assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, no_names_yet, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(database);
	scene_init(&scene, bench);
	hub_gives(&scene, 0);
	wish_start(&scene, &wish, 0);
	wish_wait(&wish);
	assert_int_equal(wish.err, ERR_OK);
	assert_int_equal(names_of(&scene), 1);
	scene_release(&scene);
}

static void chunks_that_came_before_the_hub_went_are_kept(void **state)
{
	struct hub_bench *bench = *state;
	struct partial *partial = NULL;
	struct scene scene;
	struct wish wish;

	scene_init(&scene, bench);
	hub_gives(&scene, CHAIN_CHUNK + 1);
	http_server_add(bench->server, &(struct http_reply){.request = GET, .close = true, .always = true});
	wish_start(&scene, &wish, 0);
	wish_wait(&wish);
	assert_int_equal(wish.err, ERR_HUB_AWAY);
	assert_int_equal(partial_open(bench->home->store, &scene.files[0].digest, SIZE, &partial, NULL), ERR_OK);
	assert_int_equal(partial_have_bytes(partial), CHAIN_CHUNK);
	partial_close(partial);
	scene_release(&scene);
}

#define at_bench(test) cmocka_unit_test_setup_teardown(test, hub_bench_setup, hub_bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		at_bench(two_who_want_the_same_share_one_transfer),
		at_bench(what_is_held_is_not_asked_for),
		at_bench(a_cancelled_one_is_gone_on_with),
		at_bench(wrong_bytes_are_told_and_not_kept),
		at_bench(one_that_another_process_has_is_waited_for),
		at_bench(a_name_that_cannot_be_kept_early_stops_nothing),
		at_bench(chunks_that_came_before_the_hub_went_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
