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
}

void inflow_cancel(struct inflow *inflow)
{
	if (inflow->running)
		hub_body_cancel(inflow->hub, &inflow->body);
	inflow->running = false;
	free(inflow->filling);
	inflow->filling = NULL;
}

static void queue_chunk(struct inflow *inflow)
{
	list_append(&inflow->queue, &inflow->filling->link);
	inflow->filling = NULL;
	inflow->out++;
}

static void finish(struct inflow *inflow, enum err err, const struct why *why)
{
	inflow->running = false;
	free(inflow->filling);
	inflow->filling = NULL;
	inflow->on_done(inflow, err, why);
}

static void on_bytes(struct hub_body *body, const uint8_t *data, size_t len)
{
	struct inflow *inflow = container_of(body, struct inflow, body);
	bool queued = false;

	inflow->on_progress(inflow, len);
	while (len) {
		struct chunk *chunk = inflow->filling;
		size_t take = len < chunk->len - chunk->filled ? len : chunk->len - chunk->filled;
		memcpy(chunk->data + chunk->filled, data, take);
		chunk->filled += take;
		data += take;
		len -= take;
		if (chunk->filled < chunk->len)
			break;
		queue_chunk(inflow);
		queued = true;
		if (chain_chunk_offset(chunk->index + 1) >= body->end)
			break;
		inflow->filling = chunk_create(body->file->size, chunk->index + 1);
		if (!inflow->filling) {
			hub_body_cancel(inflow->hub, body);
			finish(inflow, ERR_NO_MEMORY, &(struct why){"out of memory"});
			return;
		}
	}
	if (inflow->out >= INFLOW_MAX_CHUNKS && !inflow->paused) {
		inflow->paused = true;
		hub_body_pause(body);
	}
	if (queued)
		inflow->on_chunk(inflow);
}

static void on_done(struct hub_body *body, enum err err, const struct why *why)
{
	finish(container_of(body, struct inflow, body), err, why);
}

enum err inflow_start(struct inflow *inflow, enum repo_type type, const char *repo, const char *commit, const struct hub_file *file,
		      uint64_t first, uint64_t count, struct why *why)
{
	uint64_t end = chain_chunk_offset(first + count);
	enum err err;

	inflow->body = (struct hub_body){
		.type = type,
		.repo = repo,
		.commit = commit,
		.file = file,
		.first = chain_chunk_offset(first),
		.end = end < file->size ? end : file->size,
		.on_bytes = on_bytes,
		.on_done = on_done,
	};
	inflow->paused = false;
	inflow->filling = chunk_create(file->size, first);
	if (!inflow->filling)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	if (file->size == 0) {
		queue_chunk(inflow);
		finish(inflow, ERR_OK, NULL);
		return ERR_OK;
	}
	err = hub_body_start(inflow->hub, &inflow->body, why);
	if (err) {
		free(inflow->filling);
		inflow->filling = NULL;
		return err;
	}
	inflow->running = true;
	return ERR_OK;
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
	if (inflow->paused && inflow->running && inflow->out <= INFLOW_MAX_CHUNKS / 2) {
		inflow->paused = false;
		hub_body_resume(&inflow->body);
	}
}
