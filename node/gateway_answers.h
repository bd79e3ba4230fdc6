/* gateway_answers: all kinds of answers (gateway_request.h); which one is for which route stands in gateway_request.c. */
#ifndef LARDER_NODE_GATEWAY_ANSWERS_H
#define LARDER_NODE_GATEWAY_ANSWERS_H

#include "node/gateway_request.h"

extern const struct gateway_answer gateway_digest, gateway_file, gateway_lfs, gateway_nothing, gateway_pages, gateway_pass, gateway_unknown;

#endif
