/* hub_confirm: asks the hub, as nobody, whether everybody may see a repo. On the loop; never blocks. */
#ifndef LARDER_NODE_HUB_CONFIRM_H
#define LARDER_NODE_HUB_CONFIRM_H

#include "node/hub_ask.h"

/* Embedded by the caller: set on_done, leave the rest zero. */
struct hub_confirm {
	/* The end, once, never from within hub_confirm_start(). ERR_OK: this is what it is to those without a token; UNKNOWN where the hub refuses them. ERR_HUB_AWAY and others: it did not say. */
	void (*on_done)(struct hub_confirm *confirm, enum err err, enum visibility visibility);
	struct hub_subject subject; /* its own, as are the next ones */
	struct hub_ask ask;
	char *repo;
	bool running;
};

/* `repo` is "ORG/NAME", "datasets/ORG/NAME", "spaces/ORG/NAME". ERR_INVALID: it is none. ERR_NO_MEMORY. */
enum err hub_confirm_start(struct hub *hub, const char *repo, struct hub_confirm *confirm) LARDER_MUST_USE;
/* No callback will come. Harmless when not running. */
void hub_confirm_cancel(struct hub_confirm *confirm);

#endif
