/* bench_holdings [PEERS [TAGS]]: what the holdings of PEERS peers cost that hold TAGS tags together: bytes a tag, and the time to ask all of them for one. */
#include "node/holdings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define QUESTIONS 1000

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static struct tag random_tag(uint64_t *random)
{
	struct tag tag;

	for (size_t i = 0; i < TAG_LEN; i += 8) {
		*random ^= *random << 13;
		*random ^= *random >> 7;
		*random ^= *random << 17;
		memcpy(tag.bytes + i, random, 8);
	}
	return tag;
}

static int compare(const void *a, const void *b) { return tag_compare(a, b); }

static void fill(struct holdings *holdings, size_t count, uint64_t *random)
{
	struct tag *tags = calloc(count, sizeof *tags);
	enum err err = tags ? ERR_OK : ERR_NO_MEMORY;
	struct wire_have have = {.generation = 2};
	struct tag one = random_tag(random);

	for (size_t i = 0; !err && i < count; i++)
		tags[i] = random_tag(random);
	if (!err)
		qsort(tags, count, sizeof *tags, compare);
	for (size_t at = 0, n; !err && at < count; at += n) {
		n = count - at < WIRE_TAGS_MAX ? count - at : WIRE_TAGS_MAX;
		err = holdings_part(holdings, &(struct wire_holdings){1, (uint32_t)(at / WIRE_TAGS_MAX), at + n == count, {tags + at, n}});
	}
	have.added = (struct wire_tags){&one, 1};
	if (!err)
		err = holdings_have(holdings, &have);
	if (err) {
		fprintf(stderr, "%s\n", err_name(err));
		exit(2);
	}
	free(tags);
}

int main(int argc, char **argv)
{
	size_t peers = argc > 1 ? strtoul(argv[1], NULL, 10) : 200, tags = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000, found = 0;
	struct holdings_budget budget = {.limit_bytes = HOLDINGS_BUDGET_BYTES};
	struct holdings *all = peers ? calloc(peers, sizeof *all) : NULL;
	uint64_t random = 88172645463325252;
	double started;

	if (!all)
		return 2;
	for (size_t i = 0; i < peers; i++) {
		holdings_init(&all[i], &budget);
		fill(&all[i], tags / peers, &random);
	}
	started = now_us();
	for (size_t n = 0; n < QUESTIONS; n++) {
		struct tag tag = random_tag(&random);
		for (size_t i = 0; i < peers; i++)
			found += holdings_has(&all[i], &tag);
	}
	printf("%zu peers, %zu tags: %.1f bytes a tag, %.1f us for one tag at all peers (%zu found)\n", peers, tags,
	       (double)(budget.used_bytes + peers * sizeof *all) / (double)tags, (now_us() - started) / QUESTIONS, found);
	for (size_t i = 0; i < peers; i++)
		holdings_release(&all[i]);
	free(all);
	return 0;
}
