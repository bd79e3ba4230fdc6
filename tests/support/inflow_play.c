#include "support/inflow_play.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

#define TICK_MS 10

static struct playing *find(struct hub *hub, const struct hub_body *body)
{
	for (size_t i = 0; i < BODIES_MAX; i++)
		if (hub->each[i].body == body)
			return &hub->each[i];
	fail_msg("there are more bodies than there may be");
	return NULL;
}

size_t play_count_bodies(const struct hub *hub)
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
	if (play_count_bodies(hub) > hub->most)
		hub->most = play_count_bodies(hub);
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
	size_t count = play_count_bodies(hub);

	*ret_traffic = (struct hub_traffic){hub->bytes, hub->now_ms, count < hub->bodies_max ? hub->bodies_max - count : 0};
}

/* --- what it delivers */

static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)(offset * 31 + (offset >> 20));
}

void play_deliver(struct hub *hub, struct playing *playing, uint64_t len)
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
	size_t count = play_count_bodies(hub);

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
			play_deliver(hub, playing, len);
	}
	return is_moving;
}

void play_run(struct play *play)
{
	while (!play->done && tick(play))
		;
}

void play_run_until(struct play *play, size_t count)
{
	while (play_count_bodies(&play->hub) < count)
		assert_true(tick(play));
}

/* --- the owner */

void play_check_chunk(const struct chunk *chunk, uint64_t index, size_t len)
{
	assert_int_equal(chunk->index, index);
	assert_int_equal(chunk->len, len);
	assert_int_equal(chunk->filled, len);
	for (size_t i = 0; i < len; i += 4093)
		assert_int_equal(chunk->data[i], byte_at(chain_chunk_offset(index) + i));
}

void play_take(struct play *play)
{
	struct list taken;

	list_init(&taken);
	inflow_take(&play->inflow, &taken);
	list_each(at, &taken) {
		play_check_chunk(container_of(at, struct chunk, link), play->next, chain_chunk_len(play->file.size, play->next));
		play->next++;
	}
	list_each_safe(at, &taken) {
		list_remove(at);
		list_append(&play->kept, at);
	}
}

void play_give_back(struct play *play)
{
	inflow_give_back(&play->inflow, chunk_free_all(&play->kept));
}

static void on_chunk(struct inflow *inflow)
{
	struct play *play = container_of(inflow, struct play, inflow);

	play->chunks++;
	play_take(play);
	if (play->cancel_at && play->next >= play->cancel_at)
		inflow_cancel(inflow);
	else if (!play->keeps)
		play_give_back(play);
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

void play_init(struct play *play, uint64_t size)
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

void play_start(struct play *play, uint64_t first, uint64_t count)
{
	play->next = first;
	assert_int_equal(inflow_start(&play->inflow, REPO_MODEL, "ORG/NAME", "commit", &play->file, first, count, NULL), ERR_OK);
}

void play_release(struct play *play)
{
	chunk_free_all(&play->kept);
	inflow_release(&play->inflow);
	assert_int_equal(play_count_bodies(&play->hub), 0);
}

void play_assert_whole(struct play *play, uint64_t twice)
{
	play_take(play);
	assert_int_equal(play->done, 1);
	assert_int_equal(play->err, ERR_OK);
	assert_int_equal(play->next, chain_chunk_count(play->file.size));
	assert_in_range(play->hub.bytes, play->file.size, play->file.size + twice);
	assert_int_equal(play->progress, play->hub.bytes);
}
