/* two_files: a blob that is fetched and another file of its size, with their chains, and a partial blob of the first one. Asserts by cmocka. */
#ifndef LARDER_TESTS_TWO_FILES_H
#define LARDER_TESTS_TWO_FILES_H

#include "support/store_home.h"

#define CHUNK CHAIN_CHUNK
#define SIZE (6 * CHUNK + 100)
#define CHUNKS 7

struct file {
	uint8_t *data;
	struct chain chain;
	struct digest digest;
};

struct two_files {
	struct store_home *home;
	struct file right, wrong;
	struct partial *partial; /* of the right one; NULL once it was committed */
};

/* For cmocka_unit_test_setup_teardown: *state becomes a struct two_files. */
int two_files_setup(void **state);
int two_files_teardown(void **state);

/* A chunk of a file as a peer would bring it that has this file's chain. */
struct partial_item item_of(const struct file *file, uint64_t index);
/* The right chain, but for S(first) .. S(last), which are of the other file. To be released. */
struct chain mixed_chain(const struct two_files *both, uint64_t first, uint64_t last);

/* By partial_put_many(), which must not fail; by partial_put(). */
enum partial_answer put(struct two_files *both, const struct file *file, uint64_t index);
enum err put_believed(struct two_files *both, const struct file *file, uint64_t index);
void suggest(struct two_files *both, const struct chain *chain);
void suggest_mixed(struct two_files *both, uint64_t first, uint64_t last);

/* "1--1--1": which chunks are here. */
void expect_here(const struct two_files *both, const char *chunks);
/* Close it and the store, as a process does that ends, and begin anew. */
void reopen(struct two_files *both);
/* It is complete, and what it should be. */
void commits(struct two_files *both);

#endif
