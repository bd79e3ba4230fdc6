/* bench_serve [MIB [SESSIONS [THREADS]]]: how fast a blob of MIB is read, checked and given to SESSIONS peers that ask for all of it from its end, by
 * THREADS workers, where the way out costs nothing. Makes a store under TMPDIR (or /tmp), and removes it.
 */
#include "node/serve.h"
#include "store/partial.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASKED 16 /* chunks that a peer has asked for at a time */
#define PEERS_MAX 64

struct peer_view_of_it {
	uint64_t next; /* chunks not asked for yet, from the end */
	uint64_t left;
};

struct bench {
	struct serve_sink sink;
	struct serve *serve;
	struct digest digest;
	uint64_t size;
	struct peer_view_of_it peers[PEERS_MAX + 1];
	uint64_t left;
	bool has_failed;
};

static void check(enum err err, const struct why *why)
{
	if (!err)
		return;
	fprintf(stderr, "%s: %s\n", err_name(err), why ? why->text : "");
	exit(2);
}

/* Pieces are counted, and let go at once. What is asked for next is asked from the loop. */
static enum err on_send(struct serve_sink *sink, uint64_t session, const uint8_t *control, size_t len, const struct transport_bulk *bulk,
			struct serve_way *way)
{
	struct bench *bench = container_of(sink, struct bench, sink);
	struct wire_message message;

	(void)way;
	check(wire_decode(control, len, bulk ? bulk->data : NULL, bulk ? bulk->len : 0, &message, NULL), NULL);
	bench->has_failed = bench->has_failed || message.type != WIRE_PIECE;
	if (message.type == WIRE_PIECE && message.piece.offset + message.bulk.len == message.piece.length) {
		bench->peers[session].left--;
		bench->left--;
	}
	if (bulk)
		bulk->release((void *)(uintptr_t)bulk->data, bulk->hint);
	return ERR_OK;
}

static const char *on_name(struct serve_sink *sink, uint64_t session)
{
	(void)sink, (void)session;
	return "peer";
}

static void ask(struct bench *bench, uint64_t session)
{
	struct peer_view_of_it *peer = &bench->peers[session];

	while (peer->next > 0 && peer->left - peer->next < ASKED) {
		struct wire_message message = {.type = WIRE_CHUNK, .request = peer->next, .chunk = {bench->digest, bench->size, peer->next - 1}};
		peer->next--;
		serve_message(bench->serve, session, &message);
	}
}

static struct digest make_blob(struct store *store, const struct sha256_engine *engine, uint64_t size)
{
	uint8_t *data = malloc(size), sum[SHA256_LEN];
	uint64_t random = 88172645463325252;
	struct partial *partial = NULL;
	struct digest digest, made;
	struct why why = {0};

	if (!data)
		check(ERR_NO_MEMORY, NULL);
	for (size_t i = 0; i + 8 <= size; i += 8) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		memcpy(data + i, &random, 8);
	}
	sha256_digest(engine, data, size, sum);
	digest = digest_of_sha256(sum);
	check(partial_open(store, &digest, size, &partial, &why), &why);
	for (uint64_t i = 0; i < chain_chunk_count(size); i++)
		check(partial_put(partial, i, data + chain_chunk_offset(i), chain_chunk_len(size, i), NULL, &why), &why);
	check(partial_commit(partial, &made, &why), &why);
	check(index_visibility_put(store_index(store), &digest, INDEX_OWN_WORD, VISIBILITY_PUBLIC, 0, &why), &why);
	free(data);
	return digest;
}

static void measure(struct bench *bench, struct loop *loop, uint64_t sessions, unsigned threads)
{
	int64_t started_ms, took_ms;

	for (uint64_t session = 1; session <= sessions; session++)
		bench->peers[session].next = bench->peers[session].left = chain_chunk_count(bench->size);
	bench->left = sessions * chain_chunk_count(bench->size);
	started_ms = clock_now_ms(clock_system());
	while (bench->left > 0 && !bench->has_failed) {
		for (uint64_t session = 1; session <= sessions; session++)
			ask(bench, session);
		loop_turn(loop, 100);
	}
	took_ms = clock_now_ms(clock_system()) - started_ms;
	printf("%" PRIu64 " MiB to %" PRIu64 " peers by %u threads: %.0f MB/s%s\n", bench->size >> 20, sessions, threads,
	       (double)(bench->size * sessions) / 1e3 / (double)(took_ms > 0 ? took_ms : 1), bench->has_failed ? ", FAILED" : "");
}

int main(int argc, char **argv)
{
	struct bench *bench = calloc(1, sizeof *bench);
	uint64_t size = (argc > 1 ? strtoull(argv[1], NULL, 10) : 512) << 20, sessions = argc > 2 ? strtoull(argv[2], NULL, 10) : 4;
	unsigned threads = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 2;
	const char *tmp = getenv("TMPDIR");
	struct log log = {.out = NULL};
	struct sha256_engine engine;
	struct store_options store_options = {.engine = &engine, .clock = clock_system(), .log = &log};
	struct share_options share_options = {.log = &log, .serve = true};
	struct serve_options serve_options = {.log = &log};
	struct store *store = NULL;
	struct share *share = NULL;
	struct group group;
	struct loop *loop;
	struct pool *pool;
	struct why why = {0};
	char dir[200], command[300];

	snprintf(dir, sizeof dir, "%s/larder-bench-XXXXXX", tmp ? tmp : "/tmp");
	if (!bench || size == 0 || sessions == 0 || sessions > PEERS_MAX || threads == 0 || !mkdtemp(dir))
		return 2;
	store_options.home = dir;
	check(sha256_engine_init(&engine, NULL, &why), &why);
	check(store_open(&store_options, &store, &why), &why);
	check(loop_create(clock_system(), &loop), NULL);
	check(pool_create(threads, &pool), NULL);
	loop_attach_pool(loop, pool);
	group_init_open(&group);
	bench->size = size;
	bench->digest = make_blob(store, &engine, size);
	bench->sink = (struct serve_sink){on_send, on_name};
	share_options.loop = serve_options.loop = loop;
	share_options.pool = serve_options.pool = pool;
	share_options.store = serve_options.store = store;
	share_options.group = &group;
	check(share_create(&share_options, &share, &why), &why);
	serve_options.share = share;
	serve_options.sink = &bench->sink;
	check(serve_create(&serve_options, &bench->serve), NULL);
	measure(bench, loop, sessions, threads);
	measure(bench, loop, sessions, threads);
	serve_destroy(bench->serve);
	share_destroy(share);
	loop_destroy(loop);
	pool_destroy(pool);
	store_close(store);
	free(bench);
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	return system(command) == 0 ? 0 : 2;
}
