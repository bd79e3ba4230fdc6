#include "support/two_files.h"

#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

static struct file make_file(const struct store_home *home, uint64_t seed)
{
	struct file file = {.data = content_make(seed, SIZE)};
	uint8_t after[SHA256_LEN];

	assert_int_equal(chain_init(&file.chain, SIZE), ERR_OK);
	for (uint64_t i = 0; i < CHUNKS; i++) {
		struct sha256_state before = chain_state_before(&file.chain, i);
		chain_advance(&home->engine, SIZE, i, &before, file.data + chain_chunk_offset(i), chain_chunk_len(SIZE, i), after);
		if (i < file.chain.count)
			memcpy(file.chain.states[i], after, sizeof after);
	}
	file.digest = digest_of_sha256(after);
	return file;
}

static void free_file(struct file *file)
{
	free(file->data);
	chain_release(&file->chain);
}

int two_files_setup(void **state)
{
	struct two_files *both = calloc(1, sizeof *both);
	void *home;

	store_home_setup(&home);
	both->home = home;
	both->right = make_file(home, 1);
	both->wrong = make_file(home, 2);
	assert_int_equal(partial_open(both->home->store, &both->right.digest, SIZE, &both->partial, NULL), ERR_OK);
	*state = both;
	return 0;
}

int two_files_teardown(void **state)
{
	struct two_files *both = *state;
	void *home = both->home;

	partial_close(both->partial);
	free_file(&both->right);
	free_file(&both->wrong);
	free(both);
	return store_home_teardown(&home);
}

struct partial_item item_of(const struct file *file, uint64_t index)
{
	struct partial_item item = {.index = index, .data = file->data + chain_chunk_offset(index)};

	sha256_write_state(&(struct sha256_state){{0}}, item.before);
	if (index > 0)
		memcpy(item.before, file->chain.states[index - 1], SHA256_LEN);
	memcpy(item.after, chain_state_after(&file->chain, &file->digest, index), SHA256_LEN);
	return item;
}

enum partial_answer put(struct two_files *both, const struct file *file, uint64_t index)
{
	struct partial_item item = item_of(file, index);
	struct why why = {0};

	if (partial_put_many(both->partial, &item, 1, &why) != ERR_OK)
		fail_msg("partial_put_many: %s", why.text);
	return item.answer;
}

enum err put_believed(struct two_files *both, const struct file *file, uint64_t index)
{
	return partial_put(both->partial, index, file->data + chain_chunk_offset(index), chain_chunk_len(SIZE, index), NULL, NULL);
}

void suggest(struct two_files *both, const struct chain *chain)
{
	struct why why = {0};

	if (partial_suggest(both->partial, chain, NULL, &why) != ERR_OK)
		fail_msg("partial_suggest: %s", why.text);
}

struct chain mixed_chain(const struct two_files *both, uint64_t first, uint64_t last)
{
	struct chain chain;

	assert_int_equal(chain_init(&chain, SIZE), ERR_OK);
	memcpy(chain.states, both->right.chain.states, chain.count * SHA256_LEN);
	for (uint64_t i = first; i <= last; i++)
		memcpy(chain.states[i - 1], both->wrong.chain.states[i - 1], SHA256_LEN);
	return chain;
}

void suggest_mixed(struct two_files *both, uint64_t first, uint64_t last)
{
	struct chain chain = mixed_chain(both, first, last);

	suggest(both, &chain);
	chain_release(&chain);
}

void expect_here(const struct two_files *both, const char *chunks)
{
	char here[CHUNKS + 1] = "";

	for (uint64_t i = 0; i < CHUNKS; i++)
		here[i] = partial_has(both->partial, i) ? '1' : '-';
	assert_string_equal(here, chunks);
}

void reopen(struct two_files *both)
{
	partial_close(both->partial);
	store_home_close(both->home);
	store_home_open(both->home);
	assert_int_equal(partial_open(both->home->store, &both->right.digest, SIZE, &both->partial, NULL), ERR_OK);
}

void commits(struct two_files *both)
{
	struct digest found;
	struct why why = {0};

	assert_true(partial_is_complete(both->partial));
	assert_int_equal(partial_anchored_from(both->partial), 0);
	if (partial_commit(both->partial, &found, &why) != ERR_OK)
		fail_msg("partial_commit: %s", why.text);
	both->partial = NULL;
	assert_true(digest_equal(&found, &both->right.digest));
	assert_true(store_home_holds(both->home, &found));
}
