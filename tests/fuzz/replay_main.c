/* Runs a fuzzer once over each file of a directory, where libFuzzer is not there. Fails when the directory is empty. */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define INPUT_MAX_BYTES ((size_t)1 << 20)

static int replay(const char *dir, const char *name)
{
	uint8_t *data, *exact;
	char path[4096];
	size_t len;
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	file = fopen(path, "rb");
	data = malloc(INPUT_MAX_BYTES);
	if (!file || !data) {
		perror(path);
		return 1;
	}
	len = fread(data, 1, INPUT_MAX_BYTES, file);
	fclose(file);
	/* In memory of just its size, so that a sanitizer sees what reads past it. */
	exact = malloc(len ? len : 1);
	if (!exact)
		return 1;
	memcpy(exact, data, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent *entry;
	unsigned count = 0;
	int failed = 0;
	DIR *dir;

	dir = argc == 2 ? opendir(argv[1]) : NULL;
	if (!dir) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		failed |= replay(argv[1], entry->d_name);
		count++;
	}
	closedir(dir);
	printf("%u inputs\n", count);
	return failed || count == 0;
}
