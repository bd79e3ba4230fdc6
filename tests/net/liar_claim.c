#include "net/liar_claim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define OTHER 0x55 /* each byte of the other file is one of the genuine file with these bits changed */

static void change(struct claim *claim, uint64_t chunk, size_t len)
{
	uint8_t *bytes = claim->bytes + chain_chunk_offset(chunk);

	for (size_t i = 0; i < len; i++)
		bytes[i] ^= OTHER;
}

/* The states behind the first `count` chunks as their bytes are now. */
static void follow(struct claim *claim, const struct sha256_engine *engine, uint64_t count)
{
	struct sha256_state state = sha256_initial();

	for (uint64_t i = 0; i < count && i < claim->chain.count; i++) {
		chain_advance(engine, claim->chain.size, i, &state, claim->bytes + chain_chunk_offset(i), CHAIN_CHUNK, claim->chain.states[i]);
		state = sha256_read_state(claim->chain.states[i]);
	}
}

static void lie(struct claim *claim, const struct sha256_engine *engine, enum claim_kind kind, uint64_t which)
{
	uint64_t chunks = claim->chain.count + 1;

	for (uint64_t i = 0; i < chunks; i++) {
		size_t len = chain_chunk_len(claim->chain.size, i);
		if (kind == CLAIM_OTHER || (kind == CLAIM_HEAD && i < which))
			change(claim, i, len);
		if (kind == CLAIM_WRONG_CHUNK && (which == LIAR_ALL_CHUNKS || which == i))
			change(claim, i, 1);
	}
	if (kind == CLAIM_OTHER || kind == CLAIM_HEAD)
		follow(claim, engine, kind == CLAIM_HEAD ? which : chunks);
	if (kind == CLAIM_SIZE)
		claim->size++;
}

static enum err read_file(int fd, const struct sha256_engine *engine, struct claim *claim)
{
	uint8_t sha256[SHA256_LEN];
	struct stat found;
	enum err err;

	if (fstat(fd, &found) != 0)
		return ERR_IO;
	claim->size = claim->mapped = (size_t)found.st_size;
	err = chain_from_file(engine, fd, claim->size, &claim->chain, sha256);
	if (err)
		return err;
	claim->digest = digest_of_sha256(sha256);
	claim->bytes = mmap(NULL, claim->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	return claim->bytes == MAP_FAILED ? ERR_IO : ERR_OK;
}

enum err claim_open(const char *path, enum claim_kind kind, uint64_t which, struct claim *ret_claim, struct why *why)
{
	struct claim claim = {.bytes = MAP_FAILED};
	struct sha256_engine engine;
	enum err err = sha256_engine_init(&engine, NULL, why);
	int fd;

	if (err)
		return err;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return why_errno(why, errno, "cannot open %s", path);
	err = read_file(fd, &engine, &claim);
	close(fd);
	if (err) {
		claim_close(&claim);
		return why_set(why, err, "cannot read %s", path);
	}
	lie(&claim, &engine, kind, which);
	*ret_claim = claim;
	return ERR_OK;
}

void claim_close(struct claim *claim)
{
	if (claim->bytes && claim->bytes != MAP_FAILED)
		munmap(claim->bytes, claim->mapped);
	claim->bytes = NULL;
	chain_release(&claim->chain);
}
