/* gateway_recall: the listing of a repo for one request, as the hub tells it to this client, or as it is remembered; and what can be said of the repo by it alone. On the loop.
 *
 * Asked beside a client's question for a repo's info, it makes the questions for each of its files that follow ones that cost the hub nothing. While the hub is away it answers in its place.
 */
#ifndef LARDER_NODE_GATEWAY_RECALL_H
#define LARDER_NODE_GATEWAY_RECALL_H

#include "node/gateway_hubs.h"
#include "node/gateway_request.h"

#include <jansson.h>

struct gateway_recall {
	/* Set by the owner. Never from within gateway_recall_start(). `listing` is borrowed; NULL: it is not to be had. */
	void (*on_done)(struct gateway_recall *recall, const struct hub_listing *listing);
	/* Its own. */
	struct gateway_hub *hub;
	struct name name;
	struct hub_look look;
};

/* Of the repo that the request names, at `revision` (borrowed until the end; "": main). */
enum err gateway_recall_start(struct gateway_recall *recall, struct gateway_request *request, const char *revision) LARDER_MUST_USE;
/* The hub has said just now that the branch or tag which the request names is the commit of this listing: remember that. */
void gateway_recall_note(const struct gateway_recall *recall, const struct gateway_request *request, const struct hub_listing *listing);
/* No callback will come. Harmless when zero. */
void gateway_recall_release(struct gateway_recall *recall);

/* As the hub's info has it: its names, commit and files. NULL: out of memory. */
json_t *gateway_recall_info(const struct hub_listing *listing);
/* As its tree: what is in the folder ("": all), and with is_recursive what is in those inside it. An empty array: there is no such folder. NULL: out of memory. */
json_t *gateway_recall_tree(const struct hub_listing *listing, const char *folder, bool is_recursive);
/* Entries as in the tree for those of `paths` (strings; gateway_paths.h) that are there; folders too. */
json_t *gateway_recall_paths(const struct hub_listing *listing, const json_t *paths);

#endif
