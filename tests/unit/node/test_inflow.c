/* The hub is played by this file: it defines the four calls that inflow makes of it. */
#include "node/inflow.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

struct play {
	struct inflow inflow;
	struct hub_body *body; /* running */
	bool paused;
	size_t pauses, chunks, done, progress;
	enum err err;
};

static struct play *play_of(struct hub_body *body)
{
	return container_of(container_of(body, struct inflow, body), struct play, inflow);
}

enum err hub_body_start(struct hub *hub, struct hub_body *body, struct why *why)
{
	(void)hub;
	(void)why;
	play_of(body)->body = body;
	return ERR_OK;
}

void hub_body_cancel(struct hub *hub, struct hub_body *body)
{
	(void)hub;
	play_of(body)->body = NULL;
}

void hub_body_pause(struct hub_body *body)
{
	play_of(body)->paused = true;
	play_of(body)->pauses++;
}

void hub_body_resume(struct hub_body *body)
{
	play_of(body)->paused = false;
}

static void on_chunk(struct inflow *inflow)
{
	container_of(inflow, struct play, inflow)->chunks++;
}

static void on_progress(struct inflow *inflow, size_t len)
{
	container_of(inflow, struct play, inflow)->progress += len;
}

static void on_done(struct inflow *inflow, enum err err, const struct why *why)
{
	struct play *play = container_of(inflow, struct play, inflow);

	(void)why;
	play->done++;
	play->err = err;
}

static void play_init(struct play *play)
{
	*play = (struct play){.inflow = {.on_chunk = on_chunk, .on_progress = on_progress, .on_done = on_done}};
	inflow_init(&play->inflow);
}

static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)(offset * 31 + (offset >> 20));
}

/* The hub delivers bytes first .. end-1 in pieces of `piece`, as long as it is not paused; returns where it stopped. */
static uint64_t deliver(struct play *play, uint64_t first, uint64_t end, size_t piece)
{
	uint8_t *data = malloc(piece);

	while (first < end && play->body && !play->paused) {
		size_t len = end - first < piece ? (size_t)(end - first) : piece;
		for (size_t i = 0; i < len; i++)
			data[i] = byte_at(first + i);
		play->body->on_bytes(play->body, data, len);
		first += len;
	}
	free(data);
	return first;
}

static void check_chunk(const struct chunk *chunk, uint64_t index, size_t len)
{
	assert_int_equal(chunk->index, index);
	assert_int_equal(chunk->len, len);
	assert_int_equal(chunk->filled, len);
	for (size_t i = 0; i < len; i += 4093)
		assert_int_equal(chunk->data[i], byte_at(chain_chunk_offset(index) + i));
}

static void start(struct play *play, const struct hub_file *file, uint64_t first, uint64_t count)
{
	assert_int_equal(inflow_start(&play->inflow, REPO_MODEL, "ORG/NAME", "commit", file, first, count, NULL), ERR_OK);
}

static void cuts_a_body_into_chunks(void **state)
{
	struct hub_file file = {.path = (char[]){"f"}, .size = 3 * CHAIN_CHUNK + 5};
	struct list taken;
	struct play play;
	uint64_t expected = 1;

	(void)state;
	play_init(&play);
	list_init(&taken);
	start(&play, &file, 1, 3);
	assert_int_equal(play.body->first, CHAIN_CHUNK);
	assert_int_equal(play.body->end, file.size);
	deliver(&play, CHAIN_CHUNK, file.size, 300007);
	play.body->on_done(play.body, ERR_OK, NULL);
	assert_int_equal(play.done, 1);
	assert_int_equal(play.progress, file.size - CHAIN_CHUNK);
	inflow_take(&play.inflow, &taken);
	list_each(at, &taken) {
		check_chunk(container_of(at, struct chunk, link), expected, expected < 3 ? CHAIN_CHUNK : 5);
		expected++;
	}
	assert_int_equal(expected, 4);
	inflow_give_back(&play.inflow, chunk_free_all(&taken));
	inflow_release(&play.inflow);
}

static void pauses_the_hub_until_chunks_come_back(void **state)
{
	struct hub_file file = {.path = (char[]){"f"}, .size = 100 * CHAIN_CHUNK};
	struct list taken;
	struct play play;
	uint64_t at;

	(void)state;
	play_init(&play);
	list_init(&taken);
	start(&play, &file, 0, 100);
	at = deliver(&play, 0, file.size, CHAIN_CHUNK / 2);
	assert_int_equal(at, INFLOW_MAX_CHUNKS * CHAIN_CHUNK);
	inflow_take(&play.inflow, &taken);
	assert_true(play.paused);
	inflow_give_back(&play.inflow, chunk_free_all(&taken));
	assert_false(play.paused);
	assert_true(deliver(&play, at, file.size, CHAIN_CHUNK) > at);
	assert_int_equal(play.pauses, 2);
	inflow_release(&play.inflow);
	assert_null(play.body);
}

static void an_early_end_keeps_the_whole_chunks(void **state)
{
	struct hub_file file = {.path = (char[]){"f"}, .size = 2 * CHAIN_CHUNK};
	struct play play;

	(void)state;
	play_init(&play);
	start(&play, &file, 0, 2);
	deliver(&play, 0, CHAIN_CHUNK + 9, 1000);
	play.body->on_done(play.body, ERR_HUB_AWAY, &(struct why){"gone"});
	assert_int_equal(play.err, ERR_HUB_AWAY);
	assert_int_equal(play.chunks, 1);
	assert_false(list_is_empty(&play.inflow.queue));
	inflow_release(&play.inflow);
}

static void an_empty_file_needs_no_hub(void **state)
{
	struct hub_file file = {.path = (char[]){"f"}, .size = 0};
	struct play play;

	(void)state;
	play_init(&play);
	start(&play, &file, 0, 1);
	assert_null(play.body);
	assert_int_equal(play.done, 1);
	check_chunk(container_of(play.inflow.queue.next, struct chunk, link), 0, 0);
	inflow_release(&play.inflow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_a_body_into_chunks),
		cmocka_unit_test(pauses_the_hub_until_chunks_come_back),
		cmocka_unit_test(an_early_end_keeps_the_whole_chunks),
		cmocka_unit_test(an_empty_file_needs_no_hub),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
