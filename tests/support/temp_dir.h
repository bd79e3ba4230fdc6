/* temp_dir: a directory of its own for a test, gone afterwards. Asserts by cmocka. */
#ifndef LARDER_TESTS_TEMP_DIR_H
#define LARDER_TESTS_TEMP_DIR_H

#include <stddef.h>

struct temp_dir {
	char path[64];
};

void temp_dir_make(struct temp_dir *dir);
void temp_dir_remove(struct temp_dir *dir);

void temp_dir_write(const struct temp_dir *dir, const char *name, const char *text);
/* The file's text, cut to fit; fails when there is none. */
void temp_dir_read(const struct temp_dir *dir, const char *name, char *ret, size_t room);
/* Its permission bits. */
unsigned temp_dir_mode(const struct temp_dir *dir, const char *name);

#endif
