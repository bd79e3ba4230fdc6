/* The hub is played by this file: it defines the calls that inflow makes of it, and delivers in a time of its own. */
#include "node/inflow.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

#define MIB ((uint64_t)1 << 20)
#define BODIES_MAX (LANES_MAX + 1)
#define TICK_MS 10

struct playing {
	struct hub_body *body; /* NULL: free */
	uint64_t at;
	bool paused;
	int64_t from_ms; /* no byte comes before */
};

struct hub {
	struct playing each[BODIES_MAX];
	uint64_t bytes;
	int64_t now_ms;
	uint64_t line_rate, body_rate; /* bytes/s of all together, and of one; 0: no bound */
	int64_t answer_ms;             /* from question to first byte */
	size_t bodies_max;
	size_t requests, most, pauses;
	bool no_place, ignores_range;
	enum err many_err;             /* how those end that are one of many, after their first byte */
};

struct play {
	struct inflow inflow;
	struct hub hub;
	struct hub_file file;
	struct list kept;   /* taken and not given back */
	bool keeps;         /* chunks are not taken away */
	uint64_t next;      /* the chunk that must come next */
	uint64_t cancel_at; /* chunk; 0: never */
	size_t chunks, done, progress, most_in_memory;
	enum err err;
};

static struct playing *find(struct hub *hub, const struct hub_body *body)
{
	for (size_t i = 0; i < BODIES_MAX; i++)
		if (hub->each[i].body == body)
			return &hub->each[i];
	fail_msg("there are more bodies than there may be");
	return NULL;
}

static size_t count_bodies(const struct hub *hub)
{
	size_t count = 0;

	for (size_t i = 0; i < BODIES_MAX; i++)
		count += hub->each[i].body != NULL;
	return count;
}

/* --- what inflow calls */

enum err hub_body_start(struct hub *hub, struct hub_body *body, struct why *why)
{
	(void)why;
	*find(hub, NULL) = (struct playing){.body = body, .at = body->first, .from_ms = hub->now_ms + hub->answer_ms};
	body->run = (struct hub_body_run *)hub;
	hub->requests++;
	if (count_bodies(hub) > hub->most)
		hub->most = count_bodies(hub);
	if (!hub->no_place && !body->place->url)
		body->place->url = strdup("http://cdn/signed");
	return ERR_OK;
}

void hub_body_cancel(struct hub *hub, struct hub_body *body)
{
	find(hub, body)->body = NULL;
}

void hub_body_pause(struct hub_body *body)
{
	struct hub *hub = (struct hub *)body->run;

	find(hub, body)->paused = true;
	hub->pauses++;
}

void hub_body_resume(struct hub_body *body)
{
	find((struct hub *)body->run, body)->paused = false;
}

void hub_place_release(struct hub_place *place)
{
	free(place->url);
	place->url = NULL;
}

void hub_look_at_traffic(const struct hub *hub, struct hub_traffic *ret_traffic)
{
	size_t count = count_bodies(hub);

	*ret_traffic = (struct hub_traffic){hub->bytes, hub->now_ms, count < hub->bodies_max ? hub->bodies_max - count : 0};
}

/* --- what it delivers */

static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)(offset * 31 + (offset >> 20));
}

/* Up to `len` bytes of one body; it may be gone afterwards. */
static void deliver(struct hub *hub, struct playing *playing, uint64_t len)
{
	struct hub_body *body = playing->body;
	static uint8_t data[4 << 20];

	body->comes_whole = hub->ignores_range;
	len = len < body->end - playing->at ? len : body->end - playing->at;
	len = len < sizeof data ? len : sizeof data;
	for (size_t i = 0; i < len; i++)
		data[i] = byte_at(playing->at + i);
	playing->at += len;
	hub->bytes += len;
	body->on_bytes(body, data, len);
	if (playing->body != body)
		return;
	if (body->is_one_of_many && hub->many_err) {
		playing->body = NULL;
		body->on_done(body, hub->many_err, &(struct why){"too many connections"});
	} else if (playing->at == body->end) {
		playing->body = NULL;
		body->on_done(body, ERR_OK, &(struct why){0});
	}
}

static uint64_t share(const struct hub *hub)
{
	uint64_t rate = hub->body_rate ? hub->body_rate : 1000 * MIB;
	size_t count = count_bodies(hub);

	if (hub->line_rate && count && hub->line_rate / count < rate)
		rate = hub->line_rate / count;
	return rate * TICK_MS / 1000;
}

/* False: there is no body that could bring more. */
static bool tick(struct play *play)
{
	struct hub *hub = &play->hub;
	uint64_t len = share(hub);
	bool is_moving = false;

	hub->now_ms += TICK_MS;
	for (size_t i = 0; i < BODIES_MAX; i++) {
		struct playing *playing = &hub->each[i];
		if (!playing->body || playing->paused)
			continue;
		is_moving = true;
		if (hub->now_ms >= playing->from_ms)
			deliver(hub, playing, len);
	}
	return is_moving;
}

static void run(struct play *play)
{
	while (!play->done && tick(play))
		;
}

static void run_until_several(struct play *play, size_t count)
{
	while (count_bodies(&play->hub) < count)
		assert_true(tick(play));
}

/* --- the owner */

static void check_chunk(const struct chunk *chunk, uint64_t index, size_t len)
{
	assert_int_equal(chunk->index, index);
	assert_int_equal(chunk->len, len);
	assert_int_equal(chunk->filled, len);
	for (size_t i = 0; i < len; i += 4093)
		assert_int_equal(chunk->data[i], byte_at(chain_chunk_offset(index) + i));
}

static void take(struct play *play)
{
	struct list taken;

	list_init(&taken);
	inflow_take(&play->inflow, &taken);
	list_each(at, &taken) {
		check_chunk(container_of(at, struct chunk, link), play->next, chain_chunk_len(play->file.size, play->next));
		play->next++;
	}
	list_each_safe(at, &taken) {
		list_remove(at);
		list_append(&play->kept, at);
	}
}

static void give_back(struct play *play)
{
	inflow_give_back(&play->inflow, chunk_free_all(&play->kept));
}

static void on_chunk(struct inflow *inflow)
{
	struct play *play = container_of(inflow, struct play, inflow);

	play->chunks++;
	take(play);
	if (play->cancel_at && play->next >= play->cancel_at)
		inflow_cancel(inflow);
	else if (!play->keeps)
		give_back(play);
}

static void on_progress(struct inflow *inflow, size_t len)
{
	struct play *play = container_of(inflow, struct play, inflow);
	size_t here = 0;

	play->progress += len;
	for (size_t i = 0; i < INFLOW_WINDOW_CHUNKS; i++)
		here += inflow->held[i] != NULL;
	for (size_t i = 0; i < LANES_MAX; i++)
		here += inflow->each[i].filling != NULL;
	if (here + inflow->out > play->most_in_memory)
		play->most_in_memory = here + inflow->out;
}

static void on_done(struct inflow *inflow, enum err err, const struct why *why)
{
	struct play *play = container_of(inflow, struct play, inflow);

	(void)why;
	play->done++;
	play->err = err;
}

static void play_init(struct play *play, uint64_t size)
{
	*play = (struct play){
		.inflow = {.on_chunk = on_chunk, .on_progress = on_progress, .on_done = on_done},
		.hub = {.bodies_max = LANES_MAX},
		.file = {.path = (char[]){"f"}, .size = size},
	};
	play->inflow.hub = &play->hub;
	list_init(&play->kept);
	inflow_init(&play->inflow);
}

static void start(struct play *play, uint64_t first, uint64_t count)
{
	play->next = first;
	assert_int_equal(inflow_start(&play->inflow, REPO_MODEL, "ORG/NAME", "commit", &play->file, first, count, NULL), ERR_OK);
}

static void play_release(struct play *play)
{
	chunk_free_all(&play->kept);
	inflow_release(&play->inflow);
	assert_int_equal(count_bodies(&play->hub), 0);
}

/* The whole file came, each byte once but for `twice`. */
static void assert_whole(struct play *play, uint64_t twice)
{
	take(play);
	assert_int_equal(play->done, 1);
	assert_int_equal(play->err, ERR_OK);
	assert_int_equal(play->next, chain_chunk_count(play->file.size));
	assert_in_range(play->hub.bytes, play->file.size, play->file.size + twice);
	assert_int_equal(play->progress, play->hub.bytes);
}

/* --- one connection */

static void cuts_a_body_into_chunks(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 3 * MIB + 5);
	play.hub.body_rate = 30000700;
	start(&play, 1, 3);
	assert_int_equal(play.hub.each[0].body->first, MIB);
	assert_int_equal(play.hub.each[0].body->end, play.file.size);
	assert_false(play.hub.each[0].body->is_one_of_many);
	run(&play);
	take(&play);
	assert_int_equal(play.next, 4);
	assert_int_equal(play.done, 1);
	assert_int_equal(play.progress, play.file.size - MIB);
	play_release(&play);
}

static void pauses_the_hub_until_chunks_come_back(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 60 * MIB);
	play.keeps = true;
	play.hub.body_rate = 50 * MIB;
	start(&play, 0, 60);
	run(&play);
	assert_int_equal(play.hub.bytes, INFLOW_MAX_CHUNKS * MIB);
	assert_int_equal(play.hub.pauses, 1);
	give_back(&play);
	run(&play);
	assert_int_equal(play.hub.bytes, 2 * INFLOW_MAX_CHUNKS * MIB);
	assert_int_equal(play.hub.pauses, 2);
	play_release(&play);
}

static void an_early_end_keeps_the_whole_chunks(void **state)
{
	struct hub_body *body;
	struct play play;

	(void)state;
	play_init(&play, 2 * MIB);
	play.keeps = true;
	start(&play, 0, 2);
	body = play.hub.each[0].body;
	deliver(&play.hub, &play.hub.each[0], MIB + 9);
	hub_body_cancel(&play.hub, body);
	body->on_done(body, ERR_HUB_AWAY, &(struct why){"gone"});
	assert_int_equal(play.err, ERR_HUB_AWAY);
	assert_int_equal(play.next, 1);
	play_release(&play);
}

static void an_empty_file_needs_no_hub(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 0);
	start(&play, 0, 1);
	assert_int_equal(play.hub.requests, 0);
	assert_int_equal(play.done, 1);
	check_chunk(container_of(play.inflow.queue.next, struct chunk, link), 0, 0);
	play_release(&play);
}

static void a_file_that_is_not_large_takes_one_request(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, LANES_FIRST_BYTES + LANES_REST_BYTES - 1);
	play.hub.body_rate = MIB;
	start(&play, 0, chain_chunk_count(play.file.size));
	run(&play);
	assert_whole(&play, 0);
	assert_int_equal(play.hub.requests, 1);
	play_release(&play);
}

/* --- several */

static void slow_connections_are_joined_by_others(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 300 * MIB + 77);
	play.hub.body_rate = 15 * MIB;
	play.hub.answer_ms = 40;
	start(&play, 0, 301);
	run(&play);
	assert_whole(&play, 0);
	assert_int_equal(play.hub.most, LANES_MAX);
	assert_in_range(play.most_in_memory, 5, INFLOW_WINDOW_CHUNKS);
	assert_in_range(play.hub.now_ms, 0, 13500); /* of 20 s */
	play_release(&play);
}

static void a_line_that_one_fills_is_left_to_it(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 400 * MIB);
	play.hub.line_rate = 15 * MIB;
	start(&play, 0, 400);
	run(&play);
	assert_whole(&play, 0);
	assert_int_equal(play.hub.most, LANES_MAX);
	assert_in_range(play.hub.requests, 5, 60);
	play_release(&play);
}

static void there_may_be_no_room_or_no_address_to_share(void **state)
{
	struct play play;

	(void)state;
	for (int i = 0; i < 4; i++) {
		play_init(&play, 300 * MIB);
		play.hub.body_rate = 15 * MIB;
		if (i)
			play.hub.bodies_max = (size_t)i - 1;
		else
			play.hub.no_place = true;
		start(&play, 0, 300);
		run(&play);
		assert_whole(&play, 0);
		assert_int_equal(play.hub.most, i < 2 ? 1 : i - 1);
		play_release(&play);
	}
}

static void what_several_may_not_bring_comes_by_one(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 300 * MIB);
	play.hub.body_rate = 15 * MIB;
	play.hub.many_err = ERR_UNSUPPORTED;
	start(&play, 0, 300);
	run(&play);
	assert_whole(&play, 2 * MIB);
	assert_int_equal(play.hub.most, LANES_MAX);
	assert_int_equal(play.hub.requests, 2 + LANES_MAX);
	play_release(&play);
}

/* One of several fails when others hold chunks behind its gap already. */
static void a_gap_is_filled_and_no_more(void **state)
{
	struct play play;
	struct hub_body *body;

	(void)state;
	play_init(&play, 300 * MIB);
	play.hub.body_rate = 15 * MIB;
	start(&play, 0, 300);
	run_until_several(&play, LANES_MAX);
	body = play.hub.each[0].body;
	assert_int_equal(body->first, LANES_FIRST_BYTES);
	deliver(&play.hub, &play.hub.each[0], 7);
	for (size_t i = 1; i < LANES_MAX; i++)
		deliver(&play.hub, &play.hub.each[i], MIB);
	hub_body_cancel(&play.hub, body);
	body->on_done(body, ERR_HUB_AWAY, &(struct why){"gone"});
	play.hub.ignores_range = true; /* what is held must not come again even so */
	run(&play);
	assert_whole(&play, 7);
	play_release(&play);
}

static void a_server_that_ignores_ranges_is_asked_once(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 300 * MIB);
	play.hub.body_rate = 15 * MIB;
	play.hub.ignores_range = true;
	start(&play, 0, 300);
	run(&play);
	assert_whole(&play, 0);
	assert_int_equal(play.hub.requests, 1);
	play_release(&play);
}

static void several_stop_when_chunks_are_not_taken_away(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 300 * MIB);
	play.hub.body_rate = 15 * MIB;
	start(&play, 0, 300);
	run_until_several(&play, LANES_MAX);
	play.keeps = true;
	run(&play);
	assert_int_equal(play.done, 0);
	assert_in_range(play.most_in_memory, 16, INFLOW_WINDOW_CHUNKS);
	play.keeps = false;
	give_back(&play);
	run(&play);
	assert_whole(&play, 0);
	assert_in_range(play.most_in_memory, 16, INFLOW_WINDOW_CHUNKS);
	play_release(&play);
}

static void several_are_cancelled_from_within(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, 300 * MIB);
	play.hub.body_rate = 15 * MIB;
	play.cancel_at = 150;
	start(&play, 0, 300);
	run(&play);
	assert_int_equal(play.done, 0);
	assert_false(play.inflow.running);
	assert_int_equal(count_bodies(&play.hub), 0);
	play_release(&play);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_a_body_into_chunks),
		cmocka_unit_test(pauses_the_hub_until_chunks_come_back),
		cmocka_unit_test(an_early_end_keeps_the_whole_chunks),
		cmocka_unit_test(an_empty_file_needs_no_hub),
		cmocka_unit_test(a_file_that_is_not_large_takes_one_request),
		cmocka_unit_test(slow_connections_are_joined_by_others),
		cmocka_unit_test(a_line_that_one_fills_is_left_to_it),
		cmocka_unit_test(there_may_be_no_room_or_no_address_to_share),
		cmocka_unit_test(what_several_may_not_bring_comes_by_one),
		cmocka_unit_test(a_gap_is_filled_and_no_more),
		cmocka_unit_test(a_server_that_ignores_ranges_is_asked_once),
		cmocka_unit_test(several_stop_when_chunks_are_not_taken_away),
		cmocka_unit_test(several_are_cancelled_from_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
