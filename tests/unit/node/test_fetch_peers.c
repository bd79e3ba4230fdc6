#include "node/fetch.h"
#include "node/relay.h"

#include "support/cmocka.h"
#include "support/fake_peers.h"
#include "support/hub_bench.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 3
#define SIZE (40 * CHAIN_CHUNK + 100)
#define GET "GET /org/name/resolve/" COMMIT "/"

/* A hub that can be asked, peers as the test wants them, and a fetcher. */
struct scene {
	struct hub_bench *bench;
	struct pool *pool;
	struct fetcher *fetcher;
	struct fake_peers fake;
	struct hub_file file;
	struct hub_listing listing;
	uint8_t *data, *other;
	struct fetch fetch;
	bool done;
	enum err err;
	struct why why;
};

static void on_done(struct fetch *fetch, enum err err, const struct why *why)
{
	struct scene *scene = container_of(fetch, struct scene, fetch);

	scene->done = true;
	scene->err = err;
	scene->why = *why;
}

/* Peers are judged by their speed: they have as much time here as they have anywhere. */
static void slow_down(struct fast_clock *clock)
{
	int64_t now_ms = clock_now_ms(&clock->clock);

	clock->factor = 1;
	clock->ahead_ms += now_ms - clock_now_ms(&clock->clock);
}

static void scene_init(struct scene *scene, struct hub_bench *bench, enum config_hub_use hub_use)
{
	static char repo[] = "org/name", path[] = "f.bin";
	struct fetcher_options options = {.loop = bench->loop, .hub = bench->hub, .store = bench->home->store, .hub_use = hub_use};

	*scene = (struct scene){.bench = bench, .data = content_make(SEED, SIZE), .other = content_make(SEED + 1, SIZE)};
	slow_down(&bench->clock);
	scene->file = (struct hub_file){.path = path, .size = SIZE, .digest = content_digest(bench->home, SEED, SIZE)};
	scene->listing = (struct hub_listing){.repo = repo, .commit = COMMIT, .visibility = VISIBILITY_PUBLIC, .files = &scene->file, .count = 1};
	scene->fake.loop = bench->loop;
	scene->fake.engine = store_engine(bench->home->store);
	fake_peers_init(&scene->fake);
	assert_int_equal(pool_create(2, &scene->pool), ERR_OK);
	loop_attach_pool(bench->loop, scene->pool);
	options.pool = scene->pool;
	assert_int_equal(fetcher_create(&options, &scene->fetcher), ERR_OK);
	fetcher_set_peers(scene->fetcher, fake_peers_as_peers(&scene->fake));
}

static struct fake_peer *add(struct scene *scene, enum fake_way way)
{
	struct fake_peer *peer = &scene->fake.each[scene->fake.count++];

	*peer = (struct fake_peer){.way = way, .data = way == FAKE_OTHER_FILE ? scene->other : scene->data, .size = scene->file.size, .digest = scene->file.digest};
	return peer;
}

static void hub_gives(struct scene *scene)
{
	http_server_add(scene->bench->server,
			&(struct http_reply){.request = GET, .head = "200 OK\r\nX-Repo-Commit: " COMMIT, .body = scene->data, .body_len = scene->file.size});
}

static void fetch(struct scene *scene)
{
	scene->fetch = (struct fetch){.listing = &scene->listing, .file = &scene->file, .on_done = on_done};
	assert_int_equal(fetch_start(scene->fetcher, &scene->fetch, NULL), ERR_OK);
	while (!scene->done)
		loop_turn(scene->bench->loop, 1000);
}

static void assert_got(struct scene *scene)
{
	if (scene->err)
		fail_msg("%s", scene->why.text);
	assert_true(store_home_holds(scene->bench->home, &scene->fetch.digest));
}

static void scene_release(struct scene *scene)
{
	fetcher_destroy(scene->fetcher);
	fake_peers_release(&scene->fake);
	pool_destroy(scene->pool);
	free(scene->data);
	free(scene->other);
}

static void a_peer_gives_all_and_the_hub_nothing(void **state)
{
	struct scene scene;
	struct fake_peer *peer;
	uint64_t counted = 0;

	scene_init(&scene, *state, CONFIG_HUB_SPARE);
	peer = add(&scene, FAKE_HONEST);
	fetch(&scene);
	assert_got(&scene);
	assert_int_equal(http_server_count(scene.bench->server), 0);
	assert_int_equal(scene.fetch.bytes_from_hub, 0);
	assert_int_equal(scene.fetch.bytes_from_peers, SIZE);
	assert_int_equal(scene.fetch.bytes_wasted, 0);
	assert_int_equal(peer->good_bytes, SIZE);
	assert_int_equal(index_counter_get(store_index(scene.bench->home->store), "peer_bytes", &counted, NULL), ERR_OK);
	assert_int_equal(counted, SIZE);
	scene_release(&scene);
}

static void liar_beside_an_honest_one(void **state, enum fake_way way)
{
	struct scene scene;
	struct fake_peer *honest;

	scene_init(&scene, *state, CONFIG_HUB_NEVER);
	add(&scene, way);
	honest = add(&scene, FAKE_HONEST);
	fetch(&scene);
	assert_got(&scene);
	assert_int_equal(honest->verdict, PEER_GOOD);
	assert_true(scene.fetch.bytes_wasted <= (size_t)32 << 20);
	scene_release(&scene);
}

static void beside_one_that_sends_wrong_chunks(void **state) { liar_beside_an_honest_one(state, FAKE_WRONG_CHUNK); }
static void beside_one_with_another_file(void **state) { liar_beside_an_honest_one(state, FAKE_OTHER_FILE); }
static void beside_one_that_does_not_hold_it(void **state) { liar_beside_an_honest_one(state, FAKE_NOT_HELD); }
static void beside_one_that_is_silent(void **state) { liar_beside_an_honest_one(state, FAKE_SILENT); }
static void beside_one_that_goes(void **state) { liar_beside_an_honest_one(state, FAKE_GOES); }

static void liars_get_their_verdicts(void **state)
{
	struct scene scene;
	struct fake_peer *wrong, *other;

	scene_init(&scene, *state, CONFIG_HUB_NEVER);
	wrong = add(&scene, FAKE_WRONG_CHUNK);
	other = add(&scene, FAKE_OTHER_FILE);
	add(&scene, FAKE_HONEST);
	fetch(&scene);
	assert_got(&scene);
	assert_int_equal(wrong->verdict, PEER_DAMAGED);
	assert_true(other->verdict == PEER_REFUTED || other->verdict == PEER_UNPROVEN);
	scene_release(&scene);
}

static void where_all_peers_lie_the_hub_gives(void **state)
{
	struct scene scene;

	scene_init(&scene, *state, CONFIG_HUB_SPARE);
	add(&scene, FAKE_WRONG_CHUNK);
	add(&scene, FAKE_OTHER_FILE);
	hub_gives(&scene);
	fetch(&scene);
	assert_got(&scene);
	assert_true(scene.fetch.bytes_from_hub >= SIZE - CHAIN_CHUNK);
	scene_release(&scene);
}

static void only_liars_and_no_hub_is_unproven(void **state)
{
	struct scene scene;

	scene_init(&scene, *state, CONFIG_HUB_NEVER);
	add(&scene, FAKE_WRONG_CHUNK);
	add(&scene, FAKE_OTHER_FILE);
	fetch(&scene);
	assert_int_equal(scene.err, ERR_UNPROVEN);
	assert_false(store_home_holds(scene.bench->home, &scene.file.digest));
	scene_release(&scene);
}

static void nobody_and_no_hub_is_not_found(void **state)
{
	struct scene scene;

	scene_init(&scene, *state, CONFIG_HUB_NEVER);
	fetch(&scene);
	assert_int_equal(scene.err, ERR_NOT_FOUND);
	scene_release(&scene);
}

/* Only its digest is typed; the size is what peers can prove. */
static void a_digest_alone_comes_from_peers(void **state)
{
	struct hub_file bare;
	struct scene scene;

	scene_init(&scene, *state, CONFIG_HUB_SPARE);
	add(&scene, FAKE_OTHER_FILE)->size = SIZE - CHAIN_CHUNK;
	add(&scene, FAKE_HONEST);
	bare = (struct hub_file){.size = FETCH_SIZE_UNKNOWN, .digest = scene.file.digest};
	scene.fetch = (struct fetch){.file = &bare, .on_done = on_done};
	assert_int_equal(fetch_start(scene.fetcher, &scene.fetch, NULL), ERR_OK);
	while (!scene.done)
		loop_turn(scene.bench->loop, 1000);
	assert_got(&scene);
	assert_int_equal(scene.fetch.size, SIZE);
	scene_release(&scene);
}

static void a_digest_that_nobody_holds_is_not_found(void **state)
{
	struct hub_file bare;
	struct scene scene;

	scene_init(&scene, *state, CONFIG_HUB_SPARE);
	bare = (struct hub_file){.size = FETCH_SIZE_UNKNOWN, .digest = scene.file.digest};
	scene.fetch = (struct fetch){.file = &bare, .on_done = on_done};
	assert_int_equal(fetch_start(scene.fetcher, &scene.fetch, NULL), ERR_OK);
	while (!scene.done)
		loop_turn(scene.bench->loop, 1000);
	assert_int_equal(scene.err, ERR_NOT_FOUND);
	scene_release(&scene);
}

/* --- files outside LFS */

static struct digest git_id(const uint8_t *data, size_t size)
{
	struct digest digest = {.algorithm = DIGEST_GIT_SHA1};
	char head[32];
	int len = snprintf(head, sizeof head, "blob %zu", size);
	uint8_t *all = malloc((size_t)len + 1 + size);

	memcpy(all, head, (size_t)len + 1);
	memcpy(all + len + 1, data, size);
	assert_int_equal(EVP_Digest(all, (size_t)len + 1 + size, digest.bytes, NULL, EVP_sha1(), NULL), 1);
	free(all);
	return digest;
}

static void make_unnamed(struct scene *scene, size_t size)
{
	scene->file.size = size;
	scene->file.digest = git_id(scene->data, size);
}

static void a_file_outside_lfs_comes_from_a_peer(void **state)
{
	struct scene scene;

	scene_init(&scene, *state, CONFIG_HUB_SPARE);
	make_unnamed(&scene, 11 * CHAIN_CHUNK + 5);
	add(&scene, FAKE_NOT_HELD);
	add(&scene, FAKE_GOES);
	add(&scene, FAKE_HONEST);
	fetch(&scene);
	assert_got(&scene);
	assert_int_equal(http_server_count(scene.bench->server), 0);
	scene_release(&scene);
}

/* As when the group changes: the peers go, with all their numbers, while what came from one of them is being kept. */
static void the_peers_go_when_a_file_outside_lfs_is_here(void **state)
{
	struct scene scene;

	scene_init(&scene, *state, CONFIG_HUB_NEVER);
	make_unnamed(&scene, 3 * CHAIN_CHUNK + 5);
	add(&scene, FAKE_HONEST);
	scene.fetch = (struct fetch){.listing = &scene.listing, .file = &scene.file, .on_done = on_done};
	assert_int_equal(fetch_start(scene.fetcher, &scene.fetch, NULL), ERR_OK);
	while (scene.fetch.bytes_done < scene.file.size)
		loop_turn(scene.bench->loop, 1000);
	fetcher_set_peers(scene.fetcher, NULL);
	scene.fake.count = 0;
	while (!scene.done)
		loop_turn(scene.bench->loop, 1000);
	assert_got(&scene);
	scene_release(&scene);
}

static void a_wrong_file_outside_lfs_is_fetched_anew(void **state)
{
	struct scene scene;
	struct fake_peer *liar;

	scene_init(&scene, *state, CONFIG_HUB_SPARE);
	make_unnamed(&scene, CHAIN_CHUNK + 5);
	liar = add(&scene, FAKE_OTHER_FILE);
	hub_gives(&scene);
	fetch(&scene);
	assert_got(&scene);
	assert_int_equal(liar->verdict, PEER_UNPROVEN);
	assert_int_equal(scene.fetch.bytes_from_hub, scene.file.size);
	scene_release(&scene);
}

/* No silence, and no use: the hub has it. */
static void a_file_outside_lfs_that_only_drips(void **state)
{
	struct scene scene;
	int64_t *ahead_ms, begun_ms;

	scene_init(&scene, *state, CONFIG_HUB_SPARE);
	ahead_ms = &scene.bench->clock.ahead_ms;
	begun_ms = *ahead_ms;
	make_unnamed(&scene, CHAIN_CHUNK + 5);
	add(&scene, FAKE_DRIPS);
	hub_gives(&scene);
	scene.fetch = (struct fetch){.listing = &scene.listing, .file = &scene.file, .on_done = on_done};
	assert_int_equal(fetch_start(scene.fetcher, &scene.fetch, NULL), ERR_OK);
	while (!scene.done) {
		if (!list_is_empty(&scene.fake.answers))
			*ahead_ms += RELAY_SILENT_MS / 10;
		assert_true(*ahead_ms - begun_ms < 10 * RELAY_SILENT_MS);
		loop_turn(scene.bench->loop, 1000);
	}
	assert_got(&scene);
	assert_int_equal(scene.fetch.bytes_from_hub, scene.file.size);
	scene_release(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_peer_gives_all_and_the_hub_nothing, hub_bench_setup, hub_bench_teardown),
		cmocka_unit_test_setup_teardown(beside_one_that_sends_wrong_chunks, hub_bench_setup, hub_bench_teardown),
		cmocka_unit_test_setup_teardown(beside_one_with_another_file, hub_bench_setup, hub_bench_teardown),
		cmocka_unit_test_setup_teardown(beside_one_that_does_not_hold_it, hub_bench_setup, hub_bench_teardown),
		cmocka_unit_test_setup_teardown(beside_one_that_is_silent, hub_bench_setup, hub_bench_teardown),
		cmocka_unit_test_setup_teardown(beside_one_that_goes, hub_bench_setup, hub_bench_teardown),
		cmocka_unit_test_setup_teardown(liars_get_their_verdicts, hub_bench_setup, hub_bench_teardown),
		cmocka_unit_test_setup_teardown(where_all_peers_lie_the_hub_gives, hub_bench_setup, hub_bench_teardown),
		cmocka_unit_test_setup_teardown(only_liars_and_no_hub_is_unproven, hub_bench_setup, hub_bench_teardown),
		cmocka_unit_test_setup_teardown(nobody_and_no_hub_is_not_found, hub_bench_setup, hub_bench_teardown),
		cmocka_unit_test_setup_teardown(a_digest_alone_comes_from_peers, hub_bench_setup, hub_bench_teardown),
		cmocka_unit_test_setup_teardown(a_digest_that_nobody_holds_is_not_found, hub_bench_setup, hub_bench_teardown),
		cmocka_unit_test_setup_teardown(a_file_outside_lfs_comes_from_a_peer, hub_bench_setup, hub_bench_teardown),
		cmocka_unit_test_setup_teardown(the_peers_go_when_a_file_outside_lfs_is_here, hub_bench_setup, hub_bench_teardown),
		cmocka_unit_test_setup_teardown(a_wrong_file_outside_lfs_is_fetched_anew, hub_bench_setup, hub_bench_teardown),
		cmocka_unit_test_setup_teardown(a_file_outside_lfs_that_only_drips, hub_bench_setup, hub_bench_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
