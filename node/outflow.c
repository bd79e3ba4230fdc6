#include "node/outflow.h"

#include <pthread.h>
#include <stdlib.h>

struct outflow {
	pthread_mutex_t lock;
	size_t most, out, spares;
	struct outflow_chunk *spare;
	bool is_dropped;
};

struct outflow_account {
	size_t references; /* its owner's and one for each chunk */
};

enum err outflow_create(size_t most, struct outflow **ret_outflow)
{
	struct outflow *outflow = calloc(1, sizeof *outflow);

	if (!outflow)
		return ERR_NO_MEMORY;
	pthread_mutex_init(&outflow->lock, NULL);
	outflow->most = most;
	*ret_outflow = outflow;
	return ERR_OK;
}

static void chunk_free(struct outflow_chunk *chunk)
{
	if (!chunk)
		return;
	free(chunk->data);
	free(chunk);
}

static void outflow_free(struct outflow *outflow)
{
	outflow_trim(outflow);
	pthread_mutex_destroy(&outflow->lock);
	free(outflow);
}

void outflow_drop(struct outflow *outflow)
{
	bool is_last;

	if (!outflow)
		return;
	pthread_mutex_lock(&outflow->lock);
	outflow->is_dropped = true;
	is_last = outflow->out == 0;
	pthread_mutex_unlock(&outflow->lock);
	if (is_last)
		outflow_free(outflow);
}

bool outflow_trim(struct outflow *outflow)
{
	struct outflow_chunk *spare;
	bool had_some;

	pthread_mutex_lock(&outflow->lock);
	spare = outflow->spare;
	outflow->spare = NULL;
	outflow->spares = 0;
	pthread_mutex_unlock(&outflow->lock);
	had_some = spare != NULL;
	while (spare) {
		struct outflow_chunk *next = spare->next;
		chunk_free(spare);
		spare = next;
	}
	return had_some;
}

size_t outflow_count(struct outflow *outflow)
{
	size_t out;

	pthread_mutex_lock(&outflow->lock);
	out = outflow->out;
	pthread_mutex_unlock(&outflow->lock);
	return out;
}

struct outflow_account *outflow_account_create(void)
{
	struct outflow_account *account = malloc(sizeof *account);

	if (account)
		account->references = 1;
	return account;
}

void outflow_account_drop(struct outflow_account *account)
{
	if (account && __atomic_sub_fetch(&account->references, 1, __ATOMIC_ACQ_REL) == 0)
		free(account);
}

size_t outflow_account_count(const struct outflow_account *account) { return __atomic_load_n(&account->references, __ATOMIC_RELAXED) - 1; }

static struct outflow_chunk *chunk_create(struct outflow *outflow)
{
	struct outflow_chunk *chunk = calloc(1, sizeof *chunk);

	if (!chunk)
		return NULL;
	chunk->outflow = outflow;
	chunk->data = malloc(CHAIN_CHUNK);
	if (chunk->data)
		return chunk;
	free(chunk);
	return NULL;
}

struct outflow_chunk *outflow_take(struct outflow *outflow, struct outflow_account *account)
{
	struct outflow_chunk *chunk = NULL;
	bool has_room;

	pthread_mutex_lock(&outflow->lock);
	has_room = outflow->out < outflow->most;
	if (has_room)
		chunk = outflow->spare;
	if (chunk) {
		outflow->spare = chunk->next;
		outflow->spares--;
	}
	outflow->out += has_room;
	pthread_mutex_unlock(&outflow->lock);
	if (!has_room)
		return NULL;
	if (!chunk)
		chunk = chunk_create(outflow);
	if (!chunk) {
		pthread_mutex_lock(&outflow->lock);
		outflow->out--;
		pthread_mutex_unlock(&outflow->lock);
		return NULL;
	}
	chunk->references = 1;
	chunk->account = account;
	__atomic_add_fetch(&account->references, 1, __ATOMIC_RELAXED);
	return chunk;
}

void outflow_hold(struct outflow_chunk *chunk) { __atomic_add_fetch(&chunk->references, 1, __ATOMIC_RELAXED); }

void outflow_give_back(struct outflow_chunk *chunk)
{
	struct outflow *outflow;
	bool is_last;

	if (!chunk || __atomic_sub_fetch(&chunk->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	outflow = chunk->outflow;
	outflow_account_drop(chunk->account);
	pthread_mutex_lock(&outflow->lock);
	if (!outflow->is_dropped && outflow->spares < OUTFLOW_SPARE) {
		chunk->next = outflow->spare;
		outflow->spare = chunk;
		outflow->spares++;
		chunk = NULL;
	}
	is_last = --outflow->out == 0 && outflow->is_dropped;
	pthread_mutex_unlock(&outflow->lock);
	chunk_free(chunk);
	if (is_last)
		outflow_free(outflow);
}
