#include "support/cmocka.h"
#include "support/serve_scene.h"

#include <string.h>

static void chunks_come_in_pieces(void **state)
{
	struct scene *scene = *state;
	struct digest alias = {.algorithm = DIGEST_GIT_SHA1, .bytes = {1, 2, 3}};
	char expected[200], text[DIGEST_TEXT_MAX];

	scene_chunk(scene, 7, 1, &scene->digest, SIZE, 2);
	scene_chunk(scene, 7, 2, &scene->digest, 0, 0);
	assert_int_equal(scene->count, 0);
	scene_await(scene, 2 + 4);
	assert_int_equal(scene_assert_chunk(scene, 7, 1, 2), 2);
	assert_int_equal(scene_assert_chunk(scene, 7, 2, 0), 4);
	assert_string_equal(scene_logged(scene), "");
	assert_int_equal(serve_bytes(scene->serve, 7), CHAIN_CHUNK + 300 * KB);
	assert_int_equal(index_alias_put(store_index(scene->home->store), &alias, &scene->digest, NULL), ERR_OK);
	share_refresh(scene->share);
	scene_settle(scene);
	scene_chunk(scene, 7, 3, &alias, 0, 1);
	scene_await(scene, 2 + 4 + 4);
	assert_int_equal(scene_assert_chunk(scene, 7, 3, 1), 4);
	snprintf(expected, sizeof expected, "info: gave seven %zu bytes of %s\n", SIZE, digest_text(&scene->digest, text));
	assert_string_equal(scene_logged(scene), expected);
	serve_forget(scene->serve, 7);
	assert_string_equal(scene_logged(scene), expected);
	assert_int_equal(serve_bytes(scene->serve, 7), 0);
}

static void part_of_a_blob_is_logged_at_the_end(void **state)
{
	struct scene *scene = *state;
	char expected[200], text[DIGEST_TEXT_MAX];

	scene_chunk(scene, 7, 1, &scene->digest, SIZE, 2);
	scene_await(scene, 2);
	serve_forget(scene->serve, 7);
	snprintf(expected, sizeof expected, "info: gave seven %zu bytes of %s\n", 300 * KB, digest_text(&scene->digest, text));
	assert_string_equal(scene_logged(scene), expected);
}

static void states_as_the_chain_has_them(void **state)
{
	struct scene *scene = *state;
	struct chain expected;

	assert_int_equal(index_blob_chain(store_index(scene->home->store), &scene->digest, &expected, NULL), ERR_OK);
	scene_chain(scene, 1, &scene->digest, 1, WIRE_STATES_MAX);
	scene_await(scene, 1);
	assert_int_equal(scene->got[0].type, WIRE_STATES);
	assert_int_equal(scene->got[0].size, SIZE);
	assert_int_equal(scene->got[0].len, 2 * SHA256_LEN);
	assert_memory_equal(scene->got[0].bulk, expected.states, 2 * SHA256_LEN);
	scene_chain(scene, 2, &scene->digest, 2, 1);
	scene_await(scene, 2);
	assert_int_equal(scene->got[1].len, SHA256_LEN);
	assert_memory_equal(scene->got[1].bulk, expected.states[1], SHA256_LEN);
	scene_chain(scene, 3, &scene->digest, 1, 0);
	scene_chain(scene, 4, &scene->digest, 3, 5);
	scene_chain(scene, 5, &scene->digest, WIRE_CHUNKS_MAX - 1, 5);
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

	scene_publish(scene, &empty);
	share_refresh(scene->share);
	scene_settle(scene);
	scene_chunk(scene, 7, 1, &private, 1000, 0);
	scene_assert_no(scene, 1, WIRE_NO_NOT_HELD);
	scene_chunk(scene, 7, 2, &unknown, 1000, 0);
	scene_assert_no(scene, 2, WIRE_NO_NOT_HELD);
	scene_chunk(scene, 7, 3, &none, 0, 0);
	scene_assert_no(scene, 3, WIRE_NO_NOT_HELD);
	scene_chain(scene, 4, &private, 1, 1);
	scene_assert_no(scene, 4, WIRE_NO_NOT_HELD);
	scene_chunk(scene, 7, 5, &scene->digest, SIZE + 1, 0);
	scene_assert_no(scene, 5, WIRE_NO_NOT_HELD);
	scene_chunk(scene, 7, 6, &scene->digest, 0, 3);
	scene_assert_no(scene, 6, WIRE_NO_NOT_HELD);
	scene_chunk(scene, 7, 7, &empty, 0, 0);
	scene_assert_no(scene, 7, WIRE_NO_NOT_HELD);
	assert_int_equal(scene->count, 7);
	/* Removed since the list of what is shared was made. */
	assert_int_equal(blob_remove(scene->home->store, &scene->digest, false, NULL), ERR_OK);
	scene_chunk(scene, 7, 8, &scene->digest, SIZE, 0);
	scene_await(scene, 8);
	scene_assert_no(scene, 8, WIRE_NO_NOT_HELD);
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
	scene_chunk(scene, 7, 1, &scene->digest, SIZE, 1);
	scene_await(scene, 1);
	scene_assert_no(scene, 1, WIRE_NO_DAMAGED);
	await_withdrawal(scene);
	scene_chunk(scene, 7, 2, &scene->digest, SIZE, 0);
	scene_assert_no(scene, 2, WIRE_NO_NOT_HELD);
}

static void what_was_given_is_known_while_the_file_is_the_same(void **state)
{
	struct scene *scene = *state;
	struct serve_request *request;

	for (uint64_t number = 1; number <= 2; number++) {
		scene_chunk(scene, 7, number, &scene->digest, SIZE, 1);
		scene_settle(scene);
		scene_assert_chunk(scene, 7, number, 1);
	}
	assert_int_equal(scene->serve->checked.count, 1);
	/* One that is known is read only; all the same it is that chunk. */
	scene_chunk(scene, 7, 3, &scene->digest, SIZE, 1);
	request = container_of(container_of(scene->serve->sessions.next, struct serve_session, link)->reading.next, struct serve_request, link);
	assert_true(request->is_known);
	scene_settle(scene);
	scene_assert_chunk(scene, 7, 3, 1);
	damage(scene);
	scene_chunk(scene, 7, 4, &scene->digest, SIZE, 1);
	await_withdrawal(scene);
	scene_settle(scene);
	scene_assert_no(scene, 4, WIRE_NO_DAMAGED);
}

static void a_rejected_chunk_is_looked_at(void **state)
{
	struct scene *scene = *state;

	scene_reject(scene, 0);
	scene_reject(scene, 99);
	scene_settle(scene);
	assert_true(share_allows(scene->share, &scene->digest));
	assert_non_null(strstr(scene_logged(scene), "seven rejected chunk 0 of sha256:"));
	damage(scene);
	scene_reject(scene, 1);
	await_withdrawal(scene);
	assert_int_equal(scene->count, 0);
}

static void names_are_listed(void **state)
{
	struct scene *scene = *state;
	struct blob_name name = {scene->digest, (char[]){"h"}, (char[]){"o/r"}, (char[]){"c"}, (char[]){"f"}, VISIBILITY_PUBLIC, 1};
	struct wire_message message = {.type = WIRE_LIST, .request = 5};

	assert_int_equal(index_name_put(store_index(scene->home->store), &name, NULL), ERR_OK);
	serve_message(scene->serve, 7, &message);
	scene_await(scene, 1);
	assert_int_equal(scene->got[0].type, WIRE_NAMES);
	assert_int_equal(scene->got[0].request, 5);
	assert_int_equal(scene->got[0].count, 1);
	message.list.cursor = (struct wire_bytes){(const uint8_t *)"odd", 3};
	serve_message(scene->serve, 7, &message);
	scene_await(scene, 2);
	assert_int_equal(scene->got[1].count, 0);
	message.list.cursor.len = 0;
	serve_message(scene->serve, 7, &message);
	serve_forget(scene->serve, 7);
	scene_settle(scene);
	assert_int_equal(scene->count, 2);
	scene_start(scene, false);
	serve_message(scene->serve, 7, &message);
	scene_assert_no(scene, 5, WIRE_NO_NOT_HELD);
}

static void other_messages_are_ignored(void **state)
{
	struct scene *scene = *state;
	struct wire_message message = {.type = WIRE_PING, .request = 5};

	serve_message(scene->serve, 7, &message);
	message.type = WIRE_UNKNOWN;
	serve_message(scene->serve, 7, &message);
	scene_settle(scene);
	assert_int_equal(scene->count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(chunks_come_in_pieces),
		SCENE(part_of_a_blob_is_logged_at_the_end),
		SCENE(states_as_the_chain_has_them),
		SCENE(what_is_not_held_and_what_is_not_shared),
		SCENE(found_or_not),
		SCENE(damaged_chunks_are_not_given),
		SCENE(what_was_given_is_known_while_the_file_is_the_same),
		SCENE(a_rejected_chunk_is_looked_at),
		SCENE(names_are_listed),
		SCENE(other_messages_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
