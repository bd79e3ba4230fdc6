/* The first byte chooses what the rest is: a page, repo information, or a remembered listing. What is accepted keeps the promises of hub_listing.h, and is the same after
 * being written and read. */
#include "fuzz/fuzz.h"
#include "node/hub_listing.h"
#include "store/tree.h"

#include <string.h>

static void check_files(const struct hub_listing *listing)
{
	for (size_t i = 0; i < listing->count; i++) {
		const struct hub_file *file = &listing->files[i];
		must(tree_path_is_safe(file->path));
		must(file->size <= INT64_MAX);
		must(file->digest.algorithm == DIGEST_SHA256 || file->digest.algorithm == DIGEST_GIT_SHA1);
		must(i == 0 || strcmp(file[-1].path, file->path) < 0);
		must(hub_listing_find(listing, file->path) == file);
	}
}

static void check_round_trip(const struct hub_listing *listing)
{
	struct buf out = {.limit = (size_t)16 << 20};
	struct hub_listing again;

	must(hub_listing_write(listing, &out) == ERR_OK);
	must(hub_listing_read(buf_str(&out), out.len, &again, NULL) == ERR_OK);
	must(strcmp(again.repo, listing->repo) == 0 && strcmp(again.commit, listing->commit) == 0);
	must(again.visibility == listing->visibility && again.count == listing->count);
	for (size_t i = 0; i < again.count; i++) {
		must(strcmp(again.files[i].path, listing->files[i].path) == 0 && again.files[i].size == listing->files[i].size);
		must(digest_equal(&again.files[i].digest, &listing->files[i].digest));
	}
	buf_release(&out);
	hub_listing_release(&again);
}

static void fuzz_page(const char *json, size_t len)
{
	struct hub_listing listing = {.repo = strdup("org/name"), .commit = "0123456789012345678901234567890123456789"};
	struct why why = {0};
	struct hub_left_out left_out = {0};

	must(listing.repo);
	if (hub_listing_add_page(&listing, json, len, &left_out, &why) == ERR_OK && hub_listing_sort(&listing, &why) == ERR_OK) {
		check_files(&listing);
		check_round_trip(&listing);
	} else {
		must(why.text[0]);
	}
	hub_listing_release(&listing);
}

static void fuzz_info(const char *json, size_t len)
{
	struct hub_info info;

	if (hub_info_parse(json, len, &info, NULL) != ERR_OK)
		return;
	must(name_is_commit(info.commit));
	must(!info.repo[0] || hub_repo_is_valid(info.repo));
}

static void fuzz_remembered(const char *json, size_t len)
{
	struct hub_listing listing;

	if (hub_listing_read(json, len, &listing, NULL) != ERR_OK)
		return;
	check_files(&listing);
	check_round_trip(&listing);
	hub_listing_release(&listing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *json = (const char *)data + 1;

	if (size == 0)
		return 0;
	if (data[0] == 'i')
		fuzz_info(json, size - 1);
	else if (data[0] == 'r')
		fuzz_remembered(json, size - 1);
	else
		fuzz_page(json, size - 1);
	return 0;
}
