/* bench_verify: what verify.sh measures. Run as
 *
 *	bench_verify kernels                        names of the kernels that this processor can run, one a line; the chosen one first
 *	bench_verify speed KERNEL                   GB/s of the kernel alone, over data in the cache
 *	bench_verify chain FILE CHAIN               writes the digest and the states of FILE to CHAIN
 *	bench_verify check FILE CHAIN KERNEL THREADS  checks all chunks of FILE, as the node does; exit status 0 if all hold
 *
 * KERNEL may be "auto".
 */
#include "base/clock.h"
#include "base/pool.h"
#include "store/chain.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOB_CHUNKS 16 /* as blob_check hands them out; a multiple of all numbers of lanes */
#define SPEED_BYTES ((size_t)16 << 10)
#define SPEED_MS 300

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static struct sha256_engine engine_of(const char *kernel)
{
	struct sha256_engine engine;
	struct why why = {0};

	if (sha256_engine_init(&engine, strcmp(kernel, "auto") == 0 ? NULL : kernel, &why) != ERR_OK) {
		fprintf(stderr, "%s\n", why.text);
		exit(2);
	}
	return engine;
}

static int list_kernels(void)
{
	struct sha256_engine engine = engine_of("auto");

	printf("%s\n", engine.wide->name);
	for (const struct sha256_kernel *const *at = sha256_kernels(); *at; at++)
		if (*at != engine.wide && (*at)->is_supported())
			printf("%s\n", (*at)->name);
	return 0;
}

static int print_speed(const char *name)
{
	struct sha256_engine engine = engine_of(name);
	struct sha256_state states[SHA256_LANES_MAX], *pointers[SHA256_LANES_MAX];
	const uint8_t *data[SHA256_LANES_MAX];
	size_t stride = SPEED_BYTES + 2 * SHA256_BLOCK, bytes = 0;
	uint8_t *memory = calloc(SHA256_LANES_MAX, stride);
	int64_t start_ms = clock_now_ms(clock_system()), now_ms;

	if (!memory)
		die("memory");
	for (size_t i = 0; i < engine.wide->lanes; i++) {
		states[i] = sha256_initial();
		pointers[i] = &states[i];
		data[i] = memory + i * stride;
	}
	do {
		for (unsigned repeat = 0; repeat < 8; repeat++) {
			engine.wide->advance(pointers, data, engine.wide->lanes, SPEED_BYTES / SHA256_BLOCK);
			bytes += engine.wide->lanes * SPEED_BYTES;
		}
		now_ms = clock_now_ms(clock_system());
	} while (now_ms - start_ms < SPEED_MS);
	printf("%.2f\n", (double)bytes / 1e6 / (double)(now_ms - start_ms));
	free(memory);
	return 0;
}

static int open_file(const char *path, uint64_t *ret_size)
{
	struct stat status;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &status) < 0)
		die(path);
	*ret_size = (uint64_t)status.st_size;
	return fd;
}

static int write_chain(const char *path, const char *to)
{
	struct sha256_engine engine = engine_of("auto");
	struct sha256_state at = sha256_initial();
	uint8_t *chunk = malloc(CHAIN_CHUNK), after[SHA256_LEN];
	uint64_t size;
	int fd = open_file(path, &size);
	FILE *out = fopen(to, "w");

	if (!chunk || !out)
		die(to);
	for (uint64_t i = 0; i < chain_chunk_count(size); i++) {
		size_t len = chain_chunk_len(size, i);
		if (pread(fd, chunk, len, (off_t)chain_chunk_offset(i)) != (ssize_t)len)
			die(path);
		chain_advance(&engine, size, i, &at, chunk, len, after);
		at = sha256_read_state(after);
		if (fwrite(after, sizeof after, 1, out) != 1)
			die(to);
	}
	if (fclose(out) != 0)
		die(to);
	close(fd);
	free(chunk);
	return 0;
}

struct verify {
	struct sha256_engine engine;
	struct chain chain;
	struct digest digest;
	int fd;
};

struct verify_job {
	struct pool_job job;
	const struct verify *verify;
	uint64_t first;
	bool holds;
};

static void run_job(struct pool_job *pool_job)
{
	struct verify_job *job = container_of(pool_job, struct verify_job, job);
	const struct verify *verify = job->verify;
	uint64_t left = chain_chunk_count(verify->chain.size) - job->first;
	size_t count = left < JOB_CHUNKS ? (size_t)left : JOB_CHUNKS;
	uint8_t holds[JOB_CHUNKS];

	if (chain_check_file(&verify->engine, verify->fd, &verify->chain, &verify->digest, job->first, count, holds, NULL) != ERR_OK)
		return;
	job->holds = memchr(holds, 0, count) == NULL;
}

static void job_done(struct pool_job *job)
{
	(void)job;
}

static void read_chain(struct verify *verify, uint64_t size, const char *path)
{
	size_t states = (size_t)(chain_chunk_count(size) - 1) * SHA256_LEN;
	uint8_t *bytes = malloc(states + SHA256_LEN);
	FILE *in = fopen(path, "r");

	if (!bytes || !in || fread(bytes, 1, states + SHA256_LEN, in) != states + SHA256_LEN)
		die(path);
	if (chain_init_bytes(&verify->chain, size, bytes, states) != ERR_OK)
		die(path);
	verify->digest = digest_of_sha256(bytes + states);
	fclose(in);
	free(bytes);
}

static int check(const char *path, const char *chain, const char *kernel, unsigned threads)
{
	struct verify verify = {.engine = engine_of(kernel)};
	struct pool *pool;
	struct verify_job *jobs;
	uint64_t size, count;
	bool holds = true;

	verify.fd = open_file(path, &size);
	read_chain(&verify, size, chain);
	count = (chain_chunk_count(size) - 1) / JOB_CHUNKS + 1;
	jobs = calloc((size_t)count, sizeof *jobs);
	if (!jobs || pool_create(threads, &pool) != ERR_OK)
		die("threads");
	for (uint64_t i = 0; i < count; i++) {
		jobs[i] = (struct verify_job){.job = {.run = run_job, .done = job_done}, .verify = &verify, .first = i * JOB_CHUNKS};
		pool_submit(pool, &jobs[i].job);
	}
	pool_destroy(pool);
	for (uint64_t i = 0; i < count; i++)
		holds &= jobs[i].holds;
	chain_release(&verify.chain);
	close(verify.fd);
	free(jobs);
	return holds ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "kernels") == 0)
		return list_kernels();
	if (argc == 3 && strcmp(argv[1], "speed") == 0)
		return print_speed(argv[2]);
	if (argc == 4 && strcmp(argv[1], "chain") == 0)
		return write_chain(argv[2], argv[3]);
	if (argc == 6 && strcmp(argv[1], "check") == 0)
		return check(argv[2], argv[3], argv[4], (unsigned)strtoul(argv[5], NULL, 10));
	fprintf(stderr, "usage: bench_verify kernels | speed KERNEL | chain FILE CHAIN | check FILE CHAIN KERNEL THREADS\n");
	return 2;
}
