/* store_home: a store in a directory of its own for a test, and blobs of known content to put into it. Asserts by cmocka. */
#ifndef LARDER_TESTS_STORE_HOME_H
#define LARDER_TESTS_STORE_HOME_H

#include "store/blob.h"
#include "store/index.h"
#include "store/partial.h"
#include "store/store.h"

struct store_home {
	char dir[64]; /* temporary; the home is DIR/home */
	char home[80];
	struct sha256_engine engine;
	struct log log; /* silent, unless LARDER_TEST_LOG is set */
	struct store_options options; /* no quota, nothing to be left free; change before store_home_open() */
	struct store *store;
};

/* For cmocka_unit_test_setup_teardown: *state becomes a struct store_home with its store open. */
int store_home_setup(void **state);
int store_home_teardown(void **state);

void store_home_open(struct store_home *home);
void store_home_close(struct store_home *home);

/* `size` bytes that follow from `seed`. To be freed. */
uint8_t *content_make(uint64_t seed, size_t size);
struct digest content_digest(const struct store_home *home, uint64_t seed, size_t size);

/* Put content in order, from the first missing chunk to before `end`. */
void partial_fill(struct partial *partial, uint64_t seed, uint64_t end);
/* Bring it into the store, proven. */
struct digest store_home_put(struct store_home *home, uint64_t seed, size_t size);
/* Change one byte of a file below HOME, whatever its mode. `quietly`: as a disk does it, with nothing to be seen but the byte; the record of a
 * blob is made to say so, since times of change cannot be set back. */
void store_home_damage(struct store_home *home, const char *path, uint64_t offset, bool quietly);
/* "HOME/blobs/..." or "HOME/partial/...data" of a digest. */
void store_home_blob_path(struct store_home *home, const struct digest *digest, char ret[256]);
void store_home_data_path(struct store_home *home, const struct digest *digest, char ret[256]);
bool store_home_holds(struct store_home *home, const struct digest *digest);
/* How many files there are below HOME/`path`. */
unsigned store_home_count(struct store_home *home, const char *path);

#endif
