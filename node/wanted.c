#include "node/wanted.h"

#include <stdlib.h>
#include <string.h>

void wanted_destroy(struct wanted *wanted)
{
	if (!wanted)
		return;
	free(wanted->name.hub);
	free(wanted->name.repo);
	free(wanted->name.commit);
	free(wanted->name.path);
	free(wanted);
}

void wanted_destroy_all(struct list *all)
{
	list_each_safe(at, all) {
		list_remove(at);
		wanted_destroy(container_of(at, struct wanted, link));
	}
}

struct wanted *wanted_create(const struct hub_listing *listing, const struct hub_file *file, const char *hub_host)
{
	struct name name = {.type = listing->type, .repo = listing->repo};
	struct wanted *wanted = calloc(1, sizeof *wanted);

	if (!wanted)
		return NULL;
	list_init(&wanted->link);
	wanted->visibility = listing->visibility;
	wanted->name.hub = strdup(hub_host);
	wanted->name.repo = name_repo_text(&name);
	wanted->name.commit = strdup(listing->commit);
	wanted->name.path = strdup(file->path);
	if (wanted->name.hub && wanted->name.repo && wanted->name.commit && wanted->name.path)
		return wanted;
	wanted_destroy(wanted);
	return NULL;
}

enum err wanted_keep(struct wanted *wanted, const struct digest *digest, struct store *store, struct why *why)
{
	struct index *index = store_index(store);
	int64_t now_s = clock_wall_s(store_clock(store));
	enum err err;

	wanted->name.digest = *digest;
	wanted->name.visibility = wanted->visibility;
	wanted->name.checked_at_s = now_s;
	err = index_name_put(index, &wanted->name, why);
	if (err || wanted->visibility == VISIBILITY_UNKNOWN)
		return err;
	return index_visibility_put(index, digest, wanted->name.hub, wanted->visibility, now_s, why);
}
