/* wire_form: the types of messages, and the fields of each; part of wire. Pure; any thread. */
#ifndef LARDER_NODE_WIRE_FORM_H
#define LARDER_NODE_WIRE_FORM_H

#include "node/wire_map.h"

struct wire_form {
	const char *name;
	bool has_request;
	bool may_have_bulk;
	/* The fields behind type and request, read or written, and what must hold between them. The message's bulk frame is there already. */
	void (*fields)(struct wire_map *map, struct wire_message *m);
};

/* NULL: not known here. */
const struct wire_form *wire_form_of(uint64_t type);

/* One entry of NAMES, read or written. */
void wire_form_entry(struct wire_stream *stream, struct wire_entry *entry);

#endif
