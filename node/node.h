/* node: one larder node: its store, its fetches, its peers, put together.
 *
 * `larderd` is one that stays; a `larder get` without a daemon runs one for the while. On the loop's thread; two may live in one process, each with a loop and a home of
 * its own. A node that runs holds HOME/control (control.h): so there is at most one on a home, and whoever comes later asks it.
 */
#ifndef LARDER_NODE_NODE_H
#define LARDER_NODE_NODE_H

#include "node/activation.h"
#include "node/config.h"
#include "node/fetch.h"

struct node;
struct peers;
struct share;
struct group;

/* How long a node that has just started waits for its neighbours to be seen before it goes to the hub for content. Discovery shows those that are there within half of it. */
#define NODE_SETTLE_MS 700
/* How long after its start it goes on looking for somebody who has what the hub cannot, or may not, give. */
#define NODE_HOPE_MS 4000

struct node_options {
	const struct config *config; /* all borrowed, outlive the node */
	struct loop *loop;
	struct pool *pool;           /* attached to the loop */
	struct store *store;
	struct http *http;           /* for the gateway; NULL: it has none */
	struct hub *hub;
	const struct activation *activation; /* sockets for the gateway, in the place of configured addresses; NULL, or none in it: it opens its own */
	struct log *log;
	bool is_passing;             /* lives for one command only: takes any free port, has no gateway, and offers itself as control only while it lives */
};

/* ERR_BUSY: another node runs on this home (the sentence has its process id). ERR_EXISTS: the port that was asked for is taken. ERR_USAGE: a setting makes no sense. */
enum err node_create(const struct node_options *options, struct node **ret_node, struct why *why) LARDER_MUST_USE;
/* Says goodbye to the peers, cancels fetches, waits for workers. NULL is fine. */
void node_destroy(struct node *node);

/* The group of the home is another now, or settings are that say who is talked to: leave the old one and enter it. After a failure the node has no peers. */
enum err node_regroup(struct node *node, struct why *why) LARDER_MUST_USE;

/* All borrowed; those of the group (peers, share, group) until node_regroup(). The peers are NULL after a failure of it. */
struct fetcher *node_fetcher(struct node *node);
struct peers *node_peers(struct node *node);
struct share *node_share(struct node *node);
const struct group *node_group(const struct node *node);
const struct node_options *node_options_of(const struct node *node);
/* Bytes that programs got at the gateway from what was held. */
uint64_t node_store_bytes(const struct node *node);
/* Where the gateway answers, "http://127.0.0.1:5274"; NULL: nowhere. Borrowed. */
const char *node_gateway_url(const struct node *node);
/* False when the home was removed, or replaced, under the node: what it holds is no more. Asks the file system. */
bool node_has_home(const struct node *node);
/* 16 hexadecimal digits. */
const char *node_id(const struct node *node);
/* "built in", "avahi-daemon", "none" (neither works now), "starting" (just after node_create()), "off". */
const char *node_discovery_name(const struct node *node);
uint16_t node_port(const struct node *node);
int64_t node_started_ms(const struct node *node);

#endif
