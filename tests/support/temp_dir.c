#include "support/temp_dir.h"

#include "support/cmocka.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

void temp_dir_make(struct temp_dir *dir)
{
	snprintf(dir->path, sizeof dir->path, "/tmp/larder-test-XXXXXX");
	assert_non_null(mkdtemp(dir->path));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

void temp_dir_remove(struct temp_dir *dir)
{
	nftw(dir->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static FILE *open_in(const struct temp_dir *dir, const char *name, const char *mode)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", dir->path, name);
	file = fopen(path, mode);
	if (!file)
		fail_msg("cannot open %s", path);
	return file;
}

void temp_dir_write(const struct temp_dir *dir, const char *name, const char *text)
{
	FILE *file = open_in(dir, name, "w");

	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

void temp_dir_read(const struct temp_dir *dir, const char *name, char *ret, size_t room)
{
	FILE *file = open_in(dir, name, "r");

	ret[fread(ret, 1, room - 1, file)] = 0;
	fclose(file);
}

unsigned temp_dir_mode(const struct temp_dir *dir, const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", dir->path, name);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}
