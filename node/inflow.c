/* A run of chunks is cut into segments, one at a time for each connection; lanes.h says how long they are and how many connections there should be. Chunks are queued in order, as the
 * store takes them; those that come before their turn are held. When something goes wrong with one of several connections, the others end their segments, and what
 * is missing then is brought by one, with all the patience that hub.h has. */
#include "node/inflow.h"

#include <stdlib.h>
#include <string.h>

size_t chunk_free_all(struct list *chunks)
{
	size_t count = 0;

	list_each_safe(at, chunks) {
		list_remove(at);
		free(container_of(at, struct chunk, link));
		count++;
	}
	return count;
}

static struct chunk *chunk_create(uint64_t size, uint64_t index)
{
	size_t len = chain_chunk_len(size, index);
	struct chunk *chunk = malloc(sizeof *chunk + len);

	if (!chunk)
		return NULL;
	list_init(&chunk->link);
	chunk->index = index;
	chunk->len = len;
	chunk->filled = 0;
	chunk->was_read = false;
	return chunk;
}

void inflow_init(struct inflow *inflow)
{
	list_init(&inflow->queue);
}

void inflow_release(struct inflow *inflow)
{
	inflow_cancel(inflow);
	chunk_free_all(&inflow->queue);
	hub_place_release(&inflow->place);
}

static void drop(struct inflow *inflow, struct chunk *chunk)
{
	if (chunk && chunk->was_read)
		inflow->lost++;
	free(chunk);
}

static void lane_stop(struct inflow_lane *lane)
{
	if (lane->running)
		hub_body_cancel(lane->inflow->hub, &lane->body);
	lane->running = false;
	drop(lane->inflow, lane->filling);
	lane->filling = NULL;
}

void inflow_cancel(struct inflow *inflow)
{
	for (size_t i = 0; i < LANES_MAX; i++)
		lane_stop(&inflow->each[i]);
	for (size_t i = 0; i < INFLOW_WINDOW_CHUNKS; i++) {
		drop(inflow, inflow->held[i]);
		inflow->held[i] = NULL;
	}
	inflow->running = false;
}

static void finish(struct inflow *inflow, enum err err, const struct why *why)
{
	inflow_cancel(inflow);
	inflow->on_done(inflow, err, why);
}

static void finish_without_memory(struct inflow *inflow)
{
	struct why why = {0};

	finish(inflow, why_set(&why, ERR_NO_MEMORY, "out of memory"), &why);
}

static unsigned count_running(const struct inflow *inflow)
{
	unsigned count = 0;

	for (size_t i = 0; i < LANES_MAX; i++)
		count += inflow->each[i].running;
	return count;
}

/* Where chunk `index` would begin, or the file ends. */
static uint64_t end_byte(const struct inflow *inflow, uint64_t index)
{
	uint64_t offset = chain_chunk_offset(index);

	return offset < inflow->file->size ? offset : inflow->file->size;
}

/* --- who brings what */

static bool is_held(const struct inflow *inflow, uint64_t index)
{
	const struct chunk *chunk = inflow->held[index % INFLOW_WINDOW_CHUNKS];

	return chunk && chunk->index == index;
}

/* Here, or on its way. */
static bool is_taken(const struct inflow *inflow, uint64_t index)
{
	for (size_t i = 0; i < LANES_MAX; i++) {
		const struct inflow_lane *lane = &inflow->each[i];
		if (lane->running && index >= lane->at && index < lane->end)
			return true;
	}
	return is_held(inflow, index);
}

/* Where the first gap is that a further connection, the `running`th, should fill now. */
static bool find_segment(const struct inflow *inflow, unsigned running, uint64_t *ret_first, uint64_t *ret_end)
{
	uint64_t segment = lanes_segment(&inflow->lanes), chunks = segment < CHAIN_CHUNK ? 1 : segment / CHAIN_CHUNK;
	uint64_t ahead = chunks * (inflow->lanes.count + 1); /* one more than they bring, for those that are faster than others */
	size_t window = INFLOW_MAX_CHUNKS * running, room = window > inflow->out ? window - inflow->out : 0;
	uint64_t first = inflow->frontier, end;

	while (first < inflow->end && is_taken(inflow, first))
		first++;
	if (first == inflow->end)
		return false;
	for (end = first; end < inflow->end && end - first < chunks && !is_taken(inflow, end);)
		end++;
	/* One alone is paused instead. */
	if (inflow->lanes.count > 1 && end - inflow->frontier > (ahead < room ? ahead : room))
		return false;
	*ret_first = first;
	*ret_end = end;
	return true;
}

static void on_bytes(struct hub_body *body, const uint8_t *data, size_t len);
static void on_body_done(struct hub_body *body, enum err err, const struct why *why);

static enum err lane_start(struct inflow *inflow, struct inflow_lane *lane, uint64_t first, uint64_t end, struct why *why)
{
	enum err err;

	*lane = (struct inflow_lane){.inflow = inflow, .at = first, .end = end, .is_only = inflow->lanes.count == 1};
	lane->body = (struct hub_body){
		.type = inflow->type,
		.repo = inflow->repo,
		.commit = inflow->commit,
		.file = inflow->file,
		.first = chain_chunk_offset(first),
		.end = end_byte(inflow, end),
		.place = &inflow->place,
		.is_one_of_many = !lane->is_only,
		.on_bytes = on_bytes,
		.on_done = on_body_done,
	};
	lane->filling = chunk_create(inflow->file->size, first);
	if (!lane->filling)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	err = hub_body_start(inflow->hub, &lane->body, why);
	if (err) {
		free(lane->filling);
		lane->filling = NULL;
		return err;
	}
	lane->running = true;
	if (inflow->paused)
		hub_body_pause(&lane->body);
	return ERR_OK;
}

/* Give segments to connections that have none. */
static enum err assign(struct inflow *inflow, struct why *why)
{
	unsigned running = count_running(inflow);
	enum err err = ERR_OK;

	for (size_t i = 0; !err && i < LANES_MAX && running < inflow->lanes.count; i++) {
		struct hub_traffic traffic;
		uint64_t first, end;
		if (inflow->each[i].running)
			continue;
		hub_look_at_traffic(inflow->hub, &traffic);
		if ((running > 0 && traffic.room == 0) || !find_segment(inflow, running + 1, &first, &end))
			break;
		err = lane_start(inflow, &inflow->each[i], first, end, why);
		running++;
	}
	return err;
}

static bool assign_or_finish(struct inflow *inflow)
{
	struct why why = {0};
	enum err err = assign(inflow, &why);

	if (err)
		finish(inflow, err, &why);
	return err == ERR_OK;
}

/* --- what comes in */

static bool take_in(struct inflow *inflow, struct chunk *chunk)
{
	bool is_next = chunk->index == inflow->frontier;

	inflow->held[chunk->index % INFLOW_WINDOW_CHUNKS] = chunk;
	for (; is_held(inflow, inflow->frontier); inflow->frontier++) {
		struct chunk **place = &inflow->held[inflow->frontier % INFLOW_WINDOW_CHUNKS];
		list_append(&inflow->queue, &(*place)->link);
		*place = NULL;
		inflow->out++;
	}
	return is_next;
}

/* ERR_NO_MEMORY. */
static enum err fill(struct inflow_lane *lane, const uint8_t *data, size_t len, bool *ret_queued)
{
	while (len) {
		struct chunk *chunk = lane->filling;
		size_t take = len < chunk->len - chunk->filled ? len : chunk->len - chunk->filled;
		memcpy(chunk->data + chunk->filled, data, take);
		chunk->filled += take;
		data += take;
		len -= take;
		if (chunk->filled < chunk->len)
			break;
		lane->filling = NULL;
		*ret_queued |= take_in(lane->inflow, chunk);
		if (++lane->at == lane->end)
			break;
		lane->filling = chunk_create(lane->body.file->size, lane->at);
		if (!lane->filling)
			return ERR_NO_MEMORY;
	}
	return ERR_OK;
}

/* The server ignores Range: what it sends is taken to the end, since asking again would bring all of it again. */
static void take_whole(struct inflow_lane *lane)
{
	struct inflow *inflow = lane->inflow;

	lanes_give_up(&inflow->lanes);
	lane->end = inflow->end;
	lane->body.end = end_byte(inflow, inflow->end);
}

static void pause_if_full(struct inflow *inflow)
{
	if (inflow->paused || inflow->lanes.count > 1 || inflow->out < INFLOW_MAX_CHUNKS)
		return;
	inflow->paused = true;
	for (size_t i = 0; i < LANES_MAX; i++)
		if (inflow->each[i].running)
			hub_body_pause(&inflow->each[i].body);
}

static void on_bytes(struct hub_body *body, const uint8_t *data, size_t len)
{
	struct inflow_lane *lane = container_of(body, struct inflow_lane, body);
	struct inflow *inflow = lane->inflow;
	unsigned wanted = inflow->lanes.count;
	struct hub_traffic traffic;
	bool queued = false;

	inflow->on_progress(inflow, len);
	if (body->comes_whole && lane->is_only && lane->end < inflow->end && !is_held(inflow, lane->end))
		take_whole(lane);
	if (fill(lane, data, len, &queued) != ERR_OK) {
		finish_without_memory(inflow);
		return;
	}
	hub_look_at_traffic(inflow->hub, &traffic);
	lanes_on_bytes(&inflow->lanes, len, traffic.bytes, traffic.now_ms);
	pause_if_full(inflow);
	if (inflow->lanes.count > wanted && !assign_or_finish(inflow))
		return;
	if (queued)
		inflow->on_chunk(inflow);
}

/* --- the end of a segment */

/* One connection has brought its long segment. Several need an address that all of them can use: asking the hub for each segment would use up what it allows. */
static void decide(struct inflow *inflow)
{
	struct hub_traffic traffic;

	hub_look_at_traffic(inflow->hub, &traffic);
	lanes_on_segment(&inflow->lanes, traffic.room > 0 && inflow->place.url, traffic.bytes, traffic.now_ms);
}

static void on_body_done(struct hub_body *body, enum err err, const struct why *why)
{
	struct inflow_lane *lane = container_of(body, struct inflow_lane, body);
	struct inflow *inflow = lane->inflow;

	lane->running = false;
	lane_stop(lane);
	if (err == ERR_OK && inflow->frontier == inflow->end) {
		finish(inflow, ERR_OK, why);
		return;
	}
	if (err && lane->is_only) {
		finish(inflow, err, why);
		return;
	}
	if (err)
		lanes_give_up(&inflow->lanes);
	else if (lane->is_only)
		decide(inflow);
	assign_or_finish(inflow);
}

enum err inflow_start(struct inflow *inflow, enum repo_type type, const char *repo, const char *commit, const struct hub_file *file,
		      uint64_t first, uint64_t count, struct why *why)
{
	struct chunk *chunk;
	enum err err;

	inflow->type = type;
	inflow->repo = repo;
	inflow->commit = commit;
	inflow->file = file;
	inflow->frontier = first;
	inflow->end = first + count;
	inflow->paused = false;
	if (file->size == 0) {
		chunk = chunk_create(0, 0);
		if (!chunk)
			return why_set(why, ERR_NO_MEMORY, "out of memory");
		take_in(inflow, chunk);
		finish(inflow, ERR_OK, NULL);
		return ERR_OK;
	}
	lanes_init(&inflow->lanes, end_byte(inflow, first + count) - chain_chunk_offset(first));
	err = assign(inflow, why);
	inflow->running = err == ERR_OK;
	return err;
}

size_t chunk_read(const struct chunk *chunk, uint64_t at, void *data, size_t len)
{
	uint64_t first = chain_chunk_offset(chunk->index);
	size_t skip, take;

	if (at < first || at - first >= chunk->filled)
		return 0;
	skip = (size_t)(at - first);
	take = len < chunk->filled - skip ? len : chunk->filled - skip;
	memcpy(data, chunk->data + skip, take);
	return take;
}

static struct chunk *find_chunk(const struct inflow *inflow, uint64_t index)
{
	for (size_t i = 0; i < LANES_MAX; i++)
		if (inflow->each[i].filling && inflow->each[i].filling->index == index)
			return inflow->each[i].filling;
	if (is_held(inflow, index))
		return inflow->held[index % INFLOW_WINDOW_CHUNKS];
	list_each(at, &inflow->queue)
		if (container_of(at, struct chunk, link)->index == index)
			return container_of(at, struct chunk, link);
	return NULL;
}

size_t inflow_read(struct inflow *inflow, uint64_t at, void *data, size_t len)
{
	struct chunk *chunk = find_chunk(inflow, at / CHAIN_CHUNK);
	size_t got = chunk ? chunk_read(chunk, at, data, len) : 0;

	if (got)
		chunk->was_read = true;
	return got;
}

void inflow_take(struct inflow *inflow, struct list *to)
{
	list_each_safe(at, &inflow->queue) {
		list_remove(at);
		list_append(to, at);
	}
}

void inflow_give_back(struct inflow *inflow, size_t count)
{
	inflow->out -= count;
	if (!inflow->running)
		return;
	if (inflow->paused && inflow->out <= INFLOW_MAX_CHUNKS / 2) {
		inflow->paused = false;
		for (size_t i = 0; i < LANES_MAX; i++)
			if (inflow->each[i].running)
				hub_body_resume(&inflow->each[i].body);
	}
	assign_or_finish(inflow);
}
