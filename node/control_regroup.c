/* {"ask": "regroup"}: the group of the home is another now. */
#include "node/control_answer.h"

static void start(struct control_asker *asker, json_t *question)
{
	struct why why = {0};
	enum err err = node_regroup(asker->node, &why);

	(void)question;
	control_asker_end(asker, err, &why, NULL);
}

const struct control_answer control_regroup = {"regroup", start, NULL};
